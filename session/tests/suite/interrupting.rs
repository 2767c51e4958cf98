//! Interrupts, and shutting down while something runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use threadlog_session::{AbortReason, EventMsg, Op, Script, SessionError, StartParams, ThreadStatus, TurnHandle};

use crate::cases;
use crate::fixture::{Calls, Fixture, items_told, sorts, until, until_turn_ends};

async fn an_interrupt_ends_the_turn_and_tells_the_model(fixture: Fixture) {
    let new = fixture.started().await;
    fixture.agent.add(Script::new().message("Let me see.").wait_for(Arc::default()));
    let turn = new.thread.submit(Op::user("one")).await.unwrap();
    let mut events = until(
        &new.thread,
        |event| matches!(&event.msg, EventMsg::Item(item) if crate::fixture::sort(item) == "agent_message"),
    )
    .await;
    let interrupt = new.thread.submit(Op::Interrupt).await.unwrap();
    events.extend(until_turn_ends(&new.thread, turn).await);
    let EventMsg::TurnAborted { turn_id: Some(_), reason: AbortReason::Interrupted, stored: true } =
        &events.last().unwrap().msg
    else {
        panic!("{events:?}")
    };
    let stored = fixture.items(new.thread_id).await.unwrap();
    assert_eq!(stored[1..], items_told(&events), "the boundary is stored before it is told");
    assert_eq!(sorts(&stored)[5..], ["assistant", "agent_message", "user", "turn_aborted"]);
    let told = new.thread.next_event().await.unwrap();
    assert!(matches!(told.msg, EventMsg::Interrupted { turns: 1 }) && told.submission == Some(interrupt));
    assert_eq!(*new.thread.status().borrow(), ThreadStatus::Idle);
    fixture.say(&new.thread, "two").await;
    let seen = fixture.seen(new.thread_id).await;
    assert!(seen[2].starts_with("<turn_aborted>") && seen.len() == 5, "{seen:?}");
}

async fn an_interrupt_ends_every_turn_that_was_submitted_before_it_and_none_after(fixture: Fixture) {
    let new = fixture.started().await;
    fixture.agent.add(Script::new().wait_for(Arc::default()));
    for text in ["one", "two", "three"] {
        new.thread.submit(Op::user(text)).await.unwrap();
    }
    fixture.begun(1).await;
    new.thread.submit(Op::Interrupt).await.unwrap();
    fixture.agent.add(Script::new().message("re four"));
    let last = new.thread.submit(Op::user("four")).await.unwrap();
    let events = until_turn_ends(&new.thread, last).await;
    let aborted = events.iter().filter(|event| matches!(event.msg, EventMsg::TurnAborted { .. })).count();
    assert_eq!(aborted, 3);
    assert!(events.iter().any(|event| matches!(event.msg, EventMsg::Interrupted { turns: 3 })));
    let seen = fixture.seen(new.thread_id).await;
    assert_eq!(seen[seen.len() - 2..], ["four", "re four"]);
    assert!(!seen.contains(&"two".to_owned()), "of a turn that had not begun nothing is stored");
}

async fn an_interrupt_of_nothing_says_so(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    new.thread.submit(Op::Interrupt).await.unwrap();
    assert!(matches!(new.thread.next_event().await.unwrap().msg, EventMsg::Interrupted { turns: 0 }));
}

/// Says so when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

async fn an_agent_is_dropped_before_its_turns_end_is_told(fixture: Fixture) {
    let gone = Arc::new(AtomicBool::new(false));
    let mut params = StartParams::default();
    let flag = gone.clone();
    params.agent = Some(Arc::new(Calls(move |_, handle: TurnHandle| {
        let dropped = Dropped(flag.clone());
        async move {
            let _dropped = dropped;
            handle.message("here").await?;
            std::future::pending().await
        }
    })));
    let new = fixture.start(params).await;
    let turn = new.thread.submit(Op::user("one")).await.unwrap();
    until(&new.thread, |event| matches!(&event.msg, EventMsg::Item(item) if crate::fixture::sort(item) == "assistant"))
        .await;
    assert!(!gone.load(Ordering::Acquire));
    new.thread.submit(Op::Interrupt).await.unwrap();
    until_turn_ends(&new.thread, turn).await;
    assert!(gone.load(Ordering::Acquire));
}

async fn a_shutdown_interrupts_what_runs_and_stores_everything(mut fixture: Fixture) {
    let new = fixture.started().await;
    fixture.agent.add(Script::new().message("Let me see.").wait_for(Arc::default()));
    new.thread.submit(Op::user("one")).await.unwrap();
    new.thread.submit(Op::user("two")).await.unwrap();
    let mut told = until(
        &new.thread,
        |event| matches!(&event.msg, EventMsg::Item(item) if crate::fixture::sort(item) == "agent_message"),
    )
    .await;
    new.thread.shutdown().await.unwrap();
    while let Some(event) = new.thread.next_event().await {
        told.push(event);
    }
    assert!(matches!(told.last().unwrap().msg, EventMsg::ShutdownComplete));
    assert_eq!(told.iter().filter(|event| matches!(event.msg, EventMsg::TurnAborted { .. })).count(), 2);
    assert_eq!(*new.thread.status().borrow(), ThreadStatus::Stopped);
    let refused = new.thread.submit(Op::user("late")).await;
    assert!(matches!(refused, Err(SessionError::Ended { .. })), "{refused:?}");
    fixture.restart().await;
    assert_eq!(fixture.items(new.thread_id).await.unwrap()[1..], items_told(&told));
}

async fn the_last_handle_dropped_shuts_the_thread_down(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    let mut status = new.thread.status();
    drop(fixture.manager.remove(new.thread_id));
    assert_eq!(*status.borrow(), ThreadStatus::Idle, "removed is not ended");
    fixture.say(&new.thread, "two").await;
    let id = new.thread_id;
    drop(new);
    let ended = tokio::time::timeout(Duration::from_secs(5), status.wait_for(ThreadStatus::is_over)).await.unwrap();
    assert!(ended.is_ok());
    drop(ended);
    let again = fixture.manager.resume(threadlog_session::ResumeParams::new(id)).await.unwrap();
    assert_eq!(again.session_configured.context_items, 4);
}

cases! {
    an_interrupt_ends_the_turn_and_tells_the_model
    an_interrupt_ends_every_turn_that_was_submitted_before_it_and_none_after
    an_interrupt_of_nothing_says_so
    an_agent_is_dropped_before_its_turns_end_is_told
    a_shutdown_interrupts_what_runs_and_stores_everything
    the_last_handle_dropped_shuts_the_thread_down
}
