//! The handle of one live thread, and the guard for starting one up.
//!
//! [`LiveThread`] is what the code that runs an agent holds: it stamps items with the time and passes the
//! lifecycle verbs on to a [`ThreadStore`]. It buffers nothing: what is accepted and not yet stored is kept by the
//! store, so that a failure, a retry and a restart of the store are dealt with in one place.
//!
//! # No observer of metadata
//! Codex keeps an index of metadata beside its rollouts, so its handle watches the items that pass and
//! patches the index: one patch held back from creation to the first append, another held back from resume,
//! flags for what was seen, touches of the update time gathered over five seconds, a counter so that a failed
//! patch does not undo a newer one. Here metadata is a fold over the stored items ([`crate::metadata`]), so
//! there is nothing to patch, nothing to hold back and nothing that can differ from the items:
//! - A thread that was created and not stored has no metadata that anybody sees; resume changes no time.
//! - The first user message counts because it is the first; whatever is appended later changes nothing of it.
//! - The update time is the latest item's, and costs nothing to keep.
//! - History that was copied into a thread counts like in an imported file: the first `session_meta` is the
//!   thread's own.
//! - A change that a user makes is a record of its own, durable when the call returns. Of a thread that is not
//!   stored yet it stores the thread first, so that there is no change waiting for a thread.
//!
//! So shutting down has one thing to do, and one error.

mod guard;
mod item;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use guard::LiveThreadInitGuard;
pub use item::NewItem;
use parking_lot::Mutex;
use threadlog_engine::config::{Clock, SystemClock};

use crate::context::{ModelContext, TurnWatch};
use crate::item::{RolloutItem, Timestamp};
use crate::metadata::{MemoryMode, MetadataPatch};
use crate::thread::ThreadId;
use crate::thread_store::{
    Absence, AppendItemsParams, CreateThreadParams, ForkThreadParams, LoadHistoryParams, LoadModelContextParams,
    ReadThreadParams, Report, Result, ResumeThreadParams, StoredHistory, StoredThread, ThreadStore,
    UpdateThreadMetadataParams, refuse,
};

/// The handle of one live thread. Cheap to clone; clones are one handle.
///
/// After a shutdown or discard through any of the clones, all of them are done: their verbs answer
/// `ThreadNotFound`, even if somebody else has made the thread live again. Dropping the last clone does
/// nothing: the thread stays live in the store, with what it has accepted. Shut it down first.
///
/// ```
/// use std::sync::Arc;
///
/// use serde_json::json;
/// use threadlog::live::{LiveThread, NewItem};
/// use threadlog::memory::InMemoryThreadStore;
/// use threadlog::thread::ThreadId;
/// use threadlog::thread_store::{CreateThreadParams, ResumeThreadParams};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = Arc::new(InMemoryThreadStore::new());
/// let thread = LiveThread::create(store.clone(), CreateThreadParams::new(ThreadId::generate())).await?;
/// thread.append(vec![NewItem::event(&json!({"type": "user_message", "message": "Hello"}))?]).await?;
/// thread.flush().await?; // at the end of each turn
/// thread.shutdown().await?;
///
/// let again = LiveThread::resume(store, ResumeThreadParams::new(thread.id())).await?;
/// assert_eq!(again.load_history().await?.items.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LiveThread {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn ThreadStore>,
    id: ThreadId,
    clock: Arc<dyn Clock>,
    /// The time of the last stamp, in milliseconds since 1970: stamps of one handle never go back.
    last_ms: AtomicU64,
    /// Whether the thread was shut down or discarded through this handle.
    ended: AtomicBool,
    /// The turn that runs, by the items appended through this handle.
    turns: Mutex<TurnWatch>,
}

impl LiveThread {
    /// Creates a thread in `store`, stamped by the machine's clock.
    ///
    /// # Errors
    /// As [`ThreadStore::create_thread`].
    pub async fn create(store: Arc<dyn ThreadStore>, params: CreateThreadParams) -> Result<LiveThread> {
        LiveThread::create_with_clock(store, params, Arc::new(SystemClock)).await
    }

    /// As [`LiveThread::create`], with the embedder's clock.
    ///
    /// # Errors
    /// As [`ThreadStore::create_thread`].
    pub async fn create_with_clock(
        store: Arc<dyn ThreadStore>,
        mut params: CreateThreadParams,
        clock: Arc<dyn Clock>,
    ) -> Result<LiveThread> {
        let id = params.thread_id;
        params.created_at = params.created_at.or_else(|| Timestamp::from_ms(clock.now_ms()));
        store.create_thread(params).await?;
        Ok(LiveThread::new(store, id, clock))
    }

    /// Resumes a thread of `store`, stamped by the machine's clock.
    ///
    /// # Errors
    /// As [`ThreadStore::resume_thread`].
    pub async fn resume(store: Arc<dyn ThreadStore>, params: ResumeThreadParams) -> Result<LiveThread> {
        LiveThread::resume_with_clock(store, params, Arc::new(SystemClock)).await
    }

    /// As [`LiveThread::resume`], with the embedder's clock.
    ///
    /// # Errors
    /// As [`ThreadStore::resume_thread`].
    pub async fn resume_with_clock(
        store: Arc<dyn ThreadStore>,
        params: ResumeThreadParams,
        clock: Arc<dyn Clock>,
    ) -> Result<LiveThread> {
        let id = params.thread_id;
        store.resume_thread(params).await?;
        Ok(LiveThread::new(store, id, clock))
    }

    /// Forks a thread of `store` and makes the fork live, stamped by the machine's clock.
    ///
    /// # Errors
    /// As [`ThreadStore::fork_thread`] and [`ThreadStore::resume_thread`].
    pub async fn fork(store: Arc<dyn ThreadStore>, params: ForkThreadParams) -> Result<LiveThread> {
        LiveThread::fork_with_clock(store, params, Arc::new(SystemClock)).await
    }

    /// As [`LiveThread::fork`], with the embedder's clock.
    ///
    /// # Errors
    /// As [`LiveThread::fork`].
    pub async fn fork_with_clock(
        store: Arc<dyn ThreadStore>,
        mut params: ForkThreadParams,
        clock: Arc<dyn Clock>,
    ) -> Result<LiveThread> {
        let new = &mut params.new;
        let mut resume = ResumeThreadParams::new(new.thread_id);
        resume.policy = new.policy;
        new.created_at = new.created_at.or_else(|| Timestamp::from_ms(clock.now_ms()));
        store.fork_thread(params).await?;
        LiveThread::resume_with_clock(store, resume, clock).await
    }

    fn new(store: Arc<dyn ThreadStore>, id: ThreadId, clock: Arc<dyn Clock>) -> LiveThread {
        let (last_ms, ended, turns) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::default());
        LiveThread { inner: Arc::new(Inner { store, id, clock, last_ms, ended, turns }) }
    }

    /// The thread.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.inner.id
    }

    /// The store that keeps it.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ThreadStore> {
        &self.inner.store
    }

    /// Appends items, stamped with the time of this call. No items: nothing happens.
    ///
    /// # Errors
    /// As [`ThreadStore::append_items`]: on an error none was accepted, on `Ok` never append them again.
    pub async fn append(&self, items: Vec<NewItem>) -> Result<()> {
        let timestamp = self.now();
        self.append_stamped(items.into_iter().map(|item| item.stamped(timestamp)).collect()).await
    }

    /// Appends items that keep the time they have: history copied from another thread.
    ///
    /// # Errors
    /// As [`LiveThread::append`].
    pub async fn append_stamped(&self, items: Vec<RolloutItem>) -> Result<()> {
        let store = self.live("append_items")?;
        if items.is_empty() {
            return Ok(());
        }
        let mut turns = self.inner.turns.lock().clone();
        items.iter().for_each(|item| turns.take(item));
        store.append_items(AppendItemsParams::new(self.id(), items)).await?;
        *self.inner.turns.lock() = turns;
        Ok(())
    }

    /// Takes back the last `num_turns` user turns (see [`crate::context`] for what that is), and says what the model sees
    /// now. Nothing is removed: a marker is appended, as Codex writes it, which later markers add to. To have the turns
    /// again, fork the thread before the marker.
    ///
    /// *Durability:* on `Ok` the marker survives power loss.
    ///
    /// # Errors
    /// `InvalidRequest` for no turns, and while a turn runs that was begun through this handle; `ThreadNotFound` if
    /// nothing of the thread is stored; as [`ThreadStore::append_items`] and [`ThreadStore::flush_thread`]: if the
    /// flush fails the marker is accepted, and the next flush goes on.
    pub async fn rollback(&self, num_turns: u32) -> Result<ModelContext> {
        const OPERATION: &str = "rollback";
        let refused = |what: &str, advice| Err(Report::new(OPERATION, what).of(self.id()).advise(advice).invalid());
        if num_turns == 0 {
            return refused("there are no turns to take back", "give the number of turns, from 1");
        }
        if self.inner.turns.lock().is_running() {
            return refused("a turn runs", "append its end, or abort it, before");
        }
        self.flush().await?;
        // Only what is stored can be taken back.
        self.load_model_context().await?;
        let marker = serde_json::json!({"type": "thread_rolled_back", "num_turns": num_turns});
        self.append(vec![NewItem::event(&marker)?]).await?;
        self.flush().await?;
        self.load_model_context().await
    }

    /// Stores the thread, with items or without.
    ///
    /// # Errors
    /// As [`ThreadStore::persist_thread`].
    pub async fn persist(&self) -> Result<()> {
        self.live("persist_thread")?.persist_thread(self.id().into()).await
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// As [`ThreadStore::flush_thread`].
    pub async fn flush(&self) -> Result<()> {
        self.live("flush_thread")?.flush_thread(self.id().into()).await
    }

    /// Makes everything durable and ends the handle. After an error the thread is still live, and so is the handle.
    ///
    /// # Errors
    /// As [`ThreadStore::shutdown_thread`].
    pub async fn shutdown(&self) -> Result<()> {
        self.live("shutdown_thread")?.shutdown_thread(self.id().into()).await?;
        self.inner.ended.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends the handle; what was not stored is gone.
    ///
    /// # Errors
    /// As [`ThreadStore::discard_thread`].
    pub async fn discard(&self) -> Result<()> {
        self.live("discard_thread")?.discard_thread(self.id().into()).await?;
        self.inner.ended.store(true, Ordering::Release);
        Ok(())
    }

    /// As [`LiveThread::discard`], from where nothing can be awaited. Says whether the thread was live.
    pub fn discard_now(&self) -> bool {
        !self.inner.ended.swap(true, Ordering::AcqRel) && self.inner.store.discard_now(self.id())
    }

    /// All stored items, the thread archived or not. Flush before.
    ///
    /// # Errors
    /// As [`ThreadStore::load_history`].
    pub async fn load_history(&self) -> Result<StoredHistory> {
        self.inner.store.load_history(LoadHistoryParams::new(self.id()).with_archived()).await
    }

    /// What the model sees of the thread, archived or not. Flush before.
    ///
    /// # Errors
    /// As [`ThreadStore::load_model_context`].
    pub async fn load_model_context(&self) -> Result<ModelContext> {
        self.inner.store.load_model_context(LoadModelContextParams::new(self.id()).with_archived()).await
    }

    /// What is known of the thread, archived or not.
    ///
    /// # Errors
    /// As [`ThreadStore::read_thread`].
    pub async fn read(&self) -> Result<StoredThread> {
        self.inner.store.read_thread(ReadThreadParams::new(self.id()).with_archived()).await
    }

    /// Changes what the user set of the thread, archived or not.
    ///
    /// # Errors
    /// As [`ThreadStore::update_thread_metadata`].
    pub async fn update_metadata(&self, patch: MetadataPatch) -> Result<StoredThread> {
        let params = UpdateThreadMetadataParams::new(self.id(), patch).with_archived();
        self.inner.store.update_thread_metadata(params).await
    }

    /// Says whether memories may be made from the thread.
    ///
    /// # Errors
    /// As [`ThreadStore::update_thread_metadata`].
    pub async fn update_memory_mode(&self, mode: MemoryMode) -> Result<StoredThread> {
        let mut patch = MetadataPatch::default();
        patch.memory_mode = Some(Some(mode));
        self.update_metadata(patch).await
    }

    /// The thread's own file, where the store has one for each thread.
    #[must_use]
    pub fn local_path(&self) -> Option<PathBuf> {
        self.inner.store.local_path(self.id())
    }

    /// As [`LiveThread::local_path`], for code that cannot do without; `operation` names it in the error.
    ///
    /// # Errors
    /// `Unsupported` if the store has no file for the thread.
    pub fn require_local_path(&self, operation: &'static str) -> Result<PathBuf> {
        self.local_path().ok_or_else(|| {
            Report::new(operation, "the store has no file of this thread's own")
                .of(self.id())
                .advise("export the thread, or read it through the store")
                .unsupported()
        })
    }

    fn live(&self, operation: &'static str) -> Result<&dyn ThreadStore> {
        if self.inner.ended.load(Ordering::Acquire) {
            return Err(refuse::absent(operation, self.id(), Absence::NotLive));
        }
        Ok(&*self.inner.store)
    }

    fn now(&self) -> Timestamp {
        let now = self.inner.clock.now_ms();
        let last = self.inner.last_ms.fetch_max(now, Ordering::AcqRel);
        Timestamp::from_ms(now.max(last)).unwrap_or(Timestamp::MAX)
    }
}

impl std::fmt::Debug for LiveThread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveThread")
            .field("id", &self.inner.id)
            .field("ended", &self.inner.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
