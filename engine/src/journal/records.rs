//! Reading records back: a stream, a range, from here or from another process.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::frame::{self, FRAME_HEADER_BYTES, FrameHeader};
use crate::format::large::LARGE_REFERENCE_BYTES;
use crate::fs::Fs;
use crate::id::{Channel, StreamId};
use crate::journal::index::{At, Conflict};
use crate::journal::large;
use crate::journal::parts::{Found, Head, Place, StreamInfo};
use crate::journal::screen::{Screen, Verdict};
use crate::journal::window::Window;
use crate::number::{narrow, wide};
use crate::recover::log::Damage;
use crate::sealed::ahead::Ahead;
use crate::sealed::{Sealed, SealedCache};
use crate::seeded::{Bug, bug};

/// A record as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its stream.
    pub stream: StreamId,
    /// Its position in the stream, from 0.
    pub ordinal: u64,
    /// The lease epoch it was written under.
    pub lease_epoch: u64,
    /// Hybrid logical clock.
    pub clock: u64,
    /// How the payload is encoded.
    pub codec: u8,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// Reading a log: the same for the process that writes it and for any other.
///
/// Only durable records are shown. Every byte from disk is verified before it is believed; a damaged
/// place costs the records that stood there and nothing else.
pub trait ReadLog: Send + Sync {
    /// Records of a stream, in order, from `range.start` up to (not including) `range.end` or the durable end.
    ///
    /// Memory: the largest record, a block (256 KiB; 1 MiB of archived streams), and while a long stream is read forward four
    /// more that a second thread decompresses ahead, 4 MiB at most. That thread ends with the iterator. A lost record is an error in its place, and reading goes on
    /// after it; a stream whose end may have been lost yields an error at its end, if the range reaches it.
    fn read(&self, stream: &StreamId, range: Range<u64>) -> Records;

    /// The last `count` durable records of a stream, in order.
    fn tail(&self, stream: &StreamId, count: u64) -> Records {
        let end = self.head(stream).map_or(0, |head| head.durable_ordinal);
        self.read(stream, end.saturating_sub(count)..u64::MAX)
    }

    /// A stream's end; `None` if it has no records.
    fn head(&self, stream: &StreamId) -> Option<Head>;

    /// The channels of one life of a thread that have records, rising. *Cost:* a look into each journal's index.
    fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<Channel>;

    /// The incarnations of a thread that have records, rising. *Cost:* as [`ReadLog::channels`].
    fn incarnations(&self, thread: &[u8; 16]) -> Vec<u64>;

    /// All streams, sorted, with their totals.
    fn streams(&self) -> Vec<StreamInfo>;

    /// Every stream, each once, in the order in which their first records lie in the files: whoever reads all of them so meets
    /// each sealed block once. *Cost:* that of [`ReadLog::streams`].
    fn streams_as_stored(&self) -> Vec<StreamId>;

    /// The numbers of the journals that this log is read from, in no order.
    fn journal_numbers(&self) -> Vec<u32>;

    /// What acknowledged data is damaged; empty in a sound store.
    fn damage(&self) -> Vec<Damage>;

    /// Records that lost against another with the same stream and ordinal.
    fn conflicts(&self) -> Vec<Conflict>;
}

/// What [`Records`] needs from a log.
pub(crate) trait Lookup: Send + Sync {
    /// Places from an ordinal on, and the sealed segments that they point into.
    fn find(&self, stream: &StreamId, from: u64, most: usize) -> (Vec<Found>, Arc<Sealed>);
    /// Whether other sealed segments are in force than these, so that what could not be read may stand elsewhere now.
    fn has_moved(&self, seen: &Sealed) -> bool;
    /// The damage at an index of a part.
    fn damage_error(&self, damage: (usize, usize)) -> Option<Error>;
    /// The damage that may have taken a stream's end.
    fn doubt(&self, stream: &StreamId) -> Option<Error>;
    fn fs(&self) -> &dyn Fs;
    fn root(&self) -> &Path;
}

/// How many places are looked up at once: the short lock is taken once for so many records.
const FIND_MOST: usize = 1024;

/// Iterator over records of one stream. See [`ReadLog::read`].
pub struct Records {
    lookup: Arc<dyn Lookup>,
    stream: StreamId,
    next: u64,
    end: u64,
    found: VecDeque<Found>,
    window: Window,
    cache: SealedCache,
    ahead: Ahead,
    sealed: Option<Arc<Sealed>>,
    /// How often places were looked up again because files had gone.
    again: u32,
    finished: bool,
    large_only: bool,
    screen: Option<Arc<dyn Screen>>,
}

/// How often places are looked up again in a row before an error is believed.
const AGAIN_MAX: u32 = 8;

impl Records {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, stream: StreamId, range: Range<u64>) -> Records {
        Records {
            lookup,
            stream,
            next: range.start,
            end: range.end,
            found: VecDeque::new(),
            window: Window::new(),
            cache: SealedCache::new(),
            ahead: Ahead::default(),
            sealed: None,
            again: 0,
            finished: false,
            large_only: false,
            screen: None,
        }
    }

    /// Passes over records that the screen does not want; errors are not passed over. Of several records that claim one
    /// place, the one that counts comes whether it is wanted or not.
    #[must_use]
    pub fn screened(mut self, screen: Arc<dyn Screen>) -> Records {
        self.screen = Some(screen);
        self
    }

    /// Goes on with what another reader of the same log kept: blocks that hold records of several streams are then not
    /// decompressed once more.
    #[must_use]
    pub fn reusing(mut self, cache: SealedCache) -> Records {
        self.cache = cache;
        self
    }

    /// What it keeps, for the next reader.
    #[must_use]
    pub fn into_cache(self) -> SealedCache {
        self.cache
    }

    /// Passes over records that stand in the log itself, most of them without reading them: what is left are those in
    /// files of their own, and errors. Opening a store checks the former, not the latter.
    #[must_use]
    pub fn large_only(mut self) -> Records {
        self.large_only = true;
        self
    }

    fn load(&mut self, found: &Found, ordinal: u64) -> Result<Option<Record>> {
        let reference = |at: &At| wide(LARGE_REFERENCE_BYTES) == u64::from(at.payload_bytes);
        match found {
            Found::At(Place::Hot(at)) if self.large_only && !reference(at) => Ok(None),
            Found::At(Place::Hot(at)) => {
                let loaded = load(&*self.lookup, &mut self.window, &self.stream, at, ordinal, self.large_only)?;
                let wanted = |record: &Record| match &self.screen {
                    Some(screen) => screen.look(&record.payload) == Verdict::Take,
                    None => true,
                };
                Ok(loaded.filter(wanted))
            }
            Found::At(Place::Sealed(_)) if self.large_only => Ok(None),
            Found::At(Place::Sealed(place)) => {
                let Some(sealed) = &self.sealed else { return Err(Error::Closed) };
                match &self.screen {
                    Some(screen) => self.cache.screened(sealed, place, &**screen),
                    None => {
                        if self.lookup.fs().reads_ahead() {
                            self.ahead.enter(sealed, place, self.end, &mut self.cache);
                        }
                        self.cache.record(sealed, place).map(Some)
                    }
                }
            }
            Found::Contested(places) => {
                let Some(sealed) = &self.sealed else { return Err(Error::Closed) };
                contest(&*self.lookup, sealed, &self.stream, places, ordinal).map(|won| Some(won.0))
            }
            Found::Lost(damage) => Err(self.lost(*damage, ordinal)),
        }
    }

    /// Whether a record that could not be read may stand elsewhere now: its file went when it was sealed or merged.
    fn look_again(&mut self) -> bool {
        let moved = self.sealed.as_ref().is_some_and(|sealed| self.lookup.has_moved(sealed));
        self.again = self.again.saturating_add(1);
        moved && self.again <= AGAIN_MAX
    }

    fn lost(&self, damage: Option<(usize, usize)>, ordinal: u64) -> Error {
        damage.and_then(|damage| self.lookup.damage_error(damage)).map_or_else(
            || corrupt_record(self.lookup.root().to_owned(), 0, "a record is missing", self.stream, ordinal),
            |error| with_stream(error, self.stream),
        )
    }
}

/// Reads the record at a place; `None` if it is not in a file of its own and only such are wanted.
fn load(
    lookup: &dyn Lookup,
    window: &mut Window,
    stream: &StreamId,
    at: &At,
    ordinal: u64,
    large_only: bool,
) -> Result<Option<Record>> {
    window.enter(lookup.fs(), &at.segment)?;
    let payload_length = narrow(u64::from(at.payload_bytes)).unwrap_or(usize::MAX);
    let bytes = window.get(at.offset, FRAME_HEADER_BYTES.saturating_add(payload_length))?;
    let (header, payload) = match verify_frame(bytes, stream, ordinal, at.header_checksum) {
        Ok((header, payload)) => (header, payload.to_vec()),
        Err(what) => return Err(corrupt_record(window.path(), at.offset, what, *stream, ordinal)),
    };
    if large_only && !header.large {
        return Ok(None);
    }
    let payload = if header.large {
        let read = large::read(lookup.fs(), lookup.root(), at.segment.journal, &payload);
        read.map_err(|error| with_stream(error, *stream))?
    } else {
        payload
    };
    let FrameHeader { stream, ordinal, lease_epoch, clock, codec, .. } = header;
    Ok(Some(Record { stream, ordinal, lease_epoch, clock, codec, payload }))
}

/// Of records that claim one place, that of the highest lease epoch, at equal epochs that of the highest journal: whoever
/// looks, and in which order, sees the same. And the lease epochs of those that differ from it.
pub(crate) fn contest(
    lookup: &dyn Lookup,
    sealed: &Sealed,
    stream: &StreamId,
    places: &[Place],
    ordinal: u64,
) -> Result<(Record, Vec<u64>)> {
    let mut records = Vec::new();
    for place in places {
        let (journal, record) = match place {
            Place::Hot(at) => (at.segment.journal, load(lookup, &mut Window::new(), stream, at, ordinal, false)?),
            Place::Sealed(place) => (place.journal.into(), Some(SealedCache::new().record(sealed, place)?)),
        };
        records.extend(record.map(|record| (record.lease_epoch, journal, record)));
    }
    records.sort_by_key(|(lease_epoch, journal, _)| (*lease_epoch, *journal));
    let Some((_, _, won)) = records.pop() else { return Err(Error::Closed) };
    let lost = records.iter().filter(|(_, _, record)| record.payload != won.payload);
    let lost = lost.map(|(lease_epoch, _, _)| *lease_epoch).collect();
    Ok((won, lost))
}

impl Iterator for Records {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Result<Record>> {
        while !self.finished {
            if self.found.is_empty() && self.next < self.end {
                let most = narrow(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX).min(FIND_MOST);
                let (found, sealed) = self.lookup.find(&self.stream, self.next, most);
                self.found = found.into();
                self.sealed = Some(sealed);
                // What was read ahead may be older than what was found now.
                self.window.forget();
            }
            let Some(found) = self.found.pop_front() else {
                self.finished = true;
                // A range that was served in full does not depend on what may stand behind it.
                let open = self.next < self.end;
                return self.lookup.doubt(&self.stream).filter(|_| open).map(Err);
            };
            let ordinal = self.next;
            let loaded = self.load(&found, ordinal);
            if loaded.is_err() && self.look_again() {
                self.found.clear();
                continue;
            }
            self.again = 0;
            self.next = self.next.saturating_add(1);
            if let Some(record) = loaded.transpose() {
                return Some(record);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (
            if self.large_only || self.screen.is_some() { 0 } else { self.found.len() },
            narrow(self.end.saturating_sub(self.next).saturating_add(1)).ok(),
        )
    }
}

/// The frame that should stand here, if it does.
fn verify_frame<'a>(
    bytes: &'a [u8],
    stream: &StreamId,
    ordinal: u64,
    header_checksum: u32,
) -> Result<(FrameHeader, &'a [u8]), &'static str> {
    let Some((header, payload)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Err("the file ends before the frame");
    };
    let header = FrameHeader::decode(header);
    if header.stream != *stream || header.ordinal != ordinal {
        return Err("another frame stands here");
    }
    if header.checksum() != header_checksum && !bug(Bug::HeaderUnverified) {
        return Err("the frame's header is not the one that was indexed");
    }
    if frame::checksum(payload) != header.payload_checksum && !bug(Bug::ReadUnverified) {
        return Err("the payload fails its checksum");
    }
    Ok((header, payload))
}

fn corrupt_record(path: PathBuf, offset: u64, what: &str, stream: StreamId, ordinal: u64) -> Error {
    let what = format!("{what} (record {ordinal} of {stream})");
    Error::Corrupt { path, offset, what, streams: vec![stream] }
}

fn with_stream(error: Error, stream: StreamId) -> Error {
    match error {
        Error::Corrupt { path, offset, what, mut streams } => {
            if !streams.contains(&stream) {
                streams.push(stream);
            }
            Error::Corrupt { path, offset, what, streams }
        }
        other => other,
    }
}
