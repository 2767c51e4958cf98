//! A manager over a store to run a case against, and the words in which cases are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tempfile::TempDir;
use threadlog::item::typed::{EventMsg as ItemEvent, ResponseItem, Typed};
use threadlog::list::{ArchiveFilter, ListParams};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::memory::InMemoryThreadStore;
use threadlog::thread_store::{
    Absence, LoadHistoryParams, LoadModelContextParams, ReadThreadParams, StoredThread, ThreadStore, ThreadStoreError,
};
use threadlog::{RolloutItem, ThreadId};
use threadlog_engine::OsFs;
use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::SimFs;
use threadlog_session::{
    Agent, AgentFailure, CodexThread, Event, EventMsg, NewThread, Op, Script, ScriptedAgent, SessionError, StartParams,
    SubmissionId, ThreadManager, Turn, TurnHandle,
};

use crate::stores::{Around, Faults, Paths};

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Memory,
    Simulated,
    Disk,
    /// A store that has a file for each thread, or says so.
    WithPaths,
    /// That store, its files hidden.
    PathsHidden,
}

/// A manager, its store and its agent, and the way to start again on the same disk.
pub struct Fixture {
    pub kind: Where,
    pub manager: ThreadManager,
    pub store: Arc<dyn ThreadStore>,
    pub agent: Arc<ScriptedAgent>,
    pub faults: Arc<Faults>,
    local: Option<LocalThreadStore>,
    fs: Arc<dyn Fs>,
    root: PathBuf,
    _directory: Option<TempDir>,
}

/// Longest time that a case may take: it hangs.
const CASE_TIME_MAX: Duration = Duration::from_secs(30);

/// Runs a case.
pub fn run<F: Future<Output = ()>>(kind: Where, case: impl FnOnce(Fixture) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let fixture = Fixture::new(kind).await;
        tokio::time::timeout(CASE_TIME_MAX, case(fixture)).await.expect("the case hangs");
    });
}

impl Fixture {
    async fn new(kind: Where) -> Fixture {
        let directory = (kind == Where::Disk).then(|| tempfile::tempdir().unwrap());
        let (fs, root): (Arc<dyn Fs>, _) = match &directory {
            Some(directory) => (Arc::new(OsFs), directory.path().join("store")),
            None => (Arc::new(SimFs::new(7)), PathBuf::from("/store")),
        };
        let (memory, agent) = (Arc::new(InMemoryThreadStore::new()), Arc::new(ScriptedAgent::default()));
        let mut fixture = Fixture {
            kind,
            manager: ThreadManager::new(memory.clone(), agent.clone()),
            store: memory,
            agent,
            faults: Arc::default(),
            local: None,
            fs,
            root,
            _directory: directory,
        };
        fixture.open().await;
        fixture
    }

    async fn open(&mut self) {
        let around = |inner: Arc<dyn ThreadStore>, paths| -> Arc<dyn ThreadStore> {
            Arc::new(Around { inner, paths, faults: Arc::clone(&self.faults) })
        };
        let store = match self.kind {
            Where::Memory => around(self.store.clone(), Paths::Inner),
            Where::WithPaths => around(self.store.clone(), Paths::Shown),
            Where::Simulated | Where::Disk | Where::PathsHidden => {
                let local = open(self.fs.clone(), &self.root).await;
                self.local = Some(local.clone());
                match self.kind {
                    Where::PathsHidden => around(around(Arc::new(local), Paths::Shown), Paths::Hidden),
                    _ => around(Arc::new(local), Paths::Inner),
                }
            }
        };
        self.store = store;
        self.manager = ThreadManager::new(self.store.clone(), self.agent.clone());
    }

    /// Ends the process in order and starts another. The store in memory goes on, as it has nothing else.
    pub async fn restart(&mut self) {
        let report = self.manager.shutdown_all(Duration::from_secs(10)).await;
        assert!(report.submit_failed.is_empty() && report.timed_out.is_empty(), "{report:?}");
        if let Some(local) = self.local.take() {
            local.close().await.unwrap();
            self.open().await;
        } else {
            self.manager = ThreadManager::new(self.store.clone(), self.agent.clone());
        }
    }

    /// A thread that was started just now; its first event is read.
    pub async fn started(&self) -> NewThread {
        self.start(StartParams::default()).await
    }

    pub async fn start(&self, params: StartParams) -> NewThread {
        let new = self.manager.start(params).await.unwrap();
        assert!(matches!(new.thread.next_event().await.unwrap().msg, EventMsg::SessionConfigured(_)));
        new
    }

    /// A thread in which these messages were said and answered.
    pub async fn with_turns(&self, texts: &[&str]) -> NewThread {
        let new = self.started().await;
        for text in texts {
            self.say(&new.thread, text).await;
        }
        new
    }

    /// One turn that is answered.
    pub async fn say(&self, thread: &CodexThread, text: &str) -> Vec<Event> {
        self.agent.add(Script::new().message(format!("re {text}")));
        let id = thread.submit(Op::user(text)).await.unwrap();
        let events = until_turn_ends(thread, id).await;
        assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }), "{events:?}");
        events
    }

    /// Waits until so many turns were begun by their agent.
    pub async fn begun(&self, turns: usize) {
        while self.agent.turns().len() < turns {
            tokio::task::yield_now().await;
        }
    }

    /// All stored items.
    pub async fn items(&self, id: ThreadId) -> Result<Vec<RolloutItem>, ThreadStoreError> {
        Ok(self.store.load_history(LoadHistoryParams::new(id).with_archived()).await?.items)
    }

    pub async fn read(&self, id: ThreadId) -> Result<StoredThread, ThreadStoreError> {
        self.store.read_thread(ReadThreadParams::new(id).with_archived()).await
    }

    /// What the model sees, as texts.
    pub async fn seen(&self, id: ThreadId) -> Vec<String> {
        let params = LoadModelContextParams::new(id).with_archived();
        texts_seen(&self.store.load_model_context(params).await.unwrap())
    }

    /// Ids of all stored threads that are not archived.
    pub async fn listed(&self) -> Vec<ThreadId> {
        let mut params = ListParams::default();
        params.archived = ArchiveFilter::Active;
        params.include_without_preview = true;
        self.store.list_threads(params).await.unwrap().threads.iter().map(StoredThread::id).collect()
    }
}

async fn open(fs: Arc<dyn Fs>, root: &Path) -> LocalThreadStore {
    LocalThreadStore::open_on(fs, root, LocalConfig::default()).await.unwrap()
}

/// The messages of the model's history.
pub fn texts_seen(context: &threadlog::context::ModelContext) -> Vec<String> {
    let text = |typed| match typed {
        Typed::Response(ResponseItem::Message { text, .. }) => text,
        other => panic!("{other:?}"),
    };
    context.items.iter().map(|item| text(item.typed())).collect()
}

/// Events up to the end of the turn of this submission.
pub async fn until_turn_ends(thread: &CodexThread, id: SubmissionId) -> Vec<Event> {
    until(thread, |event| event.submission == Some(id) && event.msg.ends_turn()).await
}

/// Events up to one that fits.
pub async fn until(thread: &CodexThread, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = thread.next_event().await.expect("the thread ended before");
        let found = fits(&event);
        events.push(event);
        if found {
            return events;
        }
    }
}

/// The items among events.
pub fn items_told(events: &[Event]) -> Vec<RolloutItem> {
    let item = |event: &Event| match &event.msg {
        EventMsg::Item(item) => Some(item.clone()),
        _ => None,
    };
    events.iter().filter_map(item).collect()
}

/// What an item is, in a word.
pub fn sort(item: &RolloutItem) -> String {
    match item.typed() {
        Typed::SessionMeta(_) => "session_meta".to_owned(),
        Typed::TurnContext(_) => "turn_context".to_owned(),
        Typed::Compacted { .. } => "compacted".to_owned(),
        Typed::Response(ResponseItem::Message { role, .. }) => role,
        Typed::Event(ItemEvent::UserMessage(_)) => "user_message".to_owned(),
        Typed::Event(ItemEvent::AgentMessage(_)) => "agent_message".to_owned(),
        Typed::Event(ItemEvent::TokenCount(_)) => "token_count".to_owned(),
        Typed::Event(ItemEvent::TurnStarted) => "task_started".to_owned(),
        Typed::Event(ItemEvent::TurnComplete(_)) => "task_complete".to_owned(),
        Typed::Event(ItemEvent::TurnAborted(_)) => "turn_aborted".to_owned(),
        Typed::Event(ItemEvent::ThreadRolledBack(_)) => "thread_rolled_back".to_owned(),
        Typed::Event(ItemEvent::Error(_)) => "error".to_owned(),
        other => format!("{other:?}"),
    }
}

pub fn sorts(items: &[RolloutItem]) -> Vec<String> {
    items.iter().map(sort).collect()
}

/// Whether the thread is missing in this way.
pub fn is_absent<T>(result: &Result<T, ThreadStoreError>, wanted: Absence) -> bool {
    matches!(result, Err(ThreadStoreError::ThreadNotFound { absence, .. }) if *absence == wanted)
}

/// Whether the store answered so.
pub fn is_conflict<T>(result: &Result<T, SessionError>) -> bool {
    matches!(result, Err(SessionError::Store(ThreadStoreError::Conflict(..))))
}

pub fn is_invalid<T>(result: &Result<T, SessionError>) -> bool {
    result.as_ref().is_err_and(SessionError::is_invalid_request)
}

/// An agent that calls a function.
pub struct Calls<F>(pub F);

#[async_trait]
impl<F, R> Agent for Calls<F>
where
    F: Fn(Turn, TurnHandle) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), AgentFailure>> + Send,
{
    async fn run_turn(&self, turn: Turn, handle: TurnHandle) -> Result<(), AgentFailure> {
        (self.0)(turn, handle).await
    }
}

/// A place where an agent leaves something for the test.
pub type Left<T> = Arc<Mutex<Option<T>>>;

/// Runs each case over each store.
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
        mod with_paths {
            $(#[test] fn $name() { $crate::fixture::run($crate::fixture::Where::WithPaths, super::$name); })*
        }
        mod with_paths_hidden {
            $(#[test] fn $name() { $crate::fixture::run($crate::fixture::Where::PathsHidden, super::$name); })*
        }
    };
}
