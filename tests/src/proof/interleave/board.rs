//! Holds every process before its next step, and lets one at a time take it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::search::{Next, Search};
use super::touch::{Touches, hash_of};

/// What a step would touch now.
pub type Step = Box<dyn Fn(&Files) -> Touches + Send>;

/// What is known of one process.
#[derive(Default)]
pub struct Actor {
    /// A hash of all its calls and answers.
    pub history: u64,
    /// How many steps it took.
    pub steps: u32,
    /// Its next step, if it stands before one: what it would touch now.
    pub next: Option<Step>,
    /// Whether it has come to its end.
    pub ended: bool,
    randoms: u64,
    /// The word behind the one that it loaded or stored last, if that was its last call: of which page, and whether it
    /// stored.
    behind: Option<(u64, bool, usize)>,
}

/// Which files the paths name. A file has the number of who made it, or of its path if it was there before.
#[derive(Default)]
pub struct Files {
    named: HashMap<PathBuf, u64>,
}

impl Files {
    /// The number of the file at a path.
    pub fn at(&self, path: &Path) -> u64 {
        self.named.get(path).copied().unwrap_or_else(|| hash_of(path))
    }
}

/// The machine as the processes share it during a race.
pub struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Whether steps are taken one at a time.
    racing: bool,
    turn: Option<usize>,
    actors: Vec<Actor>,
    files: Files,
    /// By block, which write it is from.
    versions: HashMap<u64, u64>,
    search: Search,
}

impl State {
    /// Takes down what a call found and did.
    fn note(&mut self, actor: usize, noted: Noted) {
        let seen = |block: &u64| self.versions.get(block).copied().unwrap_or(0);
        let found: Vec<u64> = noted.read.iter().chain(&noted.written).map(seen).collect();
        let me = &mut self.actors[actor];
        me.history = hash_of((me.history, noted.answer, found));
        self.versions.extend(noted.written.iter().map(|block| (*block, hash_of((me.history, block)))));
    }
}

/// What a step found and did, for its process's history.
#[derive(Default)]
pub struct Noted {
    /// What was asked and answered.
    pub answer: u64,
    /// Blocks whose bytes were read.
    pub read: Vec<u64>,
    /// Blocks that were written: what stood there counts, too.
    pub written: Vec<u64>,
}

impl Board {
    /// For so many processes.
    pub fn new(actors: usize, search: Search) -> Arc<Board> {
        let actors = std::iter::repeat_with(Actor::default).take(actors).collect();
        let (files, versions) = (Files::default(), HashMap::new());
        let state = State { racing: false, turn: None, actors, files, versions, search };
        Arc::new(Board { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// From now on every process is held before its next step; the first is chosen when all are.
    pub fn race(&self) {
        self.lock().racing = true;
    }

    /// Gives the search back when all have ended.
    pub fn search(self: Arc<Board>) -> Search {
        let state = Arc::into_inner(self).expect("all processes have ended").state;
        state.into_inner().unwrap().search
    }

    /// A load or a store of one word. If it goes on with the words of a page, one behind the other, it is no step of its own.
    pub fn follow<T>(
        &self,
        actor: usize,
        (page, stores, index): (u64, bool, usize),
        touches: impl Fn(&Files) -> Touches + Send + 'static,
        act: impl FnOnce() -> (T, Noted),
    ) -> T {
        let behind = Some((page, stores, index + 1));
        let mut state = self.lock();
        if state.racing && state.actors[actor].behind == Some((page, stores, index)) {
            let (result, noted) = act();
            state.note(actor, noted);
            state.actors[actor].behind = behind;
            return result;
        }
        drop(state);
        let result = self.step(actor, touches, |_, _| act());
        self.lock().actors[actor].behind = behind;
        result
    }

    /// Takes a step when its turn has come: `touches` says what it would touch, `act` takes it.
    pub fn step<T>(
        &self,
        actor: usize,
        touches: impl Fn(&Files) -> Touches + Send + 'static,
        act: impl FnOnce(&mut Files, usize) -> (T, Noted),
    ) -> T {
        let mut state = self.lock();
        if state.racing {
            let had_turn = state.turn == Some(actor);
            let before = state.actors[actor].next.replace(Box::new(touches));
            assert!(before.is_none(), "two threads of process {actor} take steps at once");
            self.arrived(&mut state, had_turn);
            while state.racing && state.turn != Some(actor) {
                state = self.changed.wait(state).unwrap();
            }
        }
        let state = &mut *state;
        let next = state.actors[actor].next.take().filter(|_| state.racing);
        let touched = next.map(|next| next(&state.files));
        let (result, noted) = act(&mut state.files, actor);
        if let Some(touched) = touched {
            state.search.touched(actor, state.actors[actor].steps, &touched);
            state.note(actor, noted);
            state.actors[actor].steps += 1;
            state.actors[actor].behind = None;
        }
        result
    }

    /// A random number of the process's own: nobody else's come into between.
    pub fn random(&self, actor: usize) -> u64 {
        let me = &mut self.lock().actors[actor];
        me.randoms += 1;
        hash_of(("random", actor, me.randoms))
    }

    /// The process has come to its end.
    pub fn end(&self, actor: usize) {
        let mut state = self.lock();
        let had_turn = state.turn == Some(actor);
        state.actors[actor].ended = true;
        state.actors[actor].next = None;
        self.arrived(&mut state, had_turn);
    }

    fn arrived(&self, state: &mut State, had_turn: bool) {
        let all = state.actors.iter().all(|actor| actor.ended || actor.next.is_some());
        if !state.racing || !all || !(had_turn || state.turn.is_none()) {
            return;
        }
        match state.search.next(&state.actors, &state.files) {
            Next::Turn(actor) => state.turn = Some(actor),
            Next::Stop => (state.racing, state.turn) = (false, None),
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Files {
    /// A file was made.
    pub fn make(&mut self, path: &Path, actor: usize) {
        let number = hash_of((path, actor, self.named.get(path)));
        self.named.insert(path.to_owned(), number);
    }

    /// A file was renamed.
    pub fn rename(&mut self, from: &Path, to: &Path) {
        let number = self.at(from);
        self.named.insert(to.to_owned(), number);
        self.named.insert(from.to_owned(), hash_of(("gone", number)));
    }

    /// A name was removed.
    pub fn remove(&mut self, path: &Path) {
        let number = hash_of(("gone", self.at(path)));
        self.named.insert(path.to_owned(), number);
    }
}
