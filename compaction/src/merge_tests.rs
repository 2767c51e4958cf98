use super::*;
use crate::Unwatched;
use crate::testing::*;
use proptest::prelude::*;
use threadlog_engine::fs::sim::{Choice, ENOSPC, Fault, SimFs};

fn merge_all(fs: &SimFs, rules: &Fates) -> Result<Written> {
    merge_these(fs, &ids(fs), rules)
}

fn merge_these(fs: &SimFs, these: &[SealedId], rules: &Fates) -> Result<Written> {
    let mut held = take(fs)?;
    merge(&mut held, these, rules, &config(), &Unwatched, &mut || Ok(()))
}

fn expected(model: &Model, rules: &Fates) -> Model {
    let mut left = Model::new();
    for ((stream, ordinal), plain) in model {
        let mut plain = plain.clone();
        match rules.fate(stream) {
            Fate::Drop => continue,
            Fate::KeepBelow(end) if *ordinal >= end => continue,
            Fate::Blank if !plain.payload.starts_with(b"keep") => {
                (plain.codec, plain.payload) = (BLANK_CODEC, Vec::new());
            }
            _ => {}
        }
        left.insert((*stream, *ordinal), plain);
    }
    left
}

fn three() -> (SimFs, Model) {
    let (fs, mut model) = (disk(1), Model::new());
    add(&fs, &mut model, &[(1, &[1, 2, 3]), (2, &[4])]);
    add(&fs, &mut model, &[(3, &[1, 5, 5]), (4, &[6, 2])]);
    add(&fs, &mut model, &[(5, &[5, 1, 7])]);
    (fs, model)
}

#[test]
fn several_segments_become_one_with_the_same_records() {
    let (fs, model) = three();
    let written = merge_all(&fs, &Fates::default()).unwrap();
    assert_eq!((written.segments, written.files_replaced), (1, 3));
    assert_eq!(written.records, wide(model.len()));
    assert_eq!(ids(&fs).len(), 1);
    assert_eq!(check(&fs), model);
}

#[test]
fn values_that_two_segments_had_inside_their_records_are_stored_once_by_a_merge() {
    let (fs, model) = three();
    let before = all_bytes(&fs);
    let count =
        |all: &[Vec<u8>], number: u64| all.iter().filter(|bytes| holds(&[(*bytes).clone()], &value(number))).count();
    // 1 and 2 stand inside the first segment's record, and in the second's values.
    assert_eq!((count(&before, 1), count(&before, 2)), (2, 2));
    merge_all(&fs, &Fates::default()).unwrap();
    let after = all_bytes(&fs);
    for number in 1..8 {
        assert_eq!(count(&after, number), 1, "value {number}");
    }
    assert_eq!(check(&fs), model);
}

#[test]
fn dead_streams_and_values_that_only_they_used_are_gone() {
    let (fs, model) = three();
    let rules = Fates(BTreeMap::from([(3, Fate::Drop), (5, Fate::Drop)]));
    let written = merge_all(&fs, &rules).unwrap();
    assert_eq!(written.records_dropped, 6);
    assert_eq!(check(&fs), expected(&model, &rules));
    let all = all_bytes(&fs);
    assert!(!holds(&all, &value(5)) && !holds(&all, &value(7)), "used by the dead alone");
    assert!(holds(&all, &value(1)), "used by the living too");
    assert!(!holds(&all, &[3; 16]), "not even the stream's name");
}

#[test]
fn a_prefix_that_others_stand_on_stays_and_the_rest_goes() {
    let (fs, model) = three();
    let rules = Fates(BTreeMap::from([(1, Fate::KeepBelow(1))]));
    merge_all(&fs, &rules).unwrap();
    assert_eq!(check(&fs), expected(&model, &rules));
    assert!(!holds(&all_bytes(&fs), &value(3)));
}

#[test]
fn blank_records_keep_their_places_and_nothing_else() {
    let (fs, mut model) = (disk(1), Model::new());
    let bulk = bulk(&fs, config()).unwrap();
    for (ordinal, bytes) in (0..).zip([&b"secret name"[..], b"keep me", b"secret too"]) {
        push(&bulk, &mut model, stream(1, 4), ordinal, bytes.to_vec()).unwrap();
    }
    bulk.finish().unwrap();
    let rules = Fates(BTreeMap::from([(1, Fate::Blank)]));
    merge_all(&fs, &rules).unwrap();
    assert_eq!(check(&fs), expected(&model, &rules));
    assert!(!holds(&all_bytes(&fs), b"secret"));
    let again = merge_all(&fs, &rules).unwrap();
    assert_eq!(again.records_dropped, 0, "what is blank stays blank");
}

#[test]
fn archived_streams_get_a_segment_of_their_own() {
    let (fs, model) = three();
    let rules = Fates(BTreeMap::from([(3, Fate::Archive), (4, Fate::Archive)]));
    let written = merge_all(&fs, &rules).unwrap();
    assert_eq!(written.segments, 2);
    let sealed = load(&fs);
    let of_tier = |tier: Tier| {
        let segment = sealed.segments().iter().find(|segment| segment.row().tier == tier).unwrap();
        segment.footer().streams().map(|row| row.stream.thread[0]).collect::<Vec<_>>()
    };
    assert_eq!((of_tier(Tier::Normal), of_tier(Tier::Archived)), (vec![1, 2, 5], vec![3, 4]));
    assert_eq!(check(&fs), model);
    // Taken back from the archive, they come together again.
    merge_all(&fs, &Fates::default()).unwrap();
    assert_eq!(load(&fs).segments().len(), 1);
    assert_eq!(check(&fs), model);
}

#[test]
fn when_nothing_is_left_no_segment_is() {
    let (fs, _) = three();
    let rules = Fates((0..9).map(|thread| (thread, Fate::Drop)).collect());
    let written = merge_all(&fs, &rules).unwrap();
    assert_eq!((written.segments, written.file_bytes), (0, 0));
    assert_eq!(check(&fs), Model::new());
}

#[test]
fn values_that_other_segments_use_are_carried_on() {
    let (fs, model) = three();
    let all = ids(&fs);
    // The second holds value 1 and 5 for the third; its own streams go.
    let rules = Fates(BTreeMap::from([(3, Fate::Drop), (4, Fate::Drop)]));
    let mut held = take(&fs).unwrap();
    merge(&mut held, &all[1..2], &rules, &config(), &Unwatched, &mut || Ok(())).unwrap();
    drop(held);
    assert_eq!(check(&fs), expected(&model, &rules));
    assert!(!holds(&all_bytes(&fs), &value(6)));
}

#[test]
fn a_reader_keeps_its_view_until_it_lets_go() {
    let (fs, model) = three();
    let before = load(&fs);
    let rules = Fates((0..9).map(|thread| (thread, Fate::Drop)).collect());
    merge_all(&fs, &rules).unwrap();
    assert_eq!(read_all(&before), model);
    assert_eq!(check(&fs), Model::new());
}

#[test]
fn damage_stops_a_merge_and_everything_stays() {
    let (fs, model) = three();
    let path = ids(&fs)[1].path(&root());
    fs.flip_bit(&path, 200, 3).unwrap();
    let before = ids(&fs);
    let error = merge_all(&fs, &Fates::default()).unwrap_err();
    assert!(matches!(&error, Error::Engine(error) if error.is_corruption()), "{error}");
    assert_eq!(ids(&fs), before);
    fs.flip_bit(&path, 200, 3).unwrap();
    assert_eq!(check(&fs), model);
}

#[test]
fn a_watch_stops_it_between_records() {
    struct AtOnce;
    impl Watch for AtOnce {
        fn stop(&self) -> bool {
            true
        }
    }
    let (fs, mut model) = (disk(1), Model::new());
    let bulk = bulk(&fs, config()).unwrap();
    for ordinal in 0..5000 {
        push(&bulk, &mut model, stream(1, 0), ordinal, b"short".to_vec()).unwrap();
    }
    bulk.finish().unwrap();
    let all = ids(&fs);
    let mut held = take(&fs).unwrap();
    let stopped = merge(&mut held, &all, &Fates::default(), &config(), &AtOnce, &mut || Ok(()));
    assert!(matches!(stopped, Err(Error::Stopped)));
    drop(held);
    assert_eq!(ids(&fs), all);
    assert_eq!(check(&fs), model);
}

/// The rules under which the enumerations merge: a bit of everything.
fn mixed() -> Fates {
    Fates(BTreeMap::from([(2, Fate::Drop), (3, Fate::Archive), (1, Fate::KeepBelow(2))]))
}

#[test]
fn a_crash_at_any_call_leaves_the_old_or_the_new_and_every_record() {
    let (fs, model) = three();
    let new = expected(&model, &mixed());
    let (start, all) = (fs.snapshot(), ids(&fs));
    merge_these(&start, &all, &mixed()).unwrap();
    let (mut old_seen, mut new_seen) = (0, 0);
    for after in 0..=start.calls() {
        let fs = fs.snapshot();
        fs.freeze_after(after);
        let done = merge_these(&fs, &all, &mixed()).is_ok();
        for choice in fs.crash_points().choices(16, after) {
            let found = check(&fs.crash(&choice));
            assert!(found == new || (found == model && !done), "after {after} calls, {choice:?}");
            if found == new { new_seen += 1 } else { old_seen += 1 }
        }
    }
    assert!(old_seen > 20 && new_seen > 5, "{old_seen} {new_seen}");
}

#[test]
fn a_failing_call_leaves_the_old_or_the_new_and_the_next_merge_works() {
    let (fs, model) = three();
    let new = expected(&model, &mixed());
    let (trial, all) = (fs.snapshot(), ids(&fs));
    merge_these(&trial, &all, &mixed()).unwrap();
    for number in 1..=trial.calls() {
        let faults = [Fault::Error(ENOSPC), Fault::FailedSync, Fault::ShortWriteThenError { bytes: 70, errno: ENOSPC }];
        for fault in faults {
            let fs = fs.snapshot();
            fs.fail_call(number, fault);
            let outcome = merge_these(&fs, &all, &mixed());
            fs.clear_faults();
            for choice in [Choice::LoseAll, Choice::KeepAll, Choice::Sample(number)] {
                let found = check(&fs.snapshot().crash(&choice));
                assert!(found == new || (found == model && outcome.is_err()), "call {number} {fault:?} {choice:?}");
            }
            let found = check(&fs);
            assert!(found == new || found == model, "call {number}, {fault:?}");
            merge_all(&fs, &mixed()).unwrap();
            assert_eq!(check(&fs), new);
        }
    }
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_dropping_all_needs_hardly_any_room() {
    let (fs, model) = three();
    fs.set_capacity(Some(fs.used_blocks() + 1));
    let error = merge_all(&fs, &Fates::default()).unwrap_err();
    assert!(error.is_full(), "{error}");
    fs.set_capacity(None);
    assert_eq!(check(&fs), model);
    fs.set_capacity(Some(fs.used_blocks() + 3));
    let rules = Fates((0..9).map(|thread| (thread, Fate::Drop)).collect());
    merge_all(&fs, &rules).unwrap();
    assert_eq!(check(&fs), Model::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_merges_in_any_order_leave_the_records_that_live(
        segments in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(0..10_u64, 0..6), 1..4), 1..6),
        merges in proptest::collection::vec((any::<u8>(), 0..12_u8, 0..5_u8), 0..6),
    ) {
        let (fs, mut model) = (disk(9), Model::new());
        let mut thread = 0;
        for threads in &segments {
            let with_ids: Vec<(u8, &[u64])> = threads
                .iter()
                .map(|values| {
                    thread += 1;
                    (thread, values.as_slice())
                })
                .collect();
            add(&fs, &mut model, &with_ids);
        }
        let mut rules = Fates::default();
        for (mask, victim, fate) in merges {
            let fate = [Fate::Keep, Fate::Drop, Fate::Archive, Fate::KeepBelow(1), Fate::Blank][usize::from(fate)];
            rules.0.insert(victim, fate);
            let picked: Vec<SealedId> = ids(&fs)
                .into_iter()
                .enumerate()
                .filter(|(at, _)| mask >> (at % 8) & 1 == 1)
                .map(|(_, id)| id)
                .collect();
            let mut held = take(&fs).unwrap();
            merge(&mut held, &picked, &rules, &config(), &Unwatched, &mut || Ok(())).unwrap();
            drop(held);
            let found = check(&fs);
            // What was not merged yet has its old fate; all that lives is there, and is what it was.
            for (key, plain) in expected(&model, &rules) {
                let there = found.get(&key);
                prop_assert!(there == Some(&plain) || there == model.get(&key));
            }
            model = found;
        }
        // In the end: everything with its last fate, in a bounded number of segments.
        merge_all(&fs, &rules).unwrap();
        prop_assert_eq!(check(&fs), expected(&model, &rules));
        prop_assert!(ids(&fs).len() <= 2);
    }
}
