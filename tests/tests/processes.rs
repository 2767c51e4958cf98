//! Many processes write one store on the real disk and are killed at random moments: no call fails for a lock, nothing that
//! was acknowledged is lost, every thread is in order and had one writer at a time. `just processes` runs many.
//!
//! Every message says which session wrote it and is the session's n-th, so that the log itself tells whether two
//! sessions ever wrote at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use threadlog::ThreadId;
use threadlog::item::typed::{EventMsg, Typed};
use threadlog::item::{RolloutItem, Timestamp};
use threadlog::live::NewItem;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, LoadHistoryParams, ResumeThreadParams, ThreadStore, ThreadStoreError,
    UpdateThreadMetadataParams,
};
use threadlog_engine::{OsFs, verify};
use threadlog_tests::real::config;
use threadlog_tests::setting;

fn id(number: u64) -> ThreadId {
    format!("01900000-0000-7000-8000-{number:012x}").parse().expect("an id")
}

fn message(session: u64, number: u64) -> RolloutItem {
    let text = format!("{session} {number} {}", "x".repeat((number * 7919 % 900) as usize));
    NewItem::event(&json!({"type": "user_message", "message": text})).expect("an item").stamped(Timestamp::default())
}

/// Session and number of a message.
fn said(item: &RolloutItem) -> Option<(u64, u64)> {
    let Typed::Event(EventMsg::UserMessage(message)) = item.typed() else { return None };
    let mut words = message.text.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Tells the parent, in one write.
fn tell(line: &str) {
    std::io::stdout().lock().write_all(format!("@{line}\n").as_bytes()).expect("the parent listens until we are gone");
}

/// One session after another, each on a thread that nobody else writes.
async fn sessions(store: LocalThreadStore, seed: u64, pool: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for count in 0.. {
        let (thread, session) = (random.random_range(0..pool), seed << 24 | count);
        match session_on(&store, &mut random, thread, session).await {
            Ok(()) => {}
            Err(ThreadStoreError::Conflict(_, Some(_))) => {
                tell("refused");
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tell(&format!("error {error}"));
                return;
            }
        }
    }
}

async fn session_on(
    store: &LocalThreadStore,
    random: &mut ChaCha8Rng,
    thread: u64,
    session: u64,
) -> Result<(), ThreadStoreError> {
    let id = id(thread);
    match store.resume_thread(ResumeThreadParams::new(id)).await {
        Err(ThreadStoreError::ThreadNotFound { .. }) => match store.create_thread(CreateThreadParams::new(id)).await {
            // Somebody made it and was done with it since we looked.
            Err(ThreadStoreError::Conflict(_, None)) => return Ok(()),
            created => created?,
        },
        resumed => resumed?,
    }
    let mut next = 0;
    for _ in 0..random.random_range(1..6) {
        let count = random.random_range(1..4);
        let items = (next..next + count).map(|number| message(session, number)).collect();
        store.append_items(AppendItemsParams::new(id, items)).await?;
        next += count;
        if random.random_range(0..2) == 0 {
            store.flush_thread(id.into()).await?;
            tell(&format!("ack {thread} {session} {next}"));
        }
    }
    match random.random_range(0..10) {
        // If it was new and never flushed there is no such thread now.
        0 => {
            store.discard_now(id);
            return Ok(());
        }
        _ => {
            store.shutdown_thread(id.into()).await?;
            tell(&format!("ack {thread} {session} {next}"));
        }
    }
    if random.random_range(0..8) == 0 {
        let patch = MetadataPatch::rename(format!("by {session}"));
        store.update_thread_metadata(UpdateThreadMetadataParams::new(id, patch)).await?;
    }
    Ok(())
}

#[test]
#[ignore = "a process that is killed: the other test starts it"]
fn worker() {
    let Ok(root) = std::env::var("THREADLOG_WORK_ROOT") else { return };
    let number = |name: &str| setting(name, 1);
    let (tasks, seed, pool) =
        (number("THREADLOG_WORK_TASKS"), number("THREADLOG_WORK_SEED"), number("THREADLOG_WORK_POOL"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = match LocalThreadStore::open(Path::new(&root), config()).await {
            Ok(store) => store,
            Err(error) => return tell(&format!("error open: {error}")),
        };
        tell("open");
        let work = |task| tokio::spawn(sessions(store.clone(), seed << 8 | task, pool));
        for work in (0..tasks).map(work).collect::<Vec<_>>() {
            work.await.expect("it works until it is killed");
        }
    });
}

#[derive(Default)]
struct Heard {
    /// By thread and session, how many messages were acknowledged.
    acknowledged: Mutex<BTreeMap<(u64, u64), u64>>,
    errors: Mutex<Vec<String>>,
    acks: AtomicU64,
    refused: AtomicU64,
    opened: AtomicU64,
}

impl Heard {
    fn line(&self, line: &str) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("ack") => {
                let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
                let (thread, session, count) = (number(), number(), number());
                self.acknowledged.lock().expect("nobody panics").insert((thread, session), count);
                self.acks.fetch_add(1, Ordering::Relaxed);
            }
            Some("refused") => drop(self.refused.fetch_add(1, Ordering::Relaxed)),
            Some("open") => drop(self.opened.fetch_add(1, Ordering::Relaxed)),
            Some("error") => self.errors.lock().expect("nobody panics").push(line.to_owned()),
            _ => {}
        }
    }
}

struct Worker {
    child: Child,
    listener: std::thread::JoinHandle<()>,
}

fn start(root: &Path, seed: u64, tasks: u64, pool: u64, heard: &Arc<Heard>) -> Worker {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["worker", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("THREADLOG_WORK_ROOT", root).env("THREADLOG_WORK_SEED", seed.to_string());
    command.env("THREADLOG_WORK_TASKS", tasks.to_string()).env("THREADLOG_WORK_POOL", pool.to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("a process starts");
    let (pipe, heard) = (child.stdout.take().expect("a pipe"), Arc::clone(heard));
    let listener = std::thread::spawn(move || {
        let (mut pipe, mut line) = (BufReader::new(pipe), Vec::new());
        while pipe.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            // The test runner's own words may stand before the first.
            if let Some((_, told)) = text.split_once('@').filter(|_| text.ends_with('\n')) {
                heard.line(told);
            }
        }
    });
    Worker { child, listener }
}

fn kill(mut worker: Worker) {
    worker.child.kill().expect("it is there to be killed");
    worker.child.wait().expect("a child");
    worker.listener.join().expect("it reads until the pipe ends");
}

/// Every session's messages stand together and in order, and all that were acknowledged are there.
fn examine(root: &Path, pool: u64, heard: &Heard) -> (u64, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (mut messages, mut sessions) = (0, 0);
    runtime.block_on(async {
        let store = LocalThreadStore::open(root, config()).await.expect("open");
        let acknowledged = heard.acknowledged.lock().expect("nobody panics").clone();
        for thread in 0..pool {
            let history = store.load_history(LoadHistoryParams::new(id(thread))).await;
            let items = match history {
                Ok(history) => history.items,
                Err(ThreadStoreError::ThreadNotFound { .. }) => Vec::new(),
                Err(error) => panic!("{error}"),
            };
            let mut found: BTreeMap<u64, u64> = BTreeMap::new();
            let (mut current, mut done) = (None, BTreeSet::new());
            for (session, number) in items.iter().filter_map(said) {
                if current != Some(session) {
                    done.extend(current);
                    assert!(!done.contains(&session), "thread {thread}: session {session} wrote beside another");
                    current = Some(session);
                }
                let next = found.entry(session).or_default();
                assert_eq!(number, *next, "thread {thread}, session {session}: out of order");
                *next += 1;
                messages += 1;
            }
            sessions += found.len() as u64;
            for ((_, session), count) in acknowledged.range((thread, 0)..=(thread, u64::MAX)) {
                let there = found.get(session).copied().unwrap_or(0);
                assert!(there >= *count, "thread {thread}, session {session}: {count} acknowledged, {there} there");
            }
        }
        store.close().await.expect("close");
    });
    let report = verify(Arc::new(OsFs), root, &mut |_| ()).expect("verify");
    assert!(report.is_sound(), "{report:?}");
    (messages, sessions)
}

#[test]
fn processes_that_write_one_store_and_are_killed_lose_nothing_and_never_share_a_thread() {
    let (processes, tasks) = (setting("THREADLOG_PROCESSES", 4), setting("THREADLOG_TASKS", 4));
    let (seconds, seed) = (setting("THREADLOG_PROCESS_SECONDS", 3), setting("THREADLOG_PROCESS_SEED", 1));
    let pool = processes * tasks / 2 + 1;
    let place = tempfile::tempdir().expect("a place");
    let root = place.path().join("store");
    let (heard, mut random) = (Arc::new(Heard::default()), ChaCha8Rng::seed_from_u64(seed));
    let mut seeds = (seed << 16)..;
    let mut start = || start(&root, seeds.next().unwrap_or(0), tasks, pool, &heard);
    let mut workers: Vec<Worker> = (0..processes).map(|_| start()).collect();
    let (since, mut kills) = (Instant::now(), 0);
    while since.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(random.random_range(50..500)));
        let unlucky = random.random_range(0..workers.len());
        kill(workers.swap_remove(unlucky));
        workers.push(start());
        kills += 1;
    }
    kills += workers.len();
    workers.into_iter().for_each(kill);
    let errors = heard.errors.lock().expect("nobody panics");
    assert!(errors.is_empty(), "{} calls failed, the first: {}", errors.len(), errors[0]);
    drop(errors);
    let (messages, sessions) = examine(&root, pool, &heard);
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    println!(
        "{processes} processes x {tasks} threads at a time, {seconds} s, {kills} killed of {} opened: {} acknowledgements \
         held, {} refusals that named the holder, {messages} messages of {sessions} sessions in {pool} threads, all in \
         order, one writer at a time",
        count(&heard.opened),
        count(&heard.acks),
        count(&heard.refused),
    );
}

#[test]
fn a_thread_goes_on_elsewhere_as_soon_as_its_process_is_killed() {
    let place = tempfile::tempdir().expect("a place");
    let root = place.path().join("store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut times: Vec<Duration> = Vec::new();
    runtime.block_on(async {
        let store = LocalThreadStore::open(&root, config()).await.expect("open");
        for round in 0..setting("THREADLOG_TAKEOVERS", 5) {
            let heard = Arc::new(Heard::default());
            // One thread, one writer: it holds it nearly all the time.
            let worker = start(&root, 1000 + round, 1, 1, &heard);
            while heard.acks.load(Ordering::Relaxed) < 50 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let since = Instant::now();
            kill(worker);
            store.resume_thread(ResumeThreadParams::new(id(0))).await.expect("it is free");
            let items = vec![message(round, 0)];
            store.append_items(AppendItemsParams::new(id(0), items)).await.expect("append");
            store.shutdown_thread(id(0).into()).await.expect("shutdown");
            times.push(since.elapsed());
            assert!(heard.errors.lock().expect("nobody panics").is_empty());
        }
        store.close().await.expect("close");
    });
    times.sort_unstable();
    println!(
        "from the kill to the first durable item of the next writer: median {:?}, at most {:?}",
        times.get(times.len() / 2),
        times.last()
    );
}
