use super::*;
use crate::Error;
use crate::fs::sim::{CallKind, EIO, ENOSPC, Fault};

fn ready(fs: &SimFs) -> Engine {
    let engine = open(fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine
}

#[test]
fn a_failed_write_fails_all_that_is_not_durable_and_the_engine_goes_on() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    let early = append(&engine, 1, 1).unwrap();
    let late = append(&engine, 2, 0).unwrap();
    fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, Fault::Error(ENOSPC));
    assert!(matches!(engine.sync(late).unwrap_err(), Error::WriteFailed { .. }));
    assert!(matches!(engine.sync(early).unwrap_err(), Error::WriteFailed { .. }));
    assert_eq!(engine.head(&stream(1)).unwrap().next_ordinal, 1);
    assert!(engine.head(&stream(2)).is_none());
    assert!(matches!(append(&engine, 1, 2).unwrap_err(), Error::WrongOrdinal { actual: 1, .. }));
    append_synced(&engine, 1, 1).unwrap();
    append_synced(&engine, 2, 0).unwrap();
    // The old tickets' sequences have been given again; they stay failed.
    assert!(matches!(engine.sync(late).unwrap_err(), Error::WriteFailed { .. }));
    engine.close().unwrap();
    let reader = reader(&fs);
    assert!(reader.damage().is_empty());
    assert_eq!((count(&reader, 1), count(&reader, 2)), (2, 1));
}

#[test]
fn what_a_failed_write_left_in_the_file_is_never_read() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    // Two blocks, of which the second is nearly all padding: the whole group reaches the file.
    let failed = payload(1, 1, 4000);
    let mut batch = Batch::new();
    batch.push(record(1, 1, &failed)).unwrap();
    engine.append(batch).unwrap();
    let fault = Fault::ShortWriteThenError { bytes: 8000, errno: ENOSPC };
    fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, fault);
    engine.sync(engine.barrier()).unwrap_err();
    let mut batch = Batch::new();
    batch.push(record(1, 1, b"another record took its place")).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    drop(engine);
    let records: Vec<_> = reader(&fs).read(&stream(1), 1..u64::MAX).map(|record| record.unwrap().payload).collect();
    assert_eq!(records, [b"another record took its place".to_vec()]);
}

#[test]
fn a_full_disk_that_gets_room_again_loses_nothing_acknowledged() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    fs.set_capacity(Some(fs.used_blocks() + 12));
    let mut next = 1;
    let error = loop {
        match append_synced(&engine, 1, next) {
            Ok(()) => next += 1,
            Err(error) => break error,
        }
        assert!(next < 100);
    };
    assert!(error.is_retryable(), "{error}");
    assert!(append_synced(&engine, 1, next).is_err());
    assert_eq!(count(&engine, 1), next);
    fs.set_capacity(None);
    append_synced(&engine, 1, next).unwrap();
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), next + 1);
}

#[test]
fn closing_works_on_a_full_disk_when_the_segment_was_prepared() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    engine.prepare_spare().unwrap();
    append_synced(&engine, 1, 1).unwrap();
    fs.set_capacity(Some(fs.used_blocks()));
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 2);
    assert_eq!(reader(&fs).facts().witness.0, 2);
}

#[test]
fn a_failed_sync_poisons_the_journal_until_it_is_reopened() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    let ticket = append(&engine, 1, 1).unwrap();
    fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1, Fault::FailedSync);
    for _ in 0..3 {
        assert!(matches!(engine.sync(ticket).unwrap_err(), Error::Poisoned { durable, .. } if durable.0 == 1));
        assert!(matches!(append(&engine, 1, 2).unwrap_err(), Error::Poisoned { .. }));
    }
    assert_eq!(count(&engine, 1), 1);
    assert!(engine.close().is_err());
    let engine = open(&fs).unwrap();
    assert!(count(&engine, 1) <= 2);
    let next = engine.head(&stream(1)).unwrap().next_ordinal;
    append_synced(&engine, 1, next).unwrap();
}

#[test]
fn a_tail_that_only_the_page_cache_holds_is_written_again_before_it_is_served() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    append(&engine, 1, 1).unwrap();
    fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1, Fault::FailedSync);
    engine.sync(engine.barrier()).unwrap_err();
    let _ = engine.close();
    // The page reads well and counts as clean: only recovery's copy brings it to the disk.
    let after = fs.kill();
    let engine = open(&after).unwrap();
    assert_eq!(count(&engine, 1), 2);
    engine.sync(engine.barrier()).unwrap();
    let lost_power = after.crash(&Choice::LoseAll);
    assert_eq!(count(&reader(&lost_power), 1), 2);
}

#[test]
fn all_waiters_are_woken_by_a_failed_sync() {
    let fs = SimFs::new(1);
    // Without spares: only the journal's own syncs are counted then.
    let config = Config { background: Background::Threads, prepare_spares: false, ..config(&Arc::default()) };
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap();
    append_synced(&engine, 0, 0).unwrap();
    fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 20, Fault::FailedSync);
    std::thread::scope(|scope| {
        for number in 1..9 {
            let engine = &engine;
            scope.spawn(move || {
                let failed = (0..1000).find_map(|ordinal| append_synced(engine, number, ordinal).err());
                assert!(matches!(failed.unwrap(), Error::Poisoned { .. }));
            });
        }
    });
}

/// The directory of large records was made, the sync of its name failed, and the journal stopped. Whoever opens it again
/// finds the directory there, and must sync the name all the same.
#[test]
fn the_directory_of_large_records_is_durable_before_a_record_in_it_is() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    let large = payload(1, 1, crate::BATCH_BYTES_MAX);
    let append = |engine: &Engine| {
        let mut batch = Batch::new();
        batch.push(record(1, 1, &large)).unwrap();
        engine.append(batch)
    };
    fs.fail_kind(CallKind::SyncDir, fs.calls_of(CallKind::SyncDir) + 1, Fault::Error(EIO));
    for _ in 0..2 {
        assert!(matches!(append(&engine), Err(Error::Poisoned { .. })));
    }
    // All that was acknowledged is durable, so closing has nothing to tell.
    engine.close().unwrap();
    let engine = open(&fs).unwrap();
    engine.sync(append(&engine).unwrap()).unwrap();
    assert_eq!(count(&reader(&fs.crash(&Choice::LoseAll)), 1), 2);
}

/// Without its mark a reader believes all that verifies; so a mark that is there and cannot be looked at must end it.
#[test]
fn a_reader_that_cannot_see_the_mark_shows_nothing() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    append(&engine, 1, 1).unwrap();
    clock.forward(15);
    assert!(engine.tick());
    fs.fail_kind(CallKind::Map, fs.calls_of(CallKind::Map) + 1, Fault::Error(EIO));
    let error = Reader::open(Arc::new(fs.clone()), Path::new(ROOT)).err().unwrap();
    assert!(matches!(error, Error::Io { op: "map", .. }), "{error}");
    assert_eq!(count(&reader(&fs), 1), 1);
}

/// A spare lay ready when a write failed. It belongs to an epoch that is over, and must not keep the next one from having
/// one of its own.
#[test]
fn after_a_failed_write_there_are_spares_again() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    assert!(engine.prepare_spare().unwrap());
    append_synced(&engine, 1, 1).unwrap();
    assert!(engine.prepare_spare().unwrap());
    append(&engine, 1, 2).unwrap();
    fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, Fault::Error(ENOSPC));
    engine.sync(engine.barrier()).unwrap_err();
    append_synced(&engine, 1, 2).unwrap();
    assert!(engine.prepare_spare().unwrap());
    append_synced(&engine, 1, 3).unwrap();
    assert_eq!((engine.stats().segments, engine.stats().growing_segments), (4, 2));
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 4);
}

/// An attempt that failed, and a process that died, leave a directory that only the cache knows.
#[test]
fn a_large_record_survives_whatever_became_of_the_directory_before() {
    let big = payload(1, 0, 2 << 20);
    let large = || {
        let mut batch = Batch::new();
        batch.push(record(1, 0, &big)).unwrap();
        batch
    };
    for dies in [false, true] {
        let fs = SimFs::new(1);
        let engine = open(&fs).unwrap();
        fs.fail_kind(CallKind::SyncDir, fs.calls_of(CallKind::SyncDir) + 1, Fault::Error(EIO));
        assert!(matches!(engine.append(large()).unwrap_err(), Error::Poisoned { .. }));
        let fs = if dies { fs.kill() } else { fs };
        let _ = engine.close();
        let engine = open(&fs).unwrap();
        engine.sync(engine.append(large()).unwrap()).unwrap();
        let left = fs.crash(&Choice::LoseAll);
        assert_eq!(count(&reader(&left), 1), 1, "dies: {dies}");
    }
}

/// The part of a group that a failed write left ends within a sector, so it does not look torn. Nothing comes after it: it
/// must not be taken for a group that was whole once.
#[test]
fn what_a_failed_write_left_is_never_taken_for_damage() {
    for bytes in [1, 63, 64, 65, 511, 622, 1000, 1025, 1127] {
        let fs = SimFs::new(1);
        let engine = ready(&fs);
        // Into a prepared segment: zeros of its own follow.
        assert!(engine.prepare_spare().unwrap());
        append_synced(&engine, 1, 1).unwrap();
        append(&engine, 1, 2).unwrap();
        let fault = Fault::ShortWriteThenError { bytes, errno: ENOSPC };
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, fault);
        engine.sync(engine.barrier()).unwrap_err();
        engine.close().unwrap();
        assert_eq!(reader(&fs).damage(), [], "{bytes} bytes");
        append_synced(&open(&fs).unwrap(), 1, 2).unwrap();
        assert_eq!(count(&reader(&fs), 1), 3);
    }
}

/// FORMAT is there and cannot be read: that is not the same as no store.
#[test]
fn salvage_tells_an_unreadable_store_from_none() {
    let fs = SimFs::new(1);
    open(&fs).unwrap();
    let number = fs.calls_of(CallKind::Open) + 1;
    fs.fail_kind(CallKind::Open, number, Fault::Error(EIO));
    let error = Reader::open_lenient(Arc::new(fs), Path::new(ROOT)).err().unwrap();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

/// Two groups stand in the page cache, a third fails, and the store is closed. Nothing of it was acknowledged, a power cut
/// would take it: a reader must not be shown what a failed write gave up, closed or not.
#[test]
fn what_a_failed_write_gave_up_is_not_shown_after_closing() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    append(&engine, 1, 1).unwrap();
    clock.forward(15);
    assert!(engine.tick());
    append(&engine, 1, 2).unwrap();
    fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, Fault::Error(ENOSPC));
    engine.sync(engine.barrier()).unwrap_err();
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 1);
}

/// A large record writes a file before it takes the lock: the answer must be the journal's all the same.
#[test]
fn after_a_failed_sync_a_large_append_gets_the_same_error() {
    let fs = SimFs::new(1);
    let engine = ready(&fs);
    append(&engine, 1, 1).unwrap();
    fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1, Fault::Error(EIO));
    let first = engine.sync(engine.barrier()).unwrap_err().to_string();
    let calls = fs.calls();
    for bytes in [10, 3 << 20] {
        let mut batch = Batch::new();
        batch.push(record(1, 2, &payload(1, 2, bytes))).unwrap();
        assert_eq!(engine.append(batch).unwrap_err().to_string(), first);
    }
    assert_eq!(fs.calls(), calls);
}
