//! When a thread comes to be stored, and when not.

use threadlog::list::ArchiveFilter;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, LoadHistoryParams, ReadThreadParams};

use crate::cases;
use crate::fixture::{Fixture, event, is_absent, user};

/// Nobody can tell that the thread was ever there.
async fn assert_no_trace(fixture: &mut Fixture, id: ThreadId) {
    for _ in 0..2 {
        assert!(is_absent(fixture.read(id).await, Absence::Unknown));
        assert!(is_absent(fixture.items(id).await, Absence::Unknown));
        assert!(is_absent(fixture.resume(id).await, Absence::Unknown));
        assert!(is_absent(fixture.store.archive_thread(id.into()).await, Absence::Unknown));
        assert_eq!(fixture.listed(ArchiveFilter::Active).await, []);
        fixture.restart().await;
    }
}

async fn create_stores_nothing_and_readers_see_nothing(fixture: Fixture) {
    let id = fixture.create().await;
    assert!(is_absent(fixture.store.read_thread(ReadThreadParams::new(id)).await, Absence::NotPersisted));
    assert!(is_absent(fixture.store.load_history(LoadHistoryParams::new(id)).await, Absence::NotPersisted));
    assert!(is_absent(fixture.store.archive_thread(id.into()).await, Absence::NotPersisted));
    assert!(is_absent(fixture.store.unarchive_thread(id.into()).await, Absence::NotPersisted));
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, []);
}

async fn a_thread_that_was_never_used_leaves_no_trace(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.flush(id).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    assert_no_trace(&mut fixture, id).await;
}

async fn a_discarded_thread_leaves_no_trace_of_its_items(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("never stored")]).await.unwrap();
    fixture.store.discard_thread(id.into()).await.unwrap();
    assert_no_trace(&mut fixture, id).await;
}

async fn append_alone_stores_nothing(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    assert!(is_absent(fixture.read(id).await, Absence::NotPersisted));
}

async fn flush_of_a_thread_without_items_stores_nothing(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.flush(id).await.unwrap();
    assert!(is_absent(fixture.read(id).await, Absence::NotPersisted));
}

async fn flush_with_items_stores_the_thread(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["a"]);
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.texts(id).await, ["a"]);
}

async fn shutdown_with_items_stores_the_thread(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap().metadata.first_user_message(), Some("a"));
    fixture.restart().await;
    assert_eq!(fixture.texts(id).await, ["a"]);
}

async fn items_that_the_policy_leaves_out_store_nothing(mut fixture: Fixture) {
    let id = fixture.create().await;
    let transient = serde_json::json!({"type": "agent_message_delta", "delta": "a"});
    fixture.append(id, [event(transient)]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert!(is_absent(fixture.read(id).await, Absence::NotPersisted));
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    assert_no_trace(&mut fixture, id).await;
}

async fn persist_stores_a_thread_without_items(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.store.persist_thread(id.into()).await.unwrap();
    assert_eq!(fixture.items(id).await.unwrap().len(), 1);
    let thread = fixture.read(id).await.unwrap();
    assert_eq!((thread.metadata.preview(), thread.metadata.items()), (None, 1));
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, [id]);
    assert_eq!(fixture.read(id).await.unwrap(), thread);
}

async fn persisting_again_changes_nothing(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.store.persist_thread(id.into()).await.unwrap();
    let before = (fixture.items(id).await.unwrap(), fixture.read(id).await.unwrap());
    fixture.at(60);
    for _ in 0..3 {
        fixture.store.persist_thread(id.into()).await.unwrap();
        fixture.flush(id).await.unwrap();
    }
    assert_eq!((fixture.items(id).await.unwrap(), fixture.read(id).await.unwrap()), before);
}

async fn an_idle_live_thread_stays_out_of_lists_until_it_is_used(fixture: Fixture) {
    let (idle, used) = (fixture.create().await, fixture.create().await);
    fixture.append(used, [user("a")]).await.unwrap();
    fixture.flush(used).await.unwrap();
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, [used]);
    fixture.append(idle, [user("b")]).await.unwrap();
    fixture.flush(idle).await.unwrap();
    assert_eq!(fixture.listed(ArchiveFilter::Active).await.len(), 2);
}

cases! {
    create_stores_nothing_and_readers_see_nothing
    a_thread_that_was_never_used_leaves_no_trace
    a_discarded_thread_leaves_no_trace_of_its_items
    append_alone_stores_nothing
    flush_of_a_thread_without_items_stores_nothing
    flush_with_items_stores_the_thread
    shutdown_with_items_stores_the_thread
    items_that_the_policy_leaves_out_store_nothing
    persist_stores_a_thread_without_items
    persisting_again_changes_nothing
    an_idle_live_thread_stays_out_of_lists_until_it_is_used
}
