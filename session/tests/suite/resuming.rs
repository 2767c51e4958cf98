//! Going on with stored threads, and with histories from elsewhere.

use serde_json::json;
use std::sync::Arc;

use threadlog::live::NewItem;
use threadlog::thread_store::{Absence, ArchiveThreadParams, ThreadStoreError};
use threadlog::{RolloutItem, ThreadId};
use threadlog_session::{EventMsg, Origin, ResumeParams, SessionError, StartParams};

use crate::cases;
use crate::fixture::{Fixture, is_conflict, is_invalid, sorts};

fn absent(error: &SessionError, wanted: Absence) -> bool {
    matches!(error, SessionError::Store(ThreadStoreError::ThreadNotFound { absence, .. }) if *absence == wanted)
}

async fn a_stored_thread_goes_on_behind_its_items(mut fixture: Fixture) {
    let id = fixture.with_turns(&["one"]).await.thread_id;
    fixture.restart().await;
    let before = fixture.items(id).await.unwrap();
    let again = fixture.manager.resume(ResumeParams::new(id)).await.unwrap();
    let EventMsg::SessionConfigured(first) = again.thread.next_event().await.unwrap().msg else { panic!() };
    assert_eq!((first.config.origin, first.context_items), (Origin::Resumed, 2));
    assert_eq!(fixture.items(id).await.unwrap(), before, "resuming writes nothing");
    fixture.say(&again.thread, "two").await;
    assert_eq!(fixture.items(id).await.unwrap()[..before.len()], before);
    assert_eq!(fixture.seen(id).await, ["one", "re one", "two", "re two"]);
}

async fn a_thread_that_runs_is_given_as_it_is(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    let mut created = fixture.manager.created();
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    assert!(Arc::ptr_eq(&again.thread, &new.thread));
    assert_eq!(again.session_configured, new.session_configured, "its first event, as it was");
    assert!(created.try_recv().is_err(), "it was not created");
    let unused = fixture.started().await;
    let again = fixture.manager.resume(ResumeParams::new(unused.thread_id)).await.unwrap();
    assert!(Arc::ptr_eq(&again.thread, &unused.thread), "also while nothing of it is stored");
}

async fn a_thread_that_has_ended_is_replaced(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    new.thread.shutdown().await.unwrap();
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap();
    assert!(!Arc::ptr_eq(&again.thread, &new.thread));
    assert_eq!(fixture.manager.list(), [new.thread_id]);
    drop(new);
    fixture.say(&again.thread, "two").await;
}

async fn the_loser_of_a_race_is_refused(fixture: Fixture) {
    let id = fixture.with_turns(&["one"]).await.thread_id;
    fixture.manager.get(id).unwrap().shutdown().await.unwrap();
    let resume = || fixture.manager.resume(ResumeParams::new(id));
    // Both are polled before either is done.
    let (one, other) = tokio::join!(resume(), resume());
    let results = [one, other];
    let running = results.iter().flatten().count();
    assert!(running == 2 || results.iter().any(is_conflict), "{results:?}");
    assert_eq!(fixture.manager.list(), [id]);
    if let [Ok(one), Ok(other)] = &results {
        assert!(Arc::ptr_eq(&one.thread, &other.thread), "a store that never waits lets the first be done at once");
    }
}

async fn a_thread_that_somebody_else_writes_is_refused_with_its_holder(fixture: Fixture) {
    let id = fixture.with_turns(&["one"]).await.thread_id;
    fixture.manager.get(id).unwrap().shutdown().await.unwrap();
    fixture.store.resume_thread(threadlog::thread_store::ResumeThreadParams::new(id)).await.unwrap();
    let refused = fixture.manager.resume(ResumeParams::new(id)).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("held by process")), "{refused:?}");
    fixture.store.discard_now(id);
    fixture.manager.resume(ResumeParams::new(id)).await.unwrap();
}

async fn what_is_not_there_or_not_stored_is_refused(fixture: Fixture) {
    let refused = fixture.manager.resume(ResumeParams::new(ThreadId::generate())).await.unwrap_err();
    assert!(absent(&refused, Absence::Unknown), "{refused:?}");
    let new = fixture.started().await;
    new.thread.shutdown().await.unwrap();
    let refused = fixture.manager.resume(ResumeParams::new(new.thread_id)).await.unwrap_err();
    assert!(absent(&refused, Absence::Unknown), "{refused:?}");
    assert!(fixture.manager.list().is_empty());
}

async fn an_archived_thread_must_be_asked_for(fixture: Fixture) {
    let new = fixture.with_turns(&["one"]).await;
    new.thread.shutdown().await.unwrap();
    fixture.store.archive_thread(ArchiveThreadParams::new(new.thread_id)).await.unwrap();
    assert!(is_invalid(&fixture.manager.resume(ResumeParams::new(new.thread_id)).await));
    let again = fixture.manager.resume(ResumeParams::new(new.thread_id).with_archived()).await.unwrap();
    fixture.say(&again.thread, "two").await;
}

fn response(role: &str, text: &str) -> RolloutItem {
    let message = json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    NewItem::response(&message).unwrap().stamped(Default::default())
}

async fn a_supplied_history_becomes_a_new_stored_thread(mut fixture: Fixture) {
    let items = vec![response("user", "one"), response("assistant", "re one")];
    let new = fixture.manager.resume_with_history(StartParams::default(), items.clone()).await.unwrap();
    assert_eq!((new.session_configured.config.origin, new.session_configured.context_items), (Origin::Supplied, 2));
    assert_eq!(fixture.items(new.thread_id).await.unwrap()[1..], items, "stored at once, times included");
    fixture.say(&new.thread, "two").await;
    assert_eq!(fixture.agent.turns()[0].history.items.len(), 2);
    fixture.restart().await;
    assert_eq!(fixture.seen(new.thread_id).await, ["one", "re one", "two", "re two"]);
    let none = fixture.manager.resume_with_history(StartParams::default(), Vec::new()).await;
    assert!(is_invalid(&none), "{none:?}");
}

async fn a_supplied_history_says_which_thread_it_is_of(fixture: Fixture) {
    let source = fixture.with_turns(&["one"]).await;
    let items = fixture.items(source.thread_id).await.unwrap();
    let new = fixture.manager.resume_with_history(StartParams::default(), items).await.unwrap();
    assert_ne!(new.thread_id, source.thread_id);
    let stored = fixture.read(new.thread_id).await.unwrap();
    assert_eq!(stored.metadata.forked_from(), Some(source.thread_id.to_string().as_str()));
    assert_eq!(sorts(&fixture.items(new.thread_id).await.unwrap())[..2], ["session_meta", "session_meta"]);
}

cases! {
    a_stored_thread_goes_on_behind_its_items
    a_thread_that_runs_is_given_as_it_is
    a_thread_that_has_ended_is_replaced
    the_loser_of_a_race_is_refused
    a_thread_that_somebody_else_writes_is_refused_with_its_holder
    what_is_not_there_or_not_stored_is_refused
    an_archived_thread_must_be_asked_for
    a_supplied_history_becomes_a_new_stored_thread
    a_supplied_history_says_which_thread_it_is_of
}
