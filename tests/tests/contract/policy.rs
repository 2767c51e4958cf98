//! Which items a live thread keeps.

use serde_json::json;
use threadlog::item::Kind;
use threadlog::live::NewItem;
use threadlog::policy::{HistoryMode, PersistencePolicy};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{CreateThreadParams, ResumeThreadParams};

use crate::cases;
use crate::fixture::{Fixture, event};

const EVENTS: [&str; 5] = ["user_message", "exec_command_end", "agent_message_delta", "item_completed", "of_next_year"];

/// The events that a thread keeps of [`EVENTS`].
async fn kept(fixture: &Fixture, id: ThreadId) -> Vec<String> {
    let before = fixture.items(id).await.map_or(1, |items| items.len());
    fixture.append(id, EVENTS.map(|name| event(json!({"type": name, "aggregated_output": "o"})))).await.unwrap();
    fixture.flush(id).await.unwrap();
    let line = |item: &threadlog::RolloutItem| {
        let mut line = Vec::new();
        item.render(&mut line);
        String::from_utf8(line).unwrap()
    };
    let items = fixture.items(id).await.unwrap();
    let name = |line: String| EVENTS.iter().find(|name| line.contains(&format!("\"{name}\""))).unwrap().to_string();
    items[before..].iter().map(line).map(name).collect()
}

async fn created(fixture: &Fixture, policy: PersistencePolicy, mode: HistoryMode) -> ThreadId {
    let mut params = CreateThreadParams::new(ThreadId::generate());
    (params.policy, params.history_mode) = (policy, mode);
    let id = params.thread_id;
    fixture.store.create_thread(params).await.unwrap();
    id
}

async fn each_policy_keeps_its_events(fixture: Fixture) {
    use HistoryMode::{Legacy, Paginated};
    use PersistencePolicy::{ByHistoryMode, Everything, Extended, Limited};
    for (policy, mode, expected) in [
        (ByHistoryMode, Legacy, &["user_message", "of_next_year"][..]),
        (ByHistoryMode, Paginated, &["item_completed", "of_next_year"]),
        (Limited, Legacy, &["user_message", "of_next_year"]),
        (Extended, Legacy, &["user_message", "exec_command_end", "of_next_year"]),
        (Everything, Legacy, &EVENTS),
    ] {
        let id = created(&fixture, policy, mode).await;
        assert_eq!(kept(&fixture, id).await, expected, "{policy:?}, {mode:?}");
    }
}

async fn a_resumed_thread_keeps_what_its_history_mode_says(mut fixture: Fixture) {
    let id = created(&fixture, PersistencePolicy::ByHistoryMode, HistoryMode::Paginated).await;
    fixture.store.persist_thread(id.into()).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.read(id).await.unwrap().metadata.history_mode(), "paginated");
    fixture.resume(id).await.unwrap();
    assert_eq!(kept(&fixture, id).await, ["item_completed", "of_next_year"]);
}

async fn each_resume_may_choose_another_policy(fixture: Fixture) {
    let id = created(&fixture, PersistencePolicy::Limited, HistoryMode::Legacy).await;
    assert_eq!(kept(&fixture, id).await, ["user_message", "of_next_year"]);
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    let mut params = ResumeThreadParams::new(id);
    params.policy = PersistencePolicy::Extended;
    fixture.store.resume_thread(params).await.unwrap();
    assert_eq!(kept(&fixture, id).await, ["user_message", "exec_command_end", "of_next_year"]);
}

async fn a_copied_session_meta_does_not_change_the_history_mode(fixture: Fixture) {
    let id = created(&fixture, PersistencePolicy::ByHistoryMode, HistoryMode::Legacy).await;
    let copied = json!({"id": ThreadId::generate(), "history_mode": "paginated", "cwd": "", "originator": ""});
    let copied = NewItem::new(Kind::SessionMeta, &copied).unwrap();
    fixture.append(id, [copied]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap().metadata.history_mode(), "legacy");
    fixture.resume(id).await.unwrap();
    assert_eq!(kept(&fixture, id).await, ["user_message", "of_next_year"]);
}

cases! {
    each_policy_keeps_its_events
    a_resumed_thread_keeps_what_its_history_mode_says
    each_resume_may_choose_another_policy
    a_copied_session_meta_does_not_change_the_history_mode
}
