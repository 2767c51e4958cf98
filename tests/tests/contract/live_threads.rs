//! The handle of a live thread over any store.

use threadlog::live::{LiveThread, LiveThreadInitGuard};
use threadlog::metadata::MemoryMode;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, AppendItemsParams, CreateThreadParams, ResumeThreadParams, ThreadStoreError};

use crate::cases;
use crate::fixture::{Fixture, agent, is_absent, user};

async fn created(fixture: &Fixture) -> LiveThread {
    let params = CreateThreadParams::new(ThreadId::generate());
    LiveThread::create_with_clock(fixture.store.clone(), params, fixture.clock.clone()).await.unwrap()
}

async fn a_handle_does_what_the_verbs_say(mut fixture: Fixture) {
    let thread = created(&fixture).await;
    thread.append(vec![user("a"), agent("b")]).await.unwrap();
    thread.flush().await.unwrap();
    thread.append(vec![user("c")]).await.unwrap();
    thread.persist().await.unwrap();
    assert_eq!(thread.load_history().await.unwrap().items.len(), 4);
    assert_eq!(thread.read().await.unwrap().metadata.preview(), Some("a"));
    thread.update_memory_mode(MemoryMode::Disabled).await.unwrap();
    thread.shutdown().await.unwrap();
    let id = thread.id();
    fixture.restart().await;
    let again = LiveThread::resume(fixture.store.clone(), ResumeThreadParams::new(id)).await.unwrap();
    assert_eq!(again.read().await.unwrap().metadata.memory_mode(), MemoryMode::Disabled);
    again.append(vec![user("d")]).await.unwrap();
    again.shutdown().await.unwrap();
    assert_eq!(fixture.texts(id).await, ["a", "b", "c", "d"]);
}

async fn metadata_does_not_depend_on_who_appends(fixture: Fixture) {
    let (handle, raw) = (created(&fixture).await, created(&fixture).await);
    handle.append(vec![user("a"), agent("b")]).await.unwrap();
    let items = [user("a"), agent("b")].map(|item| item.stamped(fixture.now())).to_vec();
    fixture.store.append_items(AppendItemsParams::new(raw.id(), items)).await.unwrap();
    handle.flush().await.unwrap();
    raw.flush().await.unwrap();
    let (by_handle, by_store) = (handle.read().await.unwrap().metadata, raw.read().await.unwrap().metadata);
    assert_eq!((by_handle.preview(), by_handle.items()), (by_store.preview(), by_store.items()));
    assert_eq!((by_handle.updated_ms(), by_handle.recency_ms()), (by_store.updated_ms(), by_store.recency_ms()));
}

async fn shutdown_of_an_unused_handle_leaves_neither_thread_nor_metadata(fixture: Fixture) {
    let thread = created(&fixture).await;
    thread.shutdown().await.unwrap();
    assert!(is_absent(thread.read().await, Absence::Unknown));
}

async fn a_guard_dropped_inside_and_outside_a_runtime_lets_go(fixture: Fixture) {
    let inside = created(&fixture).await;
    let id = inside.id();
    drop(LiveThreadInitGuard::new(Some(inside)));
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();

    let outside = created(&fixture).await;
    let id = outside.id();
    outside.append(vec![user("never stored")]).await.unwrap();
    std::thread::spawn(move || drop(LiveThreadInitGuard::new(Some(outside)))).join().unwrap();
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    assert!(is_absent(fixture.read(id).await, Absence::NotPersisted));
}

async fn a_guard_dropped_in_a_panic_lets_go(fixture: Fixture) {
    let thread = created(&fixture).await;
    let id = thread.id();
    let panicked = std::thread::spawn(move || {
        let _guard = LiveThreadInitGuard::new(Some(thread));
        std::panic::resume_unwind(Box::new("start-up failed"));
    });
    assert!(panicked.join().is_err());
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
}

async fn a_guard_commits_or_discards(fixture: Fixture) {
    let committed = LiveThreadInitGuard::new(Some(created(&fixture).await)).commit().unwrap();
    committed.append(vec![user("a")]).await.unwrap();
    committed.shutdown().await.unwrap();
    let thread = created(&fixture).await;
    LiveThreadInitGuard::new(Some(thread.clone())).discard().await.unwrap();
    assert!(is_absent(thread.flush().await, Absence::NotLive));
}

async fn stores_of_ours_have_no_file_of_a_threads_own(fixture: Fixture) {
    let thread = created(&fixture).await;
    assert_eq!(thread.local_path(), None);
    let error = thread.require_local_path("reveal_in_file_manager").unwrap_err();
    assert!(matches!(error, ThreadStoreError::Unsupported(_)));
    assert!(error.to_string().contains("reveal_in_file_manager"), "{error}");
}

async fn handles_are_shared_between_tasks(fixture: Fixture) {
    let thread = created(&fixture).await;
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let thread = thread.clone();
            tokio::spawn(async move {
                thread.append(vec![user(&number.to_string())]).await.unwrap();
                thread.flush().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut texts = fixture.texts(thread.id()).await;
    texts.sort();
    assert_eq!(texts, (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
}

cases! {
    a_handle_does_what_the_verbs_say
    metadata_does_not_depend_on_who_appends
    shutdown_of_an_unused_handle_leaves_neither_thread_nor_metadata
    a_guard_dropped_inside_and_outside_a_runtime_lets_go
    a_guard_dropped_in_a_panic_lets_go
    a_guard_commits_or_discards
    stores_of_ours_have_no_file_of_a_threads_own
    handles_are_shared_between_tasks
}
