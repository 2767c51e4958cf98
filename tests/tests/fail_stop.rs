//! After a failed sync everybody who waits is woken with the error, and every later append gets the same one, for ever;
//! nothing that was not durable is acknowledged. The way back is to open anew.

use std::path::Path;
use std::sync::Arc;

use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{ThreadStore, ThreadStoreError, Unavailability, UpdateThreadMetadataParams};
use threadlog_engine::fs::sim::{CallKind, Choice, Fault, SimFs};
use threadlog_engine::{Config, Engine, Error, ReadLog, Reader};
use threadlog_tests::proof::content::{Line, stream};
use threadlog_tests::proof::threads::call::id;
use threadlog_tests::real::{append, live};

const ROOT: &str = "/store";
const WRITERS: u8 = 8;
const LATER: u64 = 1000;

/// Only syncs that somebody waits for: that of a spare may fail, and nothing else does then.
fn config() -> Config {
    Config { prepare_spares: false, ..Config::default() }
}

fn push(engine: &Engine, number: u8, ordinal: u64) -> Result<threadlog_engine::Ticket, Error> {
    let line = Line::new(number, ordinal, 2, 100);
    let payload = line.payload();
    let mut batch = threadlog_engine::Batch::new();
    batch.push(line.new_record(&payload))?;
    engine.append(batch)
}

fn fail_a_sync(fs: &SimFs, later: u64) {
    fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1 + later, Fault::FailedSync);
}

#[test]
fn after_a_failed_sync_all_waiters_wake_and_every_later_append_gets_the_same_error() {
    for round in 0..40 {
        let fs = SimFs::new(round);
        let config = Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..config() };
        let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config.clone()).unwrap();
        fail_a_sync(&fs, round % 7);
        // Each waits for its own records until it is told; half of them as tasks do. Whoever is never woken hangs here.
        let told: Vec<(u64, Error)> = std::thread::scope(|scope| {
            let writer = |number: u8| {
                let engine = engine.clone();
                move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    for ordinal in 0.. {
                        let stored = push(&engine, number, ordinal).and_then(|ticket| {
                            if number.is_multiple_of(2) {
                                engine.sync(ticket)
                            } else {
                                runtime.block_on(engine.durable(ticket))
                            }
                        });
                        if let Err(error) = stored {
                            return (ordinal, error);
                        }
                    }
                    unreachable!("one of them fails")
                }
            };
            let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(writer(number))).collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let said = told[0].1.to_string();
        for (_, error) in &told {
            assert!(matches!(error, Error::Poisoned { .. }), "{error}");
            assert_eq!(error.to_string(), said);
        }
        let durable = engine.durable_mark();
        for later in 0..LATER {
            let number = (later % u64::from(WRITERS)) as u8;
            let error = push(&engine, number, told[usize::from(number)].0).unwrap_err();
            assert_eq!(error.to_string(), said, "append {later} after the failed sync");
            assert_eq!(engine.sync(engine.barrier()).unwrap_err().to_string(), said);
        }
        assert_eq!(engine.durable_mark(), durable);
        drop(engine);
        // Whatever the disk kept: all that was acknowledged, and nothing past what was submitted.
        let left = fs.crash(&Choice::Sample(round));
        let reader = Reader::open(Arc::new(left), Path::new(ROOT)).unwrap();
        for (number, (acknowledged, _)) in (0..WRITERS).zip(&told) {
            let found = reader.read(&stream(number), 0..u64::MAX).map(Result::unwrap).count() as u64;
            assert!((*acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged}");
        }
    }
}

#[test]
fn after_a_failed_sync_every_thread_of_a_store_is_told_and_goes_on_after_reopening() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    for round in 0..20 {
        runtime.block_on(async {
            let fs = SimFs::new(round);
            let open = || LocalThreadStore::open_on(Arc::new(fs.clone()), Path::new(ROOT), LocalConfig::from(config()));
            let store = open().await.unwrap();
            for thread in 0..WRITERS {
                live(&store, thread).await.unwrap();
                append(&store, thread, 0, 1).await.unwrap();
                store.flush_thread(id(thread).into()).await.unwrap();
            }
            fail_a_sync(&fs, round % 3);
            let writers = (0..WRITERS).map(|thread| {
                let store = store.clone();
                tokio::spawn(async move {
                    for number in 1.. {
                        append(&store, thread, number, 1).await.unwrap();
                        if let Err(error) = store.flush_thread(id(thread).into()).await {
                            return (number + 1, error);
                        }
                    }
                    unreachable!("one of them fails")
                })
            });
            let writers: Vec<_> = writers.collect();
            let mut accepted = Vec::new();
            for writer in writers {
                let (count, error) = writer.await.unwrap();
                assert!(is_poisoned(&error), "{error}");
                accepted.push(count);
            }
            for later in 0..100 {
                let thread = (later % u64::from(WRITERS)) as u8;
                assert!(is_poisoned(&store.flush_thread(id(thread).into()).await.unwrap_err()));
                let patch = MetadataPatch::rename("later");
                let rename = store.update_thread_metadata(UpdateThreadMetadataParams::new(id(thread), patch)).await;
                assert!(is_poisoned(&rename.unwrap_err()));
            }
            store.reopen().await.unwrap();
            for thread in 0..WRITERS {
                store.shutdown_thread(id(thread).into()).await.unwrap();
                assert_eq!(live(&store, thread).await.unwrap(), accepted[usize::from(thread)]);
            }
            store.close().await.unwrap();
        });
    }
}

fn is_poisoned(error: &ThreadStoreError) -> bool {
    matches!(error, ThreadStoreError::Unavailable(_, Unavailability::Poisoned))
}
