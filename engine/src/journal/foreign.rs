//! A journal as it is read from outside: by a reader, or by a writer of another journal.
//!
//! Nothing is believed above the journal's mark in the boot that it is of: it may stand in the page cache only.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::mark::MarkSlot;
use crate::fs::{Fs, SharedPage};
use crate::id::{SegmentId, Sequence};
use crate::journal::changes::Changes;
use crate::journal::follow::{Came, End};
use crate::journal::index::Index;
use crate::journal::parts::Part;
use crate::journal::place::Places;
use crate::journal::{build, mark, scan};
use crate::number::wide;
use crate::recover::log::{Base, Log, Mark, Scan};
use crate::recover::resolve::resolve;
use crate::sealed::Sealed;
use crate::seeded::{Bug, bug};

/// How often a look that met files vanishing under it begins again.
const ATTEMPTS: u32 = 5;

/// What was found beside the records themselves, in all journals of a store together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Journals read.
    pub journals: u64,
    /// Segments read.
    pub segments: u64,
    /// Bytes of all segments.
    pub segment_bytes: u64,
    /// Groups in the logs, witnesses included.
    pub groups: u64,
    /// The last record's sequence; the sum over the journals.
    pub last: Sequence,
    /// Records up to here are known to be durable; the sum over the journals.
    pub witness: Sequence,
    /// Where torn tails were dropped: segment (`<journal>/<file name>`) and offset.
    pub torn: Vec<(String, u64)>,
    /// Segments that are not part of a log: copies that a crash interrupted. As `<journal>/<file name>`.
    pub left_out: Vec<String>,
    /// Sealed segments.
    pub sealed_segments: u64,
    /// Bytes of all sealed segments and dictionaries.
    pub sealed_bytes: u64,
}

impl Facts {
    /// Whether there is no segment, hot or sealed.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments == 0 && self.sealed_segments == 0
    }

    /// Adds another journal's.
    pub(crate) fn add(&mut self, other: &Facts) {
        let Facts { journals, segments, segment_bytes, groups, last, witness, torn, left_out, .. } = other;
        self.journals = self.journals.saturating_add(*journals);
        self.segments = self.segments.saturating_add(*segments);
        self.segment_bytes = self.segment_bytes.saturating_add(*segment_bytes);
        self.groups = self.groups.saturating_add(*groups);
        self.last = self.last.plus(last.0);
        self.witness = self.witness.plus(witness.0);
        self.torn.extend_from_slice(torn);
        self.left_out.extend_from_slice(left_out);
    }
}

/// A journal of which somebody else is, or may become, the writer.
pub(crate) struct Foreign {
    pub places: Places,
    pub index: Index,
    pub facts: Facts,
    /// What the mark said before the segments were read.
    pub seen: Option<MarkSlot>,
    page: Option<Arc<dyn SharedPage>>,
    /// Where to read on; `None` if it must be read anew.
    end: Option<End>,
}

impl Foreign {
    /// Reads a journal from its base on. With `lenient`, intact frames of damaged groups stand in for lost records.
    ///
    /// Another manifest may come into force meanwhile, and take away what was to be read: the caller asks
    /// [`Sealed::is_current`] behind it.
    pub fn load(
        fs: &dyn Fs,
        places: Places,
        store: Option<[u8; 16]>,
        base: Option<Base>,
        lenient: bool,
    ) -> Result<Foreign> {
        for _ in 1..ATTEMPTS {
            match Foreign::load_once(fs, &places, store, base, lenient) {
                // A writer removes spares and leftovers: look again at what is there now.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                other => return other,
            }
        }
        Foreign::load_once(fs, &places, store, base, lenient)
    }

    fn load_once(
        fs: &dyn Fs,
        places: &Places,
        store: Option<[u8; 16]>,
        base: Option<Base>,
        lenient: bool,
    ) -> Result<Foreign> {
        // The mark first: whatever it promises was in the files before it was written.
        let page = match store.map_or(Ok(None), |_| mark::map(fs, places)) {
            Err(_) if lenient => None,
            other => other?,
        };
        let seen = store.zip(page.as_deref()).and_then(|(store, page)| mark::newest_of(page, &store));
        let boot = mark::boot_word(fs)?;
        // Of a closed journal too: a failed write may have left groups behind that nobody synced.
        let limit = seen.filter(|slot| slot.boot == boot && !bug(Bug::ReaderIgnoresMark)).map(|slot| slot.durable);
        let scans = scan::scan(fs, places, store, base)?;
        let log = resolve(&scans, seen.as_ref().map(mark_of), limit);
        let index = build::index(&scans, &log, places, lenient);
        let facts = facts(places, &scans, &log);
        let end = End::of(&scans, &log);
        Ok(Foreign { places: places.clone(), index, facts, seen, page, end })
    }

    /// Whether the journal's mark says something else than when it was read. Costs a few loads from a mapped page.
    pub fn has_changed(&self, store: &[u8; 16]) -> bool {
        self.page.as_deref().is_none_or(|page| mark::newest_of(page, store) != self.seen)
    }

    /// Whether its last writer closed it, and no other has opened it since.
    pub fn is_closed(&self, store: &[u8; 16]) -> bool {
        self.page.as_deref().and_then(|page| mark::newest_of(page, store)).is_some_and(|slot| slot.closed)
    }

    /// What its mark says now and where it was left: what [`Ahead::look`] needs, so that nobody waits for it to read.
    pub fn ahead(&self, store: &[u8; 16]) -> Ahead {
        let now = self.page.as_deref().and_then(|page| mark::newest_of(page, store));
        Ahead { places: self.places.clone(), now, end: self.end.filter(|_| now.is_some()) }
    }

    /// Takes in what came since; `false` if that does not fit what is known.
    pub fn extend(&mut self, more: More) -> bool {
        for came in &more.came {
            if self.index.segments.last().is_none_or(|last| last.id != came.segment) {
                self.index.segments.push(self.places.segment_place(came.segment));
            }
            if !build::extend(&mut self.index, &came.group) {
                return false;
            }
            self.facts.groups = self.facts.groups.saturating_add(1);
            self.facts.last = came.group.header.next_sequence().before();
        }
        self.facts.witness = self.facts.last;
        self.seen = Some(more.now);
        self.end = Some(more.end);
        true
    }

    /// For reading it together with others: all of it is durable.
    pub fn part(&self) -> Part<'_> {
        Part { journal: self.places.number, index: &self.index, durable: Sequence(u64::MAX) }
    }

    /// Forgets what was sealed. If that is more than was known of the journal, it is read anew next time.
    pub fn forget(&mut self, base: &Base) {
        self.index.forget(base.upto);
        if base.upto > self.facts.last {
            self.end = None;
            self.seen = None;
        }
    }
}

/// A journal whose mark has moved: where to read on.
pub(crate) struct Ahead {
    places: Places,
    now: Option<MarkSlot>,
    end: Option<End>,
}

/// What a journal's writer added.
pub(crate) struct More {
    now: MarkSlot,
    came: Vec<Came>,
    end: End,
}

/// What a look at a journal brought.
pub(crate) enum News {
    More(More),
    Anew(Box<Foreign>),
}

impl Ahead {
    /// Reads on, or all of it anew.
    pub fn look(self, fs: &dyn Fs, store: [u8; 16], base: Option<Base>) -> Result<News> {
        if let (Some(now), Some(end)) = (self.now, self.end)
            && let Some((came, end)) = end.read_on(fs, &self.places, &now)?
        {
            return Ok(News::More(More { now, came, end }));
        }
        Foreign::load(fs, self.places, Some(store), base, false).map(|anew| News::Anew(Box::new(anew)))
    }
}

/// Those of `journals` whose marks have moved.
pub(crate) fn changed(journals: &[Foreign], store: &[u8; 16]) -> Vec<(u32, Ahead)> {
    let moved = journals.iter().filter(|journal| journal.has_changed(store));
    moved.map(|journal| (journal.places.number, journal.ahead(store))).collect()
}

/// What several journals brought, by number. Read without anybody waiting for it.
pub(crate) struct AllNews(Vec<(u32, News)>);

/// Reads on in journals that changed, and reads those that were made, from where `sealed` ends.
pub(crate) fn look(
    fs: &dyn Fs,
    root: &Path,
    store: [u8; 16],
    sealed: &Sealed,
    changed: Vec<(u32, Ahead)>,
    made: &[u32],
) -> Result<AllNews> {
    let mut news = Vec::new();
    for (number, ahead) in changed {
        news.push((number, ahead.look(fs, store, sealed.base(number))?));
    }
    for number in made {
        let base = sealed.base(*number);
        let journal = Foreign::load(fs, Places::new(root, *number), Some(store), base, false)?;
        news.push((*number, News::Anew(Box::new(journal))));
    }
    Ok(AllNews(news))
}

impl AllNews {
    /// Whether a journal was read anew: only then it matters which manifest is in force.
    pub fn is_anew(&self) -> bool {
        self.0.iter().any(|(_, news)| matches!(news, News::Anew(_)))
    }

    /// Puts it where readers see it; says which streams changed.
    pub fn apply(self, journals: &mut Vec<Foreign>) -> Changes {
        let mut changes = Changes::default();
        for (number, news) in self.0 {
            let known = journals.iter_mut().find(|journal| journal.places.number == number);
            match (news, known) {
                (News::More(more), Some(known)) => {
                    changes.note_groups(more.came.iter().map(|came| &came.group));
                    if !known.extend(more) {
                        // The next look reads all of it anew.
                        known.end = None;
                        known.seen = None;
                    }
                }
                (News::Anew(anew), Some(known)) => {
                    changes.note_difference(&known.index, &anew.index);
                    *known = *anew;
                }
                (News::Anew(anew), None) => {
                    changes.note_difference(&Index::default(), &anew.index);
                    journals.push(*anew);
                }
                (News::More(_), None) => {}
            }
        }
        changes
    }
}

/// The part of a mark slot that recovery needs.
pub(crate) fn mark_of(slot: &MarkSlot) -> Mark {
    Mark { epoch: slot.epoch, durable: slot.durable }
}

fn facts(places: &Places, scans: &[Scan], log: &Log) -> Facts {
    let name = |id: &SegmentId| format!("{:03}/{id}", places.number);
    Facts {
        journals: 1,
        segments: wide(scans.len()),
        segment_bytes: scans.iter().fold(0, |sum, scan| sum.saturating_add(scan.bytes)),
        groups: wide(log.groups.len()),
        last: log.last,
        witness: log.witness,
        torn: log.torn.iter().map(|torn| (name(&torn.segment), torn.offset)).collect(),
        left_out: log.left_out.iter().map(name).collect(),
        sealed_segments: 0,
        sealed_bytes: 0,
    }
}
