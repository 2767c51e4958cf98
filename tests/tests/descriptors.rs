//! A store may have more sealed segments than a process may have open files. Alone in its program: the limit is the
//! process's.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use threadlog::{ExportOptions, ImportOptions, Silent, Store};
use threadlog_compaction::{Bulk, Config, Maintenance, NewSealed};
use threadlog_engine::sealed::SealedId;
use threadlog_engine::{Clock, Config as EngineConfig, Engine, OsFs, ReadLog, Reader, StreamId, SystemClock};

/// Fewer than there are segments below.
const DESCRIPTORS: u64 = 64;
const SEGMENTS: u8 = 90;

fn stream(thread: u8) -> StreamId {
    StreamId { thread: [thread; 16], incarnation: 1, channel: 0 }
}

fn payload(thread: u8, ordinal: u64) -> Vec<u8> {
    format!("{thread} said {ordinal} ").repeat(40).into_bytes()
}

#[test]
fn more_segments_than_descriptors_are_made_read_and_merged() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), ..limit }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (fs, root): (Arc<dyn threadlog_engine::fs::Fs>, _) = (Arc::new(OsFs), folder.path().join("store"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine = Engine::open(Arc::clone(&fs), &root, EngineConfig::default()).unwrap();
    let take = || Maintenance::take(&fs, &root, engine.store_id(), "test", &clock).unwrap();

    // A load of one batch each, so that none of them merges.
    for thread in 0..SEGMENTS {
        let renew = engine.clone();
        let published = Box::new(move |_: &_| drop(renew.renew_sealed().unwrap()));
        let bulk = Bulk::start(take(), Config::default(), Arc::new(|_, _, _| ()), published).unwrap();
        for ordinal in 0..5 {
            let payload = payload(thread, ordinal);
            let record = NewSealed {
                stream: stream(thread),
                ordinal,
                lease_epoch: 0,
                clock: 0,
                codec: 1,
                journal: 0,
                payload: &payload,
            };
            bulk.push(&[record], None).unwrap();
        }
        bulk.finish().unwrap();
    }
    let named: Vec<SealedId> = take().sealed().manifest().segments.iter().map(|row| row.id).collect();
    assert_eq!(named.len(), usize::from(SEGMENTS));

    // Two views at once, each with all segments, read by turns.
    let reader = Reader::open(Arc::clone(&fs), &root).unwrap();
    for log in [&engine as &dyn ReadLog, &reader] {
        for thread in (0..SEGMENTS).chain((0..SEGMENTS).rev()) {
            let found: Vec<Vec<u8>> = log.read(&stream(thread), 0..9).map(|record| record.unwrap().payload).collect();
            assert_eq!(found, (0..5).map(|ordinal| payload(thread, ordinal)).collect::<Vec<_>>());
        }
    }
    engine.close().unwrap();
    drop(reader);
    let store = Store::open(&root, EngineConfig::default()).unwrap();
    let sample = threadlog_sample::Plan { threads: 8, items: 60, ..Default::default() };
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let written = threadlog_sample::write_tree(&sample, &from, |_| ()).unwrap();
    let options = ImportOptions { bulk_bytes_min: 1, ..ImportOptions::default() };
    store.import(&[from], &options, &Silent).unwrap();
    store.compact(true, &Config::default(), &Silent).unwrap();
    let report = store.export(None, &to, &ExportOptions::default(), &Silent);
    // The streams above are no threads, and cannot be exported.
    assert_eq!((report.failed.len(), report.bytes()), (usize::from(SEGMENTS), written.bytes));
    store.close().unwrap();
}
