//! What the tests on real disks have in common: a store that is written to, and what must be found in it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use threadlog::Store;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, LoadHistoryParams, Result, ResumeThreadParams, ThreadStore, ThreadStoreError,
};
use threadlog_engine::fs::{DirEntry, File, Fs, Lock, OpenMode, RangeLocks, SharedPage, Trust};
use threadlog_engine::{Config, OsFs, verify};

use crate::proof::threads::call::{id, item, line};
use crate::proof::threads::expected::Line;

/// What was submitted and what was acknowledged, thread by thread: so many messages each.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    /// Messages handed to the store.
    pub submitted: BTreeMap<u8, u64>,
    /// Messages that the store said are durable.
    pub acknowledged: BTreeMap<u8, u64>,
}

/// A thread whose items are not looked into.
pub const ASIDE: u8 = 100;

/// Small segments, so that there are many.
pub fn config() -> LocalConfig {
    LocalConfig::from(Config { segment_bytes_min: 16 << 10, segment_bytes_max: 256 << 10, ..Config::default() })
}

/// A message of a thread, from 0: its length follows from its number.
pub fn message(number: u64) -> Line {
    let bytes = if number.is_multiple_of(97) { 60_000 } else { (number * 7919 % 3000) as u16 };
    Line::Text { number, bytes }
}

/// Appends so many messages of a thread, from this one on.
///
/// # Errors
/// The store's.
pub async fn append(store: &LocalThreadStore, thread: u8, first: u64, count: u64) -> Result<()> {
    let items = (first..first + count).filter_map(|number| item(message(number))).collect();
    store.append_items(AppendItemsParams::new(id(thread), items)).await
}

/// Makes a thread live, and says how many messages it has.
///
/// # Errors
/// The store's.
pub async fn live(store: &LocalThreadStore, thread: u8) -> Result<u64> {
    match store.resume_thread(ResumeThreadParams::new(id(thread)).with_archived()).await {
        Ok(()) => {
            let history = store.load_history(LoadHistoryParams::new(id(thread)).with_archived()).await?;
            Ok(history.items.len() as u64 - 1)
        }
        Err(ThreadStoreError::ThreadNotFound { .. }) => {
            store.create_thread(CreateThreadParams::new(id(thread))).await.map(|()| 0)
        }
        Err(error) => Err(error),
    }
}

/// Reads a store from outside and compares it: all that was acknowledged is there, in order and byte for byte, nothing that was
/// not submitted, no damage. Gives how many messages each thread has.
///
/// # Errors
/// What is wrong.
pub fn examine(root: &Path, witness: &Witness) -> Result<BTreeMap<u8, u64>, String> {
    examine_on(Arc::new(OsFs), root, witness)
}

/// As [`examine`], on a file system of the caller's.
///
/// # Errors
/// What is wrong.
pub fn examine_on(fs: Arc<dyn Fs>, root: &Path, witness: &Witness) -> Result<BTreeMap<u8, u64>, String> {
    let mut found = BTreeMap::new();
    let store = match Store::open_read_on(Arc::clone(&fs), root) {
        Ok(store) => store,
        Err(_) if witness.acknowledged.is_empty() => return Ok(found),
        Err(error) => return Err(format!("does not open: {error}")),
    };
    for summary in store.threads() {
        let Some(thread) = (0..=u8::MAX).find(|thread| id(*thread) == summary.thread) else {
            return Err(format!("there is a thread {} that nobody made", summary.thread));
        };
        if thread == ASIDE {
            continue;
        }
        let mut next = 0;
        for (at, stored) in store.items(summary.current.key).enumerate() {
            let stored = stored.map_err(|error| format!("item {at} of thread {thread}: {error}"))?;
            let expected = if at == 0 { Line::Header } else { message(at as u64 - 1) };
            if line(&stored.item) != Some(expected) {
                return Err(format!("item {at} of thread {thread} is {:?}", line(&stored.item)));
            }
            next = at as u64;
        }
        found.insert(thread, next);
    }
    for (thread, acknowledged) in &witness.acknowledged {
        if found.get(thread).is_none_or(|found| found < acknowledged) {
            return Err(format!("{acknowledged} messages of thread {thread} were acknowledged; found {found:?}"));
        }
    }
    for (thread, found) in &found {
        if witness.submitted.get(thread).is_none_or(|submitted| submitted < found) {
            return Err(format!("thread {thread} has {found} messages, submitted were {:?}", witness.submitted));
        }
    }
    match verify(fs, root, &mut |_| ()) {
        Ok(report) if report.is_sound() => Ok(found),
        other => Err(format!("verify: {other:?}")),
    }
}

/// The operating system's files after another start of the machine: what a mark said before it counts for nothing.
#[derive(Clone, Copy, Debug)]
pub struct OtherBoot;

impl Fs for OtherBoot {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        OsFs.open(path, mode)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsFs.create_dir(path)
    }
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        OsFs.read_dir(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFs.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsFs.remove_file(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsFs.sync_dir(path)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        OsFs.try_lock(path)
    }
    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        OsFs.range_locks(path)
    }
    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        OsFs.range_locks_read(path)
    }
    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>> {
        OsFs.shared_page(path, bytes)
    }
    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>> {
        OsFs.shared_page_read(path)
    }
    fn boot_id(&self) -> io::Result<[u8; 16]> {
        Ok([0xB7; 16])
    }
    fn trust(&self, path: &Path) -> io::Result<Trust> {
        OsFs.trust(path)
    }
    fn block_bytes(&self, path: &Path) -> io::Result<u32> {
        OsFs.block_bytes(path)
    }
    fn random(&self) -> io::Result<u64> {
        OsFs.random()
    }
}
