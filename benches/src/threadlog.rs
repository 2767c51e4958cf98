//! Our engine as a contender.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use threadlog_engine::{Batch, Config, Engine, NewRecord, OsFs, ReadLog, Reader, Stats, StreamId, Ticket};
use tokio::runtime::Runtime;

use crate::latency::Latency;
use crate::solo::Solo;
use crate::{Failure, Result};

/// An engine with a payload to append.
#[derive(Clone)]
pub struct Ours {
    /// The engine.
    pub engine: Engine,
    root: PathBuf,
    payload: Vec<u8>,
}

/// Segments that a run should at least fill.
const SEGMENTS_MIN: u64 = 12;

/// Settings under which `appends` payloads alone in their groups fill twelve segments (64 MiB at most).
#[must_use]
pub fn config(payload_bytes: usize, appends: u64) -> Config {
    let group = (payload_bytes as u64 + 128).next_multiple_of(4096);
    let defaults = Config::default();
    let wanted = (appends * group / SEGMENTS_MIN).next_multiple_of(4096);
    let longest = wanted.clamp(defaults.segment_bytes_min, defaults.segment_bytes_max);
    Config { segment_bytes_max: longest, ..defaults }
}

impl Ours {
    /// A new store whose segments are so long that `appends` alone in their groups fill twelve (64 MiB at most).
    ///
    /// # Errors
    /// Those of the engine.
    pub fn new(root: &Path, payload: &[u8], appends: u64) -> Result<Ours> {
        let engine = Engine::open(Arc::new(OsFs), root, config(payload.len(), appends))?;
        Ok(Ours { engine, root: root.to_owned(), payload: payload.to_vec() })
    }

    /// Appends the payload to one writer's stream, without any sync.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn enqueue(&self, writer: usize) -> Result<Ticket> {
        Ok(self.engine.append(self.batch(writer)?)?)
    }

    /// Appends other bytes to one writer's stream, without any sync.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn enqueue_bytes(&self, writer: usize, payload: &[u8]) -> Result<Ticket> {
        Ok(self.engine.append(self.batch_of(writer, payload)?)?)
    }

    /// The payload as a batch for one writer's stream.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn batch(&self, writer: usize) -> Result<Batch> {
        self.batch_of(writer, &self.payload)
    }

    fn batch_of(&self, writer: usize, payload: &[u8]) -> Result<Batch> {
        let stream = StreamId { thread: [writer as u8; 16], incarnation: 1, channel: 0 };
        let mut batch = Batch::new();
        batch.push(NewRecord { stream, ordinal: None, lease_epoch: 1, clock: 0, codec: 0, payload })?;
        Ok(batch)
    }

    /// Appends and waits until it is durable, leading the sync if nobody does.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn append_durable(&self, writer: usize) -> Result<()> {
        Ok(self.engine.sync(self.enqueue(writer)?)?)
    }

    /// As [`Ours::append_durable`], blocking no executor.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn append_async(&self, writer: usize) -> Result<()> {
        let ticket = self.engine.append_async(self.batch(writer)?).await?;
        Ok(self.engine.durable(ticket).await?)
    }

    /// Closes the store, opens it for reading and counts the records.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn count_again(self) -> Result<u64> {
        self.engine.close()?;
        let reader = Reader::open(Arc::new(OsFs), &self.root)?;
        Ok(reader.streams().iter().map(|stream| stream.records).sum())
    }

    /// Closes the store, opens it for reading and counts the records of one writer's stream.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn count_of(self, writer: usize) -> Result<u64> {
        self.engine.close()?;
        let stream = StreamId { thread: [writer as u8; 16], incarnation: 1, channel: 0 };
        let reader = Reader::open(Arc::new(OsFs), &self.root)?;
        Ok(reader.head(&stream).map_or(0, |head| head.durable_ordinal))
    }

    /// Rollovers, and those that found no spare.
    #[must_use]
    pub fn note(&self) -> String {
        note(&self.engine.stats())
    }
}

/// Rollovers, those that found no spare, and fan-in.
#[must_use]
pub fn note(stats: &Stats) -> String {
    let (segments, growing, fan_in) = (stats.segments, stats.growing_segments, stats.fan_in());
    format!("{segments} segments, {growing} of them growing, fan-in {fan_in:.1}")
}

impl Solo for Ours {
    fn name(&self) -> String {
        "threadlog, append + sync".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.append_durable(0)
    }

    fn syncs(&self) -> Option<u64> {
        Some(self.engine.stats().syncs)
    }

    fn note(&self) -> String {
        Ours::note(self)
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        Ours::count_again(*self)
    }
}

/// The engine's async face under a tokio runtime.
pub struct OursAsync {
    ours: Ours,
    runtime: Runtime,
    flavour: &'static str,
}

impl OursAsync {
    /// Under the runtime of that flavour.
    #[must_use]
    pub fn new(ours: Ours, runtime: Runtime, flavour: &'static str) -> OursAsync {
        OursAsync { ours, runtime, flavour }
    }
}

impl Solo for OursAsync {
    fn name(&self) -> String {
        format!("threadlog, async, tokio {}", self.flavour)
    }

    fn append(&mut self) -> Result<()> {
        self.turn(1, &mut Latency::new())
    }

    /// On a task, as an agent's would be: the future of `block_on` itself stands outside the workers.
    fn turn(&mut self, appends: u64, latency: &mut Latency) -> Result<()> {
        let ours = self.ours.clone();
        let task = async move {
            let mut latency = Latency::new();
            for _ in 0..appends {
                let start = Instant::now();
                ours.append_async(0).await?;
                latency.record(start.elapsed());
            }
            Ok::<Latency, Failure>(latency)
        };
        latency.add(&self.runtime.block_on(async { tokio::spawn(task).await })??);
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        self.ours.syncs()
    }

    fn note(&self) -> String {
        self.ours.note()
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        self.ours.count_again()
    }
}
