//! Who goes next: every order that can make a difference.

use std::collections::HashMap;
use std::fmt;

use super::board::{Actor, Files};
use super::touch::{Learned, Touches, commute, hash_of};

/// A set of processes: bit by number.
type Set = u8;

/// What a process that is held is told.
pub enum Next {
    /// This one takes its next step.
    Turn(usize),
    /// Whatever follows was seen: all may run to their ends.
    Stop,
}

/// An order that is still to be tried: as an earlier one up to a state, then another process's step.
struct Branch {
    begins: Vec<u8>,
    then: usize,
    /// Whose steps need not come first behind that.
    asleep: Set,
    /// The state in which it branches off.
    state: u64,
}

/// A search through all orders of what some processes do. One order is one run, from the beginning.
pub struct Search {
    actors: usize,
    /// What each process is known to touch, from earlier searches; and what it was seen to touch in this one.
    known: Vec<Learned>,
    seen: Vec<Learned>,
    /// By state, whose steps were left out there.
    visited: HashMap<u64, Set>,
    branches: Vec<Branch>,
    /// Of this run: whose steps were taken, and what is to be repeated first.
    taken: Vec<u8>,
    repeats: Option<Branch>,
    asleep: Set,
    /// Whether this run has come to its end by new steps only.
    finished: bool,
    /// What was done.
    pub counts: Counts,
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Searches that it took to learn what processes touch.
    pub searches: u64,
    /// In the last search: states that differ.
    pub states: u64,
    /// Runs from the beginning.
    pub runs: u64,
    /// Orders that came to an end of their own, each another than all before.
    pub ends: u64,
    /// The most steps that the processes took together.
    pub steps: u64,
    /// Of that run, the decimal logarithm of the number of orders that its steps can be put into.
    pub plain_orders: f64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { searches, states, runs, ends, steps, plain_orders } = self;
        write!(
            f,
            "{ends} interleavings that differ, of 10^{plain_orders:.0} orders of {steps} steps; {states} states, {runs} \
             runs, search {searches}"
        )
    }
}

impl Search {
    /// For so many processes.
    pub fn new(actors: usize) -> Search {
        assert!(actors <= 8, "a set is eight bits");
        let mut search = Search {
            actors,
            known: vec![Learned::default(); actors],
            seen: vec![Learned::default(); actors],
            visited: HashMap::new(),
            branches: Vec::new(),
            taken: Vec::new(),
            repeats: None,
            asleep: 0,
            finished: false,
            counts: Counts::default(),
        };
        search.begin();
        search
    }

    fn begin(&mut self) {
        self.seen = vec![Learned::default(); self.actors];
        self.visited.clear();
        self.branches.clear();
        let searches = self.counts.searches + 1;
        self.counts = Counts { searches, runs: 1, ..Counts::default() };
        self.reset(None);
    }

    fn reset(&mut self, repeats: Option<Branch>) {
        (self.repeats, self.asleep, self.finished) = (repeats, 0, false);
        self.taken.clear();
    }

    /// Whether the run that has ended is to be judged: it came to an end that none before came to.
    pub fn has_finished(&self) -> bool {
        self.finished
    }

    /// Whose steps were taken in this run, one after another.
    pub fn order(&self) -> &[u8] {
        &self.taken
    }

    /// Begins the next run; `false` if there is none.
    pub fn goes_on(&mut self) -> bool {
        self.counts.states = self.visited.len() as u64;
        if self.known.iter().zip(&self.seen).all(|(known, seen)| known.covers(seen)) {
            let Some(branch) = self.branches.pop() else { return false };
            self.counts.runs += 1;
            self.reset(Some(branch));
            return true;
        }
        // Something was decided without knowing that: all over again.
        for (known, seen) in self.known.iter_mut().zip(&self.seen) {
            known.join(seen);
        }
        self.begin();
        true
    }

    /// Notes what a process touched at one of its steps.
    pub fn touched(&mut self, actor: usize, step: u32, touches: &[super::touch::Touch]) {
        self.seen[actor].note(step, touches);
        self.taken.push(actor as u8);
    }

    /// Says who goes next. All processes are held, or have ended.
    pub fn next(&mut self, actors: &[Actor], files: &Files) -> Next {
        let state = hash_of(actors.iter().map(|actor| (actor.history, actor.ended)).collect::<Vec<_>>());
        if let Some(branch) = &self.repeats {
            if let Some(actor) = branch.begins.get(self.taken.len()) {
                return Next::Turn(usize::from(*actor));
            }
            assert_eq!(state, branch.state, "the same order came to another state: {:?}", self.taken);
            let (then, asleep) = (branch.then, branch.asleep);
            (self.repeats, self.asleep) = (None, asleep);
            return Next::Turn(then);
        }
        self.visit(state, actors, files)
    }

    /// Goes on from a state that this run came to by a step of its own.
    fn visit(&mut self, state: u64, actors: &[Actor], files: &Files) -> Next {
        let steps: Vec<Option<Touches>> =
            actors.iter().map(|actor| actor.next.as_ref().map(|next| next(files))).collect();
        let enabled: Vec<usize> = (0..actors.len()).filter(|actor| steps[*actor].is_some()).collect();
        if enabled.is_empty() {
            let is_new = self.visited.insert(state, 0).is_none();
            self.end(is_new, actors);
            return Next::Stop;
        }
        let last = self.taken.last().map_or(0, |actor| usize::from(*actor));
        let order = |actors: &[usize]| {
            let mut actors = actors.to_vec();
            actors.sort_by_key(|actor| (*actor != last, *actor));
            actors
        };
        let tried = match order(&enabled).iter().find(|actor| self.is_alone(**actor, &steps, actors)) {
            Some(alone) => vec![*alone],
            None => order(&enabled),
        };
        let mut asleep = self.asleep;
        let tried: Vec<usize> = match self.visited.get(&state) {
            None => {
                self.visited.insert(state, asleep);
                tried.into_iter().filter(|actor| !has(asleep, *actor)).collect()
            }
            Some(left_out) => {
                let now: Vec<usize> =
                    tried.into_iter().filter(|actor| has(*left_out, *actor) && !has(asleep, *actor)).collect();
                asleep &= *left_out;
                self.visited.insert(state, asleep);
                now
            }
        };
        self.go(state, &tried, asleep, &steps)
    }

    /// Takes the first of these now, and the others in later runs, each with those before it asleep.
    fn go(&mut self, state: u64, tried: &[usize], asleep: Set, steps: &[Option<Touches>]) -> Next {
        let mut asleep = asleep;
        let mut branches = Vec::new();
        for actor in tried {
            let stays = |other: &usize| {
                has(asleep, *other)
                    && steps[*other]
                        .as_ref()
                        .zip(steps[*actor].as_ref())
                        .is_some_and(|(one, other)| commute(one, other))
            };
            let behind = (0..steps.len()).filter(stays).fold(0, |set: Set, other| set | (1 << other));
            branches.push(Branch { begins: self.taken.clone(), then: *actor, asleep: behind, state });
            asleep |= 1 << actor;
        }
        let mut branches = branches.into_iter();
        let Some(first) = branches.next() else { return Next::Stop };
        self.branches.extend(branches.rev());
        self.asleep = first.asleep;
        Next::Turn(first.then)
    }

    /// Whether nobody else has, from now on, anything to do with what this one's step touches, as far as is known.
    fn is_alone(&self, actor: usize, steps: &[Option<Touches>], actors: &[Actor]) -> bool {
        let Some(touches) = &steps[actor] else { return false };
        let is_past = |other: usize| actors[other].ended || self.known[other].is_past(actors[other].steps, touches);
        (0..actors.len()).all(|other| other == actor || is_past(other))
    }

    fn end(&mut self, is_new: bool, actors: &[Actor]) {
        self.finished = is_new;
        self.counts.ends += u64::from(is_new);
        let all: u64 = actors.iter().map(|actor| u64::from(actor.steps)).sum();
        if all > self.counts.steps {
            let log = |count: u64| (1..=count).map(|number| (number as f64).log10()).sum::<f64>();
            self.counts.steps = all;
            self.counts.plain_orders = log(all) - actors.iter().map(|actor| log(u64::from(actor.steps))).sum::<f64>();
        }
    }
}

fn has(set: Set, actor: usize) -> bool {
    set & (1 << actor) != 0
}
