//! Random runs by seed: a short one each time, a long one on demand (`just soak`), one seed again (`just replay`).

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::random::{Tally, simulate};
use threadlog_tests::setting;

/// Steps of one run.
const STEPS: usize = 200;

#[test]
fn random_runs_break_no_invariant() {
    let steps = setting("THREADLOG_STEPS", STEPS as u64) as usize;
    if let Ok(seed) = std::env::var("THREADLOG_SEED") {
        let seed = seed.parse().expect("THREADLOG_SEED is a number");
        let tally = simulate(seed, steps, &Recorder::default()).unwrap_or_else(|broken| panic!("{broken}"));
        return println!("seed {seed}: {tally}, no invariant broken");
    }
    let (first, runs) = (setting("THREADLOG_FIRST_SEED", 1), setting("THREADLOG_RUNS", 600));
    let time_max = Duration::from_secs(setting("THREADLOG_SECONDS", 3600));
    let began = Instant::now();
    let (next, total) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        while began.elapsed() < time_max {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs {
                return;
            }
            let tally = simulate(first + run, steps, &Recorder::default()).unwrap_or_else(|broken| panic!("{broken}"));
            *total.lock().expect("no panic holds it") += tally;
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..setting("THREADLOG_THREADS", 2) {
            scope.spawn(work);
        }
        work();
    });
    let (tally, time) = (total.into_inner().expect("no panic"), began.elapsed().as_secs_f64());
    let rate = tally.operations as f64 / time;
    println!("seeds {first} to {}: {tally}, in {time:.1} s ({rate:.0} operations/s)", first + tally.runs - 1);
}
