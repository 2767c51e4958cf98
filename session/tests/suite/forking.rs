//! Forks of threads that run, and of threads that do not.

use std::sync::Arc;

use threadlog::thread_store::{Absence, ArchiveThreadParams, ForkPosition, ThreadStoreError};
use threadlog_session::{EventMsg, ForkParams, Op, Origin, Script, SessionError};

use crate::cases;
use crate::fixture::{Fixture, sorts, texts_seen, until, until_turn_ends};

async fn a_fork_goes_on_by_itself_and_its_source_too(mut fixture: Fixture) {
    let source = fixture.with_turns(&["one"]).await;
    let fork = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap();
    assert_eq!(fork.session_configured.config.origin, Origin::Forked(source.thread_id));
    fixture.say(&source.thread, "mine").await;
    fixture.say(&fork.thread, "its").await;
    assert_eq!(texts_seen(&fixture.agent.turns()[2].history), ["one", "re one"]);
    fixture.restart().await;
    assert_eq!(fixture.seen(source.thread_id).await, ["one", "re one", "mine", "re mine"]);
    assert_eq!(fixture.seen(fork.thread_id).await, ["one", "re one", "its", "re its"]);
    let stored = fixture.read(fork.thread_id).await.unwrap();
    assert_eq!(stored.metadata.forked_from(), Some(source.thread_id.to_string().as_str()));
    assert!(stored.metadata.inherited().is_some(), "by reference");
}

async fn a_fork_is_stored_at_once(fixture: Fixture) {
    let source = fixture.with_turns(&["one"]).await;
    let fork = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap();
    fork.thread.shutdown().await.unwrap();
    assert_eq!(fixture.seen(fork.thread_id).await, ["one", "re one"]);
}

async fn a_fork_is_cut_before_a_message_of_the_users(fixture: Fixture) {
    let source = fixture.with_turns(&["one", "two", "three"]).await.thread_id;
    let cut = async |number| {
        let params = ForkParams::new(source).at(ForkPosition::BeforeUserMessage(number));
        let fork = fixture.manager.fork(params).await.unwrap();
        fixture.seen(fork.thread_id).await
    };
    assert_eq!(cut(0).await, [""; 0]);
    assert_eq!(cut(1).await, ["one", "re one"]);
    assert_eq!(cut(u64::MAX).await.len(), 6);
}

async fn a_fork_of_a_running_turn_shows_it_as_interrupted_and_the_turn_goes_on(fixture: Fixture) {
    let source = fixture.with_turns(&["one"]).await;
    let go_on = Arc::new(tokio::sync::Notify::new());
    fixture.agent.add(Script::new().message("Let me see.").wait_for(go_on.clone()).message("done"));
    let turn = source.thread.submit(Op::user("two")).await.unwrap();
    until(
        &source.thread,
        |event| matches!(&event.msg, EventMsg::Item(item) if crate::fixture::sort(item) == "agent_message"),
    )
    .await;
    // Nothing but the manager's own flush has stored what the agent said.
    let fork = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap();
    let items = fixture.items(fork.thread_id).await.unwrap();
    assert_eq!(sorts(&items)[items.len() - 4..], ["agent_message", "session_meta", "user", "turn_aborted"]);
    assert!(fixture.seen(fork.thread_id).await[4].starts_with("<turn_aborted>"));
    let before = fixture.manager.fork(ForkParams::new(source.thread_id).at(ForkPosition::BeforeUserMessage(9))).await;
    assert_eq!(fixture.seen(before.unwrap().thread_id).await, ["one", "re one"], "only the running turn is left out");
    go_on.notify_one();
    until_turn_ends(&source.thread, turn).await;
    assert_eq!(fixture.seen(source.thread_id).await, ["one", "re one", "two", "Let me see.", "done"]);
}

async fn a_fork_needs_no_running_source(fixture: Fixture) {
    let source = fixture.with_turns(&["one"]).await;
    source.thread.shutdown().await.unwrap();
    fixture.store.archive_thread(ArchiveThreadParams::new(source.thread_id)).await.unwrap();
    let fork = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap();
    fixture.say(&fork.thread, "its").await;
    let mut params = ForkParams::new(source.thread_id);
    params.include_archived = false;
    assert!(fixture.manager.fork(params).await.is_err_and(|error| error.is_invalid_request()));
}

async fn a_fork_of_what_is_not_stored_is_refused(fixture: Fixture) {
    let source = fixture.started().await;
    let refused = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap_err();
    let SessionError::Store(ThreadStoreError::ThreadNotFound { absence: Absence::NotPersisted, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(fixture.manager.list(), [source.thread_id], "nothing was left behind");
}

async fn a_fork_begins_with_its_sources_settings_and_instructions(fixture: Fixture) {
    let mut params = threadlog_session::StartParams::default();
    params.create.base_instructions = Some("Be brief.".to_owned());
    params.settings.model = Some("m-1".to_owned());
    params.settings.cwd = Some("/projects/mine".to_owned());
    let source = fixture.start(params).await;
    fixture.say(&source.thread, "one").await;
    let mut params = ForkParams::new(source.thread_id);
    params.new.settings.effort = Some("low".to_owned());
    let fork = fixture.manager.fork(params).await.unwrap();
    let config = fork.thread.config();
    assert_eq!(config.base_instructions.as_deref(), Some("Be brief."));
    let settings = config.settings;
    assert_eq!((settings.model.as_deref(), settings.effort.as_deref()), (Some("m-1"), Some("low")));
    assert_eq!(settings.cwd.as_deref(), Some("/projects/mine"));
}

async fn a_fork_of_a_thread_that_is_ending_has_all_of_it(fixture: Fixture) {
    let source = fixture.with_turns(&["one"]).await;
    fixture.agent.add(Script::new().message("Let me see.").wait_for(Arc::default()));
    source.thread.submit(Op::user("two")).await.unwrap();
    fixture.begun(2).await;
    source.thread.submit(Op::Shutdown).await.unwrap();
    let fork = fixture.manager.fork(ForkParams::new(source.thread_id)).await.unwrap();
    source.thread.shutdown().await.unwrap();
    assert_eq!(fixture.seen(fork.thread_id).await, fixture.seen(source.thread_id).await);
}

cases! {
    a_fork_goes_on_by_itself_and_its_source_too
    a_fork_is_stored_at_once
    a_fork_is_cut_before_a_message_of_the_users
    a_fork_of_a_running_turn_shows_it_as_interrupted_and_the_turn_goes_on
    a_fork_needs_no_running_source
    a_fork_of_what_is_not_stored_is_refused
    a_fork_begins_with_its_sources_settings_and_instructions
    a_fork_of_a_thread_that_is_ending_has_all_of_it
}
