use super::*;
use crate::testing::*;
use proptest::prelude::*;
use threadlog_engine::ReadLog;
use threadlog_engine::fs::sim::{CallKind, Choice, ENOSPC, Fault};
use threadlog_engine::number::wide;

#[test]
fn what_several_threads_push_comes_out_as_it_went_in() {
    let fs = disk(1);
    let bulk = bulk(&fs, config()).unwrap();
    let models: Vec<Model> = std::thread::scope(|scope| {
        let push_one = |thread: u8| {
            let bulk = &bulk;
            move || {
                let mut model = Model::new();
                for ordinal in 0..60 {
                    let bytes = payload(&[&value(ordinal), &value(u64::from(thread) * 1000 + ordinal)]);
                    push(bulk, &mut model, stream(thread, 0), ordinal, bytes).unwrap();
                }
                model
            }
        };
        let threads: Vec<_> = (1..5).map(|thread| scope.spawn(push_one(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (maintenance, written) = bulk.finish().unwrap();
    drop(maintenance);
    let model: Model = models.into_iter().flatten().collect();
    assert_eq!(check(&fs), model);
    assert_eq!(written.records, 240);
    assert!(written.segments > 5, "batches of 64 KiB: {written:?}");
    assert_eq!(written.payload_bytes, model.values().map(|plain| wide(plain.payload.len())).sum::<u64>());
}

#[test]
fn a_value_is_stored_once_from_its_second_occurrence_on() {
    let fs = disk(1);
    let mut model = Model::new();
    add(&fs, &mut model, &[(1, &[1, 2])]);
    let before = load(&fs);
    assert_eq!(before.segments()[0].footer().values().count(), 0, "nothing occurs twice");
    assert_eq!(before.segments()[0].footer().singles().count(), 2);
    add(&fs, &mut model, &[(2, &[1, 3, 3, 3])]);
    add(&fs, &mut model, &[(3, &[1, 3])]);
    let sealed = load(&fs);
    let values = |at: usize| sealed.segments()[at].footer().values().count();
    assert_eq!([values(0), values(1), values(2)], [0, 2, 0], "the second occurrence is stored, the third refers to it");
    assert_eq!(sealed.segments()[2].footer().used().count(), 2);
    assert_eq!(check(&fs), model);
}

#[test]
fn a_thousand_copies_of_an_image_take_the_room_of_one() {
    let fs = disk(1);
    let mut model = Model::new();
    let image: Vec<u8> = (0..40).flat_map(value).collect();
    let bulk = bulk(&fs, Config { batch_bytes: 4 << 20, ..config() }).unwrap();
    for ordinal in 0..1000 {
        push(&bulk, &mut model, stream(1, 0), ordinal, payload(&[&image])).unwrap();
    }
    let (_, written) = bulk.finish().unwrap();
    assert!(written.payload_bytes > 1000 * wide(image.len()));
    assert!(written.file_bytes < 5 * wide(image.len()), "{written:?}");
    assert_eq!(check(&fs), model);
}

#[test]
fn a_stream_that_is_not_continued_where_it_ends_is_refused_and_nothing_is_added() {
    let fs = disk(1);
    let bulk = bulk(&fs, config()).unwrap();
    let mut model = Model::new();
    push(&bulk, &mut model, stream(1, 0), 0, b"one".to_vec()).unwrap();
    for (thread, ordinal) in [(1, 0), (1, 2), (2, 1)] {
        let refused = push(&bulk, &mut Model::new(), stream(thread, 0), ordinal, b"no".to_vec());
        assert!(matches!(refused, Err(Error::OutOfOrder { .. })), "{thread} {ordinal}");
    }
    push(&bulk, &mut model, stream(1, 0), 1, b"two".to_vec()).unwrap();
    bulk.finish().unwrap();
    assert_eq!(check(&fs), model);
}

#[test]
fn what_is_held_is_let_go_when_its_records_are_durable_and_not_before() {
    let fs = disk(1);
    let bulk = bulk(&fs, config()).unwrap();
    let held = Arc::new(());
    let record =
        NewSealed { stream: stream(1, 0), ordinal: 0, lease_epoch: 0, clock: 0, codec: 1, journal: 0, payload: b"x" };
    bulk.push(&[record], Some(Box::new(Arc::clone(&held)))).unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    bulk.flush().unwrap();
    // Let go behind the publication, by the thread that made it.
    bulk.finish().unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn another_process_is_told_who_loads() {
    let fs = disk(1);
    let bulk = bulk(&fs, config()).unwrap();
    let error = take(&fs.process()).err().unwrap();
    assert!(matches!(&error, Error::Busy { owner } if owner.client == "test"), "{error}");
    drop(bulk);
    take(&fs.process()).unwrap();
}

/// One load of three flushed parts; how many records were promised to be durable.
fn load_three(fs: &threadlog_engine::fs::sim::SimFs) -> (Model, u64) {
    let (mut model, mut promised) = (Model::new(), 0);
    let Ok(bulk) = bulk(fs, config()) else { return (model, promised) };
    for part in 0..3_u8 {
        for ordinal in 0..3 {
            let bytes = payload(&[&value(ordinal), &value(u64::from(part) + 7)]);
            if push(&bulk, &mut model, stream(part, 0), ordinal, bytes).is_err() {
                return (model, promised);
            }
        }
        if bulk.flush().is_err() {
            return (model, promised);
        }
        promised = wide(model.len());
    }
    let _ = bulk.finish();
    (model, promised)
}

#[test]
fn a_crash_at_any_call_loses_nothing_that_was_flushed_and_leaves_whole_parts() {
    let fs = disk(3);
    load_three(&fs);
    let calls = fs.calls();
    for after in 0..=calls {
        let fs = disk(3);
        fs.freeze_after(after);
        let (model, promised) = load_three(&fs);
        for choice in fs.crash_points().choices(12, after) {
            let crashed = fs.crash(&choice);
            let found = check(&crashed);
            assert!(wide(found.len()) >= promised, "after {after} calls, {choice:?}");
            assert_eq!(found.len() % 3, 0, "a part is there or not");
            assert!(found.iter().all(|(key, plain)| model.get(key) == Some(plain)), "after {after} calls, {choice:?}");
        }
    }
}

#[test]
fn a_failing_call_stops_the_load_and_loses_nothing_that_was_flushed() {
    let fs = disk(3);
    load_three(&fs);
    let calls = fs.calls();
    for number in 1..=calls {
        let faults =
            [Fault::Error(ENOSPC), Fault::FailedSync, Fault::ShortWriteThenError { bytes: 100, errno: ENOSPC }];
        for fault in faults {
            let fs = disk(3);
            fs.fail_call(number, fault);
            let (model, promised) = load_three(&fs);
            fs.clear_faults();
            for choice in [Choice::LoseAll, Choice::KeepAll, Choice::Sample(number)] {
                let found = check(&fs.snapshot().crash(&choice));
                assert!(wide(found.len()) >= promised, "call {number} {fault:?} {choice:?}");
                assert!(found.iter().all(|(key, plain)| model.get(key) == Some(plain)));
            }
            let found = check(&fs);
            assert!(wide(found.len()) >= promised, "call {number}, {fault:?}");
        }
    }
    assert!(fs.calls_of(CallKind::SyncDir) > 5);
}

/// A load of ten flushed parts, in which segments are merged; how many records were promised to be durable.
fn load_ten(fs: &threadlog_engine::fs::sim::SimFs) -> (Model, u64) {
    let (mut model, mut promised) = (Model::new(), 0);
    let Ok(bulk) = bulk(fs, Config { fan_in: 2, ..config() }) else { return (model, promised) };
    for part in 0..10_u8 {
        let bytes = payload(&[&value(part.into()), &value(u64::from(part % 3))]);
        if push(&bulk, &mut model, stream(part, 0), 0, bytes).is_err() || bulk.flush().is_err() {
            return (model, promised);
        }
        promised = wide(model.len());
    }
    let _ = bulk.finish();
    (model, promised)
}

#[test]
fn a_crash_at_any_call_of_a_load_that_merges_loses_nothing_that_was_flushed() {
    let fs = disk(3);
    load_ten(&fs);
    assert_eq!(load(&fs).segments().len(), 3, "eight became one, two came later");
    let calls = fs.calls();
    for after in 0..=calls {
        let fs = disk(3);
        fs.freeze_after(after);
        let (model, promised) = load_ten(&fs);
        for choice in fs.crash_points().choices(4, after) {
            let found = check(&fs.crash(&choice));
            assert!(wide(found.len()) >= promised, "after {after} calls, {choice:?}");
            assert!(found.iter().all(|(key, plain)| model.get(key) == Some(plain)), "after {after} calls, {choice:?}");
        }
    }
}

#[test]
fn a_failing_call_of_a_load_that_merges_loses_nothing_that_was_flushed() {
    let fs = disk(3);
    load_ten(&fs);
    for number in 1..=fs.calls() {
        for fault in [Fault::Error(ENOSPC), Fault::FailedSync] {
            let fs = disk(3);
            fs.fail_call(number, fault);
            let (model, promised) = load_ten(&fs);
            fs.clear_faults();
            for choice in [Choice::LoseAll, Choice::Sample(number)] {
                let found = check(&fs.snapshot().crash(&choice));
                assert!(wide(found.len()) >= promised, "call {number} {fault:?} {choice:?}");
                assert!(found.iter().all(|(key, plain)| model.get(key) == Some(plain)));
            }
        }
    }
}

#[test]
fn a_long_load_leaves_few_segments_and_those_that_were_there_as_they_were() {
    let fs = disk(1);
    let mut model = Model::new();
    for thread in 200..212 {
        add(&fs, &mut model, &[(thread, &[thread.into()])]);
    }
    let before: Vec<_> = load(&fs).manifest().segments.clone();
    let bulk = bulk(&fs, Config { batch_bytes: 4096, fan_in: 2, ..config() }).unwrap();
    for ordinal in 0..600 {
        let parts = [value(ordinal % 50), value(1000 + ordinal)];
        push(&bulk, &mut model, stream(1, 0), ordinal, payload(&[&parts[0], &parts[1]])).unwrap();
    }
    let (_, written) = bulk.finish().unwrap();
    let after = load(&fs).manifest().segments.clone();
    assert!(before.iter().all(|row| after.contains(row)));
    let made = after.len() - before.len();
    assert!(written.segments > 200 && made <= 7 * 4, "{made} of {}", written.segments);
    assert_eq!(check(&fs), model);
}

#[test]
fn a_full_disk_is_said_and_leaves_no_half_made_file() {
    let fs = disk(1);
    let mut model = Model::new();
    add(&fs, &mut model, &[(1, &[1, 2, 3])]);
    fs.set_capacity(Some(fs.used_blocks() + 3));
    let bulk = bulk(&fs, config()).unwrap();
    for ordinal in 0..50 {
        push(&bulk, &mut Model::new(), stream(2, 0), ordinal, payload(&[&value(ordinal + 100)])).unwrap();
    }
    let error = bulk.flush().unwrap_err();
    assert!(error.is_full(), "{error}");
    assert!(bulk.push(&[], None).is_err(), "what comes behind is refused");
    drop(bulk);
    let segments = fs.paths().iter().filter(|path| path.extension().is_some_and(|end| end == "seal")).count();
    assert_eq!(segments, 1);
    fs.set_capacity(None);
    assert_eq!(check(&fs), model);
}

#[test]
fn a_dictionary_is_trained_once_when_there_is_enough_to_learn_from() {
    let fs = disk(1);
    let config = Config { dictionary_bytes: 4096, training_bytes_min: 20_000, ..config() };
    let mut model = Model::new();
    for thread in 1..4_u8 {
        let bulk = bulk(&fs, config.clone()).unwrap();
        for ordinal in 0..1000_u64 {
            let text = format!("the model said {} to the tool and it answered {}", ordinal * 7919 % 1000, ordinal % 13);
            push(&bulk, &mut model, stream(thread, 0), ordinal, text.into_bytes()).unwrap();
        }
        bulk.finish().unwrap();
    }
    assert_eq!(load(&fs).manifest().dictionaries.len(), 1);
    assert_eq!(check(&fs), model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_is_pushed_comes_out(
        records in proptest::collection::vec((0..4_u8, 0..2_u8, proptest::collection::vec(0..12_u64, 0..4)), 0..120),
        flushes in proptest::collection::btree_set(0..120_usize, 0..4),
    ) {
        let fs = disk(5);
        let bulk = bulk(&fs, Config { batch_bytes: 10_000, ..config() }).unwrap();
        let (mut model, mut next) = (Model::new(), HashMap::new());
        for (at, (thread, channel, values)) in records.iter().enumerate() {
            let stream = stream(*thread, *channel);
            let ordinal = next.entry(stream).or_insert(0_u64);
            let values: Vec<Vec<u8>> = values.iter().map(|number| value(*number)).collect();
            let parts: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            push(&bulk, &mut model, stream, *ordinal, payload(&parts)).unwrap();
            *ordinal += 1;
            if flushes.contains(&at) {
                bulk.flush().unwrap();
            }
        }
        bulk.finish().unwrap();
        prop_assert_eq!(check(&fs), model);
    }
}

/// A process that writes loads three records of a stream, and dies after so many calls; says how many it made.
fn load_and_die(machine: &threadlog_engine::fs::sim::SimFs, after: u64) -> u64 {
    let process = machine.process();
    let engine = hot::open(&process).unwrap();
    let start = machine.calls();
    machine.freeze_after(start + after);
    if let Ok(bulk) = bulk(&process, config()) {
        let mut model = Model::new();
        let pushed =
            (0..3).try_for_each(|ordinal| push(&bulk, &mut model, stream(1, 0), ordinal, payload(&[&value(ordinal)])));
        let _ = pushed.and_then(|()| bulk.finish().map(drop));
    }
    let calls = machine.calls() - start;
    process.kill_process();
    drop(engine);
    machine.clear_faults();
    calls
}

#[test]
fn whoever_goes_on_behind_a_load_that_was_killed_at_any_call_stands_on_durable_ground() {
    let machine = || {
        let disk = disk(5);
        let other = hot::open(&disk.process()).unwrap();
        (disk, other)
    };
    let calls = load_and_die(&machine().0, u64::MAX >> 1);
    let mut loaded = 0;
    for after in 0..=calls {
        for opened_later in [false, true] {
            let (disk, mut other) = machine();
            load_and_die(&disk, after);
            if opened_later {
                drop(other);
                other = hot::open(&disk.process()).unwrap();
            }
            other.recover_dead(&mut threadlog_engine::Changes::default()).unwrap();
            let known = other.head(&stream(1, 0)).map_or(0, |head| head.next_ordinal);
            hot::append(&other, &mut Model::new(), stream(1, 0), payload(&[&value(9)])).unwrap();
            loaded += known;
            for choice in disk.crash_points().choices(12, after).chain([Choice::LoseAll]) {
                let found = hot::read(&hot::open(&disk.crash(&choice)).unwrap());
                let ordinals: Vec<u64> = found.keys().map(|(_, ordinal)| *ordinal).collect();
                let whole: Vec<u64> = (0..=known).collect();
                assert_eq!(ordinals, whole, "after {after} calls, opened later {opened_later}, {choice:?}");
            }
        }
    }
    assert!(loaded > 0, "some died after the edit of the manifest");
}
