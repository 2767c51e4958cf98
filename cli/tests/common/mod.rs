//! Runs the real binary in a world of its own: a home folder that goes away, no settings from outside.

#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

pub mod talk;
#[cfg(unix)]
pub mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use threadlog::ThreadId;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{CreateThreadParams, ResumeThreadParams, ThreadStore};

/// A folder that stands for a user's machine.
pub struct Machine {
    root: tempfile::TempDir,
}

/// What one run said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    pub fn new() -> Machine {
        Machine { root: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A machine whose folder `files` holds a small sample of rollout files.
    pub fn with_sample() -> Machine {
        let machine = Machine::new();
        let files = machine.path("files");
        let ran = machine.run(&["gen", "--threads", "6", "--items", "20", "--seed", "7", "--to", text(&files)]);
        ran.must_be(0);
        machine
    }

    /// The same, with the sample in the machine's store too.
    pub fn with_store() -> Machine {
        let machine = Machine::with_sample();
        machine.run(&["import", text(&machine.path("files"))]).must_be(0);
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Where the store is unless a test says otherwise.
    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_threadlog"));
        command.args(arguments).env_clear().current_dir(self.root.path()).stdin(Stdio::null());
        command.env("HOME", self.path("home")).env("TMPDIR", self.root.path()).env("THREADLOG_HOME", self.store());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the binary runs"))
    }

    /// A run with `--json`: its records.
    pub fn json(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let ran = self.run(&[arguments, &["--json"]].concat());
        let records = ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        (ran.code, records)
    }

    /// The ids of all threads, as `list` gives them.
    pub fn ids(&self) -> Vec<String> {
        let (_, records) = self.json(&["list"]);
        of_type(&records, "thread").iter().map(|thread| field(thread, "id").to_owned()).collect()
    }
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("an exit code, not a signal"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn must_be(&self, code: i32) -> &Ran {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn must_say(&self, part: &str) -> &Ran {
        assert!(self.stderr.contains(part), "{part:?} is not in standard error:\n{}", self.stderr);
        self
    }
}

/// Waits for a task on this thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

/// The machine's store, open in this process, and a thread that is live there with one message.
pub fn running(machine: &Machine) -> (LocalThreadStore, LiveThread) {
    block_on(async {
        let mut config = LocalConfig::default();
        config.engine.client = "an agent".to_owned();
        let store = LocalThreadStore::open(&machine.store(), config).await.expect("the store opens");
        let params = CreateThreadParams::new(ThreadId::generate());
        let thread = LiveThread::create(std::sync::Arc::new(store.clone()), params).await.expect("a thread");
        say(&thread, "the first words").await;
        (store, thread)
    })
}

/// Adds a message, durably.
pub async fn say(thread: &LiveThread, words: &str) {
    let message = NewItem::event(&json!({"type": "user_message", "message": words})).expect("a message");
    thread.append(vec![message]).await.expect("it is accepted");
    thread.flush().await.expect("it is stored");
}

/// A program that writes threads of a machine's store while the binary runs.
pub struct Live {
    store: LocalThreadStore,
}

impl Live {
    #[track_caller]
    pub fn resume(machine: &Machine, ids: &[&str]) -> Live {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut config = LocalConfig::default();
            config.engine.client = "another program".to_owned();
            let store = LocalThreadStore::open(&machine.store(), config).await.expect("the store");
            for id in ids {
                let params = ResumeThreadParams::new(id.parse().expect("an id")).with_archived();
                store.resume_thread(params).await.expect("a thread to go on with");
            }
            Live { store }
        })
    }

    pub fn end(self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.store.close()).expect("a clean end");
    }
}

/// The records of one type.
pub fn of_type<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

#[track_caller]
pub fn field<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_else(|| panic!("no text {name:?} in {record}"))
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Every file below `root`: relative path → bytes and modification time.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let files = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.expect("a readable entry"));
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let relative = entry.path().strip_prefix(root).expect("below the root").to_owned();
            let modified = entry.metadata().expect("metadata").modified().expect("a modification time");
            (relative, (fs::read(entry.path()).expect("a readable file"), modified))
        })
        .collect()
}

/// Spoils a payload in the middle of the store's largest segment; returns that segment's path below the store.
pub fn damage(store: &Path) -> PathBuf {
    let segments = tree(store).into_iter().filter(|(path, _)| text(path).ends_with(".hot"));
    let (path, (mut bytes, _)) = segments.max_by_key(|(_, (bytes, _))| bytes.len()).expect("a segment");
    let middle = (bytes.len() / 2..bytes.len()).find(|&at| bytes[at] != 0).expect("something written");
    bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(store.join(&path), bytes).expect("a writable segment");
    path
}
