//! Which threads run in this process, and which are about to.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use threadlog::ThreadId;
use threadlog::thread_store::{Holder, Report, ThreadStoreError};

use crate::thread::{CodexThread, Inner, ThreadStatus};

/// The threads of one manager.
#[derive(Default)]
pub(super) struct Registry {
    threads: Mutex<HashMap<ThreadId, Entry>>,
}

enum Entry {
    /// Somebody is starting it.
    Reserved,
    Running(Arc<CodexThread>),
}

/// What stands in the way of starting a thread.
pub(super) enum Taken {
    /// Somebody else is starting it.
    Reserved,
    Running(Arc<CodexThread>),
    /// It was told to end and has not ended yet.
    Ending,
    /// It ran, and nothing drives it any more.
    Failed(Arc<CodexThread>),
}

/// A thread's place while it is being started. Dropped unfilled it is free again.
pub(super) struct Reservation {
    registry: Weak<Registry>,
    id: ThreadId,
}

impl Registry {
    /// Reserves a place, replacing a thread that has ended.
    pub(super) fn reserve(self: &Arc<Self>, id: ThreadId) -> Result<Reservation, Taken> {
        let mut threads = self.threads.lock();
        let taken = match threads.get(&id) {
            Some(Entry::Reserved) => Some(Taken::Reserved),
            Some(Entry::Running(thread)) => {
                let status = thread.status().borrow().clone();
                match status {
                    ThreadStatus::Stopped => None,
                    ThreadStatus::Failed => Some(Taken::Failed(Arc::clone(thread))),
                    _ if thread.is_ending() => Some(Taken::Ending),
                    _ => Some(Taken::Running(Arc::clone(thread))),
                }
            }
            None => None,
        };
        match taken {
            Some(taken) => Err(taken),
            None => {
                let before = threads.insert(id, Entry::Reserved);
                drop(threads);
                // A handle's end may call back.
                drop(before);
                Ok(Reservation { registry: Arc::downgrade(self), id })
            }
        }
    }

    /// The thread, if it runs.
    pub(super) fn get(&self, id: ThreadId) -> Option<Arc<CodexThread>> {
        self.threads.lock().get(&id).and_then(Entry::running).filter(|thread| !has_ended(thread))
    }

    /// All that run, sorted by the text of their ids.
    pub(super) fn all(&self) -> Vec<Arc<CodexThread>> {
        let mut threads: Vec<_> = self.threads.lock().values().filter_map(Entry::running).collect();
        threads.retain(|thread| !has_ended(thread));
        threads.sort_by_key(|thread| thread.id().to_string());
        threads
    }

    /// Forgets a thread that fits, and gives it.
    pub(super) fn remove(&self, id: ThreadId, fits: impl FnOnce(&CodexThread) -> bool) -> Option<Arc<CodexThread>> {
        let mut threads = self.threads.lock();
        let thread = threads.get(&id).and_then(Entry::running).filter(|thread| fits(thread))?;
        let entry = threads.remove(&id);
        drop(threads);
        drop(entry);
        Some(thread)
    }

    /// Forgets a thread that has ended, unless another one has taken its place.
    pub(super) fn ended(&self, id: ThreadId, inner: &Arc<Inner>) {
        self.remove(id, |thread| thread.is(inner));
    }
}

/// Between a thread's end and its being forgotten, too, it is not one that runs.
fn has_ended(thread: &CodexThread) -> bool {
    *thread.status().borrow() == ThreadStatus::Stopped
}

impl Entry {
    fn running(&self) -> Option<Arc<CodexThread>> {
        match self {
            Entry::Reserved => None,
            Entry::Running(thread) => Some(Arc::clone(thread)),
        }
    }
}

impl Reservation {
    /// Puts the thread into its place.
    pub(super) fn fill(self, thread: &Arc<CodexThread>) {
        if let Some(registry) = self.registry.upgrade() {
            registry.threads.lock().insert(self.id, Entry::Running(Arc::clone(thread)));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(registry) = self.registry.upgrade() else { return };
        let mut threads = registry.threads.lock();
        if matches!(threads.get(&self.id), Some(Entry::Reserved)) {
            threads.remove(&self.id);
        }
    }
}

/// Refuses to start what runs, or is being started.
pub(super) fn conflict(operation: &'static str, id: ThreadId, taken: &Taken) -> ThreadStoreError {
    const ELSE: &str = "get it from the manager, or take another id";
    let (what, advice) = match taken {
        Taken::Reserved => ("somebody else in this process is starting it at this moment", ELSE),
        Taken::Running(_) | Taken::Failed(_) => ("it runs in this process already", ELSE),
        Taken::Ending => ("it was told to end and has not ended yet", "wait for its end (`CodexThread::shutdown`)"),
    };
    Report::new(operation, what).of(id).advise(advice).conflict(None::<Holder>)
}
