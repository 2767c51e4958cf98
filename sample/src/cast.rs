//! Who each thread is: id, time, length, project, and its parent or source. All of it follows from the plan and the
//! thread's index alone, so that any file can be made without the others and yet names them rightly.

use uuid::Uuid;

use crate::era::Era;
use crate::plan::Plan;
use crate::project::Project;
use crate::random::{Random, mix, quantile, size};
use crate::sizes::THREAD_LINES;
use crate::words::Voice;

/// What all threads of a plan have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) plan: Plan,
    /// Sum of all threads' unscaled lengths, so that their scaled ones add up to what the plan asks for.
    weight: u64,
}

/// Where a thread comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Started by a person.
    Root,
    /// Spawned by the thread of this index.
    Child(u32),
    /// Forked from the thread of this index.
    Fork(u32),
}

/// One thread of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) index: u32,
    pub(crate) id: Uuid,
    /// Milliseconds since 1970.
    pub(crate) start_ms: u64,
    pub(crate) lines: u64,
    /// Its place among all threads by length, 0 the shortest.
    pub(crate) rank: u64,
    pub(crate) era: Era,
    pub(crate) origin: Origin,
    pub(crate) archived: bool,
    pub(crate) project: u32,
    /// How many threads its project had before: files change with it.
    pub(crate) edition: u32,
    pub(crate) voice: Voice,
}

/// Names that sub-agents are given.
pub(crate) const NICKNAMES: [&str; 10] =
    ["Ada", "Boole", "Curie", "Darwin", "Euler", "Faraday", "Gauss", "Hopper", "Kepler", "Noether"];

/// Threads looked at before a child's or a fork's own index for its parent or source.
const REACH: u32 = 6;

impl Setting {
    /// Prepares a plan; costs a few nanoseconds per thread.
    pub(crate) fn new(plan: Plan) -> Setting {
        let weight = (0..plan.threads).map(|index| weight(&plan, index)).sum();
        Setting { plan, weight }
    }

    /// The thread of `index`.
    pub(crate) fn cast(&self, index: u32) -> Cast {
        let (era, slot_ms) = self.era(index);
        let origin = self.origin(index);
        let project = self.project(index);
        let start_ms = match origin {
            Origin::Child(parent) => self.start(parent) + 40_000 + self.draw(index, 5) % 200_000,
            Origin::Root | Origin::Fork(_) => slot_ms,
        };
        Cast {
            index,
            id: self.id(index, era, start_ms),
            start_ms,
            lines: self.lines(index),
            rank: rank(&self.plan, index),
            era,
            origin,
            archived: self.draw(index, 3) % 1000 < 32,
            project,
            edition: index.saturating_sub(project * self.project_threads()),
            voice: self.voice(project),
        }
    }

    /// Project `number`.
    pub(crate) fn open_project(&self, number: u32) -> Project {
        Project::new(self.plan.seed, number, self.voice(number))
    }

    /// The children a thread spawns, in order.
    pub(crate) fn children(&self, index: u32) -> Vec<u32> {
        let last = index.saturating_add(REACH).min(self.plan.threads.saturating_sub(1));
        (index..=last).filter(|&child| self.origin(child) == Origin::Child(index)).collect()
    }

    fn draw(&self, index: u32, purpose: u64) -> u64 {
        mix(mix(self.plan.seed ^ mix(u64::from(index))) ^ purpose)
    }

    /// The era and the time of a slot: threads are in order of time, half a slot apart at the least.
    fn era(&self, index: u32) -> (Era, u64) {
        let bare = bare_threads(&self.plan);
        if index < bare {
            return (Era::Bare, Era::bare_at(index, bare) + self.draw(index, 4) % 3_600_000);
        }
        let (era, ms) = Era::at(index - bare, self.plan.threads - bare);
        (era, ms + self.draw(index, 4) % 3_600_000)
    }

    /// Where a root or a fork starts; children are not asked.
    fn start(&self, index: u32) -> u64 {
        self.era(index).1
    }

    fn wish(&self, index: u32) -> Origin {
        let back = 1 + u32::try_from(self.draw(index, 2) % u64::from(REACH)).unwrap_or(0);
        let (era, _) = self.era(index);
        match (self.draw(index, 1) % 1000, index.checked_sub(back)) {
            (0..75, Some(parent)) if era.has_turns() => Origin::Child(parent),
            (75..85, Some(source)) if era != Era::Bare => Origin::Fork(source),
            _ => Origin::Root,
        }
    }

    /// Only roots of the same era have children and forks.
    fn origin(&self, index: u32) -> Origin {
        match self.wish(index) {
            Origin::Child(other) | Origin::Fork(other)
                if self.wish(other) != Origin::Root || self.era(other).0 != self.era(index).0 =>
            {
                Origin::Root
            }
            wish => wish,
        }
    }

    fn id(&self, index: u32, era: Era, start_ms: u64) -> Uuid {
        let mut bytes = [0_u8; 16];
        Random::new(self.plan.seed, &[5, u64::from(index)]).fill(&mut bytes);
        if era == Era::Bare {
            return uuid::Builder::from_random_bytes(bytes).into_uuid();
        }
        let mut random = [0_u8; 10];
        random.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        uuid::Builder::from_unix_timestamp_millis(start_ms, &random).into_uuid()
    }

    /// How many threads a project has before the next one begins; fewer in small plans, so that those vary too.
    fn project_threads(&self) -> u32 {
        (self.plan.threads / 10).clamp(2, 20)
    }

    /// People switch between a few projects of a time.
    fn project(&self, index: u32) -> u32 {
        let newest = index / self.project_threads();
        newest.saturating_sub(u32::try_from(self.draw(index, 6) % 3).unwrap_or(0))
    }

    fn voice(&self, project: u32) -> Voice {
        let (era, _) = self.era((project * self.project_threads()).min(self.plan.threads.saturating_sub(1)));
        era.voice(&mut Random::new(self.plan.seed, &[6, u64::from(project)]))
    }

    fn lines(&self, index: u32) -> u64 {
        let total = u128::from(self.plan.threads) * u128::from(self.plan.items);
        let weight = u128::from(weight(&self.plan, index));
        let lines = (total * weight + u128::from(self.weight) / 2) / u128::from(self.weight.max(1));
        u64::try_from(lines).unwrap_or(u64::MAX).max(1)
    }
}

/// The unscaled length of a thread: each takes its own quantile of the lengths' distribution, spread over the indexes
/// so that any run of threads has short and long ones.
fn weight(plan: &Plan, index: u32) -> u64 {
    let threads = u64::from(plan.threads.max(1));
    let share = u32::try_from((2 * rank(plan, index) + 1) * 500_000 / threads).unwrap_or(0);
    let lines = u64::from(quantile(THREAD_LINES, share, 1_000_000));
    // Measured: threads of the old format have a third of the lines of others.
    if index < bare_threads(plan) { lines.div_ceil(3) } else { lines }
}

/// A thread's place among all by length, 0 the shortest.
fn rank(plan: &Plan, index: u32) -> u64 {
    let threads = u64::from(plan.threads.max(1));
    (u64::from(index) * stride(threads) + mix(plan.seed) % threads) % threads
}

/// How many of the first threads have no envelope.
fn bare_threads(plan: &Plan) -> u32 {
    let count = u64::from(plan.threads) * u64::from(plan.legacy_percent.min(100)) / 100;
    u32::try_from(count).unwrap_or(plan.threads)
}

/// About 0.618 of `count` and without a common divisor with it: stepping by it visits each rank once, evenly.
fn stride(count: u64) -> u64 {
    let mut step = (count * 618 / 1000).max(1);
    while divisor(step, count) != 1 {
        step += 1;
    }
    step
}

fn divisor(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { divisor(right, left % right) }
}

/// The nickname of a child.
pub(crate) fn nickname(index: u32) -> &'static str {
    NICKNAMES.get(size(index % 10)).copied().unwrap_or("Ada")
}
