//! Turns: what their agents see, and how they end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use threadlog::item::{Kind, RolloutItem};
use threadlog::live::NewItem;
use threadlog_session::{
    AbortReason, EventMsg, Op, ResumeParams, Script, StartParams, TurnKind, TurnSettings, UserInput,
};

use crate::cases;
use crate::fixture::{Calls, Fixture, Left, items_told, sorts, texts_seen, until, until_turn_ends};

async fn a_turn_ends_when_its_items_are_stored(mut fixture: Fixture) {
    let new = fixture.started().await;
    let events = fixture.say(&new.thread, "one").await;
    let EventMsg::TurnComplete { stored, last_agent_message, .. } = &events.last().unwrap().msg else { panic!() };
    assert!(stored);
    assert_eq!(last_agent_message.as_deref(), Some("re one"));
    let stored = fixture.items(new.thread_id).await.unwrap();
    assert_eq!(stored[1..], items_told(&events));
    assert_eq!(sorts(&stored).last().map(String::as_str), Some("task_complete"));
    fixture.restart().await;
    assert_eq!(fixture.items(new.thread_id).await.unwrap(), stored);
}

async fn an_agent_sees_what_was_said_before_and_what_is_said_now(fixture: Fixture) {
    let mut params = StartParams::default();
    params.create.base_instructions = Some("Be brief.".to_owned());
    let new = fixture.start(params).await;
    fixture.say(&new.thread, "one").await;
    fixture.say(&new.thread, "two").await;
    let turns = fixture.agent.turns();
    assert_eq!(texts_seen(&turns[0].history), [""; 0]);
    assert_eq!(texts_seen(&turns[1].history), ["one", "re one"]);
    assert_eq!(turns[1].input, [UserInput::Text { text: "two".to_owned() }]);
    assert_eq!((turns[1].kind, turns[1].base_instructions.as_deref()), (TurnKind::User, Some("Be brief.")));
    assert_ne!(turns[0].turn_id, turns[1].turn_id);
}

async fn turns_run_one_after_another_in_the_order_of_their_submission(fixture: Fixture) {
    let new = fixture.started().await;
    for text in ["a", "b", "c"] {
        fixture.agent.add(Script::new().pause(Duration::from_millis(2)).message(format!("re {text}")));
        new.thread.submit(Op::user(text)).await.unwrap();
    }
    for _ in 0..3 {
        until(&new.thread, |event| event.msg.ends_turn()).await;
    }
    assert_eq!(fixture.seen(new.thread_id).await, ["a", "re a", "b", "re b", "c", "re c"]);
}

async fn what_needs_no_turn_is_done_while_one_runs(fixture: Fixture) {
    let new = fixture.started().await;
    let go_on = Arc::new(tokio::sync::Notify::new());
    fixture.agent.add(Script::new().wait_for(go_on.clone()).message("done"));
    let turn = new.thread.submit(Op::user("hello")).await.unwrap();
    new.thread.submit(Op::SetName { name: Some("a name".to_owned()) }).await.unwrap();
    until(&new.thread, |event| matches!(event.msg, EventMsg::ThreadNameUpdated { .. })).await;
    go_on.notify_one();
    until_turn_ends(&new.thread, turn).await;
}

async fn a_failing_agent_ends_its_turn_and_not_the_thread(fixture: Fixture) {
    let new = fixture.started().await;
    fixture.agent.add(Script::new().message("Let me see.").fail("the model does not answer"));
    let id = new.thread.submit(Op::user("one")).await.unwrap();
    let events = until_turn_ends(&new.thread, id).await;
    let EventMsg::TurnAborted { reason, stored: true, .. } = &events.last().unwrap().msg else { panic!("{events:?}") };
    assert_eq!(*reason, AbortReason::Failed("the model does not answer".to_owned()));
    fixture.say(&new.thread, "two").await;
    assert_eq!(fixture.seen(new.thread_id).await, ["one", "Let me see.", "two", "re two"]);
    let sorts = sorts(&fixture.items(new.thread_id).await.unwrap());
    assert_eq!(sorts.iter().filter(|sort| *sort == "turn_aborted").count(), 1);
}

async fn a_panicking_agent_ends_its_turn_and_not_the_thread(fixture: Fixture) {
    let mut params = StartParams::default();
    params.agent = Some(Arc::new(Calls(async |_, handle: threadlog_session::TurnHandle| {
        handle.message("before").await?;
        panic!("the agent's fault")
    })));
    let new = fixture.start(params).await;
    for text in ["one", "two"] {
        let id = new.thread.submit(Op::user(text)).await.unwrap();
        let events = until_turn_ends(&new.thread, id).await;
        let EventMsg::TurnAborted { reason: AbortReason::Failed(message), .. } = &events.last().unwrap().msg else {
            panic!("{events:?}")
        };
        assert!(message.contains("the agent's fault"), "{message}");
    }
    assert_eq!(fixture.seen(new.thread_id).await, ["one", "before", "two", "before"]);
}

async fn nothing_comes_behind_a_turns_end(fixture: Fixture) {
    let left: Left<threadlog_session::TurnHandle> = Left::default();
    let mut params = StartParams::default();
    let place = left.clone();
    params.agent = Some(Arc::new(Calls(move |_, handle| {
        *place.lock() = Some(handle);
        async { Ok(()) }
    })));
    let new = fixture.start(params).await;
    let id = new.thread.submit(Op::user("one")).await.unwrap();
    until_turn_ends(&new.thread, id).await;
    let handle = left.lock().take().unwrap();
    let late = handle.message("late").await;
    assert!(matches!(late, Err(threadlog_session::agent::TurnRefusal::TurnOver)), "{late:?}");
    let shown = handle.show(&json!({"type": "late"})).await;
    assert!(matches!(shown, Err(threadlog_session::agent::TurnRefusal::TurnOver)), "{shown:?}");
    assert!(new.thread.try_next_event().is_none());
    assert_eq!(fixture.seen(new.thread_id).await, ["one"]);
}

async fn what_is_not_the_agents_to_write_is_refused(fixture: Fixture) {
    let new = fixture.started().await;
    let event = |name: &str| NewItem::event(&json!({"type": name})).unwrap();
    let meta = NewItem::new(Kind::SessionMeta, &json!({"id": "x"})).unwrap();
    for item in [meta, event("task_complete"), event("turn_started"), event("thread_rolled_back")] {
        fixture.agent.add(Script::new().record(vec![event("agent_reasoning"), item]));
        let id = new.thread.submit(Op::user("one")).await.unwrap();
        let events = until_turn_ends(&new.thread, id).await;
        let EventMsg::TurnAborted { reason: AbortReason::Failed(message), .. } = &events.last().unwrap().msg else {
            panic!("{events:?}")
        };
        assert!(message.contains("item 1 (from 0)") && message.contains("the session's to say"), "{message}");
    }
    assert!(!sorts(&fixture.items(new.thread_id).await.unwrap()).iter().any(|sort| sort == "task_complete"));
}

async fn a_turn_without_input_is_refused(fixture: Fixture) {
    let new = fixture.started().await;
    let id = new.thread.submit(Op::UserTurn { input: vec![], settings: TurnSettings::default() }).await.unwrap();
    let events = until_turn_ends(&new.thread, id).await;
    assert!(matches!(events[0].msg, EventMsg::TurnAborted { turn_id: None, .. }), "{events:?}");
    assert!(fixture.items(new.thread_id).await.is_err(), "nothing was stored");
}

async fn settings_hold_until_they_are_changed_also_after_a_resume(mut fixture: Fixture) {
    let new = fixture.started().await;
    let mut settings = TurnSettings::default();
    (settings.model, settings.effort) = (Some("m-2".to_owned()), Some("high".to_owned()));
    let input = vec![UserInput::Text { text: "one".to_owned() }];
    let id = new.thread.submit(Op::UserTurn { input, settings }).await.unwrap();
    until_turn_ends(&new.thread, id).await;
    fixture.say(&new.thread, "two").await;
    assert_eq!(fixture.agent.turns()[1].settings.model.as_deref(), Some("m-2"));
    assert_eq!(new.thread.config().settings.effort.as_deref(), Some("high"));
    fixture.restart().await;
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    let settings = again.thread.config().settings;
    assert_eq!((settings.model.as_deref(), settings.effort.as_deref()), (Some("m-2"), Some("high")));
}

async fn a_listener_that_does_not_read_holds_up_the_agent_and_not_the_end(fixture: Fixture) {
    let new = fixture.started().await;
    let delta = || json!({"type": "agent_message_delta", "delta": "x"});
    let script = (0..900).fold(Script::new(), |script, _| script.show(delta())).message("so far").flush();
    fixture.agent.add((0..600).fold(script, |script, _| script.show(delta())));
    new.thread.submit(Op::user("one")).await.unwrap();
    // The first 900 were taken, though nobody reads; the rest is more than may wait.
    let told = |item: &RolloutItem| {
        let mut line = Vec::new();
        item.render(&mut line);
        String::from_utf8_lossy(&line).contains("so far")
    };
    while !fixture.items(new.thread_id).await.is_ok_and(|items| items.iter().any(told)) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(matches!(*new.thread.status().borrow(), threadlog_session::ThreadStatus::Running { .. }));
    new.thread.shutdown().await.unwrap();
    let mut shown = 0;
    while let Some(event) = new.thread.next_event().await {
        shown += usize::from(matches!(event.msg, EventMsg::Shown(_)));
    }
    assert!((900..=1024).contains(&shown), "{shown}");
}

async fn a_listener_that_does_not_read_is_owed_a_bounded_number_of_bytes(fixture: Fixture) {
    let new = fixture.started().await;
    let large = json!({"type": "agent_message_delta", "delta": "x".repeat(8 << 20)});
    let script = (0..20).fold(Script::new(), |script, _| script.show(large.clone()));
    fixture.agent.add(script);
    new.thread.submit(Op::user("one")).await.unwrap();
    fixture.begun(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    new.thread.shutdown().await.unwrap();
    let mut shown = 0;
    while let Some(event) = new.thread.next_event().await {
        shown += usize::from(matches!(event.msg, EventMsg::Shown(_)));
    }
    // More are there only if nothing held the agent up; fewer, if the machine is slow.
    assert!(shown <= 8, "{shown} times 8 MiB");
}

cases! {
    a_turn_ends_when_its_items_are_stored
    an_agent_sees_what_was_said_before_and_what_is_said_now
    turns_run_one_after_another_in_the_order_of_their_submission
    what_needs_no_turn_is_done_while_one_runs
    a_failing_agent_ends_its_turn_and_not_the_thread
    a_panicking_agent_ends_its_turn_and_not_the_thread
    nothing_comes_behind_a_turns_end
    what_is_not_the_agents_to_write_is_refused
    a_turn_without_input_is_refused
    settings_hold_until_they_are_changed_also_after_a_resume
    a_listener_that_does_not_read_holds_up_the_agent_and_not_the_end
    a_listener_that_does_not_read_is_owed_a_bounded_number_of_bytes
}
