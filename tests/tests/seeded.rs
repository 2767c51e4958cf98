//! One deliberate bug after another: each must be caught, by the test named for it, within ten seconds.
//!
//! Only in a build with the feature `seeded-bugs` (`just seeded-bugs`).

use std::time::{Duration, Instant};

use threadlog_engine::seeded::{Bug, plant};
use threadlog_tests::proof::content::mix;
use threadlog_tests::proof::crash::{Plan, enumerate, script};
use threadlog_tests::proof::damage::Harm;
use threadlog_tests::proof::examine::Depth;
use threadlog_tests::proof::faults::{FAULTS, WORKLOADS, calls, is_tried, run_with_fault};
use threadlog_tests::proof::invariants::{Checked, Violation};
use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::random::{run, steps};
use threadlog_tests::proof::step::Step;
use threadlog_tests::proof::stories::bases;

const TIME_MAX: Duration = Duration::from_secs(10);

/// A test of the suite, as far as it gets in ten seconds on one thread.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// `tests/crash.rs`: every power cut of short sequences.
    Crash,
    /// `tests/crash.rs`: every power cut of a long run.
    Script,
    /// `tests/faults.rs`: every call goes wrong.
    Faults,
    /// `tests/damage.rs`: every block and file lost or misplaced, bits flipped.
    Damage,
    /// `tests/random.rs`: random runs.
    Random,
}

/// Which test catches which bug.
const CATCHES: &[(Bug, Test)] = &[
    (Bug::AcknowledgeBeforeSync, Test::Crash),
    (Bug::ChecksumSkippedOnLastFrame, Test::Crash),
    (Bug::FramesChecksumIgnored, Test::Damage),
    (Bug::ReadUnverified, Test::Damage),
    (Bug::HeaderUnverified, Test::Damage),
    (Bug::NoSaltInChecksum, Test::Damage),
    (Bug::NoOffsetInChecksum, Test::Damage),
    (Bug::NoDirectorySync, Test::Crash),
    (Bug::SpareWithoutDirectorySync, Test::Script),
    (Bug::FormatNotSynced, Test::Crash),
    (Bug::PageCacheTrustedAtRecovery, Test::Crash),
    (Bug::RecoveryWitnessTooEarly, Test::Crash),
    (Bug::UnfinishedRecoveryCounts, Test::Crash),
    (Bug::RecoveryWitnessTrusted, Test::Faults),
    (Bug::RetryAfterFailedSync, Test::Crash),
    (Bug::WitnessOmitted, Test::Damage),
    (Bug::MarkPublishedEarly, Test::Crash),
    (Bug::DurableUptoTooHigh, Test::Crash),
    (Bug::OffByOneAtSegmentEnd, Test::Crash),
    (Bug::ExpectedOrdinalIgnored, Test::Random),
    (Bug::StaleLeaseAccepted, Test::Random),
    (Bug::FailedTicketAcknowledged, Test::Random),
    (Bug::GenerationIgnored, Test::Random),
    (Bug::HeadsKeptAfterFailedWrite, Test::Random),
    (Bug::EpochKeptAfterFailedWrite, Test::Random),
    (Bug::LeftSegmentsNotSynced, Test::Crash),
    (Bug::ReaderIgnoresMark, Test::Crash),
    (Bug::MarkIgnoredAtRecovery, Test::Damage),
    (Bug::LargeFileNotSynced, Test::Crash),
    (Bug::LargeDirectoryNotSynced, Test::Crash),
    (Bug::StartSequenceOffByOne, Test::Crash),
    (Bug::TornPayloadAccepted, Test::Crash),
    (Bug::BuiltUponIgnored, Test::Damage),
    (Bug::ChainNotChecked, Test::Damage),
];

impl Test {
    /// Runs until something breaks, time is up, or all is done.
    fn run(self) -> Checked {
        match self {
            Test::Crash => crash(),
            Test::Script => script(WORKLOADS[0], 16 << 10, &Depth { recover_one_in: 16, ..DEPTH }).map(|_| ()),
            Test::Faults => faults(),
            Test::Damage => damage(),
            Test::Random => random(),
        }
    }
}

const DEPTH: Depth = Depth { choices_max: 64, samples: 16, recover_one_in: 1 };

fn crash() -> Checked {
    let shallow = Depth { recover_one_in: 64, ..DEPTH };
    let plan = Plan {
        depths: vec![DEPTH, DEPTH, shallow, shallow],
        depths_large: vec![DEPTH, shallow, shallow, shallow],
        starts: vec![vec![], vec![Step::Batch, Step::Sync, Step::Fill, Step::Small, Step::TickWrite]],
        segment_bytes: 16 << 10,
        threads: 2,
        time_max: TIME_MAX,
    };
    enumerate(&plan).map(|_| ())
}

fn faults() -> Checked {
    for workload in WORKLOADS {
        for (number, call) in (1..).zip(calls(workload, &Recorder::default())?) {
            for (_, fault, _) in FAULTS.iter().filter(|(_, fault, fits)| is_tried(*fault, fits, call)) {
                run_with_fault(workload, number, *fault, &Recorder::default())?;
            }
        }
    }
    Ok(())
}

fn damage() -> Checked {
    let bases = bases()?;
    let places = || bases.iter().flat_map(|base| base.targets.iter().map(move |target| (base, target)));
    for (base, target) in places().filter(|(_, target)| target.is_segment()) {
        for block in 0..target.bytes / 4096 {
            base.harm(target, Harm::Block(block * 4096, 0), true)?;
            if !target.begins_history(block * 4096) {
                base.harm(target, Harm::Twin(block * 4096), true)?;
            }
            for from in 0..target.bytes / 4096 {
                base.harm(target, Harm::Copied { from: from * 4096, to: block * 4096, other: from == block }, true)?;
            }
        }
        if base.tells_its_end() {
            base.harm(target, Harm::Removed, true)?;
        }
    }
    for (base, target) in places() {
        for byte in (0..target.bytes.min(20_000)).filter(|byte| mix(*byte, 3).is_multiple_of(5)) {
            base.harm(target, Harm::Flip(byte, (byte % 8) as u8), mix(byte, 4).is_multiple_of(4))?;
        }
    }
    Ok(())
}

fn random() -> Checked {
    let began = Instant::now();
    (1..1000).take_while(|_| began.elapsed() < TIME_MAX).try_for_each(|seed| {
        run(seed, &steps(seed, 200), &Recorder::default()).map_err(|(_, broken)| broken.after(format!("seed {seed}")))
    })
}

#[test]
fn every_seeded_bug_is_caught() {
    let missing: Vec<&Bug> = Bug::ALL.iter().filter(|bug| !CATCHES.iter().any(|(other, _)| other == *bug)).collect();
    assert!(missing.is_empty(), "no test is named for {missing:?}");
    // Without a bug the same tests find nothing, so it is the bug that they catch.
    for test in [Test::Script, Test::Faults, Test::Damage, Test::Random] {
        test.run().unwrap_or_else(|broken| panic!("without any bug, {test:?}: {broken}"));
    }
    let only = std::env::var("THREADLOG_BUG").ok();
    let mut failures = Vec::new();
    for (bug, test) in CATCHES.iter().filter(|(bug, _)| only.as_ref().is_none_or(|only| *only == format!("{bug:?}"))) {
        let began = Instant::now();
        plant(Some(*bug));
        let outcome = std::panic::catch_unwind(|| test.run());
        let met = plant(None);
        let time = began.elapsed();
        let caught: Option<String> = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(broken)) => Some(first_line(&broken)),
            Err(_) => Some("a panic".to_owned()),
        };
        let shown = caught.clone().unwrap_or_else(|| "NOT CAUGHT".to_owned());
        println!("{:<28} {:<7} {:>5.2} s  {shown}", format!("{bug:?}"), format!("{test:?}"), time.as_secs_f64());
        if caught.is_none() || time > TIME_MAX || met == 0 {
            failures.push(format!("{bug:?} by {test:?}: caught {caught:?} in {time:?}, met {met} times"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn first_line(broken: &Violation) -> String {
    let text = format!("{}: {}", broken.invariant, broken.story.first().map_or("", String::as_str));
    text.chars().take(150).collect()
}
