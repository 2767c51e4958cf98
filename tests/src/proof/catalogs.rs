//! Checkpoints of the catalog: whatever one says, is stale or is harmed, the answers are those without one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use threadlog::list::{ListParams, SortKey};
use threadlog::local::LocalThreadStore;
use threadlog::maintain::CompactionConfig;
use threadlog::thread_store::ThreadStore;
use threadlog::{ImportOptions, Silent, Store};
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::fs::{Fs, OpenMode, read_file, write_all_at};
use threadlog_engine::{Background, Config};

use super::invariants::{Checked, I5, I9, Violation};

const ROOT: &str = "/store";

struct Bench {
    files: TempDir,
    fs: SimFs,
}

fn refused(what: &str, error: impl std::fmt::Display) -> Violation {
    Violation::new(I9, format!("{what}: {error}"))
}

impl Bench {
    fn store(&self) -> Checked<Store> {
        let config = Config { background: Background::Manual, prepare_spares: false, ..Config::default() };
        let opened = Store::open_on(Arc::new(self.fs.clone()), Path::new(ROOT), config);
        opened.map_err(|error| refused("the store does not open", error))
    }

    /// Imports a thread of so many messages, or what it gained.
    fn import(&self, store: &Store, number: u8, messages: u8) -> Checked {
        let id = format!("0193b7a0-0000-7000-8000-0000000000{number:02}");
        let path = self.files.path().join(format!("rollout-2025-11-03T10-00-00-{id}.jsonl"));
        let mut text = format!(
            "{{\"timestamp\":\"2025-11-03T10:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\"}}}}\n"
        );
        for message in 0..messages {
            text += &format!(
                "{{\"timestamp\":\"2025-11-03T10:{number:02}:{message:02}.000Z\",\"type\":\"event_msg\",\"payload\":\
                 {{\"type\":\"user_message\",\"message\":\"words {message} of {number}\"}}}}\n"
            );
        }
        std::fs::write(&path, text).expect("room for files");
        let options = ImportOptions { jobs: 1, ..ImportOptions::default() };
        store.import(&[path], &options, &Silent).map(drop).map_err(|error| refused("an import", error))
    }

    fn seal(&self, store: &Store) -> Checked {
        store.seal(&CompactionConfig::default(), &Silent).map(drop).map_err(|error| refused("sealing", error))
    }

    /// The newest checkpoint.
    fn newest(&self) -> Checked<(PathBuf, Vec<u8>)> {
        let folder = Path::new(ROOT).join("catalog");
        let mut names: Vec<String> = self.fs.read_dir(&folder).into_iter().flatten().map(|entry| entry.name).collect();
        names.sort_unstable();
        let path = folder.join(names.pop().ok_or_else(|| Violation::new(I5, "sealing left no checkpoint".to_owned()))?);
        let bytes = read_file(&self.fs, &path).map_err(|error| refused("a checkpoint is not readable", error))?;
        Ok((path, bytes))
    }

    /// The answers with these bytes in the place of the newest checkpoint.
    fn with(&self, path: &Path, bytes: &[u8]) -> Checked<Vec<String>> {
        let disk = self.fs.snapshot();
        let write = || {
            disk.remove_file(path)?;
            write_all_at(&*disk.open(path, OpenMode::CreateNew)?, bytes, 0)
        };
        write().map_err(|error| refused("a file cannot be replaced", error))?;
        answers(&disk)
    }
}

/// What lists say of all threads.
fn answers(disk: &SimFs) -> Checked<Vec<String>> {
    let store = Store::open_read_on(Arc::new(disk.clone()), Path::new(ROOT));
    let store = store.map_err(|error| refused("the store is not readable", error))?;
    let threads = LocalThreadStore::reading(&store).map_err(|error| refused("the store is not readable", error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut said = Vec::new();
    for search in [None, Some("words".to_owned())] {
        let mut params = ListParams::default();
        (params.sort_key, params.include_without_preview, params.search) = (SortKey::Updated, true, search);
        let page = runtime.block_on(threads.list_threads(params)).map_err(|error| refused("a list", error))?;
        said.push(format!("{} {:?}", page.total, page.hidden));
        said.extend(page.threads.iter().map(|thread| format!("{} {:?}", thread.key, thread.metadata)));
    }
    Ok(said)
}

/// Stale, harmed and current checkpoints beside what came since.
///
/// # Errors
/// The first answer that is another with a checkpoint than without.
pub fn catalogs() -> Checked {
    let bench = Bench { files: tempfile::tempdir().expect("room for files"), fs: SimFs::new(1) };
    let store = bench.store()?;
    for number in 1..6 {
        bench.import(&store, number, 2)?;
    }
    bench.seal(&store)?;
    let (_, first) = bench.newest()?;
    // Hot records behind it, of a thread that it has and of one that it has not.
    bench.import(&store, 2, 4)?;
    bench.import(&store, 6, 1)?;
    let mut cases = vec![("hot records behind it", first.clone())];
    let wanted = |bench: &Bench| {
        let disk = bench.fs.snapshot();
        let folder = Path::new(ROOT).join("catalog");
        for entry in disk.read_dir(&folder).into_iter().flatten() {
            disk.remove_file(&folder.join(&entry.name)).map_err(|error| refused("a file cannot be removed", error))?;
        }
        answers(&disk)
    };
    let (path, _) = bench.newest()?;
    compare(&bench, &path, &cases, &wanted(&bench)?)?;
    // The same, sealed: the old one does not cover those segments.
    bench.seal(&store)?;
    let (path, newest) = bench.newest()?;
    cases = vec![("one from before", first), ("the newest", newest.clone())];
    for at in (0..newest.len()).step_by(newest.len() / 48) {
        let mut harmed = newest.clone();
        harmed[at] ^= 0x20;
        cases.push(("one that is harmed", harmed));
    }
    let text = newest.windows(5).rposition(|part| part == b"words").unwrap_or(0);
    let mut harmed = newest;
    harmed[text] ^= 0x01;
    cases.push(("one that is harmed in a text", harmed));
    compare(&bench, &path, &cases, &wanted(&bench)?)?;
    store.close().map_err(|error| refused("closing", error))
}

fn compare(bench: &Bench, path: &Path, cases: &[(&str, Vec<u8>)], wanted: &[String]) -> Checked {
    for (what, bytes) in cases {
        let said = bench.with(path, bytes)?;
        if let Some((said, wanted)) = said.iter().zip(wanted).find(|(said, wanted)| said != wanted) {
            return Err(Violation::new(I5, format!("beside {what}: {said}, and without: {wanted}")));
        }
        if said.len() != wanted.len() {
            return Err(Violation::new(I5, format!("beside {what}: {} answers", said.len())));
        }
    }
    Ok(())
}
