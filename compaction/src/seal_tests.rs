use super::*;
use crate::testing::hot::{append, hot_files, open, read, reader, seal_all, take};
use crate::testing::{Fates, Model, config, holds, payload, root, stream, value};
use crate::{Fate, Unwatched};
use proptest::prelude::*;
use std::collections::BTreeMap;
use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::{CallKind, Choice, ENOSPC, Fault, SimFs};

/// A store with records of three streams in several hot segments.
fn written(fs: &SimFs) -> (Engine, Model) {
    let engine = open(fs).unwrap();
    let mut model = Model::new();
    for number in 0..40_u64 {
        let thread = u8::try_from(number % 3).unwrap();
        append(&engine, &mut model, stream(thread, 0), payload(&[&value(number % 7)])).unwrap();
    }
    (engine, model)
}

#[test]
fn sealed_records_are_read_as_before_and_the_hot_files_are_gone() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    let early = reader(&fs);
    assert!(hot_files(&fs) > 1);
    let done = seal_all(&fs, &engine, &Fates::default()).unwrap();
    assert_eq!((done.records, hot_files(&fs)), (40, 0));
    assert!(done.references > 20, "seven values in forty records: {done:?}");
    assert!(done.file_bytes < done.payload_bytes / 3);
    assert_eq!((read(&engine), read(&early), read(&reader(&fs))), (model.clone(), model.clone(), model.clone()));
    append(&engine, &mut model, stream(1, 0), b"and so on".to_vec()).unwrap();
    engine.close().unwrap();
    let engine = open(&fs).unwrap();
    assert_eq!(read(&engine), model);
    append(&engine, &mut model, stream(2, 0), b"and on".to_vec()).unwrap();
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model));
}

#[test]
fn more_than_a_batch_becomes_several_segments_of_one_edit() {
    let fs = SimFs::new(1);
    let (engine, model) = written(&fs);
    engine.end_segment().unwrap();
    let mut held = take(&fs, &engine).unwrap();
    let before = held.sealed().generation();
    let config = Config { batch_bytes: 2 << 10, ..config() };
    let mut edits = 0;
    while seal_journal(&mut held, &engine, 0, &Fates::default(), &config, &Unwatched).unwrap().is_some() {
        edits += 1;
    }
    let sealed = held.sealed();
    assert!(sealed.segments().len() > 2 * edits, "{} segments", sealed.segments().len());
    assert_eq!(sealed.generation() - before, wide(edits) + 1, "and one that made the manifest");
    drop(held);
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model));
}

#[test]
fn large_records_are_sealed_and_their_files_go() {
    let fs = SimFs::new(1);
    let engine = open(&fs).unwrap();
    let mut model = Model::new();
    let image: Vec<u8> = (0..1500).flat_map(value).collect();
    assert!(image.len() > 1 << 20);
    for _ in 0..3 {
        append(&engine, &mut model, stream(1, 0), payload(&[&image])).unwrap();
    }
    let done = seal_all(&fs, &engine, &Fates::default()).unwrap();
    assert_eq!(hot_files(&fs), 0);
    assert!(done.file_bytes < 2 * wide(image.len()));
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model));
}

#[test]
fn records_of_the_dead_are_not_sealed() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    let rules = Fates(BTreeMap::from([(1, Fate::Drop), (2, Fate::KeepBelow(4))]));
    let done = seal_all(&fs, &engine, &rules).unwrap();
    model.retain(|(stream, ordinal), _| stream.thread[0] == 0 || stream.thread[0] == 2 && *ordinal < 4);
    assert_eq!(done.records, wide(model.len()));
    assert_eq!(done.records_dropped, 40 - done.records);
    assert_eq!(read(&reader(&fs)), model);
    let bytes: Vec<Vec<u8>> = fs.paths().iter().filter_map(|path| fs.read_raw(path).ok()).collect();
    assert!(!holds(&bytes, &[1; 16]), "nor is the stream's name anywhere");
}

#[test]
fn journals_of_the_dead_and_left_segments_of_the_living_are_sealed() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    let (living, dying) = (fs.process(), fs.process());
    let other = open(&living).unwrap();
    let third = open(&dying).unwrap();
    for _ in 0..30 {
        append(&other, &mut model, stream(7, 0), payload(&[&value(8)])).unwrap();
        append(&third, &mut model, stream(9, 0), payload(&[&value(9)])).unwrap();
    }
    dying.kill_process();
    let done = seal_all(&fs, &engine, &Fates::default()).unwrap();
    assert!(done.records > 70 && done.records < 100, "all but what is in the segment that the other writes: {done:?}");
    engine.refresh().unwrap();
    assert_eq!(read(&engine), model);
    append(&other, &mut model, stream(7, 0), b"goes on".to_vec()).unwrap();
    other.refresh().unwrap();
    assert_eq!((read(&other), read(&reader(&fs))), (model.clone(), model));
    std::mem::forget(third);
}

#[test]
fn another_holder_is_named_and_nothing_is_sealed() {
    let fs = SimFs::new(1);
    let (engine, _) = written(&fs);
    let _held = take(&fs.process(), &engine).unwrap();
    let files = hot_files(&fs);
    assert!(matches!(seal_all(&fs, &engine, &Fates::default()), Err(Error::Busy { .. })));
    assert_eq!(hot_files(&fs), files);
}

#[test]
fn a_stop_leaves_the_records_hot_and_nothing_else() {
    struct AtOnce;
    impl Watch for AtOnce {
        fn stop(&self) -> bool {
            true
        }
    }
    let fs = SimFs::new(1);
    let (engine, model) = written(&fs);
    let mut held = take(&fs, &engine).unwrap();
    let stopped = seal(&mut held, &engine, true, &Fates::default(), &config(), &AtOnce);
    assert!(matches!(stopped, Err(Error::Stopped)));
    assert_eq!(held.sealed().segments().len(), 0);
    assert_eq!(read(&engine), model);
    assert!(!fs.paths().iter().any(|path| path.extension().is_some_and(|end| end == "seal")));
}

#[test]
fn a_crash_at_any_call_loses_nothing_and_sealing_again_works() {
    let base = SimFs::new(1);
    let (engine, model) = written(&base);
    drop(engine);
    let trial = base.snapshot();
    let engine = open(&trial).unwrap();
    let start = trial.calls();
    seal_all(&trial, &engine, &Fates::default()).unwrap();
    let end = trial.calls();
    assert!(end - start > 30);
    for after in start..=end {
        let fs = base.snapshot();
        let engine = open(&fs).unwrap();
        fs.freeze_after(after);
        let _ = seal_all(&fs, &engine, &Fates::default());
        for choice in fs.crash_points().choices(4, after) {
            let crashed = fs.crash(&choice);
            assert_eq!(read(&reader(&crashed)), model, "after {after} calls, {choice:?}, by a reader");
            let engine = open(&crashed).unwrap();
            assert_eq!(read(&engine), model, "after {after} calls, {choice:?}");
            seal_all(&crashed, &engine, &Fates::default()).unwrap();
            assert_eq!((read(&engine), hot_files(&crashed)), (model.clone(), 0));
        }
    }
}

#[test]
fn a_failing_call_loses_nothing_and_sealing_again_works() {
    let base = SimFs::new(1);
    let (engine, model) = written(&base);
    drop(engine);
    let trial = base.snapshot();
    let engine = open(&trial).unwrap();
    let start = trial.calls();
    seal_all(&trial, &engine, &Fates::default()).unwrap();
    for number in start + 1..=trial.calls() {
        for fault in [Fault::Error(ENOSPC), Fault::FailedSync] {
            let fs = base.snapshot();
            let engine = open(&fs).unwrap();
            fs.fail_call(number, fault);
            let _ = seal_all(&fs, &engine, &Fates::default());
            fs.clear_faults();
            assert_eq!(read(&engine), model, "call {number}, {fault:?}");
            let crashed = fs.snapshot().crash(&Choice::Sample(number));
            assert_eq!(read(&reader(&crashed)), model, "call {number}, {fault:?}, then a crash");
            drop(engine);
            let engine = open(&fs).unwrap();
            seal_all(&fs, &engine, &Fates::default()).unwrap();
            assert_eq!((read(&engine), hot_files(&fs)), (model.clone(), 0), "call {number}, {fault:?}");
        }
    }
}

#[test]
fn on_a_full_disk_the_records_stay_hot() {
    let fs = SimFs::new(1);
    let (engine, model) = written(&fs);
    fs.set_capacity(Some(fs.used_blocks() + 2));
    let error = seal_all(&fs, &engine, &Fates::default()).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!((read(&engine), read(&reader(&fs))), (model.clone(), model.clone()));
    fs.set_capacity(None);
    seal_all(&fs, &engine, &Fates::default()).unwrap();
    assert_eq!(read(&engine), model);
    assert!(fs.read_raw(&root().join("MANIFEST")).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn appending_sealing_merging_and_reopening_in_any_order_keep_every_record(
        steps in proptest::collection::vec((0..8_u8, 0..4_u8, 0..10_u64), 1..60),
    ) {
        let fs = SimFs::new(2);
        let mut engine = open(&fs).unwrap();
        let mut model = Model::new();
        for (step, thread, number) in steps {
            match step {
                0 => drop(seal_all(&fs, &engine, &Fates::default()).unwrap()),
                1 => {
                    engine.close().unwrap();
                    engine = open(&fs).unwrap();
                }
                2 => {
                    let mut held = take(&fs, &engine).unwrap();
                    let (rules, renewed) = (Fates::default(), engine.clone());
                    let renew = &mut || renewed.renew_sealed().map(drop).map_err(Error::from);
                    let (extent, avoid) = (crate::Extent::Wanted, &mut crate::Avoid::new());
                    crate::compact::compact(&mut held, extent, &rules, &config(), &Unwatched, avoid, renew).unwrap();
                }
                _ => append(&engine, &mut model, stream(thread, 0), payload(&[&value(number)])).unwrap(),
            }
            prop_assert_eq!(&read(&engine), &model);
        }
        prop_assert_eq!(read(&reader(&fs)), model);
    }
}

/// The sync of a directory fails in which MANIFEST just got its name: the name reads well, and a power cut may take it. Until a
/// later manifest is durable nothing may go that the older one names, whoever would remove it.
#[test]
fn what_an_older_manifest_names_stays_until_a_later_one_is_durable() {
    let base = SimFs::new(1);
    let (engine, mut model) = written(&base);
    // The directories of what is sealed are there and durable.
    seal_all(&base, &engine, &Fates::default()).unwrap();
    for number in 0..20 {
        append(&engine, &mut model, stream(1, 0), payload(&[&value(number)])).unwrap();
    }
    drop(engine);
    let trial = base.snapshot();
    let engine = open(&trial).unwrap();
    let start = trial.calls_of(CallKind::SyncDir);
    seal_all(&trial, &engine, &Fates::default()).unwrap();
    let syncs = trial.calls_of(CallKind::SyncDir) - start;
    assert!(syncs > 2);
    for number in 1..=syncs {
        for reopened in [false, true] {
            let fs = base.snapshot();
            let engine = open(&fs).unwrap();
            fs.fail_kind(CallKind::SyncDir, fs.calls_of(CallKind::SyncDir) + number, Fault::FailedSync);
            let _ = seal_all(&fs, &engine, &Fates::default());
            fs.clear_faults();
            let engine = if reopened {
                drop(engine);
                open(&fs).unwrap()
            } else {
                let _ = seal_all(&fs, &engine, &Fates::default());
                engine
            };
            // Another file of the journal is made: with its name, the removals become durable.
            fs.sync_dir(&root().join("journals/000")).unwrap();
            drop(engine);
            for choice in [Choice::LoseAll, Choice::KeepAll].into_iter().chain(fs.crash_points().choices(8, number)) {
                let crashed = fs.crash(&choice);
                let name = format!("sync {number}, reopened {reopened}, {choice:?}");
                assert_eq!(read(&reader(&crashed)), model, "{name}");
                let engine = open(&crashed).unwrap();
                assert_eq!(read(&engine), model, "{name}");
                seal_all(&crashed, &engine, &Fates::default()).unwrap();
                assert_eq!(read(&engine), model, "{name}");
            }
        }
    }
}

#[test]
fn whoever_looks_on_is_told_that_the_store_was_removed() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    seal_all(&fs, &engine, &Fates::default()).unwrap();
    let (reader, other) = (reader(&fs), open(&fs.process()).unwrap());
    append(&engine, &mut model, stream(1, 0), payload(&[&value(1)])).unwrap();
    drop(engine);
    for path in fs.paths().into_iter().filter(|path| path.extension().is_some() || path.ends_with("MANIFEST")) {
        let _ = fs.remove_file(&path);
    }
    let told = |looked: threadlog_engine::Result<threadlog_engine::Changes>| {
        assert!(matches!(looked, Err(threadlog_engine::Error::NoStore { .. })), "{looked:?}");
    };
    told(reader.refresh());
    told(other.refresh());
}
