//! Exhaustive enumeration: every short sequence of steps, cut off at every call, leaving everything that may be left.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use threadlog_engine::fs::sim::SimFs;

use super::examine::{Depth, Examiner};
use super::invariants::{Checked, Violation};
use super::probe::Recorder;
use super::step::Step;
use super::world::World;

/// What is enumerated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How thoroughly what is left is examined, for sequences of no step, of one step, of two…
    pub depths: Vec<Depth>,
    /// The same for sequences with a record in a file of its own: each costs a megabyte to write and to read.
    pub depths_large: Vec<Depth>,
    /// Stores that sequences begin with, each made by these steps.
    pub starts: Vec<Vec<Step>>,
    /// Length of segments, in bytes.
    pub segment_bytes: u64,
    /// Threads.
    pub threads: usize,
    /// No further sequence is begun after this time.
    pub time_max: Duration,
}

/// What was enumerated.
#[derive(Clone, Debug)]
pub struct Count {
    /// Sequences run.
    pub sequences: u64,
    /// Sequences left out, with all that they begin, because they equal others.
    pub pruned: u64,
    /// Moments at which the power was cut.
    pub moments: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Different states of the disk, by hash of all that is durable.
    pub states: u64,
    /// How long it took.
    pub time: Duration,
    /// Whether every sequence was run.
    pub complete: bool,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.time.as_secs_f64();
        let rate = self.states as f64 / seconds;
        let Count { sequences, pruned, moments, cuts, states, .. } = self;
        let end = if self.complete { "all of them" } else { "stopped by time" };
        write!(
            f,
            "{states} distinct crash states in {seconds:.1} s ({rate:.0} states/s): {sequences} sequences ({end}; {pruned} \
             left out as equal to others), {moments} moments, {cuts} power cuts"
        )
    }
}

struct Work<'a> {
    plan: &'a Plan,
    examiner: Examiner,
    starts: Vec<World>,
    next: AtomicUsize,
    sequences: AtomicUsize,
    pruned: Mutex<HashSet<(usize, Vec<usize>)>>,
    broken: Mutex<Option<Violation>>,
    began: Instant,
}

/// A start and a sequence after it.
type Task = (usize, Vec<Step>);

/// Enumerates what the plan says.
///
/// Sequences go by length; each is cut off within its last step only, because the steps before are the last ones of
/// shorter sequences. Left out, with all that begin with them, are sequences that equal others:
/// - whose last step called nothing that can change the disk and appended nothing: they equal the one without it;
/// - with two appends side by side, both waiting in memory, in the other than their alphabetical order;
/// - with a second record in a file of its own;
/// - with a second sealing, or of four steps with one: longer stories have those.
///
/// # Errors
/// The first invariant found broken, with the way there.
pub fn enumerate(plan: &Plan) -> Checked<Count> {
    let work = Work {
        plan,
        examiner: Examiner::new(plan.segment_bytes),
        starts: starts(plan)?,
        next: AtomicUsize::new(0),
        sequences: AtomicUsize::new(0),
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
        sequences: work.sequences.load(Ordering::Relaxed) as u64,
        pruned: lock(&work.pruned).len() as u64,
        moments: work.examiner.moments.load(Ordering::Relaxed),
        cuts: work.examiner.cuts.load(Ordering::Relaxed),
        states: work.examiner.states(),
        time: work.began.elapsed(),
        complete: work.task(work.next.load(Ordering::Relaxed)).is_none(),
    })
}

/// Runs steps on a fresh store and cuts the power at every call of all of them. Gives the number of states examined.
///
/// # Errors
/// The invariant found broken, with the way there.
pub fn script(steps: &[Step], segment_bytes: u64, depth: &Depth) -> Checked<u64> {
    let examiner = Examiner::new(segment_bytes);
    let mut world = World::new(SimFs::new(1), segment_bytes, Recorder::default());
    world.begin();
    world.record();
    world.reopen()?;
    for (at, step) in steps.iter().enumerate() {
        world.apply(*step).map_err(|broken| broken.after(format!("step {at} of the script")))?;
        let moments = world.moments();
        world.record();
        let way = |broken: Violation| broken.after(format!("step {at} of the script, {step:?}"));
        moments.iter().try_for_each(|moment| examiner.moment(moment, depth)).map_err(way)?;
    }
    Ok(examiner.states())
}

/// The stores that sequences begin with: killed, so that opening them recovers.
fn starts(plan: &Plan) -> Checked<Vec<World>> {
    let start = |steps: &Vec<Step>| {
        let mut world = World::new(SimFs::new(1), plan.segment_bytes, Recorder::default());
        steps.iter().try_for_each(|step| world.apply(*step))?;
        world.kill();
        Ok(world)
    };
    plan.starts.iter().map(start).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic elsewhere ends the test anyway")
}

impl Work<'_> {
    fn run(&self) {
        while self.began.elapsed() < self.plan.time_max && lock(&self.broken).is_none() {
            let Some((start, steps)) = self.task(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            if !self.is_worth_it(start, &steps) {
                continue;
            }
            match self.sequence(start, &steps) {
                Ok(true) => {
                    self.sequences.fetch_add(1, Ordering::Relaxed);
                }
                Ok(false) => {
                    lock(&self.pruned).insert((start, letters(&steps)));
                }
                Err(broken) => {
                    let place = format!("{steps:?} on the store of {:?}", self.plan.starts[start]);
                    lock(&self.broken).get_or_insert(broken.after(place));
                }
            }
        }
    }

    /// The `number`-th sequence, shortest first.
    fn task(&self, number: usize) -> Option<Task> {
        let start = number % self.starts.len();
        let mut number = number / self.starts.len();
        for length in 0..self.plan.depths.len() {
            let count = Step::ALPHABET.len().pow(length as u32);
            if number < count {
                let digit =
                    |at: usize| Step::ALPHABET[number / Step::ALPHABET.len().pow(at as u32) % Step::ALPHABET.len()];
                return Some((start, (0..length).rev().map(digit).collect()));
            }
            number -= count;
        }
        None
    }

    /// Whether no rule says that this sequence equals another.
    fn is_worth_it(&self, start: usize, steps: &[Step]) -> bool {
        let letters = letters(steps);
        let quiet = |at: usize| Step::ALPHABET[at].is_quiet_append();
        let swapped = letters.windows(2).any(|pair| quiet(pair[0]) && quiet(pair[1]) && pair[0] > pair[1]);
        let large = steps.iter().filter(|step| **step == Step::Large).count();
        let pruned = lock(&self.pruned);
        let begins = (1..steps.len()).any(|length| pruned.contains(&(start, letters[..length].to_vec())));
        let seals = steps.iter().filter(|step| **step == Step::Seal).count();
        // A sealing calls as often as ten other steps.
        let seals_at_length = seals == 0 || (seals == 1 && steps.len() < 4);
        !swapped && large < 2 && seals_at_length && !begins
    }

    /// Runs a sequence and cuts it off within its last step. False if that step did nothing.
    fn sequence(&self, start: usize, steps: &[Step]) -> Checked<bool> {
        let mut world = self.starts[start].fork();
        let large = steps.contains(&Step::Large);
        let depth = &if large { &self.plan.depths_large } else { &self.plan.depths }[steps.len()];
        let examine = |world: &World| world.moments().iter().try_for_each(|moment| self.examiner.moment(moment, depth));
        let Some((last, before)) = steps.split_last() else {
            world.record();
            world.reopen()?;
            return examine(&world).map(|()| true);
        };
        world.reopen()?;
        before.iter().try_for_each(|step| world.apply(*step))?;
        let pulse = world.pulse();
        world.record();
        world.apply(*last)?;
        if world.pulse() == pulse {
            return Ok(false);
        }
        examine(&world).map(|()| true)
    }
}

/// The places of steps in the alphabet.
fn letters(steps: &[Step]) -> Vec<usize> {
    steps.iter().filter_map(|step| Step::ALPHABET.iter().position(|other| other == step)).collect()
}
