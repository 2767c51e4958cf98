//! Import of rollout files: idempotent, never overwriting, in bounded memory.
//!
//! A file belongs to the thread that its first `session_meta` names. It is compared, byte for byte or by
//! hash, with what the store has of that thread: it may be new, have grown, be there already, or differ;
//! then it becomes a further revision. Lines are appended in atomic batches, so an import that was
//! killed anywhere is continued by the next one. In a large import the lines of new threads go straight into sealed
//! segments, whole batches at a time, in their order: the same holds there.

mod append;
mod choose;
mod compare;
mod file;
mod identity;
mod input;
mod lines;
mod plan;
mod report;
mod run;
mod shared;
mod sink;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use report::{FileReport, ImportReport, Outcome};
use threadlog_engine::fs::Fs;
use threadlog_engine::{Changes, Engine, Error as EngineError, LeaseOn};

use crate::clock::HybridClock;
use crate::error::{Error, Result};
use crate::import::run::Run;
use crate::import::walk::Walk;
use crate::progress::Progress;
use crate::workers::jobs_default;

/// Longest line that is imported, in bytes. A file with a longer one is refused.
pub const LINE_BYTES_MAX: u64 = 256 << 20;

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Files imported at the same time. Default: one for each core, at most 4. Memory needed is the longest line
    /// several times over, for each.
    pub jobs: usize,
    /// Bytes of files from which on new threads go straight into sealed segments, compressed; in a smaller import they go
    /// into the journal and are sealed later. Default 4 MiB.
    pub bulk_bytes_min: u64,
}

impl Default for ImportOptions {
    fn default() -> ImportOptions {
        ImportOptions { jobs: jobs_default(), bulk_bytes_min: 4 << 20 }
    }
}

/// Imports files and folders.
pub(crate) fn import(
    engine: &Engine,
    clock: &HybridClock,
    fs: &Arc<dyn Fs>,
    root: &Path,
    paths: &[PathBuf],
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<ImportReport> {
    // What two imports at once have of the same files would be stored twice.
    let _task = match engine.leases().map(|leases| leases.take(LeaseOn::Task("import"))) {
        Some(Err(EngineError::Leased { owner })) => return Err(Error::Importing { owner }),
        task => task.transpose()?,
    };
    engine.recover_dead(&mut Changes::default())?;
    Run::new(engine, clock, fs, root, progress).all(Walk::of(paths), options)
}
