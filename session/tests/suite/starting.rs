//! Starting threads, and what that stores.

use std::sync::Arc;

use async_trait::async_trait;
use threadlog::ThreadId;
use threadlog::item::typed::Typed;
use threadlog::thread_store::{Absence, SessionSource};
use threadlog_session::manager::ManagerConfig;
use threadlog_session::{
    Agent, AgentFailure, EventMsg, ForkParams, IdGenerator, Op, Origin, ResumeParams, Script, SessionError,
    StartParams, ThreadConfig, ThreadManager, Turn, TurnHandle,
};

use crate::cases;
use crate::fixture::{Fixture, is_absent, is_conflict, items_told, sorts, until, until_turn_ends};

async fn the_first_event_says_how_the_thread_is_set_up(fixture: Fixture) {
    let mut params = StartParams::default();
    params.create.source = SessionSource::Cli;
    params.create.originator = Some("suite".to_owned());
    params.create.model_provider = Some("none".to_owned());
    params.settings.cwd = Some("/projects/mine".to_owned());
    params.settings.model = Some("m".to_owned());
    let new = fixture.manager.start(params).await.unwrap();
    let event = new.thread.next_event().await.unwrap();
    let EventMsg::SessionConfigured(configured) = event.msg else { panic!("{event:?}") };
    assert_eq!((event.submission, &configured), (None, &new.session_configured));
    let config = &configured.config;
    assert_eq!((config.thread_id, config.origin, config.ephemeral), (new.thread_id, Origin::Started, false));
    assert_eq!((config.source.as_str(), config.originator.as_deref()), ("cli", Some("suite")));
    assert_eq!(config.settings.cwd.as_deref(), Some("/projects/mine"));
    assert_eq!((configured.context_items, &configured.tokens, &configured.open_turn), (0, &None, &None));
    assert_eq!(new.thread.config(), *config);
}

async fn a_thread_started_and_shut_down_leaves_nothing(mut fixture: Fixture) {
    let new = fixture.started().await;
    assert!(is_absent(&fixture.read(new.thread_id).await, Absence::NotPersisted));
    new.thread.shutdown().await.unwrap();
    assert!(matches!(new.thread.next_event().await.unwrap().msg, EventMsg::ShutdownComplete));
    assert!(new.thread.next_event().await.is_none(), "nothing comes behind the end");
    assert!(is_absent(&fixture.read(new.thread_id).await, Absence::Unknown));
    fixture.restart().await;
    assert!(fixture.listed().await.is_empty());
    assert!(is_absent(&fixture.read(new.thread_id).await, Absence::Unknown));
}

async fn the_first_input_opens_persistence(fixture: Fixture) {
    let new = fixture.started().await;
    let go_on = Arc::new(tokio::sync::Notify::new());
    fixture.agent.add(Script::new().wait_for(go_on.clone()).message("done"));
    let id = new.thread.submit(Op::user("hello")).await.unwrap();
    // The agent has not said anything yet; what the user said is stored by the time it runs.
    fixture.begun(1).await;
    let stored = fixture.items(new.thread_id).await.unwrap();
    assert_eq!(sorts(&stored), ["session_meta", "task_started", "turn_context", "user", "user_message"]);
    go_on.notify_one();
    until_turn_ends(&new.thread, id).await;
}

async fn items_have_the_shapes_that_codex_writes(fixture: Fixture) {
    let mut params = StartParams::default();
    params.settings.model = Some("m-1".to_owned());
    params.settings.cwd = Some("/projects/mine".to_owned());
    let new = fixture.start(params).await;
    fixture.agent.add(Script::new().message("It lacks a semicolon.").tokens(77));
    let id = new.thread.submit(Op::user("Why does it fail?")).await.unwrap();
    let events = until_turn_ends(&new.thread, id).await;
    let stored = fixture.items(new.thread_id).await.unwrap();
    let expected = [
        "session_meta",
        "task_started",
        "turn_context",
        "user",
        "user_message",
        "assistant",
        "agent_message",
        "token_count",
        "task_complete",
    ];
    assert_eq!(sorts(&stored), expected);
    assert_eq!(items_told(&events), stored[1..], "what is told is what is stored, times included");
    let Typed::TurnContext(context) = stored[2].typed() else { panic!() };
    assert_eq!((context.model.as_deref(), context.cwd.as_deref()), (Some("m-1"), Some("/projects/mine")));
    let metadata = fixture.read(new.thread_id).await.unwrap().metadata;
    assert_eq!((metadata.preview(), metadata.model()), (Some("Why does it fail?"), Some("m-1")));
    assert_eq!((metadata.tokens_used(), metadata.turns(), metadata.user_messages()), (Some(77), 1, 1));
    assert_eq!(fixture.seen(new.thread_id).await, ["Why does it fail?", "It lacks a semicolon."]);
}

/// An agent that is never ready.
struct Unready;

#[async_trait]
impl Agent for Unready {
    async fn prepare(&self, _: &ThreadConfig) -> Result<(), AgentFailure> {
        Err("a required tool does not answer".into())
    }

    async fn run_turn(&self, _: Turn, _: TurnHandle) -> Result<(), AgentFailure> {
        Ok(())
    }
}

async fn a_failed_preparation_lets_go_of_the_thread(fixture: Fixture) {
    let mut params = StartParams::default();
    params.thread_id = Some(ThreadId::generate());
    params.agent = Some(Arc::new(Unready));
    let refused = fixture.manager.start(params.clone()).await;
    let Err(SessionError::Agent { message, .. }) = &refused else { panic!("{refused:?}") };
    assert!(message.contains("required tool"));
    assert!(fixture.manager.list().is_empty());
    params.agent = None;
    let new = fixture.start(params).await;
    fixture.say(&new.thread, "the id was free again").await;
}

/// Ids one after another.
#[derive(Default)]
struct Numbered(std::sync::atomic::AtomicU64);

fn numbered(number: u64) -> ThreadId {
    format!("00000000-0000-7000-8000-{number:012}").parse().unwrap()
}

impl IdGenerator for Numbered {
    fn next_id(&self) -> ThreadId {
        numbered(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

async fn ids_come_from_the_generator_unless_reserved_and_resumed_threads_keep_theirs(fixture: Fixture) {
    let mut config = ManagerConfig::default();
    config.ids = Arc::new(Numbered::default());
    let manager = ThreadManager::with_config(fixture.store.clone(), fixture.agent.clone(), config);
    let root = manager.start(StartParams::default()).await.unwrap();
    assert_eq!(root.thread_id, numbered(0));
    fixture.say(&root.thread, "one").await;
    let mut reserved = StartParams::default();
    reserved.thread_id = Some(numbered(77));
    assert_eq!(manager.start(reserved).await.unwrap().thread_id, numbered(77));
    let fork = manager.fork(ForkParams::new(root.thread_id)).await.unwrap();
    assert_eq!(fork.thread_id, numbered(1), "a reserved id uses none up");
    root.thread.shutdown().await.unwrap();
    assert_eq!(manager.resume(ResumeParams::new(root.thread_id)).await.unwrap().thread_id, numbered(0));
    let items = fixture.items(root.thread_id).await.unwrap();
    let supplied = manager.resume_with_history(StartParams::default(), items).await.unwrap();
    assert_eq!(supplied.thread_id, numbered(2));
}

async fn an_id_that_is_taken_is_refused(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    let mut params = StartParams::default();
    params.thread_id = Some(new.thread_id);
    assert!(is_conflict(&fixture.manager.start(params.clone()).await), "it runs");
    new.thread.shutdown().await.unwrap();
    assert!(is_conflict(&fixture.manager.start(params).await), "it is stored");
    assert!(fixture.manager.list().is_empty());
}

async fn a_change_before_the_first_input_stores_the_thread(fixture: Fixture) {
    let new = fixture.started().await;
    new.thread.submit(Op::SetName { name: Some("fix the build".to_owned()) }).await.unwrap();
    until(&new.thread, |event| matches!(event.msg, EventMsg::ThreadNameUpdated { .. })).await;
    assert_eq!(fixture.read(new.thread_id).await.unwrap().metadata.name(), Some("fix the build"));
}

#[test]
fn outside_a_runtime_nothing_starts() {
    let store = Arc::new(threadlog::memory::InMemoryThreadStore::new());
    let manager = ThreadManager::new(store, Arc::new(threadlog_session::ScriptedAgent::default()));
    let mut start = Box::pin(manager.start(StartParams::default()));
    let waker = std::task::Waker::noop();
    let std::task::Poll::Ready(refused) = start.as_mut().poll(&mut std::task::Context::from_waker(waker)) else {
        panic!("nothing here waits")
    };
    assert!(matches!(refused, Err(SessionError::NoRuntime { operation: "start" })));
    assert!(manager.list().is_empty());
}

/// An agent whose preparation never ends, or panics.
struct Stuck {
    panics: bool,
    asked: tokio::sync::Notify,
}

#[async_trait]
impl Agent for Stuck {
    async fn prepare(&self, _: &ThreadConfig) -> Result<(), AgentFailure> {
        self.asked.notify_one();
        assert!(!self.panics, "a fault of the agent's");
        std::future::pending().await
    }

    async fn run_turn(&self, _: Turn, _: TurnHandle) -> Result<(), AgentFailure> {
        Ok(())
    }
}

async fn a_start_that_is_dropped_or_panics_lets_go_of_the_thread(fixture: Fixture) {
    let stored = fixture.with_turns(&["one"]).await;
    stored.thread.shutdown().await.unwrap();
    for panics in [false, true] {
        let agent = Arc::new(Stuck { panics, asked: tokio::sync::Notify::new() });
        let (mut start, mut resume) = (StartParams::default(), ResumeParams::new(stored.thread_id));
        start.agent = Some(agent.clone());
        resume.agent = Some(agent.clone());
        start.thread_id = Some(ThreadId::generate());
        let mut fork = ForkParams::new(stored.thread_id);
        fork.new = start.clone();
        fork.new.thread_id = None;
        let (manager, again) = (fixture.manager.clone(), start.clone());
        let calls: [std::pin::Pin<Box<dyn Future<Output = ()> + Send>>; 3] = [
            Box::pin(async move { drop(manager.start(again).await) }),
            Box::pin({
                let manager = fixture.manager.clone();
                async move { drop(manager.resume(resume).await) }
            }),
            Box::pin({
                let manager = fixture.manager.clone();
                async move { drop(manager.fork(fork).await) }
            }),
        ];
        for call in calls {
            let call = tokio::spawn(call);
            agent.asked.notified().await;
            call.abort();
            let ended = call.await.unwrap_err();
            assert_eq!(ended.is_panic(), panics);
        }
        assert!(fixture.manager.list().is_empty());
        let mut params = StartParams::default();
        params.thread_id = start.thread_id;
        fixture.start(params).await.thread.shutdown().await.unwrap();
        fixture.manager.resume(ResumeParams::new(stored.thread_id)).await.unwrap().thread.shutdown().await.unwrap();
    }
}

cases! {
    the_first_event_says_how_the_thread_is_set_up
    a_thread_started_and_shut_down_leaves_nothing
    the_first_input_opens_persistence
    items_have_the_shapes_that_codex_writes
    a_failed_preparation_lets_go_of_the_thread
    ids_come_from_the_generator_unless_reserved_and_resumed_threads_keep_theirs
    an_id_that_is_taken_is_refused
    a_change_before_the_first_input_stores_the_thread
    a_start_that_is_dropped_or_panics_lets_go_of_the_thread
}
