//! A store to run a case against, and the words in which cases are written.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use threadlog::item::typed::{EventMsg, Typed};
use threadlog::item::{Kind, RolloutItem, Timestamp};
use threadlog::list::{ArchiveFilter, ListPage, ListParams};
use threadlog::live::NewItem;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::memory::InMemoryThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    Absence, AppendItemsParams, CreateThreadParams, LoadHistoryParams, ReadThreadParams, Result, ResumeThreadParams,
    StoredThread, ThreadStore, ThreadStoreError, UpdateThreadMetadataParams,
};
use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Clock, Config, OsFs};

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Memory,
    Simulated,
    Disk,
}

/// A clock that the case sets.
pub struct Hand(AtomicU64);

impl Clock for Hand {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A store, its clock, and the way to start it again on the same disk.
pub struct Fixture {
    pub store: Arc<dyn ThreadStore>,
    pub clock: Arc<Hand>,
    local: Option<LocalThreadStore>,
    fs: Arc<dyn Fs>,
    root: PathBuf,
    _directory: Option<TempDir>,
}

/// Runs a case.
pub fn run<F: Future<Output = ()>>(kind: Where, case: impl FnOnce(Fixture) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { case(Fixture::new(kind).await).await });
}

impl Fixture {
    async fn new(kind: Where) -> Fixture {
        let clock = Arc::new(Hand(AtomicU64::new(1_700_000_000_000)));
        let directory = (kind == Where::Disk).then(|| tempfile::tempdir().unwrap());
        let (fs, root): (Arc<dyn Fs>, _) = match &directory {
            Some(directory) => (Arc::new(OsFs), directory.path().join("store")),
            None => (Arc::new(SimFs::new(7)), PathBuf::from("/store")),
        };
        let mut fixture = Fixture {
            store: Arc::new(InMemoryThreadStore::with_clock(clock.clone())),
            clock,
            local: None,
            fs,
            root,
            _directory: directory,
        };
        if kind != Where::Memory {
            fixture.open().await;
        }
        fixture
    }

    async fn open(&mut self) {
        let config = Config { clock: self.clock.clone(), client: "contract".to_owned(), ..Config::default() };
        let local = LocalThreadStore::open_on(self.fs.clone(), &self.root, LocalConfig::from(config)).await.unwrap();
        self.store = Arc::new(local.clone());
        self.local = Some(local);
    }

    /// Ends the process and starts another: what is only in memory is gone. The store in memory goes on, as it
    /// has nothing else.
    pub async fn restart(&mut self) {
        if let Some(local) = self.local.take() {
            local.close().await.unwrap();
            self.open().await;
        }
    }

    /// Sets the clock, in seconds after the fixture's beginning.
    pub fn at(&self, seconds: u64) {
        self.clock.0.store(1_700_000_000_000 + seconds * 1000, Ordering::Relaxed);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.clock.now_ms()).unwrap()
    }

    /// Creates a thread with a new id.
    pub async fn create(&self) -> ThreadId {
        let id = ThreadId::generate();
        self.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
        id
    }

    /// Creates, appends and shuts down a thread that one user message makes visible in lists.
    pub async fn cold(&self, message: &str) -> ThreadId {
        let id = self.create().await;
        self.append(id, [user(message)]).await.unwrap();
        self.store.shutdown_thread(id.into()).await.unwrap();
        id
    }

    pub async fn resume(&self, id: ThreadId) -> Result<()> {
        self.store.resume_thread(ResumeThreadParams::new(id)).await
    }

    /// Appends items, stamped with the time.
    pub async fn append(&self, id: ThreadId, items: impl IntoIterator<Item = NewItem>) -> Result<()> {
        let items = items.into_iter().map(|item| item.stamped(self.now())).collect();
        self.store.append_items(AppendItemsParams::new(id, items)).await
    }

    pub async fn flush(&self, id: ThreadId) -> Result<()> {
        self.store.flush_thread(id.into()).await
    }

    /// All stored items, archived or not.
    pub async fn items(&self, id: ThreadId) -> Result<Vec<RolloutItem>> {
        Ok(self.store.load_history(LoadHistoryParams::new(id).with_archived()).await?.items)
    }

    /// The messages and answers among the stored items.
    pub async fn texts(&self, id: ThreadId) -> Vec<String> {
        self.items(id).await.unwrap().iter().filter_map(text).collect()
    }

    pub async fn read(&self, id: ThreadId) -> Result<StoredThread> {
        self.store.read_thread(ReadThreadParams::new(id).with_archived()).await
    }

    pub async fn patch(&self, id: ThreadId, patch: MetadataPatch) -> Result<StoredThread> {
        self.store.update_thread_metadata(UpdateThreadMetadataParams::new(id, patch).with_archived()).await
    }

    pub async fn list(&self, params: &ListParams) -> ListPage<StoredThread> {
        self.store.list_threads(params.clone()).await.unwrap()
    }

    /// Ids of all listed threads, active or archived.
    pub async fn listed(&self, archived: ArchiveFilter) -> Vec<ThreadId> {
        let mut params = ListParams::default();
        params.archived = archived;
        params.include_without_preview = true;
        self.list(&params).await.threads.iter().map(StoredThread::id).collect()
    }
}

fn text(item: &RolloutItem) -> Option<String> {
    match item.typed() {
        Typed::Event(EventMsg::UserMessage(message)) => Some(message.text),
        Typed::Event(EventMsg::AgentMessage(text)) => Some(text),
        _ => None,
    }
}

pub fn event(value: Value) -> NewItem {
    NewItem::event(&value).unwrap()
}

pub fn user(text: &str) -> NewItem {
    event(json!({"type": "user_message", "message": text}))
}

pub fn agent(text: &str) -> NewItem {
    event(json!({"type": "agent_message", "message": text}))
}

pub fn turn_started() -> NewItem {
    event(json!({"type": "task_started", "turn_id": "t"}))
}

pub fn turn_context(model: &str, cwd: &str) -> NewItem {
    let value = json!({"cwd": cwd, "model": model, "effort": "high", "approval_policy": "never",
        "sandbox_policy": {"type": "read-only"}, "summary": "auto"});
    NewItem::new(Kind::TurnContext, &value).unwrap()
}

pub fn tokens(total: u64) -> NewItem {
    event(json!({"type": "token_count", "info": {"total_token_usage": {"total_tokens": total}}}))
}

pub fn patch(change: impl FnOnce(&mut MetadataPatch)) -> MetadataPatch {
    let mut patch = MetadataPatch::default();
    change(&mut patch);
    patch
}

/// Whether the thread is missing in this way.
pub fn is_absent<T>(result: Result<T>, wanted: Absence) -> bool {
    matches!(result, Err(ThreadStoreError::ThreadNotFound { absence, .. }) if absence == wanted)
}

pub fn is_invalid<T>(result: Result<T>) -> bool {
    matches!(result, Err(ThreadStoreError::InvalidRequest(_)))
}

/// Runs each case against each store.
#[macro_export]
macro_rules! cases {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[test] fn $name() { $crate::fixture::run($crate::fixture::Where::Memory, super::$name); })*
        }
        mod on_a_simulated_disk {
            $(#[test] fn $name() { $crate::fixture::run($crate::fixture::Where::Simulated, super::$name); })*
        }
        mod on_a_real_disk {
            $(#[test] fn $name() { $crate::fixture::run($crate::fixture::Where::Disk, super::$name); })*
        }
    };
}
