//! The operations of [`ThreadStore`], each in a few steps.

use std::sync::Arc;

use async_trait::async_trait;
use threadlog_engine::{Error as EngineError, ReadLog};

use crate::context::{Expected, ModelContext};
use crate::event::{Control, ITEMS, control_channels};
use crate::fold::Folded;
use crate::fork::OPERATION;
use crate::item::Timestamp;
use crate::list::{ListPage, ListParams};
use crate::local::catalog::Entry;
use crate::local::error::from_engine;
use crate::local::queue::{Content, Pending, Queue};
use crate::local::slot::Opened;
use crate::local::writer::Writer;
use crate::local::{LocalThreadStore, Shared};
use crate::search::{Search, SearchParams};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{
    AppendItemsParams, ArchiveThreadParams, CreateThreadParams, DeleteThreadParams, DeletedThreads, FlushThreadParams,
    ForkThreadParams, ForkedThread, HistoryRange, Holder, ItemPage, ListItemsParams, ListTurnsParams,
    LoadHistoryParams, LoadModelContextParams, PersistThreadParams, ReadThreadParams, Result, ResumeThreadParams,
    ShutdownThreadParams, StoredHistory, StoredThread, ThreadStore, TurnPage, UnarchiveThreadParams,
    UpdateThreadMetadataParams, refuse,
};

#[async_trait]
impl ThreadStore for LocalThreadStore {
    async fn create_thread(&self, params: CreateThreadParams) -> Result<()> {
        const OPERATION: &str = "create_thread";
        let (shared, id) = (&self.shared, params.thread_id);
        let now = Timestamp::from_ms(shared.clock.now_ms()).unwrap_or_default();
        let header = params.session_meta(now).map_err(|error| refuse::session_meta(id, error))?;
        let opened = shared.opened(OPERATION, id)?;
        let reservation = shared.live.reserve(OPERATION, id, shared.holder())?;
        let lease = shared.lease(OPERATION, id)?;
        shared.settled(OPERATION, id).await?;
        if shared.is_taken(OPERATION, &opened.engine, id).await? {
            return Err(refuse::stored(OPERATION, id));
        }
        let entry = Arc::new(Entry::new(shared.new_life(OPERATION, id)?));
        let epoch = entry.next_epoch(&opened.engine);
        let header = Pending { content: Content::Item(header), clock: shared.clock.tick() };
        let queue = Queue::of_new(header, opened.opening);
        let keeps = (params.policy, params.history_mode);
        reservation.fill(Writer::new(entry, shared.holder(), epoch, keeps, queue, lease));
        Ok(())
    }

    async fn resume_thread(&self, params: ResumeThreadParams) -> Result<()> {
        const OPERATION: &str = "resume_thread";
        let (shared, id) = (&self.shared, params.thread_id);
        shared.opened(OPERATION, id)?;
        let reservation = shared.live.reserve(OPERATION, id, shared.holder())?;
        let lease = shared.lease(OPERATION, id)?;
        shared.settled(OPERATION, id).await?;
        let (entry, folded) = shared.readable(OPERATION, id, params.include_archived).await?;
        let mode = refuse::known_mode(id, folded.metadata.history_mode())?;
        let opened = shared.opened(OPERATION, id)?;
        let base = shared.settled_end(OPERATION, &opened, entry.key).await?;
        let epoch = entry.next_epoch(&opened.engine);
        let queue = Queue::of_stored(base, folded.lacks_newline(base), opened.opening);
        reservation.fill(Writer::new(entry, shared.holder(), epoch, (params.policy, mode), queue, lease));
        Ok(())
    }

    async fn append_items(&self, params: AppendItemsParams) -> Result<()> {
        let writer = self.shared.live.get("append_items", params.thread_id)?;
        writer.append(&self.shared, params).await
    }

    async fn persist_thread(&self, params: PersistThreadParams) -> Result<()> {
        const OPERATION: &str = "persist_thread";
        self.shared.live.get(OPERATION, params.thread_id)?.store(&self.shared, OPERATION, true).await
    }

    async fn flush_thread(&self, params: FlushThreadParams) -> Result<()> {
        const OPERATION: &str = "flush_thread";
        self.shared.live.get(OPERATION, params.thread_id)?.store(&self.shared, OPERATION, false).await
    }

    async fn shutdown_thread(&self, params: ShutdownThreadParams) -> Result<()> {
        const OPERATION: &str = "shutdown_thread";
        let writer = self.shared.live.get(OPERATION, params.thread_id)?;
        loop {
            writer.store(&self.shared, OPERATION, false).await?;
            // Unless something was appended in between.
            if writer.end_if_idle(OPERATION)? {
                break;
            }
        }
        self.shared.live.remove_this(&writer);
        Ok(())
    }

    fn discard_now(&self, thread_id: ThreadId) -> bool {
        let Some(writer) = self.shared.live.remove(thread_id) else { return false };
        if let Some(ticket) = writer.end()
            && let Ok(opened) = self.shared.slot.get()
            && let Some(lease) = writer.release()
        {
            // What was sent may still reach the log: nobody goes on before that is settled.
            opened.engine.keep_until_settled(ticket, Box::new(lease));
        }
        true
    }

    async fn load_history(&self, params: LoadHistoryParams) -> Result<StoredHistory> {
        const OPERATION: &str = "load_history";
        let (entry, _) = self.shared.readable(OPERATION, params.thread_id, params.include_archived).await?;
        self.shared.history(OPERATION, entry, params.range).await
    }

    async fn read_thread(&self, params: ReadThreadParams) -> Result<StoredThread> {
        const OPERATION: &str = "read_thread";
        let (entry, folded) = self.shared.readable(OPERATION, params.thread_id, params.include_archived).await?;
        let mut thread = stored_thread(&entry, &folded);
        if params.include_history {
            thread.history = Some(self.shared.history(OPERATION, entry, HistoryRange::All).await?);
        }
        Ok(thread)
    }

    async fn fork_thread(&self, params: ForkThreadParams) -> Result<ForkedThread> {
        let shared = &self.shared;
        shared.opened(OPERATION, params.new.thread_id)?;
        if let Some(writer) = shared.live.find(params.source) {
            writer.store(shared, OPERATION, false).await?;
        }
        shared.fork(params).await
    }

    async fn load_model_context(&self, params: LoadModelContextParams) -> Result<ModelContext> {
        const OPERATION: &str = "load_model_context";
        let (entry, folded) = self.shared.readable(OPERATION, params.thread_id, params.include_archived).await?;
        let expected = Expected::of(&folded.metadata);
        self.shared.model_context(OPERATION, entry, expected).await
    }

    async fn list_items(&self, params: ListItemsParams) -> Result<ItemPage> {
        self.shared.list_items(params).await
    }

    async fn list_turns(&self, params: ListTurnsParams) -> Result<TurnPage> {
        self.shared.list_turns(params).await
    }

    async fn list_threads(&self, params: ListParams) -> Result<ListPage<StoredThread>> {
        self.shared.list(params).await
    }

    async fn search(&self, params: SearchParams) -> Result<Search> {
        self.shared.search(params).await
    }

    async fn update_thread_metadata(&self, params: UpdateThreadMetadataParams) -> Result<StoredThread> {
        const OPERATION: &str = "update_thread_metadata";
        let (shared, id) = (&self.shared, params.thread_id);
        let patch = params.patch.checked().map_err(|error| refuse::patch(id, error))?;
        if patch.is_empty() {
            let (entry, folded) = shared.readable(OPERATION, id, params.include_archived).await?;
            return Ok(stored_thread(&entry, &folded));
        }
        if let Some(writer) = shared.live.find(id).filter(|writer| !writer.is_stored()) {
            writer.store(shared, OPERATION, true).await?;
        }
        shared.patch(OPERATION, id, params.include_archived, patch).await?;
        let (entry, folded) = shared.stored(OPERATION, id).await?;
        Ok(stored_thread(&entry, &folded))
    }

    async fn archive_thread(&self, params: ArchiveThreadParams) -> Result<()> {
        const OPERATION: &str = "archive_thread";
        let (entry, folded) = self.shared.stored(OPERATION, params.thread_id).await?;
        if folded.metadata.archived() && self.shared.is_settled(OPERATION, &entry)? {
            return Ok(());
        }
        self.shared.control(OPERATION, &entry, Control::Archived).await
    }

    async fn unarchive_thread(&self, params: UnarchiveThreadParams) -> Result<StoredThread> {
        const OPERATION: &str = "unarchive_thread";
        let (entry, folded) = self.shared.stored(OPERATION, params.thread_id).await?;
        if !folded.metadata.archived() && self.shared.is_settled(OPERATION, &entry)? {
            return Ok(stored_thread(&entry, &folded));
        }
        self.shared.control(OPERATION, &entry, Control::Unarchived).await?;
        let (entry, folded) = self.shared.stored(OPERATION, params.thread_id).await?;
        Ok(stored_thread(&entry, &folded))
    }

    async fn delete_thread(&self, params: DeleteThreadParams) -> Result<DeletedThreads> {
        self.shared.delete(params).await
    }
}

impl Shared {
    /// Where a thread's items end once those that a writer before sent are durable, or certainly not in the log: a
    /// failed write takes back what is not durable, and whoever counted on it would think that the log had lost it.
    async fn settled_end(&self, operation: &'static str, opened: &Opened, key: ThreadKey) -> Result<u64> {
        loop {
            let head = opened.engine.head(&key.stream(ITEMS));
            let (next, durable) = head.map_or((0, 0), |head| (head.next_ordinal, head.durable_ordinal));
            if next == durable {
                return Ok(next);
            }
            match opened.engine.durable(opened.engine.barrier()).await {
                Ok(()) | Err(EngineError::WriteFailed { .. }) => {}
                Err(error) => return Err(from_engine(operation, Some(key.thread), error)),
            }
        }
    }

    /// Whether all changes of a thread that were ever begun have come to their end. While one waits whose caller was
    /// told that its outcome is unknown, what the thread shows is not the last word.
    fn is_settled(&self, operation: &'static str, entry: &Entry) -> Result<bool> {
        let log = self.log(operation, Some(entry.key.thread))?;
        let log = log.read();
        let settled = |channel| {
            let head = log.head(&entry.key.stream(channel));
            head.is_none_or(|head| head.next_ordinal == head.durable_ordinal)
        };
        Ok(control_channels(log, entry.key).all(settled))
    }

    pub(super) fn holder(&self) -> Holder {
        Holder::here(&self.config.client, self.clock.now_ms())
    }
}

fn stored_thread(entry: &Entry, folded: &Folded) -> StoredThread {
    StoredThread::new(entry.key, folded.metadata.clone())
}
