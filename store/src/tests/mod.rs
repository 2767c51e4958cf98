//! What the tests share: a store on the simulated file system, folders of rollout files, and their comparison.

mod backup;
mod bulk;
mod bundle;
mod corpus;
mod damage;
mod export;
pub(crate) mod forks;
mod import;
mod interrupted;
mod maintain;
mod moves;
mod refused;
mod tokens;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::import::Outcome;
use crate::{ExportOptions, ExportReport, ImportOptions, ImportReport, Progress, Silent, Store};
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Config};

const A: &str = "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb";
const B: &str = "0b6cc088-1f70-49ba-9104-83619ec703e0";

/// A disk with a store on it, and folders of the system's to import from and export to.
pub(crate) struct Bench {
    disk: SimFs,
    folder: tempfile::TempDir,
}

fn root() -> &'static Path {
    Path::new("/store")
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let disk = SimFs::new(7);
        Bench { disk, folder: tempfile::tempdir().unwrap() }
    }

    /// A folder to import from.
    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn open(&self) -> Store {
        let config = Config { background: Background::Manual, ..Config::default() };
        Store::open_on(Arc::new(self.disk.clone()), root(), config).unwrap()
    }

    fn open_read(&self) -> Store {
        Store::open_read_on(Arc::new(self.disk.clone()), root()).unwrap()
    }

    /// Writes a file below the home folder.
    fn put(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Imports the home folder into a freshly opened store, and closes it.
    fn import(&self) -> ImportReport {
        self.import_paths(&[self.home()])
    }

    fn import_paths(&self, paths: &[PathBuf]) -> ImportReport {
        let store = self.open();
        let report = store.import(paths, &one_job(), &Silent).unwrap();
        store.close().unwrap();
        report
    }

    /// Exports everything to a new folder.
    fn export(&self, options: &ExportOptions) -> (ExportReport, BTreeMap<String, Vec<u8>>) {
        let to = tempfile::tempdir_in(self.folder.path()).unwrap();
        let report = self.open_read().export(None, to.path(), options, &Silent);
        (report, tree(to.path()))
    }

    /// Exports everything, which must succeed and be what stands in the home folder.
    fn assert_round_trip(&self) {
        let to = tempfile::tempdir_in(self.folder.path()).unwrap();
        let report = self.open_read().export(None, to.path(), &ExportOptions::default(), &Silent);
        assert_eq!(report.failed, []);
        assert_same_files(&self.home(), to.path());
    }
}

/// What is known of the only thread.
fn metadata(bench: &Bench) -> crate::metadata::ThreadMetadata {
    let store = bench.open_read();
    store.metadata(store.threads()[0].current.key)
}

thread_local! {
    /// From how many bytes on this test's imports go straight into sealed segments.
    static BULK_BYTES_MIN: Cell<u64> = const { Cell::new(u64::MAX) };
}

fn one_job() -> ImportOptions {
    ImportOptions { jobs: 1, bulk_bytes_min: BULK_BYTES_MIN.get() }
}

fn outcomes(report: &ImportReport) -> Vec<(String, Outcome)> {
    report.files.iter().map(|file| (file.path.to_string(), file.outcome)).collect()
}

/// All files below a folder, by their relative path.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files =
        walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// The same relative paths, bytes and modification times.
fn assert_same_files(expected: &Path, found: &Path) {
    let (left, right) = (tree(expected), tree(found));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (path, bytes) in &left {
        assert!(right[path] == *bytes, "{path} differs");
        assert_eq!(modified(&expected.join(path)), modified(&found.join(path)), "{path}");
    }
}

/// A canonical line.
fn line(number: u64, kind: &str, payload: &str) -> String {
    let time = 1_770_236_985_576 + number * 1000;
    let time = crate::item::Timestamp::from_ms(time).unwrap();
    format!("{{\"timestamp\":\"{time}\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
}

pub(crate) fn meta(id: &str) -> String {
    line(0, "session_meta", &format!("{{\"id\":\"{id}\",\"cwd\":\"/work\",\"originator\":\"codex_cli_rs\"}}"))
}

pub(crate) fn message(number: u64, text: &str) -> String {
    line(number, "event_msg", &format!("{{\"type\":\"user_message\",\"message\":\"{text}\"}}"))
}

/// A whole rollout of this many messages.
fn rollout(id: &str, messages: u64) -> String {
    let mut text = meta(id);
    (1..=messages).for_each(|number| text.push_str(&message(number, &format!("message {number}"))));
    text
}

fn name(id: &str) -> String {
    format!("rollout-2026-02-04T21-29-45-{id}.jsonl")
}

/// Asks to stop after so many batches or files.
struct StopAfter(AtomicU64);

impl Progress for StopAfter {
    fn planned(&self, _files: u64, _bytes: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn file_done(&self) {}
    fn stop(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

/// The folder of real rollout files, if it is there; says so if not.
fn corpus() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = || here.parent().unwrap().parent().unwrap().join("shared/corpus");
    let folder = std::env::var_os("THREADLOG_CORPUS").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no real rollout files at {}; set THREADLOG_CORPUS", folder.display());
    None
}
