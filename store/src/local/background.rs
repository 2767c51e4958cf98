//! The worker that seals and merges while the store is open.

use std::path::Path;
use std::sync::Arc;

use threadlog_compaction::{Background as Worker, Config as CompactionConfig, Rules};
use threadlog_engine::fs::Fs;
use threadlog_engine::{Background, Engine};

use crate::clock::HybridClock;
use crate::log::Log;
use crate::maintain::StoreRules;

/// Starts it for a log that is open for writing, unless the embedder does all background work, or wants none of this.
pub(super) fn start(fs: &Arc<dyn Fs>, root: &Path, log: &Log, config: Option<&CompactionConfig>) -> Option<Worker> {
    let engine: &Engine = log.engine()?;
    let settings = engine.config();
    if settings.background == Background::Manual {
        return None;
    }
    let (of_rules, clock) = (engine.clone(), Arc::clone(&settings.clock));
    let rules = Box::new(move || -> Arc<dyn Rules> {
        // It only reads; what it observes is of no account.
        let clock = HybridClock::new(Arc::clone(&clock));
        Arc::new(StoreRules::of(&of_rules, &clock))
    });
    let (client, clock) = (&settings.client, Arc::clone(&settings.clock));
    // A system that gives no further thread gives none to the engine either; without this one, `seal` does the work.
    Worker::start(engine.clone(), Arc::clone(fs), root, client, clock, config?.clone(), rules).ok()
}
