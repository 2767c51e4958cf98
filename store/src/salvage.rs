//! Getting out of a damaged store what is still intact.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use threadlog_engine::fs::Fs;
use threadlog_engine::number::wide;
use threadlog_engine::{ReadLog, Reader};

use crate::error::Result;
use crate::export::{ExportOptions, ExportReport, ExportedFile, Job, marked, plan, write};
use crate::items::{Items, Rendering, StoredItem};
use crate::lineage::Lineage;
use crate::path::PathBytes;
use crate::progress::{Progress, Refusal};
use crate::table::Table;
use crate::thread::ThreadKey;

/// What a salvage wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvageReport {
    /// Files that are as they were imported, superseded revisions included (`<name>.r<number>.jsonl`).
    pub intact: ExportReport,
    /// Files that miss something: `<name>.salvaged.jsonl`.
    pub damaged: Vec<SalvagedFile>,
}

/// A file made of what is left of a life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedFile {
    /// Its path below the target folder.
    pub path: PathBytes,
    /// Whose items.
    pub key: ThreadKey,
    /// Lines written.
    pub lines: u64,
    /// Records that could not be read: places where something is missing. A lost end counts once.
    pub lost_records: u64,
}

/// Writes all that can be read of the store at `root` below `to`. See [`crate::Store::salvage`].
pub(crate) fn salvage(fs: Arc<dyn Fs>, root: &Path, to: &Path, progress: &dyn Progress) -> Result<SalvageReport> {
    let reader = Reader::open_lenient(fs, root)?;
    let table = Table::load(&reader);
    let options = ExportOptions { older_revisions: true, overwrite: false };
    let jobs = plan(&table, None, &options);
    let bytes_of = |job: &Job| job.source.as_ref().map_or(0, |source| source.bytes);
    progress.planned(wide(jobs.len()), jobs.iter().map(bytes_of).sum());
    let mut report = SalvageReport::default();
    for job in &jobs {
        if progress.stop() {
            report.intact.stopped = true;
            break;
        }
        match write(job, Rendering::new(&reader, job.key), to, &options) {
            Ok((outcome, bytes)) => report.intact.files.push(ExportedFile::of(job, outcome, bytes)),
            Err(error) if error.is_corruption() => rescue(&reader, job, to, &options, &mut report),
            Err(error) => report.intact.failed.push(Refusal { path: job.path.clone(), reason: error.to_string() }),
        }
        progress.advanced(bytes_of(job));
        progress.file_done();
    }
    Ok(report)
}

/// All that can be read of a life, in the order of its file. If what it was forked from cannot be found: its own items.
fn rest_of(log: &dyn ReadLog, key: ThreadKey) -> Box<dyn Iterator<Item = Result<StoredItem>>> {
    match Lineage::of(log, key) {
        Ok(lineage) => Box::new(Items::in_file(log, &lineage)),
        Err(error) => Box::new(Items::within(log, key, 0..u64::MAX).chain(Items::failed(error))),
    }
}

fn rescue(log: &dyn ReadLog, job: &Job, to: &Path, options: &ExportOptions, report: &mut SalvageReport) {
    let path = marked(&job.path, "salvaged");
    let (mut lines, mut lost_records) = (0, 0);
    let rest = rest_of(log, job.key).filter_map(|item| match item {
        Ok(item) => {
            lines += 1;
            let mut bytes = Vec::new();
            item.item.render(&mut bytes);
            // A line that lost its end must not run into the next one.
            if !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            Some(Ok(Bytes::from(bytes)))
        }
        Err(_) => {
            lost_records += 1;
            None
        }
    });
    let whole = Job { key: job.key, path: path.clone(), source: None, complete: false, instead_of: None };
    match write(&whole, rest, to, options) {
        Ok(_) => report.damaged.push(SalvagedFile { path, key: job.key, lines, lost_records }),
        Err(error) => report.intact.failed.push(Refusal { path, reason: error.to_string() }),
    }
}
