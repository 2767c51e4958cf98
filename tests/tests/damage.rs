//! Small stores of every history, harmed in every place: cut at every byte, every bit flipped, every block lost
//! or put in another place, every file lost.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use threadlog_tests::counting::{Counting, largest_during};
use threadlog_tests::proof::catalogs::catalogs;
use threadlog_tests::proof::content::mix;
use threadlog_tests::proof::copies::bundles;
use threadlog_tests::proof::damage::{Base, Harm, Target};
use threadlog_tests::proof::sealed_damage::every_harm;
use threadlog_tests::proof::stories::bases;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an opening may ask for beside the bytes of a file: buffers and tables of fixed size.
const SLACK_BYTES: usize = 16 << 10;

/// Runs `work` for every base, target and number below what `count` says, on two threads.
fn each(
    bases: &[Base],
    count: impl Fn(&Target) -> u64 + Sync,
    harm: impl Fn(&Target, u64) -> Option<(Harm, bool)> + Sync,
) {
    let pieces: Vec<(&Base, &Target, u64)> = bases
        .iter()
        .flat_map(|base| base.targets.iter().map(move |target| (base, target)))
        .flat_map(|(base, target)| (0..count(target)).step_by(1024).map(move |first| (base, target, first)))
        .collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let broken: Mutex<Vec<String>> = Mutex::default();
    let work = || {
        let mut mine: BTreeMap<&str, u64> = BTreeMap::new();
        while let Some((base, target, first)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            for number in *first..count(target).min(first + 1024) {
                let Some((harm, thorough)) = harm(target, number) else { continue };
                let (outcome, largest) = largest_during(|| base.harm(target, harm, thorough));
                let outcome = outcome.unwrap_or_else(|why| {
                    broken.lock().expect("no panic holds it").push(why.to_string());
                    "VIOLATION"
                });
                let bound = base.longest as usize + SLACK_BYTES;
                if largest > bound {
                    let what =
                        format!("{harm:?} of {:?} in a store {}: {largest} bytes at once", target.path, base.name);
                    broken.lock().expect("no panic holds it").push(what);
                }
                *mine.entry(outcome).or_default() += 1;
            }
        }
        let mut outcomes = outcomes.lock().expect("a panic elsewhere ends the test anyway");
        mine.into_iter().for_each(|(outcome, count)| *outcomes.entry(outcome).or_insert(0) += count);
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let outcomes = outcomes.into_inner().expect("no panic");
    let total: u64 = outcomes.values().sum();
    println!("{total} harmed stores: {outcomes:?}");
    let broken = broken.into_inner().expect("no panic");
    let step = broken.len().div_ceil(12).max(1);
    let some: Vec<&str> = broken.iter().step_by(step).map(String::as_str).collect();
    assert!(broken.is_empty(), "{} violations, some of them:\n{}", broken.len(), some.join("\n\n"));
}

fn all() -> bool {
    std::env::var("THREADLOG_DAMAGE").is_ok_and(|value| value == "all")
}

/// Every bit of every file, except of records in files of their own, of which each flip costs a megabyte to read.
fn segments() -> bool {
    std::env::var("THREADLOG_DAMAGE").is_ok_and(|value| value == "segments")
}

fn stores() -> Vec<Base> {
    bases().unwrap_or_else(|broken| panic!("{broken}"))
}

/// Every sealed file, harmed in every way, at every byte with `THREADLOG_DAMAGE=all`.
#[test]
fn harm_to_sealed_files_is_told_and_never_believed() {
    let all = std::env::var("THREADLOG_DAMAGE").is_ok();
    let (harmed, lossy) = every_harm(if all { 1 } else { 13 }).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{harmed} harmed stores with sealed segments, records lost in {lossy}");
    assert!(lossy > 0 && lossy < harmed);
}

#[test]
fn a_file_cut_at_any_byte_costs_what_is_cut_off_and_is_told() {
    let bases: Vec<Base> = stores().into_iter().filter(Base::tells_its_end).collect();
    let count = |target: &Target| target.bytes;
    each(&bases, count, |target, bytes| {
        let long = target.bytes > 1 << 20;
        let every = if long { 16_384 } else { 8 };
        let every = if all() || (segments() && !long) { 1 } else { every };
        let near = !long && (bytes % 4096 < 130 || bytes.is_multiple_of(512));
        (bytes.is_multiple_of(every) || near).then_some((Harm::Cut(bytes), bytes.is_multiple_of(every * 8)))
    });
}

#[test]
fn a_flipped_bit_costs_what_it_hits_and_is_told() {
    let count = |target: &Target| target.bytes * 8;
    each(&stores(), count, |target, number| {
        let (byte, bit) = (number / 8, (number % 8) as u8);
        let long = target.bytes > 1 << 20;
        // In the first bytes of each block stand headers: there every bit; elsewhere a sample.
        let dense = !long && byte % 4096 < 192 && (target.bytes > 4096 || byte < 128);
        let every = match (long, all() || (segments() && !long) || dense) {
            (_, true) => 1,
            (true, false) => 65_536,
            (false, false) => 61,
        };
        mix(number, 0).is_multiple_of(every).then_some((Harm::Flip(byte, bit), mix(number, 1).is_multiple_of(16)))
    });
}

#[test]
fn a_block_of_other_bytes_costs_what_it_hits_and_is_told() {
    let fills = [0x00, 0xEE, 0xFF];
    let count = |target: &Target| target.bytes.div_ceil(4096) * fills.len() as u64;
    each(&stores(), count, |_, number| {
        let (block, fill) = (number / fills.len() as u64, fills[(number % fills.len() as u64) as usize]);
        Some((Harm::Block(block * 4096, fill), true))
    });
}

#[test]
fn a_block_in_the_wrong_place_is_never_believed() {
    // Within a segment of at most 16 blocks from each to each, and from another segment to the same place.
    let count = |target: &Target| if target.is_segment() { 17 * 16 } else { 0 };
    each(&stores(), count, |target, number| {
        let (from, to) = (number / 16, number % 16);
        let harm = match from {
            16 => Harm::Copied { from: to * 4096, to: to * 4096, other: true },
            _ => Harm::Copied { from: from * 4096, to: to * 4096, other: false },
        };
        (from != to && (to + 1) * 4096 <= target.bytes).then_some((harm, true))
    });
}

#[test]
fn a_file_that_is_gone_costs_what_was_in_it_and_is_told() {
    let bases: Vec<Base> = stores().into_iter().filter(Base::tells_its_end).collect();
    each(&bases, |_| 1, |_, _| Some((Harm::Removed, true)));
}

/// A block that was never written, or that was restored from another copy of the store. All but the first group of an epoch,
/// which follows nothing that it could contradict.
#[test]
fn a_block_of_a_twin_is_told() {
    let count = |target: &Target| if target.is_segment() { target.bytes / 4096 } else { 0 };
    each(&stores(), count, |target, block| {
        (!target.begins_history(block * 4096)).then_some((Harm::Twin(block * 4096), true))
    });
}

#[test]
fn a_bundle_with_any_byte_changed_is_refused_and_a_sound_one_survives_a_power_cut_once_taken_in() {
    bundles().unwrap_or_else(|broken| panic!("{broken}"));
}

#[test]
fn whatever_a_checkpoint_of_the_catalog_is_answers_are_those_without() {
    catalogs().unwrap_or_else(|broken| panic!("{broken}"));
}
