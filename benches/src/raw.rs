//! The controls: what the disk itself takes, without any engine.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Result;
use crate::solo::Solo;

/// Groups start on multiples of this, in bytes; so do the controls' writes.
const BLOCK_BYTES: usize = 4096;
/// Headers in front of the only record of a group, in bytes.
const HEADERS_BYTES: usize = 128;
const PIECE_BYTES: usize = 1 << 20;

/// `pwrite` and `fdatasync` of the blocks that the engine would write.
pub struct Raw {
    file: File,
    block: Vec<u8>,
    next: u64,
    filled: u64,
    zeroed: bool,
    name: String,
}

impl Raw {
    /// On a file that was zero-filled before (`zeroed`), or one that grows.
    ///
    /// # Errors
    /// Those of the file.
    pub fn new(path: &Path, payload: &[u8], zeroed: bool) -> Result<Raw> {
        let name = if zeroed { "raw, zero-filled file" } else { "raw, growing file" };
        Raw::group(path, payload, 1, zeroed, name)
    }

    /// As the groups of the engine with so many records each.
    fn group(path: &Path, payload: &[u8], records: usize, zeroed: bool, name: &str) -> Result<Raw> {
        let frame = HEADERS_BYTES / 2 + payload.len();
        let bytes = (HEADERS_BYTES / 2 + records * frame).next_multiple_of(BLOCK_BYTES);
        let mut block = payload.repeat(bytes / payload.len() + 1);
        block.truncate(bytes);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Raw { file, block, next: 0, filled: 0, zeroed, name: name.to_owned() })
    }
}

impl Solo for Raw {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&mut self, appends: u64) -> Result<()> {
        if !self.zeroed {
            return Ok(());
        }
        let zeros = vec![0; PIECE_BYTES];
        let end = (self.next + appends) * self.block.len() as u64;
        while self.filled < end {
            self.file.write_all_at(&zeros, self.filled)?;
            self.filled += zeros.len() as u64;
        }
        Ok(self.file.sync_all()?)
    }

    fn append(&mut self) -> Result<()> {
        self.file.write_all_at(&self.block, self.next * self.block.len() as u64)?;
        self.file.sync_data()?;
        self.next += 1;
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        Some(self.next)
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        let mut found = vec![0; self.block.len()];
        let mut count = 0;
        while self.file.read_exact_at(&mut found, count * self.block.len() as u64).is_ok() && found == self.block {
            count += 1;
        }
        Ok(count)
    }
}

/// A line behind the others and `fdatasync`: what agents do who sync at all.
pub struct JsonLines {
    file: File,
    path: PathBuf,
    line: Vec<u8>,
    syncs: u64,
}

impl JsonLines {
    /// An empty file.
    ///
    /// # Errors
    /// Those of the file.
    pub fn new(path: &Path, payload: &[u8]) -> Result<JsonLines> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        Ok(JsonLines { file, path: path.to_owned(), line: [payload, b"\n"].concat(), syncs: 0 })
    }
}

impl Solo for JsonLines {
    fn name(&self) -> String {
        "JSONL, append + fdatasync".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.file.write_all(&self.line)?;
        self.file.sync_data()?;
        self.syncs += 1;
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        Some(self.syncs)
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        Ok(std::fs::read(&self.path)?.split_inclusive(|byte| *byte == b'\n').count() as u64)
    }
}

/// Sequential bandwidth of the disk in bytes per second: pieces of 1 MiB, written to a growing file and synced at the end of
/// every 64, for `bytes` in all. The file is removed.
///
/// # Errors
/// Those of the file.
pub fn bandwidth(path: &Path, bytes: u64) -> Result<f64> {
    let piece = crate::payload(PIECE_BYTES);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let start = Instant::now();
    let pieces = bytes.div_ceil(PIECE_BYTES as u64);
    for number in 1..=pieces {
        file.write_all(&piece)?;
        if number % 64 == 0 || number == pieces {
            file.sync_data()?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok((pieces * PIECE_BYTES as u64) as f64 / seconds)
}

/// Groups of many records from one thread: what a crowd could reach if waking its writers cost nothing.
pub struct RawGroups {
    file: File,
    group: Vec<u8>,
    slots: u64,
    next: u64,
}

/// Length of the file whose blocks the groups overwrite in turn, in bytes.
const RING_BYTES: u64 = 64 << 20;

impl RawGroups {
    /// Groups of so many records on a file of 64 MiB that was written before.
    ///
    /// # Errors
    /// Those of the file.
    pub fn new(path: &Path, payload: &[u8], records: usize) -> Result<RawGroups> {
        let mut raw = Raw::group(path, payload, records, true, "")?;
        let slots = (RING_BYTES / raw.block.len() as u64).max(1);
        raw.prepare(slots)?;
        Ok(RawGroups { file: raw.file, group: raw.block, slots, next: 0 })
    }

    /// Writes and syncs one group.
    ///
    /// # Errors
    /// Those of the file.
    pub fn append(&mut self) -> Result<()> {
        self.file.write_all_at(&self.group, self.next % self.slots * self.group.len() as u64)?;
        self.next += 1;
        Ok(self.file.sync_data()?)
    }

    /// Groups so far.
    #[must_use]
    pub fn groups(&self) -> u64 {
        self.next
    }
}
