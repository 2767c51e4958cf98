//! Why something could not be done with a running thread.

use threadlog::ThreadId;
use threadlog::thread_store::{Report, ThreadStoreError};

/// Result of an operation on running threads.
pub type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Why an operation on running threads failed: what, which thread, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// No thread of this id runs in this process.
    #[error("{operation}: thread {thread_id} does not run in this process; start or resume it first")]
    NotRunning {
        /// The method that was called.
        operation: &'static str,
        /// The thread.
        thread_id: ThreadId,
    },
    /// The thread is ending or has ended: it takes nothing more.
    #[error("{operation}: thread {thread_id} has been told to end; resume it to go on")]
    Ended {
        /// The method that was called.
        operation: &'static str,
        /// The thread.
        thread_id: ThreadId,
    },
    /// What drives the thread is gone: its runtime was shut down, or a fault below unwound it. What it accepted is
    /// still in the store's hands.
    #[error("{operation}: thread {thread_id} is not driven any more; resume it to go on, or discard it")]
    Failed {
        /// The method that was called.
        operation: &'static str,
        /// The thread.
        thread_id: ThreadId,
    },
    /// It was called outside a tokio runtime.
    #[error("{operation}: there is no tokio runtime here to run a thread on; call it inside one")]
    NoRuntime {
        /// The method that was called.
        operation: &'static str,
    },
    /// The agent could not prepare for the thread. The thread was let go of again; nothing of it was written since.
    #[error("{operation} of thread {thread_id}: the agent is not ready: {message}")]
    Agent {
        /// The method that was called.
        operation: &'static str,
        /// The thread.
        thread_id: ThreadId,
        /// What the agent said.
        message: String,
    },
    /// The store refused, or the request itself is wrong.
    #[error(transparent)]
    Store(#[from] ThreadStoreError),
}

impl SessionError {
    /// Whether the request itself is wrong: repeating it gives the same answer.
    #[must_use]
    pub fn is_invalid_request(&self) -> bool {
        matches!(self, SessionError::Store(ThreadStoreError::InvalidRequest(_)))
    }

    /// Whether the store, or this thread, cannot do such a thing at all.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, SessionError::Store(ThreadStoreError::Unsupported(_)))
    }
}

/// What an ephemeral thread cannot do.
pub(crate) fn ephemeral(operation: &'static str, id: ThreadId) -> ThreadStoreError {
    Report::new(operation, "the thread is ephemeral: nothing of it is stored, so there is nothing to change")
        .of(id)
        .advise("start a thread that is not, or fork this one into one")
        .invalid()
}

/// What a thread without a file cannot do.
pub(crate) fn pathless(operation: &'static str, id: ThreadId) -> ThreadStoreError {
    Report::new(operation, "the thread is ephemeral: it has no file")
        .of(id)
        .advise("start a thread that is not, in a store that has a file for each thread")
        .unsupported()
}
