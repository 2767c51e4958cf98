//! All short sequences of what two processes do, each cut off within its last deal: by the power, and by the death of who
//! does it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::deal::{Deal, Dealt, is_enumerated, sequence};
use super::pair::{JOURNALS, Pair, SHARED};
use crate::proof::content::mix;
use crate::proof::examine::{Depth, Examiner};
use crate::proof::invariants::{Checked, Violation};

/// What is enumerated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How thoroughly what a power cut leaves is examined, for sequences of no deal, of one deal, of two…
    pub depths: Vec<Depth>,
    /// The same for those with sealing, which makes ten times as many calls.
    pub sealing: Depth,
    /// How thoroughly a power cut is examined that follows the death of a process.
    pub afterwards: Depth,
    /// Of so many sequences of each length the last deal is cut off by a death, at every act (0: of none).
    pub deaths_one_in: Vec<u64>,
    /// What the store has seen before.
    pub starts: Vec<Vec<Dealt>>,
    /// Length of segments, in bytes.
    pub segment_bytes: u64,
    /// Threads.
    pub threads: usize,
    /// No further sequence is begun after this time.
    pub time_max: Duration,
}

/// Of sequences with sealing, so many times fewer end with a death.
const DEATHS_FEWER: u64 = 8;

/// What was enumerated.
#[derive(Clone, Debug)]
pub struct Count {
    /// Sequences run.
    pub sequences: u64,
    /// Moments at which the power was cut.
    pub moments: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Deaths of one process.
    pub deaths: u64,
    /// Different states of the disk.
    pub states: u64,
    /// How long it took.
    pub time: Duration,
    /// Whether every sequence was run.
    pub complete: bool,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Count { sequences, moments, cuts, deaths, states, time, complete } = self;
        let end = if *complete { "all of them" } else { "stopped by time" };
        write!(
            f,
            "two processes: {states} distinct crash states in {:.1} s: {sequences} sequences ({end}), {deaths} deaths of one \
             process, {moments} moments, {cuts} power cuts",
            time.as_secs_f64()
        )
    }
}

/// Longer stories, written by hand: each of their deals is cut off at every call.
pub const SCENES: &[&[Dealt]] = &[
    // The stream goes to and fro, and a journal is reopened under it.
    &[
        (0, Deal::Put),
        (0, Deal::Sync),
        (0, Deal::Give),
        (1, Deal::Put),
        (1, Deal::Sync),
        (1, Deal::Give),
        (0, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Look),
        (0, Deal::Close),
        (1, Deal::Put),
        (1, Deal::Die),
        (0, Deal::Put),
        (0, Deal::Sync),
    ],
    // Both live, and one writes on after the other took the stream over.
    &[
        (0, Deal::Put),
        (0, Deal::Sync),
        (0, Deal::Give),
        (1, Deal::Put),
        (0, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Sync),
        (0, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Look),
        (0, Deal::Close),
    ],
    // The lease is let go of before what was written under it is settled.
    &[
        (0, Deal::Put),
        (0, Deal::Give),
        (1, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Put),
        (1, Deal::Give),
        (1, Deal::Close),
        (0, Deal::Put),
        (0, Deal::Sync),
    ],
    // One follows the other over a write that failed, and over records that are on their way.
    &[
        (0, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Look),
        (0, Deal::Put),
        (0, Deal::Write),
        (0, Deal::Put),
        (0, Deal::FailWrite),
        (0, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Look),
        (1, Deal::Put),
        (1, Deal::Sync),
        (0, Deal::Look),
        (1, Deal::Put),
        (1, Deal::Sync),
        (1, Deal::Put),
        (1, Deal::Write),
        (0, Deal::Look),
    ],
    // Each seals what the other wrote, and writes on behind what the other sealed.
    &[
        (0, Deal::Put),
        (0, Deal::Sync),
        (0, Deal::Give),
        (1, Deal::Put),
        (1, Deal::Sync),
        (1, Deal::Seal),
        (0, Deal::Look),
        (1, Deal::Give),
        (0, Deal::Put),
        (0, Deal::Sync),
        (0, Deal::Seal),
        (1, Deal::Put),
        (1, Deal::Sync),
        (1, Deal::Merge),
        (0, Deal::Look),
        (0, Deal::Put),
        (0, Deal::Sync),
    ],
    // One died with records on their way; the other recovers them to seal them, and goes on with its stream.
    &[
        (1, Deal::Put),
        (1, Deal::Sync),
        (1, Deal::Put),
        (1, Deal::Write),
        (0, Deal::Put),
        (1, Deal::Die),
        (0, Deal::Seal),
        (0, Deal::Put),
        (0, Deal::Sync),
        (0, Deal::Give),
        (1, Deal::Put),
        (1, Deal::Sync),
        (0, Deal::Die),
        (1, Deal::Merge),
        (0, Deal::Put),
        (0, Deal::Close),
        (1, Deal::Look),
    ],
    // One seals while the other writes on; that one takes the stream over, and merges.
    &[
        (0, Deal::Put),
        (0, Deal::Sync),
        (1, Deal::Put),
        (0, Deal::Seal),
        (1, Deal::Sync),
        (0, Deal::Give),
        (1, Deal::Put),
        (1, Deal::Sync),
        (1, Deal::Merge),
        (0, Deal::Put),
    ],
    // What a process that died left is sealed by the other; it comes back, and goes on behind that.
    &[
        (0, Deal::Put),
        (0, Deal::Sync),
        (0, Deal::Die),
        (1, Deal::Put),
        (1, Deal::Seal),
        (1, Deal::Sync),
        (0, Deal::Put),
        (0, Deal::Merge),
        (1, Deal::Look),
    ],
];

struct Work<'a> {
    plan: &'a Plan,
    examiner: Examiner,
    starts: Vec<Pair>,
    next: AtomicUsize,
    sequences: AtomicU64,
    deaths: AtomicU64,
    /// Sequences whose last deal did nothing: they equal the one without it.
    pruned: Mutex<HashSet<(usize, Vec<Dealt>)>>,
    broken: Mutex<Option<Violation>>,
    began: Instant,
}

/// Enumerates what the plan says.
///
/// # Errors
/// The first invariant found broken, with the way there.
pub fn enumerate(plan: &Plan) -> Checked<Count> {
    let start = |deals: &Vec<Dealt>| {
        let mut pair = Pair::new(plan.segment_bytes);
        deals.iter().try_for_each(|dealt| pair.apply(*dealt))?;
        (0..2).for_each(|who| pair.bury(who));
        Ok(pair)
    };
    let work = Work {
        plan,
        examiner: examiner(plan.segment_bytes),
        starts: plan.starts.iter().map(start).collect::<Checked<_>>()?,
        next: AtomicUsize::new(0),
        sequences: AtomicU64::new(0),
        deaths: AtomicU64::new(0),
        pruned: Mutex::default(),
        broken: Mutex::new(None),
        began: Instant::now(),
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.threads {
            scope.spawn(|| work.run());
        }
    });
    if let Some(broken) = lock(&work.broken).take() {
        return Err(broken);
    }
    Ok(Count {
        sequences: work.sequences.load(Ordering::Relaxed),
        moments: work.examiner.moments.load(Ordering::Relaxed),
        cuts: work.examiner.cuts.load(Ordering::Relaxed),
        deaths: work.deaths.load(Ordering::Relaxed),
        states: work.examiner.states(),
        time: work.began.elapsed(),
        complete: work.task(work.next.load(Ordering::Relaxed)).is_none(),
    })
}

fn examiner(segment_bytes: u64) -> Examiner {
    Examiner::of_several(segment_bytes, JOURNALS as u32, &[SHARED])
}

/// Runs deals on a fresh store, to their end.
///
/// # Errors
/// The invariant found broken.
pub fn play(deals: &[Dealt], segment_bytes: u64) -> Checked {
    let mut pair = Pair::new(segment_bytes);
    deals.iter().try_for_each(|dealt| pair.apply(*dealt))
}

/// Runs deals on a fresh store and cuts off each of them at every call. Gives the number of states examined.
///
/// # Errors
/// The invariant found broken, with the way there.
pub fn script(deals: &[Dealt], segment_bytes: u64, depth: &Depth) -> Checked<u64> {
    let examiner = examiner(segment_bytes);
    let start = Pair::new(segment_bytes);
    let deaths = AtomicU64::new(0);
    for length in 0..=deals.len() {
        let cut = Cut { start: &start, deals: &deals[..length], examiner: &examiner, deaths: &deaths };
        cut.by_power(depth).and_then(|_| cut.by_deaths(depth)).map_err(|broken| broken.after(format!("{deals:?}")))?;
    }
    Ok(examiner.states())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic elsewhere ends the test anyway")
}

impl Work<'_> {
    fn run(&self) {
        while self.began.elapsed() < self.plan.time_max && lock(&self.broken).is_none() {
            let Some((start, deals)) = self.task(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            let is_pruned = |length: usize| lock(&self.pruned).contains(&(start, deals[..length].to_vec()));
            if !is_enumerated(&deals) || (1..deals.len()).any(is_pruned) {
                continue;
            }
            match self.sequence(start, &deals) {
                Ok(true) => {
                    self.sequences.fetch_add(1, Ordering::Relaxed);
                }
                Ok(false) => {
                    lock(&self.pruned).insert((start, deals));
                }
                Err(broken) => {
                    let place = format!("{deals:?} on the store of {:?}", self.plan.starts[start]);
                    lock(&self.broken).get_or_insert(broken.after(place));
                }
            }
        }
    }

    /// The `number`-th sequence, shortest first.
    fn task(&self, number: usize) -> Option<(usize, Vec<Dealt>)> {
        let start = number % self.starts.len();
        let mut number = number / self.starts.len();
        for length in 0..self.plan.depths.len() {
            let count = (0..length).fold(1, |count, at| count * Deal::ALPHABET.len() * if at == 0 { 1 } else { 2 });
            if number < count {
                return sequence(number, length).map(|deals| (start, deals));
            }
            number -= count;
        }
        None
    }

    /// False if the last deal did nothing.
    fn sequence(&self, start: usize, deals: &[Dealt]) -> Checked<bool> {
        let cut = Cut { start: &self.starts[start], deals, examiner: &self.examiner, deaths: &self.deaths };
        let seals = deals.iter().any(|(_, deal)| *deal == Deal::Seal);
        let depth = if seals { &self.plan.sealing } else { &self.plan.depths[deals.len()] };
        if !cut.by_power(depth)? {
            return Ok(false);
        }
        let one_in = self.plan.deaths_one_in[deals.len()] * if seals { DEATHS_FEWER } else { 1 };
        let number = deals.iter().fold(7, |sum, (who, deal)| mix(sum, *who as u64 * 16 + *deal as u64));
        if one_in > 0 && number.is_multiple_of(one_in) {
            cut.by_deaths(&self.plan.afterwards)?;
        }
        Ok(true)
    }
}

/// A sequence that is cut off within its last deal.
struct Cut<'a> {
    start: &'a Pair,
    deals: &'a [Dealt],
    examiner: &'a Examiner,
    deaths: &'a AtomicU64,
}

impl Cut<'_> {
    /// Both processes are there, and all deals but the last are done. (Of no deals the last is the first opening.)
    fn before(&self) -> Checked<Pair> {
        let mut pair = self.start.fork();
        if let Some((_, before)) = self.deals.split_last() {
            pair.engine(0)?;
            pair.engine(1)?;
            before.iter().try_for_each(|dealt| pair.apply(*dealt))?;
        }
        Ok(pair)
    }

    fn last(&self, pair: &mut Pair) -> Checked {
        match self.deals.last() {
            Some(last) => pair.apply(*last),
            None => pair.engine(0).map(drop),
        }
    }

    /// Cuts the power at every call of the last deal, or of the openings. False if that deal did nothing.
    fn by_power(&self, depth: &Depth) -> Checked<bool> {
        let mut pair = self.before()?;
        let pulse = pair.pulse();
        pair.record();
        self.last(&mut pair)?;
        if self.deals.is_empty() {
            pair.engine(1)?;
        }
        let moments = pair.moments();
        if pair.pulse() == pulse {
            return Ok(false);
        }
        moments.iter().try_for_each(|moment| self.examiner.moment(moment, depth))?;
        Ok(true)
    }

    /// Lets who does the last deal die in the place of each of its acts; everybody else goes on.
    fn by_deaths(&self, depth: &Depth) -> Checked {
        let who = self.deals.last().map_or(0, |(who, _)| *who);
        let mut whole = self.before()?;
        let first = whole.processes[who].probe.acts();
        self.last(&mut whole)?;
        // After a death there is another probe, which has counted nothing.
        let end = whole.processes[who].probe.acts();
        for number in first + 1..=end {
            for survivor_first in [true, false] {
                let mut pair = self.before()?;
                pair.processes[who].probe.die_at(number);
                let done = self.last(&mut pair);
                if !pair.processes[who].probe.is_dead() {
                    return done;
                }
                self.deaths.fetch_add(1, Ordering::Relaxed);
                let after = pair.go_on_without(who, survivor_first, (self.examiner, depth));
                after.map_err(|broken| {
                    broken.after(format!("process {who} died in the place of act {number} of {end}"))
                })?;
            }
        }
        Ok(())
    }
}
