//! Deleting threads.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::thread::ThreadId;
use crate::thread_store::{Result, refuse};

/// What [`ThreadStore::delete_thread`](crate::thread_store::ThreadStore::delete_thread) is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteThreadParams {
    /// The thread, archived, in the trash, or neither.
    pub thread_id: ThreadId,
    /// What becomes of the threads that came from it. Default: they stay.
    pub descendants: Descendants,
    /// Whether the thread is deleted only if it is in the trash at that moment, as of all that was acknowledged anywhere:
    /// for who empties the trash. Default: wherever it is. What came from it may be anywhere.
    pub only_trashed: bool,
    /// All that may go with it; nothing goes if something else came from it. For who asked somebody first. Default: whatever
    /// there is.
    pub among: Option<HashSet<ThreadId>>,
}

impl DeleteThreadParams {
    /// Deletes this thread and no other.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> DeleteThreadParams {
        DeleteThreadParams { thread_id, descendants: Descendants::Keep, only_trashed: false, among: None }
    }

    /// The same, if the thread is still in the trash.
    #[must_use]
    pub fn if_trashed(mut self) -> DeleteThreadParams {
        self.only_trashed = true;
        self
    }

    /// The same, and everything that came from it.
    #[must_use]
    pub fn with_descendants(mut self) -> DeleteThreadParams {
        self.descendants = Descendants::Delete;
        self
    }

    /// The same, and everything that came from it, if that is not more than these.
    #[must_use]
    pub fn with_descendants_among(mut self, among: impl IntoIterator<Item = ThreadId>) -> DeleteThreadParams {
        self.among = Some(among.into_iter().collect());
        self.with_descendants()
    }

    /// Refuses descendants that are not to go.
    pub(crate) fn check(&self, operation: &'static str, descendants: &[ThreadId]) -> Result<()> {
        let Some(among) = &self.among else { return Ok(()) };
        let new = descendants.iter().find(|descendant| !among.contains(descendant));
        new.map_or(Ok(()), |new| Err(refuse::new_descendant(operation, self.thread_id, *new)))
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
