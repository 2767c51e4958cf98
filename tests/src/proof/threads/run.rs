//! Long random runs of whole stores.

use super::act::{Act, PROCESSES, acts};
use super::house::House;
use crate::proof::content::mix;
use crate::proof::invariants::{Checked, Violation};
use crate::proof::probe::Recorder;
use crate::proof::random::{Tally, shrink};

/// Runs acts on a fresh disk of this seed; then the disk is healthy, and all that was accepted must become durable.
///
/// # Errors
/// The invariant that does not hold, and the number of the act that shows it.
pub fn run(seed: u64, acts: &[(u8, Act)], recorder: &Recorder) -> Result<(), (usize, Violation)> {
    let segment_bytes = [16 << 10, 32 << 10, 64 << 10][(mix(seed, 2) % 3) as usize];
    let processes = 1 + (mix(seed, 3) % PROCESSES) as usize;
    let mut house = House::new(seed, segment_bytes, processes, recorder.clone());
    for (at, (who, act)) in acts.iter().enumerate() {
        house.apply((*who).into(), *act).map_err(|broken| (at, broken))?;
    }
    end(&mut house, processes).map_err(|broken| (acts.len(), broken))
}

pub(super) fn end(house: &mut House, processes: usize) -> Checked {
    house.heal();
    (0..processes).try_for_each(|who| house.reopen(who))?;
    for act in [Act::Look, Act::Close, Act::Look, Act::PowerCut, Act::Look] {
        (0..processes).try_for_each(|who| house.apply(who, act))?;
    }
    house.verify(&house.disk)
}

fn tally(acts: &[(u8, Act)], calls: u64) -> Tally {
    let count = |which: fn(&Act) -> bool| acts.iter().filter(|(_, act)| which(act)).count() as u64;
    Tally {
        runs: 1,
        operations: acts.len() as u64,
        appends: count(|act| matches!(act, Act::Append(..))),
        // Each run ends with one.
        power_cuts: 1 + count(|act| matches!(act, Act::PowerCut | Act::Crash(_))),
        ends: 1 + count(|act| matches!(act, Act::Kill | Act::Close | Act::Forget | Act::Die)),
        faults: count(|act| matches!(act, Act::Fault(..) | Act::Full(_))),
        calls,
    }
}

/// Runs the acts of a seed. What breaks is told with the seed and the fewest acts that show it.
///
/// # Errors
/// As [`run`], shrunk.
pub fn simulate(seed: u64, count: usize, recorder: &Recorder) -> Checked<Tally> {
    let acts = acts(seed, count);
    let Err((_, first)) = run(seed, &acts, recorder) else { return Ok(tally(&acts, recorder.total())) };
    let (fewest, shown) = shrink(acts, |acts| run(seed, acts, &Recorder::default()).err());
    let broken = shown.unwrap_or(first);
    Err(broken.after(format!("these acts of THREADLOG_SEED={seed} (of {count}): {fewest:?}")))
}
