//! The log of an open store: its writer's, or a reader's look at it.

use std::sync::Arc;

use threadlog_engine::sealed::Sealed;
use threadlog_engine::{Engine, ReadLog, Reader, Result};

/// A log that is open. Cheap to clone; clones are one log.
#[derive(Clone)]
pub(crate) enum Log {
    Writer(Engine),
    Reader(Reader),
}

impl Log {
    /// For reading.
    pub(crate) fn read(&self) -> &dyn ReadLog {
        match self {
            Log::Writer(engine) => engine,
            Log::Reader(reader) => reader,
        }
    }

    /// For writing; `None` if it was opened for reading.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        match self {
            Log::Writer(engine) => Some(engine),
            Log::Reader(_) => None,
        }
    }

    /// What is sealed, as this log knows it.
    pub(crate) fn sealed(&self) -> Arc<Sealed> {
        match self {
            Log::Writer(engine) => engine.sealed(),
            Log::Reader(reader) => reader.sealed(),
        }
    }

    /// Closes it.
    pub(crate) fn close(self) -> Result<()> {
        match self {
            Log::Writer(engine) => engine.close(),
            Log::Reader(_) => Ok(()),
        }
    }
}
