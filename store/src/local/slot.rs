//! The log in use, and which opening of it that is.

use parking_lot::RwLock;
use threadlog_compaction::Background;
use threadlog_engine::Engine;

use crate::log::Log;

/// An engine and the number of its opening: 1, 2, 3, …
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) opening: u64,
}

/// Why there is nothing to write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    Closed,
    ReadOnly,
}

/// Holds the log that is open now, so that another can take its place under live threads.
pub(super) struct Slot {
    state: RwLock<State>,
}

struct State {
    /// Seals and merges; stops before the log is closed.
    worker: Option<Background>,
    log: Option<Log>,
    opening: u64,
}

impl Slot {
    /// With the first opening.
    pub(super) fn new(log: Log, worker: Option<Background>) -> Slot {
        Slot { state: RwLock::new(State { worker, log: Some(log), opening: 1 }) }
    }

    /// The engine that is open now, for writing.
    pub(super) fn get(&self) -> Result<Opened, Shut> {
        let state = self.state.read();
        let log = state.log.as_ref().ok_or(Shut::Closed)?;
        let engine = log.engine().ok_or(Shut::ReadOnly)?;
        Ok(Opened { engine: engine.clone(), opening: state.opening })
    }

    /// The log that is open now, for reading.
    pub(super) fn log(&self) -> Result<Log, Shut> {
        self.state.read().log.clone().ok_or(Shut::Closed)
    }

    /// Whether another opening has taken the place of this one.
    pub(super) fn is_past(&self, opening: u64) -> bool {
        self.state.read().opening != opening
    }

    /// Takes the log out, to be closed. Waits until its worker has stopped.
    pub(super) fn take(&self) -> Option<Log> {
        let (worker, log) = {
            let mut state = self.state.write();
            (state.worker.take(), state.log.take())
        };
        drop(worker);
        log
    }

    /// Puts the next opening in.
    pub(super) fn put(&self, log: Log, worker: Option<Background>) {
        let mut state = self.state.write();
        state.worker = worker;
        state.log = Some(log);
        state.opening = state.opening.saturating_add(1);
    }
}
