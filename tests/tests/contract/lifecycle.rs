//! From creation to shutdown, and what is refused on the way.

use threadlog::item::typed::Typed;
use threadlog::list::ArchiveFilter;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, CreateThreadParams, ResumeThreadParams, ThreadStoreError};

use crate::cases;
use crate::fixture::{Fixture, agent, is_absent, is_invalid, user};

async fn a_thread_is_created_written_and_closed(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("hello"), agent("hi")]).await.unwrap();
    fixture.store.persist_thread(id.into()).await.unwrap();
    fixture.flush(id).await.unwrap();
    let items = fixture.items(id).await.unwrap();
    let Typed::SessionMeta(meta) = items[0].typed() else { panic!("{items:?}") };
    assert_eq!(meta.id, Some(id.to_string()));
    assert_eq!(fixture.texts(id).await, ["hello", "hi"]);
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    let Err(ThreadStoreError::ThreadNotFound { thread_id, absence: Absence::NotLive, operation }) =
        fixture.append(id, [user("late")]).await
    else {
        panic!("accepted")
    };
    assert_eq!((thread_id, operation), (id, "append_items"));
    assert_eq!(fixture.texts(id).await, ["hello", "hi"]);
}

async fn a_second_create_while_live_is_refused_and_says_who_holds_it(fixture: Fixture) {
    let id = fixture.create().await;
    let error = fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap_err();
    let ThreadStoreError::Conflict(_, Some(holder)) = &error else { panic!("{error}") };
    assert_eq!(holder.process, std::process::id());
    assert!(error.to_string().contains(&format!("process {} (this process)", std::process::id())), "{error}");
    assert!(error.is_retryable());
    fixture.append(id, [user("the first is unharmed")]).await.unwrap();
    fixture.flush(id).await.unwrap();
}

async fn a_resume_while_live_is_refused_after_create_and_after_resume(fixture: Fixture) {
    let id = fixture.create().await;
    let conflict = |result| matches!(result, Err(ThreadStoreError::Conflict(_, Some(_))));
    assert!(conflict(fixture.resume(id).await), "created");
    fixture.store.persist_thread(id.into()).await.unwrap();
    assert!(conflict(fixture.resume(id).await), "stored");
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.resume(id).await.unwrap();
    assert!(conflict(fixture.resume(id).await), "resumed");
    assert!(conflict(fixture.store.create_thread(CreateThreadParams::new(id)).await), "created again");
}

async fn create_of_an_id_that_is_stored_is_refused(mut fixture: Fixture) {
    let id = fixture.cold("mine").await;
    for _ in 0..2 {
        let error = fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Conflict(_, None)), "{error}");
        assert!(!error.is_retryable());
        assert!(is_absent(fixture.flush(id).await, Absence::NotLive), "it is not live now");
        fixture.restart().await;
    }
    assert_eq!(fixture.texts(id).await, ["mine"]);
}

async fn resume_of_a_thread_that_is_not_there_is_refused(fixture: Fixture) {
    let id = ThreadId::generate();
    assert!(is_absent(fixture.resume(id).await, Absence::Unknown));
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    fixture.store.discard_thread(id.into()).await.unwrap();
    assert!(is_absent(fixture.resume(id).await, Absence::Unknown), "nothing of it was stored");
}

async fn a_resumed_thread_goes_on_behind_its_items(mut fixture: Fixture) {
    let id = fixture.cold("first").await;
    fixture.restart().await;
    fixture.resume(id).await.unwrap();
    fixture.append(id, [user("second")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.texts(id).await, ["first", "second"]);
    assert_eq!(fixture.items(id).await.unwrap().len(), 3, "one session_meta, not one for each resume");
}

async fn resume_changes_nothing(mut fixture: Fixture) {
    let id = fixture.cold("first").await;
    fixture.restart().await;
    let before = fixture.read(id).await.unwrap();
    fixture.at(60);
    fixture.resume(id).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap(), before);
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.read(id).await.unwrap(), before);
}

async fn resume_of_an_archived_thread_must_be_asked_for(fixture: Fixture) {
    let id = fixture.cold("first").await;
    fixture.store.archive_thread(id.into()).await.unwrap();
    assert!(is_invalid(fixture.resume(id).await));
    assert!(is_absent(fixture.flush(id).await, Absence::NotLive), "the refusal leaves nothing live");
    fixture.store.resume_thread(ResumeThreadParams::new(id).with_archived()).await.unwrap();
    fixture.append(id, [user("second")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.listed(ArchiveFilter::Archived).await, [id], "it stays archived");
}

async fn live_verbs_on_a_thread_that_is_not_live_are_refused(fixture: Fixture) {
    let (unknown, cold, discarded) = (ThreadId::generate(), fixture.cold("x").await, fixture.create().await);
    fixture.store.discard_thread(discarded.into()).await.unwrap();
    for id in [unknown, cold, discarded] {
        assert!(is_absent(fixture.append(id, [user("a")]).await, Absence::NotLive));
        assert!(is_absent(fixture.store.persist_thread(id.into()).await, Absence::NotLive));
        assert!(is_absent(fixture.flush(id).await, Absence::NotLive));
        assert!(is_absent(fixture.store.shutdown_thread(id.into()).await, Absence::NotLive));
        assert!(is_absent(fixture.store.discard_thread(id.into()).await, Absence::NotLive));
        assert!(!fixture.store.discard_now(id));
    }
}

async fn an_id_can_be_used_again_when_nothing_of_it_was_stored(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("gone")]).await.unwrap();
    fixture.store.discard_thread(id.into()).await.unwrap();
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    fixture.append(id, [user("kept")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["kept"]);
}

async fn discard_keeps_what_is_stored_and_drops_the_rest(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("stored")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    fixture.store.discard_thread(id.into()).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["stored"]);
    fixture.resume(id).await.unwrap();
    fixture.append(id, [user("after")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.texts(id).await, ["stored", "after"]);
}

async fn a_thread_can_be_discarded_without_waiting(fixture: Fixture) {
    let id = fixture.create().await;
    assert!(fixture.store.discard_now(id));
    assert!(!fixture.store.discard_now(id));
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
}

async fn shutdown_of_many_threads_leaves_none_live(fixture: Fixture) {
    let mut ids = Vec::new();
    for _ in 0..20 {
        let id = fixture.create().await;
        fixture.append(id, [user("a")]).await.unwrap();
        ids.push(id);
    }
    for id in &ids {
        fixture.store.shutdown_thread((*id).into()).await.unwrap();
    }
    for id in ids {
        assert!(is_absent(fixture.flush(id).await, Absence::NotLive));
        assert_eq!(fixture.texts(id).await, ["a"]);
    }
}

cases! {
    a_thread_is_created_written_and_closed
    a_second_create_while_live_is_refused_and_says_who_holds_it
    a_resume_while_live_is_refused_after_create_and_after_resume
    create_of_an_id_that_is_stored_is_refused
    resume_of_a_thread_that_is_not_there_is_refused
    a_resumed_thread_goes_on_behind_its_items
    resume_changes_nothing
    resume_of_an_archived_thread_must_be_asked_for
    live_verbs_on_a_thread_that_is_not_live_are_refused
    an_id_can_be_used_again_when_nothing_of_it_was_stored
    discard_keeps_what_is_stored_and_drops_the_rest
    a_thread_can_be_discarded_without_waiting
    shutdown_of_many_threads_leaves_none_live
}
