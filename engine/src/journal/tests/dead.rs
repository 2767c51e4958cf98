//! Writers that die beside others: what they leave behind is recovered by who goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{HandClock, ROOT, append, append_synced, config, record, stream};
use crate::fs::sim::{CallKind, Choice, EIO, Fault, SimFs};
use crate::journal::claim::Signs;
use crate::{Batch, Changes, Config, Engine, Error, LeaseOn, ReadLog};

thread_local! {
    static CLOCK: Arc<HandClock> = Arc::default();
}

fn settings() -> Config {
    Config { journals_max: 8, ..CLOCK.with(config) }
}

fn several(fs: &SimFs) -> Engine {
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), settings()).unwrap()
}

fn recover_dead(engine: &Engine) -> crate::Result<Changes> {
    let mut changes = Changes::default();
    engine.recover_dead(&mut changes).map(|()| changes)
}

/// Written, and not synced: in the cache, above the mark.
fn written(engine: &Engine, number: u8, ordinal: u64) {
    append(engine, number, ordinal).unwrap();
    CLOCK.with(|clock| clock.forward(20));
    let before = engine.stats();
    assert!(engine.tick());
    assert_eq!((engine.stats().groups, engine.stats().syncs), (before.groups + 1, before.syncs));
}

#[test]
fn what_a_dead_writer_handed_to_the_system_is_durable_once_its_journal_is_recovered() {
    let disk = SimFs::new(1);
    let (one, two) = (disk.process(), disk.process());
    let (a, b) = (several(&one), several(&two));
    append_synced(&a, 1, 0).unwrap();
    append_synced(&b, 2, 0).unwrap();
    written(&a, 1, 1);
    assert!(recover_dead(&b).unwrap().streams().eq([&stream(1)]));
    assert!(recover_dead(&b).unwrap().is_empty(), "a living writer's journal is left alone");
    assert_eq!(b.head(&stream(1)).unwrap().next_ordinal, 1, "what is not durable is not shown");
    one.kill_process();
    assert!(b.refresh().unwrap().is_empty(), "nobody made it durable");
    assert!(recover_dead(&b).unwrap().streams().eq([&stream(1)]));
    assert_eq!(b.head(&stream(1)).unwrap().durable_ordinal, 2);
    assert!(recover_dead(&b).unwrap().is_empty(), "once is enough");
    let after = disk.crash(&Choice::LoseAll);
    let c = several(&after);
    assert_eq!(c.head(&stream(1)).unwrap().durable_ordinal, 2);
    assert!(c.damage().is_empty());
    drop((a, b));
}

#[test]
fn a_recovery_elsewhere_that_does_not_end_is_told_with_who_is_at_it() {
    let disk = SimFs::new(1);
    let (one, two, three) = (disk.process(), disk.process(), disk.process());
    let (a, b, c) = (several(&one), several(&two), several(&three));
    written(&a, 1, 0);
    one.kill_process();
    let recovering = Signs::new(c.leases().cloned(), a.journal());
    assert!(recovering.try_begin().unwrap());
    let mut changes = Changes::default();
    let told = b.recover_dead_within(Duration::ZERO, &mut changes);
    assert!(matches!(&told, Err(Error::Recovering { owner, .. }) if owner.pid == std::process::id()), "{told:?}");
    assert!(told.unwrap_err().is_retryable());
    drop(recovering);
    assert!(recover_dead(&b).unwrap().streams().eq([&stream(1)]));
    drop((a, b, c));
}

#[test]
fn a_journal_that_was_recovered_is_taken_by_the_next_writer() {
    let disk = SimFs::new(1);
    let one = disk.process();
    let a = several(&one);
    let b = several(&disk.process());
    append_synced(&a, 1, 0).unwrap();
    one.kill_process();
    recover_dead(&b).unwrap();
    let c = several(&disk.process());
    assert_eq!(c.journal(), 0);
    append_synced(&c, 1, 1).unwrap();
    assert!(recover_dead(&b).unwrap().streams().eq([&stream(1)]), "read on, and left to its writer");
    append_synced(&c, 1, 2).unwrap();
    drop(a);
}

#[test]
fn a_closed_journal_is_not_touched() {
    let disk = SimFs::new(1);
    let (a, b) = (several(&disk.process()), several(&disk.process()));
    append_synced(&a, 1, 0).unwrap();
    a.close().unwrap();
    b.refresh().unwrap();
    let calls = disk.calls();
    assert!(recover_dead(&b).unwrap().is_empty());
    assert_eq!(disk.calls(), calls);
}

#[test]
fn the_leases_of_a_dead_writer_are_free_and_those_of_a_living_one_name_it() {
    let disk = SimFs::new(1);
    let (one, two) = (disk.process(), disk.process());
    let (a, b) = (several(&one), several(&two));
    let thread = [9; 16];
    let lease = a.leases().unwrap().take(LeaseOn::Writer(&thread)).unwrap();
    match b.leases().unwrap().take(LeaseOn::Writer(&thread)) {
        Err(Error::Leased { owner }) => assert_eq!(owner.pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    one.kill_process();
    let _taken = b.leases().unwrap().take(LeaseOn::Writer(&thread)).unwrap();
    drop((lease, a));
    assert!(b.leases().unwrap().holds(LeaseOn::Writer(&thread)));
}

#[test]
fn leases_survive_the_reopening_of_the_store_and_follow_it_to_another_journal() {
    let disk = SimFs::new(1);
    let (one, two) = (disk.process(), disk.process());
    let (b, a) = (several(&two), several(&one));
    assert_eq!((b.journal(), a.journal()), (0, 1));
    let thread = [9; 16];
    let _lease = a.leases().unwrap().take(LeaseOn::Writer(&thread)).unwrap();
    b.close().unwrap();
    a.close().unwrap();
    let a = Engine::open_with(Arc::new(one.clone()), Path::new(ROOT), settings(), a.leases().cloned()).unwrap();
    assert_eq!(a.journal(), 0);
    let b = several(&two);
    assert!(matches!(b.leases().unwrap().take(LeaseOn::Writer(&thread)), Err(Error::Leased { .. })));
}

#[test]
fn whichever_call_fails_recovering_the_dead_can_be_repeated() {
    for call in 1.. {
        let disk = SimFs::new(1);
        let one = disk.process();
        let (a, b) = (several(&one), several(&disk.process()));
        append_synced(&a, 1, 0).unwrap();
        append_synced(&a, 1, 1).unwrap();
        written(&a, 1, 2);
        one.kill_process();
        disk.fail_call(disk.calls() + call, Fault::Error(EIO));
        let first = recover_dead(&b);
        disk.clear_faults();
        recover_dead(&b).unwrap();
        assert_eq!(b.head(&stream(1)).unwrap().durable_ordinal, 3, "call {call}");
        assert!(b.damage().is_empty());
        let mut batch = Batch::new();
        batch.push(crate::NewRecord { lease_epoch: 2, ..record(1, 3, b"more") }).unwrap();
        b.sync(b.append(batch).unwrap()).unwrap();
        drop(a);
        if first.is_ok() && call > 100 {
            return;
        }
    }
}

#[test]
fn the_channels_of_a_thread_are_found_in_all_journals() {
    let disk = SimFs::new(1);
    let (a, b) = (several(&disk.process()), several(&disk.process()));
    for (engine, channel) in [(&a, 0), (&a, 1), (&b, 2), (&b, 200)] {
        let mut batch = Batch::new();
        let stream = crate::StreamId { channel, ..stream(1) };
        batch.push(crate::NewRecord { stream, ordinal: None, ..record(1, 0, b"x") }).unwrap();
        engine.sync(engine.append(batch).unwrap()).unwrap();
    }
    a.refresh().unwrap();
    let stream = stream(1);
    assert_eq!(a.channels(&stream.thread, stream.incarnation), [0, 1, 2, 200]);
    assert!(a.channels(&[77; 16], 1).is_empty());
}

#[test]
fn a_lease_is_kept_until_the_records_under_it_are_settled() {
    let disk = SimFs::new(1);
    let (a, b) = (several(&disk.process()), several(&disk.process()));
    let thread = [9; 16];
    let taken = || b.leases().unwrap().take(LeaseOn::Writer(&thread)).map(drop).is_ok();
    let keep = |a: &Engine| {
        let lease = a.leases().unwrap().take(LeaseOn::Writer(&thread)).unwrap();
        let ticket = append(a, 1, a.head(&stream(1)).map_or(0, |head| head.next_ordinal)).unwrap();
        a.keep_until_settled(ticket, Box::new(lease));
        assert!(!taken());
        ticket
    };
    let ticket = keep(&a);
    a.sync(ticket).unwrap();
    assert!(taken(), "durable");

    let ticket = keep(&a);
    disk.fail_kind(CallKind::Write, disk.calls_of(CallKind::Write) + 1, Fault::Error(EIO));
    a.sync(ticket).unwrap_err();
    assert!(taken(), "certainly not in the log");

    let ticket = keep(&a);
    disk.fail_kind(CallKind::Sync, disk.calls_of(CallKind::Sync) + 1, Fault::FailedSync);
    a.sync(ticket).unwrap_err();
    assert!(!taken(), "nobody knows");
    a.close().unwrap_err();
    assert!(taken(), "whoever goes on recovers the journal first");
    recover_dead(&b).unwrap();
    assert!(b.head(&stream(1)).unwrap().durable_ordinal >= 1);

    let lease = a.leases().unwrap().take(LeaseOn::Writer(&thread)).unwrap();
    a.keep_until_settled(ticket, Box::new(lease));
    assert!(taken(), "a closed engine keeps nothing");
}
