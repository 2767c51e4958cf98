//! Bundles: what is packed comes out elsewhere, once, with what it stands on.

use super::forks::{fork_meta, key, plant, texts};
use super::*;
use crate::bundle::{Outcome, Unpacked, verify};
use crate::event::{CODEC, Control, ITEMS, control_channel, encode_line};
use crate::{BundleFault, Error, ThreadKey};
use threadlog_engine::{Batch, NewRecord, ReadLog};

/// A base, a fork of it, and a fork of the fork.
fn family(store: &Store) {
    plant(store, key(1), None, &[meta(A), message(1, "one"), message(2, "two"), message(3, "a secret")]);
    plant(store, key(2), Some((key(1), 3)), &[fork_meta(key(2), key(1)), message(4, "the second's")]);
    plant(store, key(3), Some((key(2), 5)), &[fork_meta(key(3), key(2)), message(5, "the third's")]);
}

fn append(store: &Store, key: ThreadKey, text: &str) {
    let engine = store.engine().unwrap();
    let mut payload = Vec::new();
    encode_line(&crate::item::parse(message(9, text).as_bytes()), false, &mut payload);
    let mut batch = Batch::new();
    let stream = key.stream(ITEMS);
    let lease_epoch = engine.head(&stream).unwrap().lease_epoch;
    batch.push(NewRecord { stream, ordinal: None, lease_epoch, clock: 9, codec: CODEC, payload: &payload }).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

fn say(store: &Store, key: ThreadKey, control: &Control) {
    let engine = store.engine().unwrap();
    let (mut payload, mut batch) = (Vec::new(), Batch::new());
    control.encode(&mut payload);
    let stream = key.stream(control_channel(engine.journal()));
    batch.push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock: 8, codec: CODEC, payload: &payload }).unwrap();
    engine.sync(engine.append(batch).unwrap()).unwrap();
}

fn outcomes_of(unpacked: &Unpacked) -> Vec<Outcome> {
    unpacked.lives.iter().map(|life| life.outcome.clone()).collect()
}

fn streams(store: &Store) -> Vec<(threadlog_engine::StreamId, u64)> {
    store.log().streams().iter().map(|info| (info.stream, info.records)).collect()
}

#[test]
fn a_fork_comes_out_elsewhere_with_as_much_of_its_bases_as_it_needs() {
    let (here, there) = (Bench::new(), Bench::new());
    let file = here.folder.path().join("threads.bundle");
    let (source, target) = (here.open(), there.open());
    family(&source);
    let packed = source.pack(&[key(3)], &file, &Silent).unwrap();
    let contents = verify(&file, &Silent).unwrap();
    assert_eq!(contents.lives, packed.lives);
    assert_eq!(contents.header.store, source.store_id().unwrap());
    let bases: Vec<(ThreadKey, bool)> = contents.lives.iter().map(|row| (row.key, row.is_base)).collect();
    assert_eq!(bases, [(key(1), true), (key(2), true), (key(3), false)]);

    let unpacked = target.unpack(&file, &Silent).unwrap();
    assert_eq!(outcomes_of(&unpacked), [Outcome::Added, Outcome::Added, Outcome::Added]);
    assert_eq!(texts(&target, key(3)), texts(&source, key(3)));
    assert_eq!(target.metadata(key(3)).inherited(), source.metadata(key(3)).inherited());
    assert_eq!(texts(&target, key(1)).len(), 3, "not what came behind the fork");

    let before = streams(&target);
    let again = target.unpack(&file, &Silent).unwrap();
    assert_eq!(outcomes_of(&again), [Outcome::Unchanged, Outcome::Unchanged, Outcome::Unchanged]);
    assert_eq!(streams(&target), before, "twice changes nothing");
    assert!(matches!(source.pack(&[key(3)], &file, &Silent), Err(Error::Exists { .. })), "nothing is overwritten");
}

#[test]
fn an_imported_file_and_a_long_line_come_out_byte_for_byte() {
    let (here, there) = (Bench::new(), Bench::new());
    here.put(&name(A), rollout(A, 50) + &message(51, &"long ".repeat(600_000)));
    here.put(&name(B), rollout(B, 3) + "{\"half");
    here.import();
    let file = here.folder.path().join("threads.bundle");
    let (source, target) = (here.open(), there.open());
    source.seal(&crate::maintain::CompactionConfig::default(), &Silent).unwrap();
    let lives: Vec<ThreadKey> = source.threads().iter().map(|thread| thread.current.key).collect();
    source.pack(&lives, &file, &Silent).unwrap();
    target.unpack(&file, &Silent).unwrap();
    let to = here.folder.path().join("to");
    assert_eq!(target.export(None, &to, &ExportOptions::default(), &Silent).failed, []);
    assert_same_files(&here.home(), &to);
    target.close().unwrap();
    assert!(Store::verify_on(Arc::new(there.disk.clone()), root(), &Silent).unwrap().is_sound());
    // What is there is known there: the same files again are nothing new.
    let report = there.open().import(&[here.home()], &one_job(), &Silent).unwrap();
    assert!(report.files.iter().all(|file| file.outcome == crate::import::Outcome::Unchanged), "{report:?}");
}

#[test]
fn what_is_there_in_part_is_completed_and_what_differs_is_left_and_named() {
    let (here, there) = (Bench::new(), Bench::new());
    let file = |name: &str| here.folder.path().join(name);
    let (source, target) = (here.open(), there.open());
    family(&source);
    source.pack(&[key(1)], &file("short"), &Silent).unwrap();
    target.unpack(&file("short"), &Silent).unwrap();
    append(&source, key(1), "more");
    say(&source, key(1), &Control::Archived);
    source.pack(&[key(1), key(3)], &file("long"), &Silent).unwrap();
    let unpacked = target.unpack(&file("long"), &Silent).unwrap();
    assert_eq!(outcomes_of(&unpacked), [Outcome::Extended, Outcome::Added, Outcome::Added]);
    assert_eq!((unpacked.lives[0].items_added, unpacked.lives[0].controls_added), (1, 1));
    assert_eq!(texts(&target, key(1)), texts(&source, key(1)));
    assert!(target.metadata(key(1)).archived());
    // The beginning of what is there is nothing new.
    let before = streams(&target);
    assert_eq!(outcomes_of(&target.unpack(&file("short"), &Silent).unwrap()), [Outcome::Unchanged]);
    assert_eq!(streams(&target), before);

    let third = Bench::new();
    let elsewhere = third.open();
    elsewhere.unpack(&file("short"), &Silent).unwrap();
    append(&elsewhere, key(1), "otherwise");
    let before = texts(&elsewhere, key(1));
    let unpacked = elsewhere.unpack(&file("long"), &Silent).unwrap();
    assert_eq!(unpacked.lives[0].outcome, Outcome::Differs { ordinal: 4 });
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused { .. });
    assert!(unpacked.lives[1..].iter().all(|life| refused(&life.outcome)), "nor what stands on it: {unpacked:?}");
    assert_eq!(texts(&elsewhere, key(1)), before);
}

#[test]
fn the_deleted_stay_deleted_and_a_base_that_was_deleted_is_not_listed() {
    let (here, there) = (Bench::new(), Bench::new());
    let file = |name: &str| here.folder.path().join(name);
    let (source, target) = (here.open(), there.open());
    family(&source);
    source.pack(&[key(1)], &file("one"), &Silent).unwrap();
    say(&source, key(1), &Control::Deleted);
    source.pack(&[key(2)], &file("two"), &Silent).unwrap();
    target.unpack(&file("two"), &Silent).unwrap();
    assert_eq!(texts(&target, key(2)), texts(&source, key(2)));
    let listed: Vec<ThreadKey> = target.threads().iter().map(|thread| thread.current.key).collect();
    assert_eq!(listed, [key(2)]);
    let before = streams(&target);
    assert_eq!(outcomes_of(&target.unpack(&file("one"), &Silent).unwrap()), [Outcome::Deleted]);
    assert!(target.unpack(&file("two"), &Silent).unwrap().lives.iter().all(|life| life.outcome.is_here()));
    assert_eq!(streams(&target), before);
    // That it was deleted elsewhere deletes nothing here.
    let third = Bench::new();
    let elsewhere = third.open();
    elsewhere.unpack(&file("one"), &Silent).unwrap();
    elsewhere.unpack(&file("two"), &Silent).unwrap();
    assert_eq!(elsewhere.threads().len(), 2);
}

#[test]
fn a_bundle_with_any_byte_changed_or_its_end_cut_off_is_refused_whole() {
    let (here, there) = (Bench::new(), Bench::new());
    let file = here.folder.path().join("threads.bundle");
    let (source, target) = (here.open(), there.open());
    family(&source);
    source.pack(&[key(3)], &file, &Silent).unwrap();
    let sound = fs::read(&file).unwrap();
    // Zeros of the trailer that no hash covers say nothing.
    let unused = sound.len() - 16..sound.len() - 8;
    let broken = here.folder.path().join("broken");
    for at in (0..sound.len()).filter(|at| !unused.contains(at)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        fs::write(&broken, &bytes).unwrap();
        assert!(matches!(verify(&broken, &Silent), Err(Error::Bundle { .. })), "byte {at}");
    }
    for length in 0..sound.len() {
        fs::write(&broken, &sound[..length]).unwrap();
        assert!(matches!(verify(&broken, &Silent), Err(Error::Bundle { .. })), "{length} bytes");
    }
    let error = target.unpack(&broken, &Silent).unwrap_err();
    assert!(matches!(error, Error::Bundle { fault: BundleFault::Short, .. }), "{error}");
    assert!(target.log().streams().is_empty());
}

#[test]
fn a_power_cut_at_any_call_of_unpacking_leaves_a_beginning_that_the_next_one_completes() {
    let (here, there) = (Bench::new(), Bench::new());
    let file = here.folder.path().join("threads.bundle");
    let source = here.open();
    family(&source);
    source.pack(&[key(1), key(3)], &file, &Silent).unwrap();
    drop(there.open());
    let open = |disk: &SimFs| {
        let config = Config { background: Background::Manual, prepare_spares: false, ..Config::default() };
        Store::open_on(Arc::new(disk.clone()), root(), config)
    };
    let trial = there.disk.snapshot();
    let start = trial.calls();
    open(&trial).unwrap().unpack(&file, &Silent).unwrap();
    for after in start..=trial.calls() {
        let disk = there.disk.snapshot();
        disk.freeze_after(after);
        if let Ok(store) = open(&disk) {
            let _ = store.unpack(&file, &Silent);
        }
        for choice in disk.crash_points().choices(2, after) {
            let crashed = disk.crash(&choice);
            let store = open(&crashed).unwrap();
            store.unpack(&file, &Silent).unwrap();
            for number in 1..=3 {
                assert_eq!(texts(&store, key(number)), texts(&source, key(number)), "after {after}, {choice:?}");
            }
            let own = store.log().head(&key(3).stream(ITEMS)).unwrap();
            assert_eq!(own.durable_ordinal, 2, "nothing twice");
        }
    }
}
