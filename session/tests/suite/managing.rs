//! The registry: finding, forgetting, changing, ending all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use threadlog::ThreadId;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::ArchiveThreadParams;
use threadlog_session::{EventMsg, ForkParams, Op, ResumeParams, Script, SessionError, StartParams, ThreadStatus};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::cases;
use crate::fixture::{Fixture, is_conflict, until};

/// Long enough for whatever works.
const LONG: Duration = Duration::from_secs(20);

async fn threads_are_found_listed_and_forgotten(fixture: Fixture) {
    let (one, two) = (fixture.started().await, fixture.started().await);
    let mut ids = [one.thread_id, two.thread_id];
    ids.sort_by_key(ThreadId::to_string);
    assert_eq!(fixture.manager.list(), ids);
    assert!(Arc::ptr_eq(&fixture.manager.get(one.thread_id).unwrap(), &one.thread));
    let removed = fixture.manager.remove(one.thread_id).unwrap();
    assert!(fixture.manager.remove(one.thread_id).is_none());
    let absent = fixture.manager.get(one.thread_id);
    assert!(matches!(absent, Err(SessionError::NotRunning { .. })), "{absent:?}");
    fixture.say(&removed, "it goes on").await;
    two.thread.shutdown().await.unwrap();
    assert!(fixture.manager.list().is_empty(), "one that has ended is forgotten by itself");
}

async fn only_the_same_instance_is_forgotten(fixture: Fixture) {
    let old = fixture.with_turns(&["one"]).await;
    old.thread.shutdown().await.unwrap();
    let new = fixture.manager.resume(ResumeParams::new(old.thread_id)).await.unwrap();
    assert!(!fixture.manager.remove_if_same(&old.thread));
    assert_eq!(fixture.manager.list(), [new.thread_id]);
    assert!(fixture.manager.remove_if_same(&new.thread));
    assert!(fixture.manager.list().is_empty());
}

fn child_of(parent: ThreadId) -> StartParams {
    let mut params = StartParams::default();
    params.create.parent_thread = Some(parent);
    params
}

async fn a_subtree_has_stored_and_running_threads_each_once_and_the_root_first(fixture: Fixture) {
    let root = fixture.with_turns(&["root"]).await.thread_id;
    let stored = fixture.start(child_of(root)).await;
    fixture.say(&stored.thread, "stored and running").await;
    let archived = fixture.start(child_of(root)).await;
    fixture.say(&archived.thread, "archived").await;
    archived.thread.shutdown().await.unwrap();
    fixture.store.archive_thread(ArchiveThreadParams::new(archived.thread_id)).await.unwrap();
    let running = fixture.start(child_of(root)).await;
    let grandchild = fixture.start(child_of(running.thread_id)).await;
    let cold = fixture.start(child_of(running.thread_id)).await;
    fixture.say(&cold.thread, "stored, and its parent is not").await;
    cold.thread.shutdown().await.unwrap();
    let below_stored = fixture.start(child_of(stored.thread_id)).await;
    let fork = fixture.manager.fork(ForkParams::new(root)).await.unwrap();
    let subtree = fixture.manager.subtree(root).await.unwrap();
    assert_eq!(subtree[0], root);
    assert!(subtree[1..3].contains(&stored.thread_id) && subtree[1..3].contains(&archived.thread_id), "stored first");
    let mut rest = subtree[3..].to_vec();
    rest.sort();
    let mut expected = vec![running.thread_id, grandchild.thread_id, cold.thread_id, below_stored.thread_id];
    expected.sort();
    assert_eq!(rest, expected);
    assert!(!subtree.contains(&fork.thread_id), "no agent started it");
    let alone = ThreadId::generate();
    assert_eq!(fixture.manager.subtree(alone).await.unwrap(), [alone]);
}

async fn changes_go_to_the_live_thread_or_to_the_store(fixture: Fixture) {
    let new = fixture.started().await;
    let rename = |name: &str| MetadataPatch::rename(name);
    let updated = fixture.manager.update_metadata(new.thread_id, rename("live"), false).await.unwrap();
    assert_eq!(updated.metadata.name(), Some("live"), "a change stores the thread");
    new.thread.shutdown().await.unwrap();
    let updated = fixture.manager.update_metadata(new.thread_id, rename("cold"), false).await.unwrap();
    assert_eq!(updated.metadata.name(), Some("cold"));
    fixture.store.archive_thread(ArchiveThreadParams::new(new.thread_id)).await.unwrap();
    let refused = fixture.manager.update_metadata(new.thread_id, rename("archived"), false).await;
    assert!(refused.is_err_and(|error| error.is_invalid_request()));
    fixture.manager.update_metadata(new.thread_id, rename("archived"), true).await.unwrap();
    assert!(fixture.manager.update_metadata(ThreadId::generate(), rename("nobody"), true).await.is_err());
}

async fn all_threads_are_shut_down_and_forgotten(fixture: Fixture) {
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(fixture.with_turns(&[text]).await.thread_id);
    }
    let busy = fixture.started().await;
    fixture.agent.add(Script::new().wait_for(Arc::default()));
    busy.thread.submit(Op::user("busy")).await.unwrap();
    ids.push(busy.thread_id);
    let report = fixture.manager.shutdown_all(LONG).await;
    ids.sort_by_key(ThreadId::to_string);
    assert_eq!(report.completed, ids);
    assert!(report.submit_failed.is_empty() && report.timed_out.is_empty());
    assert!(fixture.manager.list().is_empty());
    for id in ids {
        assert_eq!(fixture.seen(id).await.len(), 2, "stored");
    }
}

async fn a_shutdown_of_all_says_which_could_not_be_told_and_which_not_in_time(fixture: Fixture) {
    let good = fixture.with_turns(&["good"]).await;
    let slow = fixture.with_turns(&["slow"]).await;
    let broken = fixture.started().await;
    // A fault below takes the thread's driver with it.
    fixture.faults.unwind.store(true, Ordering::Relaxed);
    broken.thread.submit(Op::user("one")).await.unwrap();
    let mut status = broken.thread.status();
    status.wait_for(ThreadStatus::is_over).await.unwrap();
    fixture.faults.unwind.store(false, Ordering::Relaxed);
    good.thread.shutdown().await.unwrap();
    let unused = fixture.started().await;
    fixture.faults.set(false, true);
    // Storing fails, so what waits cannot be stored in time.
    slow.thread.submit(Op::user("two")).await.unwrap();
    until(&slow.thread, |event| event.msg.ends_turn()).await;
    let report = fixture.manager.shutdown_all(Duration::from_millis(300)).await;
    assert_eq!(report.submit_failed, [broken.thread_id]);
    let mut late = [slow.thread_id, unused.thread_id];
    late.sort_by_key(ThreadId::to_string);
    assert_eq!((report.completed.as_slice(), report.timed_out.as_slice()), (&[][..], &late[..]));
    // They go on ending, and do when storing works again.
    fixture.faults.set(false, false);
    let report = fixture.manager.shutdown_all(LONG).await;
    assert_eq!((report.completed.as_slice(), report.submit_failed.as_slice()), (&late[..], &[broken.thread_id][..]));
    // What nothing drives any more is stored and replaced.
    let again = fixture.manager.resume(ResumeParams::new(broken.thread_id)).await.unwrap();
    assert!(!Arc::ptr_eq(&again.thread, &broken.thread));
    assert_eq!(fixture.seen(broken.thread_id).await, ["one"], "what it had accepted");
    fixture.say(&again.thread, "two").await;
}

async fn a_slow_listener_of_created_ids_holds_up_nobody(fixture: Fixture) {
    let mut slow = fixture.manager.created();
    let mut quick = fixture.manager.created();
    let mut params = StartParams::default();
    params.ephemeral = true;
    for _ in 0..1100 {
        let new = fixture.manager.start(params.clone()).await.unwrap();
        assert_eq!(quick.recv().await, Ok(new.thread_id));
        drop(fixture.manager.remove(new.thread_id));
    }
    assert_eq!(slow.recv().await, Err(RecvError::Lagged(1100 - 1024)));
    assert!(slow.recv().await.is_ok());
    assert_eq!(quick.try_recv(), Err(TryRecvError::Empty));
}

async fn a_discarded_thread_ends_at_once(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    fixture.faults.set(true, true);
    new.thread.submit(Op::user("two")).await.unwrap();
    until(&new.thread, |event| event.msg.ends_turn()).await;
    new.thread.submit(Op::Shutdown).await.unwrap();
    new.thread.discard().await.unwrap();
    assert_eq!(*new.thread.status().borrow(), ThreadStatus::Stopped);
    let mut last = None;
    while let Some(event) = new.thread.next_event().await {
        last = Some(event);
    }
    assert!(matches!(last.unwrap().msg, EventMsg::ShutdownComplete));
    fixture.faults.set(false, false);
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    assert_eq!(again.session_configured.context_items, 2, "what was stored is there");
}

async fn a_thread_that_was_told_to_end_is_not_given_out_again(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    new.thread.submit(Op::Shutdown).await.unwrap();
    // Also before it has heard of that.
    let refused = fixture.manager.resume(ResumeParams::new(new.thread_id)).await;
    assert!(is_conflict(&refused) && refused.unwrap_err().to_string().contains("told to end"));
    new.thread.shutdown().await.unwrap();
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    fixture.say(&again.thread, "two").await;
}

async fn what_a_threads_driver_takes_with_it_is_told(fixture: Fixture) {
    for waits in [false, true] {
        let new = fixture.started().await;
        let go_on = Arc::new(tokio::sync::Notify::new());
        fixture.faults.unwind.store(!waits, Ordering::Relaxed);
        if waits {
            fixture.agent.add(Script::new().wait_for(go_on.clone()));
        }
        let mut turns = Vec::new();
        for text in ["one", "two", "three"] {
            turns.push(new.thread.submit(Op::user(text)).await.unwrap());
        }
        if waits {
            // The first runs and two wait; its end is where the fault is.
            until(&new.thread, |event| matches!(event.msg, EventMsg::TurnStarted { .. })).await;
            fixture.faults.unwind.store(true, Ordering::Relaxed);
            go_on.notify_one();
        }
        let mut ended = Vec::new();
        while let Some(event) = new.thread.next_event().await {
            ended.extend(event.submission.filter(|_| event.msg.ends_turn()));
        }
        fixture.faults.unwind.store(false, Ordering::Relaxed);
        assert_eq!(ended, turns, "each turn has one end");
        assert_eq!(*new.thread.status().borrow(), ThreadStatus::Failed);
    }
}

cases! {
    threads_are_found_listed_and_forgotten
    only_the_same_instance_is_forgotten
    a_subtree_has_stored_and_running_threads_each_once_and_the_root_first
    changes_go_to_the_live_thread_or_to_the_store
    all_threads_are_shut_down_and_forgotten
    a_shutdown_of_all_says_which_could_not_be_told_and_which_not_in_time
    a_slow_listener_of_created_ids_holds_up_nobody
    a_discarded_thread_ends_at_once
    a_thread_that_was_told_to_end_is_not_given_out_again
    what_a_threads_driver_takes_with_it_is_told
}
