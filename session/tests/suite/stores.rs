//! Stores around stores: with a file for each thread, without, and failing on demand.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use threadlog::ThreadId;
use threadlog::context::ModelContext;
use threadlog::list::{ListPage, ListParams};
use threadlog::search::{Search, SearchParams};
use threadlog::thread_store::{
    AppendItemsParams, ArchiveThreadParams, CreateThreadParams, DeleteThreadParams, DeletedThreads, FlushThreadParams,
    ForkThreadParams, ForkedThread, ItemPage, ListItemsParams, ListTurnsParams, LoadHistoryParams,
    LoadModelContextParams, PersistThreadParams, ReadThreadParams, Report, Result, ResumeThreadParams,
    ShutdownThreadParams, StoredHistory, StoredThread, ThreadStore, ThreadStoreError, TurnPage, UnarchiveThreadParams,
    Unavailability, UpdateThreadMetadataParams,
};
use tokio::sync::Notify;

/// A store around another one.
pub struct Around {
    pub inner: Arc<dyn ThreadStore>,
    /// What it says of files.
    pub paths: Paths,
    pub faults: Arc<Faults>,
}

pub enum Paths {
    /// What the inner store says.
    Inner,
    /// Each thread has one.
    Shown,
    /// None has one.
    Hidden,
}

/// What fails at the moment.
#[derive(Default)]
pub struct Faults {
    pub append: AtomicBool,
    pub store: AtomicBool,
    /// Storing unwinds instead of answering.
    pub unwind: AtomicBool,
    /// Appends answer only when `go_on` is told, after they were accepted; `accepted` is told first.
    pub linger: AtomicBool,
    pub accepted: Notify,
    pub go_on: Notify,
}

impl Faults {
    pub fn set(&self, append: bool, store: bool) {
        self.append.store(append, Ordering::Relaxed);
        self.store.store(store, Ordering::Relaxed);
    }

    fn check(&self, fault: &AtomicBool, operation: &'static str, id: ThreadId) -> Result<()> {
        if fault.load(Ordering::Relaxed) {
            return Err(Report::new(operation, "the disk is full").of(id).unavailable(Unavailability::Full));
        }
        Ok(())
    }

    fn storing(&self, operation: &'static str, id: ThreadId) -> Result<()> {
        assert!(!self.unwind.load(Ordering::Relaxed), "a fault of the store's");
        self.check(&self.store, operation, id)
    }
}

pub fn path_of(id: ThreadId) -> PathBuf {
    PathBuf::from(format!("/files/rollout-{id}.jsonl"))
}

#[async_trait]
impl ThreadStore for Around {
    async fn create_thread(&self, params: CreateThreadParams) -> Result<()> {
        self.inner.create_thread(params).await
    }
    async fn resume_thread(&self, params: ResumeThreadParams) -> Result<()> {
        self.inner.resume_thread(params).await
    }
    async fn append_items(&self, params: AppendItemsParams) -> Result<()> {
        self.faults.check(&self.faults.append, "append_items", params.thread_id)?;
        self.inner.append_items(params).await?;
        if self.faults.linger.load(Ordering::Relaxed) {
            self.faults.accepted.notify_one();
            self.faults.go_on.notified().await;
        }
        Ok(())
    }
    async fn persist_thread(&self, params: PersistThreadParams) -> Result<()> {
        self.faults.storing("persist_thread", params.thread_id)?;
        self.inner.persist_thread(params).await
    }
    async fn flush_thread(&self, params: FlushThreadParams) -> Result<()> {
        self.faults.storing("flush_thread", params.thread_id)?;
        self.inner.flush_thread(params).await
    }
    async fn shutdown_thread(&self, params: ShutdownThreadParams) -> Result<()> {
        self.faults.storing("shutdown_thread", params.thread_id)?;
        self.inner.shutdown_thread(params).await
    }
    fn discard_now(&self, thread_id: ThreadId) -> bool {
        self.inner.discard_now(thread_id)
    }
    async fn load_history(&self, params: LoadHistoryParams) -> Result<StoredHistory> {
        self.inner.load_history(params).await
    }
    async fn read_thread(&self, params: ReadThreadParams) -> Result<StoredThread> {
        self.inner.read_thread(params).await
    }
    async fn fork_thread(&self, params: ForkThreadParams) -> Result<ForkedThread> {
        self.inner.fork_thread(params).await
    }
    async fn load_model_context(&self, params: LoadModelContextParams) -> Result<ModelContext> {
        self.inner.load_model_context(params).await
    }
    async fn list_items(&self, params: ListItemsParams) -> Result<ItemPage> {
        self.inner.list_items(params).await
    }
    async fn list_turns(&self, params: ListTurnsParams) -> Result<TurnPage> {
        self.inner.list_turns(params).await
    }
    async fn search(&self, params: SearchParams) -> Result<Search> {
        self.inner.search(params).await
    }
    async fn list_threads(&self, params: ListParams) -> Result<ListPage<StoredThread>> {
        self.inner.list_threads(params).await
    }
    async fn update_thread_metadata(&self, params: UpdateThreadMetadataParams) -> Result<StoredThread> {
        self.inner.update_thread_metadata(params).await
    }
    async fn archive_thread(&self, params: ArchiveThreadParams) -> Result<()> {
        self.inner.archive_thread(params).await
    }
    async fn unarchive_thread(&self, params: UnarchiveThreadParams) -> Result<StoredThread> {
        self.inner.unarchive_thread(params).await
    }
    async fn delete_thread(&self, params: DeleteThreadParams) -> Result<DeletedThreads> {
        self.inner.delete_thread(params).await
    }
    fn local_path(&self, thread_id: ThreadId) -> Option<PathBuf> {
        match self.paths {
            Paths::Inner => self.inner.local_path(thread_id),
            Paths::Shown => Some(path_of(thread_id)),
            Paths::Hidden => None,
        }
    }
}

/// Whether it is the store's refusal for want of room.
pub fn is_full(error: &ThreadStoreError) -> bool {
    matches!(error, ThreadStoreError::Unavailable(_, Unavailability::Full))
}
