//! What can go wrong here, and what to do about it.

use threadlog_engine::Owner;

/// Result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not sealed, merged or erased. Nothing was lost: what was there before is there still.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine's: the disk refused a call, or bytes are damaged.
    #[error(transparent)]
    Engine(#[from] threadlog_engine::Error),
    /// Somebody else seals, merges or erases at this moment.
    #[error("the store is being worked on by {owner}: try again when that is done")]
    Busy {
        /// Who, as they wrote it down.
        owner: Box<Owner>,
    },
    /// The caller asked to stop. What was done until then stays done.
    #[error("stopped; what was done until then stays done")]
    Stopped,
    /// What stands where a copy of a store is to be made is no copy of it.
    #[error("{} cannot become a copy of this store: {what}; choose an empty folder", path.display())]
    NotACopy {
        /// The directory.
        path: std::path::PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A dictionary could not be trained.
    #[error("cannot train a compression dictionary: {reason}")]
    Dictionary {
        /// Why, in the compressor's words.
        reason: String,
    },
    /// Records were pushed that are not of a new stream, or not in their order.
    #[error("record {ordinal} of stream {stream} was pushed where {expected} was to come")]
    OutOfOrder {
        /// The stream.
        stream: threadlog_engine::StreamId,
        /// What was pushed.
        ordinal: u64,
        /// What would have been next.
        expected: u64,
    },
    /// A setting lies outside its bounds.
    #[error("bad configuration: {what}")]
    Config {
        /// The field, its value and its bounds.
        what: String,
    },
}

impl Error {
    /// Whether the disk (or a quota) is full: make room, then try again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Error::Engine(error) => error.is_retryable(),
            _ => false,
        }
    }
}
