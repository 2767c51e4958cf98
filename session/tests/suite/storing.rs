//! What happens while the store cannot take items.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use threadlog_session::{AbortReason, EventMsg, Op, ResumeParams, Script, SessionError, StartParams, TurnHandle};
use tokio::sync::Notify;

use crate::cases;
use crate::fixture::{Calls, Fixture, Where, items_told, until, until_turn_ends};
use crate::stores::is_full;

async fn items_that_cannot_be_stored_are_told_kept_and_stored_later(mut fixture: Fixture) {
    for (append, store) in [(true, true), (false, true), (true, false)] {
        let new = fixture.started().await;
        let mut told = fixture.say(&new.thread, "before").await;
        fixture.faults.set(append, store);
        fixture.agent.add(Script::new().message("re during"));
        let turn = new.thread.submit(Op::user("during")).await.unwrap();
        let events = until_turn_ends(&new.thread, turn).await;
        let EventMsg::TurnComplete { stored: false, .. } = events.last().unwrap().msg else { panic!("{events:?}") };
        let failures =
            events.iter().filter(|event| matches!(&event.msg, EventMsg::PersistenceFailed { error } if is_full(error)));
        assert!((1..=3).contains(&failures.count()), "told, and not for every item: {events:?}");
        told.extend(events);
        fixture.faults.set(false, false);
        // Nobody does anything: it is tried again by itself.
        told.extend(until(&new.thread, |event| matches!(event.msg, EventMsg::PersistenceRestored)).await);
        assert_eq!(fixture.items(new.thread_id).await.unwrap()[1..], items_told(&told), "once, in order");
        told.extend(fixture.say(&new.thread, "after").await);
        fixture.restart().await;
        assert_eq!(fixture.items(new.thread_id).await.unwrap()[1..], items_told(&told));
    }
}

async fn a_turn_is_not_begun_on_history_that_is_not_stored(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    fixture.faults.set(false, true);
    fixture.agent.add(Script::new().message("re two"));
    for (text, begins) in [("two", true), ("three", false)] {
        let turn = new.thread.submit(Op::user(text)).await.unwrap();
        let end = until_turn_ends(&new.thread, turn).await.pop().unwrap().msg;
        let refused = matches!(&end, EventMsg::TurnAborted { turn_id: None, reason: AbortReason::Storage(_), .. });
        assert!(refused != begins || (begins && !refused), "{end:?}");
    }
    fixture.faults.set(false, false);
    fixture.say(&new.thread, "three").await;
    let seen = fixture.seen(new.thread_id).await;
    assert!(seen.ends_with(&["three".to_owned(), "re three".to_owned()]) && seen.contains(&"one".to_owned()));
    assert_eq!(seen.iter().filter(|text| *text == "three").count(), 1);
}

async fn what_is_kept_is_bounded_and_the_agent_is_told(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    fixture.faults.set(true, true);
    let large = "x".repeat(3 << 20);
    let mut script = Script::new();
    for _ in 0..8 {
        script = script.message(large.clone());
    }
    fixture.agent.add(script);
    let turn = new.thread.submit(Op::user("two")).await.unwrap();
    let events = until_turn_ends(&new.thread, turn).await;
    let EventMsg::TurnAborted { reason: AbortReason::Failed(message), stored: false, .. } = &events.last().unwrap().msg
    else {
        panic!("{:?}", events.last())
    };
    assert!(message.contains("the disk is full"), "{message}");
    // The text of a failure is for whoever listens; only its turn's end is kept.
    let told: Vec<_> = items_told(&events).into_iter().filter(|item| crate::fixture::sort(item) != "error").collect();
    fixture.faults.set(false, false);
    let more = until(&new.thread, |event| matches!(event.msg, EventMsg::PersistenceRestored)).await;
    let stored = fixture.items(new.thread_id).await.unwrap();
    assert_eq!(
        stored[stored.len() - told.len() - items_told(&more).len()..][..told.len()],
        told,
        "what was told is stored"
    );
}

async fn a_thread_whose_storing_fails_ends_when_it_works_again(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    fixture.faults.set(false, true);
    new.thread.submit(Op::user("two")).await.unwrap();
    until(&new.thread, |event| event.msg.ends_turn()).await;
    let ending = tokio::time::timeout(Duration::from_millis(100), new.thread.shutdown()).await;
    assert!(ending.is_err(), "it waits");
    let refused = new.thread.submit(Op::user("three")).await;
    assert!(matches!(refused, Err(SessionError::Ended { .. })));
    fixture.faults.set(false, false);
    new.thread.shutdown().await.unwrap();
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    assert!(again.session_configured.context_items >= 3);
}

async fn a_rollback_that_cannot_be_stored_says_so(fixture: Fixture) {
    let new = fixture.with_turns(&["one", "two"]).await;
    fixture.faults.set(true, false);
    let rollback = new.thread.submit(Op::Rollback { num_turns: 1 }).await.unwrap();
    let answered =
        until(&new.thread, |event| matches!(event.msg, EventMsg::ThreadRolledBack { .. })).await.pop().unwrap();
    assert_eq!(answered.submission, Some(rollback));
    assert!(matches!(answered.msg, EventMsg::ThreadRolledBack { stored: false, context_items: None, .. }));
    fixture.faults.set(false, false);
    until(&new.thread, |event| matches!(event.msg, EventMsg::PersistenceRestored)).await;
    assert_eq!(fixture.seen(new.thread_id).await, ["one", "re one"]);
}

async fn a_fork_of_a_thread_that_cannot_be_stored_is_refused(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    fixture.faults.set(true, true);
    new.thread.submit(Op::user("two")).await.unwrap();
    until(&new.thread, |event| event.msg.ends_turn()).await;
    let refused = fixture.manager.fork(threadlog_session::ForkParams::new(new.thread_id)).await.unwrap_err();
    assert!(matches!(&refused, SessionError::Store(error) if is_full(error)), "{refused:?}");
    assert_eq!(fixture.manager.list(), [new.thread_id]);
}

async fn a_failure_is_over_when_storing_works_again_even_if_nothing_waits(fixture: Fixture) {
    let flushed = Arc::new(Notify::new());
    let (told, go_on) = (flushed.clone(), Arc::new(Notify::new()));
    let mut params = StartParams::default();
    let wait = go_on.clone();
    params.agent = Some(Arc::new(Calls(move |_, handle: TurnHandle| {
        let (told, wait) = (told.clone(), wait.clone());
        async move {
            handle.flush().await?;
            told.notify_one();
            wait.notified().await;
            let path = handle.transcript_path("hook").await;
            assert!(path.is_err(), "the disk is full, or there are no files");
            std::future::pending().await
        }
    })));
    let new = fixture.start(params).await;
    new.thread.submit(Op::user("one")).await.unwrap();
    flushed.notified().await;
    fixture.faults.set(false, true);
    go_on.notify_one();
    if fixture.kind == Where::WithPaths {
        until(&new.thread, |event| matches!(event.msg, EventMsg::PersistenceFailed { .. })).await;
        fixture.faults.set(false, false);
        until(&new.thread, |event| matches!(event.msg, EventMsg::PersistenceRestored)).await;
    }
    fixture.faults.set(false, false);
    new.thread.shutdown().await.unwrap();
}

async fn an_interrupt_in_the_middle_of_a_flush_stores_nothing_twice(fixture: Fixture) {
    let (said, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, wait) = (said.clone(), go_on.clone());
    let mut params = StartParams::default();
    params.agent = Some(Arc::new(Calls(move |_, handle: TurnHandle| {
        let (told, wait) = (told.clone(), wait.clone());
        async move {
            told.notify_one();
            wait.notified().await;
            handle.message("kept").await?;
            told.notify_one();
            wait.notified().await;
            handle.flush().await?;
            Ok(())
        }
    })));
    let new = fixture.start(params).await;
    let turn = new.thread.submit(Op::user("one")).await.unwrap();
    said.notified().await;
    fixture.faults.set(true, false);
    go_on.notify_one();
    said.notified().await;
    fixture.faults.set(false, false);
    fixture.faults.linger.store(true, Ordering::Relaxed);
    go_on.notify_one();
    // The store has what was kept, and has not said so yet.
    fixture.faults.accepted.notified().await;
    new.thread.submit(Op::Interrupt).await.unwrap();
    fixture.faults.linger.store(false, Ordering::Relaxed);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fixture.faults.go_on.notify_one();
    let told = items_told(&until_turn_ends(&new.thread, turn).await);
    new.thread.flush().await.unwrap();
    assert_eq!(fixture.items(new.thread_id).await.unwrap()[1..], told, "once, in order");
}

cases! {
    items_that_cannot_be_stored_are_told_kept_and_stored_later
    a_turn_is_not_begun_on_history_that_is_not_stored
    what_is_kept_is_bounded_and_the_agent_is_told
    a_thread_whose_storing_fails_ends_when_it_works_again
    a_rollback_that_cannot_be_stored_says_so
    a_fork_of_a_thread_that_cannot_be_stored_is_refused
    a_failure_is_over_when_storing_works_again_even_if_nothing_waits
    an_interrupt_in_the_middle_of_a_flush_stores_nothing_twice
}
