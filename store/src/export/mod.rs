//! Export: the imported files again, byte for byte, and native threads as files like them.

mod plan;
mod write;

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

pub(crate) use plan::{Job, marked, plan};
use threadlog_engine::ReadLog;
use threadlog_engine::number::wide;
pub(crate) use write::write;

use crate::items::Rendering;
use crate::path::PathBytes;
use crate::progress::{Progress, Refusal};
use crate::table::Table;
use crate::thread::{ThreadId, ThreadKey};
use crate::workers::{self, jobs_default, lock};

/// What to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All files of a thread, as they are now.
    Thread(ThreadId),
    /// The files of one life, also of one that was superseded.
    Life(ThreadKey),
}

/// How to export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// Replace files that exist and differ. Default: report them.
    pub overwrite: bool,
    /// Write revisions that were superseded too, as `<name>.r<number>.jsonl`. Default: not.
    pub older_revisions: bool,
}

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// It was written.
    Written,
    /// It was there already.
    Identical,
    /// It was there with other content, and was replaced.
    Replaced,
}

/// One exported file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its path below the target folder.
    pub path: PathBytes,
    /// Whose items.
    pub key: ThreadKey,
    /// What became of it.
    pub outcome: Exported,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Whether these are all lines of a file; false if its import was never completed.
    pub complete: bool,
    /// The path that it was imported under, if another file from another folder has it in this export.
    pub instead_of: Option<PathBytes>,
}

impl ExportedFile {
    pub(crate) fn of(job: &Job, outcome: Exported, bytes: u64) -> ExportedFile {
        let Job { key, path, complete, instead_of, .. } = job.clone();
        ExportedFile { path, key, outcome, bytes, complete, instead_of }
    }
}

/// What an export did. Files have their names, but were not synced: that is left to the system, as with any copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// The files that are there now, sorted by path.
    pub files: Vec<ExportedFile>,
    /// Those that could not be written, and why.
    pub failed: Vec<Refusal>,
    /// How many of those because what is stored is damaged.
    pub damaged: u64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl ExportReport {
    /// Files with this outcome.
    #[must_use]
    pub fn count(&self, outcome: Exported) -> usize {
        self.files.iter().filter(|file| file.outcome == outcome).count()
    }

    /// Length of all files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Writes files below `to`. See [`crate::Store::export`].
pub(crate) fn export(
    log: &dyn ReadLog,
    selected: Option<&[Selected]>,
    to: &Path,
    options: &ExportOptions,
    progress: &dyn Progress,
) -> ExportReport {
    let jobs = plan(&Table::load(log), selected, options);
    let bytes_of = |job: &Job| job.source.as_ref().map_or(0, |source| source.bytes);
    progress.planned(wide(jobs.len()), jobs.iter().map(bytes_of).sum());
    let report = Mutex::new(ExportReport::default());
    workers::each(&jobs, jobs_default(), |job| {
        if progress.stop() {
            lock(&report).stopped = true;
            return;
        }
        let written = write(job, Rendering::new(log, job.key), to, options);
        progress.advanced(bytes_of(job));
        progress.file_done();
        let mut report = lock(&report);
        match written {
            Ok((outcome, bytes)) => report.files.push(ExportedFile::of(job, outcome, bytes)),
            Err(error) => {
                report.damaged += u64::from(error.is_corruption());
                report.failed.push(Refusal { path: job.path.clone(), reason: error.to_string() });
            }
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    report.failed.sort_by(|a, b| a.path.cmp(&b.path));
    report
}
