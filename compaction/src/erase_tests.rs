use super::*;
use crate::testing::hot::{append, append_later, open, read, reader, seal_all, take};
use crate::testing::{Fates, Model, all_bytes_of, config, holds, load_of, payload, stream, value};
use crate::{Unwatched, Written};
use threadlog_engine::fs::sim::SimFs;

fn erase_now(fs: &SimFs, engine: &Engine, rules: &Fates, config: &Config) -> Erased {
    let mut held = take(fs, engine).unwrap();
    erase(&mut held, engine, rules, config, &Unwatched).unwrap()
}

/// Everything but one thread, of which part may be gone.
fn read_but(log: &dyn ReadLog, thread: u8) -> Model {
    let mut model = Model::new();
    for info in log.streams().iter().filter(|info| info.stream.thread[0] != thread) {
        for record in log.read(&info.stream, 0..u64::MAX) {
            let record = record.unwrap();
            model.insert((record.stream, record.ordinal), crate::testing::hot::plain_of(record));
        }
    }
    model
}

fn dead(thread: u8) -> Fates {
    Fates(BTreeMap::from([(thread, Fate::Drop)]))
}

fn left(model: &Model, thread: u8) -> Model {
    model
        .iter()
        .filter(|((stream, _), _)| stream.thread[0] != thread)
        .map(|(key, plain)| (*key, plain.clone()))
        .collect()
}

#[test]
fn every_byte_that_nobody_shares_is_gone_hot_sealed_and_large() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    let large: Vec<u8> = (5000..6500).flat_map(value).collect();
    for round in 0..4 {
        for thread in 1..4 {
            // One value of all threads, one of its own.
            let own = value(100 * u64::from(thread) + round);
            append(&engine, &mut model, stream(thread, 0), payload(&[&value(1), &own, &own])).unwrap();
        }
        match round {
            0 => append(&engine, &mut model, stream(2, 0), payload(&[&large])).unwrap(),
            3 => append(&engine, &mut model, stream(2, 0), b"only hot".to_vec()).unwrap(),
            _ => drop(seal_all(&fs, &engine, &Fates::default()).unwrap()),
        }
    }
    let erased = erase_now(&fs, &engine, &dead(2), &config());
    assert!(erased.pending.is_empty() && erased.damaged.is_empty());
    assert!(erased.written.records_dropped >= 6, "{erased:?}");
    assert_eq!((read(&engine), read(&reader(&fs))), (left(&model, 2), left(&model, 2)));
    let all = all_bytes_of(&fs, engine.store_id());
    for round in 0..4 {
        assert!(!holds(&all, &value(200 + round)), "round {round}");
        assert!(holds(&all, &value(300 + round)));
    }
    assert!(!holds(&all, &value(5003)) && !holds(&all, b"only hot") && !holds(&all, &[2; 16]));
    assert!(holds(&all, &value(1)));
    let again = erase_now(&fs, &engine, &dead(2), &config());
    assert_eq!((again.written, again.dictionaries), (Written::default(), 0), "nothing is left to do");
}

#[test]
fn values_that_stood_in_a_segment_of_the_living_go_with_their_last_user() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    // Stored with thread 1, which is erased; then used by thread 2 alone, which is erased too.
    for thread in [1, 1, 3] {
        append(&engine, &mut model, stream(thread, 0), payload(&[&value(7)])).unwrap();
    }
    seal_all(&fs, &engine, &Fates::default()).unwrap();
    append(&engine, &mut model, stream(2, 0), payload(&[&value(7)])).unwrap();
    seal_all(&fs, &engine, &Fates::default()).unwrap();
    for thread in [1, 3] {
        erase_now(&fs, &engine, &dead(thread), &config());
        assert!(holds(&all_bytes_of(&fs, engine.store_id()), &value(7)), "thread 2 has it");
    }
    let gone = Fates(BTreeMap::from([(1, Fate::Drop), (2, Fate::Drop), (3, Fate::Drop)]));
    erase_now(&fs, &engine, &gone, &config());
    assert!(!holds(&all_bytes_of(&fs, engine.store_id()), &value(7)));
    assert_eq!(read(&engine), Model::new());
}

#[test]
fn a_dictionary_with_text_of_the_dead_goes_and_one_without_stays() {
    let config = Config { dictionary_bytes: 2048, training_bytes_min: 20_000, ..config() };
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    for number in 0..600_u64 {
        let common = format!("what all of them say, number {}, and how it ends", number * 7919 % 1000);
        let secret = format!("the password of the vault in the cellar is swordfish, again {number}");
        for (thread, text) in [(1, common.clone()), (3, common), (2, secret)] {
            append_later(&engine, &mut model, stream(thread, 0), text.into_bytes()).unwrap();
        }
    }
    engine.sync(engine.barrier()).unwrap();
    let seal = |config: &Config| {
        let mut held = take(&fs, &engine).unwrap();
        crate::seal::seal(&mut held, &engine, true, &Fates::default(), config, &Unwatched).unwrap();
    };
    seal(&config);
    let first = load_of(&fs, engine.store_id()).manifest().dictionaries.len();
    assert_eq!(first, 1);
    let dictionaries = |fs: &SimFs| -> Vec<Vec<u8>> {
        let held = take(fs, &engine).unwrap();
        let sealed = held.sealed();
        let rows = sealed.manifest().dictionaries.iter();
        rows.map(|row| sealed.dictionaries().get(row.id).unwrap().raw().to_vec()).collect()
    };
    assert!(
        holds(&dictionaries(&fs), b"swordfish"),
        "it was worth learning: {:?}",
        String::from_utf8_lossy(&dictionaries(&fs).concat())
    );
    // Thread 1 says nothing that 3 does not say.
    let erased = erase_now(&fs, &engine, &dead(1), &config);
    assert_eq!(erased.dictionaries, 0);
    assert!(holds(&dictionaries(&fs), b"swordfish"));
    let erased = erase_now(&fs, &engine, &dead(2), &config);
    assert_eq!(erased.dictionaries, 1);
    let all = all_bytes_of(&fs, engine.store_id());
    assert!(!holds(&all, b"swordfish") && !holds(&all, b"cellar"));
    assert_eq!(dictionaries(&fs).len(), 1);
    assert_eq!(read(&engine), left(&left(&model, 2), 1));
}

#[test]
fn what_another_process_still_writes_is_named_with_its_owner_until_it_ends() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    append(&engine, &mut model, stream(1, 0), b"stays".to_vec()).unwrap();
    let living = fs.process();
    let other = open(&living).unwrap();
    append(&other, &mut model, stream(2, 0), b"the secret".to_vec()).unwrap();
    append(&other, &mut model, stream(3, 0), b"nothing secret".to_vec()).unwrap();
    let erased = erase_now(&fs, &engine, &dead(2), &config());
    let [pending] = erased.pending.as_slice() else { panic!("{:?}", erased.pending) };
    assert_eq!(pending.stream, stream(2, 0));
    assert_eq!(pending.holders.iter().map(|holder| holder.journal).collect::<Vec<_>>(), [1]);
    other.close().unwrap();
    let erased = erase_now(&fs, &engine, &dead(2), &config());
    assert!(erased.pending.is_empty());
    assert!(!holds(&all_bytes_of(&fs, engine.store_id()), b"the secret"));
    assert_eq!(read(&reader(&fs)), left(&model, 2));
}

#[test]
fn damage_keeps_a_segment_and_is_named_and_all_others_are_erased() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    for number in 0..2 {
        append(&engine, &mut model, stream(2, 0), payload(&[&value(number)])).unwrap();
        seal_all(&fs, &engine, &Fates::default()).unwrap();
    }
    let damaged = take(&fs, &engine).unwrap().sealed().segments()[0].id();
    fs.flip_bit(&damaged.path(&crate::testing::root()), 150, 1).unwrap();
    let erased = erase_now(&fs, &engine, &dead(2), &config());
    assert_eq!(erased.damaged.keys().collect::<Vec<_>>(), [&damaged]);
    assert!(!holds(&all_bytes_of(&fs, engine.store_id()), &value(1)));
}

#[test]
fn a_crash_at_any_call_loses_nothing_of_the_living_and_erasing_again_finishes() {
    let base = SimFs::new(1);
    let engine = open(&base).unwrap();
    let mut model = Model::new();
    for round in 0..3 {
        for thread in 1..4 {
            append(&engine, &mut model, stream(thread, 0), payload(&[&value(1), &value(u64::from(thread) + 10)]))
                .unwrap();
        }
        if round < 2 {
            seal_all(&base, &engine, &Fates::default()).unwrap();
        }
    }
    drop(engine);
    let living = left(&model, 2);
    let trial = base.snapshot();
    let engine = open(&trial).unwrap();
    let start = trial.calls();
    erase_now(&trial, &engine, &dead(2), &config());
    for after in start..=trial.calls() {
        let fs = base.snapshot();
        let engine = open(&fs).unwrap();
        fs.freeze_after(after);
        let _ = take(&fs, &engine).map(|mut held| erase(&mut held, &engine, &dead(2), &config(), &Unwatched));
        for choice in fs.crash_points().choices(4, after) {
            let crashed = fs.crash(&choice);
            let found = read_but(&reader(&crashed), 2);
            assert_eq!(found, living, "after {after} calls, {choice:?}");
            let engine = open(&crashed).unwrap();
            erase_now(&crashed, &engine, &dead(2), &config());
            assert_eq!(read(&engine), living);
            assert!(!holds(&all_bytes_of(&crashed, engine.store_id()), &value(12)));
        }
    }
}
