use super::*;
use crate::compact::Extent;
use crate::rules::Fate;
use crate::testing::{Fates, Model, STORE, add, all_bytes, check, config, disk, holds, load, root, take, value};
use crate::{Avoid, Unwatched, compact};
use threadlog_engine::fs::sim::{Choice, SimFs};
use threadlog_engine::fs::{OpenMode, read_file, write_all_at};
use threadlog_engine::sealed::manifest_path;

fn shared(fs: &SimFs) -> Arc<dyn Fs> {
    Arc::new(fs.clone())
}

fn repair(fs: &SimFs) -> Result<Option<ManifestRepair>> {
    let clock = Arc::clone(&threadlog_engine::Config::default().clock);
    repair_manifest(&shared(fs), &root(), STORE, "test", &clock)
}

fn plan(fs: &SimFs) -> Result<Option<ManifestRepair>> {
    plan_manifest(&shared(fs), &root(), STORE)
}

/// Puts other bytes in the place of MANIFEST, or none.
fn spoil(fs: &SimFs, bytes: Option<&[u8]>) {
    let _ = fs.remove_file(&manifest_path(root().as_path()));
    if let Some(bytes) = bytes {
        let file = fs.open(&manifest_path(root().as_path()), OpenMode::CreateNew).unwrap();
        write_all_at(&*file, bytes, 0).unwrap();
    }
}

/// Several segments that share values, some of them merged.
fn sample(fs: &SimFs) -> Model {
    let mut model = Model::new();
    for thread in 1..6 {
        add(fs, &mut model, &[(thread, &[1, u64::from(thread) + 10, 2])]);
    }
    merge(fs, Extent::Wanted, &Fates::default()).unwrap();
    for thread in 6..8 {
        add(fs, &mut model, &[(thread, &[1, 2, u64::from(thread) + 10])]);
    }
    model
}

fn merge(fs: &SimFs, extent: Extent, rules: &Fates) -> Result<()> {
    let mut held = take(fs)?;
    let renew = &mut || Ok(());
    compact::compact(&mut held, extent, rules, &config(), &Unwatched, &mut Avoid::new(), renew).map(drop)
}

#[test]
fn a_manifest_destroyed_in_any_way_is_made_anew_and_every_record_is_there() {
    let fs = disk(1);
    let model = sample(&fs);
    assert!(repair(&fs).unwrap().is_none(), "sound");
    let (sound, before) = (read_file(&fs, &manifest_path(root().as_path())).unwrap(), load(&fs).manifest().clone());
    let flipped = (0..sound.len()).map(|at| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        Some(bytes)
    });
    let cut = (0..sound.len()).step_by(7).map(|length| Some(sound[..length].to_vec()));
    let zeros = Some(vec![0; sound.len()]);
    let longer = Some([&sound[..], b"x"].concat());
    for bytes in flipped.chain(cut).chain([None, zeros, longer]) {
        let fs = fs.crash(&Choice::KeepAll);
        spoil(&fs, bytes.as_deref());
        // A version that is not known is no damage that could be repaired.
        let Ok(plan) = plan(&fs) else { continue };
        let plan = plan.unwrap();
        assert!(plan.fault.is_corruption() && plan.damage.is_empty() && plan.replaced.is_empty());
        assert_eq!((plan.records, plan.manifest.segments.len()), (21, before.segments.len()));
        assert!(take(&fs).is_err(), "until then nobody works on it");
        repair(&fs).unwrap().unwrap();
        let crashed = fs.snapshot().crash(&Choice::LoseAll);
        for fs in [&fs, &crashed] {
            assert_eq!(check(fs), model);
            assert_eq!(
                (load(fs).manifest().segments.clone(), repair(fs).unwrap().is_none()),
                (before.segments.clone(), true)
            );
        }
        let mut model = model.clone();
        add(&fs, &mut model, &[(9, &[1, 2])]);
        assert_eq!(check(&fs), model, "and it goes on");
    }
}

#[test]
fn a_repair_cut_off_at_any_call_is_repeated() {
    let fs = disk(1);
    let model = sample(&fs);
    spoil(&fs, None);
    for after in 0.. {
        let disk = fs.crash(&Choice::KeepAll);
        disk.freeze_after(after);
        let done = repair(&disk).is_ok();
        for choice in disk.crash_points().choices(8, after) {
            let crashed = disk.crash(&choice);
            repair(&crashed).unwrap();
            assert_eq!(check(&crashed), model, "after {after} calls, {choice:?}");
        }
        if done {
            return;
        }
    }
}

#[test]
fn what_was_replaced_or_erased_does_not_come_back() {
    let fs = disk(1);
    let model = sample(&fs);
    let dead = Fates([(1, Fate::Drop), (6, Fate::Drop)].into());
    let alive: Model =
        model.clone().into_iter().filter(|((stream, _), _)| ![1, 6].contains(&stream.thread[0])).collect();
    let calls = {
        let fs = fs.crash(&Choice::KeepAll);
        let before = fs.calls();
        merge(&fs, Extent::Full, &dead).unwrap();
        spoil(&fs, None);
        let plan = repair(&fs).unwrap().unwrap();
        assert!(plan.replaced.is_empty());
        assert_eq!(check(&fs), alive);
        let all = all_bytes(&fs);
        assert!(!holds(&all, &value(11)) && !holds(&all, &value(16)) && holds(&all, &value(12)));
        fs.calls() - before
    };
    // Wherever it is cut off, and MANIFEST lost behind that: all is there, or exactly the dead are gone.
    for after in 0..calls {
        let disk = fs.crash(&Choice::KeepAll);
        disk.freeze_after(after);
        let _ = merge(&disk, Extent::Full, &dead);
        for choice in [Choice::KeepAll, Choice::LoseAll, Choice::Sample(after)] {
            let crashed = disk.crash(&choice);
            spoil(&crashed, None);
            let plan = repair(&crashed).unwrap().unwrap();
            assert!(plan.damage.is_empty(), "after {after} calls, {choice:?}: {:?}", plan.damage);
            let found = check(&crashed);
            assert!(found == model || found == alive, "after {after} calls, {choice:?}");
        }
    }
}

#[test]
fn a_segment_whose_table_is_damaged_too_is_named_and_read_by_its_blocks() {
    let fs = disk(1);
    sample(&fs);
    let row = load(&fs).manifest().segments[0];
    let file = fs.open(&row.id.path(&root()), OpenMode::Write).unwrap();
    write_all_at(&*file, b"rot", row.footer_offset + 70).unwrap();
    spoil(&fs, Some(b"nothing"));
    let plan = repair(&fs).unwrap().unwrap();
    assert_eq!((plan.damage.len(), plan.records), (1, 21));
}

#[test]
fn a_finished_segment_of_which_nothing_can_be_read_is_named_all_the_same() {
    let fs = disk(1);
    sample(&fs);
    let before = load(&fs).manifest().segments.clone();
    let row = before[0];
    let file = fs.open(&row.id.path(&root()), OpenMode::Write).unwrap();
    // Everything but the end of the trailer.
    write_all_at(&*file, &vec![0xee; usize::try_from(row.bytes).unwrap() - 40], 0).unwrap();
    spoil(&fs, None);
    let plan = plan(&fs).unwrap().unwrap();
    assert_eq!((plan.manifest.segments.len(), plan.replaced.len()), (before.len(), 0));
    assert!(!plan.damage.is_empty());
}

#[test]
fn who_maintains_the_store_is_not_disturbed() {
    let fs = disk(1);
    sample(&fs);
    let held = take(&fs).unwrap();
    spoil(&fs, None);
    assert!(matches!(repair(&fs.process()), Err(Error::Busy { .. })));
    drop(held);
    assert!(repair(&fs.process()).unwrap().is_some());
}
