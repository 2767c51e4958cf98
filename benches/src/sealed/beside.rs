//! Appends while the worker seals and merges, and while it has nothing to do.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadlog_compaction::{Background, Config as CompactionConfig, Fate, Rules};
use threadlog_engine::sealed::FindValues;
use threadlog_engine::{Config, OsFs, StreamId};

use crate::latency::Latency;
use crate::place::Place;
use crate::threadlog::Ours;
use crate::{Result, machine};

/// What lies in hot segments before each turn, for the worker to seal, in bytes.
const BACKLOG_BYTES: usize = 96 << 20;
/// Length of the records of that, in bytes.
const BACKLOG_RECORD: usize = 16 << 10;
/// Appends of a turn without the worker.
const APPENDS: usize = 1500;
/// A worker that is not ready by then is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// All is kept, nothing is long.
struct KeepAll(Box<FindValues>);

impl Rules for KeepAll {
    fn fate(&self, _: &StreamId) -> Fate {
        Fate::Keep
    }

    fn find(&self) -> &FindValues {
        &*self.0
    }
}

/// Text that compresses about as records do, other bytes for each number.
fn text(number: usize, bytes: usize) -> Vec<u8> {
    let mut state = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(bytes + 64);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = ["\"the tool said ", "line ", "{\"role\":\"user\",", "output of the command "][(state % 4) as usize];
        out.extend_from_slice(word.as_bytes());
        if state.is_multiple_of(3) {
            out.extend_from_slice(format!("{:x} ", state >> 40).as_bytes());
        }
    }
    out.truncate(bytes);
    out
}

fn worker(ours: &Ours, root: &Path) -> Result<Background> {
    let config = CompactionConfig { hot_bytes: 1 << 20, pause_ms: 1, jobs: 1, ..CompactionConfig::default() };
    let rules: Arc<dyn Rules> = Arc::new(KeepAll(Box::new(|_, _, _| ())));
    let clock = Arc::clone(&Config::default().clock);
    let rules = Box::new(move || Arc::clone(&rules));
    Ok(Background::start(ours.engine.clone(), Arc::new(OsFs), root, "bench", clock, config, rules)?)
}

/// Fills hot segments, which are durable then.
fn fill(ours: &Ours, from: usize) -> Result<usize> {
    let records = BACKLOG_BYTES / BACKLOG_RECORD;
    let mut last = None;
    for number in from..from + records {
        last = Some(ours.enqueue_bytes(1, &text(number, BACKLOG_RECORD))?);
    }
    if let Some(ticket) = last {
        ours.engine.sync(ticket)?;
    }
    Ok(from + records)
}

fn append(ours: &Ours, times: &mut Latency) -> Result<()> {
    let start = Instant::now();
    ours.append_durable(0)?;
    times.record(start.elapsed());
    Ok(())
}

/// One writer of durable records of 1 KiB: with the worker idle and busy, in turns.
///
/// # Errors
/// Those of the engine.
pub fn run(place: &Place, rounds: usize) -> Result<()> {
    let root = place.path("beside");
    let ours = Ours::new(&root, &text(0, 1024), (rounds * APPENDS * 4) as u64)?;
    let [mut idle, mut busy] = [(); 2].map(|()| Latency::new());
    let (mut next, mut sealed, mut seconds) = (1, 0_u64, 0.0);
    for round in 0..=rounds {
        next = fill(&ours, next)?;
        // The first turn of each is not counted.
        let (mut before, mut beside) = (Latency::new(), Latency::new());
        for _ in 0..APPENDS {
            append(&ours, &mut before)?;
        }
        let worker = worker(&ours, &root)?;
        let start = Instant::now();
        while worker.done().written.payload_bytes < BACKLOG_BYTES as u64 / 2 && start.elapsed() < PATIENCE {
            append(&ours, &mut beside)?;
        }
        let done = worker.done();
        drop(worker);
        if done.written.segments == 0 {
            return Err(format!("the worker did nothing: {:?}", done.error).into());
        }
        if round > 0 {
            sealed += done.written.payload_bytes;
            seconds += start.elapsed().as_secs_f64();
            idle.add(&before);
            busy.add(&beside);
        }
    }
    let us = |times: &Latency, share| times.quantile_us(share);
    println!("### Durable appends of 1 KiB beside the worker, {rounds} rounds in turns\n\n{}\n", machine::describe());
    println!("| | n | p50 µs | p99 µs | p99.9 µs |\n|---|---|---|---|---|");
    for (name, times) in [("worker idle", &idle), ("worker busy", &busy)] {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| us(times, share));
        println!("| {name} | {} | {p50:.1} | {p99:.1} | {p999:.1} |", times.count());
    }
    let ratio = |share| us(&busy, share) / us(&idle, share);
    println!(
        "\nBusy takes {:.2} (p50) and {:.2} (p99) times what idle takes; the worker sealed {:.0} MB/s meanwhile.\n",
        ratio(0.5),
        ratio(0.99),
        sealed as f64 / seconds / 1e6
    );
    ours.engine.close()?;
    Ok(())
}
