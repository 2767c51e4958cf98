//! Finds, one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::item::Timestamp;
use crate::search::{Snippet, Speaker, TextKind};
use crate::thread::ThreadId;
use crate::thread_store::{Result, StoredThread};

/// Finds that wait to be taken.
const WAITING_MAX: usize = 256;
/// Records that cannot be read are told apart up to so many, and counted beyond.
const UNREAD_MAX: usize = 1000;

/// An item that has what was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The thread.
    pub thread: Arc<StoredThread>,
    /// Where the item stands in the thread, what it inherited included.
    pub ordinal: u64,
    /// When it was written, if it says so.
    pub time: Option<Timestamp>,
    /// What sort of text it is.
    pub kind: TextKind,
    /// Who said it, if it is a message.
    pub speaker: Option<Speaker>,
    /// The tool's name, if it is a call.
    pub tool: Option<String>,
    /// The text around the first find.
    pub snippet: Snippet,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchProgress {
    /// Threads that are to be searched; known soon after the beginning.
    pub threads: u64,
    /// Of these, those that were searched to their end.
    pub threads_done: u64,
    /// Records that could not be read and may have held more finds.
    pub lost_records: u64,
}

/// A record that could not be read, and may have held more finds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// The thread in which it would have been found.
    pub thread: ThreadId,
    /// Which record of which life, and why, for people.
    pub why: String,
}

/// A search that is under way. Work goes on while finds are taken, a little ahead of them; dropping it ends the work.
///
/// *Memory:* a few hundred finds, a block and the longest item for each thread that works, and a word for each thread searched
/// and each shared value looked at.
#[derive(Debug)]
pub struct Search {
    found: mpsc::Receiver<Result<Found>>,
    shared: Arc<Counters>,
}

/// What the search and those who work for it share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    threads: AtomicU64,
    threads_done: AtomicU64,
    lost_records: AtomicU64,
    unread: Mutex<Vec<Unread>>,
    stop: AtomicBool,
}

/// The end where finds go in.
pub(crate) struct Sender {
    found: mpsc::Sender<Result<Found>>,
    pub(crate) counters: Arc<Counters>,
}

impl Search {
    pub(crate) fn channel() -> (Sender, Search) {
        let (sender, found) = mpsc::channel(WAITING_MAX);
        let shared = Arc::<Counters>::default();
        (Sender { found: sender, counters: Arc::clone(&shared) }, Search { found, shared })
    }

    /// The next find; `None` at the end. Cancel safe.
    ///
    /// # Errors
    /// If the store failed; nothing comes behind that. Damage is none: see [`SearchProgress::lost_records`].
    pub async fn next(&mut self) -> Option<Result<Found>> {
        self.found.recv().await
    }

    /// As [`Search::next`], for those who poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Found>>> {
        self.found.poll_recv(context)
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> SearchProgress {
        let count = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        SearchProgress {
            threads: count(&self.shared.threads),
            threads_done: count(&self.shared.threads_done),
            lost_records: count(&self.shared.lost_records),
        }
    }

    /// What could not be read so far: the first 1 000 of [`SearchProgress::lost_records`].
    #[must_use]
    pub fn unread(&self) -> Vec<Unread> {
        self.shared.unread.lock().clone()
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

impl Sender {
    /// Hands a find over, and waits for room; false if nobody takes it any more. Blocks.
    pub(crate) fn send(&self, found: Result<Found>) -> bool {
        self.found.blocking_send(found).is_ok()
    }
}

impl Counters {
    pub(crate) fn planned(&self, threads: u64) {
        self.threads.store(threads, Ordering::Release);
    }

    pub(crate) fn thread_done(&self) {
        self.threads_done.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn lost(&self, thread: ThreadId, error: &Error) {
        self.lost_records.fetch_add(1, Ordering::AcqRel);
        let mut unread = self.unread.lock();
        if unread.len() < UNREAD_MAX {
            unread.push(Unread { thread, why: error.to_string() });
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
