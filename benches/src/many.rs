//! What live threads cost that do nothing: memory and file descriptors, in a process of their own.

use std::process::Command;

use serde::{Deserialize, Serialize};
use threadlog::ThreadId;
use threadlog::item::{Kind, RolloutItem, Timestamp};
use threadlog::live::NewItem;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{AppendItemsParams, CreateThreadParams, ThreadStore};

use crate::place::Place;
use crate::report::{Row, Table};
use crate::{Failure, Result};

/// Threads that come first and pay for what all share.
const WARM_UP: usize = 100;
/// Threads that flush at the same time.
const TOGETHER: usize = 500;

/// What a process holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Resident memory, in bytes.
    pub memory: u64,
    /// The most that it ever was.
    pub memory_most: u64,
    /// Open file descriptors.
    pub files: u64,
}

/// What the process held: with the warm-up's threads, with all of them created, and with an item of each stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Threads beside the warm-up's.
    pub threads: u64,
    /// Before them.
    pub before: Held,
    /// Created, nothing of them stored.
    pub created: Held,
    /// One item of each is flushed; all are idle.
    pub flushed: Held,
}

/// Has this program run once more, with nothing but live threads in it.
///
/// # Errors
/// If it cannot be run, or those of the store.
pub fn table(threads: u64) -> Result<Table> {
    let output = Command::new(std::env::current_exe()?).args(["live", &threads.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let cost: Cost = serde_json::from_slice(&output.stdout)?;
    let row = |name: &str, held: Held| {
        let each = held.memory.saturating_sub(cost.before.memory) / threads.max(1);
        let (now, most) = (held.memory >> 20, held.memory_most >> 20);
        let (files, before) = (held.files, cost.before.files);
        let note = format!(
            "{each} bytes resident each ({now} MiB in all, {most} at most); {files} file descriptors in all, {before} before"
        );
        Row { name: name.to_owned(), count: threads, note, ..Row::default() }
    };
    let rows = vec![row("created, nothing stored", cost.created), row("an item stored each, idle", cost.flushed)];
    Ok(Table::new(format!("{threads} live threads in one process"), rows))
}

/// Makes so many threads live in this process, and looks at what it holds.
///
/// # Errors
/// Those of the store; on systems without `/proc`.
pub fn measure(threads: u64) -> Result<Cost> {
    let place = Place::new(1 << 30)?;
    let count = usize::try_from(threads)?;
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let store = LocalThreadStore::open(&place.path("store"), LocalConfig::default()).await?;
        let first = create(&store, WARM_UP).await?;
        store_one_item_each(&store, &first).await?;
        let before = held()?;
        let ids = create(&store, count).await?;
        let created = held()?;
        store_one_item_each(&store, &ids).await?;
        let flushed = held()?;
        if store.live_threads() != count + WARM_UP {
            return Err(format!("{} threads are live", store.live_threads()).into());
        }
        store.close().await?;
        Ok(Cost { threads, before, created, flushed })
    })
}

async fn create(store: &LocalThreadStore, count: usize) -> Result<Vec<ThreadId>> {
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let id = ThreadId::generate();
        store.create_thread(CreateThreadParams::new(id)).await?;
        ids.push(id);
    }
    Ok(ids)
}

async fn store_one_item_each(store: &LocalThreadStore, ids: &[ThreadId]) -> Result<()> {
    let message = NewItem::from_json(Kind::EventMsg, r#"{"type":"user_message","message":"Why does it fail?"}"#)?;
    let item: RolloutItem = message.stamped(Timestamp::default());
    for ids in ids.chunks(TOGETHER) {
        let flushes: Vec<_> = ids
            .iter()
            .map(|id| {
                let (store, id, item) = (store.clone(), *id, item.clone());
                tokio::spawn(async move {
                    store.append_items(AppendItemsParams::new(id, vec![item])).await?;
                    store.flush_thread(id.into()).await?;
                    Ok::<(), Failure>(())
                })
            })
            .collect();
        for flush in flushes {
            flush.await??;
        }
    }
    Ok(())
}

pub(crate) fn held() -> Result<Held> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(|| format!("/proc/self/status has no {name}"))
    };
    // One of them is the look itself.
    let files = std::fs::read_dir("/proc/self/fd")?.count().saturating_sub(1);
    Ok(Held { memory: bytes("VmRSS:")?, memory_most: bytes("VmHWM:")?, files: files as u64 })
}
