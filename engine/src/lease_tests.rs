use super::*;
use crate::fs::sim::SimFs;

const THREAD: [u8; 16] = [7; 16];
const WRITER: LeaseOn<'static> = LeaseOn::Writer(&THREAD);
const LIFE: LeaseOn<'static> = LeaseOn::Life(&THREAD, 3);
const END: LeaseOn<'static> = LeaseOn::EndOfLife(&THREAD, 3);

/// Two processes, writers of journals 0 and 4, each with its name in its LOCK file.
fn two() -> (Leases, Leases, SimFs) {
    let fs = SimFs::new(1);
    let root = Path::new("/store");
    let processes = [0_u32, 4].map(|journal| {
        let places = Places::new(root, journal);
        crate::fs::create_dir_durable(&fs, &places.journal).unwrap();
        let owner = Owner { pid: journal + 100, ..Owner::default() };
        fs.try_lock(&places.lock()).unwrap().unwrap().describe(&owner.to_text()).unwrap();
        let leases = Leases::open(Arc::new(fs.clone()), root).unwrap();
        leases.move_to(journal).unwrap();
        leases
    });
    let [one, two] = processes;
    (one, two, fs)
}

fn refused_by(result: Result<Lease>) -> u32 {
    match result {
        Err(Error::Leased { owner }) => owner.pid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_writer_is_refused_and_told_who_holds_the_thread() {
    let (one, two, _) = two();
    let lease = one.take(WRITER).unwrap();
    assert_eq!(refused_by(two.take(WRITER)), 100);
    assert_eq!(two.holder(WRITER).unwrap().unwrap().pid, 100);
    assert!(two.take(LeaseOn::Writer(&[8; 16])).is_ok());
    drop(lease);
    let lease = two.take(WRITER).unwrap();
    assert_eq!(refused_by(one.take(WRITER)), 104);
    drop(lease);
    assert!(one.holder(WRITER).unwrap().is_none());
}

#[test]
fn a_lease_taken_twice_in_a_process_is_free_when_both_are_dropped() {
    let (one, two, _) = two();
    let (first, second) = (one.take(WRITER).unwrap(), one.take(WRITER).unwrap());
    drop(first);
    assert_eq!(refused_by(two.take(WRITER)), 100);
    assert!(one.holds(WRITER));
    drop(second);
    assert!(two.take(WRITER).is_ok());
}

#[test]
fn a_life_is_not_ended_while_somebody_builds_on_it_nor_built_on_while_it_ends() {
    let (one, two, _) = two();
    for (other, pid) in [(&two, 100), (&one, 100)] {
        let building = one.take(LIFE).unwrap();
        let also = two.take(LIFE).unwrap();
        assert!(matches!(other.take(END), Err(Error::Leased { .. })));
        drop(also);
        assert_eq!(refused_by(other.take(END)), pid);
        drop(building);
        let ending = other.take(END).unwrap();
        assert!(matches!(one.take(LIFE), Err(Error::Leased { .. })));
        assert!(matches!(two.take(LIFE), Err(Error::Leased { .. })));
        drop(ending);
    }
}

#[test]
fn a_holder_that_moves_to_another_journal_is_found_there() {
    let (one, two, _) = two();
    let lease = two.take(WRITER).unwrap();
    two.move_to(0).unwrap();
    assert_eq!(refused_by(one.take(WRITER)), 100);
    two.move_to(4).unwrap();
    assert_eq!(refused_by(one.take(WRITER)), 104);
    drop(lease);
    assert!(one.take(WRITER).is_ok());
}

#[test]
fn the_death_of_a_process_frees_its_leases() {
    let (one, two, fs) = two();
    let lease = one.take(WRITER).unwrap();
    drop(two);
    let after = Leases::open(Arc::new(fs.kill()), Path::new("/store")).unwrap();
    let _again = after.take(WRITER).unwrap();
    drop(lease);
}

#[test]
fn names_keep_their_places() {
    // Other versions look for the same ranges.
    assert_eq!(WRITER.start(), 0x14ec_b8b6_0712_5900);
    assert_eq!(LIFE.start(), 0x3d79_45b6_e745_5500);
    assert_eq!(LeaseOn::Task("import").start(), 0x2d1d_7f83_2a04_6b00);
    assert_eq!(journal_range(Kind::Opening, 5), LockRange { start: (2 << 61) | (5 << 8), length: 1 });
    assert_eq!(journal_range(Kind::Alive, 254), LockRange { start: (3 << 61) | (254 << 8), length: 1 });
}
