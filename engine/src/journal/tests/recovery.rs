use super::*;

#[test]
fn power_loss_keeps_what_was_acknowledged_and_nothing_that_was_never_written() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..5 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    append(&engine, 1, 5).unwrap();
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!(count(&reader(&left), 1), 5);
    let engine = open(&left).unwrap();
    assert_eq!(count(&engine, 1), 5);
    assert!(engine.damage().is_empty());
}

#[test]
fn a_killed_writers_tail_is_hidden_from_readers_until_a_writer_recovers_it() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    append(&engine, 1, 1).unwrap();
    clock.forward(15);
    assert!(engine.tick());
    let fs = fs.kill();
    assert_eq!(count(&reader(&fs), 1), 1);
    let engine = open(&fs).unwrap();
    assert_eq!(count(&engine, 1), 2);
    assert!(engine.stats().recovered_bytes > 0);
    assert_eq!(count(&reader(&fs), 1), 2);
    append_synced(&engine, 1, 2).unwrap();
    assert_eq!(count(&engine, 1), 3);
}

#[test]
fn recovery_of_a_recovery_changes_nothing() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    append(&engine, 1, 1).unwrap();
    clock.forward(15);
    assert!(engine.tick());
    let mut fs = fs.kill();
    for _ in 0..4 {
        let engine = open(&fs).unwrap();
        assert_eq!(count(&engine, 1), 2);
        fs = fs.kill();
    }
    // Without anything new there is nothing to copy the second time.
    let engine = open(&fs).unwrap();
    assert_eq!(engine.stats().recovered_bytes, 0);
}

/// A tail that is longer than a segment may be is copied to one segment all the same: the copies count by the header of
/// that segment, and the index points into it.
#[test]
fn a_tail_of_several_segments_is_recovered_into_one() {
    let fs = SimFs::new(1);
    let clock = Arc::new(HandClock::default());
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config(&clock)).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    for ordinal in 1..20 {
        append(&engine, 1, ordinal).unwrap();
        clock.forward(15);
        assert!(engine.tick());
    }
    assert!(segment_files(&fs).len() > 2);
    let fs = fs.kill();
    let before = segment_files(&fs).len();
    let engine = open(&fs).unwrap();
    assert_eq!(count(&engine, 1), 20);
    assert_eq!(segment_files(&fs).len(), before + 1);
    assert_eq!(count(&reader(&fs), 1), 20);
    append_synced(&engine, 1, 20).unwrap();
    engine.close().unwrap();
    assert_eq!(count(&reader(&fs), 1), 21);
}

/// A recovery that was cut off leaves copies that do not count, and these may name a large record.
#[test]
fn a_recovery_of_a_large_record_may_be_cut_off_anywhere() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let large = payload(1, 0, crate::BATCH_BYTES_MAX);
    let mut batch = Batch::new();
    batch.push(record(1, 0, &large)).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
    // The mark is lost: nothing vouches for the record, which was synced.
    let left = fs.crash(&Choice::LoseAll);
    let calls = {
        let whole = left.snapshot();
        open(&whole).unwrap();
        whole.calls()
    };
    for after in 0..calls {
        let cut = left.snapshot();
        cut.freeze_after(after);
        let _ = open(&cut);
        for choice in [Choice::KeepAll, Choice::LoseAll] {
            assert_eq!(count(&open(&cut.crash(&choice)).unwrap(), 1), 1, "after {after} calls, {choice:?}");
        }
    }
}

#[test]
fn opening_and_closing_without_appending_leaves_no_segment() {
    let fs = SimFs::new(1);
    open(&fs).unwrap().close().unwrap();
    assert_eq!(segment_files(&fs), []);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.close().unwrap();
    let files = segment_files(&fs);
    for _ in 0..3 {
        open(&fs).unwrap().close().unwrap();
    }
    assert_eq!(segment_files(&fs), files);
}

#[test]
fn leftovers_of_a_crash_are_removed() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.prepare_spare().unwrap();
    assert_eq!(segment_files(&fs).len(), 2);
    let fs = fs.kill();
    let engine = open(&fs).unwrap();
    assert_eq!(segment_files(&fs).len(), 1);
    assert_eq!(count(&engine, 1), 1);
}

#[test]
fn a_damaged_stream_takes_no_appends_and_the_others_go_on() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..3 {
        append_synced(&engine, 1, ordinal).unwrap();
    }
    append_synced(&engine, 2, 0).unwrap();
    append_synced(&engine, 3, 0).unwrap();
    engine.close().unwrap();
    let (path, _) = segment_files(&fs).pop().unwrap();
    // The header of the last group of stream 1, which is the third: block 3.
    for bit in 0..40 {
        fs.flip_bit(&path, 3 * 4096 + 64 + bit, 3).unwrap();
    }
    fs.flip_bit(&path, 3 * 4096 + 9, 3).unwrap();
    let engine = open(&fs).unwrap();
    assert_eq!(engine.damage().len(), 1, "{:?}", engine.damage());
    let read: Vec<_> = engine.read(&stream(1), 0..u64::MAX).collect();
    assert_eq!(read.iter().filter(|record| record.is_ok()).count(), 2);
    assert!(read.last().unwrap().as_ref().unwrap_err().is_corruption());
    assert!(append(&engine, 1, 2).unwrap_err().is_corruption());
    append_synced(&engine, 2, 1).unwrap();
    append_synced(&engine, 4, 0).unwrap();
    engine.close().unwrap();
    // The loss is not forgotten by going on.
    assert_eq!(reader(&fs).damage().len(), 1);
    assert_eq!(count(&reader(&fs), 2), 2);
}
