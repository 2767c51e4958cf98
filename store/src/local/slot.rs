//! The engine in use, and which opening of it that is.

use parking_lot::RwLock;
use threadlog_engine::{Engine, Error};

/// An engine and the number of its opening: 1, 2, 3, …
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) opening: u64,
}

/// Holds the engine that is open now, so that another can take its place under live threads.
pub(super) struct Slot {
    state: RwLock<State>,
}

struct State {
    engine: Option<Engine>,
    opening: u64,
}

impl Slot {
    /// With the first opening.
    pub(super) fn new(engine: Engine) -> Slot {
        Slot { state: RwLock::new(State { engine: Some(engine), opening: 1 }) }
    }

    /// The engine that is open now.
    pub(super) fn get(&self) -> Result<Opened, Error> {
        let state = self.state.read();
        match &state.engine {
            Some(engine) => Ok(Opened { engine: engine.clone(), opening: state.opening }),
            None => Err(Error::Closed),
        }
    }

    /// Whether another opening has taken the place of this one.
    pub(super) fn is_past(&self, opening: u64) -> bool {
        self.state.read().opening != opening
    }

    /// Takes the engine out, to be closed.
    pub(super) fn take(&self) -> Option<Engine> {
        self.state.write().engine.take()
    }

    /// Puts the next opening in.
    pub(super) fn put(&self, engine: Engine) {
        let mut state = self.state.write();
        state.engine = Some(engine);
        state.opening = state.opening.saturating_add(1);
    }
}
