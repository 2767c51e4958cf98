//! What a running thread tells.

use std::sync::Arc;

use bytes::Bytes;
use threadlog::RolloutItem;
use threadlog::item::typed::TokenCount;
use threadlog::metadata::MemoryMode;
use threadlog::thread_store::ThreadStoreError;

use crate::config::ThreadConfig;
use crate::op::SubmissionId;

/// Something that happened in a thread.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The submission that it belongs to; `None` for what nobody asked for.
    pub submission: Option<SubmissionId>,
    /// What happened.
    pub msg: EventMsg,
}

/// What happened.
///
/// The first event of a thread is [`EventMsg::SessionConfigured`], the last [`EventMsg::ShutdownComplete`]. Each turn
/// that was submitted has exactly one [`EventMsg::TurnComplete`] or [`EventMsg::TurnAborted`], sent when its items are
/// durable, or when storing them failed: then `stored` is false.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventMsg {
    /// The thread is ready.
    SessionConfigured(Arc<SessionConfigured>),
    /// A turn begins.
    TurnStarted {
        /// Its id.
        turn_id: String,
    },
    /// An item was accepted for the thread, as it will be stored: once, in this order, if the thread's policy keeps its
    /// kind.
    Item(RolloutItem),
    /// What the agent shows and does not store: parts of a text, progress. JSON.
    Shown(Bytes),
    /// A turn ended as it should.
    TurnComplete {
        /// Its id.
        turn_id: String,
        /// The last thing the agent said in it.
        last_agent_message: Option<String>,
        /// Whether all its items survive power loss.
        stored: bool,
    },
    /// A turn ended otherwise.
    TurnAborted {
        /// Its id; `None` if it had not begun.
        turn_id: Option<String>,
        /// Why.
        reason: AbortReason,
        /// Whether all its items survive power loss; true for a turn of which there are none.
        stored: bool,
    },
    /// An interrupt was carried out.
    Interrupted {
        /// How many turns it ended, waiting ones included.
        turns: u64,
    },
    /// Turns were taken back.
    ThreadRolledBack {
        /// How many were asked for.
        num_turns: u32,
        /// How many items the model sees now; `None` while the marker waits to be stored.
        context_items: Option<usize>,
        /// Whether the marker survives power loss.
        stored: bool,
    },
    /// The thread has another name. Durable.
    ThreadNameUpdated {
        /// It; `None` if it was taken away.
        name: Option<String>,
    },
    /// Whether memories may be made from the thread was changed. Durable.
    MemoryModeUpdated {
        /// Whether they may.
        mode: MemoryMode,
    },
    /// Items could not be stored. They are kept and storing is tried again; told anew only when the reason changes.
    PersistenceFailed {
        /// Why. `Unavailable` with `Poisoned` asks for the store to be reopened, which the thread cannot do itself.
        error: ThreadStoreError,
    },
    /// Everything that was kept is stored.
    PersistenceRestored,
    /// An operation was refused: what, why, and what to do.
    Error {
        /// In one sentence.
        message: String,
    },
    /// The thread has ended; no event follows.
    ShutdownComplete,
}

/// What a thread is when it is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfigured {
    /// How it is set up.
    pub config: ThreadConfig,
    /// Tokens that it used before.
    pub tokens: Option<TokenCount>,
    /// How many items the model sees.
    pub context_items: usize,
    /// The turn that a program which ended left open, if its start states its id.
    pub open_turn: Option<String>,
}

/// Why a turn was aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortReason {
    /// By [`Op::Interrupt`](crate::Op::Interrupt) or a shutdown.
    Interrupted,
    /// The agent failed or panicked, or did not do what the turn was for.
    Failed(String),
    /// What was said before could not be stored, or not be read, so the turn was not begun. Submit it again when storing
    /// works.
    Storage(String),
}

impl Event {
    /// An event that belongs to this submission.
    #[must_use]
    pub fn new(submission: Option<SubmissionId>, msg: EventMsg) -> Event {
        Event { submission, msg }
    }
}

impl EventMsg {
    /// Whether a turn that was submitted ends with it.
    #[must_use]
    pub fn ends_turn(&self) -> bool {
        matches!(self, EventMsg::TurnComplete { .. } | EventMsg::TurnAborted { .. })
    }
}
