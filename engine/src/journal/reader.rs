//! The public face of a store that is open for reading: no locks, no writes, beside any writers.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::id::{Channel, StreamId};
use crate::journal::changes::Changes;
use crate::journal::claim::Roster;
use crate::journal::foreign::{self, Facts, Foreign};
use crate::journal::index::{At, Conflict};
use crate::journal::parts::{Found, Head, Parts, StreamInfo};
use crate::journal::place::{self, Places};
use crate::journal::records::{Lookup, ReadLog, Records, contest};
use crate::recover::log::Damage;
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
    journals: RwLock<Vec<Foreign>>,
    roster: Roster,
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
            Err(error) if reader.facts().segments == 0 => {
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
        self.view.journals.read().iter().for_each(|journal| facts.add(&journal.facts));
        facts
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
        let View { fs, root, store: Some(store), journals, .. } = &*self.view else { return Ok(Changes::default()) };
        let (known, ahead) = {
            let journals = journals.read();
            let known: Vec<u32> = journals.iter().map(|journal| journal.places.number).collect();
            (known, foreign::changed(&journals, store))
        };
        let mut made = place::journals(&**fs, root)?;
        made.retain(|number| !known.contains(number));
        let news = foreign::look(&**fs, root, *store, ahead, &made)?;
        Ok(news.apply(&mut journals.write()))
    }

    /// Whether [`Reader::refresh`] might find something. Some loads from mapped pages; never blocks on the disk.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let View { store: Some(store), journals, roster, .. } = &*self.view else { return false };
        let journals = journals.read();
        !roster.is_known()
            || roster.has_more_than(journals.len())
            || journals.iter().any(|journal| journal.has_changed(store))
    }

    fn look(fs: Arc<dyn Fs>, root: &Path, store: Option<[u8; 16]>, lenient: bool) -> Result<Reader> {
        let numbers = place::journals(&*fs, root)?;
        let load = |number| Foreign::load(&*fs, Places::new(root, number), store, lenient);
        let journals = numbers.into_iter().map(load).collect::<Result<Vec<Foreign>>>()?;
        let journals = RwLock::new(journals);
        let roster = Roster::open_read(&*fs, root);
        Ok(Reader { view: Arc::new(View { fs, root: root.to_owned(), store, journals, roster }) })
    }
}

fn parts(journals: &[Foreign]) -> Parts<'_> {
    Parts::new(journals.iter().map(Foreign::part).collect())
}

impl Lookup for View {
    fn find(&self, stream: &StreamId, from: u64, most: usize) -> Vec<Found> {
        parts(&self.journals.read()).find(stream, from, most)
    }

    fn damage_error(&self, (part, damage): (usize, usize)) -> Option<Error> {
        Some(self.journals.read().get(part)?.index.damage.get(damage)?.to_error(&self.root))
    }

    fn doubt(&self, stream: &StreamId) -> Option<Error> {
        let damage = parts(&self.journals.read()).doubt(stream)?;
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
        parts(&self.view.journals.read()).head(stream)
    }

    fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<Channel> {
        parts(&self.view.journals.read()).channels(thread, incarnation)
    }

    fn incarnations(&self, thread: &[u8; 16]) -> Vec<u64> {
        parts(&self.view.journals.read()).incarnations(thread)
    }

    fn streams(&self) -> Vec<StreamInfo> {
        parts(&self.view.journals.read()).streams()
    }

    fn journal_numbers(&self) -> Vec<u32> {
        self.view.journals.read().iter().map(|journal| journal.places.number).collect()
    }

    fn damage(&self) -> Vec<Damage> {
        let journals = self.view.journals.read();
        journals.iter().flat_map(|journal| journal.index.damage.iter().cloned()).collect()
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let (mut all, contested) = {
            let journals = self.view.journals.read();
            let all: Vec<Conflict> =
                journals.iter().flat_map(|journal| journal.index.conflicts.iter().cloned()).collect();
            (all, parts(&journals).contested())
        };
        all.extend(conflicts_between(&*self.view, contested));
        all
    }
}

/// Records that lost against one of another journal.
pub(crate) fn conflicts_between(lookup: &dyn Lookup, contested: Vec<(StreamId, u64, Vec<At>)>) -> Vec<Conflict> {
    let lost = contested.into_iter().flat_map(|(stream, ordinal, places)| {
        // One that cannot be read is told by whoever reads it.
        let lost = contest(lookup, &stream, &places, ordinal).map_or_else(|_| Vec::new(), |(_, lost)| lost);
        lost.into_iter().map(move |lost_lease_epoch| Conflict { stream, ordinal, lost_lease_epoch })
    });
    lost.collect()
}
