//! A journal as it is read from outside: by a reader, or by a writer of another journal.
//!
//! Nothing is believed above the journal's mark while its writer lives (or died in this boot of the machine without
//! closing): it may stand in the page cache only.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::mark::MarkSlot;
use crate::fs::{Fs, SharedPage};
use crate::id::{SegmentId, Sequence};
use crate::journal::index::Index;
use crate::journal::parts::Part;
use crate::journal::place::Places;
use crate::journal::{build, mark, scan};
use crate::number::wide;
use crate::recover::log::{Log, Mark, Scan};
use crate::recover::resolve::resolve;

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
}

impl Facts {
    /// Adds another journal's.
    pub(crate) fn add(&mut self, other: &Facts) {
        let Facts { journals, segments, segment_bytes, groups, last, witness, torn, left_out } = other;
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
}

impl Foreign {
    /// Reads a journal. With `lenient`, intact frames of damaged groups stand in for lost records.
    pub fn load(fs: &dyn Fs, places: Places, store: Option<[u8; 16]>, lenient: bool) -> Result<Foreign> {
        for _ in 1..ATTEMPTS {
            match Foreign::load_once(fs, &places, store, lenient) {
                // A writer removes spares and leftovers: look again at what is there now.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                other => return other,
            }
        }
        Foreign::load_once(fs, &places, store, lenient)
    }

    fn load_once(fs: &dyn Fs, places: &Places, store: Option<[u8; 16]>, lenient: bool) -> Result<Foreign> {
        // The mark first: whatever it promises was in the files before it was written.
        let page = store.and_then(|_| mark::map(fs, places));
        let seen = store.zip(page.as_deref()).and_then(|(store, page)| mark::newest_of(page, &store));
        let boot = mark::boot_word(fs)?;
        let limit = seen.filter(|slot| slot.boot == boot && !slot.closed).map(|slot| slot.durable);
        let scans = scan::scan(fs, places, store)?;
        let log = resolve(&scans, seen.as_ref().map(mark_of), limit);
        let index = build::index(&scans, &log, places, lenient);
        let facts = facts(places, &scans, &log);
        Ok(Foreign { places: places.clone(), index, facts, seen, page })
    }

    /// Whether the journal's mark says something else than when it was read. Costs a few loads from a mapped page.
    pub fn has_changed(&self, store: &[u8; 16]) -> bool {
        self.page.as_deref().is_none_or(|page| mark::newest_of(page, store) != self.seen)
    }

    /// For reading it together with others: all of it is durable.
    pub fn part(&self) -> Part<'_> {
        Part { index: &self.index, durable: Sequence(u64::MAX) }
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
    }
}
