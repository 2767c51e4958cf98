//! The operations of [`ThreadStore`], each in a few steps.

use std::sync::Arc;

use async_trait::async_trait;
use threadlog_engine::{Engine, Error as EngineError, ReadLog};
use uuid::Uuid;

use crate::event::{CONTROL, Control, ITEMS};
use crate::fold::Folded;
use crate::item::Timestamp;
use crate::list::{ListPage, ListParams};
use crate::local::catalog::Entry;
use crate::local::error::from_engine;
use crate::local::queue::{Content, Pending, Queue};
use crate::local::slot::Opened;
use crate::local::writer::Writer;
use crate::local::{LocalThreadStore, Shared};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{
    AppendItemsParams, ArchiveThreadParams, CreateThreadParams, FlushThreadParams, HistoryRange, Holder,
    LoadHistoryParams, PersistThreadParams, ReadThreadParams, Result, ResumeThreadParams, ShutdownThreadParams,
    StoredHistory, StoredThread, ThreadStore, UnarchiveThreadParams, UpdateThreadMetadataParams, refuse,
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
        if shared.catalog.get(id).is_some_and(|entry| is_stored(&opened.engine, entry.key)) {
            return Err(refuse::stored(id));
        }
        let (incarnation, _) = Uuid::new_v4().as_u64_pair();
        let entry = Arc::new(Entry::new(ThreadKey { thread: id, incarnation }));
        let epoch = entry.next_epoch(&opened.engine);
        let header = Pending { content: Content::Item(header), clock: shared.clock.tick() };
        let queue = Queue::of_new(header, opened.opening);
        let keeps = (params.policy, params.history_mode);
        reservation.fill(Writer::new(entry, shared.holder(), epoch, keeps, queue));
        Ok(())
    }

    async fn resume_thread(&self, params: ResumeThreadParams) -> Result<()> {
        const OPERATION: &str = "resume_thread";
        let (shared, id) = (&self.shared, params.thread_id);
        shared.opened(OPERATION, id)?;
        let reservation = shared.live.reserve(OPERATION, id, shared.holder())?;
        let (entry, folded) = shared.readable(OPERATION, id, params.include_archived).await?;
        let mode = refuse::known_mode(id, folded.metadata.history_mode())?;
        let opened = shared.opened(OPERATION, id)?;
        let base = shared.settled_end(OPERATION, &opened, entry.key).await?;
        let epoch = entry.next_epoch(&opened.engine);
        let queue = Queue::of_stored(base, folded.lacks_newline(base), opened.opening);
        reservation.fill(Writer::new(entry, shared.holder(), epoch, (params.policy, mode), queue));
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
        let writer = self.shared.live.remove(thread_id);
        writer.inspect(|writer| writer.end()).is_some()
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

    async fn list_threads(&self, params: ListParams) -> Result<ListPage<StoredThread>> {
        self.shared.list(params).await
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
        let (entry, _) = shared.readable(OPERATION, id, params.include_archived).await?;
        shared.control(OPERATION, &entry, Control::Patched(Box::new(patch))).await?;
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
        let head = self.log(operation, Some(entry.key.thread))?.read().head(&entry.key.stream(CONTROL));
        Ok(head.is_none_or(|head| head.next_ordinal == head.durable_ordinal))
    }

    fn holder(&self) -> Holder {
        Holder::here(&self.config.client, self.clock.now_ms())
    }
}

/// Whether anything of this life is in the log, durable or not.
fn is_stored(engine: &Engine, key: ThreadKey) -> bool {
    engine.head(&key.stream(ITEMS)).is_some() || engine.head(&key.stream(CONTROL)).is_some()
}

fn stored_thread(entry: &Entry, folded: &Folded) -> StoredThread {
    StoredThread::new(entry.key, folded.metadata.clone())
}
