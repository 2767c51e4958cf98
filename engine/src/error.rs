//! What can go wrong, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::id::{Sequence, StreamId};
use crate::lock::Owner;

/// Result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of the engine. Each says what happened, where, and (where somebody can act) what to do.
///
/// Cloneable, because one failed sync is the answer to every waiter.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a call.
    #[error("cannot {op} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "open", "write", "sync".
        op: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// Bytes on disk are not what was written, in data that had been acknowledged.
    #[error("corrupt data in {} at byte {offset}: {what}; intact records can be exported with salvage", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// The streams known to have lost records; empty if that cannot be told.
        streams: Vec<StreamId>,
    },
    /// A sync failed: nothing more is acknowledged by this journal until it is reopened.
    #[error(
        "the journal stopped after a failed sync; records above sequence {durable} may or may not be on disk: \
         reopen the store, compare heads, append what is missing: {source}"
    )]
    Poisoned {
        /// Everything up to here is durable.
        durable: Sequence,
        /// The failure.
        source: Box<Error>,
    },
    /// A write failed (a full disk, say): the records of this ticket were taken back. (A power cut before the next
    /// record is durable can bring some of them back: who opens a store compares heads.)
    #[error(
        "the write failed and the records after sequence {durable} were taken back; make room and \
         append them again from the stream's head: {source}"
    )]
    WriteFailed {
        /// Everything up to here is durable.
        durable: Sequence,
        /// The failure.
        source: Box<Error>,
    },
    /// Another process holds the journal.
    #[error("{} is open for writing by {owner}", path.display())]
    Locked {
        /// The journal's directory.
        path: PathBuf,
        /// Who holds it, as they wrote it down.
        owner: Box<Owner>,
    },
    /// A journal whose writer died is being recovered by another process, which does not come to an end.
    #[error(
        "{} has to be recovered, its writer died: that has been going on for more than 30 s, by {owner}; \
         try again, or end that process",
        path.display()
    )]
    Recovering {
        /// The journal's directory.
        path: PathBuf,
        /// Who recovers it, as they wrote it down.
        owner: Box<Owner>,
    },
    /// Another process holds the lease that was asked for.
    #[error("it is held by {owner}")]
    Leased {
        /// Who holds it, as they wrote it down.
        owner: Box<Owner>,
    },
    /// The caller's idea of a stream's head differs from the log's.
    #[error("stream {stream} stands at ordinal {actual}, the caller expected {expected}")]
    WrongOrdinal {
        /// The stream.
        stream: StreamId,
        /// What the caller stated.
        expected: u64,
        /// The ordinal that the next record would get.
        actual: u64,
    },
    /// An older writer of a stream appended after a newer one.
    #[error("stream {stream} was taken over: lease epoch {actual} is in force, the caller holds {stated}")]
    StaleLease {
        /// The stream.
        stream: StreamId,
        /// What the caller stated.
        stated: u64,
        /// The highest epoch seen.
        actual: u64,
    },
    /// A batch or record is larger than the format allows.
    #[error("{what} of {bytes} bytes; at most {max} are possible")]
    TooLarge {
        /// Which limit.
        what: &'static str,
        /// What was asked.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The store was written by a version this one cannot read (or not write).
    #[error("{}: {what}; use a newer threadlog", path.display())]
    FormatVersion {
        /// The file that says so.
        path: PathBuf,
        /// Found and supported versions or flags.
        what: String,
    },
    /// There is no store here.
    #[error("no threadlog store at {}", path.display())]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// A store is to be made in a directory that is used for something else.
    #[error("{} is no store and holds other things (\"{found}\"): a new store wants an empty or a new folder", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// The file system cannot be trusted with locks or syncs.
    #[error("{} is on {kind}, whose locks or syncs cannot be trusted: {advice}", path.display())]
    Untrusted {
        /// The store's directory.
        path: PathBuf,
        /// The file system's name.
        kind: String,
        /// What to do.
        advice: &'static str,
    },
    /// A ticket of another engine, or of an earlier opening of this store.
    #[error("the ticket is of another opening of the store: compare heads to learn what became of its records")]
    StrangeTicket,
    /// The engine was closed.
    #[error("the store was closed")]
    Closed,
    /// A configuration value is out of bounds.
    #[error("config: {what}")]
    Config {
        /// Which and why.
        what: String,
    },
}

impl Error {
    /// Wraps an I/O error with what was tried and where.
    pub fn io(op: &'static str, path: &Path, source: io::Error) -> Error {
        Error::Io { op, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Whether acknowledged bytes are damaged (as opposed to: not writable now).
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        matches!(self, Error::Corrupt { .. })
    }

    /// Whether the same call can succeed later without reopening (a full disk that gets room).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::WriteFailed { .. } | Error::Locked { .. } | Error::Recovering { .. } => true,
            Error::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}
