//! Behaviour of a journal on the simulated disk.

mod append;
mod dead;
mod faults;
mod journals;
mod reading;
mod recovery;
mod sealing;
mod segments;
mod settling;
mod timers;
mod trust;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fs::Fs;
use crate::fs::sim::{Choice, SimFs};
use crate::{Background, Batch, Clock, Config, Engine, NewRecord, ReadLog, Reader, Result, StreamId, Ticket};

pub(super) const ROOT: &str = "/store";

/// A clock that stands still until it is moved.
#[derive(Default)]
pub(super) struct HandClock(AtomicU64);

impl HandClock {
    pub fn forward(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        1_000_000 + self.0.load(Ordering::Relaxed)
    }
}

/// Small segments, no threads, a clock moved by hand.
pub(super) fn config(clock: &Arc<HandClock>) -> Config {
    Config {
        segment_bytes_min: 32 << 10,
        segment_bytes_max: 32 << 10,
        journals_max: 1,
        background: Background::Manual,
        clock: clock.clone(),
        ..Config::default()
    }
}

pub(super) fn open(fs: &SimFs) -> Result<Engine> {
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&Arc::default()))
}

pub(super) fn reader(fs: &SimFs) -> Reader {
    Reader::open(Arc::new(fs.clone()), Path::new(ROOT)).unwrap()
}

pub(super) fn stream(number: u8) -> StreamId {
    StreamId { thread: [number; 16], incarnation: 7, channel: 0 }
}

/// A payload that tells stream and ordinal, of `bytes` bytes, without a zero byte.
pub(super) fn payload(number: u8, ordinal: u64, bytes: usize) -> Vec<u8> {
    let text = format!("stream {number} record {ordinal} ");
    text.bytes().cycle().take(bytes).collect()
}

pub(super) fn record(number: u8, ordinal: u64, payload: &[u8]) -> NewRecord<'_> {
    NewRecord { stream: stream(number), ordinal: Some(ordinal), lease_epoch: 1, clock: ordinal, codec: 3, payload }
}

/// Appends one record of 1 000 bytes.
pub(super) fn append(engine: &Engine, number: u8, ordinal: u64) -> Result<Ticket> {
    let payload = payload(number, ordinal, 1000);
    let mut batch = Batch::new();
    batch.push(record(number, ordinal, &payload))?;
    engine.append(batch)
}

pub(super) fn append_synced(engine: &Engine, number: u8, ordinal: u64) -> Result<()> {
    engine.sync(append(engine, number, ordinal)?)
}

/// How many records of a stream can be read, each checked to be what was appended.
pub(super) fn count(log: &dyn ReadLog, number: u8) -> u64 {
    let mut next = 0;
    for record in log.read(&stream(number), 0..u64::MAX) {
        let record = record.unwrap();
        assert_eq!(record.ordinal, next);
        assert_eq!(record.codec, 3);
        assert_eq!(record.payload, payload(number, next, record.payload.len()));
        next += 1;
    }
    next
}

pub(super) fn segment_files(fs: &SimFs) -> Vec<(PathBuf, u64)> {
    let directory = Path::new(ROOT).join("journals/000");
    let mut files: Vec<_> = fs
        .read_dir(&directory)
        .unwrap()
        .into_iter()
        .filter(|entry| entry.name.ends_with(".hot"))
        .map(|entry| (directory.join(entry.name), entry.bytes))
        .collect();
    files.sort();
    files
}
