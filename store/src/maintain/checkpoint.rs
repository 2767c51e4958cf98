//! When the catalog's checkpoint is written, and who may.

use std::path::Path;
use std::sync::Arc;

use threadlog_compaction::Maintenance;
use threadlog_engine::fs::Fs;
use threadlog_engine::{Engine, ReadLog};

use crate::catalog;
use crate::clock::HybridClock;
use crate::log::Log;
use crate::progress::Progress;

/// Less than this, in bytes of payload, is left to whoever seals it.
const WORTH_BYTES: u64 = 4 << 20;
/// Without a checkpoint to go on from, no more than so many times what was added is folded for it.
const MOST_FOLDED: u64 = 4;
/// Nor is a checkpoint copied for less than this part of it.
const WORTH_PART: u64 = 8;

/// Whether to stop.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// Tells nobody; stops when it is told to.
struct Quiet<'a>(Stop<'a>);

impl Progress for Quiet<'_> {
    fn planned(&self, _files: u64, _bytes: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn file_done(&self) {}
    fn stop(&self) -> bool {
        (self.0)()
    }
}

/// Writes what came since the last checkpoint into a new one. It is derived: that it cannot be written is no failure of
/// what was done before, and the one that is there stays good.
/// `stop` is asked now and then.
pub(crate) fn write(
    _held: &Maintenance,
    fs: &dyn Fs,
    root: &Path,
    engine: &Engine,
    clock: &HybridClock,
    stop: Stop<'_>,
) {
    // Its news is told by the next refresh.
    let _ = engine.renew_sealed();
    let log = Log::Writer(engine.clone());
    let _ = catalog::write(fs, root, engine.store_id(), &log, clock, false, &Quiet(stop));
}

/// As [`write()`], if so many bytes of payload as were added are worth it, and nobody else maintains the store.
pub(crate) fn write_if_worth(
    fs: &Arc<dyn Fs>,
    root: &Path,
    engine: &Engine,
    clock: &HybridClock,
    added: u64,
    stop: Stop<'_>,
) {
    if added < WORTH_BYTES || added < catalog::newest_bytes(&**fs, root) / WORTH_PART {
        return;
    }
    // Whoever closes a store must not wait for all of it to be folded: that is for who seals.
    let log = Log::Writer(engine.clone());
    let usable = catalog::newest(&**fs, root, &engine.store_id(), &log);
    if usable.is_none_or(|(checkpoint, _)| checkpoint.is_partial()) {
        let all: u64 = engine.streams().iter().map(|stream| stream.payload_bytes).sum();
        if all / MOST_FOLDED > added {
            return;
        }
    }
    let config = engine.config();
    if let Ok(held) = Maintenance::take(fs, root, engine.store_id(), &config.client, &Arc::clone(&config.clock)) {
        write(&held, &**fs, root, engine, clock, stop);
    }
}
