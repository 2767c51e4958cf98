//! The files of the catalog: which there are, which is used, and how a new one takes its place.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::Error as EngineError;
use threadlog_engine::fs::{Fs, OpenMode, create_dir_durable, write_all_at};

use crate::log::Log;
use crate::thread::ThreadId;

use super::checkpoint::{Checkpoint, Damaged};
use super::cover::{From, changed};

/// How many checkpoints are kept: when the newest is damaged the one before is used.
const KEPT: usize = 2;

/// A checkpoint of the catalog, as it was found. None of them is needed: see [`crate::Store::rebuild`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogFile {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is worth.
    pub state: CatalogState,
}

/// What a checkpoint is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogState {
    /// It can be used.
    Usable {
        /// Threads in it.
        threads: u64,
        /// Threads that something was added to since.
        behind: u64,
    },
    /// It is not used, and why not. Answers are the same without it; they are folded from the log.
    Unused(String),
}

/// The directory.
pub(crate) fn directory(root: &Path) -> PathBuf {
    root.join("catalog")
}

fn number_of(name: &str) -> Option<u64> {
    let number: u64 = name.strip_prefix("catalog-")?.parse().ok()?;
    (name == format!("catalog-{number}")).then_some(number)
}

/// The checkpoints' numbers and lengths, the newest first.
fn files(fs: &dyn Fs, root: &Path) -> io::Result<Vec<(u64, u64)>> {
    let entries = match fs.read_dir(&directory(root)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files: Vec<(u64, u64)> =
        entries.iter().filter_map(|entry| Some((number_of(&entry.name)?, entry.bytes))).collect();
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files)
}

/// The length of the newest checkpoint; 0 if there is none.
pub(crate) fn newest_bytes(fs: &dyn Fs, root: &Path) -> u64 {
    files(fs, root).ok().and_then(|files| files.first().map(|(_, bytes)| *bytes)).unwrap_or(0)
}

fn open(fs: &dyn Fs, root: &Path, number: u64, store: &[u8; 16]) -> Result<Checkpoint, Damaged> {
    let path = directory(root).join(format!("catalog-{number}"));
    let unread = |error: io::Error| Damaged::Unread(error.to_string());
    let file = fs.open(&path, OpenMode::Read).map_err(unread)?;
    let bytes = file.len().map_err(unread)?;
    Checkpoint::open_file(number, file, bytes, store)
}

/// A checkpoint that can be used beside a log, and the threads that changed since.
pub(crate) type Usable = (Arc<Checkpoint>, BTreeMap<ThreadId, From>);

/// The newest checkpoint that can be used beside a log. A fault of one is no error: the one before is tried.
pub(crate) fn newest(fs: &dyn Fs, root: &Path, store: &[u8; 16], log: &Log) -> Option<Usable> {
    let numbers = files(fs, root).ok()?;
    numbers.into_iter().find_map(|(number, _)| {
        let checkpoint = open(fs, root, number, store).ok()?;
        let changed = changed(&checkpoint, log).ok()?;
        Some((Arc::new(checkpoint), changed))
    })
}

/// The newest checkpoint that can be used of those before this one, which was found damaged: every page is verified.
pub(crate) fn older(
    fs: &dyn Fs,
    root: &Path,
    store: &[u8; 16],
    log: &Log,
    damaged: &Arc<Checkpoint>,
) -> Option<Usable> {
    let numbers = files(fs, root).ok()?;
    numbers.into_iter().filter(|(number, _)| *number < damaged.number()).find_map(|(number, _)| {
        let checkpoint = open(fs, root, number, store).ok()?;
        checkpoint.verify_pages().ok()?;
        let changed = changed(&checkpoint, log).ok()?;
        Some((Arc::new(checkpoint), changed))
    })
}

/// What each checkpoint is worth, the newest first; every page of each is verified.
pub(crate) fn states(fs: &dyn Fs, root: &Path, store: &[u8; 16], log: &Log) -> io::Result<Vec<CatalogFile>> {
    let state = |number| -> Result<CatalogState, Damaged> {
        let checkpoint = open(fs, root, number, store)?;
        checkpoint.verify_all()?;
        let behind = threadlog_engine::number::wide(changed(&checkpoint, log)?.len());
        Ok(CatalogState::Usable { threads: threadlog_engine::number::wide(checkpoint.len()), behind })
    };
    let found = files(fs, root)?.into_iter().map(|(number, bytes)| CatalogFile {
        path: directory(root).join(format!("catalog-{number}")),
        bytes,
        state: state(number).unwrap_or_else(|fault| CatalogState::Unused(fault.to_string())),
    });
    Ok(found.collect())
}

/// Puts a new checkpoint in place, and keeps one older one. Only for who holds MAINTENANCE.
///
/// *Durability:* written to `catalog.new`, synced, renamed, directory synced; a crash leaves what was there, or both.
pub(super) fn put(fs: &dyn Fs, root: &Path, bytes: &[u8]) -> Result<PathBuf, EngineError> {
    let directory = directory(root);
    create_dir_durable(fs, &directory).map_err(|error| EngineError::io("create", &directory, error))?;
    let known = files(fs, root).map_err(|error| EngineError::io("list", &directory, error))?;
    let number = known.first().map_or(1, |(number, _)| number.saturating_add(1));
    let (path, temporary) = (directory.join(format!("catalog-{number}")), directory.join("catalog.new"));
    let io = |op, error| EngineError::io(op, &temporary, error);
    remove(fs, &temporary)?;
    let write = || {
        let file = fs.open(&temporary, OpenMode::CreateNew).map_err(|error| io("create", error))?;
        write_all_at(&*file, bytes, 0).map_err(|error| io("write", error))?;
        file.sync_data().map_err(|error| io("sync", error))
    };
    write().inspect_err(|_| {
        // Others need the room.
        let _ = remove(fs, &temporary);
    })?;
    fs.rename(&temporary, &path).map_err(|error| io("rename", error))?;
    fs.sync_dir(&directory).map_err(|error| EngineError::io("sync directory", &directory, error))?;
    for (old, _) in known.into_iter().skip(KEPT.saturating_sub(1)) {
        remove(fs, &directory.join(format!("catalog-{old}")))?;
    }
    Ok(path)
}

/// Removes all checkpoints, and what a crash left of one. Only for who holds MAINTENANCE.
///
/// *Durability:* after `Ok` none comes back, whatever happens.
pub(crate) fn remove_all(fs: &dyn Fs, root: &Path) -> Result<(), EngineError> {
    remove_but(fs, root, None)
}

/// As [`remove_all`], but for one.
pub(super) fn remove_but(fs: &dyn Fs, root: &Path, but: Option<&Path>) -> Result<(), EngineError> {
    let directory = directory(root);
    let entries = match fs.read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| EngineError::io("list", &directory, error))?,
    };
    let ours = |name: &str| name == "catalog.new" || number_of(name).is_some();
    let paths = entries.iter().filter(|entry| ours(&entry.name)).map(|entry| directory.join(&entry.name));
    for path in paths.filter(|path| Some(path.as_path()) != but) {
        remove(fs, &path)?;
    }
    fs.sync_dir(&directory).map_err(|error| EngineError::io("sync directory", &directory, error))
}

fn remove(fs: &dyn Fs, path: &Path) -> Result<(), EngineError> {
    match fs.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::io("remove", path, error)),
        _ => Ok(()),
    }
}
