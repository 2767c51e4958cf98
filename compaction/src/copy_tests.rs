use super::*;
use crate::testing::hot::{append, open, read, reader, seal_all, take};
use crate::testing::{Fates, Model, config, find, payload, root, stream, value};
use crate::{Avoid, Extent, Fate, Unwatched};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use threadlog_engine::fs::sim::{Choice, ENOSPC, Fault, SimFs};
use threadlog_engine::{Engine, ReadLog, Reader, StreamId, read_format};

fn backup() -> PathBuf {
    PathBuf::from("/backup")
}

/// Everything that is in no sealed segment; the streams of the tests have no holes in what is sealed.
fn hot_ranges(reader: &Reader, sealed: &Sealed) -> Vec<(StreamId, Range<u64>)> {
    let begin = |stream: &StreamId| sealed.head(stream).map_or(0, |head| head.next_ordinal);
    let all = reader.streams().into_iter().map(|info| info.stream);
    all.map(|stream| (stream, begin(&stream)..reader.head(&stream).unwrap().durable_ordinal)).collect()
}

fn copy_from(fs: &SimFs, from: &Path, to: &Path, update: bool) -> Result<Copied> {
    let reader = Reader::open(Arc::new(fs.clone()), from)?;
    let shared: Arc<dyn Fs> = Arc::new(fs.clone());
    let sealed = reader.sealed();
    let ranges = hot_ranges(&reader, &sealed);
    let config = Config { batch_bytes: 8 << 10, ..config() };
    let copy = Copy {
        fs: &shared,
        format: read_format(fs, from)?,
        sealed: &sealed,
        hot: Hot { log: &reader, ranges, conflicts: Vec::new() },
        find: &find,
        config: &config,
        clock: &threadlog_engine::SystemClock,
        client: "test",
        check: true,
        update,
    };
    copy.run(to, &Unwatched)
}

fn back_up(fs: &SimFs) -> Result<Copied> {
    copy_from(fs, &root(), &backup(), true)
}

/// What the backup gives; `None` if there is none.
fn backed_up(fs: &SimFs) -> Option<Model> {
    match Reader::open(Arc::new(fs.clone()), &backup()) {
        Ok(reader) => Some(read(&reader)),
        // Refused by whoever tries to read it.
        Err(_) if fs.read_raw(&backup().join("FORMAT")).is_err() => None,
        Err(error) => panic!("{error}"),
    }
}

fn fill(engine: &Engine, model: &mut Model, numbers: Range<u64>) {
    for number in numbers {
        let thread = u8::try_from(number % 3).unwrap();
        append(engine, model, stream(thread, 0), payload(&[&value(number % 7)])).unwrap();
    }
}

/// A store of which a part is sealed.
fn written(fs: &SimFs) -> (Engine, Model) {
    let engine = open(fs).unwrap();
    let mut model = Model::new();
    fill(&engine, &mut model, 0..20);
    seal_all(fs, &engine, &Fates::default()).unwrap();
    fill(&engine, &mut model, 20..40);
    (engine, model)
}

#[test]
fn a_copy_is_a_store_with_the_same_records_and_goes_on_where_it_ended() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    let image: Vec<u8> = (0..1000).flat_map(value).collect();
    append(&engine, &mut model, stream(1, 0), payload(&[&image])).unwrap();
    let done = back_up(&fs).unwrap();
    assert!(done.copied_files > 0 && done.hot_records == 21 && !done.unchanged, "{done:?}");
    assert_eq!(backed_up(&fs).unwrap(), model);
    let report = threadlog_engine::verify(Arc::new(fs.clone()), &backup(), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");

    let at = PathBuf::from("/again");
    copy_from(&fs, &backup(), &at, false).unwrap();
    let restored = |fs: &SimFs| {
        let config = threadlog_engine::Config {
            background: threadlog_engine::Background::Manual,
            prepare_spares: false,
            ..threadlog_engine::Config::default()
        };
        Engine::open(Arc::new(fs.clone()), &at, config).unwrap()
    };
    for _ in 0..2 {
        let engine = restored(&fs);
        assert_eq!(read(&engine), model);
        append(&engine, &mut model, stream(1, 0), b"and so on".to_vec()).unwrap();
        append(&engine, &mut model, stream(8, 0), b"new".to_vec()).unwrap();
        engine.close().unwrap();
    }
    assert_eq!(read(&restored(&fs)), model);
    assert!(matches!(copy_from(&fs, &backup(), &at, false), Err(Error::NotACopy { .. })), "nothing is written over");
}

#[test]
fn the_next_copy_takes_only_what_is_new() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    let first = back_up(&fs).unwrap();
    let again = back_up(&fs).unwrap();
    assert!(again.unchanged && again.copied_files == 0 && again.hot_bytes == 0, "{again:?}");
    assert_eq!(again.hot_records, first.hot_records);

    fill(&engine, &mut model, 40..45);
    let hot = back_up(&fs).unwrap();
    assert_eq!((hot.copied_files, hot.reused_files, hot.hot_records), (0, first.copied_files, 25), "{hot:?}");
    assert!(hot.removed_files > 0, "the copy's own segments of before");
    assert_eq!(backed_up(&fs).unwrap(), model);

    seal_all(&fs, &engine, &Fates::default()).unwrap();
    let sealed = back_up(&fs).unwrap();
    assert_eq!((sealed.reused_files, sealed.hot_records, sealed.hot_bytes), (first.copied_files, 0, 0), "{sealed:?}");
    assert!(sealed.copied_files > 0);
    assert_eq!(backed_up(&fs).unwrap(), model);
}

#[test]
fn what_was_erased_leaves_the_copy_too() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    back_up(&fs).unwrap();
    let rules = Fates(BTreeMap::from([(1, Fate::Drop)]));
    crate::erase::erase(&mut take(&fs, &engine).unwrap(), &engine, &rules, &config(), &Unwatched).unwrap();
    model.retain(|(stream, _), _| stream.thread[0] != 1);
    back_up(&fs).unwrap();
    assert_eq!(backed_up(&fs).unwrap(), model);
    let files: Vec<PathBuf> = fs.paths().into_iter().filter(|path| path.starts_with(backup())).collect();
    let name = [1; 16];
    assert!(!files.iter().any(|path| fs.read_raw(path).unwrap().windows(16).any(|bytes| bytes == name)));
}

/// A store with a backup, and what came since: sealed, merged, appended.
fn moved_on(seed: u64) -> (SimFs, Model, Model) {
    let fs = SimFs::new(seed);
    let (engine, mut model) = written(&fs);
    back_up(&fs).unwrap();
    let old = model.clone();
    fill(&engine, &mut model, 40..60);
    seal_all(&fs, &engine, &Fates::default()).unwrap();
    let mut held = take(&fs, &engine).unwrap();
    let renewed = engine.clone();
    let renew = &mut || {
        renewed.renew_sealed()?;
        Ok(())
    };
    let avoid = &mut Avoid::new();
    crate::compact::compact(&mut held, Extent::Full, &Fates::default(), &config(), &Unwatched, avoid, renew).unwrap();
    drop(held);
    fill(&engine, &mut model, 60..70);
    engine.close().unwrap();
    (fs, old, model)
}

#[test]
fn a_crash_at_any_call_leaves_the_old_copy_or_the_new_one() {
    let (base, old, new) = moved_on(1);
    let trial = base.snapshot();
    let start = trial.calls();
    back_up(&trial).unwrap();
    let end = trial.calls();
    assert!(end - start > 30);
    let mut met = (0, 0);
    for after in start..=end {
        let fs = base.snapshot();
        fs.freeze_after(after);
        let _ = back_up(&fs);
        for choice in fs.crash_points().choices(4, after) {
            let crashed = fs.crash(&choice);
            match backed_up(&crashed).unwrap() {
                there if there == old => met.0 += 1,
                there if there == new => met.1 += 1,
                _ => panic!("neither, after {after} calls, {choice:?}"),
            }
            assert_eq!(read(&reader(&crashed)), new, "the store itself, after {after} calls, {choice:?}");
            back_up(&crashed).unwrap();
            assert_eq!(backed_up(&crashed).unwrap(), new, "again, after {after} calls, {choice:?}");
        }
    }
    assert!(met.0 > 0 && met.1 > 0, "{met:?}");
}

#[test]
fn a_first_copy_that_a_crash_ends_is_no_store_and_the_next_call_goes_on() {
    let base = SimFs::new(1);
    let (engine, model) = written(&base);
    engine.close().unwrap();
    let trial = base.snapshot();
    let start = trial.calls();
    back_up(&trial).unwrap();
    let end = trial.calls();
    let mut none = 0;
    for after in start..=end {
        let fs = base.snapshot();
        fs.freeze_after(after);
        let _ = back_up(&fs);
        for choice in fs.crash_points().choices(4, after) {
            let crashed = fs.crash(&choice);
            match backed_up(&crashed) {
                None => none += 1,
                there => assert_eq!(there.as_ref(), Some(&model), "after {after} calls, {choice:?}"),
            }
            back_up(&crashed).unwrap();
            assert_eq!(backed_up(&crashed).as_ref(), Some(&model), "again, after {after} calls, {choice:?}");
        }
    }
    assert!(none > 0);
}

#[test]
fn a_failing_call_leaves_the_old_copy_or_the_new_one() {
    let (base, old, new) = moved_on(1);
    let trial = base.snapshot();
    let start = trial.calls();
    back_up(&trial).unwrap();
    for number in start + 1..=trial.calls() {
        for fault in [Fault::Error(ENOSPC), Fault::FailedSync] {
            let fs = base.snapshot();
            fs.fail_call(number, fault);
            let outcome = back_up(&fs);
            fs.clear_faults();
            let crashed = fs.snapshot().crash(&Choice::Sample(number));
            for (disk, when) in [(&fs, "at once"), (&crashed, "after a crash")] {
                let there = backed_up(disk).unwrap();
                assert!(there == new || there == old && outcome.is_err(), "call {number}, {fault:?}, {when}");
            }
            back_up(&fs).unwrap();
            assert_eq!(backed_up(&fs).unwrap(), new, "again, call {number}, {fault:?}");
        }
    }
}

#[test]
fn damage_that_is_copied_is_told_and_a_sound_copy_is_not_replaced_by_it() {
    let fs = SimFs::new(1);
    let (engine, model) = written(&fs);
    seal_all(&fs, &engine, &Fates::default()).unwrap();
    engine.close().unwrap();
    let sound = fs.snapshot();
    let path = fs.paths().into_iter().find(|path| path.extension().is_some_and(|end| end == "seal")).unwrap();
    let rot = |fs: &SimFs| {
        let file = fs.open(&path, threadlog_engine::fs::OpenMode::Write).unwrap();
        let mut byte = [0];
        file.read_at(&mut byte, 200).unwrap();
        file.write_at(&[byte[0] ^ 1], 200).unwrap();
    };
    rot(&fs);
    let done = back_up(&fs).unwrap();
    assert_eq!(done.damaged.len(), 1, "{done:?}");
    assert!(done.damaged[0].to_string().contains("/backup/sealed"), "{}", done.damaged[0]);

    back_up(&sound).unwrap();
    rot(&sound);
    let done = back_up(&sound).unwrap();
    assert!(done.unchanged && done.damaged.is_empty());
    assert_eq!(backed_up(&sound).unwrap(), model);
}

#[test]
fn what_is_no_copy_of_this_store_is_left_alone() {
    let fs = SimFs::new(1);
    let (engine, mut model) = written(&fs);
    let refused = |fs: &SimFs, word: &str| {
        let error = back_up(fs).unwrap_err();
        assert!(matches!(&error, Error::NotACopy { .. }) && error.to_string().contains(word), "{error}");
    };
    let full = fs.snapshot();
    full.create_dir(&backup()).unwrap();
    full.open(&backup().join("letters"), threadlog_engine::fs::OpenMode::CreateNew).unwrap();
    refused(&full, "letters");

    back_up(&fs).unwrap();
    let other = fs.snapshot();
    let written_to = Engine::open(Arc::new(other.clone()), &backup(), threadlog_engine::Config::default()).unwrap();
    written_to.close().unwrap();
    refused(&other, "written to");

    fill(&engine, &mut model, 40..41);
    let _held = fs.process().try_lock(&backup().join("MAINTENANCE")).unwrap().unwrap();
    assert!(matches!(back_up(&fs), Err(Error::Busy { .. })), "two at once");
}
