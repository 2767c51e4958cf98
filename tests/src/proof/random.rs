//! Long random runs against the model: everything in any order, with faults, full disks, kills and power cuts.

use threadlog_engine::fs::sim::{EINTR, EIO, ENOSPC, Fault, SimFs};

use super::content::mix;
use super::invariants::{Checked, Violation};
use super::probe::Recorder;
use super::step::Step;
use super::world::World;

/// Where random numbers come from.
#[derive(Clone, Debug)]
pub enum Dice {
    /// From a seed, the same everywhere.
    Seed {
        /// The seed.
        seed: u64,
        /// Numbers drawn so far.
        throws: u64,
    },
    /// From bytes, two for each; zeros after them.
    Bytes(std::vec::IntoIter<u8>),
}

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice::Seed { seed, throws: 0 }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        match self {
            Dice::Seed { seed, throws } => {
                *throws += 1;
                mix(*seed, mix(*throws, 7)) % bound.max(1)
            }
            Dice::Bytes(bytes) => {
                let pair = [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
                u64::from(u16::from_le_bytes(pair)) % bound.max(1)
            }
        }
    }

    /// One of these, as often as their weights say.
    pub fn draw<S>(&mut self, draws: &[Draw<S>]) -> S {
        let total: u64 = draws.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(total);
        for (weight, step) in draws {
            if at < *weight {
                return step(self);
            }
            at -= weight;
        }
        unreachable!("what is drawn lies below the sum of the weights")
    }
}

/// How often a kind of step is drawn, and the step.
pub type Draw<S> = (u64, fn(&mut Dice) -> S);

const DRAWS: &[Draw<Step>] = &[
    (60, |dice| Step::Append(1 + dice.below(6) as u8, bytes(dice))),
    (20, |_| Step::Batch),
    (4, |_| Step::Blocks),
    (20, |_| Step::Sync),
    (8, |_| Step::Wait),
    (12, |_| Step::TickWrite),
    (6, |_| Step::TickSync),
    (6, |_| Step::TickWitness),
    (8, |_| Step::Spare),
    (3, |_| Step::Fill),
    (4, |_| Step::Wrong),
    (4, |_| Step::Read),
    (3, |_| Step::Look),
    (3, |_| Step::Close),
    (2, |_| Step::Kill),
    (1, |_| Step::PowerCut),
    (4, |dice| Step::Crash(dice.below(u64::MAX))),
    (2, |_| Step::FailWrite),
    (1, |_| Step::FailSync),
    (1, |_| Step::FailName),
    (6, |dice| Step::Fault(dice.below(40) as u8, fault(dice))),
    (1, |dice| Step::Full(dice.below(20) as u8)),
    (4, |_| Step::Room),
    (4, |_| Step::Seal),
    (2, |_| Step::Merge),
];

fn bytes(dice: &mut Dice) -> u16 {
    let most = [1, 50, 500, 4000, 9000][dice.below(5) as usize];
    dice.below(most) as u16
}

/// A way for a call to go wrong.
pub fn fault(dice: &mut Dice) -> Fault {
    let some = dice.below(6000) as usize;
    match dice.below(7) {
        0 => Fault::Error(EIO),
        1 => Fault::Error(ENOSPC),
        2 => Fault::Error(EINTR),
        3 => Fault::ShortRead(some),
        4 => Fault::ShortWrite(some),
        // Whole sectors: what is written of one before an error is taken back, but a power cut may come before that.
        5 => Fault::ShortWriteThenError { bytes: some / 512 * 512, errno: ENOSPC },
        _ => Fault::ShortWriteThenError { bytes: some / 512 * 512, errno: EIO },
    }
}

/// The steps that some bytes stand for, at most `most`: for fuzzing.
pub fn steps_of(bytes: &[u8], most: usize) -> Vec<Step> {
    let mut dice = Dice::Bytes(Vec::from(bytes).into_iter());
    let is_empty = |dice: &Dice| matches!(dice, Dice::Bytes(bytes) if bytes.len() == 0);
    std::iter::from_fn(|| (!is_empty(&dice)).then(|| dice.draw(DRAWS))).take(most).collect()
}

/// The steps of a seed. Few seeds have records in files of their own: a thousand others take as long.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let large = dice.below(64) == 0;
    let mut steps: Vec<Step> = (0..count).map(|_| dice.draw(DRAWS)).collect();
    if large {
        let place = dice.below(count as u64) as usize;
        steps.insert(place, Step::Large);
    }
    steps
}

/// Runs steps on a fresh disk of this seed; then the disk is healthy, and everything must be there.
///
/// # Errors
/// The invariant that does not hold, and the number of the step that shows it.
pub fn run(seed: u64, steps: &[Step], recorder: &Recorder) -> Result<(), (usize, Violation)> {
    // Blocks of one sector: less than a writer may count on, and yet nothing acknowledged may be lost.
    let segment_bytes = [16 << 10, 32 << 10, 64 << 10][(mix(seed, 2) % 3) as usize];
    let mut world = World::new(SimFs::new(seed), segment_bytes, recorder.clone());
    world.begin();
    world.reopen().map_err(|broken| (0, broken))?;
    for (at, step) in steps.iter().enumerate() {
        world.apply(*step).map_err(|broken| (at, broken))?;
    }
    let end = |step: Step, world: &mut World| world.apply(step).map_err(|broken| (steps.len(), broken));
    world.forget_faults();
    for step in [Step::Room, Step::Close, Step::Sync, Step::Read, Step::Look, Step::PowerCut] {
        end(step, &mut world)?;
    }
    Ok(())
}

/// The fewest steps found that still break an invariant: steps are left out, many at once at first, then one by one.
/// `broken` runs them, and gives the number of the step that shows it.
pub fn shrink<S: Copy>(
    mut steps: Vec<S>,
    broken: impl Fn(&[S]) -> Option<(usize, Violation)>,
) -> (Vec<S>, Option<Violation>) {
    let Some((last, mut violation)) = broken(&steps) else { return (steps, None) };
    steps.truncate(last + 1);
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < steps.len() {
            let end = (at + chunk).min(steps.len());
            let fewer: Vec<S> = steps[..at].iter().chain(&steps[end..]).copied().collect();
            match broken(&fewer) {
                Some((last, shown)) => {
                    steps = fewer;
                    steps.truncate(last + 1);
                    violation = shown;
                }
                None => at = end,
            }
        }
        chunk /= 2;
    }
    (steps, Some(violation))
}

/// What was done in random runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Runs, each on a disk of its own.
    pub runs: u64,
    /// Steps; one appends, waits, lets time pass, reads, makes something fail, ends or begins a life of the program.
    pub operations: u64,
    /// Of these: appends.
    pub appends: u64,
    /// Of these: cuts of the power.
    pub power_cuts: u64,
    /// Of these: kills of the process, and closings.
    pub ends: u64,
    /// Of these: plans for a call or a disk to fail.
    pub faults: u64,
    /// Calls of the file system that all this made.
    pub calls: u64,
}

impl Tally {
    fn of(steps: &[Step]) -> Tally {
        let count = |which: fn(&Step) -> bool| steps.iter().filter(|step| which(step)).count() as u64;
        Tally {
            runs: 1,
            operations: steps.len() as u64,
            appends: count(|step| {
                matches!(step, Step::Append(..) | Step::Batch | Step::Blocks | Step::Fill | Step::Large)
            }),
            // Each run ends with one.
            power_cuts: 1 + count(|step| matches!(step, Step::PowerCut | Step::Crash(_))),
            ends: 1 + count(|step| matches!(step, Step::Kill | Step::Close)),
            faults: count(|step| {
                matches!(step, Step::Fault(..) | Step::FailWrite | Step::FailSync | Step::FailName | Step::Full(_))
            }),
            calls: 0,
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.runs += other.runs;
        self.operations += other.operations;
        self.appends += other.appends;
        self.power_cuts += other.power_cuts;
        self.ends += other.ends;
        self.faults += other.faults;
        self.calls += other.calls;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { runs, operations, appends, power_cuts, ends, faults, calls } = self;
        write!(
            f,
            "{runs} runs, {operations} operations ({appends} appends, {power_cuts} power cuts, {ends} kills and closings, \
             {faults} faults planned), {calls} calls of the file system"
        )
    }
}

/// Runs the steps of a seed. What breaks is told with the seed and the fewest steps that show it.
///
/// # Errors
/// As [`run`], shrunk.
pub fn simulate(seed: u64, count: usize, recorder: &Recorder) -> Checked<Tally> {
    let steps = steps(seed, count);
    let Err((_, first)) = run(seed, &steps, recorder) else {
        return Ok(Tally { calls: recorder.total(), ..Tally::of(&steps) });
    };
    let (fewest, shown) = shrink(steps, |steps| run(seed, steps, &Recorder::default()).err());
    let broken = shown.unwrap_or(first);
    Err(broken.after(format!("these steps of THREADLOG_SEED={seed} (of {count}): {fewest:?}")))
}
