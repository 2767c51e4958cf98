//! Every short sequence of steps, the power cut at every call, everything left that may be left.

use std::time::Duration;

use threadlog_tests::proof::crash::{Plan, enumerate};
use threadlog_tests::proof::examine::Depth;
use threadlog_tests::proof::step::Step;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn no_power_cut_breaks_an_invariant() {
    let depth = |recover_one_in| Depth { choices_max: 256, samples: 32, recover_one_in };
    let recover: Vec<u64> = std::env::var("THREADLOG_CRASH_RECOVER")
        .unwrap_or("1 1 8 0".to_owned())
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    let plan = Plan {
        depths: recover.into_iter().map(depth).collect(),
        starts: vec![vec![], vec![Step::Batch, Step::Sync, Step::Fill, Step::Small, Step::TickWrite]],
        segment_bytes: 16 << 10,
        threads: 2,
        time_max: Duration::from_secs(number("THREADLOG_CRASH_SECONDS", 40)),
    };
    match enumerate(&plan) {
        Ok(count) => println!("{count}"),
        Err(broken) => panic!("{broken}"),
    }
}
