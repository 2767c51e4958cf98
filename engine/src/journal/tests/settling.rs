//! Every ticket is settled, and settled truly: whatever fails, whoever closes, whoever asks late.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::{HandClock, ROOT, append, append_synced, config, count, open, payload, reader, record, stream};
use crate::fs::sim::{CallKind, Choice, EIO, ENOSPC, Fault, SimFs};
use crate::{Background, Batch, Config, Engine, Error, ReadLog};

fn fail_next(fs: &SimFs, kind: CallKind, fault: Fault) {
    fs.fail_kind(kind, fs.calls_of(kind) + 1, fault);
}

/// Whether a task was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// With threads of its own that do nothing for an hour unless they are woken.
fn patient(fs: &SimFs) -> Engine {
    let hour = Duration::from_secs(3600);
    let config = Config {
        background: Background::Threads,
        write_after: hour,
        sync_after: hour * 2,
        witness_after: hour,
        arena_bytes: (1 << 20) + (64 << 10),
        ..config(&Arc::default())
    };
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap()
}

#[test]
fn a_directory_sync_that_fails_for_a_spare_stops_the_journal() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    let ticket = append(&engine, 1, 0).unwrap();
    clock.forward(15);
    assert!(engine.tick(), "written to a growing segment, whose name is not durable yet");
    fail_next(&fs, CallKind::SyncDir, Fault::FailedSync);
    engine.prepare_spare().unwrap_err();
    let told = engine.sync(ticket);
    assert!(matches!(told, Err(Error::Poisoned { .. })), "{told:?}");
    assert!(matches!(append(&engine, 1, 1), Err(Error::Poisoned { .. })));
    assert_eq!(count(&reader(&fs.crash(&Choice::LoseAll)), 1), 0, "and rightly so");
}

#[test]
fn a_directory_sync_that_fails_for_one_large_record_fails_all() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let large = payload(2, 0, 2 << 20);
    let append_large = |number| {
        let mut batch = Batch::new();
        batch.push(record(number, 0, &large)).unwrap();
        engine.append(batch)
    };
    fs.fail_kind(CallKind::SyncDir, fs.calls_of(CallKind::SyncDir) + 2, Fault::FailedSync);
    for number in [2, 3] {
        let told = append_large(number);
        assert!(matches!(told, Err(Error::Poisoned { .. })), "{told:?}");
    }
    assert_eq!(engine.read(&stream(1), 0..9).count(), 1, "reading goes on");
}

#[test]
fn a_ticket_that_failed_stays_failed_however_many_writes_fail_later() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let lost = append(&engine, 2, 0).unwrap();
    let fail = |ticket| {
        fail_next(&fs, CallKind::Write, Fault::Error(ENOSPC));
        assert!(matches!(engine.sync(ticket), Err(Error::WriteFailed { .. })));
    };
    fail(lost);
    // Its sequence is given again, twice, and becomes durable.
    append_synced(&engine, 1, 1).unwrap();
    append_synced(&engine, 1, 2).unwrap();
    for round in 0..1100 {
        fail(append(&engine, 1, 3 + round).unwrap());
        append_synced(&engine, 1, 3 + round).unwrap();
    }
    assert!(engine.sync(lost).is_err());
    assert_eq!(engine.head(&stream(2)), None);
}

#[test]
fn a_ticket_of_another_opening_is_not_answered() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let ticket = append(&engine, 1, 0).unwrap();
    let fs = fs.kill();
    let engine = open(&fs).unwrap();
    append_synced(&engine, 2, 0).unwrap();
    assert!(matches!(engine.sync(ticket), Err(Error::StrangeTicket)));
    let polled = pin!(engine.durable(ticket)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(Error::StrangeTicket))));
}

#[test]
fn a_reader_that_read_ahead_of_the_writer_reads_what_came_since() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.prepare_spare().unwrap();
    append_synced(&engine, 1, 1).unwrap();
    append_synced(&engine, 1, 2).unwrap();
    let mut records = engine.read(&stream(1), 0..u64::MAX);
    (0..3).for_each(|ordinal| assert_eq!(records.next().unwrap().unwrap().ordinal, ordinal));
    append_synced(&engine, 1, 3).unwrap();
    assert_eq!(records.next().unwrap().unwrap().ordinal, 3);
}

#[test]
fn whoever_waits_for_room_is_woken_when_the_journal_stops() {
    let fs = SimFs::new(1);
    let engine = patient(&fs);
    append_synced(&engine, 1, 0).unwrap();
    let batch = |number, bytes| {
        let payload = payload(number, 0, bytes);
        let mut batch = Batch::new();
        batch.push(record(number, 0, &payload)).unwrap();
        batch
    };
    let ticket = engine.append(batch(2, 1_000_000)).unwrap();
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    let mut waiting = pin!(engine.append_async(batch(3, 500_000)));
    // The committer may be quicker and make room; then there is nothing to wait for.
    fail_next(&fs, CallKind::Sync, Fault::FailedSync);
    let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(engine.sync(ticket).is_err());
    if polled.is_pending() {
        while !flag.0.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(matches!(polled, Poll::Ready(Err(Error::Poisoned { .. }))), "{polled:?}");
    }
    // And who comes when it has stopped does not wait at all.
    let polled = pin!(engine.append_async(batch(4, 500_000))).poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Ready(Err(Error::Poisoned { .. }))), "{polled:?}");
}

#[test]
fn a_waiter_that_registers_after_the_end_is_woken_at_once() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let large = payload(1, 0, 1_000_000);
    let mut batch = Batch::new();
    batch.push(record(1, 0, &large)).unwrap();
    engine.close().unwrap();
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    assert!(engine.inner.core.wait_for_room(&batch, &waker).is_none());
    assert!(flag.0.load(Ordering::SeqCst));
}

#[test]
fn timers_do_not_care_for_the_time_of_day() {
    struct Back(HandClock, HandClock);
    impl crate::Clock for Back {
        fn now_ms(&self) -> u64 {
            // An hour is taken back while the ticks go on.
            self.0.now_ms()
        }
        fn ticks_ms(&self) -> u64 {
            self.1.now_ms()
        }
    }
    let fs = SimFs::new(1);
    let clock = Arc::new(Back(HandClock::default(), HandClock::default()));
    let config = Config { clock: clock.clone(), ..config(&Arc::default()) };
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap();
    let ticket = append(&engine, 1, 0).unwrap();
    clock.1.forward(2_000);
    assert!(engine.tick());
    assert_eq!(engine.durable_mark(), ticket.sequence());
}

#[test]
fn what_is_appended_while_closing_fails_is_settled() {
    struct Late(Engine, Mutex<Option<crate::Result<crate::Ticket>>>);
    impl Wake for Late {
        fn wake(self: Arc<Self>) {
            *self.1.lock().unwrap() = Some(append(&self.0, 5, 0));
        }
    }
    let fs = SimFs::new(1);
    let engine = patient(&fs);
    append_synced(&engine, 1, 0).unwrap();
    let ticket = append(&engine, 2, 0).unwrap();
    let late = Arc::new(Late(engine.clone(), Mutex::default()));
    let waker = Waker::from(Arc::clone(&late));
    fail_next(&fs, CallKind::Write, Fault::Error(ENOSPC));
    let mut waiting = pin!(engine.durable(ticket));
    let _ = waiting.as_mut().poll(&mut Context::from_waker(&waker));
    let closed = engine.close();
    match late.1.lock().unwrap().take() {
        // Appended before closing began: it came to an end.
        Some(Ok(ticket)) => drop(engine.sync(ticket)),
        Some(Err(error)) => assert!(matches!(error, Error::Closed), "{error}"),
        None => assert!(closed.is_ok()),
    }
    assert!(matches!(waiting.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(_))));
}

#[test]
fn closing_twice_gives_the_same_answer() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    append(&engine, 1, 1).unwrap();
    fail_next(&fs, CallKind::Write, Fault::Error(ENOSPC));
    let first = engine.close().unwrap_err().to_string();
    assert_eq!(engine.clone().close().unwrap_err().to_string(), first);
}

#[test]
fn what_a_failed_write_took_back_does_not_come_back_at_the_next_opening() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let written = append(&engine, 1, 1).unwrap();
    clock.forward(15);
    assert!(engine.tick(), "written, not synced");
    let failed = append(&engine, 1, 2).unwrap();
    fail_next(&fs, CallKind::Write, Fault::Error(ENOSPC));
    assert!(engine.sync(failed).is_err() && engine.sync(written).is_err());
    engine.close().unwrap();
    let engine = open(&fs).unwrap();
    assert_eq!(engine.head(&stream(1)).unwrap().next_ordinal, 1);
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs.crash(&Choice::LoseAll)), 1), 1, "nor after a power cut behind a clean close");
}

#[test]
fn writes_that_fail_leave_no_files_and_no_zeros_behind() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.prepare_spare().unwrap();
    append_synced(&engine, 1, 1).unwrap();
    let segments = || fs.paths().into_iter().filter(|path| path.extension().is_some_and(|end| end == "hot")).count();
    let (before, used) = (segments(), fs.used_blocks());
    for _ in 0..50 {
        let ticket = append(&engine, 1, 2).unwrap();
        // Once the group to the segment there is, then the group behind a new segment's header.
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, Fault::Error(EIO));
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 2, Fault::Error(EIO));
        assert!(engine.sync(ticket).is_err());
    }
    assert!(segments() <= before, "{} segments", segments());
    assert!(fs.used_blocks() < used, "the zeros of the segment that was left are given back");
    fs.clear_faults();
    append_synced(&engine, 1, 2).unwrap();
    assert_eq!(count(&engine, 1), 3);
}

#[test]
fn a_large_record_that_has_to_wait_or_is_refused_is_written_once() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let large = payload(2, 0, 2 << 20);
    let mut wrong = Batch::new();
    wrong.push(record(2, 7, &large)).unwrap();
    assert!(matches!(engine.append(wrong), Err(Error::WrongOrdinal { .. })));
    assert_eq!(engine.stats().large_bytes, 0);
}

#[test]
fn a_takeover_that_failed_to_be_written_leaves_the_older_lease_in_force() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let payload = payload(1, 1, 100);
    let mut batch = Batch::new();
    batch.push(crate::NewRecord { lease_epoch: 9, ..record(1, 1, &payload) }).unwrap();
    let ticket = engine.append(batch).unwrap();
    fail_next(&fs, CallKind::Write, Fault::Error(ENOSPC));
    assert!(engine.sync(ticket).is_err());
    append_synced(&engine, 1, 1).unwrap();
}

#[test]
fn a_batch_of_many_streams_is_checked_like_a_short_one() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut batch = Batch::new();
    for ordinal in 0..40 {
        for number in 0..10 {
            batch.push(record(number, ordinal, b"x")).unwrap();
        }
    }
    engine.sync(engine.append(batch).unwrap()).unwrap();
    (0..10).for_each(|number| assert_eq!(engine.head(&stream(number)).unwrap().durable_ordinal, 40));
    let mut batch = Batch::new();
    (0..39).for_each(|ordinal| batch.push(record(11, ordinal, b"x")).unwrap());
    batch.push(record(11, 38, b"x")).unwrap();
    assert!(matches!(engine.append(batch), Err(Error::WrongOrdinal { actual: 39, expected: 38, .. })));
}
