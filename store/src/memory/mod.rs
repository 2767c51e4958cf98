//! A store in memory, for tests and for threads that shall leave nothing behind.
//!
//! Complete: laziness, policies, metadata, lists and archive are those of every other store, and the same
//! contract suite runs against it. Nothing is shared between instances, and all is gone when it is dropped.

mod search;
mod thread;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use threadlog_engine::config::{Clock, SystemClock};

use crate::clock::HybridClock;
use crate::context::{self, ModelContext};
use crate::fork::{self, OPERATION};
use crate::item::Timestamp;
use crate::list::{self, Family, ListPage, ListParams, Relation};
use crate::memory::thread::{Live, Stored, Thread};
use crate::metadata::{MetadataEvent, MetadataPatch, Stamp};
use crate::search::{Search, SearchParams};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{
    Absence, AppendItemsParams, ArchiveThreadParams, CreateThreadParams, DeleteThreadParams, DeletedThreads,
    Descendants, FlushThreadParams, ForkThreadParams, ForkedThread, Holder, ItemPage, ListItemsParams, ListTurnsParams,
    LoadHistoryParams, LoadModelContextParams, PersistThreadParams, ReadThreadParams, Result, ResumeThreadParams,
    ShutdownThreadParams, StoredHistory, StoredThread, ThreadStore, TurnPage, UnarchiveThreadParams,
    UpdateThreadMetadataParams, accept, refuse,
};

/// A [`ThreadStore`] that keeps threads in memory, until it is dropped. Cheap to clone; clones share the threads.
///
/// *Durability:* none. What the contract calls stored is what readers of this instance see. No operation waits.
#[derive(Clone)]
pub struct InMemoryThreadStore {
    inner: Arc<Inner>,
}

struct Inner {
    threads: Mutex<BTreeMap<ThreadId, Thread>>,
    clock: HybridClock,
}

impl InMemoryThreadStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> InMemoryThreadStore {
        InMemoryThreadStore::with_clock(Arc::new(SystemClock))
    }

    /// An empty store that takes the time from `clock`.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> InMemoryThreadStore {
        let clock = HybridClock::new(clock);
        InMemoryThreadStore { inner: Arc::new(Inner { threads: Mutex::default(), clock }) }
    }

    fn holder(&self) -> Holder {
        Holder::here("in memory", self.inner.clock.now_ms())
    }

    fn stamp(&self) -> Stamp {
        Stamp { clock: self.inner.clock.tick(), journal: 0 }
    }

    /// Calls `work` with a live thread, and with what is stored of it.
    fn live<T>(
        &self,
        operation: &'static str,
        id: ThreadId,
        work: impl FnOnce(&mut Live, &mut Option<Stored>) -> Result<T>,
    ) -> Result<T> {
        match self.inner.threads.lock().get_mut(&id) {
            Some(Thread { live: Some(live), stored }) => work(live, stored),
            _ => Err(refuse::absent(operation, id, Absence::NotLive)),
        }
    }

    /// Calls `work` with what is stored of a thread.
    fn stored<T>(
        &self,
        operation: &'static str,
        id: ThreadId,
        work: impl FnOnce(&mut Stored) -> Result<T>,
    ) -> Result<T> {
        let mut threads = self.inner.threads.lock();
        let absent = |absence| Err(refuse::absent(operation, id, absence));
        match threads.get_mut(&id) {
            None => absent(Absence::Unknown),
            Some(Thread { stored: None, .. }) => absent(Absence::NotPersisted),
            Some(Thread { stored: Some(stored), .. }) => work(stored),
        }
    }
}

/// Ends the live part of a thread; says whether there was one.
fn make_cold(threads: &mut BTreeMap<ThreadId, Thread>, id: ThreadId) -> bool {
    let Some(thread) = threads.get_mut(&id) else { return false };
    let was_live = thread.live.take().is_some();
    if thread.stored.is_none() {
        threads.remove(&id);
    }
    was_live
}

impl Default for InMemoryThreadStore {
    fn default() -> InMemoryThreadStore {
        InMemoryThreadStore::new()
    }
}

#[async_trait]
impl ThreadStore for InMemoryThreadStore {
    async fn create_thread(&self, params: CreateThreadParams) -> Result<()> {
        let id = params.thread_id;
        let now = Timestamp::from_ms(self.inner.clock.now_ms()).unwrap_or_default();
        let header = params.session_meta(now).map_err(|error| refuse::session_meta(id, error))?;
        let live = Live::new(self.holder(), params.policy, params.history_mode);
        let mut threads = self.inner.threads.lock();
        let thread = threads.entry(id).or_default();
        if let Some(live) = &thread.live {
            return Err(refuse::live("create_thread", id, live.holder.clone()));
        }
        if thread.stored.is_some() {
            return Err(refuse::stored("create_thread", id));
        }
        thread.live = Some(live.beginning_with(header));
        Ok(())
    }

    async fn resume_thread(&self, params: ResumeThreadParams) -> Result<()> {
        const OPERATION: &str = "resume_thread";
        let id = params.thread_id;
        let holder = self.holder();
        let mut threads = self.inner.threads.lock();
        let Some(thread) = threads.get_mut(&id) else {
            return Err(refuse::absent(OPERATION, id, Absence::Unknown));
        };
        if let Some(live) = &thread.live {
            return Err(refuse::live(OPERATION, id, live.holder.clone()));
        }
        let Some(stored) = &thread.stored else {
            return Err(refuse::absent(OPERATION, id, Absence::Unknown));
        };
        refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
        let mode = refuse::known_mode(id, stored.metadata.history_mode())?;
        thread.live = Some(Live::new(holder, params.policy, mode));
        Ok(())
    }

    async fn append_items(&self, params: AppendItemsParams) -> Result<()> {
        self.live("append_items", params.thread_id, |live, _| {
            live.pending.extend(accept(live.policy, live.mode, params)?);
            Ok(())
        })
    }

    async fn persist_thread(&self, params: PersistThreadParams) -> Result<()> {
        let id = params.thread_id;
        self.live("persist_thread", id, |live, stored| {
            live.store(stored, id, &self.inner.clock);
            Ok(())
        })
    }

    async fn flush_thread(&self, params: FlushThreadParams) -> Result<()> {
        let id = params.thread_id;
        self.live("flush_thread", id, |live, stored| {
            live.store_pending(stored, id, &self.inner.clock);
            Ok(())
        })
    }

    async fn shutdown_thread(&self, params: ShutdownThreadParams) -> Result<()> {
        let id = params.thread_id;
        let mut threads = self.inner.threads.lock();
        let Some(Thread { live: Some(live), stored }) = threads.get_mut(&id) else {
            return Err(refuse::absent("shutdown_thread", id, Absence::NotLive));
        };
        live.store_pending(stored, id, &self.inner.clock);
        make_cold(&mut threads, id);
        Ok(())
    }

    fn discard_now(&self, thread_id: ThreadId) -> bool {
        make_cold(&mut self.inner.threads.lock(), thread_id)
    }

    async fn load_history(&self, params: LoadHistoryParams) -> Result<StoredHistory> {
        const OPERATION: &str = "load_history";
        let id = params.thread_id;
        self.stored(OPERATION, id, |stored| {
            refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
            Ok(stored.history(params.range))
        })
    }

    async fn read_thread(&self, params: ReadThreadParams) -> Result<StoredThread> {
        const OPERATION: &str = "read_thread";
        let id = params.thread_id;
        self.stored(OPERATION, id, |stored| {
            refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
            let mut thread = stored.thread();
            thread.history = params.include_history.then(|| stored.history(Default::default()));
            Ok(thread)
        })
    }

    async fn fork_thread(&self, params: ForkThreadParams) -> Result<ForkedThread> {
        let (source, id) = (params.source, params.new.thread_id);
        let now = Timestamp::from_ms(self.inner.clock.now_ms()).unwrap_or_default();
        let mut threads = self.inner.threads.lock();
        if let Some(Thread { live: Some(live), stored }) = threads.get_mut(&source) {
            live.store_pending(stored, source, &self.inner.clock);
        }
        let stored = match threads.get(&source) {
            None => return Err(refuse::absent(OPERATION, source, Absence::Unknown)),
            Some(Thread { stored: None, .. }) => return Err(refuse::absent(OPERATION, source, Absence::NotPersisted)),
            Some(Thread { stored: Some(stored), .. }) => stored,
        };
        refuse::unless_included(OPERATION, source, &stored.metadata, params.include_archived)?;
        match threads.get(&id) {
            Some(Thread { live: Some(live), .. }) => return Err(refuse::live(OPERATION, id, live.holder.clone())),
            Some(_) => return Err(refuse::stored(OPERATION, id)),
            None => {}
        }
        let cut = fork::cut(stored, source, &params.position)?;
        let name = stored.metadata.name().filter(|_| params.inherit_name).map(MetadataPatch::rename);
        let items = fork::first_items(params, &stored.metadata, cut.interrupted, now)?;
        let mut child = stored.fork(id, cut.end, items, &self.inner.clock);
        if let Some(patch) = &name {
            child.metadata.apply(MetadataEvent::Patched { stamp: self.stamp(), patch });
        }
        let forked = ForkedThread::new(child.thread(), cut.end);
        threads.insert(id, Thread { stored: Some(child), live: None });
        Ok(forked)
    }

    async fn load_model_context(&self, params: LoadModelContextParams) -> Result<ModelContext> {
        const OPERATION: &str = "load_model_context";
        let id = params.thread_id;
        self.stored(OPERATION, id, |stored| {
            refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
            Ok(stored.model_context())
        })
    }

    async fn list_items(&self, params: ListItemsParams) -> Result<ItemPage> {
        const OPERATION: &str = "list_items";
        params.check(OPERATION)?;
        let id = params.thread_id;
        self.stored(OPERATION, id, |stored| {
            refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
            context::items(stored, &params).map_err(|error| refuse::failed(OPERATION, id, error))
        })
    }

    async fn list_turns(&self, params: ListTurnsParams) -> Result<TurnPage> {
        const OPERATION: &str = "list_turns";
        params.check(OPERATION)?;
        let id = params.thread_id;
        self.stored(OPERATION, id, |stored| {
            refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
            context::turn_page(stored, &params).map_err(|error| refuse::failed(OPERATION, id, error))
        })
    }

    async fn list_threads(&self, params: ListParams) -> Result<ListPage<StoredThread>> {
        let threads = self.inner.threads.lock();
        let stored = || threads.values().filter_map(|thread| thread.stored.as_ref());
        let page = list::page(stored().map(|stored| &stored.metadata), &params).map_err(refuse::list)?;
        Ok(page.map(|metadata| {
            let stored = threads.get(&metadata.thread()).and_then(|thread| thread.stored.as_ref());
            let incarnation = stored.map_or(0, |stored| stored.key.incarnation);
            StoredThread::new(ThreadKey { thread: metadata.thread(), incarnation }, metadata.clone())
        }))
    }

    async fn search(&self, params: SearchParams) -> Result<Search> {
        self.search_now(params).await
    }

    async fn update_thread_metadata(&self, params: UpdateThreadMetadataParams) -> Result<StoredThread> {
        const OPERATION: &str = "update_thread_metadata";
        let id = params.thread_id;
        let patch = params.patch.checked().map_err(|error| refuse::patch(id, error))?;
        if !patch.is_empty()
            && let Some(Thread { live: Some(live), stored: stored @ None }) = self.inner.threads.lock().get_mut(&id)
        {
            live.store(stored, id, &self.inner.clock);
        }
        self.stored(OPERATION, id, |stored| {
            refuse::unless_included(OPERATION, id, &stored.metadata, params.include_archived)?;
            if !patch.is_empty() {
                let patch = patch.of(&stored.metadata);
                stored.metadata.apply(MetadataEvent::Patched { stamp: self.stamp(), patch: &patch });
            }
            Ok(stored.thread())
        })
    }

    async fn archive_thread(&self, params: ArchiveThreadParams) -> Result<()> {
        self.stored("archive_thread", params.thread_id, |stored| {
            if !stored.metadata.archived() {
                stored.metadata.apply(MetadataEvent::Archived { stamp: self.stamp() });
            }
            Ok(())
        })
    }

    async fn unarchive_thread(&self, params: UnarchiveThreadParams) -> Result<StoredThread> {
        self.stored("unarchive_thread", params.thread_id, |stored| {
            if stored.metadata.archived() {
                stored.metadata.apply(MetadataEvent::Unarchived { stamp: self.stamp() });
            }
            Ok(stored.thread())
        })
    }

    async fn delete_thread(&self, params: DeleteThreadParams) -> Result<DeletedThreads> {
        const OPERATION: &str = "delete_thread";
        let id = params.thread_id;
        let mut threads = self.inner.threads.lock();
        let family = |threads: &BTreeMap<ThreadId, Thread>| {
            let stored = threads.values().filter_map(|thread| thread.stored.as_ref());
            Family::of(stored.map(|stored| &stored.metadata))
        };
        let mut targets = vec![id];
        if params.descendants == Descendants::Delete {
            let related = family(&threads).related(&Relation::descendants(id));
            targets.extend(related.into_iter().filter(|related| threads.contains_key(related)));
            params.check(OPERATION, targets.get(1..).unwrap_or_default())?;
        }
        for target in &targets {
            match threads.get(target) {
                Some(Thread { live: Some(live), .. }) => {
                    return Err(refuse::live(OPERATION, *target, live.holder.clone()));
                }
                Some(Thread { stored: Some(stored), .. }) => {
                    if *target == id && params.only_trashed && !stored.metadata.trashed() {
                        return Err(refuse::not_trashed(OPERATION, id));
                    }
                }
                _ => return Err(refuse::absent(OPERATION, *target, Absence::Unknown)),
            }
        }
        targets.iter().for_each(|target| drop(threads.remove(target)));
        let kept = family(&threads).related(&Relation::children(id));
        Ok(DeletedThreads::new(targets, kept))
    }
}
