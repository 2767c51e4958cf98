//! What sealing, compacting and erasing wrote, said alike.

use std::time::Instant;

use serde::Serialize;
use threadlog::maintain::{CompactionError, Written};

use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::style::{FAINT, GOOD, paint};

/// What was written, and what went.
#[derive(Serialize)]
pub(super) struct Work {
    segments: u64,
    records: u64,
    payload_bytes: u64,
    written_bytes: u64,
    replaced_files: u64,
    replaced_bytes: u64,
    references: u64,
    referenced_bytes: u64,
    seconds: f64,
    stopped: bool,
}

impl Work {
    /// `None` of work that was stopped.
    pub(super) fn new(written: Option<&Written>, started: Instant) -> Work {
        let done = written.copied().unwrap_or_default();
        Work {
            segments: done.segments,
            records: done.records,
            payload_bytes: done.payload_bytes,
            written_bytes: done.file_bytes,
            replaced_files: done.files_replaced,
            replaced_bytes: done.replaced_bytes,
            references: done.references,
            referenced_bytes: done.referenced_bytes,
            seconds: started.elapsed().as_secs_f64(),
            stopped: written.is_none(),
        }
    }

    /// For people.
    pub(super) fn say(&self, verb: &str, nothing: &str, out: &mut Output) -> Result<(), Failure> {
        if self.stopped {
            return Ok(());
        }
        if self.replaced_files == 0 {
            return if nothing.is_empty() { Ok(()) } else { out.line(paint(GOOD, nothing)) };
        }
        let records = counted(self.records, "record", "records");
        let (payload, written) = (human::size(self.payload_bytes), human::size(self.written_bytes));
        let segments = counted(self.segments, "segment", "segments");
        let seconds = paint(FAINT, format_args!("in {:.1} s", self.seconds));
        out.line(format_args!("{} {records}, {payload}: {written} in {segments} {seconds}", paint(GOOD, verb)))?;
        if self.references > 0 {
            let references = counted(self.references, "repetition", "repetitions");
            let saved = human::size(self.referenced_bytes);
            out.line(format_args!("  {references} of long values, {saved} together, became references"))?;
        }
        let files = counted(self.replaced_files, "file", "files");
        out.line(format_args!("  {files} of {} removed", human::size(self.replaced_bytes)))
    }
}

/// Takes a stop by signal for what it is.
pub(super) fn stopped<T>(outcome: threadlog::Result<T>) -> Result<Option<T>, Failure> {
    match outcome {
        Err(threadlog::Error::Compaction(CompactionError::Stopped) | threadlog::Error::Stopped) => Ok(None),
        outcome => Ok(Some(outcome?)),
    }
}
