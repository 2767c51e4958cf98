//! Operations that are no turns: rollback, names, memory mode, compaction, items from outside.

use std::sync::Arc;

use serde_json::json;
use threadlog::item::typed::TokenCount;
use threadlog::live::NewItem;
use threadlog::metadata::MemoryMode;
use threadlog_session::{AbortReason, CodexThread, EventMsg, Op, ResumeParams, Script, TurnKind};

use crate::cases;
use crate::fixture::{Fixture, is_invalid, sorts, texts_seen, until, until_turn_ends};

/// What the thread answers to an operation.
async fn answer(thread: &CodexThread, op: Op) -> EventMsg {
    let id = thread.submit(op).await.unwrap();
    let answers = |event: &threadlog_session::Event| {
        event.submission == Some(id) && !matches!(event.msg, EventMsg::Item(_) | EventMsg::TurnStarted { .. })
    };
    until(thread, answers).await.pop().unwrap().msg
}

fn message(role: &str, text: &str) -> serde_json::Value {
    json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})
}

async fn a_rollback_takes_back_turns_and_is_durable(mut fixture: Fixture) {
    let new = fixture.with_turns(&["one", "two", "three"]).await;
    let answered = answer(&new.thread, Op::Rollback { num_turns: 1 }).await;
    assert!(matches!(answered, EventMsg::ThreadRolledBack { num_turns: 1, context_items: Some(4), stored: true }));
    let answered = answer(&new.thread, Op::Rollback { num_turns: 1 }).await;
    assert!(matches!(answered, EventMsg::ThreadRolledBack { context_items: Some(2), .. }), "markers add up");
    fixture.say(&new.thread, "four").await;
    assert_eq!(texts_seen(&fixture.agent.turns()[3].history), ["one", "re one"]);
    fixture.restart().await;
    assert_eq!(fixture.seen(new.thread_id).await, ["one", "re one", "four", "re four"]);
    assert_eq!(answer_after_resume(&fixture, new.thread_id, u32::MAX).await, Some(0), "more than there are: all");
}

async fn answer_after_resume(fixture: &Fixture, id: threadlog::ThreadId, num_turns: u32) -> Option<usize> {
    let again = fixture.manager.resume(ResumeParams::new(id)).await.unwrap();
    match answer(&again.thread, Op::Rollback { num_turns }).await {
        EventMsg::ThreadRolledBack { context_items, .. } => context_items,
        other => panic!("{other:?}"),
    }
}

async fn a_rollback_of_nothing_of_no_turns_or_while_one_runs_is_refused(fixture: Fixture) {
    let refused = async |thread: &CodexThread, op, words: &str| {
        let EventMsg::Error { message } = answer(thread, op).await else { panic!() };
        assert!(message.contains(words), "{message}");
    };
    let new = fixture.started().await;
    refused(&new.thread, Op::Rollback { num_turns: 1 }, "nothing of it is stored").await;
    refused(&new.thread, Op::Rollback { num_turns: 0 }, "give the number of turns").await;
    fixture.say(&new.thread, "one").await;
    fixture.agent.add(Script::new().wait_for(Arc::default()));
    let turn = new.thread.submit(Op::user("two")).await.unwrap();
    refused(&new.thread, Op::Rollback { num_turns: 1 }, "a turn runs or waits; interrupt it").await;
    new.thread.submit(Op::Interrupt).await.unwrap();
    until_turn_ends(&new.thread, turn).await;
    let answered = answer(&new.thread, Op::Rollback { num_turns: 1 }).await;
    assert!(matches!(answered, EventMsg::ThreadRolledBack { context_items: Some(2), .. }), "{answered:?}");
}

async fn a_turn_that_an_ended_program_left_open_is_told_and_can_be_taken_back(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    new.thread.shutdown().await.unwrap();
    // What a program leaves that is killed in the middle of a turn.
    let live = threadlog::live::LiveThread::resume(
        fixture.store.clone(),
        threadlog::thread_store::ResumeThreadParams::new(new.thread_id),
    )
    .await
    .unwrap();
    let started = NewItem::event(&json!({"type": "task_started", "turn_id": "killed"})).unwrap();
    live.append(vec![started, NewItem::response(&message("user", "two")).unwrap()]).await.unwrap();
    live.shutdown().await.unwrap();
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    assert_eq!(again.session_configured.open_turn.as_deref(), Some("killed"));
    let answered = answer(&again.thread, Op::Rollback { num_turns: 1 }).await;
    assert!(matches!(answered, EventMsg::ThreadRolledBack { context_items: Some(2), .. }), "{answered:?}");
}

async fn a_name_and_a_memory_mode_are_set_durably(mut fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    let answered = answer(&new.thread, Op::SetName { name: Some(" fix it ".to_owned()) }).await;
    assert!(matches!(answered, EventMsg::ThreadNameUpdated { name: Some(name) } if name == "fix it"));
    let answered = answer(&new.thread, Op::SetMemoryMode { mode: MemoryMode::Disabled }).await;
    assert!(matches!(answered, EventMsg::MemoryModeUpdated { mode: MemoryMode::Disabled }));
    let answered = answer(&new.thread, Op::SetName { name: Some("  ".to_owned()) }).await;
    assert!(matches!(answered, EventMsg::Error { message } if message.contains("blank")));
    fixture.restart().await;
    let metadata = fixture.read(new.thread_id).await.unwrap().metadata;
    assert_eq!((metadata.name(), metadata.memory_mode()), (Some("fix it"), MemoryMode::Disabled));
}

async fn a_compaction_replaces_what_the_model_sees(mut fixture: Fixture) {
    let new = fixture.with_turns(&["one", "two"]).await;
    fixture.agent.add(Script::new().compacted("", Some(vec![message("user", "in short: one, two")])));
    let turn = new.thread.submit(Op::Compact).await.unwrap();
    let events = until_turn_ends(&new.thread, turn).await;
    assert!(matches!(events.last().unwrap().msg, EventMsg::TurnComplete { .. }), "{events:?}");
    assert_eq!(fixture.agent.turns()[2].kind, TurnKind::Compact);
    fixture.say(&new.thread, "three").await;
    assert_eq!(texts_seen(&fixture.agent.turns()[3].history), ["in short: one, two"]);
    fixture.restart().await;
    assert_eq!(fixture.seen(new.thread_id).await, ["in short: one, two", "three", "re three"]);
    assert_eq!(answer_after_resume(&fixture, new.thread_id, 1).await, Some(1));
}

async fn a_compaction_that_does_not_compact_or_has_nothing_to_is_aborted(fixture: Fixture) {
    let new = fixture.started().await;
    let turn = new.thread.submit(Op::Compact).await.unwrap();
    let events = until_turn_ends(&new.thread, turn).await;
    let failed = |msg: &EventMsg, words: &str| {
        let EventMsg::TurnAborted { reason: AbortReason::Failed(message), .. } = msg else { panic!("{msg:?}") };
        assert!(message.contains(words), "{message}");
    };
    failed(&events[0].msg, "nothing to compact");
    fixture.say(&new.thread, "one").await;
    let turn = new.thread.submit(Op::Compact).await.unwrap();
    let events = until_turn_ends(&new.thread, turn).await;
    failed(&events.last().unwrap().msg, "without compacting");
    assert_eq!(fixture.seen(new.thread_id).await, ["one", "re one"]);
}

async fn items_from_outside_are_durable_when_it_says_so(mut fixture: Fixture) {
    let new = fixture.started().await;
    let note = NewItem::response(&message("developer", "a note")).unwrap();
    assert!(new.thread.inject_items(vec![note]).await.unwrap());
    assert_eq!(sorts(&fixture.items(new.thread_id).await.unwrap()), ["session_meta", "developer"]);
    let start = NewItem::event(&json!({"type": "task_started"})).unwrap();
    assert!(is_invalid(&new.thread.inject_items(vec![start]).await));
    fixture.say(&new.thread, "one").await;
    fixture.restart().await;
    assert_eq!(fixture.seen(new.thread_id).await, ["a note", "one", "re one"]);
}

async fn tokens_are_counted_over_turns_and_runs(fixture: Fixture) {
    let new = fixture.started().await;
    assert_eq!(new.thread.token_usage(), None);
    fixture.agent.add(Script::new().tokens(50));
    let turn = new.thread.submit(Op::user("one")).await.unwrap();
    until_turn_ends(&new.thread, turn).await;
    let fifty = Some(TokenCount { known: true, total: 50, ..TokenCount::default() });
    assert_eq!(new.thread.token_usage(), fifty);
    new.thread.shutdown().await.unwrap();
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    assert_eq!((again.thread.token_usage(), again.session_configured.tokens), (fifty, fifty));
}

cases! {
    a_rollback_takes_back_turns_and_is_durable
    a_rollback_of_nothing_of_no_turns_or_while_one_runs_is_refused
    a_turn_that_an_ended_program_left_open_is_told_and_can_be_taken_back
    a_name_and_a_memory_mode_are_set_durably
    a_compaction_replaces_what_the_model_sees
    a_compaction_that_does_not_compact_or_has_nothing_to_is_aborted
    items_from_outside_are_durable_when_it_says_so
    tokens_are_counted_over_turns_and_runs
}
