//! A store of threads, opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::{Config, Engine, OsFs, ReadLog, Reader};

use crate::clock::HybridClock;
use crate::error::{Error, Result};
use crate::export::{self, ExportOptions, ExportReport, Selected};
use crate::fold;
use crate::import::{self, ImportOptions, ImportReport};
use crate::items::{Items, Rendering};
use crate::lineage::Lineage;
use crate::log::Log;
use crate::maintain::checkpoint::write_if_worth;
use crate::metadata::ThreadMetadata;
use crate::progress::Progress;
use crate::remains::Remains;
use crate::salvage::{self, SalvageReport};
use crate::stats::StoreStats;
use crate::summary::ThreadSummary;
use crate::thread::{ThreadId, ThreadKey};
use crate::verify::{self, VerifyReport};

/// A store, open for reading or for reading and writing.
///
/// Reading never waits for a writer, here or in another process.
pub struct Store {
    pub(crate) log: Log,
    pub(crate) fs: Arc<dyn Fs>,
    root: PathBuf,
    clock: HybridClock,
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

    pub(crate) fn clock(&self) -> &HybridClock {
        &self.clock
    }

    /// The store's random id.
    ///
    /// # Errors
    /// [`Error::Engine`] if FORMAT cannot be read.
    pub fn store_id(&self) -> Result<[u8; 16]> {
        match &self.log {
            Log::Writer(engine) => Ok(engine.store_id()),
            Log::Reader(_) => Ok(threadlog_engine::read_format(&*self.fs, &self.root)?.store),
        }
    }

    /// The log below, for reading.
    #[must_use]
    pub fn log(&self) -> &dyn ReadLog {
        self.log.read()
    }

    /// The engine below, for appending and its statistics.
    ///
    /// # Errors
    /// [`Error::ReadOnly`].
    pub fn engine(&self) -> Result<&Engine> {
        self.log.engine().ok_or(Error::ReadOnly)
    }

    /// All threads, the one that was active last first. Their metadata are
    /// [`ThreadStore::list_threads`](crate::thread_store::ThreadStore::list_threads)'s.
    ///
    /// *Cost:* reads every item of every thread, on two cores.
    #[must_use]
    pub fn threads(&self) -> Vec<ThreadSummary> {
        crate::summary::threads(self.log())
    }

    /// One thread; `None` if it is not in the store. *Cost:* folds its items.
    #[must_use]
    pub fn thread(&self, thread: ThreadId) -> Option<ThreadSummary> {
        self.threads_of(&[thread]).pop()
    }

    /// Those of these threads that are in the store, in this order. *Cost:* folds their items, on two cores.
    #[must_use]
    pub fn threads_of(&self, threads: &[ThreadId]) -> Vec<ThreadSummary> {
        crate::summary::threads_of(self.log(), threads)
    }

    /// What is known of one life of a thread. Of the current one,
    /// [`ThreadStore::read_thread`](crate::thread_store::ThreadStore::read_thread) says the same. A life that is not
    /// in the store has the metadata of a thread without items. *Cost:* folds its items.
    #[must_use]
    pub fn metadata(&self, key: ThreadKey) -> ThreadMetadata {
        fold::anew(self.log(), &self.clock, key).metadata
    }

    /// The life that a person means: a thread's id or the beginning of one (with its hyphens or without), or the name of
    /// its rollout file; then perhaps `~N` for its N-th
    /// revision, from 1. Without `~N` the current one.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::BadId`] if the text can name nothing; [`Error::Ambiguous`] with the threads it could be.
    pub fn resolve(&self, text: &str) -> Result<ThreadKey> {
        crate::summary::resolve(self.log(), text)
    }

    /// What of a deleted thread still stands in the store's files, and which threads need it. `text` is its id, or the
    /// beginning of the id of a thread that was deleted. *Cost:* reads what is left of it.
    ///
    /// # Errors
    /// [`Error::NotDeleted`] if the text is no whole id and no deleted thread's begins so; [`Error::Ambiguous`] with the
    /// threads it could be.
    pub fn remains(&self, text: &str) -> Result<Remains> {
        crate::remains::remains(self.log(), text)
    }

    /// A life's items, in order, what it inherited first; a lost or unreadable record is an error in its place, and
    /// reading goes on.
    #[must_use]
    pub fn items(&self, key: ThreadKey) -> Items {
        match Lineage::of(self.log(), key) {
            Ok(lineage) => Items::of(self.log(), &lineage, 0..u64::MAX),
            Err(error) => Items::failed(error),
        }
    }

    /// A life's last `count` items, in order. *Cost:* what it returns, and a look at each life it was forked from.
    #[must_use]
    pub fn tail(&self, key: ThreadKey, count: u64) -> Items {
        match Lineage::of(self.log(), key) {
            Ok(lineage) => Items::tail(self.log(), &lineage, count),
            Err(error) => Items::failed(error),
        }
    }

    /// A life's items as a rollout file has them, in chunks of about 256 KiB; ends at the first error. A fork's file
    /// begins with its own first item, then comes what it inherited, then the rest.
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
        let engine = self.engine()?;
        let report = import::import(engine, &self.clock, &self.fs, &self.root, paths, options, progress)?;
        write_if_worth(&self.fs, &self.root, engine, &self.clock, report.bytes_added(), &|| progress.stop());
        Ok(report)
    }

    /// What a person means by `ID` or `ID~N`: a thread, or one life of it. See [`Store::resolve`].
    ///
    /// # Errors
    /// As [`Store::resolve`].
    pub fn select(&self, text: &str) -> Result<Selected> {
        let key = self.resolve(text)?;
        Ok(if text.contains('~') { Selected::Life(key) } else { Selected::Thread(key.thread) })
    }

    /// Writes imported files below `to`: same relative path, same bytes (checked by hash), same modification time.
    /// Native threads become files as Codex names them. Without `selected`, everything.
    ///
    /// A file that is there already, with the same content, is left; one that differs is not overwritten, unless
    /// the options say so. Nothing is ever written outside `to`, nor through a symbolic link below it. *Durability:* the files are not synced.
    #[must_use]
    pub fn export(
        &self,
        selected: Option<&[Selected]>,
        to: &Path,
        options: &ExportOptions,
        progress: &dyn Progress,
    ) -> ExportReport {
        export::export(self.log(), selected, to, options, progress)
    }

    /// Reads and checks everything in the store at `root`, without locks or writes: every record, and for each
    /// imported file whether it still comes out as it went in.
    ///
    /// # Errors
    /// As [`Store::open_read`]; damage is no error but part of the report.
    pub fn verify(root: &Path, progress: &dyn Progress) -> Result<VerifyReport> {
        Store::verify_on(Arc::new(OsFs), root, progress)
    }

    /// As [`Store::verify`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub fn verify_on(fs: Arc<dyn Fs>, root: &Path, progress: &dyn Progress) -> Result<VerifyReport> {
        verify::verify(fs, root, progress)
    }

    /// Writes all that can still be read of the store at `root` below `to`. What is intact comes out as by
    /// [`Store::export`], with superseded revisions; what misses something as `<name>.salvaged.jsonl`.
    ///
    /// # Errors
    /// [`Error::Engine`] if there is nothing that looks like a store; what cannot be written is part of the report.
    pub fn salvage(root: &Path, to: &Path, progress: &dyn Progress) -> Result<SalvageReport> {
        Store::salvage_on(Arc::new(OsFs), root, to, progress)
    }

    /// As [`Store::salvage`], on a file system of the caller's; `to` is the operating system's.
    ///
    /// # Errors
    /// As [`Store::salvage`].
    pub fn salvage_on(fs: Arc<dyn Fs>, root: &Path, to: &Path, progress: &dyn Progress) -> Result<SalvageReport> {
        salvage::salvage(fs, root, to, progress)
    }

    /// Totals. *Cost:* as [`Store::threads`].
    ///
    /// # Errors
    /// [`Error::Io`] if the store's folder cannot be listed.
    pub fn stats(&self) -> Result<StoreStats> {
        let mut stats = StoreStats::default();
        self.threads().iter().for_each(|thread| stats.add(thread));
        stats.add_files(&*self.fs, &self.root)?;
        match &self.log {
            Log::Writer(engine) => stats.engine = Some(engine.stats()),
            Log::Reader(reader) => stats.log = Some(reader.facts()),
        }
        Ok(stats)
    }

    /// Closes the store; dropping it does the same, errors unseen.
    ///
    /// # Errors
    /// [`Error::Engine`] if the last records could not be made durable.
    pub fn close(self) -> Result<()> {
        Ok(self.log.close()?)
    }
}
