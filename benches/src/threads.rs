//! Live threads of the store above the engine, as contenders: one, and many.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use threadlog::ThreadId;
use threadlog::item::{Kind, RolloutItem, Timestamp};
use threadlog::live::NewItem;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{AppendItemsParams, CreateThreadParams, FlushThreadParams, ThreadStore};
use threadlog_engine::{Config, OsFs, ReadLog, Reader};
use tokio::runtime::Runtime;

use crate::crowd::Quota;
use crate::latency::Latency;
use crate::solo::Solo;
use crate::threadlog::note;
use crate::{Failure, Result};

/// A live thread that appends one item and flushes it, under a tokio runtime.
pub struct LiveItems {
    store: LocalThreadStore,
    id: ThreadId,
    item: RolloutItem,
    root: PathBuf,
    runtime: Runtime,
    flavour: &'static str,
}

impl LiveItems {
    /// A thread that is stored already; its items have a JSON payload of `bytes`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(
        root: &Path,
        config: Config,
        bytes: usize,
        runtime: Runtime,
        flavour: &'static str,
    ) -> Result<LiveItems> {
        let item = item(bytes)?;
        let id = ThreadId::generate();
        let store = runtime.block_on(async {
            let store = LocalThreadStore::open(root, LocalConfig::from(config)).await?;
            store.create_thread(CreateThreadParams::new(id)).await?;
            store.persist_thread(id.into()).await?;
            Ok::<_, Failure>(store)
        })?;
        Ok(LiveItems { store, id, item, root: root.to_owned(), runtime, flavour })
    }
}

impl Solo for LiveItems {
    fn name(&self) -> String {
        format!("threadlog, live thread, tokio {}", self.flavour)
    }

    fn append(&mut self) -> Result<()> {
        self.turn(1, &mut Latency::new())
    }

    /// On a task, as an agent's would be.
    fn turn(&mut self, appends: u64, latency: &mut Latency) -> Result<()> {
        let (store, id, item) = (self.store.clone(), self.id, self.item.clone());
        let task = async move {
            let mut latency = Latency::new();
            for _ in 0..appends {
                append_and_flush(&store, id, &item, &mut latency).await?;
            }
            Ok::<Latency, Failure>(latency)
        };
        latency.add(&self.runtime.block_on(async { tokio::spawn(task).await })??);
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        self.store.stats().map(|stats| stats.syncs)
    }

    fn note(&self) -> String {
        self.store.stats().map_or_else(String::new, |stats| note(&stats))
    }

    /// The items, without the first one, which says how the session began.
    fn count_again(self: Box<Self>) -> Result<u64> {
        self.runtime.block_on(self.store.close())?;
        Ok(items(&self.root)?.saturating_sub(1))
    }
}

/// Many live threads of one store, each with a task that appends an item and flushes it.
pub struct LiveCrowd {
    store: LocalThreadStore,
    ids: Vec<ThreadId>,
    item: RolloutItem,
    root: PathBuf,
    runtime: Runtime,
    /// The runtime's.
    pub flavour: &'static str,
    /// Syncs that it took to store the threads, which are not flushes.
    syncs_before: u64,
}

impl LiveCrowd {
    /// So many threads that are stored already; their items have a JSON payload of `bytes`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(
        root: &Path,
        threads: usize,
        bytes: usize,
        runtime: Runtime,
        flavour: &'static str,
    ) -> Result<LiveCrowd> {
        let ids: Vec<ThreadId> = (0..threads).map(|_| ThreadId::generate()).collect();
        let store = runtime.block_on(async {
            let store = LocalThreadStore::open(root, LocalConfig::default()).await?;
            for id in &ids {
                store.create_thread(CreateThreadParams::new(*id)).await?;
                store.persist_thread((*id).into()).await?;
            }
            Ok::<_, Failure>(store)
        })?;
        let syncs_before = store.stats().map_or(0, |stats| stats.syncs);
        Ok(LiveCrowd { store, ids, item: item(bytes)?, root: root.to_owned(), runtime, flavour, syncs_before })
    }

    /// Lets all threads append and flush until the quota is used up; the latency is of both together.
    ///
    /// # Errors
    /// The first of the tasks' errors.
    pub fn run(&self, quota: Quota) -> Result<Latency> {
        let quota = Arc::new(quota);
        self.runtime.block_on(async {
            let tasks = self.ids.iter().map(|id| {
                let (store, id, item, quota) = (self.store.clone(), *id, self.item.clone(), Arc::clone(&quota));
                tokio::spawn(async move {
                    let mut latency = Latency::new();
                    while quota.take() {
                        append_and_flush(&store, id, &item, &mut latency).await?;
                    }
                    Ok::<Latency, Failure>(latency)
                })
            });
            let tasks: Vec<_> = tasks.collect();
            let mut all = Latency::new();
            for task in tasks {
                all.add(&task.await??);
            }
            Ok(all)
        })
    }

    /// Syncs called for flushes so far.
    #[must_use]
    pub fn syncs(&self) -> Option<u64> {
        self.store.stats().map(|stats| stats.syncs.saturating_sub(self.syncs_before))
    }

    /// What a reader of the row should know.
    #[must_use]
    pub fn note(&self) -> String {
        self.store.stats().map_or_else(String::new, |stats| note(&stats))
    }

    /// Closes the store, opens it again and counts the items, without the first of each thread.
    ///
    /// # Errors
    /// Those of the store.
    pub fn count_again(self) -> Result<u64> {
        self.runtime.block_on(self.store.close())?;
        Ok(items(&self.root)?.saturating_sub(self.ids.len() as u64))
    }
}

async fn append_and_flush(
    store: &LocalThreadStore,
    id: ThreadId,
    item: &RolloutItem,
    latency: &mut Latency,
) -> Result<()> {
    let items = AppendItemsParams::new(id, vec![item.clone()]);
    let start = Instant::now();
    store.append_items(items).await?;
    store.flush_thread(FlushThreadParams::new(id)).await?;
    latency.record(start.elapsed());
    Ok(())
}

/// An item with a JSON payload of so many bytes.
fn item(bytes: usize) -> Result<RolloutItem> {
    const FRAME: usize = r#"{"type":"agent_message","message":""}"#.len();
    let text = "x".repeat(bytes.saturating_sub(FRAME));
    let payload = format!(r#"{{"type":"agent_message","message":"{text}"}}"#);
    Ok(NewItem::from_json(Kind::EventMsg, payload)?.stamped(Timestamp::default()))
}

/// Items in a store that is closed.
fn items(root: &Path) -> Result<u64> {
    let reader = Reader::open(Arc::new(OsFs), root)?;
    let items = reader.streams().into_iter().filter(|stream| stream.stream.channel == threadlog::event::ITEMS);
    Ok(items.map(|stream| stream.records).sum())
}
