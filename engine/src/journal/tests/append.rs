use super::*;
use crate::Error;

#[test]
fn what_was_synced_is_read_back_in_order_and_after_reopening() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for ordinal in 0..10 {
        append_synced(&engine, 1, ordinal).unwrap();
        append_synced(&engine, 2, ordinal).unwrap();
    }
    assert_eq!((count(&engine, 1), count(&engine, 2)), (10, 10));
    engine.close().unwrap();
    let engine = open(&fs).unwrap();
    assert!(engine.damage().is_empty());
    assert_eq!((count(&engine, 1), count(&engine, 2)), (10, 10));
    append_synced(&engine, 1, 10).unwrap();
    assert_eq!(count(&engine, 1), 11);
}

#[test]
fn an_unsynced_record_is_not_shown_yet() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    append(&engine, 1, 1).unwrap();
    assert_eq!(count(&engine, 1), 1);
    let head = engine.head(&stream(1)).unwrap();
    assert_eq!((head.next_ordinal, head.durable_ordinal), (2, 1));
    engine.sync(engine.barrier()).unwrap();
    assert_eq!(count(&engine, 1), 2);
}

#[test]
fn a_wrong_ordinal_is_refused_and_nothing_of_the_batch_is_appended() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let mut batch = Batch::new();
    batch.push(record(2, 0, b"good")).unwrap();
    batch.push(record(1, 5, b"too far")).unwrap();
    match engine.append(batch).unwrap_err() {
        Error::WrongOrdinal { stream: found, expected, actual } => {
            assert_eq!((found, expected, actual), (stream(1), 5, 1));
        }
        other => panic!("{other}"),
    }
    engine.sync(engine.barrier()).unwrap();
    assert!(engine.head(&stream(2)).is_none());
}

#[test]
fn ordinals_left_open_are_given_in_order_also_within_a_batch() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    for round in 0..3 {
        let mut batch = Batch::new();
        for at in 0..3 {
            let payload = payload(1, round * 3 + at, 50);
            batch.push(NewRecord { ordinal: None, ..record(1, 0, &payload) }).unwrap();
        }
        engine.sync(engine.append(batch).unwrap()).unwrap();
    }
    assert_eq!(count(&engine, 1), 9);
}

#[test]
fn a_stale_lease_is_refused() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let push = |lease_epoch, ordinal| {
        let mut batch = Batch::new();
        batch.push(NewRecord { lease_epoch, ..record(1, ordinal, b"x") }).unwrap();
        engine.append(batch)
    };
    push(5, 0).unwrap();
    assert!(matches!(push(4, 1).unwrap_err(), Error::StaleLease { stated: 4, actual: 5, .. }));
    push(6, 1).unwrap();
    engine.close().unwrap();
    let engine = open(&fs).unwrap();
    let mut batch = Batch::new();
    batch.push(NewRecord { lease_epoch: 5, ..record(1, 2, b"x") }).unwrap();
    assert!(matches!(engine.append(batch).unwrap_err(), Error::StaleLease { actual: 6, .. }));
}

#[test]
fn a_batch_over_its_limit_is_refused_and_keeps_what_it_had() {
    let mut batch = Batch::new();
    let half = vec![1; 600 << 10];
    batch.push(record(1, 0, &half)).unwrap();
    assert!(!batch.fits(half.len()));
    assert!(matches!(batch.push(record(1, 1, &half)).unwrap_err(), Error::TooLarge { .. }));
    assert_eq!(batch.len(), 1);
}

#[test]
fn a_full_arena_is_written_by_whoever_meets_it() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let big = payload(1, 0, 900 << 10);
    for ordinal in 0..12 {
        let mut batch = Batch::new();
        batch.push(record(1, ordinal, &big)).unwrap();
        engine.append(batch).unwrap();
    }
    let stats = engine.stats();
    assert!(stats.groups >= 2, "{stats:?}");
    assert_eq!(stats.syncs, 0);
    engine.sync(engine.barrier()).unwrap();
    assert_eq!(engine.head(&stream(1)).unwrap().durable_ordinal, 12);
}

#[test]
fn a_lone_durable_append_is_one_write_and_one_sync() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    engine.prepare_spare().unwrap();
    append_synced(&engine, 1, 1).unwrap();
    for ordinal in 2..5 {
        let before = fs.calls();
        append_synced(&engine, 1, ordinal).unwrap();
        assert_eq!(fs.calls() - before, 2);
    }
}

#[test]
fn threads_that_sync_at_once_share_syncs() {
    let fs = SimFs::new(1);
    let config = Config { background: Background::Threads, ..config(&Arc::default()) };
    let engine = Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let engine = &engine;
            scope.spawn(move || (0..50).for_each(|ordinal| append_synced(engine, number, ordinal).unwrap()));
        }
    });
    (0..16).for_each(|number| assert_eq!(count(&engine, number), 50));
    assert_eq!(engine.stats().records, 800);
    engine.close().unwrap();
    (0..16).for_each(|number| assert_eq!(count(&reader(&fs), number), 50));
}

#[test]
fn a_second_writer_is_told_who_holds_the_store() {
    let fs = SimFs::new(1);
    let first = open(&fs).unwrap();
    match open(&fs).err().unwrap() {
        Error::Locked { owner, .. } => {
            assert_eq!((owner.pid, owner.client.as_str()), (std::process::id(), "threadlog"));
        }
        other => panic!("{other}"),
    }
    first.close().unwrap();
    open(&fs).unwrap();
}

#[test]
fn after_closing_every_call_says_so() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    append_synced(&engine, 1, 0).unwrap();
    let other = engine.clone();
    engine.close().unwrap();
    engine.close().unwrap();
    assert!(matches!(append(&other, 1, 1).unwrap_err(), Error::Closed));
    assert_eq!(count(&other, 1), 1);
}
