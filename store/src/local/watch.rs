//! Who wants to know that there may be something new, and the one thread that looks for it meanwhile.
//!
//! What this process stores is told by the engine. What others store is seen by looking: a thread does so for all who
//! wait, a few loads from mapped pages every time. It is started by the first who waits, sleeps while nobody does, and ends
//! with the last follower.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::local::Shared;

/// The shortest time between two looks.
const EVERY_MIN: Duration = Duration::from_millis(1);

/// The followers of a store.
pub(super) struct Watch {
    every: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Followers that there are, waiting or not. Each keeps the store alive.
    followers: usize,
    /// Rises whenever there may be something new.
    version: u64,
    waiting: HashMap<u64, Waker>,
    next_number: u64,
    /// Whether the thread runs.
    looking: bool,
}

impl Watch {
    pub(super) fn new(every: Duration) -> Arc<Watch> {
        Arc::new(Watch { every: every.max(EVERY_MIN), state: Mutex::default(), changed: Condvar::new() })
    }

    /// Says that there may be something new.
    pub(super) fn tell(&self) {
        let woken = self.state.lock().turn();
        woken.into_iter().for_each(Waker::wake);
    }

    /// What to compare with later: taken before looking for something new.
    pub(super) fn version(&self) -> u64 {
        self.state.lock().version
    }
}

impl State {
    fn turn(&mut self) -> Vec<Waker> {
        self.version = self.version.wrapping_add(1);
        self.waiting.drain().map(|(_, waker)| waker).collect()
    }
}

/// A follower's place among the others. To be dropped before what keeps the store alive.
pub(super) struct Follower {
    watch: Arc<Watch>,
    number: u64,
}

impl Follower {
    pub(super) fn new(watch: &Arc<Watch>) -> Follower {
        let mut state = watch.state.lock();
        state.followers = state.followers.saturating_add(1);
        state.next_number = state.next_number.wrapping_add(1);
        Follower { watch: Arc::clone(watch), number: state.next_number }
    }

    /// Whether there may be something new since `version`; if not, the waker is told when there is.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(super) fn is_past(&self, version: u64, waker: &Waker, shared: &Arc<Shared>) -> io::Result<bool> {
        // Wakers are cloned and dropped without the lock: they can be anything.
        let fresh = waker.clone();
        let mut state = self.watch.state.lock();
        if state.version != version {
            return Ok(true);
        }
        let replaced = state.waiting.insert(self.number, fresh);
        if !state.looking {
            let (watch, shared) = (Arc::clone(&self.watch), Arc::downgrade(shared));
            let name = "threadlog-follow".to_owned();
            std::thread::Builder::new().name(name).spawn(move || watch.look(&shared))?;
            state.looking = true;
        }
        self.watch.changed.notify_one();
        drop(state);
        drop(replaced);
        Ok(false)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.watch.state.lock();
        state.followers = state.followers.saturating_sub(1);
        let waker = state.waiting.remove(&self.number);
        self.watch.changed.notify_one();
        drop(state);
        drop(waker);
    }
}

impl Watch {
    /// Looks for as long as somebody follows.
    fn look(&self, shared: &Weak<Shared>) {
        let mut state = self.state.lock();
        while state.followers > 0 {
            if state.waiting.is_empty() {
                self.changed.wait(&mut state);
                continue;
            }
            let next = Instant::now().checked_add(self.every);
            while let Some(next) = next
                && state.followers > 0
                && !self.changed.wait_until(&mut state, next).timed_out()
            {}
            // While there are followers, and none can leave under the lock, this is not what keeps the store alive.
            if state.followers > 0 && shared.upgrade().is_none_or(|shared| shared.may_have_news()) {
                let woken = state.turn();
                MutexGuard::unlocked(&mut state, || woken.into_iter().for_each(Waker::wake));
            }
        }
        state.looking = false;
    }
}

impl Shared {
    /// Whether other processes may have stored something, or the store is closed. Never blocks on the disk.
    fn may_have_news(&self) -> bool {
        self.slot.log().map_or(true, |log| log.has_news())
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
