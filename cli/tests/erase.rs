//! Erasing with real processes: while one writes other threads and one reads, and afterwards every file is searched.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Machine, field, of_type, text};
use serde_json::{Value, json};
use threadlog::ThreadId;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::CreateThreadParams;
use threadlog_engine::sealed::{Decoder, OnDamage, Sealed};
use threadlog_engine::{OsFs, read_format};

/// Where the writer finds its store: set for it alone.
const ROOT: &str = "THREADLOG_ERASE_ROOT";
/// What only the imported thread that is erased says.
const IMPORTED: &str = "ochre-imported";
/// What only the thread that the writer wrote says, in records, and in one that has a file of its own.
const WRITTEN: &str = "umber-written";
const LARGE: &str = "sepia-large";
/// What stays.
const KEPT: &str = "indigo-kept";

/// Words that nobody else says: a mark and numbers.
fn words(mark: &str, count: u64) -> String {
    (0..count).map(|number| format!("{mark}-{:016x} ", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
}

/// A rollout file in which each line says something of its own, and a long text comes three times.
fn rollout(machine: &Machine, id: ThreadId, mark: &str) {
    let line = |payload: Value| {
        let time = "2026-01-02T03:04:05.678Z";
        format!("{{\"timestamp\":\"{time}\",\"type\":\"response_item\",\"payload\":{payload}}}\n")
    };
    let mut lines = String::new();
    for number in 0..60_u64 {
        let long = if number % 20 == 7 { words(mark, 100) } else { String::new() };
        let said = format!("{mark}-line-{number:04} {long}");
        let content = json!([{"type": "input_text", "text": said}]);
        lines.push_str(&line(json!({"type": "message", "role": "user", "content": content})));
    }
    let folder = machine.path("own");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("rollout-2026-01-02T03-04-05-{id}.jsonl")), lines).unwrap();
}

/// The second process: writes a thread and ends it, then others, until its input ends. Without a store it is no test.
#[test]
fn as_the_writer() {
    let Ok(root) = std::env::var(ROOT) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = LocalConfig::default();
        config.engine.client = "the writer".to_owned();
        // All that it says is in one segment, which it does not leave: it is long enough, and there is no spare to go to.
        (config.engine.segment_bytes_min, config.engine.segment_bytes_max) = (64 << 20, 64 << 20);
        config.engine.prepare_spares = false;
        let store = LocalThreadStore::open(Path::new(&root), config).await.unwrap();
        let create = || LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(ThreadId::generate()));
        let dead = create().await.unwrap();
        for number in 0..20_u64 {
            say(&dead, &format!("{WRITTEN}-{number:04} {}", words(WRITTEN, 60))).await;
        }
        say(&dead, &words(LARGE, 80_000)).await;
        dead.shutdown().await.unwrap();
        let kept = create().await.unwrap();
        say(&kept, &words(KEPT, 40)).await;
        println!("ready {} {}", dead.id(), kept.id());
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            seen.store(true, Ordering::Release);
        });
        let mut said = 0_u64;
        while !stop.load(Ordering::Acquire) {
            say(&kept, &format!("{KEPT} and again {said}")).await;
            said += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        kept.shutdown().await.unwrap();
        store.close().await.unwrap();
        println!("said {said}");
    });
}

async fn say(thread: &LiveThread, words: &str) {
    thread.append(vec![NewItem::event(&json!({"type": "user_message", "message": words})).unwrap()]).await.unwrap();
    thread.flush().await.unwrap();
}

struct Writer {
    child: Child,
    output: BufReader<ChildStdout>,
    dead: String,
    kept: String,
}

impl Writer {
    fn start(machine: &Machine) -> Writer {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["as_the_writer", "--exact", "--nocapture"]).env(ROOT, machine.store());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let ready = line_with(&mut output, "ready ");
        let mut ids = ready.split_whitespace().skip(1).map(str::to_owned);
        Writer { child, output, dead: ids.next().unwrap(), kept: ids.next().unwrap() }
    }

    /// Lets it come to its end; how often it said something.
    fn end(mut self) -> u64 {
        drop(self.child.stdin.take());
        let said = line_with(&mut self.output, "said ");
        assert!(self.child.wait().unwrap().success());
        said.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// The next line that has these words, from there on.
fn line_with(output: &mut impl BufRead, words: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended without {words:?}");
        if let Some(at) = line.find(words) {
            return line[at..].to_owned();
        }
    }
}

/// All bytes of the store's files: raw, every block of every sealed segment decompressed, dictionaries, and whatever looks
/// like a frame of zstd in any file.
fn all_bytes(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let sealed = Sealed::load(&OsFs, root, read_format(&OsFs, root).unwrap().store, None, OnDamage::Refuse).unwrap();
    let mut dictionaries: Vec<Vec<u8>> = vec![Vec::new()];
    for row in &sealed.manifest().dictionaries {
        let raw = sealed.dictionaries().get(row.id).unwrap().raw().to_vec();
        all.push((format!("dictionary {}", row.id), raw.clone()));
        dictionaries.push(raw);
    }
    let mut decoder = Decoder::new();
    for segment in sealed.segments() {
        for block in 0..segment.footer().block_count() {
            let name = format!("block {block} of {}", segment.id());
            match segment.records(block, &mut decoder) {
                Ok(records) => all.push((name, records.into_raw())),
                Err(_) => {
                    let values = segment.values(block, &mut decoder).expect("records or values");
                    all.extend(values.values().map(|(_, bytes)| (name.clone(), bytes.to_vec())));
                }
            }
        }
    }
    for (path, (bytes, _)) in common::tree(root) {
        let name = path.display().to_string();
        for at in memchr::memmem::find_iter(&bytes, &[0x28, 0xb5, 0x2f, 0xfd]) {
            for dictionary in &dictionaries {
                let decoder = zstd::Decoder::with_dictionary(&bytes[at..], dictionary);
                let mut out = Vec::new();
                // What does not decompress to its end is searched as far as it did.
                let _ = decoder.map(|decoder| decoder.single_frame().take(8 << 20).read_to_end(&mut out));
                all.push((format!("a frame at {at} of {name}"), out));
            }
        }
        all.push((name, bytes));
    }
    all
}

/// Where any of these words stand.
fn places(root: &Path, marks: &[&str]) -> Vec<String> {
    let all = all_bytes(root);
    let has = |bytes: &[u8]| marks.iter().any(|mark| memchr::memmem::find(bytes, mark.as_bytes()).is_some());
    all.iter().filter(|(_, bytes)| has(bytes)).map(|(name, _)| name.clone()).collect()
}

fn records_left(machine: &Machine, id: &str) -> u64 {
    let (code, records) = machine.json(&["verify", "--deleted", id]);
    assert_eq!(code, 0, "{records:?}");
    of_type(&records, "summary")[0]["records"].as_u64().unwrap()
}

#[test]
fn no_byte_is_left_anywhere_while_a_second_process_reads_and_a_third_writes() {
    let machine = Machine::with_store();
    let (dead, kept) = (ThreadId::generate(), ThreadId::generate());
    rollout(&machine, dead, IMPORTED);
    rollout(&machine, kept, KEPT);
    machine.run(&["import", text(&machine.path("own"))]).must_be(0);
    machine.run(&["seal"]).must_be(0);
    let writer = Writer::start(&machine);
    let mut reader = machine.command(&["tail", "-f", &writer.kept]).stdout(Stdio::piped()).spawn().unwrap();
    let mut read = BufReader::new(reader.stdout.take().unwrap());
    line_with(&mut read, KEPT);

    let store = machine.store();
    for mark in [IMPORTED, WRITTEN, LARGE, KEPT, &dead.to_string()] {
        assert!(!places(&store, &[mark]).is_empty(), "the search finds {mark}");
    }
    machine.run(&["rm", &dead.to_string(), &writer.dead, "--yes"]).must_be(0);
    assert!(records_left(&machine, &dead.to_string()) > 50 && records_left(&machine, &writer.dead) > 20);

    // What the writer still writes is pending, with who that is; the rest is gone.
    let (code, records) = machine.json(&["erase"]);
    let pending = of_type(&records, "pending");
    assert_eq!((code, pending.len()), (3, 1), "{records:?}");
    assert_eq!(field(pending[0], "thread_id"), writer.dead);
    let holder = pending[0]["holders"][0].as_str().unwrap();
    assert!(holder.contains("the writer") && holder.contains(&writer.child.id().to_string()), "{holder}");
    assert_eq!(records_left(&machine, &dead.to_string()), 0);
    assert_eq!(places(&store, &[IMPORTED, &dead.to_string()]), Vec::<String>::new());
    assert!(!places(&store, &[WRITTEN]).is_empty(), "as it said");

    // The reader and the writer go on; when the writer has let go, the rest goes.
    line_with(&mut read, "and again");
    let (dead_of_writer, kept_of_writer) = (writer.dead.clone(), writer.kept.clone());
    assert!(writer.end() > 0);
    let (code, records) = machine.json(&["erase"]);
    // Who only reads can still have a removed file open for a moment, and is named then.
    let held: Vec<_> = of_type(&records, "held").iter().map(|held| held["pid"].as_u64()).collect();
    let by_reader = held == [Some(u64::from(reader.id()))];
    assert_eq!((code, of_type(&records, "pending").len()), (if by_reader { 3 } else { 0 }, 0), "{records:?}");
    assert!(by_reader || held.is_empty(), "{records:?}");
    assert_eq!(records_left(&machine, &dead_of_writer), 0);
    assert_eq!(places(&store, &[IMPORTED, WRITTEN, LARGE, &dead.to_string()]), Vec::<String>::new());
    assert!(!places(&store, &[KEPT]).is_empty());

    reader.kill().unwrap();
    reader.wait().unwrap();
    machine.run(&["verify"]).must_be(0);
    for id in [kept.to_string(), kept_of_writer] {
        assert!(machine.run(&["show", &id, "--raw"]).must_be(0).stdout.contains(KEPT));
    }
    std::io::stdout().flush().unwrap();
}
