//! A file of pages that each have a checksum: mapped, and verified where it is looked at.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use threadlog_engine::fs::{File, MappedBytes, read_exact_at};
use threadlog_engine::number::wide;
use threadlog_engine::seeded::{Bug, bug};
use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use super::checkpoint::Damaged;

/// So much has one checksum.
pub(super) const PAGE_BYTES: usize = 16 << 10;

/// A page's checksum: of the file's salt, its number and its bytes.
pub(super) fn page_checksum(salt: u64, at: u64, page: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&at.to_le_bytes());
    hasher.update(page);
    hasher.finalize()
}

/// A file's bytes as they are, none of them verified.
pub(super) struct Source {
    bytes: MappedBytes,
    /// What is looked at is read from here first: see [`File::map_unread`]. `None` of bytes in memory.
    file: Option<Arc<dyn File>>,
}

impl Source {
    /// Maps a file; nothing of it is read.
    pub fn of_file(file: Arc<dyn File>, bytes: u64) -> Result<Source, Damaged> {
        let bytes = file.map_unread(0, bytes).map_err(unread)?;
        Ok(Source { bytes, file: Some(file) })
    }

    /// Bytes in memory.
    pub fn of_bytes(bytes: MappedBytes) -> Source {
        Source { bytes, file: None }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        (*self.bytes).as_ref().len()
    }

    /// A range, once it was read: what cannot be read must not be looked at in a mapping.
    pub fn get(&self, range: Range<usize>) -> Result<&[u8], Damaged> {
        let found = self.seen(range.clone()).ok_or(Damaged::Length)?;
        if let Some(file) = &self.file {
            let mut buffer = vec![0; range.len().min(PAGE_BYTES)];
            for from in range.clone().step_by(PAGE_BYTES) {
                let room = buffer.get_mut(..range.end.saturating_sub(from).min(PAGE_BYTES)).unwrap_or_default();
                read_exact_at(&**file, room, wide(from)).map_err(unread)?;
            }
        }
        Ok(found)
    }

    /// A range that was read before.
    fn seen(&self, range: Range<usize>) -> Option<&[u8]> {
        (*self.bytes).as_ref().get(range)
    }
}

fn unread(error: io::Error) -> Damaged {
    Damaged::Unread(error.to_string())
}

/// The pages behind a table of their checksums.
pub(super) struct Pages {
    source: Source,
    salt: u64,
    table: Range<usize>,
    body: Range<usize>,
    verified: Vec<AtomicBool>,
}

impl Pages {
    /// Those of a file whose table begins at `at` and has this checksum; the pages fill the rest, `bytes`.
    pub fn open(source: Source, at: usize, bytes: usize, checksum: u32, salt: u64) -> Result<Pages, Damaged> {
        let count = bytes.div_ceil(PAGE_BYTES);
        let from = count.checked_mul(4).and_then(|bytes| bytes.checked_add(at)).ok_or(Damaged::Length)?;
        let body = from..from.checked_add(bytes).ok_or(Damaged::Length)?;
        if source.len() != body.end {
            return Err(Damaged::Length);
        }
        let table = at..from;
        if crc32fast::hash(source.get(table.clone())?) != checksum {
            return Err(Damaged::Checksum("table of checksums"));
        }
        let verified = std::iter::repeat_with(|| AtomicBool::new(false)).take(count).collect();
        Ok(Pages { source, salt, table, body, verified })
    }

    /// Bytes of the body, verified. *Cost:* reads and verifies the pages that nobody has looked at.
    pub fn get(&self, range: Range<usize>) -> Result<&[u8], Damaged> {
        if !range.is_empty() {
            for page in range.start / PAGE_BYTES..=range.end.saturating_sub(1) / PAGE_BYTES {
                self.verify(page)?;
            }
        }
        let at = |offset: usize| self.body.start.checked_add(offset).filter(|at| *at <= self.body.end);
        let (from, to) = (at(range.start).ok_or(Damaged::Length)?, at(range.end).ok_or(Damaged::Length)?);
        self.source.seen(from..to).ok_or(Damaged::Length)
    }

    /// Verifies every page.
    pub fn verify_all(&self) -> Result<(), Damaged> {
        self.get(0..self.body.len()).map(drop)
    }

    fn verify(&self, page: usize) -> Result<(), Damaged> {
        let Some(done) = self.verified.get(page) else { return Err(Damaged::Length) };
        if done.load(Ordering::Relaxed) || bug(Bug::CatalogNotVerified) {
            return Ok(());
        }
        let from = self.body.start.saturating_add(page.saturating_mul(PAGE_BYTES));
        let bytes = self.source.get(from..self.body.end.min(from.saturating_add(PAGE_BYTES)))?;
        let table = self.source.seen(self.table.clone()).unwrap_or_default();
        let wanted = <[U32]>::ref_from_bytes(table).ok().and_then(|table| table.get(page)).copied();
        if wanted.map(U32::get) != Some(page_checksum(self.salt, wide(page), bytes)) {
            return Err(Damaged::Checksum("page"));
        }
        done.store(true, Ordering::Relaxed);
        Ok(())
    }
}
