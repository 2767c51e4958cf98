//! Long random runs of several writers.

use super::deed::{Deed, deeds};
use super::yard::Yard;
use crate::proof::content::mix;
use crate::proof::invariants::{Checked, Violation};
use crate::proof::probe::Recorder;
use crate::proof::random::{Tally, shrink};

/// Runs deeds on a fresh disk of this seed; then the disk is healthy, and everything must be there.
///
/// # Errors
/// The invariant that does not hold, and the number of the deed that shows it.
pub fn run(seed: u64, deeds: &[(u8, Deed)], recorder: &Recorder) -> Result<(), (usize, Violation)> {
    let segment_bytes = [16 << 10, 32 << 10, 64 << 10][(mix(seed, 2) % 3) as usize];
    let writers = 2 + (mix(seed, 3) % 2) as usize;
    let mut yard = Yard::new(seed, segment_bytes, writers, recorder.clone());
    for (at, (who, deed)) in deeds.iter().enumerate() {
        yard.apply((*who).into(), *deed).map_err(|broken| (at, broken))?;
    }
    end(&mut yard, writers).map_err(|broken| (deeds.len(), broken))
}

fn end(yard: &mut Yard, writers: usize) -> Checked {
    yard.heal();
    for deed in [Deed::Close, Deed::Sync, Deed::Refresh, Deed::Look] {
        (0..writers).try_for_each(|who| yard.apply(who, deed))?;
    }
    yard.apply(0, Deed::PowerCut)?;
    (0..writers).try_for_each(|who| yard.apply(who, Deed::Refresh))?;
    yard.apply(0, Deed::Look)
}

fn tally(deeds: &[(u8, Deed)], calls: u64) -> Tally {
    let count = |which: fn(&Deed) -> bool| deeds.iter().filter(|(_, deed)| which(deed)).count() as u64;
    Tally {
        runs: 1,
        operations: deeds.len() as u64,
        appends: count(|deed| matches!(deed, Deed::Append(..) | Deed::Both(..))),
        // Each run ends with one.
        power_cuts: 1 + count(|deed| matches!(deed, Deed::PowerCut | Deed::Crash(_))),
        ends: 1 + count(|deed| matches!(deed, Deed::Kill | Deed::Close | Deed::Die)),
        faults: count(|deed| matches!(deed, Deed::Fault(..) | Deed::Full(_))),
        calls,
    }
}

/// Runs the deeds of a seed. What breaks is told with the seed and the fewest deeds that show it.
///
/// # Errors
/// As [`run`], shrunk.
pub fn simulate(seed: u64, count: usize, recorder: &Recorder) -> Checked<Tally> {
    let deeds = deeds(seed, count);
    let Err((_, first)) = run(seed, &deeds, recorder) else { return Ok(tally(&deeds, recorder.total())) };
    let (fewest, shown) = shrink(deeds, |deeds| run(seed, deeds, &Recorder::default()).err());
    let broken = shown.unwrap_or(first);
    Err(broken.after(format!("these deeds of THREADLOG_SEED={seed} (of {count}): {fewest:?}")))
}
