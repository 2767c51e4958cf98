//! Deleting threads.

use serde::{Deserialize, Serialize};

use crate::thread::ThreadId;

/// What [`ThreadStore::delete_thread`](crate::thread_store::ThreadStore::delete_thread) is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteThreadParams {
    /// The thread, archived, in the trash, or neither.
    pub thread_id: ThreadId,
    /// What becomes of the threads that came from it. Default: they stay.
    pub descendants: Descendants,
}

impl DeleteThreadParams {
    /// Deletes this thread and no other.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> DeleteThreadParams {
        DeleteThreadParams { thread_id, descendants: Descendants::Keep }
    }

    /// The same, and everything that came from it.
    #[must_use]
    pub fn with_descendants(mut self) -> DeleteThreadParams {
        self.descendants = Descendants::Delete;
        self
    }
}

/// What becomes of a deleted thread's forks, and of the threads that its agents started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Descendants {
    /// They stay, whole: what a fork inherited stays readable for it.
    #[default]
    Keep,
    /// They are deleted with it, and theirs too.
    Delete,
}

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedThreads {
    /// The threads that are gone; the one asked for first.
    pub deleted: Vec<ThreadId>,
    /// Threads that came directly from it, and stayed.
    pub kept: Vec<ThreadId>,
}

impl DeletedThreads {
    pub(crate) fn new(deleted: Vec<ThreadId>, kept: Vec<ThreadId>) -> DeletedThreads {
        DeletedThreads { deleted, kept }
    }
}
