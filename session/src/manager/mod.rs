//! The threads that run in a process.

mod copy;
mod params;
mod registry;
mod shutdown;
mod spawn;
mod subtree;

use std::fmt;
use std::sync::Arc;

use threadlog::RolloutItem;
use threadlog::ThreadId;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{StoredThread, ThreadStore, UpdateThreadMetadataParams};
use threadlog_engine::{Clock, SystemClock};
use tokio::sync::broadcast;

pub use params::{ForkParams, NewThread, ResumeParams, ShutdownReport, StartParams};

use crate::agent::Agent;
use crate::error::{Result, SessionError};
use crate::id::{IdGenerator, TimeOrderedIds};
use crate::manager::registry::Registry;
use crate::thread::CodexThread;

/// How many created ids wait for a listener that does not read; beyond them it misses the oldest.
pub const CREATED_IDS_MAX: usize = 1024;

/// The registry of the threads that run in this process, over one store. Cheap to clone; clones are one manager.
///
/// A thread that has ended is forgotten by itself. When the last clone is dropped, threads that nobody else holds are
/// shut down in the background; [`ThreadManager::shutdown_all`] is the way to be sure.
#[derive(Clone)]
pub struct ThreadManager {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn ThreadStore>,
    agent: Arc<dyn Agent>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
    registry: Arc<Registry>,
    created: broadcast::Sender<ThreadId>,
}

/// Parts of a manager that have a default.
#[derive(Clone)]
#[non_exhaustive]
pub struct ManagerConfig {
    /// Where new ids come from. Default: [`TimeOrderedIds`].
    pub ids: Arc<dyn IdGenerator>,
    /// What stamps items. Default: the machine's clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for ManagerConfig {
    fn default() -> ManagerConfig {
        ManagerConfig { ids: Arc::new(TimeOrderedIds), clock: Arc::new(SystemClock) }
    }
}

impl ThreadManager {
    /// A manager over the process's store. `agent` runs the turns of threads that name no other.
    #[must_use]
    pub fn new(store: Arc<dyn ThreadStore>, agent: Arc<dyn Agent>) -> ThreadManager {
        ThreadManager::with_config(store, agent, ManagerConfig::default())
    }

    /// As [`ThreadManager::new`], with the embedder's own parts.
    #[must_use]
    pub fn with_config(store: Arc<dyn ThreadStore>, agent: Arc<dyn Agent>, config: ManagerConfig) -> ThreadManager {
        let ManagerConfig { ids, clock } = config;
        let (created, _) = broadcast::channel(CREATED_IDS_MAX);
        ThreadManager { shared: Arc::new(Shared { store, agent, ids, clock, registry: Arc::default(), created }) }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ThreadStore> {
        &self.shared.store
    }

    /// Starts a new thread. Nothing of it is stored until somebody says something.
    ///
    /// # Errors
    /// `Store` with `Conflict` if its id is taken; `Agent` if the agent cannot prepare; `NoRuntime`.
    pub async fn start(&self, params: StartParams) -> Result<NewThread> {
        self.shared.start(params).await
    }

    /// Goes on with a stored thread. One that runs already is given as it is, with its first event; one that has ended is
    /// replaced; one whose driver is gone is stored and replaced. Nothing is written.
    ///
    /// # Errors
    /// `Store` with `Conflict` if somebody is starting it at this moment, here or in another process, or appends to it
    /// there, or if it runs here and was told to end; with `ThreadNotFound`; with `InvalidRequest` if it is archived and that was not asked for, or if
    /// [`ResumeParams::rollout_path`] is not its file; with `Unsupported` if a file is given and the store has none for
    /// each thread; `Agent`; `NoRuntime`.
    pub async fn resume(&self, params: ResumeParams) -> Result<NewThread> {
        self.shared.resume(params).await
    }

    /// Starts a new thread, with a new id, that begins with these items: a history that the caller has from elsewhere.
    /// It is stored at once.
    ///
    /// # Errors
    /// `Store` with `InvalidRequest` if there are none; otherwise as [`ThreadManager::start`], and why they could not be
    /// stored.
    pub async fn resume_with_history(&self, params: StartParams, items: Vec<RolloutItem>) -> Result<NewThread> {
        self.shared.resume_with_history(params, items).await
    }

    /// Starts a thread that begins with another's items, up to some point. A source that runs, or is ending, is flushed
    /// first, and is not changed. A stored source is referred to, not copied, unless the fork is ephemeral; the items of an ephemeral
    /// source are copied.
    ///
    /// # Errors
    /// As [`ThreadStore::fork_thread`]: with `ThreadNotFound` for a source of which nothing is stored; as
    /// [`ThreadManager::start`]. When the agent cannot prepare, the fork is stored and stays.
    pub async fn fork(&self, params: ForkParams) -> Result<NewThread> {
        self.shared.fork(params).await
    }

    /// A thread that runs here.
    ///
    /// # Errors
    /// `NotRunning`.
    pub fn get(&self, id: ThreadId) -> Result<Arc<CodexThread>> {
        let absent = SessionError::NotRunning { operation: "get", thread_id: id };
        self.shared.registry.get(id).ok_or(absent)
    }

    /// The ids of the threads that run here, sorted by their text.
    #[must_use]
    pub fn list(&self) -> Vec<ThreadId> {
        self.shared.registry.all().iter().map(|thread| thread.id()).collect()
    }

    /// Forgets a thread and gives it. It is not told to end; whoever holds it goes on.
    #[must_use = "dropped at once it is shut down"]
    pub fn remove(&self, id: ThreadId) -> Option<Arc<CodexThread>> {
        self.shared.registry.remove(id, |_| true)
    }

    /// As [`ThreadManager::remove`], unless another thread has taken the place of this one. Says whether it was forgotten.
    pub fn remove_if_same(&self, thread: &Arc<CodexThread>) -> bool {
        let same = |found: &CodexThread| std::ptr::eq(found, Arc::as_ptr(thread));
        self.shared.registry.remove(thread.id(), same).is_some()
    }

    /// Changes what the user set of a thread: through its live handle if it runs here, else in the store.
    ///
    /// # Errors
    /// `Store` with `InvalidRequest` for an ephemeral thread; as [`ThreadStore::update_thread_metadata`].
    pub async fn update_metadata(
        &self,
        id: ThreadId,
        patch: MetadataPatch,
        include_archived: bool,
    ) -> Result<StoredThread> {
        if let Some(thread) = self.shared.registry.get(id) {
            return thread.update_metadata(patch).await;
        }
        let mut params = UpdateThreadMetadataParams::new(id, patch);
        params.include_archived = include_archived;
        Ok(self.shared.store.update_thread_metadata(params).await?)
    }

    /// The thread itself, then the threads that its agents started, and theirs: the stored ones, archived or not, then those
    /// that run here and are not stored. Each once.
    ///
    /// # Errors
    /// As [`ThreadStore::list_threads`].
    pub async fn subtree(&self, id: ThreadId) -> Result<Vec<ThreadId>> {
        self.shared.subtree(id).await
    }

    /// The ids of threads that come to run from now on: started, resumed or forked. A listener that does not read holds up
    /// nobody: behind [`CREATED_IDS_MAX`] ids it is told how many it missed.
    #[must_use]
    pub fn created(&self) -> broadcast::Receiver<ThreadId> {
        self.shared.created.subscribe()
    }
}

impl fmt::Debug for ThreadManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadManager").field("threads", &self.list()).finish_non_exhaustive()
    }
}
