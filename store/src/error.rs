//! What can go wrong in the store, where, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::Unreadable;
use crate::path::UnsafePath;
use crate::thread::{ThreadId, ThreadKey};

/// Result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another import into this store is running.
    #[error("another import is running: {owner}; when it is done, run this one again")]
    Importing {
        /// Who imports, as they wrote it down.
        owner: Box<threadlog_engine::Owner>,
    },
    /// The engine's.
    #[error(transparent)]
    Engine(#[from] threadlog_engine::error::Error),
    /// Of sealing, merging or erasing.
    #[error(transparent)]
    Compaction(#[from] threadlog_compaction::Error),
    /// The operating system refused a call outside the store's own files.
    #[error("cannot {op} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "create".
        op: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// No thread has this id.
    #[error("no thread {text} in this store; `list` shows all")]
    NotFound {
        /// What was asked for.
        text: String,
    },
    /// No deleted thread has an id that begins so.
    #[error("no deleted thread has an id that begins with {text}; give a whole id to be told that nothing is there")]
    NotDeleted {
        /// What was asked for.
        text: String,
    },
    /// A cursor of changes that another store gave.
    #[error("the cursor is another store's: start again without one")]
    ForeignCursor,
    /// What should name a thread cannot.
    #[error("\"{text}\" names no thread: {why}")]
    BadId {
        /// What was asked for.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Several threads have ids that begin so.
    #[error("{text} could be any of {} threads ({}): give more of the id", candidates.len(), sample(candidates))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// The threads it could mean, in the order of their ids.
        candidates: Vec<ThreadId>,
    },
    /// A record is intact and cannot be read all the same.
    #[error("record {ordinal} of thread {key}: {why}")]
    Unreadable {
        /// The thread.
        key: ThreadKey,
        /// The record's place in its stream.
        ordinal: u64,
        /// Why.
        #[source]
        why: Unreadable,
    },
    /// What a fork stands on cannot be read.
    #[error("thread {key} cannot be read whole, because {fault}; what is its own can be: run verify")]
    Lineage {
        /// The fork.
        key: ThreadKey,
        /// What is wrong.
        #[source]
        fault: LineageFault,
    },
    /// What comes out of the store is not what was imported.
    #[error(
        "thread {key} no longer gives the bytes of {path}: {what}; run verify, and import the file again if you have it"
    )]
    Mismatch {
        /// The thread.
        key: ThreadKey,
        /// The imported file.
        path: String,
        /// What differs.
        what: &'static str,
    },
    /// A stored path leads out of the target folder.
    #[error(transparent)]
    UnsafePath(#[from] UnsafePath),
    /// A file to be written exists and has other content.
    #[error("{} exists and differs: not overwritten; choose an empty folder, or allow overwriting", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Something stands where a file is to be written, and it is no file.
    #[error("{} exists, and is no regular file: not written; choose an empty folder", path.display())]
    NotRegular {
        /// What stands there.
        path: PathBuf,
    },
    /// A folder to be written to is a link to somewhere else.
    #[error(
        "{} is a symbolic link, and nothing is written through it: choose an empty folder, or remove the link",
        path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file is no sound bundle.
    #[error("{}: {fault}", path.display())]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: BundleFault,
    },
    /// The record that says how a life began is lost.
    #[error("thread {key} cannot be packed: the record that says how it began is lost; run verify")]
    NoCreation {
        /// The life.
        key: ThreadKey,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
    /// The store was opened for reading only.
    #[error("the store was opened for reading only")]
    ReadOnly,
}

/// What is wrong with what a fork stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineageFault {
    /// The base is not in the store.
    #[error("its first {end} items are those of thread {base}, which is not in this store")]
    Missing {
        /// The life it was forked from.
        base: ThreadKey,
        /// How many items of it are needed.
        end: u64,
    },
    /// The base has fewer items than were forked.
    #[error("its first {end} items are those of thread {base}, which has {found}")]
    Short {
        /// The life it was forked from.
        base: ThreadKey,
        /// How many items of it are needed.
        end: u64,
        /// How many there are.
        found: u64,
    },
    /// The base was forked from the fork.
    #[error("it was forked from thread {base}, which was forked from it")]
    Cycle {
        /// The life that comes twice.
        base: ThreadKey,
    },
}

/// What is wrong with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// It does not begin as one.
    #[error("this is no bundle")]
    NoBundle,
    /// A newer program wrote it.
    #[error("the bundle is of a newer format: use a newer threadlog")]
    Version,
    /// Its end is missing.
    #[error("the bundle is damaged: its end is missing; get it again")]
    Short,
    /// Its bytes are not those that were written.
    #[error("the bundle is damaged: its bytes do not match its hash; get it again")]
    Hash,
    /// The records of a life are not those that were written.
    #[error("the bundle is damaged: the records of thread {0} do not match their hash; get it again")]
    Life(ThreadKey),
    /// It is not made as bundles are.
    #[error("the bundle is not made as it should be ({0}): get it again, from somebody you trust")]
    Shape(&'static str),
}

impl Error {
    /// Wraps an I/O error with what was tried and where.
    pub(crate) fn io(op: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { op, path, source }
    }

    /// Whether stored bytes are damaged.
    #[must_use]
    pub fn is_corruption(&self) -> bool {
        match self {
            Error::Engine(error) => error.is_corruption(),
            Error::Mismatch { .. } | Error::Lineage { .. } | Error::NoCreation { .. } => true,
            Error::Bundle { fault, .. } => !matches!(fault, BundleFault::NoBundle | BundleFault::Version),
            _ => false,
        }
    }
}

/// The first few candidates, for a message of bounded length.
fn sample(candidates: &[ThreadId]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = candidates.iter().take(SHOWN).map(ThreadId::to_string).collect();
    let more = if candidates.len() > SHOWN { ", …" } else { "" };
    shown.join(", ") + more
}
