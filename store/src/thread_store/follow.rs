//! Following a thread: what is told to whoever wants its items as they come.

use crate::thread::ThreadId;

/// What [`LocalThreadStore::follow`](crate::local::LocalThreadStore::follow) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FollowParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived when following begins. Default: no.
    pub include_archived: bool,
    /// Where to begin. Default: behind the last item.
    pub from: FollowFrom,
}

/// Where following begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FollowFrom {
    /// Behind the last item that is stored now.
    #[default]
    End,
    /// With this many of the last items that are stored now.
    Last(u64),
    /// With the item at this ordinal, or the first behind it: 0 is the beginning. It need not be there yet.
    Ordinal(u64),
}

impl FollowParams {
    /// What is added to this thread from now on, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> FollowParams {
        FollowParams { thread_id, include_archived: false, from: FollowFrom::End }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> FollowParams {
        self.include_archived = true;
        self
    }

    /// The same, beginning here.
    #[must_use]
    pub fn from(mut self, from: FollowFrom) -> FollowParams {
        self.from = from;
        self
    }
}
