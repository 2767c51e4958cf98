//! A caller that stops waiting, at every await point: the store stays consistent and the next call goes on.
//!
//! Each call to the disk waits for the test. An operation is polled; whenever it is pending the test lets one call
//! through and polls again when woken. For each operation and each number of polls, from none to as many as it takes,
//! the future is dropped after that many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use threadlog::list::ListParams;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, ForkPosition, ForkThreadParams, LoadHistoryParams, ReadThreadParams,
    ResumeThreadParams, ThreadStore, ThreadStoreError, UpdateThreadMetadataParams,
};
use threadlog_engine::fs::sim::SimFs;

use crate::executors::futures_block_on;
use crate::gate::{Gate, GateFs};
use crate::words::{append, create, message, open, texts};

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Polls the future at most `polls` times, letting calls through in between. `Ok` with its output and how often it was
/// polled, or `Err` if it was dropped before it was done.
fn poll_at_most<T>(gate: &Gate, polls: usize, future: impl Future<Output = T>) -> Result<(T, usize), ()> {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut future = Box::pin(future);
    for poll in 1..=polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok((output, poll));
        }
        if poll == polls {
            break;
        }
        while !woken.0.swap(false, Ordering::AcqRel) {
            gate.release_waiting();
            std::thread::sleep(Duration::from_micros(20));
        }
    }
    Err(())
}

/// A store with a live thread of two stored items, one of them pending, and a cold thread of one.
pub struct Scene {
    pub store: LocalThreadStore,
    pub disk: SimFs,
    gate: Arc<Gate>,
    pub live: ThreadId,
    pub cold: ThreadId,
}

impl Scene {
    pub fn new(config: LocalConfig) -> Scene {
        let disk = SimFs::new(3);
        let (fs, gate) = GateFs::new(disk.clone());
        futures_block_on(async {
            let store = open(&fs, config).await.unwrap();
            let (live, cold) = (create(&store).await, create(&store).await);
            append(&store, cold, &["cold"]).await.unwrap();
            store.shutdown_thread(cold.into()).await.unwrap();
            append(&store, live, &["1"]).await.unwrap();
            store.flush_thread(live.into()).await.unwrap();
            append(&store, live, &["2"]).await.unwrap();
            gate.shut();
            Scene { store, disk, gate, live, cold }
        })
    }
}

/// Runs `operation` in a new scene for each number of polls, and `check` after each; `done` says whether the
/// operation came to its end.
fn at_every_await<T, F, G>(name: &str, operation: impl Fn(LocalThreadStore, ThreadId, ThreadId) -> F, check: G)
where
    F: Future<Output = Result<T, ThreadStoreError>>,
    G: AsyncFn(&Scene, bool),
{
    at_every_await_in(|| Scene::new(LocalConfig::default()), name, operation, check);
}

/// The same in scenes of another making.
pub fn at_every_await_in<T, F, G>(
    scene: impl Fn() -> Scene,
    name: &str,
    operation: impl Fn(LocalThreadStore, ThreadId, ThreadId) -> F,
    check: G,
) where
    F: Future<Output = Result<T, ThreadStoreError>>,
    G: AsyncFn(&Scene, bool),
{
    for polls in 0.. {
        let scene = scene();
        let outcome = poll_at_most(&scene.gate, polls, operation(scene.store.clone(), scene.live, scene.cold));
        scene.gate.open();
        let done = outcome.is_ok();
        if let Ok((result, _)) = &outcome
            && let Err(error) = result
        {
            panic!("{name}: {error}");
        }
        futures_block_on(async {
            check(&scene, done).await;
            scene.store.close().await.unwrap();
        });
        if done {
            println!("{name}: dropped at each of {} await points", polls - 1);
            return;
        }
        assert!(polls < 1000, "{name} never ends");
    }
}

/// The live thread goes on: it takes another item, and all of them are stored once and in order.
pub async fn goes_on(scene: &Scene, expected: &[&str]) {
    append(&scene.store, scene.live, &["last"]).await.unwrap();
    scene.store.flush_thread(scene.live.into()).await.unwrap();
    let found: Vec<String> = texts(&scene.store, scene.live).await.unwrap();
    let short: Vec<&str> = found.iter().map(|text| &text[..text.len().min(10)]).collect();
    assert_eq!(short, [expected, &["last"]].concat());
}

#[test]
fn a_dropped_append_has_accepted_its_items_at_its_first_poll_and_not_before() {
    let long = "long".repeat(600_000);
    for (name, text) in [("append", "3"), ("append of a large item", long.as_str())] {
        let polled = std::cell::Cell::new(false);
        at_every_await(
            name,
            |store, live, _| {
                polled.set(false);
                let polled = &polled;
                async move {
                    polled.set(true);
                    store.append_items(AppendItemsParams::new(live, vec![message(text), message("4")])).await
                }
            },
            async |scene, _| {
                let all = ["1", "2", &text[..text.len().min(10)], "4"];
                goes_on(scene, if polled.get() { &all } else { &["1", "2"] }).await;
            },
        );
    }
}

#[test]
fn a_dropped_flush_or_persist_loses_and_repeats_nothing() {
    at_every_await(
        "flush",
        async |store: LocalThreadStore, live: ThreadId, _| store.flush_thread(live.into()).await,
        async |scene, done| {
            if done {
                assert_eq!(texts(&scene.store, scene.live).await.unwrap(), ["1", "2"]);
            }
            goes_on(scene, &["1", "2"]).await;
        },
    );
    at_every_await(
        "persist",
        async |store: LocalThreadStore, live: ThreadId, _| store.persist_thread(live.into()).await,
        async |scene, _| {
            goes_on(scene, &["1", "2"]).await;
        },
    );
}

#[test]
fn a_dropped_first_flush_of_a_thread_creates_it_once() {
    let id = std::cell::Cell::new(ThreadId::generate());
    for (name, text) in [("first flush", "a".to_owned()), ("first flush of a large item", "a".repeat(2 << 20))] {
        at_every_await(
            name,
            |store, _, _| {
                id.set(ThreadId::generate());
                let (id, text) = (id.get(), text.clone());
                async move {
                    store.create_thread(CreateThreadParams::new(id)).await?;
                    store.append_items(AppendItemsParams::new(id, vec![message(&text)])).await?;
                    store.flush_thread(id.into()).await
                }
            },
            async |scene, _| {
                if scene.store.live_threads() == 1 {
                    return; // not even created
                }
                append(&scene.store, id.get(), &["b"]).await.unwrap();
                scene.store.shutdown_thread(id.get().into()).await.unwrap();
                let found = texts(&scene.store, id.get()).await.unwrap();
                assert_eq!(found.iter().map(|text| &text[..1]).collect::<Vec<_>>(), ["a", "b"]);
                assert_eq!(scene.store.list_threads(ListParams::default()).await.unwrap().total, 3);
            },
        );
    }
}

#[test]
fn a_dropped_shutdown_leaves_the_thread_live_or_cold_with_all_its_items() {
    at_every_await(
        "shutdown",
        async |store: LocalThreadStore, live: ThreadId, _| store.shutdown_thread(live.into()).await,
        async |scene, done| {
            if done {
                scene.store.resume_thread(ResumeThreadParams::new(scene.live)).await.unwrap();
            }
            goes_on(scene, &["1", "2"]).await;
        },
    );
}

#[test]
fn a_dropped_resume_leaves_the_thread_free_for_the_next() {
    at_every_await(
        "resume",
        async |store: LocalThreadStore, _, cold: ThreadId| store.resume_thread(ResumeThreadParams::new(cold)).await,
        async |scene, done| {
            if !done {
                scene.store.resume_thread(ResumeThreadParams::new(scene.cold)).await.unwrap();
            }
            append(&scene.store, scene.cold, &["again"]).await.unwrap();
            scene.store.shutdown_thread(scene.cold.into()).await.unwrap();
            assert_eq!(texts(&scene.store, scene.cold).await.unwrap(), ["cold", "again"]);
        },
    );
}

#[test]
fn a_dropped_rename_or_archive_happens_or_does_not() {
    at_every_await(
        "rename",
        async |store: LocalThreadStore, _, cold: ThreadId| {
            let rename = MetadataPatch::rename("name");
            store.update_thread_metadata(UpdateThreadMetadataParams::new(cold, rename)).await
        },
        async |scene, done| {
            let read = async || scene.store.read_thread(ReadThreadParams::new(scene.cold)).await.unwrap().metadata;
            let name = read().await.name().map(str::to_owned);
            assert!(name.as_deref() == Some("name") || (!done && name.is_none()));
            let again = UpdateThreadMetadataParams::new(scene.cold, MetadataPatch::rename("other"));
            scene.store.update_thread_metadata(again).await.unwrap();
            assert_eq!(read().await.name(), Some("other"));
        },
    );
    at_every_await(
        "archive",
        async |store: LocalThreadStore, _, cold: ThreadId| store.archive_thread(cold.into()).await,
        async |scene, _| {
            scene.store.archive_thread(scene.cold.into()).await.unwrap();
            let thread = scene.store.unarchive_thread(scene.cold.into()).await.unwrap();
            assert!(!thread.metadata.archived());
        },
    );
}

#[test]
fn a_dropped_fork_is_made_or_is_not() {
    let fork = |source: ThreadId| {
        let params = ForkThreadParams::new(source, ThreadId::from_path(b"the fork"));
        params.at(ForkPosition::Whole)
    };
    at_every_await(
        "fork",
        async |store: LocalThreadStore, live: ThreadId, _| store.fork_thread(fork(live)).await,
        async |scene, _| {
            let id = fork(scene.live).new.thread_id;
            // What was under way finishes without its caller.
            while let Err(error) = scene.store.fork_thread(fork(scene.live)).await {
                assert!(matches!(error, ThreadStoreError::Conflict(..)), "{error}");
                if scene.store.read_thread(ReadThreadParams::new(id)).await.is_ok() {
                    break;
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            let inherited = texts(&scene.store, id).await.unwrap();
            let source = texts(&scene.store, scene.live).await.unwrap();
            assert!(!inherited.is_empty() && source.starts_with(&inherited), "{inherited:?} of {source:?}");
            scene.store.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
            append(&scene.store, id, &["its own"]).await.unwrap();
            scene.store.shutdown_thread(id.into()).await.unwrap();
            assert_eq!(texts(&scene.store, id).await.unwrap().last().map(String::as_str), Some("its own"));
        },
    );
}

#[test]
fn dropped_readers_disturb_nobody() {
    at_every_await(
        "load history",
        async |store: LocalThreadStore, _, cold: ThreadId| store.load_history(LoadHistoryParams::new(cold)).await,
        async |scene, _| goes_on(scene, &["1", "2"]).await,
    );
    at_every_await(
        "read with history",
        async |store: LocalThreadStore, _, cold: ThreadId| {
            store.read_thread(ReadThreadParams::new(cold).with_history()).await
        },
        async |scene, _| goes_on(scene, &["1", "2"]).await,
    );
    at_every_await(
        "list",
        async |store: LocalThreadStore, _, _| store.list_threads(ListParams::default()).await,
        async |scene, _| {
            assert_eq!(scene.store.list_threads(ListParams::default()).await.unwrap().total, 2);
        },
    );
}

#[test]
fn a_dropped_reopening_or_closing_can_be_repeated() {
    at_every_await(
        "reopen",
        async |store: LocalThreadStore, _, _| store.reopen().await,
        async |scene, _| {
            scene.store.reopen().await.unwrap();
            goes_on(scene, &["1", "2"]).await;
        },
    );
    at_every_await(
        "close",
        async |store: LocalThreadStore, _, _| store.close().await,
        async |scene, done| {
            scene.store.close().await.unwrap();
            if !done {
                return;
            }
            scene.store.reopen().await.unwrap();
            assert_eq!(texts(&scene.store, scene.live).await.unwrap(), ["1", "2"]);
        },
    );
}
