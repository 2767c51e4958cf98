//! One deliberate bug after another: each must be caught, by the test named for it, within ten seconds.
//!
//! Only in a build with the feature `seeded-bugs` (`just seeded-bugs`).

use std::time::{Duration, Instant};

use threadlog_engine::seeded::{Bug, plant};
use threadlog_tests::proof::catalogs::catalogs;
use threadlog_tests::proof::content::mix;
use threadlog_tests::proof::copies::{backups, bundles};
use threadlog_tests::proof::crash::{Plan, enumerate, script};
use threadlog_tests::proof::damage::Harm;
use threadlog_tests::proof::examine::Depth;
use threadlog_tests::proof::faults::{FAULTS, WORKLOADS, calls, is_tried, run_with_fault};
use threadlog_tests::proof::interleave::race::every_interleaving;
use threadlog_tests::proof::invariants::{Checked, Violation};
use threadlog_tests::proof::probe::Recorder;
use threadlog_tests::proof::races::{Act, every_order_of};
use threadlog_tests::proof::random::{run, steps};
use threadlog_tests::proof::sealed_damage::every_harm;
use threadlog_tests::proof::sealing::STORIES;
use threadlog_tests::proof::several::enumeration as several;
use threadlog_tests::proof::step::Step;
use threadlog_tests::proof::stories::bases;
use threadlog_tests::proof::{threads, writers};

const TIME_MAX: Duration = Duration::from_secs(10);

/// A test of the suite, as far as it gets in ten seconds on one thread.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// `tests/crash.rs`: every power cut of short sequences.
    Crash,
    /// `tests/crash.rs`: every power cut of a long run.
    Script,
    /// `tests/crash.rs`: every power cut of a run over two segments.
    Rollover,
    /// `tests/crash.rs`: every power cut of a run with records in files of their own.
    Large,
    /// `tests/crash.rs`: every power cut of short sequences of two processes, and every death of one.
    Several,
    /// `tests/crash.rs`: the same of long runs of two processes.
    Scenes,
    /// `tests/faults.rs`: every call goes wrong.
    Faults,
    /// `tests/damage.rs`: every block and file lost or misplaced, bits flipped.
    Damage,
    /// `tests/random.rs`: random runs.
    Random,
    /// `tests/random.rs`: random runs of several processes that write.
    Writers,
    /// `tests/random.rs`: random runs of whole stores.
    Stores,
    /// `tests/crash.rs`: stories of sealing and merging, cut off anywhere.
    Sealing,
    /// `tests/damage.rs`: sealed files harmed.
    SealedDamage,
    /// `tests/crash.rs`: a backup cut off anywhere.
    Backups,
    /// `tests/damage.rs`: a bundle harmed anywhere, and taken in.
    Bundles,
    /// `tests/damage.rs`: checkpoints of the catalog, stale and harmed.
    Catalogs,
    /// `tests/local_store/races.rs`: deleting beside forking, in every order of their steps.
    Races,
    /// The same: emptying the trash beside taking a thread out of it.
    Trash,
    /// The same two in every interleaving.
    Interleavings,
    /// The same of the trash.
    TrashInterleavings,
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
    (Bug::RetryAfterFailedSync, Test::Random),
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
    (Bug::LeftSegmentsNotSynced, Test::Rollover),
    (Bug::ReaderIgnoresMark, Test::Crash),
    (Bug::MarkIgnoredAtRecovery, Test::Damage),
    (Bug::LargeFileNotSynced, Test::Large),
    (Bug::LargeDirectoryNotSynced, Test::Large),
    (Bug::StartSequenceOffByOne, Test::Crash),
    (Bug::TornPayloadAccepted, Test::Crash),
    (Bug::BuiltUponIgnored, Test::Damage),
    (Bug::ChainNotChecked, Test::Damage),
    (Bug::DeadJournalNotRecovered, Test::Several),
    (Bug::SignOfLifeIgnored, Test::Scenes),
    (Bug::FollowerIgnoresMark, Test::Scenes),
    (Bug::FollowerIgnoresEpoch, Test::Scenes),
    (Bug::NewJournalNotSeen, Test::Several),
    (Bug::LeaseNotChecked, Test::Scenes),
    (Bug::LeaseFreedEarly, Test::Scenes),
    (Bug::LeaseEpochNotRaised, Test::Stores),
    (Bug::TombstoneNotSynced, Test::Stores),
    (Bug::TombstonesOneByOne, Test::Stores),
    (Bug::ImportNotSynced, Test::Stores),
    (Bug::LifeNotHeldByFork, Test::Races),
    (Bug::LifeNotHeldByDelete, Test::Races),
    (Bug::LifeNotHeldByRestore, Test::Trash),
    (Bug::TrashSeenEarly, Test::Trash),
    (Bug::LifeNotHeldByFork, Test::Interleavings),
    (Bug::LifeNotHeldByDelete, Test::Interleavings),
    (Bug::LifeNotHeldByRestore, Test::TrashInterleavings),
    (Bug::TrashSeenEarly, Test::TrashInterleavings),
    (Bug::ViewsNotTold, Test::Stores),
    (Bug::ManifestNotSynced, Test::Sealing),
    (Bug::ManifestNameNotSynced, Test::Sealing),
    (Bug::ManifestNotConfirmed, Test::Sealing),
    (Bug::SealedFileNotSynced, Test::Sealing),
    (Bug::SealedNameNotSynced, Test::Sealing),
    (Bug::HotRemovedFirst, Test::Sealing),
    (Bug::SpareSealed, Test::Sealing),
    (Bug::SealedWitnessForgotten, Test::Sealing),
    (Bug::SealedEpochMisjudged, Test::Sealing),
    (Bug::MovedNotLookedFor, Test::Sealing),
    (Bug::SealedHeadIgnored, Test::Sealing),
    (Bug::SealedSegmentsReturn, Test::Sealing),
    (Bug::SealedBlockUnverified, Test::SealedDamage),
    (Bug::BackupNamesNotSynced, Test::Backups),
    (Bug::BackupRemovesFirst, Test::Backups),
    (Bug::BundleHashNotChecked, Test::Bundles),
    (Bug::BundleNotSynced, Test::Bundles),
    (Bug::CatalogTailIgnored, Test::Catalogs),
    (Bug::CatalogCoversAll, Test::Catalogs),
    (Bug::CatalogNotVerified, Test::Catalogs),
];

impl Test {
    /// Runs until something breaks, time is up, or all is done.
    fn run(self) -> Checked {
        match self {
            Test::Crash => crash(),
            Test::Script => script(WORKLOADS[0], 16 << 10, &Depth { recover_one_in: 16, ..DEPTH }).map(|_| ()),
            Test::Rollover => {
                let steps = [Step::Batch, Step::Sync, Step::Fill, Step::Sync, Step::Small, Step::Sync];
                script(&steps, 16 << 10, &Depth { recover_one_in: 16, ..DEPTH }).map(|_| ())
            }
            Test::Large => {
                let steps = [Step::Large, Step::Sync, Step::Small, Step::Sync];
                script(&steps, 16 << 10, &Depth { recover_one_in: 0, ..DEPTH }).map(|_| ())
            }
            Test::Several => two_processes(),
            Test::Scenes => scenes(),
            Test::Faults => faults(),
            Test::Damage => damage(),
            Test::Random => seeds(1, |seed| run(seed, &steps(seed, 200), &Recorder::default())),
            Test::Writers => {
                seeds(1, |seed| writers::run::run(seed, &writers::deed::deeds(seed, 200), &Recorder::default()))
            }
            // From a seed on in which a thread is taken over while its old writer still has something to compare.
            Test::Stores => {
                seeds(168, |seed| threads::run::run(seed, &threads::act::acts(seed, 200), &Recorder::default()))
            }
            Test::Sealing => sealing(),
            Test::SealedDamage => every_harm(7).map(|_| ()),
            Test::Backups => backups().map(|_| ()),
            Test::Bundles => bundles(),
            Test::Catalogs => catalogs(),
            Test::Races => {
                every_order_of(Act::Fork, Act::DeleteAll);
                every_order_of(Act::DeleteAll, Act::Fork);
                Ok(())
            }
            Test::Trash => {
                every_order_of(Act::Restore, Act::Empty);
                every_order_of(Act::Empty, Act::Restore);
                Ok(())
            }
            Test::Interleavings => {
                every_interleaving(&[Act::DeleteAll, Act::Fork], u64::MAX);
                Ok(())
            }
            Test::TrashInterleavings => {
                every_interleaving(&[Act::Empty, Act::Restore], u64::MAX);
                Ok(())
            }
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

fn two_processes() -> Checked {
    let plan = several::Plan {
        depths: vec![Depth { recover_one_in: 64, ..DEPTH }; 4],
        sealing: Depth { choices_max: 4, samples: 2, recover_one_in: 0 },
        afterwards: Depth { choices_max: 8, samples: 4, recover_one_in: 0 },
        deaths_one_in: vec![1; 4],
        starts: vec![vec![]],
        segment_bytes: 16 << 10,
        threads: 2,
        time_max: TIME_MAX,
    };
    several::enumerate(&plan).map(|_| ())
}

fn sealing() -> Checked {
    let depth = Depth { choices_max: 16, samples: 6, recover_one_in: 0 };
    STORIES.iter().try_for_each(|story| script(story, 16 << 10, &depth).map(|_| ()))
}

/// First as they are: what shows without a death shows at once.
fn scenes() -> Checked {
    several::SCENES.iter().try_for_each(|scene| several::play(scene, 16 << 10))?;
    let depth = Depth { choices_max: 16, samples: 4, recover_one_in: 0 };
    several::SCENES.iter().try_for_each(|scene| several::script(scene, 16 << 10, &depth).map(|_| ()))
}

/// Runs by seed, from one on, until time is up.
fn seeds(first: u64, run: impl Fn(u64) -> Result<(), (usize, Violation)>) -> Checked {
    let began = Instant::now();
    (first..first + 1000)
        .take_while(|_| began.elapsed() < TIME_MAX)
        .try_for_each(|seed| run(seed).map_err(|(_, broken)| broken.after(format!("seed {seed}"))))
}

/// The tests but for the enumerations, which others run to their ends.
const QUIET: [Test; 16] = [
    Test::Script,
    Test::Rollover,
    Test::Large,
    Test::Scenes,
    Test::Faults,
    Test::Damage,
    Test::Random,
    Test::Writers,
    Test::Stores,
    Test::Sealing,
    Test::SealedDamage,
    Test::Races,
    Test::Trash,
    Test::Catalogs,
    Test::Interleavings,
    Test::TrashInterleavings,
];

#[test]
fn every_seeded_bug_is_caught() {
    let missing: Vec<&Bug> = Bug::ALL.iter().filter(|bug| !CATCHES.iter().any(|(other, _)| other == *bug)).collect();
    assert!(missing.is_empty(), "no test is named for {missing:?}");
    // Without a bug the same tests find nothing, so it is the bug that they catch.
    let only = std::env::var("THREADLOG_BUG").ok();
    for test in QUIET.into_iter().filter(|_| only.is_none()) {
        test.run().unwrap_or_else(|broken| panic!("without any bug, {test:?}: {broken}"));
    }
    let mut failures = Vec::new();
    for (bug, test) in CATCHES.iter().filter(|(bug, _)| only.as_ref().is_none_or(|only| *only == format!("{bug:?}"))) {
        let began = Instant::now();
        plant(Some(*bug));
        let outcome = std::panic::catch_unwind(|| test.run());
        let met = plant(None);
        let time = began.elapsed();
        let caught: Option<String> = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(broken)) => {
                if only.is_some() {
                    println!("{broken}");
                }
                Some(first_line(&broken))
            }
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
