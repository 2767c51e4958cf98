//! Appending without any sync: what a caller pays who does not wait.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Result;
use crate::latency::Latency;
use crate::solo::Solo;
use crate::threadlog::Ours;

/// Appends between two pauses in which the arena is emptied, so that no append meets a full one.
const PAUSE_BYTES: u64 = 1 << 20;

/// Our engine, without waiting for anything.
pub struct Enqueue {
    ours: Ours,
    appends_between: u64,
}

impl Enqueue {
    /// Into this engine.
    #[must_use]
    pub fn new(ours: Ours, payload: &[u8]) -> Enqueue {
        Enqueue { ours, appends_between: (PAUSE_BYTES / payload.len() as u64).max(1) }
    }
}

impl Solo for Enqueue {
    fn name(&self) -> String {
        "threadlog, append (no sync)".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.ours.enqueue(0)?;
        Ok(())
    }

    /// The pauses are not measured; building the batch and its checksums are.
    fn turn(&mut self, appends: u64, latency: &mut Latency) -> Result<()> {
        for number in 1..=appends {
            let start = Instant::now();
            let ticket = self.ours.enqueue(0)?;
            latency.record(start.elapsed());
            if number % self.appends_between == 0 {
                self.ours.engine.sync(ticket)?;
            }
        }
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        None
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        self.ours.count_again()
    }
}

/// `pwrite` of the payload behind the last one, no sync.
pub struct Unsynced {
    file: File,
    path: PathBuf,
    payload: Vec<u8>,
    next: u64,
}

impl Unsynced {
    /// An empty file.
    ///
    /// # Errors
    /// Those of the file.
    pub fn new(path: &Path, payload: &[u8]) -> Result<Unsynced> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Unsynced { file, path: path.to_owned(), payload: payload.to_vec(), next: 0 })
    }
}

impl Solo for Unsynced {
    fn name(&self) -> String {
        "raw, pwrite (no sync)".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.file.write_all_at(&self.payload, self.next * self.payload.len() as u64)?;
        self.next += 1;
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        Some(0)
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        Ok(std::fs::metadata(&self.path)?.len() / self.payload.len() as u64)
    }
}
