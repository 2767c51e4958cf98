//! A live thread of the store above the engine, as a contender.

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
        const FRAME: usize = r#"{"type":"agent_message","message":""}"#.len();
        let text = "x".repeat(bytes.saturating_sub(FRAME));
        let payload = format!(r#"{{"type":"agent_message","message":"{text}"}}"#);
        let item = NewItem::from_json(Kind::EventMsg, payload)?.stamped(Timestamp::default());
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
                let items = AppendItemsParams::new(id, vec![item.clone()]);
                let start = Instant::now();
                store.append_items(items).await?;
                store.flush_thread(FlushThreadParams::new(id)).await?;
                latency.record(start.elapsed());
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
        let reader = Reader::open(Arc::new(OsFs), &self.root)?;
        let items = reader.streams().into_iter().filter(|stream| stream.stream.channel == threadlog::event::ITEMS);
        Ok(items.map(|stream| stream.records).sum::<u64>().saturating_sub(1))
    }
}
