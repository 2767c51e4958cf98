//! What is known of a thread.

use serde_json::json;
use threadlog::item::Timestamp;
use threadlog::item::typed::Git;
use threadlog::metadata::MemoryMode;
use threadlog::policy::{HistoryMode, PersistencePolicy};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, CreateThreadParams, ReadThreadParams, SessionSource, SubAgentSource};

use crate::cases;
use crate::fixture::{Fixture, agent, event, is_absent, is_invalid, tokens, turn_context, turn_started, user};

async fn a_thread_shows_what_its_creation_and_its_items_say(mut fixture: Fixture) {
    let (id, parent, source) = (ThreadId::generate(), ThreadId::generate(), ThreadId::generate());
    let mut params = CreateThreadParams::new(id);
    params.source = SessionSource::SubAgent(SubAgentSource::ThreadSpawn {
        parent_thread_id: parent,
        depth: 1,
        agent_path: Some("/root/fix".to_owned()),
        agent_nickname: Some("Ada".to_owned()),
        agent_role: Some("fixer".to_owned()),
    });
    params.forked_from = Some(source);
    params.session_id = Some("s".to_owned());
    params.thread_source = Some("subagent".to_owned());
    params.originator = Some("agent".to_owned());
    params.cli_version = Some("1.2.3".to_owned());
    params.cwd = Some("/w".to_owned());
    params.model_provider = Some("openai".to_owned());
    params.memory_mode = Some(MemoryMode::Disabled);
    params.history_mode = HistoryMode::Legacy;
    params.git = Some(Git {
        commit_hash: Some("abc".to_owned()),
        branch: Some("main".to_owned()),
        repository_url: Some("git@host:x.git".to_owned()),
    });
    fixture.store.create_thread(params).await.unwrap();
    fixture.at(10);
    fixture.append(id, [turn_started(), turn_context("gpt", "/elsewhere"), user("  hello ")]).await.unwrap();
    fixture.at(20);
    fixture.append(id, [agent("hi"), tokens(42)]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();

    for _ in 0..2 {
        let thread = fixture.store.read_thread(ReadThreadParams::new(id)).await.unwrap();
        let known = &thread.metadata;
        assert_eq!((thread.id(), known.thread()), (id, id));
        assert_eq!(known.created_ms(), 1_700_000_000_000);
        assert_eq!(known.updated_ms(), 1_700_000_020_000);
        assert_eq!(known.recency_ms(), 1_700_000_010_000);
        assert_eq!(known.archived_ms(), None);
        assert_eq!(known.source(), Some("subagent:thread_spawn"));
        assert_eq!(known.forked_from(), Some(source.to_string().as_str()));
        assert_eq!(known.parent_thread(), Some(parent.to_string().as_str()));
        assert_eq!((known.session(), known.thread_source()), (Some("s"), Some("subagent")));
        assert_eq!((known.originator(), known.cli_version()), (Some("agent"), Some("1.2.3")));
        assert_eq!((known.agent_nickname(), known.agent_role()), (Some("Ada"), Some("fixer")));
        assert_eq!(known.agent_path(), Some("/root/fix"));
        assert_eq!((known.cwd(), known.model_provider()), (Some("/w"), Some("openai")));
        assert_eq!((known.model(), known.reasoning_effort()), (Some("gpt"), Some("high")));
        assert_eq!((known.approval_policy(), known.sandbox()), (Some("never"), Some("read-only")));
        assert_eq!((known.memory_mode(), known.history_mode()), (MemoryMode::Disabled, "legacy"));
        assert_eq!((known.name(), known.preview()), (None, Some("hello")));
        assert_eq!((known.title(), known.first_user_message()), (Some("hello"), Some("hello")));
        assert_eq!((known.tokens_used(), known.items()), (Some(42), 6));
        let git = known.git().unwrap();
        assert_eq!((git.commit_hash.as_deref(), git.branch.as_deref()), (Some("abc"), Some("main")));
        assert_eq!(git.repository_url.as_deref(), Some("git@host:x.git"));
        fixture.restart().await;
    }
}

async fn reading_a_thread_that_is_not_there_is_refused(fixture: Fixture) {
    let id = ThreadId::generate();
    let error = fixture.store.read_thread(ReadThreadParams::new(id)).await.unwrap_err();
    assert!(error.to_string().contains(&id.to_string()), "{error}");
    assert!(is_absent::<()>(Err(error), Absence::Unknown));
}

async fn an_archived_thread_is_read_only_when_asked_for(fixture: Fixture) {
    let id = fixture.cold("a").await;
    fixture.store.archive_thread(id.into()).await.unwrap();
    let refused = fixture.store.read_thread(ReadThreadParams::new(id)).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("is archived")));
    assert!(is_invalid(refused));
    assert!(fixture.read(id).await.unwrap().metadata.archived());
}

async fn a_thread_without_user_message_is_read_with_an_empty_preview(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [agent("unasked")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let thread = fixture.read(id).await.unwrap();
    assert_eq!((thread.metadata.preview(), thread.metadata.items()), (None, 2));
}

async fn the_first_user_message_counts_however_late_it_comes(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, (0..500).map(|number| agent(&number.to_string()))).await.unwrap();
    fixture.append(id, [user(""), user("at last"), user("later")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap().metadata.preview(), Some("at last"));
    fixture.append(id, [user("still later")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap().metadata.preview(), Some("at last"));
}

async fn metadata_is_that_of_the_stored_items(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let before = fixture.read(id).await.unwrap();
    fixture.append(id, [tokens(7)]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let after = fixture.read(id).await.unwrap();
    assert_eq!((before.metadata.tokens_used(), after.metadata.tokens_used()), (None, Some(7)));
    assert_eq!((before.metadata.items(), after.metadata.items()), (2, 3));
}

async fn an_answer_advances_the_update_time_and_only_a_turn_the_recency(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.at(1);
    fixture.append(id, [turn_started(), user("a")]).await.unwrap();
    fixture.at(2);
    fixture.append(id, [agent("b")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let times =
        |known: &threadlog::metadata::ThreadMetadata| (known.updated_ms() % 100_000, known.recency_ms() % 100_000);
    assert_eq!(times(&fixture.read(id).await.unwrap().metadata), (2_000, 1_000));
    fixture.at(3);
    fixture.append(id, [turn_started()]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(times(&fixture.read(id).await.unwrap().metadata), (3_000, 3_000));
}

async fn a_name_in_the_items_is_the_threads_until_the_user_gives_one(fixture: Fixture) {
    let id = ThreadId::generate();
    let mut params = CreateThreadParams::new(id);
    params.policy = PersistencePolicy::Limited;
    fixture.store.create_thread(params).await.unwrap();
    fixture
        .append(id, [user("a"), event(json!({"type": "thread_name_updated", "thread_name": "old way"}))])
        .await
        .unwrap();
    fixture.flush(id).await.unwrap();
    let known = fixture.read(id).await.unwrap().metadata;
    assert_eq!((known.name(), known.first_user_message()), (Some("old way"), Some("a")));
}

async fn the_time_of_creation_can_be_given(fixture: Fixture) {
    let mut params = CreateThreadParams::new(ThreadId::generate());
    params.created_at = Timestamp::from_ms(1_000);
    let id = params.thread_id;
    fixture.store.create_thread(params).await.unwrap();
    fixture.store.persist_thread(id.into()).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap().metadata.created_ms(), 1_000);
}

cases! {
    a_thread_shows_what_its_creation_and_its_items_say
    reading_a_thread_that_is_not_there_is_refused
    an_archived_thread_is_read_only_when_asked_for
    a_thread_without_user_message_is_read_with_an_empty_preview
    the_first_user_message_counts_however_late_it_comes
    metadata_is_that_of_the_stored_items
    an_answer_advances_the_update_time_and_only_a_turn_the_recency
    a_name_in_the_items_is_the_threads_until_the_user_gives_one
    the_time_of_creation_can_be_given
}
