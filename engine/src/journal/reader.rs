//! The public face of a store that is open for reading: no locks, no writes, beside any writers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::id::{Channel, Sequence, StreamId};
use crate::journal::changes::Changes;
use crate::journal::claim::Roster;
use crate::journal::foreign::{self, AllNews, Facts, Foreign};
use crate::journal::index::Conflict;
use crate::journal::parts::{Found, Head, Parts, Place, StreamInfo};
use crate::journal::place::{self, Places};
use crate::journal::records::{Lookup, ReadLog, Records, contest};
use crate::journal::renew;
use crate::number::wide;
use crate::recover::log::Damage;
use crate::sealed::{OnDamage, Sealed};
use crate::seeded::{Bug, bug};
use crate::store_format;

/// A store as it was when it was opened for reading.
///
/// Shows what was durable at that moment. Takes no lock and writes nothing, so it works on a
/// read-only medium and beside running writers.
#[derive(Clone)]
pub struct Reader {
    view: Arc<View>,
}

struct View {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    store: Option<[u8; 16]>,
    seen: RwLock<Seen>,
    roster: Roster,
}

/// The journals and the sealed segments, as of one manifest.
struct Seen {
    sealed: Arc<Sealed>,
    journals: Vec<Foreign>,
    /// What looks at MANIFEST brought that no refresh has told of yet.
    found: Changes,
}

impl Seen {
    fn parts(&self) -> Parts<'_> {
        Parts::new(self.journals.iter().map(Foreign::part).collect(), &self.sealed)
    }

    /// Takes over other sealed segments, and forgets what they hold, unless newer ones are known.
    fn take_over(&mut self, sealed: Arc<Sealed>) {
        if sealed.generation() > self.sealed.generation() {
            renew::forget(&mut self.journals, &sealed);
            self.sealed = sealed;
        }
    }
}

impl Reader {
    /// Opens the store at `root` for reading.
    ///
    /// *Cost:* reads the hot segments once and checksums them, on two threads.
    ///
    /// # Errors
    /// [`Error::NoStore`]; [`Error::FormatVersion`]; [`Error::Corrupt`] if FORMAT cannot be believed; [`Error::Io`].
    pub fn open(fs: Arc<dyn Fs>, root: &Path) -> Result<Reader> {
        let store = store_format::read(&*fs, &Places::new(root, 0))?.store;
        Reader::look(fs, root, Some(store), false)
    }

    /// Opens whatever is there, for salvage: FORMAT may be missing or damaged, and intact frames of damaged
    /// groups stand in for lost records.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NoStore`] if there is no segment at all.
    pub fn open_lenient(fs: Arc<dyn Fs>, root: &Path) -> Result<Reader> {
        let format = store_format::read(&*fs, &Places::new(root, 0));
        let reader = Reader::look(fs, root, format.as_ref().ok().map(|format| format.store), true)?;
        match format {
            Err(error) if reader.facts().is_empty() => {
                // That FORMAT could not be read does not say that there is no store.
                let unread = matches!(error, Error::Io { .. });
                Err(if unread { error } else { Error::NoStore { path: root.to_owned() } })
            }
            _ => Ok(reader),
        }
    }

    /// What was found beside the records themselves.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let seen = self.view.seen.read();
        seen.journals.iter().for_each(|journal| facts.add(&journal.facts));
        facts.sealed_segments = wide(seen.sealed.segments().len());
        facts.sealed_bytes = seen.sealed.manifest().bytes();
        facts
    }

    /// Whether a hot segment of some journal has a record, rather than a sealed one alone. *Cost:* a search in each index.
    #[must_use]
    pub fn is_hot(&self, stream: &StreamId, ordinal: u64) -> bool {
        let seen = self.view.seen.read();
        let known = seen.journals.iter().filter_map(|journal| journal.index.stream(stream));
        known.filter_map(|runs| runs.get(ordinal)).next().is_some()
    }

    /// Takes in what became durable since the store was opened or refreshed last; says which streams changed.
    ///
    /// *Cost:* when nothing changed, a list of the journals and a few loads from a mapped page for each; else what came.
    /// A journal that cannot be read on (its writer was restarted, it is damaged) is read anew. For a reader opened by
    /// [`Reader::open`]; a lenient one stays as it is.
    ///
    /// # Errors
    /// [`Error::Io`]; what was known stays.
    pub fn refresh(&self) -> Result<Changes> {
        let View { fs, root, store: Some(store), seen, roster } = &*self.view else { return Ok(Changes::default()) };
        let mut changes = Changes::default();
        if roster.generation() > seen.read().sealed.generation() || !roster.is_known() {
            changes.add(self.view.renew_sealed()?);
        }
        loop {
            let (known, ahead, sealed) = {
                let seen = seen.read();
                let known: Vec<u32> = seen.journals.iter().map(|journal| journal.places.number).collect();
                (known, foreign::changed(&seen.journals, store), Arc::clone(&seen.sealed))
            };
            let mut made = place::journals(&**fs, root)?;
            made.retain(|number| !known.contains(number));
            let news = foreign::look(&**fs, root, *store, &sealed, ahead, &made);
            if news.as_ref().map_or(true, AllNews::is_anew) && !sealed.is_current(&**fs, root, *store)? {
                changes.add(self.view.renew_sealed()?);
                if seen.read().sealed.generation() > sealed.generation() {
                    continue;
                }
                // What is there is older than what was seen, or nothing: the folder was removed, or put back.
                return Err(Error::NoStore { path: root.clone() });
            }
            let mut seen = seen.write();
            changes.add(news?.apply(&mut seen.journals));
            let sealed_now = Arc::clone(&seen.sealed);
            if sealed_now.generation() != sealed.generation() {
                renew::forget(&mut seen.journals, &sealed_now);
            }
            changes.add(std::mem::take(&mut seen.found));
            return Ok(changes);
        }
    }

    /// Whether [`Reader::refresh`] might find something. Some loads from mapped pages; never blocks on the disk.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let View { store: Some(store), seen, roster, .. } = &*self.view else { return false };
        let seen = seen.read();
        !roster.is_known()
            || roster.has_more_than(seen.journals.len())
            || roster.generation() > seen.sealed.generation()
            || !seen.found.is_empty()
            || seen.journals.iter().any(|journal| journal.has_changed(store))
    }

    fn look(fs: Arc<dyn Fs>, root: &Path, store: Option<[u8; 16]>, lenient: bool) -> Result<Reader> {
        let (sealed, journals) = loop {
            let sealed = match store {
                Some(store) if !lenient => Sealed::load(&*fs, root, store, None, OnDamage::LeaveOut)?,
                _ => Sealed::load_lenient(&*fs, root, store)?,
            };
            let numbers = place::journals(&*fs, root)?;
            let load = |number| Foreign::load(&*fs, Places::new(root, number), store, sealed.base(number), lenient);
            let journals = numbers.into_iter().map(load).collect::<Result<Vec<Foreign>>>();
            // Whoever seals replaces the manifest first and removes files then.
            let is_current = match store {
                Some(store) if !lenient => sealed.is_current(&*fs, root, store)?,
                _ => true,
            };
            if is_current {
                break (sealed, journals?);
            }
        };
        let roster = Roster::open_read(&*fs, root);
        let seen = RwLock::new(Seen { sealed, journals, found: Changes::default() });
        Ok(Reader { view: Arc::new(View { fs, root: root.to_owned(), store, seen, roster }) })
    }

    /// How far each journal is durable, by number; those that are sealed whole too.
    #[must_use]
    pub fn positions(&self) -> Vec<(u32, Sequence)> {
        self.view.seen.read().parts().positions()
    }

    /// The streams that have records which are not sealed behind these positions of their journals, sorted. *Cost:* a pass over
    /// those that are not sealed.
    #[must_use]
    pub fn hot_streams_since(&self, since: &BTreeMap<u32, Sequence>) -> Vec<StreamId> {
        self.view.seen.read().parts().hot_streams_since(since)
    }

    /// The streams that have records which are not sealed, sorted. *Cost:* a pass over those.
    #[must_use]
    pub fn hot_streams(&self) -> Vec<StreamId> {
        self.view.seen.read().parts().hot_streams()
    }

    /// The sealed segments in force, as this reader knows them. They stay readable for as long as this is held.
    #[must_use]
    pub fn sealed(&self) -> Arc<Sealed> {
        Arc::clone(&self.view.seen.read().sealed)
    }
}

impl View {
    fn renew_sealed(&self) -> Result<Changes> {
        let Some(store) = self.store else { return Ok(Changes::default()) };
        let known = Arc::clone(&self.seen.read().sealed);
        if known.is_current(&*self.fs, &self.root, store)? {
            return Ok(Changes::default());
        }
        let renewed = Sealed::load(&*self.fs, &self.root, store, Some(&known), OnDamage::LeaveOut)?;
        let grown = renewed.grown_since(&known);
        let mut seen = self.seen.write();
        let changes = renew::unknown(&seen.parts(), grown);
        seen.found.add(changes.clone());
        seen.take_over(renewed);
        Ok(changes)
    }
}

impl Lookup for View {
    fn find(&self, stream: &StreamId, from: u64, most: usize) -> (Vec<Found>, Arc<Sealed>) {
        let seen = self.seen.read();
        (seen.parts().find(stream, from, most), Arc::clone(&seen.sealed))
    }

    fn has_moved(&self, seen: &Sealed) -> bool {
        let _ = self.renew_sealed();
        self.seen.read().sealed.generation() > seen.generation() && !bug(Bug::MovedNotLookedFor)
    }

    fn damage_error(&self, (part, damage): (usize, usize)) -> Option<Error> {
        Some(self.seen.read().journals.get(part)?.index.damage.get(damage)?.to_error(&self.root))
    }

    fn doubt(&self, stream: &StreamId) -> Option<Error> {
        let damage = {
            let seen = self.seen.read();
            seen.parts().doubt(stream, seen.sealed.head(stream))?
        };
        self.damage_error(damage)
    }

    fn fs(&self) -> &dyn Fs {
        &*self.fs
    }

    fn root(&self) -> &Path {
        &self.root
    }
}

impl ReadLog for Reader {
    fn read(&self, stream: &StreamId, range: Range<u64>) -> Records {
        Records::new(self.view.clone(), *stream, range)
    }

    fn head(&self, stream: &StreamId) -> Option<Head> {
        self.view.seen.read().parts().head(stream)
    }

    fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<Channel> {
        self.view.seen.read().parts().channels(thread, incarnation)
    }

    fn incarnations(&self, thread: &[u8; 16]) -> Vec<u64> {
        self.view.seen.read().parts().incarnations(thread)
    }

    fn streams(&self) -> Vec<StreamInfo> {
        self.view.seen.read().parts().streams()
    }

    fn streams_as_stored(&self) -> Vec<StreamId> {
        self.view.seen.read().parts().streams_as_stored()
    }

    fn journal_numbers(&self) -> Vec<u32> {
        self.view.seen.read().journals.iter().map(|journal| journal.places.number).collect()
    }

    fn damage(&self) -> Vec<Damage> {
        let seen = self.view.seen.read();
        seen.journals.iter().flat_map(|journal| journal.index.damage.iter().cloned()).collect()
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let (mut all, contested, sealed) = {
            let seen = self.view.seen.read();
            let of_journals = seen.journals.iter().flat_map(|journal| journal.index.conflicts.iter().cloned());
            (of_journals.collect::<Vec<Conflict>>(), seen.parts().contested(), Arc::clone(&seen.sealed))
        };
        all.extend(sealed.conflicts());
        all.extend(conflicts_between(&*self.view, &sealed, contested));
        all
    }
}

/// Records that lost against one of another journal.
pub(crate) fn conflicts_between(
    lookup: &dyn Lookup,
    sealed: &Sealed,
    contested: Vec<(StreamId, u64, Vec<Place>)>,
) -> Vec<Conflict> {
    let lost = contested.into_iter().flat_map(|(stream, ordinal, places)| {
        // One that cannot be read is told by whoever reads it.
        let lost = contest(lookup, sealed, &stream, &places, ordinal).map_or_else(|_| Vec::new(), |(_, lost)| lost);
        lost.into_iter().map(move |lost_lease_epoch| Conflict { stream, ordinal, lost_lease_epoch })
    });
    lost.collect()
}
