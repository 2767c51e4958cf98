use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::*;
use crate::item::Kind;
use crate::memory::InMemoryThreadStore;

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn created(store: &Arc<InMemoryThreadStore>) -> LiveThread {
    LiveThread::create(store.clone(), CreateThreadParams::new(ThreadId::generate())).await.unwrap()
}

fn message(text: &str) -> NewItem {
    NewItem::event(&json!({"type": "user_message", "message": text})).unwrap()
}

fn is_not_live<T>(result: Result<T>) -> bool {
    use crate::thread_store::ThreadStoreError::ThreadNotFound;
    matches!(result, Err(ThreadNotFound { absence: Absence::NotLive, .. }))
}

#[test]
fn items_are_stamped_by_the_clock_given_and_never_go_back() {
    let clock = Arc::new(Hand(AtomicU64::new(5_000)));
    let history = run(async {
        let store: Arc<dyn ThreadStore> = Arc::new(InMemoryThreadStore::new());
        let params = CreateThreadParams::new(ThreadId::generate());
        let thread = LiveThread::create_with_clock(store, params, clock.clone()).await.unwrap();
        for time in [7_000, 6_000, 8_000] {
            clock.0.store(time, Ordering::Relaxed);
            thread.append(vec![message("a"), message("b")]).await.unwrap();
        }
        thread.flush().await.unwrap();
        thread.load_history().await.unwrap()
    });
    let times: Vec<u64> = history.items.iter().map(|item| item.timestamp().unwrap().ms()).collect();
    assert_eq!(times, [5_000, 7_000, 7_000, 7_000, 7_000, 8_000, 8_000]);
}

#[test]
fn copied_history_keeps_its_times() {
    let history = run(async {
        let thread = created(&Arc::new(InMemoryThreadStore::new())).await;
        let old = message("old").stamped(Timestamp::from_ms(1).unwrap());
        thread.append_stamped(vec![old]).await.unwrap();
        thread.flush().await.unwrap();
        thread.load_history().await.unwrap()
    });
    assert_eq!(history.items[1].timestamp().unwrap().ms(), 1);
}

#[test]
fn a_handle_that_ended_stays_ended_when_the_thread_is_live_again() {
    run(async {
        let store = Arc::new(InMemoryThreadStore::new());
        let first = created(&store).await;
        first.append(vec![message("a")]).await.unwrap();
        let clone = first.clone();
        first.shutdown().await.unwrap();
        let second = LiveThread::resume(store, ResumeThreadParams::new(first.id())).await.unwrap();
        for ended in [&first, &clone] {
            assert!(is_not_live(ended.append(vec![message("b")]).await));
            assert!(is_not_live(ended.append(vec![]).await));
            assert!(is_not_live(ended.persist().await));
            assert!(is_not_live(ended.flush().await));
            assert!(is_not_live(ended.shutdown().await));
            assert!(is_not_live(ended.discard().await));
            assert!(!ended.discard_now());
        }
        second.flush().await.unwrap();
        assert_eq!(first.load_history().await.unwrap().items.len(), 2, "reading needs no live thread");
    });
}

#[test]
fn a_dropped_guard_lets_go_of_the_thread_without_a_runtime() {
    let store = Arc::new(InMemoryThreadStore::new());
    let thread = run(created(&store));
    let id = thread.id();
    drop(LiveThreadInitGuard::new(Some(thread)));
    run(store.create_thread(CreateThreadParams::new(id))).unwrap();
}

#[test]
fn a_guard_dropped_late_spares_whoever_made_the_thread_live_again() {
    run(async {
        let store = Arc::new(InMemoryThreadStore::new());
        let thread = created(&store).await;
        let guard = LiveThreadInitGuard::new(Some(thread.clone()));
        thread.shutdown().await.unwrap();
        let again = LiveThread::create(store, CreateThreadParams::new(thread.id())).await.unwrap();
        drop(guard);
        again.persist().await.unwrap();
    });
}

#[test]
fn a_committed_guard_does_nothing_and_an_empty_one_neither() {
    run(async {
        let store = Arc::new(InMemoryThreadStore::new());
        let guard = LiveThreadInitGuard::new(Some(created(&store).await));
        let thread = guard.commit().unwrap();
        thread.persist().await.unwrap();
        LiveThreadInitGuard::new(Some(thread.clone())).discard().await.unwrap();
        assert!(is_not_live(store.flush_thread(thread.id().into()).await));
        LiveThreadInitGuard::new(None).discard().await.unwrap();
        assert!(LiveThreadInitGuard::new(None).commit().is_none());
    });
}

#[test]
fn code_that_needs_a_file_is_told_which_operation_cannot_be() {
    run(async {
        let thread = created(&Arc::new(InMemoryThreadStore::new())).await;
        assert_eq!(thread.local_path(), None);
        let error = thread.require_local_path("open_in_editor").unwrap_err();
        assert_eq!(error.operation(), "open_in_editor");
        assert!(error.to_string().starts_with(&format!("open_in_editor of thread {}", thread.id())), "{error}");
    });
}

#[test]
fn json_given_as_text_is_kept_byte_for_byte_and_on_one_line() {
    let payload = |json: &'static str| match NewItem::from_json(Kind::EventMsg, json).unwrap().stamped(Timestamp::MAX) {
        RolloutItem::Enveloped { payload, .. } => payload,
        RolloutItem::Verbatim(..) => panic!(),
    };
    assert_eq!(payload(" {\"b\" : 1.50,\"a\":\"\\n\"}\n"), "{\"b\" : 1.50,\"a\":\"\\n\"}");
    assert_eq!(payload("{\r\n\"a\":\n1}"), "{  \"a\": 1}");
    for wrong in ["", "{", "{} {}", "\u{feff}{}"] {
        assert!(NewItem::from_json(Kind::EventMsg, wrong).is_err(), "{wrong}");
    }
    let odd = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(NewItem::event(&odd).is_err(), "keys must be strings");
}
