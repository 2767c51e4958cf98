//! The second thread of a reader, and what is shared with it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::sealed::cache::SealedCache;
use crate::sealed::codec::Decoder;
use crate::sealed::id::SealedId;
use crate::sealed::records_block::RecordsBlock;
use crate::sealed::segment::SealedSegment;

/// How long a reader waits for a block until it looks whether the thread is still there.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// A block that is read soon.
pub(super) struct Task {
    segment: Arc<SealedSegment>,
    block: u32,
    raw_bytes: u64,
}

impl Task {
    pub fn new(segment: &Arc<SealedSegment>, block: u32) -> Task {
        let raw_bytes = segment.footer().block(block).map_or(0, |row| row.header.raw_bytes.into());
        Task { segment: Arc::clone(segment), block, raw_bytes }
    }

    /// Which block it is.
    pub fn key(&self) -> (SealedId, u32) {
        (self.segment.id(), self.block)
    }

    fn run(&self, decoder: &mut Decoder, room: Vec<u8>) -> Stage {
        self.segment.records_into(self.block, decoder, room).map_or(Stage::Failed, Stage::Ready)
    }
}

enum Stage {
    /// Nobody has begun with it.
    Waiting,
    /// Somebody has.
    Taken,
    /// It is there.
    Ready(RecordsBlock),
    /// It could not be read, or is too long to be read ahead: the reader reads it itself, and meets what is wrong.
    Failed,
}

struct Slot {
    task: Arc<Task>,
    stage: Stage,
}

#[derive(Default)]
struct State {
    /// In the order in which they are read.
    slots: VecDeque<Slot>,
    /// The room of blocks that are not needed any more.
    rooms: Vec<Vec<u8>>,
    ended: bool,
}

impl State {
    /// The first that nobody has begun with.
    fn begin(&mut self) -> Option<(Arc<Task>, Vec<u8>)> {
        let slot = self.slots.iter_mut().find(|slot| matches!(slot.stage, Stage::Waiting))?;
        slot.stage = Stage::Taken;
        Some((Arc::clone(&slot.task), self.rooms.pop().unwrap_or_default()))
    }

    fn end(&mut self, task: &Arc<Task>, stage: Stage) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| Arc::ptr_eq(&slot.task, task)) {
            slot.stage = stage;
        }
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to do, or the end.
    work: Condvar,
    /// A block is there.
    done: Condvar,
}

/// A thread that decompresses blocks; it ends, and is waited for, when this is dropped.
pub(super) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// `None` if there is no thread to be had: reading works without.
    pub fn start() -> Option<Worker> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("threadlog-ahead".to_owned()).spawn(move || work(&theirs)).ok()?;
        Some(Worker { shared, thread: Some(thread) })
    }

    /// Takes from the front of `coming` until `blocks` wait to be read or are ready, or `bytes` would be exceeded.
    pub fn add(&self, coming: &mut VecDeque<Task>, blocks: usize, bytes: u64) {
        let mut state = self.shared.state.lock();
        let in_room = state.slots.iter().filter(|slot| !matches!(slot.stage, Stage::Failed));
        let mut held: u64 = in_room.map(|slot| slot.task.raw_bytes).sum();
        while state.slots.len() < blocks
            && let Some(task) =
                coming.pop_front_if(|task| task.raw_bytes > bytes || held.saturating_add(task.raw_bytes) <= bytes)
        {
            let is_long = task.raw_bytes > bytes;
            let stage = if is_long { Stage::Failed } else { Stage::Waiting };
            held = held.saturating_add(if is_long { 0 } else { task.raw_bytes });
            state.slots.push_back(Slot { task: Arc::new(task), stage });
        }
        drop(state);
        self.shared.work.notify_one();
    }

    /// The block that is read next, by what was added.
    pub fn next_key(&self) -> Option<(SealedId, u32)> {
        self.shared.state.lock().slots.front().map(|slot| slot.task.key())
    }

    /// Whether all that was added was taken.
    pub fn is_done(&self) -> bool {
        self.shared.state.lock().slots.is_empty()
    }

    /// The block that is read next; `None` if it is the reader's own affair. While it is being decompressed the reader's
    /// thread decompresses another one, rather than wait. The room of the block that the cache has is used again.
    pub fn take(&self, cache: &mut SealedCache) -> Option<Arc<RecordsBlock>> {
        let mut state = self.shared.state.lock();
        while matches!(state.slots.front(), Some(Slot { stage: Stage::Taken, .. })) {
            match state.begin() {
                Some((task, room)) => {
                    let stage = MutexGuard::unlocked(&mut state, || task.run(cache.decoder(), room));
                    state.end(&task, stage);
                }
                // A thread that ended early (it does not) gives no block: then the reader reads it.
                None if self.thread.as_ref().is_none_or(JoinHandle::is_finished) => break,
                None => {
                    let _ = self.shared.done.wait_for(&mut state, LOOK_AFTER);
                }
            }
        }
        match state.slots.pop_front()?.stage {
            Stage::Ready(block) => {
                state.rooms.extend(cache.take_room());
                Some(Arc::new(block))
            }
            _ => None,
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        drop(state);
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // It only ends early if it panicked, and then nothing of it is waited for.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared) {
    let mut decoder = Decoder::new();
    let mut state = shared.state.lock();
    while !state.ended {
        let Some((task, room)) = state.begin() else {
            shared.work.wait(&mut state);
            continue;
        };
        let stage = MutexGuard::unlocked(&mut state, || task.run(&mut decoder, room));
        state.end(&task, stage);
        shared.done.notify_one();
    }
}
