//! Every short sequence of steps, the power cut at every call, everything left that may be left.
//!
//! `just crash` runs all sequences of up to four steps; without `THREADLOG_CRASH=all` only those of up to three. The same for
//! two processes, of which also one alone dies at every call.

use std::time::Duration;

use threadlog_tests::proof::copies::backups;
use threadlog_tests::proof::crash::{Plan, enumerate, script};
use threadlog_tests::proof::examine::Depth;
use threadlog_tests::proof::sealing::STORIES;
use threadlog_tests::proof::several::deal::Deal;
use threadlog_tests::proof::several::enumeration as several;
use threadlog_tests::proof::step::Step;
use threadlog_tests::setting;

/// Of so many states one is cut off again while it is recovered, by the number of steps before it.
const RECOVER: [u64; 5] = [1, 1, 1, 4, 64];
const RECOVER_LARGE: [u64; 5] = [1, 4, 32, 256, 0];

#[test]
fn no_power_cut_breaks_an_invariant() {
    let all = std::env::var("THREADLOG_CRASH").is_ok_and(|value| value == "all");
    let lengths = if all { 5 } else { 4 };
    let least = setting("THREADLOG_CRASH_STATES", 0);
    // A look at each change; all of it, in a release build, takes minutes.
    let rarer = if all { 1 } else { 16 };
    let depth = |(steps, recover_one_in): (usize, &u64)| {
        let recover_one_in = if steps < 2 { *recover_one_in } else { recover_one_in * rarer };
        Depth { choices_max: 256, samples: 40, recover_one_in }
    };
    let depth_large = |(steps, recover_one_in): (u32, &u64)| {
        let fewer = 1 << (2 * steps.saturating_sub(1));
        Depth { choices_max: 256 / fewer, samples: (32 / fewer).max(4), recover_one_in: *recover_one_in }
    };
    let plan = Plan {
        depths: RECOVER[..lengths].iter().enumerate().map(depth).collect(),
        depths_large: (0..).zip(&RECOVER_LARGE[..lengths]).map(depth_large).collect(),
        starts: vec![vec![], vec![Step::Batch, Step::Sync, Step::Fill, Step::Small, Step::TickWrite]],
        segment_bytes: 16 << 10,
        threads: 2,
        time_max: Duration::from_secs(setting("THREADLOG_CRASH_SECONDS", 900)),
    };
    let count = enumerate(&plan).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{count}");
    assert!(count.complete, "time was up before every sequence was run");
    assert!(count.states >= least, "only {} states", count.states);
}

/// Of so many sequences of two processes the last deal is cut off by a death too, by the number of deals.
const DEATHS: [u64; 5] = [1, 1, 1, 2, 32];

#[test]
fn no_power_cut_and_no_death_of_one_of_two_processes_breaks_an_invariant() {
    let all = std::env::var("THREADLOG_CRASH").is_ok_and(|value| value == "all");
    let lengths = if all { 5 } else { 3 };
    let depth = |recover_one_in| Depth { choices_max: 256, samples: 16, recover_one_in };
    let plan = several::Plan {
        depths: [1, 1, 8, 32, 128][..lengths].iter().map(|one_in| depth(*one_in)).collect(),
        sealing: Depth { choices_max: 16, samples: 4, recover_one_in: if all { 64 } else { 256 } },
        afterwards: Depth { choices_max: 8, samples: 4, recover_one_in: 0 },
        deaths_one_in: DEATHS[..lengths].to_vec(),
        starts: vec![
            vec![],
            vec![(1, Deal::Put), (1, Deal::Sync), (1, Deal::Put), (1, Deal::Write)],
            vec![(0, Deal::Put), (0, Deal::Sync), (0, Deal::Give), (1, Deal::Put), (1, Deal::Write)],
        ],
        segment_bytes: 16 << 10,
        threads: 2,
        time_max: Duration::from_secs(setting("THREADLOG_CRASH_SECONDS", 900)),
    };
    let count = several::enumerate(&plan).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{count}");
    assert!(count.complete, "time was up before every sequence was run");
}

#[test]
fn long_stories_of_two_processes_can_be_cut_off_anywhere() {
    for scene in several::SCENES {
        let depth = Depth { choices_max: 16, samples: 4, recover_one_in: 16 };
        let states = several::script(scene, 16 << 10, &depth).unwrap_or_else(|broken| panic!("{broken}"));
        println!("two processes, {} deals: {states} distinct crash states", scene.len());
    }
}

#[test]
fn sealing_and_merging_can_be_cut_off_anywhere() {
    for story in STORIES {
        let depth = Depth { choices_max: 16, samples: 6, recover_one_in: 32 };
        let states = script(story, 16 << 10, &depth).unwrap_or_else(|broken| panic!("{story:?}: {broken}"));
        println!("{} steps with sealing: {states} distinct crash states", story.len());
    }
}

#[test]
fn a_backup_can_be_cut_off_anywhere_and_is_the_old_one_or_the_new_one() {
    let states = backups().unwrap_or_else(|broken| panic!("{broken}"));
    println!("a second backup: {states} crash states");
}
