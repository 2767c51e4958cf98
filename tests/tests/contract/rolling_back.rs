//! Taking turns back.

use serde_json::json;
use threadlog::item::RolloutItem;
use threadlog::item::typed::{EventMsg, Typed};
use threadlog::live::{LiveThread, NewItem};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, CreateThreadParams, LoadModelContextParams, ResumeThreadParams};

use crate::cases;
use crate::fixture::{Fixture, event, is_absent, is_invalid, tokens};

fn message(role: &str, text: &str) -> NewItem {
    let value = json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    NewItem::response(&value).unwrap()
}

fn turn(id: &str) -> Vec<NewItem> {
    let marker = |kind: &str| event(json!({"type": kind, "turn_id": id}));
    vec![marker("task_started"), message("user", id), message("assistant", "done"), marker("task_complete")]
}

async fn live(fixture: &Fixture) -> LiveThread {
    let params = CreateThreadParams::new(ThreadId::generate());
    LiveThread::create_with_clock(fixture.store.clone(), params, fixture.clock.clone()).await.unwrap()
}

async fn a_rollback_is_a_durable_marker_and_removes_nothing(mut fixture: Fixture) {
    let thread = live(&fixture).await;
    for id in ["one", "two", "three"] {
        thread.append(turn(id)).await.unwrap();
    }
    thread.append(vec![tokens(50)]).await.unwrap();
    thread.flush().await.unwrap();
    let before = fixture.items(thread.id()).await.unwrap();
    let seen = thread.rollback(1).await.unwrap();
    assert_eq!(seen.items.len(), 4);
    assert!(seen.tokens.is_some_and(|tokens| tokens.totals().total == 50 && tokens.rolled_back));
    assert_eq!(thread.rollback(1).await.unwrap().items.len(), 2, "markers add up");
    fixture.restart().await;
    let after = fixture.items(thread.id()).await.unwrap();
    assert_eq!(after[..before.len()], before);
    let marker = |item: &RolloutItem| item.typed() == Typed::Event(EventMsg::ThreadRolledBack(1));
    assert!(after[before.len()..].iter().all(marker) && after.len() == before.len() + 2);
    let params = LoadModelContextParams::new(thread.id());
    assert_eq!(fixture.store.load_model_context(params).await.unwrap().items.len(), 2);
}

async fn no_turns_cannot_be_taken_back_and_too_many_are_all(fixture: Fixture) {
    let thread = live(&fixture).await;
    thread.append(vec![message("developer", "rules")]).await.unwrap();
    thread.append(turn("one")).await.unwrap();
    assert!(is_invalid(thread.rollback(0).await));
    let items = fixture.items(thread.id()).await;
    assert!(is_absent(items, Absence::NotPersisted), "nothing was written");
    assert_eq!(thread.rollback(u32::MAX).await.unwrap().items.len(), 1, "what comes before the first turn stays");
}

async fn nothing_is_taken_back_while_a_turn_runs(fixture: Fixture) {
    let thread = live(&fixture).await;
    thread.append(turn("one")).await.unwrap();
    thread.append(vec![event(json!({"type": "task_started", "turn_id": "two"}))]).await.unwrap();
    thread.append(vec![event(json!({"type": "turn_aborted", "turn_id": "another"}))]).await.unwrap();
    let refused = thread.clone().rollback(1).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("a turn runs")), "{refused:?}");
    assert!(is_invalid(refused));
    thread.append(vec![event(json!({"type": "turn_aborted", "reason": "interrupted"}))]).await.unwrap();
    assert_eq!(thread.rollback(1).await.unwrap().items.len(), 0);
}

async fn a_turn_that_an_ended_program_left_open_can_be_taken_back(mut fixture: Fixture) {
    let thread = live(&fixture).await;
    thread.append(turn("one")).await.unwrap();
    thread.append(turn("two")[..3].to_vec()).await.unwrap();
    thread.shutdown().await.unwrap();
    fixture.restart().await;
    let params = ResumeThreadParams::new(thread.id());
    let again = LiveThread::resume(fixture.store.clone(), params).await.unwrap();
    assert_eq!(again.load_model_context().await.unwrap().open_turn.and_then(|turn| turn.id).as_deref(), Some("two"));
    assert_eq!(again.rollback(1).await.unwrap().items.len(), 2);
}

async fn what_is_not_stored_or_not_live_cannot_be_rolled_back(fixture: Fixture) {
    let thread = live(&fixture).await;
    assert!(is_absent(thread.rollback(1).await, Absence::NotPersisted));
    thread.append(turn("one")).await.unwrap();
    thread.shutdown().await.unwrap();
    assert!(is_absent(thread.rollback(1).await, Absence::NotLive));
}

cases! {
    a_rollback_is_a_durable_marker_and_removes_nothing
    no_turns_cannot_be_taken_back_and_too_many_are_all
    nothing_is_taken_back_while_a_turn_runs
    a_turn_that_an_ended_program_left_open_can_be_taken_back
    what_is_not_stored_or_not_live_cannot_be_rolled_back
}
