//! Reading: what readers ask for, and what they get.

use crate::item::RolloutItem;
use crate::metadata::ThreadMetadata;
use crate::thread::{ThreadId, ThreadKey};

/// What [`ThreadStore::load_history`](crate::thread_store::ThreadStore::load_history) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadHistoryParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived. Default: no.
    pub include_archived: bool,
    /// Which items. Default: all.
    pub range: HistoryRange,
}

impl LoadHistoryParams {
    /// All items of this thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> LoadHistoryParams {
        LoadHistoryParams { thread_id, include_archived: false, range: HistoryRange::All }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> LoadHistoryParams {
        self.include_archived = true;
        self
    }

    /// The same, only these items.
    #[must_use]
    pub fn only(mut self, range: HistoryRange) -> LoadHistoryParams {
        self.range = range;
        self
    }
}

/// What [`ThreadStore::load_model_context`](crate::thread_store::ThreadStore::load_model_context) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadModelContextParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived. Default: no.
    pub include_archived: bool,
}

impl LoadModelContextParams {
    /// What the model sees of this thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> LoadModelContextParams {
        LoadModelContextParams { thread_id, include_archived: false }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> LoadModelContextParams {
        self.include_archived = true;
        self
    }
}

/// Which items of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryRange {
    /// All.
    #[default]
    All,
    /// This many, the newest. Costs what it returns, not what the thread is long.
    Last(u64),
    /// At most `count_max`, from this ordinal on: the way to read a long thread piece by piece, and to read around
    /// damage. A line that was imported in two pieces and falls on the border comes in two.
    From {
        /// The first ordinal wanted.
        ordinal: u64,
        /// How many at most.
        count_max: u64,
    },
}

/// What [`ThreadStore::read_thread`](crate::thread_store::ThreadStore::read_thread) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadThreadParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived. Default: no.
    pub include_archived: bool,
    /// Whether to read its items too. Default: no.
    pub include_history: bool,
}

impl ReadThreadParams {
    /// What is known of this thread, without its items, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> ReadThreadParams {
        ReadThreadParams { thread_id, include_archived: false, include_history: false }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> ReadThreadParams {
        self.include_archived = true;
        self
    }

    /// The same, with its items.
    #[must_use]
    pub fn with_history(mut self) -> ReadThreadParams {
        self.include_history = true;
        self
    }
}

/// Items of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredHistory {
    /// The thread.
    pub thread_id: ThreadId,
    /// Position of the first of these items in the thread.
    pub first_ordinal: u64,
    /// Position behind the last of these items: where to go on reading. Items take one position each, but for
    /// a line that was imported in two pieces, which takes two.
    pub end_ordinal: u64,
    /// Position that the thread's next item will get; above `end_ordinal` if there are more.
    pub next_ordinal: u64,
    /// The items, oldest first. Of a live thread: those that are durable, so flush before.
    pub items: Vec<RolloutItem>,
}

impl StoredHistory {
    /// No items, of a thread that has none below `next_ordinal` that were asked for.
    #[must_use]
    pub fn empty(thread_id: ThreadId, next_ordinal: u64) -> StoredHistory {
        StoredHistory {
            thread_id,
            first_ordinal: next_ordinal,
            end_ordinal: next_ordinal,
            next_ordinal,
            items: Vec::new(),
        }
    }
}

/// What is known of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredThread {
    /// The thread, and which life of it this is.
    pub key: ThreadKey,
    /// Name, preview, times, model, tokens and all else that its items and its users say of it.
    pub metadata: ThreadMetadata,
    /// Its items, if they were asked for.
    pub history: Option<StoredHistory>,
}

impl StoredThread {
    /// A thread with this metadata, without items.
    #[must_use]
    pub fn new(key: ThreadKey, metadata: ThreadMetadata) -> StoredThread {
        StoredThread { key, metadata, history: None }
    }

    /// The thread's id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.key.thread
    }
}
