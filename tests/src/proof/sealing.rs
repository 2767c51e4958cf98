//! Sealing and merging, as steps: what was hot is sealed, and everything that holds of the store goes on to hold.

use std::path::Path;
use std::sync::Arc;

use threadlog_compaction::compact::{Avoid, Extent, compact};
use threadlog_compaction::seal::seal;
use threadlog_compaction::{Config, Error, Fate, Maintenance, Rules, Unwatched};
use threadlog_engine::fs::Fs;
use threadlog_engine::sealed::FindValues;
use threadlog_engine::{Clock, Engine, Error as EngineError, StreamId};

use super::found::Found;
use super::invariants::{Checked, I6, I9, Violation};
use super::step::Step;
use super::world::{ROOT, World};

/// What is sealed, merged and goes on, each time with something that went wrong in between.
pub const STORIES: &[&[Step]] = &[
    &[Step::Small, Step::Seal, Step::Small, Step::Sync, Step::FailSeal(2), Step::Seal, Step::Small, Step::Sync],
    &[Step::Small, Step::Seal, Step::Small, Step::Sync, Step::FailSeal(3), Step::Seal, Step::Small, Step::Sync],
    &[Step::Small, Step::Seal, Step::Large, Step::Sync, Step::FailSeal(3), Step::Kill, Step::Small, Step::Sync],
    &[Step::Small, Step::Sync, Step::TickWitness, Step::Seal, Step::Close, Step::Batch, Step::Sync, Step::Close],
    &[Step::Large, Step::Seal, Step::Small, Step::Sync],
    &[Step::Batch, Step::Sync, Step::Fill, Step::Sync, Step::Seal, Step::Blocks, Step::Sync, Step::Seal, Step::Merge],
    &[
        Step::Small,
        Step::Sync,
        Step::TickWitness,
        Step::Seal,
        Step::Batch,
        Step::Sync,
        Step::Kill,
        Step::Merge,
        Step::Small,
    ],
    &[Step::Spare, Step::Batch, Step::Sync, Step::Spare, Step::Seal, Step::Fill, Step::Sync, Step::Seal, Step::Close],
    &[
        Step::Batch,
        Step::Sync,
        Step::FailWrite,
        Step::Small,
        Step::Sync,
        Step::Seal,
        Step::FailWrite,
        Step::Batch,
        Step::Seal,
    ],
    &[
        Step::Blocks,
        Step::TickWrite,
        Step::Kill,
        Step::Seal,
        Step::Small,
        Step::FailSync,
        Step::Kill,
        Step::Seal,
        Step::Merge,
    ],
    &[
        Step::Batch,
        Step::Sync,
        Step::Fill,
        Step::Sync,
        Step::Look,
        Step::Seal,
        Step::Look,
        Step::Blocks,
        Step::Merge,
        Step::Look,
    ],
    &[
        Step::Batch,
        Step::Sync,
        Step::Seal,
        Step::Wrong,
        Step::Batch,
        Step::Seal,
        Step::Close,
        Step::Wrong,
        Step::Close,
        Step::Small,
    ],
];

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
        // Who looks on from outside finds what it had seen before where it is now.
        if let Some(watcher) = self.watcher.clone()
            && !Found::gather(&watcher, false).is_whole()
            && !self.met_fault()
        {
            return Err(Violation::new(I6, "a reader misses records that were sealed"));
        }
        match worked {
            Ok(()) => Ok(()),
            // What fails before the journal is asked has nothing to do with it.
            Err(Error::Engine(error @ EngineError::Io { .. })) if self.met_fault() => self.explained(&error),
            Err(Error::Engine(error)) => self.refused(&error),
            Err(other) => Err(Violation::new(I9, format!("sealing is refused without a cause: {other}"))),
        }
    }
}
