//! An import that ends anywhere is continued by the next one: nothing lost, nothing twice.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::import::Outcome;
use crate::{ExportOptions, Silent, Store};
use threadlog_engine::fs::sim::{CallKind, Fault, SimFs};
use threadlog_engine::number::wide;
use threadlog_engine::{Background, Config};

/// Several threads and several batches: one file of 3 MiB, one with a record in a file of its own.
fn fill(bench: &Bench) {
    let mut long = rollout(A, 3);
    (0..48).for_each(|n| {
        long += &line(n, "response_item", &format!("{{\"n\":{n},\"output\":\"{}\"}}", "y".repeat(64 << 10)))
    });
    bench.put(&format!("a/{}", name(A)), long + "{\"timestamp\":\"half");
    let large = line(1, "response_item", &format!("{{\"output\":\"{}\"}}", "z".repeat(3 << 19)));
    bench.put(&format!("b/{}", name(B)), meta(B) + &large + &message(2, "after"));
    bench.put("c/rollout-small.jsonl", rollout("22222222-1f70-49ba-9104-83619ec703e0", 2));
}

fn assert_whole(bench: &Bench) {
    bench.assert_round_trip();
    let report = Store::verify_on(Arc::new(bench.disk.clone()), root(), &Silent).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let store = bench.open_read();
    let threads = store.threads();
    assert_eq!(threads.len(), 3);
    assert!(threads.iter().all(|thread| thread.others.is_empty()), "no second revision");
    let bytes: u64 = threads.iter().map(|thread| thread.current.facts.totals().bytes).sum();
    assert_eq!(bytes, tree(&bench.home()).values().map(|file| wide(file.len())).sum::<u64>());
}

#[test]
pub(super) fn stopped_after_any_batch_an_import_goes_on_where_it_was() {
    for batches in 0.. {
        let bench = Bench::new();
        fill(&bench);
        let store = bench.open();
        let report = store.import(&[bench.home()], &one_job(), &StopAfter(AtomicU64::new(batches))).unwrap();
        store.close().unwrap();
        let added = report.bytes_added();
        bench.import();
        assert_whole(&bench);
        assert_eq!(bench.import().bytes_added(), 0);
        if !report.stopped {
            assert!(batches >= 6 && added == report.bytes(), "{batches} batches");
            return;
        }
    }
}

#[test]
pub(super) fn a_power_cut_at_any_call_loses_nothing_that_a_second_import_does_not_add() {
    let config = || Config { background: Background::Manual, ..Config::default() };
    let whole = Bench::new();
    fill(&whole);
    whole.import();
    let calls = whole.disk.calls();
    assert!(calls > 20);
    let mut cut = 0;
    while cut <= calls {
        let disk = SimFs::new(7);
        disk.freeze_after(cut);
        if let Ok(store) = Store::open_on(Arc::new(disk.clone()), root(), config()) {
            let _ = store.import(&[whole.home()], &one_job(), &Silent);
        }
        for choice in disk.crash_points().choices(2, cut) {
            let bench = Bench { disk: disk.crash(&choice), folder: tempfile::tempdir_in(whole.folder.path()).unwrap() };
            let home = whole.home();
            bench.import_paths(std::slice::from_ref(&home));
            let to = tempfile::tempdir().unwrap();
            let report = bench.open_read().export(None, to.path(), &ExportOptions::default(), &Silent);
            assert_eq!(report.failed, [], "cut at {cut}, {choice:?}");
            assert_same_files(&home, to.path());
            let report = bench.import_paths(&[home]);
            assert_eq!(report.count(Outcome::Unchanged), 3, "cut at {cut}");
        }
        cut += 1 + calls / 25;
    }
}

#[test]
pub(super) fn a_full_disk_is_an_error_and_with_room_the_import_goes_on() {
    const ENOSPC: i32 = 28;
    for number in 1.. {
        let bench = Bench::new();
        fill(&bench);
        let store = bench.open();
        bench.disk.fail_kind(CallKind::Write, bench.disk.calls_of(CallKind::Write) + number, Fault::Error(ENOSPC));
        let fired = bench.disk.faults_fired();
        let result = store.import(&[bench.home()], &one_job(), &Silent);
        let failed = bench.disk.faults_fired() > fired;
        // A checkpoint of the catalog that cannot be written is no failure of the import.
        let of_catalog = result.is_ok() && store.catalog_files().unwrap().is_empty();
        assert_eq!(result.is_err(), failed && !of_catalog, "{result:?}");
        if !failed {
            assert!(number > 3);
            return;
        }
        bench.disk.clear_faults();
        // The same store goes on; or one that is opened anew.
        if number % 2 == 0 {
            store.import(&[bench.home()], &one_job(), &Silent).unwrap();
        }
        drop(store);
        bench.import();
        assert_whole(&bench);
    }
}

#[test]
pub(super) fn until_a_growth_is_complete_the_file_is_exported_as_it_was() {
    let bench = Bench::new();
    let path = format!("a/{}", name(A));
    bench.put(&path, rollout(A, 3));
    bench.import();
    fill(&bench);
    let store = bench.open();
    let report = store.import(&[bench.home().join("a")], &one_job(), &StopAfter(AtomicU64::new(2))).unwrap();
    store.close().unwrap();
    assert!(report.stopped);
    let (report, files) = bench.export(&ExportOptions::default());
    assert_eq!(report.failed, []);
    assert_eq!(files[&path], rollout(A, 3).as_bytes());
    bench.import();
    assert_whole(&bench);
}

#[test]
pub(super) fn a_first_import_that_was_cut_short_is_exported_as_far_as_it_came() {
    let bench = Bench::new();
    fill(&bench);
    let store = bench.open();
    store.import(&[bench.home()], &one_job(), &StopAfter(AtomicU64::new(2))).unwrap();
    store.close().unwrap();
    let (report, files) = bench.export(&ExportOptions::default());
    assert_eq!((report.failed.len(), report.files.len(), report.files[0].complete), (0, 1, false));
    let path = format!("a/{}", name(A));
    let whole = &tree(&bench.home())[&path];
    assert!(files[&path].len() > 1 << 18 && whole.starts_with(&files[&path]));
}

#[test]
pub(super) fn the_first_import_was_cut_short_and_the_file_is_another_now() {
    let bench = Bench::new();
    fill(&bench);
    let store = bench.open();
    store.import(&[bench.home()], &one_job(), &StopAfter(AtomicU64::new(2))).unwrap();
    store.close().unwrap();
    bench.put(&format!("a/{}", name(A)), rollout(A, 30));
    assert_eq!(bench.import().count(Outcome::Rewritten), 1);
    let (report, files) = bench.export(&ExportOptions::default());
    assert_eq!(report.failed, []);
    assert_eq!(files.len(), 3, "and nothing of what was begun");
    assert_eq!(files[&format!("a/{}", name(A))], rollout(A, 30).as_bytes());
}
