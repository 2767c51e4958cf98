//! The group commit under a scheduler that chooses every step: the code that ships, with the scheduler's locks, atomics and
//! threads in the place of the real ones. Waiting for ever is found as such.
//!
//! Only in a build with the feature `model` (`just model`).

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Waker};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;
use threadlog_engine::fs::sim::{CallKind, Choice, EIO, ENOSPC, Fault, SimFs};
use threadlog_engine::{Background, Batch, Config, Engine, Error, NewRecord, ReadLog, Reader, StreamId, Ticket};
use threadlog_tests::setting;

const ROOT: &str = "/store";
/// At most so many switches away from a thread that could go on, in the runs that count them.
const SWITCHES: usize = 3;

/// Tries a scenario in many orders: half of them random, half with few switches at the worst places.
fn check(scenario: fn()) {
    let runs = setting("THREADLOG_MODEL_RUNS", 10_000) as usize;
    let config = || {
        let mut config = shuttle::Config::default();
        config.stack_size = 1 << 18;
        config
    };
    shuttle::Runner::new(RandomScheduler::new(runs), config()).run(scenario);
    shuttle::Runner::new(PctScheduler::new(SWITCHES, runs), config()).run(scenario);
}

fn open(fs: &SimFs, background: Background) -> Engine {
    let config = Config { background, prepare_spares: false, ..Config::default() };
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).expect("a sound disk")
}

fn stream(number: u8) -> StreamId {
    StreamId { thread: [number; 16], incarnation: 1, channel: 0 }
}

fn append(engine: &Engine, number: u8) -> Result<Ticket, Error> {
    let record =
        NewRecord { stream: stream(number), ordinal: None, lease_epoch: 1, clock: 0, codec: 0, payload: &[number; 50] };
    let mut batch = Batch::new();
    batch.push(record)?;
    engine.append(batch)
}

/// What a power cut leaves of each stream, that takes all it may.
fn left(fs: &SimFs) -> Vec<u64> {
    match Reader::open(Arc::new(fs.crash(&Choice::LoseAll)), Path::new(ROOT)) {
        Ok(reader) => (0..4).map(|number| reader.read(&stream(number), 0..u64::MAX).count() as u64).collect(),
        Err(_) => vec![0; 4],
    }
}

/// So many threads append two records each and wait for each. Gives for each how many were acknowledged, and the last error.
fn crowd(engine: &Engine, threads: u8) -> Vec<(u64, Option<Error>)> {
    let work = |number: u8| {
        let engine = engine.clone();
        thread::spawn(move || {
            let mut good = 0;
            for _ in 0..2 {
                match append(&engine, number).and_then(|ticket| engine.sync(ticket)) {
                    Ok(()) => good += 1,
                    Err(error) => return (good, Some(error)),
                }
            }
            (good, None)
        })
    };
    let threads: Vec<_> = (0..threads).map(work).collect();
    threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

#[test]
fn every_waiter_is_served_and_the_lead_is_handed_on() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Manual);
        let told = crowd(&engine, 3);
        assert!(told.iter().all(|(good, error)| *good == 2 && error.is_none()), "{told:?}");
        assert_eq!(left(&fs), [2, 2, 2, 0]);
    });
}

#[test]
fn a_failed_write_fails_all_that_waited_and_nobody_else() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Manual);
        // The first write is the segment's header, the second the group's.
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 2, Fault::Error(ENOSPC));
        let told = crowd(&engine, 3);
        let failed = |error: &Option<Error>| matches!(error, Some(Error::WriteFailed { .. }));
        assert!(told.iter().all(|(good, error)| *good == 2 || failed(error)), "{told:?}");
        assert!(told.iter().any(|(_, error)| failed(error)), "{told:?}");
        assert_eq!(left(&fs)[..3], told.iter().map(|(good, _)| *good).collect::<Vec<_>>());
    });
}

#[test]
fn a_failed_sync_reaches_all_and_every_later_append() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Manual);
        let failing = fs.calls_of(CallKind::Sync) + 2;
        fs.fail_kind(CallKind::Sync, failing, Fault::Error(EIO));
        let told = crowd(&engine, 3);
        if fs.calls_of(CallKind::Sync) < failing {
            return; // One sync served all.
        }
        let poison = append(&engine, 3).expect_err("the journal is poisoned").to_string();
        for (good, error) in &told {
            let same = error.as_ref().is_some_and(|error| error.to_string() == poison);
            assert!(same || *good == 2, "{told:?}, {poison}");
        }
        assert!(told.iter().any(|(_, error)| error.is_some()), "{told:?}");
        let left = left(&fs);
        assert!(told.iter().zip(left).all(|((good, _), left)| *good <= left), "{told:?}");
    });
}

#[test]
fn a_waiter_that_is_dropped_keeps_nobody_waiting() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Threads);
        let other = engine.clone();
        let dropped = thread::spawn(move || {
            let mut future = Box::pin(other.durable(append(&other, 3).expect("room")));
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        let told = crowd(&engine, 2);
        dropped.join().expect("no panic");
        assert!(told.iter().all(|(good, error)| *good == 2 && error.is_none()), "{told:?}");
        engine.close().expect("all of it is written");
        assert_eq!(left(&fs), [2, 2, 0, 1]);
    });
}

#[test]
fn tasks_are_served_by_the_engine_s_own_thread() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Threads);
        let task = |number: u8| {
            let engine = engine.clone();
            thread::spawn(move || {
                let ticket = append(&engine, number).expect("room");
                shuttle::future::block_on(engine.durable(ticket))
            })
        };
        let tasks: Vec<_> = (0..2).map(task).collect();
        for task in tasks {
            task.join().expect("no panic").expect("a sound disk");
        }
        assert_eq!(left(&fs)[..2], [1, 1]);
        engine.close().expect("a sound disk");
    });
}

#[test]
fn closing_beside_others_ends_them_one_way_or_the_other() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Threads);
        let closing = engine.clone();
        let closer = thread::spawn(move || closing.close());
        let told = crowd(&engine, 2);
        closer.join().expect("no panic").expect("a sound disk");
        let ended = |error: &Option<Error>| matches!(error, Some(Error::Closed));
        assert!(told.iter().all(|(good, error)| *good == 2 || ended(error)), "{told:?}");
        let left = left(&fs);
        assert!(told.iter().zip(left).all(|((good, _), left)| *good <= left), "{told:?}");
    });
}

/// A write fails while the journal is being closed; records that came in behind it belong to nobody's sync any more.
#[test]
fn closing_over_a_failed_write_settles_what_came_after_it() {
    check(|| {
        let fs = SimFs::new(1);
        let engine = open(&fs, Background::Manual);
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 2, Fault::Error(ENOSPC));
        append(&engine, 3).expect("room");
        let closing = engine.clone();
        let closer = thread::spawn(move || closing.close());
        let told = crowd(&engine, 2);
        let _ = closer.join().expect("no panic");
        let ended = |error: &Option<Error>| matches!(error, Some(Error::Closed | Error::WriteFailed { .. }));
        assert!(told.iter().all(|(good, error)| *good == 2 || ended(error)), "{told:?}");
        let left = left(&fs);
        assert!(told.iter().zip(left).all(|((good, _), left)| *good <= left), "{told:?}");
    });
}
