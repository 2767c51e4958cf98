//! Which of all states a power cut leaves.

use super::random::Random;

/// Which state a crash leaves, out of all that are legal.
///
/// `Debug` gives it in a form that can be pasted into a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing that was not synced.
    LoseAll,
    /// Everything, as if all had been synced.
    KeepAll,
    /// One drawn by this seed; the same for the same state of the disk. Seeds differ in their bent:
    /// some keep about half of what is pending, some lose or keep nearly all of it.
    Sample(u64),
    /// For each choice point, in the disk's order, which option (0: the durable one).
    Exact(Vec<usize>),
}

/// All the states that a crash now could leave, counted by independent choices: each pending name
/// operation (kept or not), each file's length, each block's version.
///
/// Different choices can give one state (the content of a file whose name is lost, say): count
/// states by [`SimFs::durable_hash`](super::SimFs::durable_hash).
#[derive(Clone, Debug)]
pub struct CrashSpace {
    /// For each choice point, how many options beyond the durable one.
    points: Vec<usize>,
}

impl CrashSpace {
    pub(super) fn new(points: Vec<usize>) -> CrashSpace {
        CrashSpace { points }
    }

    /// How many independent choices there are.
    #[must_use]
    pub fn points(&self) -> usize {
        self.points.len()
    }

    /// How many combinations of them; `u64::MAX` if it is more.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.points
            .iter()
            .fold(1, |states, options| states.saturating_mul(crate::number::wide(*options).saturating_add(1)))
    }

    /// Binary digits that number all combinations; 64 if there are more of them.
    #[must_use]
    pub fn bits(&self) -> u32 {
        u64::BITS.saturating_sub(self.states().saturating_sub(1).leading_zeros())
    }

    /// The `number`-th combination, below [`CrashSpace::states`] (numbers beyond begin anew). 0 is
    /// [`Choice::LoseAll`]'s.
    #[must_use]
    pub fn choice(&self, number: u64) -> Choice {
        let mut rest = number;
        let mut digits = Vec::with_capacity(self.points.len());
        for options in &self.points {
            let base = crate::number::wide(*options).saturating_add(1);
            digits.push(usize::try_from(rest % base).unwrap_or(0));
            rest /= base;
        }
        Choice::Exact(digits)
    }

    /// Every combination if there are at most `limit`; else both extremes and samples, `limit` in
    /// all, seeded from `seed`.
    pub fn choices(&self, limit: u64, seed: u64) -> impl Iterator<Item = Choice> + '_ {
        let all = self.states() <= limit;
        let mut seeds = Random::new(seed);
        (0..limit.min(self.states())).map(move |number| match number {
            number if all => self.choice(number),
            0 => Choice::LoseAll,
            1 => Choice::KeepAll,
            _ => Choice::Sample(seeds.next()),
        })
    }
}

/// Walks through a disk's choice points, in its order, and says which option to take at each.
pub(super) enum Picker<'a> {
    Lose,
    Keep,
    Random {
        random: Random,
        bent: u32,
    },
    Exact(std::slice::Iter<'a, usize>),
    /// Takes none, and notes how many there were.
    Count(Vec<usize>),
}

impl<'a> Picker<'a> {
    pub(super) fn new(choice: &'a Choice) -> Picker<'a> {
        match choice {
            Choice::LoseAll => Picker::Lose,
            Choice::KeepAll => Picker::Keep,
            Choice::Sample(seed) => {
                let mut random = Random::new(*seed);
                let bent = random.below(4);
                Picker::Random { random, bent }
            }
            Choice::Exact(digits) => Picker::Exact(digits.iter()),
        }
    }

    /// 0 for the durable state, or 1 to `options` for what is pending, oldest first.
    pub(super) fn pick(&mut self, options: usize) -> usize {
        if options == 0 {
            return 0;
        }
        match self {
            Picker::Lose => 0,
            Picker::Keep => options,
            Picker::Exact(digits) => digits.next().copied().unwrap_or(0).min(options),
            Picker::Count(points) => {
                points.push(options);
                0
            }
            Picker::Random { random, bent } => {
                let any = usize::try_from(random.below(u32::try_from(options).unwrap_or(u32::MAX).saturating_add(1)));
                match (*bent, random.below(8)) {
                    // Nearly all kept: what survives of one lost block is what recovery must get right.
                    (1, 1..) => options,
                    // Nearly all lost.
                    (2, 1..) => 0,
                    // The durable or the latest version, nothing between.
                    (3, dice) if dice < 4 => 0,
                    (3, _) => options,
                    _ => any.unwrap_or(0),
                }
            }
        }
    }
}
