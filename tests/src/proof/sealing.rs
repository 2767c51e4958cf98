//! Sealing and merging, as steps: what was hot is sealed, and everything that holds of the store goes on to hold.

use std::path::Path;
use std::sync::Arc;

use threadlog_compaction::compact::{Avoid, Extent, compact};
use threadlog_compaction::seal::seal;
use threadlog_compaction::{Config, Error, Fate, Maintenance, Rules, Unwatched};
use threadlog_engine::fs::Fs;
use threadlog_engine::sealed::FindValues;
use threadlog_engine::{Clock, Engine, StreamId};

use super::invariants::{Checked, I9, Violation};
use super::world::{ROOT, World};

/// Everything stays, and some bytes of each payload count as a value: the second half, if it is long enough.
struct All;

impl Rules for All {
    fn fate(&self, _: &StreamId) -> Fate {
        Fate::Keep
    }

    fn find(&self) -> &FindValues {
        &|_, payload, found| {
            if payload.len() >= 3000 {
                found.push(payload.len() / 2..payload.len());
            }
        }
    }
}

/// Small batches and blocks, no threads, no dictionary that would have to be trained.
fn config() -> Config {
    Config { batch_bytes: 8 << 10, block_bytes: 2 << 10, dictionary_bytes: 0, jobs: 1, fan_in: 2, ..Config::default() }
}

/// Seals all that is durable; and merges all that is sealed into one.
pub fn work(fs: &Arc<dyn Fs>, engine: &Engine, clock: &Arc<dyn Clock>, merge: bool) -> Result<(), Error> {
    let (root, store) = (Path::new(ROOT), engine.store_id());
    let mut maintenance = Maintenance::take(fs, root, store, "proof", clock)?;
    seal(&mut maintenance, engine, true, &All, &config(), &Unwatched)?;
    if merge {
        let mut renew = || engine.renew_sealed().map(drop).map_err(Error::from);
        let mut avoid = Avoid::default();
        compact(&mut maintenance, Extent::Full, &All, &config(), &Unwatched, &mut avoid, &mut renew)?;
    }
    Ok(())
}

impl World {
    /// Seals, and perhaps merges.
    pub fn seal(&mut self, merge: bool) -> Checked {
        let Some(engine) = self.engine()? else { return Ok(()) };
        let fs: Arc<dyn Fs> = Arc::new(self.probe.clone());
        let clock: Arc<dyn Clock> = self.clock.clone();
        let worked = work(&fs, &engine, &clock, merge);
        self.observe(&engine)?;
        match worked {
            Ok(()) => Ok(()),
            Err(Error::Engine(error)) => self.refused(&error),
            Err(other) => Err(Violation::new(I9, format!("sealing is refused without a cause: {other}"))),
        }
    }
}
