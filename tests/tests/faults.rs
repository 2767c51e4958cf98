//! Every call of a long run goes wrong, in every way, one at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use threadlog_engine::fs::sim::{CallKind, Fault};
use threadlog_tests::proof::faults::{FAULTS, WORKLOADS, calls, is_tried, run_on_a_small_disk, run_with_fault};
use threadlog_tests::proof::invariants::Checked;
use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::sites::in_source;
use threadlog_tests::proof::threads::faults as stores;

/// Runs `work` for 0, 1, 2… on two threads until it says that it is over; the first violation ends it.
fn until_over(work: impl Fn(u64) -> Checked<bool> + Sync) -> u64 {
    let (next, end, broken) = (AtomicU64::new(0), AtomicU64::new(u64::MAX), Mutex::new(Vec::new()));
    let run = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end.load(Ordering::Relaxed) {
                return;
            }
            match work(number) {
                Ok(true) => {}
                Ok(false) => {
                    end.fetch_min(number, Ordering::Relaxed);
                }
                Err(violation) => broken.lock().expect("no panic holds it").push(violation.to_string()),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(run);
        run();
    });
    let broken = broken.into_inner().expect("no panic");
    let step = broken.len().div_ceil(12).max(1);
    let some: Vec<&str> = broken.iter().step_by(step).map(String::as_str).collect();
    assert!(broken.is_empty(), "{} violations, some of them:\n{}", broken.len(), some.join("\n\n"));
    end.into_inner()
}

/// Files with places that no run on one thread comes by, how many, and why.
const UNREACHED: &[(&str, usize, &str)] = &[
    ("journal/mark.rs", 1, "inlined into its caller: it shows as a place of journal/engine.rs"),
    ("journal/spare.rs", 1, "removes a spare that closing interrupted, on the thread that makes it"),
    (
        "journal/shelf.rs",
        3,
        "removes spares: one of an ended epoch (journal/tests/faults.rs), and those that closing meets",
    ),
    ("sealed/copy.rs", 5, "copies of a whole store: each call of theirs fails in compaction's tests"),
    ("sealed/dictionaries.rs", 7, "no dictionary is trained from so little: not failed"),
    ("sealed/rebuild.rs", 6, "only of a store whose MANIFEST is lost"),
    ("sealed/recover.rs", 3, "only of a segment whose footer is damaged"),
];

#[test]
fn a_fault_at_any_call_breaks_no_invariant() {
    let recorder = Recorder::default();
    recorder.count();
    recorder.locate();
    let runs: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    for workload in WORKLOADS {
        let all = calls(workload, &Recorder::default()).unwrap_or_else(|broken| panic!("{broken}"));
        let total = until_over(|number| {
            let Some(call) = all.get(number as usize) else { return Ok(false) };
            for (name, fault, _) in FAULTS.iter().filter(|(_, fault, fits)| is_tried(*fault, fits, *call)) {
                run_with_fault(workload, number + 1, *fault, &recorder)?;
                *runs.lock().expect("no panic holds it").entry(*name).or_insert(0) += 1;
            }
            Ok(true)
        });
        let met = run_with_fault(workload, total + 1_000, FAULTS[0].1, &recorder);
        assert!(!met.unwrap_or_else(|broken| panic!("{broken}")), "a run behind all calls still meets a fault");
        println!("each of {total} calls failed");
    }
    println!("runs by fault: {:?}", runs.into_inner().expect("no panic"));
    for ((kind, class), count) in recorder.calls() {
        println!("{:>10} {class:<18} {count}", format!("{kind:?}"));
    }
    every_place_was_reached(&recorder);
}

#[test]
fn a_fault_at_any_call_of_a_stores_operations_breaks_no_invariant() {
    let all = stores::calls().unwrap_or_else(|broken| panic!("{broken}"));
    let runs = AtomicU64::new(0);
    let total = until_over(|number| {
        let Some(call) = all.get(number as usize) else { return Ok(false) };
        // Every call gets an error; of what else can go wrong with it every sixth.
        let fits = |at: usize, (_, fault, fits): &(&str, Fault, &[CallKind])| {
            (at == 0 || (number as usize + at).is_multiple_of(6)) && is_tried(*fault, fits, *call)
        };
        for (_, (_, fault, _)) in FAULTS.iter().enumerate().filter(|(at, fault)| fits(*at, fault)) {
            stores::run_with_fault(number + 1, *fault, &Recorder::default())?;
            runs.fetch_add(1, Ordering::Relaxed);
        }
        Ok(true)
    });
    println!("each of {total} calls of a store's operations failed, in {} runs", runs.into_inner());
}

/// Every place in the engine's source that calls the file system was come by, so a fault was there.
fn every_place_was_reached(recorder: &Recorder) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root");
    let (all, reached) = (in_source(repository), recorder.sites());
    let missed: Vec<_> = all.difference(&reached).collect();
    println!(
        "{} of {} places in the source that call the file system were failed",
        all.len() - missed.len(),
        all.len()
    );
    for (file, most, why) in UNREACHED {
        println!("of {file} up to {most} not: {why}");
    }
    let allowed = |file: &str| UNREACHED.iter().find(|(other, _, _)| *other == file).map_or(0, |(_, most, _)| *most);
    let count = |file: &str| missed.iter().filter(|(other, _)| other == file).count();
    let beyond: Vec<_> = missed.iter().filter(|(file, _)| count(file) > allowed(file)).collect();
    assert!(beyond.is_empty(), "not come by: {beyond:?}");
}

#[test]
fn a_disk_that_is_full_at_any_block_breaks_no_invariant() {
    for workload in WORKLOADS {
        let blocks = until_over(|room| run_on_a_small_disk(workload, room, &Recorder::default()));
        println!("a workload was run on disks of 0 to {blocks} blocks");
    }
}
