//! Reading ahead: while somebody reads a long stream forward, a second thread decompresses the blocks that come next.
//!
//! It changes when a block is decompressed, and nothing else. What the second thread could not read is not an error here:
//! the reader reads it again itself, at the record that it hurts.

mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use crate::id::StreamId;
use crate::sealed::cache::SealedCache;
use crate::sealed::place::Place;
use crate::sealed::segment::SealedSegment;
use crate::sealed::set::Sealed;
use worker::{Task, Worker};

/// Blocks that a reader has gone through, one behind the other, before a second thread is worth its start.
const BLOCKS_BEFORE: u32 = 1;
/// How many blocks must come at least for it to be started.
const BLOCKS_COMING: usize = 2;
/// How often another block may be read than the one that was expected until nothing is read ahead any more.
const MISSES_MAX: u32 = 3;
/// How many blocks are looked up at once.
const LOOK_UP: usize = 16;
/// How many blocks are decompressed, or being decompressed, before they are asked for.
const AHEAD_BLOCKS: usize = 4;
/// How long they are together at most, raw, in bytes. A block that is longer is left to the reader.
const AHEAD_BYTES: u64 = 4 << 20;

/// What one reader has read ahead.
///
/// *Memory:* four blocks, 4 MiB at most, while the second thread runs; that is from the second block of a read that goes
/// forward on until its last block is taken, or the reader ends: which waits for the block that is being decompressed.
#[derive(Default)]
pub(crate) struct Ahead {
    /// The blocks one behind the other that were entered, and the ordinal behind the last one.
    entered: u32,
    next: u64,
    /// How often what was read ahead was not what was read.
    misses: u32,
    /// Blocks that come and nobody was asked for yet.
    coming: VecDeque<Task>,
    /// From where on blocks were not looked up yet; `None` if there are none.
    unknown: Option<u64>,
    worker: Option<Worker>,
}

impl Ahead {
    /// Told that the record at a place is read next, of a range of its stream that ends at `end`. If it is in another block
    /// than the one that the cache has, the cache is given that block where it was read ahead.
    pub fn enter(&mut self, sealed: &Sealed, place: &Place, end: u64, cache: &mut SealedCache) {
        let goes_on = std::mem::replace(&mut self.next, place.ordinal.saturating_add(1)) == place.ordinal;
        if cache.has(place) {
            return;
        }
        if !goes_on {
            self.stop();
        }
        self.entered = self.entered.saturating_add(1);
        if self.entered <= BLOCKS_BEFORE || self.misses > MISSES_MAX || processors() < 2 {
            return;
        }
        if self.worker.is_none() && !self.start(sealed, place, end) {
            return;
        }
        let Some(worker) = &self.worker else { return };
        if worker.next_key() != Some((place.segment.id(), place.block)) {
            // Not as it was looked up: other segments are in force now, or several have the stream's records by turns.
            self.misses = self.misses.saturating_add(1);
            return self.stop();
        }
        if let Some(block) = worker.take(cache) {
            cache.offer(place.segment.id(), place.block, block);
        }
        self.refill(sealed, place.stream, end);
    }

    /// Whether enough comes for a second thread, which then runs.
    fn start(&mut self, sealed: &Sealed, place: &Place, end: u64) -> bool {
        self.coming.clear();
        self.unknown = Some(place.ordinal);
        self.look_up(sealed, place.stream, end);
        if self.coming.len() <= BLOCKS_COMING {
            // Not asked again before so many blocks were read.
            self.entered = 0;
            return false;
        }
        self.worker = Worker::start();
        self.refill(sealed, place.stream, end);
        self.worker.is_some()
    }

    /// Hands on what comes next, as far as there is room for it.
    fn refill(&mut self, sealed: &Sealed, stream: StreamId, end: u64) {
        if self.coming.is_empty() {
            self.look_up(sealed, stream, end);
        }
        let Some(worker) = &self.worker else { return };
        worker.add(&mut self.coming, AHEAD_BLOCKS, AHEAD_BYTES);
        if worker.is_done() && self.coming.is_empty() {
            self.stop();
        }
    }

    /// Looks up the blocks that a stream's next records stand in.
    fn look_up(&mut self, sealed: &Sealed, stream: StreamId, end: u64) {
        let Some(from) = self.unknown.take().filter(|from| *from < end) else { return };
        let mut found: Vec<(u64, u64, &Arc<SealedSegment>, u32)> = Vec::new();
        for segment in sealed.segments() {
            let footer = segment.footer();
            let Some(row) = footer.stream(&stream) else { continue };
            let here = footer.extents_from(&row, from).take_while(|extent| extent.first_ordinal < end);
            found.extend(
                here.take(LOOK_UP).map(|extent| (extent.first_ordinal, extent.end_ordinal(), segment, extent.block)),
            );
        }
        found.sort_by_key(|(first, ..)| *first);
        found.truncate(LOOK_UP);
        self.unknown = found.last().map(|(_, end, ..)| *end);
        for (_, _, segment, block) in found {
            let is_last = self.coming.back().is_some_and(|last| last.key() == (segment.id(), block));
            if !is_last {
                self.coming.push_back(Task::new(segment, block));
            }
        }
    }

    /// Whether a second thread runs.
    #[cfg(test)]
    pub fn is_running(&self) -> bool {
        self.worker.is_some()
    }

    fn stop(&mut self) {
        self.worker = None;
        self.coming.clear();
        self.entered = 0;
        self.unknown = None;
    }
}

/// How many threads this machine runs at once. *Cost:* asked once.
fn processors() -> usize {
    // Tests are of what happens where there are several.
    if cfg!(test) {
        return 2;
    }
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}
