//! The public face of a store that is open for reading: no locks, no writes, beside any writer.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::mark::MarkSlot;
use crate::fs::Fs;
use crate::id::{Sequence, StreamId};
use crate::journal::build;
use crate::journal::index::{Conflict, Found, Head, Index, SegmentPlace, StreamInfo};
use crate::journal::place::Places;
use crate::journal::records::{Lookup, ReadLog, Records};
use crate::journal::{mark, scan};
use crate::recover::log::{Damage, Log, Mark, Scan};
use crate::recover::resolve::resolve;
use crate::seeded::{Bug, bug};
use crate::store_format;

/// How often an opening that met files vanishing under it begins again.
const ATTEMPTS: u32 = 5;

/// A store as it was when it was opened for reading.
///
/// Shows what was durable at that moment. Takes no lock and writes nothing, so it works on a
/// read-only medium and beside a running writer.
#[derive(Clone)]
pub struct Reader {
    view: Arc<View>,
}

struct View {
    fs: Arc<dyn Fs>,
    places: Places,
    index: Index,
    facts: Facts,
}

/// What was found beside the records themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Segments read.
    pub segments: u64,
    /// Bytes of all segments.
    pub segment_bytes: u64,
    /// Groups in the log, witnesses included.
    pub groups: u64,
    /// The last record's sequence.
    pub last: Sequence,
    /// Records up to here are known to be durable.
    pub witness: Sequence,
    /// Where a torn tail was dropped: segment file name and offset.
    pub torn: Option<(String, u64)>,
    /// Segments that are not part of the log: copies that a crash interrupted.
    pub left_out: Vec<String>,
}

impl Reader {
    /// Opens the store at `root` for reading.
    ///
    /// *Cost:* reads the hot segments once and checksums them, on two threads.
    ///
    /// # Errors
    /// [`Error::NoStore`]; [`Error::FormatVersion`]; [`Error::Corrupt`] if FORMAT cannot be believed; [`Error::Io`].
    pub fn open(fs: Arc<dyn Fs>, root: &Path) -> Result<Reader> {
        let places = Places::new(root);
        let store = store_format::read(&*fs, &places)?.store;
        Reader::look(fs, places, Some(store), false)
    }

    /// Opens whatever is there, for salvage: FORMAT may be missing or damaged, and intact frames of damaged
    /// groups stand in for lost records.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NoStore`] if there is no segment at all.
    pub fn open_lenient(fs: Arc<dyn Fs>, root: &Path) -> Result<Reader> {
        let places = Places::new(root);
        let store = match store_format::read(&*fs, &places) {
            Ok(format) => Some(format.store),
            Err(error) if scan::segments(&*fs, &places)?.is_empty() => {
                // That FORMAT could not be read does not say that there is no store.
                let unread = matches!(error, Error::Io { .. });
                return Err(if unread { error } else { Error::NoStore { path: root.to_owned() } });
            }
            Err(_) => None,
        };
        Reader::look(fs, places, store, true)
    }

    /// What was found beside the records themselves.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.view.facts
    }

    fn look(fs: Arc<dyn Fs>, places: Places, store: Option<[u8; 16]>, lenient: bool) -> Result<Reader> {
        for _ in 1..ATTEMPTS {
            match look_once(&*fs, &places, store, lenient) {
                // A writer removes spares and leftovers: look again at what is there now.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok((scans, log)) => return Ok(Reader::from_parts(fs, places, &scans, &log, lenient)),
            }
        }
        let (scans, log) = look_once(&*fs, &places, store, lenient)?;
        Ok(Reader::from_parts(fs, places, &scans, &log, lenient))
    }

    fn from_parts(fs: Arc<dyn Fs>, places: Places, scans: &[Scan], log: &Log, lenient: bool) -> Reader {
        let index = build::index(scans, log, &places, lenient);
        let facts = Facts {
            segments: crate::number::wide(scans.len()),
            segment_bytes: scans.iter().fold(0, |sum, scan| sum.saturating_add(scan.bytes)),
            groups: crate::number::wide(log.groups.len()),
            last: log.last,
            witness: log.witness,
            torn: log.torn.as_ref().map(|torn| (torn.segment.to_string(), torn.offset)),
            left_out: log.left_out.iter().map(ToString::to_string).collect(),
        };
        Reader { view: Arc::new(View { fs, places, index, facts }) }
    }
}

fn look_once(fs: &dyn Fs, places: &Places, store: Option<[u8; 16]>, lenient: bool) -> Result<(Vec<Scan>, Log)> {
    // The mark first: whatever it promises was in the files before it was written.
    let slot = match store.map_or(Ok(None), |store| mark::read(fs, places, &store)) {
        Err(_) if lenient => None,
        other => other?,
    };
    let boot = mark::boot_word(fs)?;
    let limit =
        slot.filter(|slot| slot.boot == boot && !slot.closed && !bug(Bug::ReaderIgnoresMark)).map(|slot| slot.durable);
    let scans = scan::scan(fs, places, store)?;
    let log = resolve(&scans, slot.as_ref().map(mark_of), limit);
    Ok((scans, log))
}

/// The part of a mark slot that recovery needs.
pub(crate) fn mark_of(slot: &MarkSlot) -> Mark {
    Mark { epoch: slot.epoch, durable: slot.durable }
}

impl Lookup for View {
    fn find(&self, stream: &StreamId, from: u64, most: usize) -> Vec<Found> {
        self.index.find(stream, from, most, Sequence(u64::MAX))
    }

    fn segment(&self, index: u32) -> Option<SegmentPlace> {
        self.index.segments.get(usize::try_from(index).ok()?).cloned()
    }

    fn damage_error(&self, index: Option<usize>) -> Option<Error> {
        self.index.damage.get(index?).map(|damage| damage.to_error(&self.places.journal))
    }

    fn doubt(&self, stream: &StreamId) -> Option<Error> {
        self.index.uncertain(stream).map(|damage| damage.to_error(&self.places.journal))
    }

    fn fs(&self) -> &dyn Fs {
        &*self.fs
    }

    fn places(&self) -> &Places {
        &self.places
    }
}

impl ReadLog for Reader {
    fn read(&self, stream: &StreamId, range: Range<u64>) -> Records {
        Records::new(self.view.clone(), *stream, range)
    }

    fn head(&self, stream: &StreamId) -> Option<Head> {
        self.view.index.head(stream, Sequence(u64::MAX))
    }

    fn streams(&self) -> Vec<StreamInfo> {
        self.view.index.streams()
    }

    fn damage(&self) -> Vec<Damage> {
        self.view.index.damage.clone()
    }

    fn conflicts(&self) -> Vec<Conflict> {
        self.view.index.conflicts.clone()
    }
}
