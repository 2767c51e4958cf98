//! Several writers on one disk, each with a journal of its own.

use std::path::Path;
use std::sync::Arc;

use super::{HandClock, ROOT, append, append_synced, config, reader, record, stream};
use crate::fs::sim::{CallKind, Choice, ENOSPC, Fault, SimFs};
use crate::{Batch, Changes, Config, Engine, Error, ReadLog};

fn several(fs: &SimFs) -> Engine {
    let config = Config { journals_max: 3, ..config(&Arc::default()) };
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap()
}

/// Ordinals and first payload bytes of all durable records of a stream.
fn texts(log: &dyn ReadLog, number: u8) -> Vec<String> {
    let records = log.read(&stream(number), 0..u64::MAX).map(Result::unwrap);
    records.map(|record| format!("{}:{}", record.ordinal, String::from_utf8_lossy(&record.payload[..8]))).collect()
}

fn push(engine: &Engine, number: u8, ordinal: u64, lease_epoch: u64, payload: &[u8]) -> crate::Result<()> {
    let mut batch = Batch::new();
    batch.push(crate::NewRecord { lease_epoch, ..record(number, ordinal, payload) })?;
    engine.sync(engine.append(batch)?)
}

#[test]
fn each_writer_has_a_journal_and_one_too_many_is_told_who_writes() {
    let fs = SimFs::new(1);
    let engines = [several(&fs), several(&fs), several(&fs)];
    assert_eq!(engines.each_ref().map(Engine::journal), [0, 1, 2]);
    let config = Config { journals_max: 3, ..config(&Arc::default()) };
    match Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config) {
        Err(Error::Locked { owner, .. }) => assert_eq!(owner.pid, std::process::id()),
        other => panic!("{:?}", other.map(|engine| engine.journal())),
    }
    engines[1].close().unwrap();
    assert_eq!(several(&fs).journal(), 1, "a journal that was let go is taken again");
}

#[test]
fn what_another_writer_made_durable_is_seen_after_a_refresh_and_nothing_else() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs), several(&fs));
    assert!(b.refresh().unwrap().is_empty(), "nothing changed");
    append_synced(&a, 1, 0).unwrap();
    append(&a, 1, 1).unwrap();
    assert_eq!(b.head(&stream(1)), None);
    assert!(!b.refresh().unwrap().is_empty());
    assert_eq!(b.head(&stream(1)).unwrap().durable_ordinal, 1, "what is not synced is not shown");
    for ordinal in 2..200 {
        append_synced(&a, 1, ordinal).unwrap();
        if ordinal % 7 == 0 {
            assert!(b.has_news());
            assert_eq!(b.refresh().unwrap().streams().collect::<Vec<_>>(), [&stream(1)]);
            assert!(!b.has_news());
            assert!(b.refresh().unwrap().is_empty());
            assert_eq!(b.head(&stream(1)).unwrap().durable_ordinal, ordinal + 1);
        }
    }
    b.refresh().unwrap();
    assert_eq!(texts(&a, 1), texts(&b, 1));
    assert_eq!(texts(&reader(&fs), 1), texts(&b, 1));
}

#[test]
fn reading_on_costs_what_came_and_not_what_is_there() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs), several(&fs));
    for ordinal in 0..100 {
        append_synced(&a, 1, ordinal).unwrap();
    }
    b.refresh().unwrap();
    append_synced(&a, 1, 100).unwrap();
    let before = fs.calls();
    b.refresh().unwrap();
    assert!(fs.calls() - before < 12, "{} calls", fs.calls() - before);
    let before = fs.calls();
    b.refresh().unwrap();
    assert_eq!(fs.calls(), before, "no call when nothing changed");
}

#[test]
fn a_stream_goes_on_in_another_journal_and_back() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs), several(&fs));
    for (ordinal, writer, lease) in [(0, &a, 1), (1, &a, 1), (2, &b, 2), (3, &b, 2), (4, &a, 3), (5, &b, 4)] {
        writer.refresh().unwrap();
        push(writer, 1, ordinal, lease, format!("lease {lease} of record {ordinal}").as_bytes()).unwrap();
    }
    a.refresh().unwrap();
    assert_eq!(texts(&a, 1).len(), 6);
    assert_eq!(texts(&a, 1), texts(&b, 1));
    let tail: Vec<u64> = a.tail(&stream(1), 3).map(|record| record.unwrap().ordinal).collect();
    assert_eq!(tail, [3, 4, 5]);
    assert_eq!(a.streams()[0].records, 6);
    let (stale, wrong) = (push(&a, 1, 6, 3, b"x").unwrap_err(), push(&a, 1, 5, 4, b"x").unwrap_err());
    assert!(matches!(stale, Error::StaleLease { actual: 4, .. }), "{stale}");
    assert!(matches!(wrong, Error::WrongOrdinal { actual: 6, .. }), "{wrong}");
    a.close().unwrap();
    b.close().unwrap();
    let fs = fs.crash(&Choice::LoseAll);
    assert_eq!(texts(&several(&fs), 1).len(), 6);
    assert!(reader(&fs).damage().is_empty() && reader(&fs).conflicts().is_empty());
}

#[test]
fn of_two_records_in_one_place_the_higher_lease_counts_and_the_other_is_told() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs), several(&fs));
    push(&a, 1, 0, 5, b"of the first writer").unwrap();
    push(&b, 1, 0, 6, b"of the second writer").unwrap();
    let reader = reader(&fs);
    assert_eq!(texts(&reader, 1), ["0:of the s"]);
    let conflicts = reader.conflicts();
    assert_eq!(conflicts.iter().map(|lost| (lost.ordinal, lost.lost_lease_epoch)).collect::<Vec<_>>(), [(0, 5)]);
    // Equal ones are one.
    push(&a, 2, 0, 1, b"the same bytes").unwrap();
    push(&b, 2, 0, 1, b"the same bytes").unwrap();
    assert!(!reader.refresh().unwrap().is_empty());
    assert_eq!(texts(&reader, 2).len(), 1);
    assert_eq!(reader.conflicts().len(), 1);
}

#[test]
fn a_writer_that_died_and_came_back_is_read_on() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs), several(&fs));
    append_synced(&a, 1, 0).unwrap();
    b.refresh().unwrap();
    a.close().unwrap();
    let a = several(&fs);
    assert_eq!(a.journal(), 0);
    append_synced(&a, 1, 1).unwrap();
    assert!(!b.refresh().unwrap().is_empty());
    assert_eq!(b.head(&stream(1)).unwrap().durable_ordinal, 2);
    append_synced(&a, 1, 2).unwrap();
    assert!(!b.refresh().unwrap().is_empty());
    assert_eq!(texts(&b, 1), texts(&a, 1));
}

#[test]
fn a_journal_made_later_is_found() {
    let fs = SimFs::new(1);
    let a = several(&fs);
    append_synced(&a, 1, 0).unwrap();
    let reader = reader(&fs);
    let logs: [&dyn ReadLog; 2] = [&a, &reader];
    let b = several(&fs);
    append_synced(&b, 2, 0).unwrap();
    for log in logs {
        assert!(log.head(&stream(2)).is_none());
    }
    assert!(!a.refresh().unwrap().is_empty() && !reader.refresh().unwrap().is_empty());
    for log in logs {
        assert_eq!(log.head(&stream(2)).unwrap().durable_ordinal, 1);
        assert_eq!(log.journal_numbers().len(), 2);
    }
}

#[test]
fn large_records_of_other_journals_are_read() {
    let fs = SimFs::new(1);
    let (a, b) = (several(&fs), several(&fs));
    let large = super::payload(1, 0, 2 << 20);
    push(&b, 1, 0, 1, &large).unwrap();
    a.refresh().unwrap();
    assert_eq!(a.read(&stream(1), 0..1).next().unwrap().unwrap().payload, large);
    // Opening the first journal again removes none of the second's files.
    a.close().unwrap();
    let a = several(&fs);
    assert_eq!(a.read(&stream(1), 0..1).next().unwrap().unwrap().payload, large);
}

/// A group that was written and not synced is given up with the failed one behind it, and stands in its place for
/// followers too: what was appended instead carries on from the same group, in the next segment.
#[test]
fn what_a_writer_gave_up_is_not_followed() {
    let (fs, clock) = (SimFs::new(1), Arc::<HandClock>::default());
    let open = || Engine::open(Arc::new(fs.clone()), Path::new(ROOT), Config { journals_max: 2, ..config(&clock) });
    let (a, b) = (open().unwrap(), open().unwrap());
    let reader = reader(&fs);
    append_synced(&a, 1, 0).unwrap();
    b.refresh().unwrap();
    reader.refresh().unwrap();
    append(&a, 2, 0).unwrap();
    clock.forward(30);
    a.tick();
    append(&a, 2, 1).unwrap();
    fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, Fault::Error(ENOSPC));
    a.sync(a.barrier()).unwrap_err();
    append_synced(&a, 1, 1).unwrap();
    let logs: [&dyn ReadLog; 2] = [&b, &reader];
    for log in logs {
        assert_eq!(log.head(&stream(1)).unwrap().durable_ordinal, 1);
    }
    assert!(!b.refresh().unwrap().is_empty() && !reader.refresh().unwrap().is_empty());
    for log in logs {
        assert_eq!(log.head(&stream(1)).unwrap().durable_ordinal, 2);
        assert_eq!(log.head(&stream(2)), None, "it was given up");
    }
}

/// A writer gives up two records, one of which it had written, and dies. Another continues the stream in its own journal. That
/// the first ones were taken back stands in the page cache only; a power cut that loses just that brings nothing back.
#[test]
fn what_a_dead_writer_gave_up_does_not_come_back_under_its_successor() {
    for synced_before in [false, true] {
        let (fs, clock) = (SimFs::new(1), Arc::<HandClock>::default());
        let config = || Config { journals_max: 2, ..config(&clock) };
        let dying = fs.process();
        let open = |fs: &SimFs| Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config()).unwrap();
        let (a, b) = (open(&dying), open(&fs));
        if synced_before {
            append_synced(&a, 2, 0).unwrap();
        }
        append(&a, 1, 0).unwrap();
        append(&a, 1, 1).unwrap();
        clock.forward(30);
        a.tick();
        append(&a, 1, 2).unwrap();
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, Fault::Error(ENOSPC));
        a.sync(a.barrier()).unwrap_err();
        // The next epoch's segment is made, and no group gets into it.
        append(&a, 1, 0).unwrap();
        fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 2, Fault::Error(ENOSPC));
        a.sync(a.barrier()).unwrap_err();
        dying.kill_process();
        b.recover_dead(&mut Changes::default()).unwrap();
        let next = b.head(&stream(1)).map_or(0, |head| head.next_ordinal);
        append_synced(&b, 1, next).unwrap();
        for choice in fs.crash_points().choices(2000, 7) {
            let reader = reader(&fs.crash(&choice));
            let head = reader.head(&stream(1)).map(|head| head.next_ordinal);
            assert_eq!((head, reader.conflicts()), (Some(next + 1), vec![]), "{choice:?} of {synced_before}");
        }
    }
}
