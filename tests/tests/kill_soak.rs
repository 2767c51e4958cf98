//! A process that writes is killed (SIGKILL) at random moments, again and again; each time a witness outside of it knows
//! what it was told is durable. That proves nothing about syncs: the page cache survives. It does prove that what a
//! process leaves behind at any moment is a store.
//!
//! The witness is a pipe: lines that are in it outlive the writer. `just kill-soak` runs many rounds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{ThreadStore, UpdateThreadMetadataParams};
use threadlog_tests::proof::threads::call::id;
use threadlog_tests::real::{Witness, append, config, examine, live};
use threadlog_tests::setting;

const THREADS: u8 = 4;
/// Rounds on one store before the next one begins empty.
const ROUNDS_OF_A_STORE: u64 = 40;

/// Tells the witness, in one write.
fn tell(what: char, thread: u8, number: u64) {
    let line = format!("@{what} {thread} {number}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("the witness listens until this process is gone");
}

async fn write(store: LocalThreadStore, thread: u8, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ u64::from(thread) << 32);
    let mut next = live(&store, thread).await.expect("live");
    loop {
        let count = random.random_range(1..5);
        tell('s', thread, next + count);
        append(&store, thread, next, count).await.expect("append");
        next += count;
        match random.random_range(0..16) {
            0..8 => store.flush_thread(id(thread).into()).await.expect("flush"),
            8 => {
                store.shutdown_thread(id(thread).into()).await.expect("shutdown");
                tell('f', thread, next);
                assert_eq!(live(&store, thread).await.expect("live again"), next);
                continue;
            }
            9 => {
                let mut patch = MetadataPatch::default();
                patch.name = Some(Some(format!("{next}")));
                let params = UpdateThreadMetadataParams::new(id(thread), patch);
                store.update_thread_metadata(params).await.expect("rename");
                tell('n', thread, next);
                continue;
            }
            _ => continue,
        }
        tell('f', thread, next);
    }
}

#[test]
#[ignore = "the process that is killed: the other test starts it"]
fn writer() {
    let (Ok(root), seed) = (std::env::var("THREADLOG_KILL_ROOT"), setting("THREADLOG_KILL_SEED", 1)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = LocalThreadStore::open(Path::new(&root), config()).await.expect("open");
        let writers: Vec<_> = (0..THREADS).map(|thread| tokio::spawn(write(store.clone(), thread, seed))).collect();
        for writer in writers {
            writer.await.expect("a writer writes until it is killed");
        }
    });
}

/// Runs the writer until the witness has heard so many lines and so many microseconds more, and kills it.
fn round(root: &Path, seed: u64, lines: u64, micros: u64, witness: &mut Witness) -> u64 {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["writer", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("THREADLOG_KILL_ROOT", root).env("THREADLOG_KILL_SEED", seed.to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the writer starts");
    let heard = Arc::new(AtomicU64::new(0));
    let all = Arc::new(Mutex::new(Vec::new()));
    let (counter, list, pipe) = (heard.clone(), all.clone(), child.stdout.take().expect("a pipe"));
    let listener = std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            // The test runner's own words may stand before the first.
            let told = text.split_once('@').filter(|_| text.ends_with('\n'));
            if let Some((_, told)) = told {
                list.lock().expect("nobody panics with it").push(told.to_owned());
                counter.fetch_add(1, Ordering::Release);
            }
        }
    });
    while heard.load(Ordering::Acquire) < lines {
        assert!(child.try_wait().expect("a child").is_none(), "the writer ended by itself");
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(Duration::from_micros(micros));
    child.kill().expect("it is there to be killed");
    child.wait().expect("a child");
    listener.join().expect("it reads until the pipe ends");
    let mut acknowledgements = 0;
    for text in all.lock().expect("nobody panics with it").iter() {
        let mut words = text.split_whitespace();
        let what = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
        let (thread, number) = (number() as u8, number());
        match what {
            "s" => drop(witness.submitted.insert(thread, number)),
            "f" => drop(witness.acknowledged.insert(thread, number)),
            _ => {}
        }
        acknowledgements += u64::from(what != "s");
    }
    acknowledgements
}

#[test]
fn a_killed_writer_leaves_all_that_was_acknowledged_and_nothing_else() {
    let (rounds, seed) = (setting("THREADLOG_KILL_ROUNDS", 6), setting("THREADLOG_KILL_SEED", 1));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut total = (0, 0);
    let mut place = tempfile::tempdir().expect("a place");
    let mut witness = Witness::default();
    for number in 0..rounds {
        if number % ROUNDS_OF_A_STORE == 0 {
            place = tempfile::tempdir().expect("a place");
            witness = Witness::default();
        }
        let root = place.path().join("store");
        // Some die while they open.
        let lines = if random.random_range(0..8) == 0 { 0 } else { random.random_range(1..400) };
        let micros = random.random_range(0..4000);
        total.0 += round(&root, seed ^ number << 8, lines, micros, &mut witness);
        let found = examine(&root, &witness).unwrap_or_else(|wrong| panic!("round {number} of seed {seed}: {wrong}"));
        total.1 = total.1.max(found.values().sum());
        // What is shown after a death stays. More may come, up to what was submitted: a reader believes the mark, the next
        // writer recovers what stands behind it in the page cache.
        witness.acknowledged = found;
    }
    let (acknowledged, messages) = total;
    println!(
        "{rounds} kills: {acknowledged} acknowledgements held, up to {messages} messages in a store, nothing lost"
    );
}
