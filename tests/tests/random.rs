//! Random runs by seed: a short one each time, a long one on demand (`just soak`), one seed again (`THREADLOG_SEED`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::random::simulate;
use threadlog_tests::setting;

/// Steps of one run.
const STEPS: usize = 200;

#[test]
fn random_runs_break_no_invariant() {
    let steps = setting("THREADLOG_STEPS", STEPS as u64) as usize;
    if let Ok(seed) = std::env::var("THREADLOG_SEED") {
        let seed = seed.parse().expect("THREADLOG_SEED is a number");
        simulate(seed, steps, &Recorder::default()).unwrap_or_else(|broken| panic!("{broken}"));
        return println!("seed {seed}: {steps} steps, no invariant broken");
    }
    let (first, runs) = (setting("THREADLOG_FIRST_SEED", 1), setting("THREADLOG_RUNS", 600));
    let time_max = Duration::from_secs(setting("THREADLOG_SECONDS", 3600));
    let began = Instant::now();
    let (next, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        while began.elapsed() < time_max {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs {
                return;
            }
            let recorder = Recorder::default();
            simulate(first + run, steps, &recorder).unwrap_or_else(|broken| panic!("{broken}"));
            calls.fetch_add(recorder.total(), Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let runs = next.into_inner().min(runs);
    let (time, operations) = (began.elapsed().as_secs_f64(), runs * steps as u64);
    println!(
        "{runs} runs from seed {first}: {operations} operations, {} calls of the file system, in {time:.1} s ({:.0} operations/s)",
        calls.into_inner(),
        operations as f64 / time
    );
}
