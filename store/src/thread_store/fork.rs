//! Forking: what a store is told, and what it answers.

use crate::thread::ThreadId;
use crate::thread_store::{CreateThreadParams, StoredThread};

/// What [`ThreadStore::fork_thread`](crate::thread_store::ThreadStore::fork_thread) is told.
///
/// ```
/// use threadlog::thread::ThreadId;
/// use threadlog::thread_store::{ForkPosition, ForkThreadParams};
///
/// # let source = ThreadId::generate();
/// let params = ForkThreadParams::new(source, ThreadId::generate()).at(ForkPosition::BeforeUserMessage(2));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ForkThreadParams {
    /// The thread to fork.
    pub source: ThreadId,
    /// Whether it may be archived. The fork is not. Default: yes, as a fork changes nothing of it.
    pub include_archived: bool,
    /// How much of it the fork has. Default: all, and a turn in the middle of which it ends is marked as interrupted.
    pub position: ForkPosition,
    /// The new thread. Directory, originator and version are the source's unless they are given; the history mode is
    /// always the source's. What stands in the source's own first item (instructions, tools) is inherited with it, and
    /// not repeated.
    pub new: CreateThreadParams,
    /// Whether the source's name becomes the fork's. Default: no: two threads of one name cannot be told apart in a
    /// list, and what a user calls a thread is said of that thread, not of its items.
    pub inherit_name: bool,
    /// What tells the model that a turn was interrupted, with [`ForkPosition::Interrupted`]. Default: a user's message.
    pub interrupt_marker: InterruptMarker,
}

impl ForkThreadParams {
    /// Forks all of `source` as a thread with the id `new`.
    #[must_use]
    pub fn new(source: ThreadId, new: ThreadId) -> ForkThreadParams {
        ForkThreadParams {
            source,
            include_archived: true,
            position: ForkPosition::default(),
            new: CreateThreadParams::new(new),
            inherit_name: false,
            interrupt_marker: InterruptMarker::default(),
        }
    }

    /// The same, with this much of it.
    #[must_use]
    pub fn at(mut self, position: ForkPosition) -> ForkThreadParams {
        self.position = position;
        self
    }

    /// The same, with the source's name.
    #[must_use]
    pub fn with_name(mut self) -> ForkThreadParams {
        self.inherit_name = true;
        self
    }
}

/// How much of a thread a fork has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForkPosition {
    /// All of it. If it ends in the middle of a turn, the fork's own items begin with a note to the model that the turn was
    /// interrupted (see [`InterruptMarker`]) and a `turn_aborted` event with the turn's id, if its start states one.
    #[default]
    Interrupted,
    /// All of it, as it is.
    Whole,
    /// The items before this ordinal.
    AtOrdinal(u64),
    /// The items before the user's message of this number, from 0, of those that no rollback took back. With a greater
    /// number than there are: all of it, but for a turn in the middle of which it ends.
    BeforeUserMessage(u64),
    /// The items up to the end of the turn with this id, which must have ended.
    AfterTurn(String),
    /// The items before the turn with this id.
    BeforeTurn(String),
}

/// What tells the model that a turn was interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterruptMarker {
    /// A message of the user's role.
    #[default]
    User,
    /// A message of the developer's role.
    Developer,
    /// Nothing; the `turn_aborted` event is there all the same.
    None,
}

/// A fork that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForkedThread {
    /// The fork. It is cold: resume it to go on with it.
    pub thread: StoredThread,
    /// How many records it inherited: its own items begin at this ordinal.
    pub inherited: u64,
}

impl ForkedThread {
    /// This fork, with so many inherited records.
    #[must_use]
    pub fn new(thread: StoredThread, inherited: u64) -> ForkedThread {
        ForkedThread { thread, inherited }
    }
}
