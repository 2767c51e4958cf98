//! What a store answers when it cannot do what was asked: what, where, and what to do.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use threadlog_engine::Owner;

use crate::thread::ThreadId;

/// Result of a store operation.
pub type Result<T, E = ThreadStoreError> = std::result::Result<T, E>;

/// Why an operation on a [`ThreadStore`](crate::thread_store::ThreadStore) failed.
///
/// Match on the variant to decide what to do, print it to tell a person. Cloneable, because one
/// failed sync can be the answer to many callers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ThreadStoreError {
    /// There is no such thread, or it is not in the state that the operation needs.
    ThreadNotFound {
        /// The method that was called.
        operation: &'static str,
        /// The thread asked for.
        thread_id: ThreadId,
        /// What exactly is missing.
        absence: Absence,
    },
    /// The request itself is wrong; repeating it gives the same answer.
    InvalidRequest(Box<Report>),
    /// Somebody else holds what the operation needs, or has already made what it would make.
    Conflict(Box<Report>, Option<Box<Holder>>),
    /// This store does not offer the operation, or not for this thread.
    Unsupported(Box<Report>),
    /// Bytes that had been acknowledged are damaged. Everything else stays readable.
    Corrupt(Box<Report>),
    /// The store cannot do it now: nothing that was accepted is lost, see the reason for the way back.
    Unavailable(Box<Report>, Unavailability),
    /// A fault of the store's own.
    Internal(Box<Report>),
}

/// What is missing, in [`ThreadStoreError::ThreadNotFound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// The store has never heard of the thread.
    Unknown,
    /// The thread is live but nothing of it is stored yet: persist it first.
    NotPersisted,
    /// The thread has no live writer here: create or resume it first.
    NotLive,
}

/// Why the store cannot serve now, in [`ThreadStoreError::Unavailable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailability {
    /// A sync failed, so what is on disk above the durable mark is unknown. The store must be reopened;
    /// live threads keep what they have accepted and go on from there.
    Poisoned,
    /// The disk is full or over quota. When there is room, the same call succeeds.
    Full,
    /// A write or read failed for another reason. The same call may succeed.
    Io,
    /// Too much accepted and not yet stored; the items of *this* call were not accepted.
    Backlog,
    /// Another process holds the store.
    Locked,
    /// The store was closed.
    Closed,
}

/// What happened, where, and what to do.
#[derive(Clone, Debug)]
pub struct Report {
    /// The method that was called: "append_items".
    pub operation: &'static str,
    /// The thread it was called for.
    pub thread_id: Option<ThreadId>,
    /// What happened, as half a sentence.
    pub what: String,
    /// What to do about it; empty if nothing can be.
    pub advice: &'static str,
    /// What caused it, in the terms of the layer below.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// Who holds a live thread.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Process id.
    pub process: u32,
    /// The machine it runs on.
    pub host: String,
    /// What that program calls itself.
    pub client: String,
    /// Since when, in milliseconds since 1970 (UTC): of a thread of this process, since it is live; of another's, since it
    /// has the store open.
    pub since_ms: u64,
}

impl From<&Owner> for Holder {
    fn from(owner: &Owner) -> Holder {
        let Owner { pid, host, client, since_ms, .. } = owner.clone();
        Holder { process: pid, host, client, since_ms }
    }
}

impl Holder {
    /// A holder in this process.
    #[must_use]
    pub fn here(client: &str, since_ms: u64) -> Holder {
        Holder {
            process: std::process::id(),
            host: threadlog_engine::fs::platform::host_name(),
            client: client.to_owned(),
            since_ms,
        }
    }
}

impl Report {
    /// A report that names the operation and what happened.
    #[must_use]
    pub fn new(operation: &'static str, what: impl Into<String>) -> Report {
        Report { operation, thread_id: None, what: what.into(), advice: "", cause: None }
    }

    /// The same, for one thread.
    #[must_use]
    pub fn of(mut self, thread_id: ThreadId) -> Report {
        self.thread_id = Some(thread_id);
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub fn advise(mut self, advice: &'static str) -> Report {
        self.advice = advice;
        self
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Report {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// As [`ThreadStoreError::InvalidRequest`].
    #[must_use]
    pub fn invalid(self) -> ThreadStoreError {
        ThreadStoreError::InvalidRequest(Box::new(self))
    }

    /// As [`ThreadStoreError::Conflict`].
    #[must_use]
    pub fn conflict(self, holder: Option<Holder>) -> ThreadStoreError {
        ThreadStoreError::Conflict(Box::new(self), holder.map(Box::new))
    }

    /// As [`ThreadStoreError::Unsupported`].
    #[must_use]
    pub fn unsupported(self) -> ThreadStoreError {
        ThreadStoreError::Unsupported(Box::new(self))
    }

    /// As [`ThreadStoreError::Corrupt`].
    #[must_use]
    pub fn corrupt(self) -> ThreadStoreError {
        ThreadStoreError::Corrupt(Box::new(self))
    }

    /// As [`ThreadStoreError::Unavailable`].
    #[must_use]
    pub fn unavailable(self, reason: Unavailability) -> ThreadStoreError {
        ThreadStoreError::Unavailable(Box::new(self), reason)
    }

    /// As [`ThreadStoreError::Internal`].
    #[must_use]
    pub fn internal(self) -> ThreadStoreError {
        ThreadStoreError::Internal(Box::new(self))
    }
}

impl ThreadStoreError {
    /// The thread that the operation was about.
    #[must_use]
    pub fn thread_id(&self) -> Option<ThreadId> {
        match self {
            ThreadStoreError::ThreadNotFound { thread_id, .. } => Some(*thread_id),
            _ => self.report().and_then(|report| report.thread_id),
        }
    }

    /// The method that was called.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            ThreadStoreError::ThreadNotFound { operation, .. } => operation,
            _ => self.report().map_or("", |report| report.operation),
        }
    }

    /// Whether the same call can succeed later without anybody reopening the store.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            ThreadStoreError::Conflict(_, holder) => holder.is_some(),
            ThreadStoreError::Unavailable(_, reason) => {
                !matches!(reason, Unavailability::Poisoned | Unavailability::Closed)
            }
            _ => false,
        }
    }

    fn report(&self) -> Option<&Report> {
        match self {
            ThreadStoreError::ThreadNotFound { .. } => None,
            ThreadStoreError::InvalidRequest(report)
            | ThreadStoreError::Conflict(report, _)
            | ThreadStoreError::Unsupported(report)
            | ThreadStoreError::Corrupt(report)
            | ThreadStoreError::Unavailable(report, _)
            | ThreadStoreError::Internal(report) => Some(report),
        }
    }
}

impl Error for ThreadStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.report()?.cause.as_deref()?;
        Some(cause)
    }
}

impl fmt::Display for ThreadStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadStoreError::ThreadNotFound { operation, thread_id, absence } => {
                write!(f, "{operation}: thread {thread_id} {absence}")
            }
            ThreadStoreError::Conflict(report, Some(holder)) => write!(f, "{report}: held by {holder}"),
            _ => self.report().map_or(Ok(()), |report| report.fmt(f)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(thread_id) = self.thread_id {
            write!(f, " of thread {thread_id}")?;
        }
        write!(f, ": {}", self.what)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Absence::Unknown => "is not in this store",
            Absence::NotPersisted => "is live but nothing of it is stored yet: persist it first",
            Absence::NotLive => "has no live writer here: create or resume it first",
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { process, host, client, since_ms } = self;
        if *process == 0 {
            return f.write_str("another process (it left no readable name)");
        }
        let here = if *process == std::process::id() { " (this process)" } else { "" };
        write!(f, "process {process}{here} on {host}, {client}, since ")?;
        match crate::item::Timestamp::from_ms(*since_ms) {
            Some(since) => since.fmt(f),
            None => write!(f, "{since_ms} ms after 1970"),
        }
    }
}
