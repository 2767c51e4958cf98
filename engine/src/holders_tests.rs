use super::*;
use crate::config::{Background, Config};
use crate::fs::sim::SimFs;
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
