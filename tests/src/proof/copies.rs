//! Backups and bundles: a backup is the old one or the new one at every moment, a bundle is taken in whole or refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use threadlog::bundle::verify;
use threadlog::maintain::CompactionConfig;
use threadlog::{ImportOptions, Silent, Store};
use threadlog_engine::fs::sim::{Choice, SimFs};
use threadlog_engine::{Background, Config, ReadLog, Reader, StreamId};

use super::invariants::{Checked, I1, I8, I9, Violation};

const ROOT: &str = "/store";
const BACKUP: &str = "/backup";

/// Every record of a store, by its place.
type Records = BTreeMap<(StreamId, u64), Vec<u8>>;

fn quiet() -> Config {
    Config { background: Background::Manual, prepare_spares: false, ..Config::default() }
}

fn refused(what: &str, error: impl std::fmt::Display) -> Violation {
    Violation::new(I9, format!("{what}: {error}"))
}

/// All that can be read; `None` if there is no store.
fn records(fs: &SimFs, root: &str) -> Checked<Option<Records>> {
    let reader = match Reader::open(Arc::new(fs.clone()), Path::new(root)) {
        Ok(reader) => reader,
        Err(threadlog_engine::Error::NoStore { .. }) => return Ok(None),
        Err(error) => return Err(refused("a store is not readable", error)),
    };
    let mut records = Records::new();
    for info in reader.streams() {
        for record in reader.read(&info.stream, 0..u64::MAX) {
            let record = record.map_err(|error| refused("a record is not readable", error))?;
            records.insert((record.stream, record.ordinal), record.payload.to_vec());
        }
    }
    Ok(Some(records))
}

/// Rollout files that grow, and the store that they are imported into.
struct Bench {
    files: TempDir,
    fs: SimFs,
}

impl Bench {
    fn new() -> Bench {
        Bench { files: tempfile::tempdir().expect("room for files"), fs: SimFs::new(1) }
    }

    fn store(&self) -> Checked<Store> {
        let opened = Store::open_on(Arc::new(self.fs.clone()), Path::new(ROOT), quiet());
        opened.map_err(|error| refused("the store does not open", error))
    }

    /// Imports a file of so many lines.
    fn import(&self, store: &Store, file: u8, lines: u8) -> Checked {
        let id = format!("0193b7a0-0000-7000-8000-0000000000{file:02}");
        let path = self.files.path().join(format!("rollout-2025-11-03T10-00-00-{id}.jsonl"));
        let mut text = format!(
            "{{\"timestamp\":\"2025-11-03T10:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\"}}}}\n"
        );
        for line in 0..lines {
            let message = format!("line {line} of {file} ").repeat(20);
            text += &format!(
                "{{\"timestamp\":\"2025-11-03T10:00:{line:02}.000Z\",\"type\":\"event_msg\",\"payload\":{{\"type\":\
                 \"user_message\",\"message\":\"{message}\"}}}}\n"
            );
        }
        std::fs::write(&path, text).expect("room for files");
        let imported = store.import(&[path], &ImportOptions { jobs: 1, ..ImportOptions::default() }, &Silent);
        imported.map(drop).map_err(|error| refused("an import", error))
    }

    fn back_up(fs: &SimFs) -> threadlog::Result<()> {
        let (root, to) = (Path::new(ROOT), Path::new(BACKUP));
        Store::backup_on(Arc::new(fs.clone()), root, to, &quiet(), &Silent).map(drop)
    }
}

/// A store is backed up, goes on, is merged and backed up again, and that is cut off at every call: with records that are
/// in no sealed segment, and without. Gives the number of states examined.
///
/// # Errors
/// The invariant found broken.
pub fn backups() -> Checked<u64> {
    Ok(second_backup(true)? + second_backup(false)?)
}

fn second_backup(hot: bool) -> Checked<u64> {
    let bench = Bench::new();
    let maintained = |done: threadlog::Result<()>| done.map_err(|error| refused("sealing", error));
    let store = bench.store()?;
    bench.import(&store, 1, 6)?;
    maintained(store.seal(&CompactionConfig::default(), &Silent).map(drop))?;
    bench.import(&store, 2, 4)?;
    Bench::back_up(&bench.fs).map_err(|error| refused("a backup", error))?;
    let old = records(&bench.fs, BACKUP)?.unwrap_or_default();
    bench.import(&store, 1, 12)?;
    bench.import(&store, 3, 5)?;
    maintained(store.compact(true, &CompactionConfig::default(), &Silent).map(drop))?;
    if hot {
        bench.import(&store, 3, 9)?;
    }
    store.close().map_err(|error| refused("closing", error))?;
    let new = records(&bench.fs, ROOT)?.unwrap_or_default();
    if old.is_empty() || old.iter().any(|(place, bytes)| new.get(place) != Some(bytes)) {
        return Err(Violation::new(I8, "the backup has not what the store had"));
    }

    let trial = bench.fs.snapshot();
    let start = trial.calls();
    Bench::back_up(&trial).map_err(|error| refused("a backup", error))?;
    let mut states = 0;
    for after in 0..=trial.calls() - start {
        let disk = bench.fs.snapshot();
        disk.freeze_after(disk.calls() + after);
        let done = Bench::back_up(&disk).is_ok();
        for choice in disk.crash_points().choices(8, after).chain([Choice::LoseAll]) {
            let found = records(&disk.crash(&choice), BACKUP)
                .map_err(|broken| broken.after(format!("power cut after {after} calls of a backup, {choice:?}")))?;
            states += 1;
            if found.as_ref() != Some(&new) && (done || found.as_ref() != Some(&old)) {
                let what =
                    format!("after {after} calls (done: {done}), {choice:?}: neither the old nor the new backup");
                return Err(Violation::new(I1, what));
            }
        }
    }
    Ok(states)
}

/// Threads are packed; the file is harmed in every byte, and as it is taken into another store, which then loses power.
///
/// # Errors
/// The invariant found broken.
pub fn bundles() -> Checked {
    let bench = Bench::new();
    let store = bench.store()?;
    bench.import(&store, 1, 6)?;
    bench.import(&store, 2, 3)?;
    let file: PathBuf = bench.files.path().join("threads.bundle");
    let keys: Vec<_> = store.threads().iter().map(|thread| thread.current.key).collect();
    store.pack(&keys, &file, &Silent).map_err(|error| refused("packing", error))?;
    let sound = std::fs::read(&file).expect("the file just made");
    let harmed = bench.files.path().join("harmed.bundle");
    // Zeros of the trailer that no hash covers say nothing.
    let unused = sound.len() - 16..sound.len() - 8;
    for at in (0..sound.len()).filter(|at| !unused.contains(at)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        std::fs::write(&harmed, &bytes).expect("room for files");
        if verify(&harmed, &Silent).is_ok() {
            return Err(Violation::new(I9, format!("byte {at} of a bundle is another, and nobody minds")));
        }
    }
    let there = SimFs::new(2);
    let target = Store::open_on(Arc::new(there.clone()), Path::new(ROOT), quiet());
    let target = target.map_err(|error| refused("an empty store does not open", error))?;
    target.unpack(&file, &Silent).map_err(|error| refused("unpacking", error))?;
    let items =
        |records: Records| -> Records { records.into_iter().filter(|((stream, _), _)| stream.channel == 0).collect() };
    let expected = items(records(&bench.fs, ROOT)?.unwrap_or_default());
    let found = items(records(&there.crash(&Choice::LoseAll), ROOT)?.unwrap_or_default());
    if found != expected {
        let what = format!("{} of {} items of a bundle are there after a power cut", found.len(), expected.len());
        return Err(Violation::new(I1, what));
    }
    Ok(())
}
