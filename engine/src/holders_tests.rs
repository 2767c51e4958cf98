use super::*;
use crate::config::{Background, Config};
use crate::fs::sim::SimFs;
use crate::journal::claim::Signs;
use crate::journal::engine::Engine;

const THREAD: [u8; 16] = [7; 16];
const ROOT: &str = "/store";

fn open(fs: &SimFs, client: &str, journals_max: u32) -> Engine {
    let background = Background::Manual;
    let config =
        Config { client: client.to_owned(), background, prepare_spares: false, journals_max, ..Config::default() };
    Engine::open(Arc::new(fs.clone()), Path::new(ROOT), config).unwrap()
}

fn clients(holders: &Holders) -> Vec<(u32, String)> {
    holders.writers().unwrap().into_iter().map(|writer| (writer.journal, writer.owner.client)).collect()
}

#[test]
fn who_writes_is_known_until_they_close_or_die() {
    let machine = SimFs::new(1);
    let dying = machine.process();
    let one = open(&dying, "one", 255);
    let two = open(&machine.process(), "two", 255);
    let _lease = one.leases().unwrap().take(LeaseOn::Writer(&THREAD)).unwrap();
    let holders = Holders::open(Arc::new(machine.process()), Path::new(ROOT)).unwrap().unwrap();
    let named = |journal, client: &str| (journal, client.to_owned());
    assert_eq!(clients(&holders), [named(0, "one"), named(1, "two")]);
    let holder = holders.of(LeaseOn::Writer(&THREAD)).unwrap().unwrap();
    assert_eq!((holder.journal, &*holder.owner.client), (0, "one"));
    assert_eq!(holders.of(LeaseOn::Writer(&[8; 16])).unwrap(), None);
    dying.kill_process();
    assert_eq!(clients(&holders), [named(1, "two")]);
    assert_eq!(holders.of(LeaseOn::Writer(&THREAD)).unwrap(), None);
    // Asking is in nobody's way.
    drop(two.leases().unwrap().take(LeaseOn::Writer(&THREAD)).unwrap());
    two.close().unwrap();
    assert_eq!(clients(&holders), []);
}

#[test]
fn a_store_of_one_writer_at_a_time_has_no_leases_and_gets_none_by_being_asked() {
    let machine = SimFs::new(1);
    let engine = open(&machine, "one", 1);
    for _ in 0..2 {
        assert!(Holders::open(Arc::new(machine.process()), Path::new(ROOT)).unwrap().is_none());
    }
    engine.close().unwrap();
}

#[test]
fn a_writer_that_wants_the_store_alone_excludes_all_others_and_is_excluded_by_them() {
    let config = |journals_max| Config {
        background: Background::Manual,
        prepare_spares: false,
        journals_max,
        ..Config::default()
    };
    let open = |machine: &SimFs, journals_max| {
        Engine::open(Arc::new(machine.process()), Path::new(ROOT), config(journals_max))
    };
    let machine = SimFs::new(1);
    let alone = open(&machine, 1).unwrap();
    assert!(alone.leases().is_none());
    let refused = open(&machine, 255).map(drop);
    assert!(matches!(&refused, Err(Error::Locked { path, .. }) if path.ends_with("000")), "{refused:?}");
    alone.close().unwrap();
    let first = open(&machine, 255).unwrap();
    assert!(matches!(open(&machine, 1), Err(Error::Locked { .. })));
    let second = open(&machine, 255).unwrap();
    first.close().unwrap();
    // The first journal is free, and there is a writer in the second: leases keep them apart.
    let alone = open(&machine, 1).unwrap();
    let held = second.leases().unwrap().take(LeaseOn::Writer(&THREAD)).unwrap();
    let taken = alone.leases().unwrap().take(LeaseOn::Writer(&THREAD)).map(drop);
    assert!(matches!(taken, Err(Error::Leased { .. })), "{taken:?}");
    drop(held);
    alone.close().unwrap();
    second.close().unwrap();
}

#[test]
fn signs_that_were_not_given_are_not_taken_away() {
    let machine = SimFs::new(1);
    let engine = open(&machine.process(), "one", 255);
    let holders = Holders::open(Arc::new(machine.process()), Path::new(ROOT)).unwrap().unwrap();
    assert_eq!(clients(&holders).len(), 1);
    // Another part of the same process looked at the journal before the engine had it.
    drop(Signs::new(engine.leases().cloned(), engine.journal()));
    assert_eq!(clients(&holders).len(), 1);
}
