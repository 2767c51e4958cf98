//! A damaged store: what is lost is named, the rest comes out, and importing again mends it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::import::Outcome;
use crate::{ExportOptions, Silent, Store};
use threadlog_engine::fs::Fs;
use threadlog_engine::number::wide;

/// A segment that holds this text, and where.
fn find(bench: &Bench, text: &str) -> Option<(PathBuf, u64)> {
    let paths = bench.disk.paths();
    paths.iter().find_map(|path| {
        let bytes = bench.disk.read_raw(path).ok()?;
        let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
        Some((path.clone(), wide(at)))
    })
}

fn damaged() -> Bench {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 6));
    bench.put(&name(B), rollout(B, 6).replace("message", "note"));
    bench.import();
    let (path, offset) = find(&bench, "message 4").unwrap();
    bench.disk.flip_bit(&path, offset, 0).unwrap();
    bench
}

#[test]
fn a_rotten_record_costs_itself_and_is_named() {
    let bench = damaged();
    let disk: Arc<dyn Fs> = Arc::new(bench.disk.clone());
    let report = Store::verify_on(disk, root(), &Silent).unwrap();
    assert!(!report.is_sound());
    assert_eq!(report.faults.len(), 1);
    assert_eq!(report.faults[0].key.thread.to_string(), A);
    assert_eq!((report.faults[0].lost_records, report.faults[0].unreadable_records), (1, 0));
    assert_eq!(report.faults[0].files.iter().map(ToString::to_string).collect::<Vec<_>>(), [name(A)]);
    assert_eq!(report.files, 2);

    let store = bench.open_read();
    let thread = store.thread(A.parse().unwrap()).unwrap();
    assert_eq!((thread.current.lost_records, thread.current.facts.totals().lines), (1, 6));
    let items: Vec<_> = store.items(thread.current.key).collect();
    assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, true, true, false, true, true]);
    let (report, files) = bench.export(&ExportOptions::default());
    assert_eq!(
        (report.failed.len(), files.keys().collect::<Vec<_>>()),
        (1, vec![&name(B)]),
        "half a file is not written"
    );
    assert!(report.failed[0].reason.contains("salvage"), "{}", report.failed[0].reason);
}

#[test]
fn salvage_writes_what_is_left() {
    let bench = damaged();
    let to = bench.folder.path().join("to");
    let report = Store::salvage_on(Arc::new(bench.disk.clone()), root(), &to, &Silent).unwrap();
    assert_eq!((report.intact.files.len(), report.damaged.len()), (1, 1));
    assert_eq!((report.damaged[0].lines, report.damaged[0].lost_records), (6, 1));
    let files = tree(&to);
    assert_eq!(files[&name(B)], tree(&bench.home())[&name(B)]);
    let expected = rollout(A, 6).replace(&message(4, "message 4"), "");
    assert_eq!(String::from_utf8_lossy(&files[&name(A).replace(".jsonl", ".salvaged.jsonl")]), expected);
}

#[test]
fn importing_again_mends_a_damaged_thread() {
    let bench = damaged();
    let report = bench.import();
    assert_eq!(
        report.files.iter().map(|file| file.outcome).collect::<Vec<_>>(),
        [Outcome::Repaired, Outcome::Unchanged]
    );
    bench.assert_round_trip();
    assert_eq!(bench.import().count(Outcome::Unchanged), 2);
}

#[test]
fn a_thread_that_lost_its_control_records_is_still_there() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 3));
    bench.import();
    let path = bench.home().join(name(A)).canonicalize().unwrap();
    let root_name = path.parent().unwrap().to_str().unwrap().to_owned();
    // The names stand in the records of creation and source.
    while let Some((path, offset)) = find(&bench, &root_name) {
        bench.disk.flip_bit(&path, offset, 0).unwrap();
    }
    let store = bench.open_read();
    let thread = &store.threads()[0];
    assert_eq!((thread.thread.to_string().as_str(), thread.current.lost_records), (A, 2));
    assert_eq!(thread.current.facts.totals().lines, 4);
    let to = bench.folder.path().join("to");
    let report = Store::salvage_on(Arc::new(bench.disk.clone()), root(), &to, &Silent).unwrap();
    assert_eq!(report.intact.failed, []);
    assert_eq!(tree(&to).into_values().collect::<Vec<_>>(), [rollout(A, 3).into_bytes()]);
    bench.import();
    bench.assert_round_trip();
}

#[test]
fn where_items_may_be_lost_that_no_control_record_speaks_of_a_new_revision_begins_too() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 3));
    bench.import();
    let long = line(4, "response_item", &format!("{{\"output\":\"{}\"}}", "y".repeat(300 << 10)));
    bench.put(&name(A), rollout(A, 3) + &long.repeat(8));
    let store = bench.open();
    let report = store.import(&[bench.home()], &one_job(), &StopAfter(AtomicU64::new(1))).unwrap();
    store.close().unwrap();
    assert!(report.stopped);
    // A control record behind it, so that these are known to be all there.
    let copy = bench.put(&format!("copy/{}", name(A)), rollout(A, 3));
    assert_eq!(bench.import_paths(&[copy]).count(Outcome::Unchanged), 1);
    // The first batch of what the file gained: three such lines, and no control record.
    let (path, offset) = find(&bench, &"y".repeat(100)).unwrap();
    bench.disk.overwrite(&path, offset / 4096 * 4096, &vec![0xAA; 904 << 10]).unwrap();
    let report = bench.import();
    let outcomes: Vec<_> = report.files.iter().map(|file| file.outcome).collect();
    assert_eq!((outcomes, report.refused.len()), (vec![Outcome::Repaired, Outcome::Grown], 0), "{report:?}");
    let (_, files) = bench.export(&ExportOptions::default());
    assert!(files[&name(A)] == tree(&bench.home())[&name(A)]);
}

#[test]
fn where_a_threads_end_may_be_lost_a_new_revision_begins() {
    let bench = Bench::new();
    bench.put(&name(A), rollout(A, 3));
    bench.put(&name(B), rollout(B, 3));
    bench.import();
    bench.put(&name(A), rollout(A, 5));
    bench.import();
    bench.put(&name(B), rollout(B, 5));
    bench.import();
    // The whole group of A's growth: nobody can tell now what stood there. B goes on after it without a gap.
    let (path, offset) = find(&bench, "message 4").unwrap();
    bench.disk.overwrite(&path, offset / 4096 * 4096, &[0xAA; 4096]).unwrap();
    let report = bench.import();
    assert_eq!(report.refused, []);
    assert_eq!(
        report.files.iter().map(|file| file.outcome).collect::<Vec<_>>(),
        [Outcome::Repaired, Outcome::Unchanged]
    );
    bench.assert_round_trip();
    assert_eq!(bench.import().count(Outcome::Unchanged), 2);
}

/// A thread with a line of 3 MiB, which stands in a file of its own; that file.
fn with_large() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let large = line(1, "response_item", &format!("{{\"output\":\"{}\"}}", "z".repeat(3 << 20)));
    bench.put(&name(A), meta(A) + &large + &message(2, "after"));
    bench.put(&name(B), rollout(B, 3));
    bench.import();
    let path = bench.disk.paths().into_iter().find(|path| path.extension().is_some_and(|end| end == "rec")).unwrap();
    (bench, path)
}

#[test]
fn importing_again_mends_a_large_record_that_is_lost_cut_or_rotten() {
    type Harm = fn(&Bench, &std::path::Path);
    let harms: [Harm; 4] = [
        |bench, path| bench.disk.remove_file(path).unwrap(),
        |bench, path| bench.disk.flip_bit(path, 10, 0).unwrap(),
        |bench, path| bench.disk.flip_bit(path, 2 << 20, 3).unwrap(),
        |bench, path| bench.disk.open(path, threadlog_engine::fs::OpenMode::Write).unwrap().set_len(1 << 20).unwrap(),
    ];
    for (number, harm) in harms.into_iter().enumerate() {
        let (bench, path) = with_large();
        harm(&bench, &path);
        let report = bench.import();
        let outcomes: Vec<_> = report.files.iter().map(|file| file.outcome).collect();
        assert_eq!(outcomes, [Outcome::Repaired, Outcome::Unchanged], "harm {number}: {report:?}");
        bench.assert_round_trip();
        assert_eq!(bench.import().count(Outcome::Unchanged), 2, "harm {number}");
    }
}

#[test]
fn an_export_counts_what_it_could_not_write_for_damage() {
    let (bench, path) = with_large();
    bench.disk.remove_file(&path).unwrap();
    let (report, _) = bench.export(&ExportOptions::default());
    assert_eq!((report.failed.len(), report.damaged), (1, 1));
}
