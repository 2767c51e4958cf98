//! The store on this machine's disk, over the engine.
//!
//! # Writing
//! A live thread is a queue of accepted items in memory and nothing else: no file, no task, no OS thread. Once
//! the thread is materialised, accepted items go into the engine at once, from where they reach the disk within a
//! second even if nobody flushes; a flush is a wait for the engine's durable mark, which all threads share. So
//! thousands of live threads cost their queues, and 64 of them flushing at the same time cost a few syncs.
//!
//! An item stays in the queue until the engine says that it is durable. After a failed write the engine has taken
//! back what was not; after a failed sync it accepts nothing more until [`LocalThreadStore::reopen`]. In both
//! cases the next call compares the queue with the head of the thread's stream and sends what is missing.
//!
//! # Reading
//! Lists and metadata are folds over the durable records, brought up to date when somebody asks
//! and kept in memory. Reading never waits for a writer.
//!
//! # Executors
//! No method blocks the thread that polls it on the disk: waiting for syncs and for room is done with wakers, and what
//! has to read, or to write a record above 1 MiB, runs on a blocking thread of the runtime. Without a tokio
//! runtime a thread is started for that, so any executor will do.

mod background;
mod blocking;
mod catalog;
mod cold;
mod delete;
mod error;
mod follow;
mod fork;
mod listing;
mod live_map;
mod lives;
mod neighbours;
mod pages;
mod queue;
mod search;
mod sending;
mod slot;
mod summaries;
#[cfg(test)]
#[path = "fixture_tests.rs"]
mod testing;
mod threads;
mod watch;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use threadlog_compaction::Config as CompactionConfig;
use threadlog_engine::fs::Fs;
use threadlog_engine::{Config, Engine, Leases, OsFs, Reader, Stats};

pub use follow::Follow;

use crate::catalog::{self as catalog_file, Usable};
use crate::clock::HybridClock;
use crate::local::blocking::blocking;
use crate::local::catalog::Catalog;
use crate::local::error::{from_engine, from_shut};
use crate::local::live_map::LiveMap;
use crate::local::lives::Lives;
use crate::local::slot::{Opened, Slot};
use crate::local::watch::Watch;
use crate::log::Log;
use crate::maintain::checkpoint::write_if_worth;
use crate::store::Store;
use crate::thread::ThreadId;
use crate::thread_store::{Report, Result, ThreadStoreError};

/// Settings of a [`LocalThreadStore`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalConfig {
    /// Settings of the engine below.
    pub engine: Config,
    /// How many bytes of items one live thread may have accepted and not made durable; an append beyond them
    /// stores first, and is refused if that fails. Default 64 MiB. A single longer item is accepted all the same.
    pub backlog_bytes_max: usize,
    /// How often followers ([`LocalThreadStore::follow`]) look for what other processes stored. Default 50 ms, at least 1 ms.
    pub follow_every: Duration,
    /// When the store's worker seals and merges what is stored, at the lowest priority; `None` for never. It runs in a store
    /// that is open for writing whose engine has threads of its own. Default: [`CompactionConfig::default`].
    pub compaction: Option<CompactionConfig>,
}

/// How often followers look for what other processes stored, unless told otherwise.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);

impl Default for LocalConfig {
    fn default() -> LocalConfig {
        LocalConfig {
            engine: Config::default(),
            backlog_bytes_max: 64 << 20,
            follow_every: FOLLOW_EVERY,
            compaction: Some(CompactionConfig::default()),
        }
    }
}

impl From<Config> for LocalConfig {
    fn from(engine: Config) -> LocalConfig {
        LocalConfig { engine, ..LocalConfig::default() }
    }
}

/// The [`ThreadStore`](crate::thread_store::ThreadStore) on this machine's disk. Cheap to clone; clones are one store.
///
/// Close it with [`LocalThreadStore::close`]. When the last clone is dropped it is closed too, but in place, which
/// waits for the disk, and what live threads have accepted and not sent is lost.
///
/// ```
/// use std::sync::Arc;
///
/// use threadlog::live::LiveThread;
/// use threadlog::local::{LocalConfig, LocalThreadStore};
/// use threadlog::thread::ThreadId;
/// use threadlog::thread_store::CreateThreadParams;
///
/// # let directory = tempfile::tempdir()?;
/// # let root = directory.path().join("store");
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = LocalThreadStore::open(&root, LocalConfig::default()).await?;
/// let thread = LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(ThreadId::generate())).await?;
/// thread.persist().await?;
/// thread.shutdown().await?;
/// store.close().await?;
/// # Ok::<(), threadlog::thread_store::ThreadStoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LocalThreadStore {
    shared: Arc<Shared>,
}

/// What all clones and all live threads share.
struct Shared {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    config: Config,
    compaction: Option<CompactionConfig>,
    backlog_bytes_max: usize,
    /// Whether it was opened for reading.
    read_only: bool,
    clock: HybridClock,
    slot: Slot,
    catalog: Catalog,
    live: LiveMap,
    /// Who builds on a life of a thread, and who ends it.
    lives: Arc<Lives>,
    /// Which threads no other process may write; `None` in a store of one journal. They outlive the engine they came from.
    leases: Mutex<Option<Leases>>,
    /// Who waits for something new.
    watch: Arc<Watch>,
    /// Held while what other processes did is looked at and told to the catalog.
    looking: Mutex<()>,
    /// Held while the engine is changed.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl Shared {
    /// Leaves a checkpoint to whoever opens the store next, if enough was added.
    fn checkpoint(&self) {
        if let Ok(Opened { engine, .. }) = self.slot.get() {
            write_if_worth(&self.fs, &self.root, &engine, &self.clock, engine.stats().payload_bytes, &|| false);
        }
    }

    /// The engine that is open now, for writing.
    fn opened(&self, operation: &'static str, id: ThreadId) -> Result<Opened> {
        self.slot.get().map_err(|shut| from_shut(operation, Some(id), shut))
    }
}

impl LocalThreadStore {
    /// Opens the store in the directory `root`, making it if there is none.
    ///
    /// *Cost:* that of [`Engine::open`]. Threads are read when they are asked for.
    ///
    /// # Errors
    /// `Unavailable` if another process has it open, naming the owner, or the system refuses; `Unsupported` on a
    /// file system whose locks or syncs cannot be trusted, or for a newer format; `Corrupt`; `InvalidRequest`
    /// for a setting out of bounds.
    pub async fn open(root: &Path, config: LocalConfig) -> Result<LocalThreadStore> {
        LocalThreadStore::open_on(Arc::new(OsFs), root, config).await
    }

    /// As [`LocalThreadStore::open`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`LocalThreadStore::open`].
    pub async fn open_on(fs: Arc<dyn Fs>, root: &Path, config: LocalConfig) -> Result<LocalThreadStore> {
        let root = root.to_owned();
        blocking("open", move || {
            let engine = Engine::open(Arc::clone(&fs), &root, config.engine.clone());
            let engine = engine.map_err(|error| from_engine("open", None, error))?;
            Ok(LocalThreadStore::over(fs, &root, config, Log::Writer(engine)))
        })
        .await?
    }

    /// The threads of a store that is open for reading, over the same look at its log: no lock, no write, also
    /// beside a writer in another process. [`LocalThreadStore::reopen`] looks again, at what is durable then. What
    /// would write is answered `Unsupported`.
    ///
    /// ```
    /// use threadlog::list::ListParams;
    /// use threadlog::local::LocalThreadStore;
    /// use threadlog::thread_store::ThreadStore;
    /// use threadlog::Store;
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let root = directory.path().join("store");
    /// # Store::open(&root, threadlog_engine::Config::default())?.close()?;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let threads = LocalThreadStore::reading(&Store::open_read(&root)?)?;
    /// assert_eq!(threads.list_threads(ListParams::default()).await?.total, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidRequest` if the store is open for writing.
    pub fn reading(store: &Store) -> Result<LocalThreadStore> {
        if store.engine().is_ok() {
            let report = Report::new("reading", "the store is open for writing");
            return Err(report.advise("open it with Store::open_read, or use LocalThreadStore::open").invalid());
        }
        let fs = Arc::clone(&store.fs);
        let config = LocalConfig { compaction: None, ..LocalConfig::default() };
        Ok(LocalThreadStore::over(fs, store.root(), config, store.log.clone()))
    }

    fn over(fs: Arc<dyn Fs>, root: &Path, config: LocalConfig, log: Log) -> LocalThreadStore {
        let LocalConfig { engine: config, backlog_bytes_max, follow_every, compaction } = config;
        let worker = background::start(&fs, root, &log, compaction.as_ref());
        let leases = log.engine().and_then(Engine::leases).cloned();
        let clock = HybridClock::new(Arc::clone(&config.clock));
        let shared = Shared {
            catalog: Catalog::load(&log, &clock, usable(&fs, root, &log)),
            clock,
            read_only: log.engine().is_none(),
            slot: Slot::new(log, worker),
            live: LiveMap::default(),
            lives: Arc::default(),
            leases: Mutex::new(leases),
            watch: Watch::new(follow_every),
            looking: Mutex::default(),
            changing: Arc::default(),
            fs,
            root: root.to_owned(),
            config,
            compaction,
            backlog_bytes_max,
        };
        LocalThreadStore { shared: Arc::new(shared) }
    }

    /// Opens the engine anew, in place: the way back after a failed sync ([`Unavailability::Poisoned`]). What became
    /// of the records that were under way is read from the disk. Live threads stay live, keep what they have
    /// accepted, and go on from there with their next call; nothing is lost and nothing is stored twice.
    ///
    /// Of a store that is open for reading: looks at the log as it is now.
    ///
    /// Calls meanwhile answer `Unavailable`. If opening fails the store stays closed, and this can be called again. After a
    /// [`LocalThreadStore::close`] other processes may have taken threads that were live here: those are live no more, and
    /// if one had accepted items that were not stored, that is a `Conflict`, told when all else is done.
    ///
    /// [`Unavailability::Poisoned`]: crate::thread_store::Unavailability::Poisoned
    ///
    /// # Errors
    /// As [`LocalThreadStore::open`].
    pub async fn reopen(&self) -> Result<()> {
        let changing = Arc::clone(&self.shared.changing).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        blocking("reopen", move || {
            let _changing = changing;
            let failed = |error| from_engine("reopen", None, error);
            if shared.read_only {
                let reader = Reader::open(Arc::clone(&shared.fs), &shared.root).map_err(failed)?;
                let log = Log::Reader(reader);
                shared.catalog.renew(&log, &shared.clock, usable(&shared.fs, &shared.root, &log));
                shared.slot.put(log, None);
                shared.watch.tell();
                return Ok(());
            }
            if let Some(log) = shared.slot.take() {
                // It says again what made it useless.
                let _ = log.close();
            }
            let leases = shared.leases.lock().clone();
            let (fs, config) = (Arc::clone(&shared.fs), shared.config.clone());
            let engine = Engine::open_with(fs, &shared.root, config, leases).map_err(failed)?;
            let retaken = shared.retake_leases("reopen");
            // The journal that was written until now may be left to somebody else, or to nobody.
            let taken_in = shared.take_in_the_dead(&engine);
            let log = Log::Writer(engine);
            shared.catalog.renew(&log, &shared.clock, usable(&shared.fs, &shared.root, &log));
            let worker = background::start(&shared.fs, &shared.root, &log, shared.compaction.as_ref());
            shared.slot.put(log, worker);
            shared.watch.tell();
            taken_in.map_err(failed)?;
            retaken
        })
        .await?
    }

    /// Flushes every live thread, then closes the store. Calls of any clone then answer `Unavailable`.
    ///
    /// # Errors
    /// If threads could not be flushed: their errors, as the causes of one; the store stays open, and the threads live.
    /// If it could not be reopened before and items wait: `Unavailable`; reopen it first.
    /// If the engine could not be closed cleanly: that; it is closed all the same.
    pub async fn close(&self) -> Result<()> {
        const OPERATION: &str = "close";
        let changing = Arc::clone(&self.shared.changing).lock_owned().await;
        if let Err(shut) = self.shared.slot.log() {
            // Closed already; or it could not be reopened, and then there is nowhere to put what waits.
            let waiting = self.shared.live.all().iter().any(|writer| writer.has_waiting());
            return if waiting { Err(from_shut(OPERATION, None, shut)) } else { Ok(()) };
        }
        let mut errors = Vec::new();
        for writer in self.shared.live.all() {
            match writer.store(&self.shared, OPERATION, false).await {
                // Shut down or discarded meanwhile.
                Ok(()) | Err(ThreadStoreError::ThreadNotFound { .. }) => {}
                Err(error) => errors.push(error),
            }
        }
        if let Some(error) = combined(OPERATION, errors) {
            return Err(error);
        }
        let shared = Arc::clone(&self.shared);
        let closed = blocking(OPERATION, move || {
            let _changing = changing;
            shared.checkpoint();
            let closed = shared.slot.take().map_or(Ok(()), Log::close);
            shared.watch.tell();
            shared.free_leases();
            closed
        });
        closed.await?.map_err(|error| from_engine(OPERATION, None, error))
    }

    /// What the engine's own threads do in time: writes, syncs and witnesses that are due, and the spare that was ordered.
    /// For embedders who chose [`Background::Manual`](threadlog_engine::Background::Manual): nobody else does it then.
    ///
    /// # Errors
    /// `Unavailable` if the store is closed, or the spare cannot be made. That a write or a sync failed is told to those
    /// who wait for it.
    pub async fn tick(&self) -> Result<()> {
        const OPERATION: &str = "tick";
        let engine = self.shared.slot.get().map_err(|shut| from_shut(OPERATION, None, shut))?.engine;
        blocking(OPERATION, move || {
            engine.tick();
            engine.prepare_spare().map(drop).map_err(|error| from_engine(OPERATION, None, error))
        })
        .await?
    }

    /// The directory of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// How many threads are live.
    #[must_use]
    pub fn live_threads(&self) -> usize {
        self.shared.live.len()
    }

    /// Totals of the engine since it was opened; `None` while it is closed, or if it was opened for reading.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.shared.slot.get().ok().map(|opened| opened.engine.stats())
    }
}

/// The newest checkpoint of the catalog that can be used.
fn usable(fs: &Arc<dyn Fs>, root: &Path, log: &Log) -> Option<Usable> {
    catalog_file::newest(&**fs, root, &log.store(&**fs, root)?, log)
}

/// One error for several: the kind and cause of the first, and how many there were.
fn combined(operation: &'static str, errors: Vec<ThreadStoreError>) -> Option<ThreadStoreError> {
    let count = errors.len();
    let first = errors.into_iter().next()?;
    if count == 1 {
        return Some(first);
    }
    let report =
        Report::new(operation, format!("{count} threads could not be flushed; the first of them")).advise("call again");
    Some(match &first {
        ThreadStoreError::Unavailable(_, reason) => {
            let reason = *reason;
            report.because(first).unavailable(reason)
        }
        ThreadStoreError::Corrupt(_) => report.because(first).corrupt(),
        _ => report.because(first).internal(),
    })
}

impl std::fmt::Debug for LocalThreadStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalThreadStore")
            .field("root", &self.shared.root)
            .field("live_threads", &self.live_threads())
            .finish_non_exhaustive()
    }
}
