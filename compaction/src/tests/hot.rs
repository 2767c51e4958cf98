//! A store with journals on a simulated disk.

use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{
    Background, Batch, Clock, Engine, NewRecord, ReadLog, Reader, Record, StreamId, SystemClock, Ticket,
};

use super::{Model, Plain, config, plain, root};
use crate::{Maintenance, Result, Rules, Unwatched, Written};

/// Small segments, no threads.
pub(crate) fn open(fs: &SimFs) -> threadlog_engine::Result<Engine> {
    let config = threadlog_engine::Config {
        segment_bytes_min: 32 << 10,
        segment_bytes_max: 32 << 10,
        journals_max: 4,
        background: Background::Manual,
        prepare_spares: false,
        ..threadlog_engine::Config::default()
    };
    Engine::open(Arc::new(fs.clone()), &root(), config)
}

pub(crate) fn take(fs: &SimFs, engine: &Engine) -> Result<Maintenance> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    Maintenance::take(&fs, &root(), engine.store_id(), "test", &clock)
}

/// Appends a record, durably.
pub(crate) fn append(
    engine: &Engine,
    model: &mut Model,
    stream: StreamId,
    payload: Vec<u8>,
) -> threadlog_engine::Result<()> {
    let ticket = append_later(engine, model, stream, payload)?;
    engine.sync(ticket)
}

/// As [`append`]; durable when the ticket is synced.
pub(crate) fn append_later(
    engine: &Engine,
    model: &mut Model,
    stream: StreamId,
    payload: Vec<u8>,
) -> threadlog_engine::Result<Ticket> {
    let ordinal = engine.head(&stream).map_or(0, |head| head.next_ordinal);
    let plain = plain(payload, ordinal);
    let mut batch = Batch::new();
    batch.push(NewRecord {
        stream,
        ordinal: Some(ordinal),
        lease_epoch: plain.lease_epoch,
        clock: plain.clock,
        codec: plain.codec,
        payload: &plain.payload,
    })?;
    let ticket = engine.append(batch)?;
    model.insert((stream, ordinal), plain);
    Ok(ticket)
}

pub(crate) fn plain_of(record: Record) -> Plain {
    let Record { lease_epoch, clock, codec, payload, .. } = record;
    Plain { lease_epoch, clock, codec, payload }
}

/// Everything that a log gives. Panics if something is lost.
pub(crate) fn read(log: &dyn ReadLog) -> Model {
    let mut model = Model::new();
    assert!(log.damage().is_empty(), "{:?}", log.damage());
    for info in log.streams() {
        let from = log.read(&info.stream, 0..u64::MAX);
        for record in from {
            let record = record.unwrap();
            model.insert((record.stream, record.ordinal), plain_of(record));
        }
    }
    model
}

pub(crate) fn reader(fs: &SimFs) -> Reader {
    Reader::open(Arc::new(fs.clone()), &root()).unwrap()
}

/// Seals everything.
pub(crate) fn seal_all(fs: &SimFs, engine: &Engine, rules: &dyn Rules) -> Result<Written> {
    let mut held = take(fs, engine)?;
    crate::seal::seal(&mut held, engine, true, rules, &config(), &Unwatched)
}

/// Hot segments and files of large records.
pub(crate) fn hot_files(fs: &SimFs) -> usize {
    let is_hot = |path: &&std::path::PathBuf| {
        path.extension().is_some_and(|end| end == "hot") || path.starts_with(root().join("large/"))
    };
    fs.paths().iter().filter(is_hot).count()
}
