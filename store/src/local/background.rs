//! The worker that seals and merges while the store is open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_compaction::{Background as Worker, Config as CompactionConfig, Fate, Maintenance, Rules, Watch};
use threadlog_engine::fs::Fs;
use threadlog_engine::sealed::FindValues;
use threadlog_engine::{Background, Engine, StreamId};

use crate::clock::HybridClock;
use crate::log::Log;
use crate::maintain::{StoreRules, checkpoint};

/// The store's rules, and that a checkpoint of the catalog follows what is sealed.
struct Followed {
    rules: StoreRules,
    fs: Arc<dyn Fs>,
    root: PathBuf,
    engine: Engine,
    clock: HybridClock,
}

impl Rules for Followed {
    fn fate(&self, stream: &StreamId) -> Fate {
        self.rules.fate(stream)
    }

    fn is_kept(&self, stream: &StreamId, codec: u8, payload: &[u8]) -> bool {
        self.rules.is_kept(stream, codec, payload)
    }

    fn finished(&self, held: &Maintenance, watch: &dyn Watch) {
        checkpoint::write(held, &*self.fs, &self.root, &self.engine, &self.clock, &|| watch.stop());
    }

    fn find(&self) -> &FindValues {
        self.rules.find()
    }
}

/// Starts it for a log that is open for writing, unless the embedder does all background work, or wants none of this.
pub(super) fn start(fs: &Arc<dyn Fs>, root: &Path, log: &Log, config: Option<&CompactionConfig>) -> Option<Worker> {
    let engine: &Engine = log.engine()?;
    let settings = engine.config();
    if settings.background == Background::Manual {
        return None;
    }
    let (of_rules, clock) = (engine.clone(), Arc::clone(&settings.clock));
    let (of_fs, of_root) = (Arc::clone(fs), root.to_owned());
    let rules = Box::new(move || -> Arc<dyn Rules> {
        // It only reads; what it observes is of no account.
        let clock = HybridClock::new(Arc::clone(&clock));
        let rules = StoreRules::of(&of_rules, &clock);
        let (fs, root, engine) = (Arc::clone(&of_fs), of_root.clone(), of_rules.clone());
        Arc::new(Followed { rules, fs, root, engine, clock })
    });
    let (client, clock) = (&settings.client, Arc::clone(&settings.clock));
    // A system that gives no further thread gives none to the engine either; without this one, `seal` does the work.
    Worker::start(engine.clone(), Arc::clone(fs), root, client, clock, config?.clone(), rules).ok()
}

#[cfg(test)]
#[path = "background_tests.rs"]
mod tests;
