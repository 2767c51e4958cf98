//! Every call to the disk fails once, in every way, during create, append, persist, flush and shutdown: what was
//! accepted is kept in order, nothing is stored twice, and what was acknowledged survives a power cut.

use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    AppendItemsParams, Result, ResumeThreadParams, ThreadStore, ThreadStoreError, Unavailability,
};
use threadlog_engine::fs::sim::{CallKind, Choice, EINTR, EIO, ENOSPC, Fault, SimFs};

use crate::words::{append, create, current_thread, manual, message, open, texts};

/// What an embedder does when something fails: reopen if it is told to, then the same call again.
struct Embedder {
    fs: SimFs,
    store: LocalThreadStore,
    /// Thread by thread: what was accepted, and how much of it was acknowledged as durable.
    threads: Vec<(ThreadId, Vec<String>, usize)>,
    errors: usize,
}

#[derive(Clone, Copy)]
enum Verb {
    Persist,
    Flush,
    Shutdown,
}

impl Embedder {
    async fn create(&mut self) -> usize {
        self.threads.push((create(&self.store).await, Vec::new(), 0));
        self.threads.len() - 1
    }

    /// Appending never fails: what the disk does is told by the next flush.
    async fn append(&mut self, thread: usize, text: &str) {
        let (id, accepted, _) = &mut self.threads[thread];
        append(&self.store, *id, &[text]).await.unwrap();
        accepted.push(text.to_owned());
    }

    async fn verb(&self, id: ThreadId, verb: Verb) -> Result<()> {
        match verb {
            Verb::Persist => self.store.persist_thread(id.into()).await,
            Verb::Flush => self.store.flush_thread(id.into()).await,
            Verb::Shutdown => self.store.shutdown_thread(id.into()).await,
        }
    }

    async fn until_done(&mut self, thread: usize, verb: Verb) {
        let id = self.threads[thread].0;
        for _ in 0..8 {
            match self.verb(id, verb).await {
                Ok(()) => {
                    let (_, accepted, acknowledged) = &mut self.threads[thread];
                    *acknowledged = accepted.len();
                    return self.assert_durable().await;
                }
                Err(ThreadStoreError::Unavailable(_, Unavailability::Poisoned)) => {
                    self.errors += 1;
                    self.reopen().await;
                }
                Err(ThreadStoreError::Unavailable(_, Unavailability::Full | Unavailability::Io)) => self.errors += 1,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the disk is well again, and the eighth call still fails");
    }

    async fn reopen(&self) {
        for _ in 0..5 {
            match self.store.reopen().await {
                Ok(()) => return,
                Err(ThreadStoreError::Unavailable(..)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the disk is well again, and the fifth reopening still fails");
    }

    /// The power goes now: what was acknowledged is there, and behind it nothing but what was accepted, in order.
    async fn assert_durable(&self) {
        let after = self.fs.snapshot().crash(&Choice::LoseAll);
        let store = open(&after, manual()).await.unwrap();
        for (id, accepted, acknowledged) in &self.threads {
            let found = texts(&store, *id).await.unwrap_or_else(|error| {
                if *acknowledged > 0 {
                    panic!("{error}")
                }
                Vec::new()
            });
            let (short, all) = (lengths(&found), lengths(accepted));
            assert!(found.len() >= *acknowledged, "{short:?} of {all:?}, acknowledged {acknowledged}");
            assert!(accepted.starts_with(&found), "{short:?} of {all:?}");
        }
    }

    async fn script(&mut self, scene: &Scene) {
        let (large, filler) = (&scene.large, &scene.filler);
        // Neither a lease nor a random number is a matter of the disk.
        let disk_calls = |fs: &SimFs| fs.calls() - fs.calls_of(CallKind::Lock) - fs.calls_of(CallKind::Fact);
        let before = disk_calls(&self.fs);
        let first = self.create().await;
        self.append(first, "1").await;
        assert_eq!(disk_calls(&self.fs), before, "creating and appending to a new thread ask nothing of the disk");
        self.until_done(first, Verb::Persist).await;
        self.append(first, &("2".to_owned() + filler)).await;
        self.append(first, &("3".to_owned() + filler)).await;
        self.until_done(first, Verb::Flush).await;
        self.append(first, large).await;
        self.append(first, &("5".to_owned() + filler)).await;
        self.until_done(first, Verb::Flush).await;
        let second = self.create().await;
        self.append(second, "1").await;
        self.append(first, &("6".to_owned() + filler)).await;
        self.until_done(second, Verb::Shutdown).await;
        self.append(first, &("7".to_owned() + filler)).await;
        self.until_done(first, Verb::Shutdown).await;
    }
}

/// Runs the script with this fault from the `number`-th call on, of this kind or of any; gives back whether the script
/// makes so many.
async fn run(trouble: Trouble, number: u64, scene: &Scene) -> bool {
    let Trouble { kind, fault, calls, unsynced } = trouble;
    let fs = SimFs::new(number);
    let store = open(&fs, scene.config.clone()).await.unwrap();
    if unsynced {
        fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1, Fault::FailedSync);
    }
    let made = || kind.map_or_else(|| fs.calls(), |kind| fs.calls_of(kind));
    let first = made() + number;
    for call in first..first + calls {
        match kind {
            Some(kind) => fs.fail_kind(kind, call, fault),
            None => fs.fail_call(call, fault),
        }
    }
    let mut embedder = Embedder { fs: fs.clone(), store, threads: Vec::new(), errors: 0 };
    embedder.script(scene).await;
    let reached = made() >= first;
    assert_eq!(fs.faults_fired() > 0, reached || unsynced, "call {number}, {trouble:?}");
    // Closing may meet the fault too; then it says so, and all is durable anyway.
    let _ = embedder.store.close().await;
    fs.clear_faults();
    let again = open(&fs.snapshot(), manual()).await.unwrap();
    for (id, accepted, _) in &embedder.threads {
        let found = texts(&again, *id).await.unwrap();
        assert_eq!(lengths(&found), lengths(accepted), "call {number}, {trouble:?}");
        assert_eq!(&found, accepted, "call {number}, {trouble:?}");
    }
    if !reached && !unsynced {
        assert_eq!(embedder.errors, 0, "nothing failed, and something was said to have");
        let segments = fs.paths().iter().filter(|path| path.extension().is_some_and(|end| end == "hot")).count();
        assert!(segments >= scene.segments_least, "{segments} segments");
    }
    reached
}

/// What the disk does: to calls of this kind or of any, so many in a row.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    kind: Option<CallKind>,
    fault: Fault,
    calls: u64,
    /// Whether the first sync fails before, so that the way back meets the trouble too.
    unsynced: bool,
}

/// How the script is played.
struct Scene {
    config: LocalConfig,
    /// An item's text.
    large: String,
    /// What makes other items longer.
    filler: String,
    /// How many segments it takes where nothing fails.
    segments_least: usize,
}

/// All that a disk can do and say so. A disk that lies (a sync that does nothing, a write that lands elsewhere) breaks
/// any promise; what is noticed of it then is in the proofs of the engine.
fn troubles() -> Vec<Trouble> {
    let kinds = [
        (None, Fault::Error(EIO)),
        (None, Fault::Error(ENOSPC)),
        (None, Fault::Error(EINTR)),
        (Some(CallKind::Write), Fault::ShortWrite(100)),
        (Some(CallKind::Write), Fault::ShortWriteThenError { bytes: 5000, errno: ENOSPC }),
        (Some(CallKind::Write), Fault::ShortWriteThenError { bytes: 100, errno: EIO }),
        // After this nobody knows what is on the disk, and the page cache tells lies.
        (Some(CallKind::Sync), Fault::FailedSync),
        (Some(CallKind::SyncDir), Fault::FailedSync),
    ];
    // One call is tried again by the operation itself; more of them in a row reach the caller.
    let trouble = |(kind, fault)| [1, 3].map(|calls| Trouble { kind, fault, calls, unsynced: false });
    let meanwhile =
        [(None, Fault::Error(EIO)), (None, Fault::Error(ENOSPC)), (Some(CallKind::Read), Fault::ShortRead(1))];
    let way_back = meanwhile.map(|(kind, fault)| Trouble { kind, fault, calls: 1, unsynced: true });
    kinds.into_iter().flat_map(trouble).chain(way_back).collect()
}

fn play(scene: &Scene, runs_least: u64) {
    current_thread().block_on(async {
        let mut runs = 0;
        for trouble in troubles() {
            let mut number = 1;
            while run(trouble, number, scene).await {
                number += 1;
            }
            println!("{} runs with {trouble:?}", number - 1);
            assert!(number > 1, "{trouble:?} meets no call");
            runs += number - 1;
        }
        assert!(runs > runs_least, "{runs}");
    });
}

#[test]
fn whichever_call_fails_items_are_kept_in_order_and_stored_once() {
    let (large, filler) = ("x".repeat(1_200_000), String::new());
    play(&Scene { config: manual(), large, filler, segments_least: 1 }, 200);
}

/// Segments of the least length: every other group begins a new one.
#[test]
fn whichever_call_fails_where_segments_end_items_are_kept_in_order_and_stored_once() {
    let mut config = manual();
    (config.engine.segment_bytes_min, config.engine.segment_bytes_max) = (16 << 10, 16 << 10);
    let (large, filler) = ("x".repeat(12_000), "y".repeat(6_000));
    play(&Scene { config, large, filler, segments_least: 3 }, 200);
}

#[test]
fn a_disk_that_stays_full_keeps_everything_waiting_until_there_is_room() {
    let fs = SimFs::new(5);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let (stored, new) = (create(&store).await, create(&store).await);
        append(&store, stored, &["1"]).await.unwrap();
        store.flush_thread(stored.into()).await.unwrap();
        fs.set_capacity(Some(fs.used_blocks()));
        let mut expected = vec!["1".to_owned()];
        for number in 2..6 {
            append(&store, stored, &[&number.to_string()]).await.unwrap();
            expected.push(number.to_string());
            let full = store.flush_thread(stored.into()).await.unwrap_err();
            assert!(matches!(full, ThreadStoreError::Unavailable(_, Unavailability::Full)), "{full}");
            assert!(full.to_string().contains("make room"), "{full}");
            assert!(full.is_retryable());
            append(&store, new, &["n"]).await.unwrap();
            let full = store.persist_thread(new.into()).await.unwrap_err();
            assert!(matches!(full, ThreadStoreError::Unavailable(_, Unavailability::Full)), "{full}");
            assert_eq!(texts(&store, stored).await.unwrap(), ["1"]);
        }
        assert!(store.shutdown_thread(new.into()).await.is_err(), "and it stays live");
        fs.set_capacity(None);
        store.shutdown_thread(stored.into()).await.unwrap();
        store.shutdown_thread(new.into()).await.unwrap();
        assert_eq!(texts(&store, stored).await.unwrap(), expected);
        assert_eq!(texts(&store, new).await.unwrap(), ["n"; 4]);
    });
}

#[test]
fn a_thread_whose_creation_failed_can_be_discarded_and_its_id_used_again() {
    let fs = SimFs::new(5);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["never"]).await.unwrap();
        fs.set_capacity(Some(fs.used_blocks()));
        store.flush_thread(id.into()).await.unwrap_err();
        store.discard_thread(id.into()).await.unwrap();
        fs.set_capacity(None);
        assert_eq!(store.list_threads(Default::default()).await.unwrap().total, 0);
        assert!(store.resume_thread(ResumeThreadParams::new(id)).await.is_err());
        store.create_thread(threadlog::thread_store::CreateThreadParams::new(id)).await.unwrap();
        append(&store, id, &["kept"]).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap(), ["kept"]);
        drop(store);
        let again = open(&fs, manual()).await.unwrap();
        assert_eq!(texts(&again, id).await.unwrap(), ["kept"]);
    });
}

#[test]
fn a_backlog_is_bounded_and_what_does_not_fit_is_refused_whole() {
    let fs = SimFs::new(5);
    current_thread().block_on(async {
        let mut config = manual();
        config.backlog_bytes_max = 100_000;
        let store = open(&fs, config).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["0"]).await.unwrap();
        store.flush_thread(id.into()).await.unwrap();
        fs.set_capacity(Some(fs.used_blocks()));
        let text = "x".repeat(30_000);
        let mut accepted = 0;
        let refused = loop {
            match append(&store, id, &[&text]).await {
                Ok(()) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, ThreadStoreError::Unavailable(_, Unavailability::Backlog)), "{refused}");
        assert!(std::error::Error::source(&refused).is_some_and(|cause| cause.to_string().contains("make room")));
        assert_eq!(accepted, 3);
        let both = vec![message("small"), message(&text)];
        store.append_items(AppendItemsParams::new(id, both)).await.unwrap_err();
        fs.set_capacity(None);
        append(&store, id, &[&text]).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        let found = texts(&store, id).await.unwrap();
        assert_eq!(found.len(), 1 + accepted + 1);
        assert!(!found.contains(&"small".to_owned()));
    });
}

#[test]
fn a_healthy_disk_takes_more_than_the_backlog_without_a_flush() {
    let fs = SimFs::new(5);
    current_thread().block_on(async {
        let mut config = manual();
        config.backlog_bytes_max = 100_000;
        let store = open(&fs, config).await.unwrap();
        let id = create(&store).await;
        for _ in 0..100 {
            append(&store, id, &[&"x".repeat(10_000)]).await.unwrap();
        }
        let long = "y".repeat(3_000_000);
        append(&store, id, &[&long]).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap().len(), 101);
    });
}

fn lengths(texts: &[String]) -> Vec<usize> {
    texts.iter().map(String::len).collect()
}
