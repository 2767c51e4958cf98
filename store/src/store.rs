//! A store of threads, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::{Config, Engine, OsFs, ReadLog, Reader};

use crate::clock::HybridClock;
use crate::error::{Error, Result};
use crate::import::{self, ImportOptions, ImportReport, Progress};
use crate::items::{Items, Rendering};
use crate::list::ThreadSummary;
use crate::table::Table;
use crate::thread::{ThreadId, ThreadKey};

/// A store, open for reading or for reading and writing.
///
/// Reading never waits for a writer, here or in another process.
pub struct Store {
    log: Log,
    fs: Arc<dyn Fs>,
    root: PathBuf,
    clock: HybridClock,
}

enum Log {
    Writer(Engine),
    Reader(Reader),
}

impl Store {
    /// Opens the store at `root` for reading and writing, making it if there is none.
    ///
    /// # Errors
    /// As [`Engine::open`]: the store is locked by another process, on an untrusted file system, of a newer format.
    pub fn open(root: &Path, config: Config) -> Result<Store> {
        Store::open_on(Arc::new(OsFs), root, config)
    }

    /// As [`Store::open`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(fs: Arc<dyn Fs>, root: &Path, config: Config) -> Result<Store> {
        let clock = HybridClock::new(Arc::clone(&config.clock));
        let engine = Engine::open(Arc::clone(&fs), root, config)?;
        Ok(Store { log: Log::Writer(engine), fs, root: root.to_owned(), clock })
    }

    /// Opens the store at `root` for reading, as it is now: no locks, no writes, also on a read-only medium.
    ///
    /// # Errors
    /// As [`Reader::open`]: there is no store, or its format is newer.
    pub fn open_read(root: &Path) -> Result<Store> {
        Store::open_read_on(Arc::new(OsFs), root)
    }

    /// As [`Store::open_read`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::open_read`].
    pub fn open_read_on(fs: Arc<dyn Fs>, root: &Path) -> Result<Store> {
        let reader = Reader::open(Arc::clone(&fs), root)?;
        let clock = HybridClock::new(Config::default().clock);
        Ok(Store { log: Log::Reader(reader), fs, root: root.to_owned(), clock })
    }

    /// Where the store is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The log below, for reading.
    #[must_use]
    pub fn log(&self) -> &dyn ReadLog {
        match &self.log {
            Log::Writer(engine) => engine,
            Log::Reader(reader) => reader,
        }
    }

    /// The engine below, for appending and its statistics.
    ///
    /// # Errors
    /// [`Error::ReadOnly`].
    pub fn engine(&self) -> Result<&Engine> {
        match &self.log {
            Log::Writer(engine) => Ok(engine),
            Log::Reader(_) => Err(Error::ReadOnly),
        }
    }

    /// All threads, the one that was active last first.
    ///
    /// *Cost:* folds every item of every thread, on two cores; an item is parsed only while it can change a fact.
    #[must_use]
    pub fn threads(&self) -> Vec<ThreadSummary> {
        crate::list::threads(self.log())
    }

    /// One thread; `None` if it is not in the store. *Cost:* folds its items.
    #[must_use]
    pub fn thread(&self, thread: ThreadId) -> Option<ThreadSummary> {
        crate::list::thread(self.log(), thread)
    }

    /// The life that a person means: a thread's id or the beginning of one, then perhaps `~N` for its N-th
    /// revision, from 1. Without `~N` the current one.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Ambiguous`] with the threads it could be.
    pub fn resolve(&self, text: &str) -> Result<ThreadKey> {
        crate::list::resolve(&Table::load(self.log()), text)
    }

    /// A life's items, in order; a lost or unreadable record is an error in its place, and reading goes on.
    #[must_use]
    pub fn items(&self, key: ThreadKey) -> Items {
        Items::new(self.log(), key, 0)
    }

    /// A life's last `count` items, in order. *Cost:* what it returns.
    #[must_use]
    pub fn tail(&self, key: ThreadKey, count: u64) -> Items {
        Items::tail(self.log(), key, count)
    }

    /// A life's items as a rollout file has them, in chunks of about 256 KiB; ends at the first error.
    #[must_use]
    pub fn render(&self, key: ThreadKey) -> Rendering {
        Rendering::new(self.log(), key)
    }

    /// Imports files, and folders of `*.jsonl` files.
    ///
    /// Nothing in the store is ever overwritten; what is there already is not added again; a file that differs
    /// from the store's copy becomes a further revision. What cannot be imported is reported and does not stop
    /// the rest. *Durability:* all that the report says is durable.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Engine`] if the store cannot be written: what was imported until then stays, and
    /// the same call continues.
    pub fn import(&self, paths: &[PathBuf], options: &ImportOptions, progress: &dyn Progress) -> Result<ImportReport> {
        import::import(self.engine()?, &self.clock, &*self.fs, paths, options, progress)
    }

    /// Closes the store; dropping it does the same, errors unseen.
    ///
    /// # Errors
    /// [`Error::Engine`] if the last records could not be made durable.
    pub fn close(self) -> Result<()> {
        match self.log {
            Log::Writer(engine) => Ok(engine.close()?),
            Log::Reader(_) => Ok(()),
        }
    }
}
