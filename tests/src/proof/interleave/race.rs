//! The race for one thread ([`races`](crate::proof::races)) in every interleaving.

use std::sync::Arc;

use threadlog_engine::Clock;

use super::board::Board;
use super::disk::Watched;
use super::search::{Counts, Search};
use crate::proof::races::{Act, Done, Scene, prepare};

/// A clock that stands: what a process does must not depend on when a run is made.
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_800_000_000_000
    }
}

/// Says that a process has ended, however it did.
struct Leaves(Arc<Board>, usize);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

/// Plays every interleaving of the acts, each a process's, that can make a difference; at most so many runs. Says what was
/// done, and whether that was all.
///
/// # Panics
/// If what comes of one is what no order of the acts one after another gives.
pub fn every_interleaving(acts: &[Act], runs_max: u64) -> (Counts, bool) {
    let scene = Scene::new(acts.contains(&Act::Empty));
    let mut search = Search::new(acts.len());
    let mut runs = 0;
    loop {
        search = play(&scene, acts, search);
        runs += 1;
        if !search.goes_on() {
            return (search.counts, true);
        }
        if runs >= runs_max {
            return (search.counts, false);
        }
    }
}

fn play(scene: &Scene, acts: &[Act], search: Search) -> Search {
    let machine = scene.machine.snapshot();
    let board = Board::new(acts.len(), search);
    let plays: Vec<_> = (0..)
        .zip(acts)
        .map(|(actor, act)| {
            let fs = Watched::new(machine.process(), Arc::clone(&board), actor);
            prepare(&fs, *act, &scene.file, Arc::new(Still))
        })
        .collect();
    board.race();
    let running: Vec<_> = (0..)
        .zip(plays)
        .map(|(actor, play)| {
            let leaves = Leaves(Arc::clone(&board), actor);
            std::thread::spawn(move || {
                let done = play();
                drop(leaves);
                done
            })
        })
        .collect();
    let ends: Vec<_> = running.into_iter().map(|process| process.join().expect("a process panicked")).collect();
    let (ends, stores): (Vec<Done>, Vec<_>) = ends.into_iter().unzip();
    let done: Vec<(Act, Done)> = acts.iter().copied().zip(ends).collect();
    // All have ended: what follows is no race.
    drop(stores);
    let search = board.search();
    if search.has_finished() {
        scene.judge(&machine, &done, &format!("{acts:?} in the order {:?}", search.order()));
    }
    search
}
