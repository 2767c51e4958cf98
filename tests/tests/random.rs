//! Random runs by seed, of the engine, of several writers and of whole stores: short ones each time, long ones on demand (`just soak`,
//! `just soak-store`), one seed again (`just replay`, `just replay-store`).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use threadlog_tests::proof::invariants::Checked;
use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::random::{self, Tally};
use threadlog_tests::proof::{threads, writers};
use threadlog_tests::setting;

/// Steps of one run.
const STEPS: u64 = 200;

type Simulate = fn(u64, usize, &Recorder) -> Checked<Tally>;

#[test]
fn random_runs_break_no_invariant() {
    runs(random::simulate, 600, &[]);
}

#[test]
fn random_runs_of_whole_stores_break_no_invariant() {
    let met = ["new", "grown", "unchanged", "refused", "cut off", "exported", "deleted with descendants"];
    runs(threads::run::simulate, 300, &met);
}

#[test]
fn random_runs_of_several_writers_break_no_invariant() {
    runs(writers::run::simulate, 300, &[]);
}

/// Runs seeds. The usual number of them must come by all that is named in `met`.
fn runs(simulate: Simulate, usual: u64, met: &[&str]) {
    let steps = setting("THREADLOG_STEPS", STEPS) as usize;
    if let Ok(seed) = std::env::var("THREADLOG_SEED") {
        let seed = seed.parse().expect("THREADLOG_SEED is a number");
        let tally = simulate(seed, steps, &Recorder::default()).unwrap_or_else(|broken| panic!("{broken}"));
        return println!("seed {seed}: {tally}, no invariant broken");
    }
    let (first, runs) = (setting("THREADLOG_FIRST_SEED", 1), setting("THREADLOG_RUNS", usual));
    let time_max = Duration::from_secs(setting("THREADLOG_SECONDS", 3600));
    let began = Instant::now();
    let (next, total) = (AtomicU64::new(0), Mutex::new((Tally::default(), BTreeMap::new())));
    let work = || {
        while began.elapsed() < time_max {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs {
                return;
            }
            let recorder = Recorder::default();
            let tally = simulate(first + run, steps, &recorder).unwrap_or_else(|broken| panic!("{broken}"));
            let mut total = total.lock().expect("no panic holds it");
            total.0 += tally;
            recorder.seen().into_iter().for_each(|(what, count)| *total.1.entry(what).or_default() += count);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..setting("THREADLOG_THREADS", 2) {
            scope.spawn(work);
        }
        work();
    });
    let ((tally, seen), time): ((Tally, BTreeMap<&str, u64>), f64) =
        (total.into_inner().expect("no panic"), began.elapsed().as_secs_f64());
    let rate = tally.operations as f64 / time;
    println!("seeds {first} to {}: {tally}, in {time:.1} s ({rate:.0} operations/s)", first + tally.runs - 1);
    if !seen.is_empty() {
        println!("among it {seen:?}");
    }
    let missing: Vec<&&str> = met.iter().filter(|what| !seen.contains_key(**what)).collect();
    assert!(tally.runs < usual || missing.is_empty(), "nothing came by {missing:?}");
}
