//! The log of an open store: its writer's, or a reader's look at it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::id::Sequence;
use threadlog_engine::sealed::Sealed;
use threadlog_engine::{Engine, ReadLog, Reader, Result, StreamId, read_format};

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

    /// How far each journal is durable, by number.
    pub(crate) fn positions(&self) -> Vec<(u32, Sequence)> {
        match self {
            Log::Writer(engine) => engine.positions(),
            Log::Reader(reader) => reader.positions(),
        }
    }

    /// The streams that have records behind these positions which are not sealed, sorted.
    pub(crate) fn hot_streams_since(&self, since: &BTreeMap<u32, Sequence>) -> Vec<StreamId> {
        match self {
            Log::Writer(engine) => engine.hot_streams_since(since),
            Log::Reader(reader) => reader.hot_streams_since(since),
        }
    }

    /// The streams that have records which are not sealed, sorted.
    pub(crate) fn hot_streams(&self) -> Vec<StreamId> {
        match self {
            Log::Writer(engine) => engine.hot_streams(),
            Log::Reader(reader) => reader.hot_streams(),
        }
    }

    /// The store's random id; `None` if FORMAT cannot be read.
    pub(crate) fn store(&self, fs: &dyn Fs, root: &Path) -> Option<[u8; 16]> {
        match self {
            Log::Writer(engine) => Some(engine.store_id()),
            Log::Reader(_) => read_format(fs, root).ok().map(|format| format.store),
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
