//! Crash, kill, freeze, locks, boots: the machine around the disk.

use super::*;

#[test]
fn after_a_crash_old_handles_are_stale_and_locks_are_free() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"x");
    let lock = fs.try_lock(path("/LOCK")).unwrap().unwrap();
    let page = fs.shared_page(path("/mark"), 4096).unwrap();
    let left = fs.crash(&Choice::KeepAll);
    assert_eq!(errno(file.read_at(&mut [0], 0)), Some(EIO));
    assert_eq!(errno(file.write_at(&[0], 0)), Some(EIO));
    assert_eq!(errno(file.sync_data()), Some(EIO));
    assert_eq!(errno(file.len()), Some(EIO));
    assert_eq!(errno(lock.describe("me")), Some(EIO));
    assert_eq!(errno(fs.open(path("/a"), OpenMode::Read)), Some(EIO));
    page.store(0, 1);
    assert_eq!(page.load(0), 0);
    assert!(left.try_lock(path("/LOCK")).unwrap().is_some());
    assert_eq!(content(&left, "/a"), b"x");
}

#[test]
fn after_a_kill_the_cache_survives_and_locks_are_free() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"");
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    create(&fs, "/b");
    let lock = fs.try_lock(path("/LOCK")).unwrap().unwrap();
    let killed = fs.kill();
    assert_eq!(errno(file.sync_data()), Some(EIO));
    assert_eq!((paths(&killed), letters(&content(&killed, "/a"))), ("/LOCK /a /b".into(), "x".into()));
    assert!(killed.try_lock(path("/LOCK")).unwrap().is_some());
    drop(lock);
    // What was pending still is.
    assert_eq!(paths(&killed.crash(&Choice::LoseAll)), "/a");
}

#[test]
fn boots_differ_by_crash_only() {
    let fs = SimFs::new(1);
    let first = fs.boot_id().unwrap();
    assert_eq!(fs.boot_id().unwrap(), first);
    assert_eq!(fs.snapshot().kill().boot_id().unwrap(), first);
    let second = fs.crash(&Choice::LoseAll);
    let third = second.crash(&Choice::LoseAll);
    let ids = BTreeSet::from([first, second.kill().boot_id().unwrap(), third.boot_id().unwrap()]);
    assert_eq!(ids.len(), 3);
    assert_ne!(SimFs::new(2).boot_id().unwrap(), first);
    assert_ne!(ids.into_iter().map(|id| id[..8].to_vec()).collect::<BTreeSet<_>>().len(), 1);
}

#[test]
fn random_numbers_follow_the_seed_and_are_not_repeated_after_a_crash() {
    let draw = |fs: &SimFs| fs.random().unwrap();
    let (one, two) = (SimFs::new(5), SimFs::new(5));
    let drawn = [draw(&one), draw(&one)];
    assert_eq!([draw(&two), draw(&two)], drawn);
    assert_ne!(draw(&SimFs::new(6)), drawn[0]);
    let left = one.crash(&Choice::LoseAll);
    let next = draw(&left);
    assert!(!drawn.contains(&next));
    assert_eq!(draw(&two), next);
}

#[test]
fn a_lock_is_exclusive_until_it_is_dropped() {
    let fs = SimFs::new(1);
    let lock = fs.try_lock(path("/LOCK")).unwrap().unwrap();
    assert!(fs.clone().try_lock(path("/LOCK")).unwrap().is_none());
    assert!(fs.try_lock(path("/other")).unwrap().is_some());
    lock.describe("a long description").unwrap();
    lock.describe("short").unwrap();
    assert_eq!(content(&fs, "/LOCK"), b"short");
    drop(lock);
    assert!(fs.try_lock(path("/LOCK")).unwrap().is_some());
}

#[test]
fn one_state_can_be_crashed_many_times() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    let (lost, kept) = (fs.crash(&Choice::LoseAll), fs.crash(&Choice::KeepAll));
    write_all_at(&*open(&lost, "/a"), &block(b'z'), 0).unwrap();
    assert_eq!([&lost, &kept].map(|left| letters(&content(left, "/a"))), ["z", "x"]);
    assert_eq!(letters(&content(&fs.crash(&Choice::LoseAll), "/a")), "a");
}

#[test]
fn a_snapshot_leaves_the_original_running() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    let copy = fs.snapshot();
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    assert_eq!([&fs, &copy].map(|fs| letters(&content(fs, "/a"))), ["x", "a"]);
    write_all_at(&*open(&copy, "/a"), &block(b'y'), 0).unwrap();
    assert_eq!([&fs, &copy].map(|fs| letters(&content(fs, "/a"))), ["x", "y"]);
}

#[test]
fn a_frozen_machine_refuses_everything_and_forgets_stores() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    let page = fs.shared_page(path("/mark"), 4096).unwrap();
    fs.freeze_after(fs.calls() + 1);
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    page.store(0, 1);
    assert_eq!(page.load(0), 0);
    assert_eq!(errno(file.sync_data()), Some(EIO));
    assert_eq!(errno(file.read_at(&mut [0], 0)), Some(EIO));
    assert_eq!(errno(fs.sync_dir(path("/"))), Some(EIO));
    assert_eq!(outcomes(&fs, "/a"), set(&["a", "x"]));
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!((left.calls(), letters(&content(&left, "/a"))), (0, "a".into()));
}

#[test]
fn hashes_tell_states_of_the_medium_apart() {
    let fs = SimFs::new(1);
    let empty = fs.durable_hash();
    let file = create(&fs, "/a");
    assert_eq!(fs.durable_hash(), empty, "pending names do not count");
    fs.sync_dir(path("/")).unwrap();
    let named = fs.durable_hash();
    write_all_at(&*file, &[0; 4096], 0).unwrap();
    assert_eq!(fs.durable_hash(), named, "pending bytes do not count");
    file.sync_data().unwrap();
    let zeros = fs.durable_hash();
    file.set_len(8192).unwrap();
    file.sync_data().unwrap();
    let longer = fs.durable_hash();
    write_all_at(&*file, &[1], 4096).unwrap();
    file.sync_data().unwrap();
    let second = fs.durable_hash();
    write_all_at(&*file, &[1, 0], 0).unwrap();
    write_all_at(&*file, &[0], 4096).unwrap();
    file.sync_data().unwrap();
    let first = fs.durable_hash();
    fs.rename(path("/a"), path("/b")).unwrap();
    fs.sync_dir(path("/")).unwrap();
    let renamed = fs.durable_hash();
    assert_eq!(BTreeSet::from([empty, named, zeros, longer, second, first, renamed]).len(), 7);
    assert_eq!(fs.crash(&Choice::LoseAll).durable_hash(), renamed);
}

#[test]
fn directories_count_in_the_hash_by_what_they_hold() {
    let state = |paths: &[&str]| {
        let fs = SimFs::new(1);
        for name in paths {
            match name.strip_suffix('/') {
                Some(name) => fs.create_dir(path(name)).unwrap(),
                None => drop(create(&fs, name)),
            }
        }
        fs.crash(&Choice::KeepAll).durable_hash()
    };
    let hashes = [state(&["/d/", "/d/a", "/e/"]), state(&["/d/", "/e/", "/e/a"]), state(&["/d/", "/e/", "/a"])];
    assert_eq!(BTreeSet::from(hashes).len(), 3);
    assert_ne!(state(&["/d/", "/d/e"]), state(&["/d/", "/e"]));
}

#[test]
fn choices_number_all_states() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[0; 3 * BLOCK]);
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    write_all_at(&*file, &block(b'y'), 0).unwrap();
    write_all_at(&*file, &block(b'z'), 4096).unwrap();
    let space = fs.crash_points();
    assert_eq!((space.points(), space.states(), space.bits()), (2, 6, 3));
    let hash = |choice: &Choice| fs.crash(choice).durable_hash();
    let all: Vec<u64> = space.choices(6, 0).map(|choice| hash(&choice)).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 6);
    assert_eq!(hash(&space.choice(0)), hash(&Choice::LoseAll));
    assert_eq!(hash(&space.choice(5)), hash(&Choice::KeepAll));
    assert_eq!(hash(&space.choice(6)), hash(&space.choice(0)));
}

#[test]
fn samples_are_repeatable_legal_and_varied() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[0; 12 * BLOCK]);
    write_all_at(&*file, &vec![b'x'; 12 * BLOCK], 0).unwrap();
    let space = fs.crash_points();
    assert_eq!(space.bits(), 12);
    let choices: Vec<Choice> = space.choices(256, 9).collect();
    assert_eq!(choices, space.choices(256, 9).collect::<Vec<_>>());
    assert_eq!(choices[..2], [Choice::LoseAll, Choice::KeepAll]);
    let hash = |choice: &Choice| fs.crash(choice).durable_hash();
    let seen: BTreeSet<u64> = choices.iter().map(hash).collect();
    assert!(seen.len() > 128, "{}", seen.len());
    let kept = |choice: &Choice| letters(&content(&fs.crash(choice), "/a")).matches('x').count();
    let counts: Vec<usize> = choices.iter().skip(2).map(kept).collect();
    for wanted in [0..=2_usize, 4..=8, 10..=12] {
        assert!(counts.iter().filter(|count| wanted.contains(*count)).count() > 40, "{wanted:?}: {counts:?}");
    }
    assert_eq!(seen, choices.iter().map(hash).collect());
}
