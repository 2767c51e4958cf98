//! Files as memory: a small page shared between processes, as atomic words, and ranges of files that do not change.
//!
//! The only file with `unsafe`. What makes the page sound:
//! - Nobody ever makes a `&[u8]` of the mapping: other processes change it. All access is through
//!   `AtomicU64`, one word at a time.
//! - A mapping is no longer than its file was when it was mapped, and never empty.
//!
//! What no check here can rule out: somebody cuts the file while it is mapped, or the disk fails to
//! read the page back after the kernel dropped it. The kernel answers the next access with SIGBUS,
//! which ends the process. Nothing in threadlog ever shortens a page; the page is read with an
//! ordinary read before it is mapped, so a bad sector known by then is an error; and the page is a
//! hint with a checksum, so whoever prefers may delete it while no process has the store open.
//! On copy-on-write file systems (btrfs, bcachefs) a store into a page that must be written anew
//! needs space, and on a disk with not one free block it ends in SIGBUS too.
//!
//! What makes a range sound, of which there *is* a `&[u8]`: it is of a file that was finished, synced and named before
//! anybody maps it, and nothing in threadlog writes to such a file or shortens it afterwards, in any process. Removing
//! its name does no harm: the mapping keeps the file. Against other programs that write into the store's files there is
//! no help; they do to this process what they would do to its memory. The range is read with ordinary reads before it
//! is mapped, so a bad sector known by then is an error; one that fails later, when the kernel reads a page back, is a
//! SIGBUS. That is why only the small tables at the ends of files are mapped, never the records themselves.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use memmap2::{Mmap, MmapOptions, MmapRaw};

use super::os::OsFile;
use super::{File, SharedPage};

/// Bytes of one word.
const WORD_BYTES: usize = size_of::<u64>();
/// Pages are mapped in units of this many bytes.
const PAGE_BYTES: u64 = 4096;
/// No page is larger; of a larger file only so much is mapped.
const PAGE_BYTES_MAX: u64 = 1 << 20;
/// A range is read in steps of this many bytes before it is mapped.
const READ_BYTES: usize = 1 << 17;

/// A mapped page. Words are little-endian in the file.
#[derive(Debug)]
pub(super) struct MappedPage {
    map: MmapRaw,
    writable: bool,
}

impl MappedPage {
    /// `InvalidInput` unless `bytes` is a multiple of 4 096, at least that and at most 1 MiB.
    pub(super) fn check_bytes(bytes: u64) -> io::Result<()> {
        if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) || bytes > PAGE_BYTES_MAX {
            let what = format!("a page of {bytes} bytes: it must be a multiple of 4096, at most 1 MiB");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        Ok(())
    }

    /// Maps the first `bytes` of a file opened for reading and writing; `UnexpectedEof` if the file
    /// is shorter.
    pub(super) fn map(file: &OsFile, bytes: u64) -> io::Result<MappedPage> {
        MappedPage::check_bytes(bytes)?;
        let length = read_through(file, bytes)?;
        Ok(MappedPage { map: MmapOptions::new().len(length).map_raw(&file.0)?, writable: true })
    }

    /// Maps a file opened for reading: its whole pages, up to 1 MiB. `UnexpectedEof` if it has not
    /// even one (it may be being made).
    pub(super) fn map_read_only(file: &OsFile) -> io::Result<MappedPage> {
        let bytes = file.len()?.min(PAGE_BYTES_MAX) & !(PAGE_BYTES - 1);
        let length = read_through(file, bytes.max(PAGE_BYTES))?;
        Ok(MappedPage { map: MmapOptions::new().len(length).map_raw_read_only(&file.0)?, writable: false })
    }

    /// The word at `index`, if there is one.
    fn word(&self, index: usize) -> Option<&AtomicU64> {
        if index >= self.words() {
            return None;
        }
        // SAFETY: `index` is below the number of whole words in the mapping, so the word lies inside
        // it; a mapping starts on a page boundary, so the word is aligned; the mapping lives as long
        // as `self`, and so does the reference; in this process the memory is only ever accessed
        // through `AtomicU64`, and what other processes do to it are atomic word accesses too.
        // On a read-only mapping only `load` below uses it, with a relaxed load.
        Some(unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().cast::<u64>().add(index)) })
    }
}

impl SharedPage for MappedPage {
    fn words(&self) -> usize {
        self.map.len() / WORD_BYTES
    }

    fn load(&self, index: usize) -> u64 {
        // A relaxed load and a fence, not an acquire load: only relaxed loads are guaranteed to work
        // on memory mapped for reading.
        let value = self.word(index).map_or(0, |word| word.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        u64::from_le(value)
    }

    fn store(&self, index: usize, value: u64) {
        if !self.writable {
            return;
        }
        if let Some(word) = self.word(index) {
            word.store(value.to_le(), Ordering::Release);
        }
    }

    fn sync(&self) -> io::Result<()> {
        if self.writable { self.map.flush() } else { Ok(()) }
    }
}

/// A range of a file that does not change, mapped for reading.
#[derive(Debug)]
pub(super) struct MappedRange(Option<Mmap>);

/// Why there is no mapping.
#[derive(Debug)]
pub(super) enum MapFault {
    /// The range cannot be read.
    Read(io::Error),
    /// It can be read, but not mapped.
    Map,
}

impl MappedRange {
    /// Maps `bytes` of a file from `offset` on.
    pub(super) fn map(file: &OsFile, offset: u64, bytes: u64) -> Result<MappedRange, MapFault> {
        let length = crate::number::narrow(bytes).map_err(MapFault::Read)?;
        let mut buffer = vec![0; length.min(READ_BYTES)];
        let mut done = 0;
        while done < bytes {
            let step = length.saturating_sub(crate::number::narrow(done).map_err(MapFault::Read)?).min(READ_BYTES);
            let room = buffer.get_mut(..step).unwrap_or_default();
            super::read_exact_at(file, room, offset.saturating_add(done)).map_err(MapFault::Read)?;
            done = done.saturating_add(crate::number::wide(step));
        }
        MappedRange::map_inside(file, offset, length)
    }

    /// As [`MappedRange::map`], without reading it: whoever looks at bytes has read them, see `File::map_unread`.
    pub(super) fn map_unread(file: &OsFile, offset: u64, bytes: u64) -> Result<MappedRange, MapFault> {
        let length = crate::number::narrow(bytes).map_err(MapFault::Read)?;
        let end = offset.checked_add(bytes).ok_or_else(|| MapFault::Read(io::ErrorKind::InvalidInput.into()))?;
        if file.len().map_err(MapFault::Read)? < end {
            return Err(MapFault::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        MappedRange::map_inside(file, offset, length)
    }

    /// Maps a range that lies inside a file.
    fn map_inside(file: &OsFile, offset: u64, length: usize) -> Result<MappedRange, MapFault> {
        if length == 0 {
            return Ok(MappedRange(None));
        }
        // SAFETY: the range lies inside the file; what of it is looked at was read before (all of it by `map`, by whoever looks
        // after `map_unread`); the file is one that nobody changes or shortens any more, which callers see to: see the head of
        // this file.
        let map = unsafe { MmapOptions::new().offset(offset).len(length).map(&file.0) };
        map.map(|map| MappedRange(Some(map))).map_err(|_| MapFault::Map)
    }
}

impl AsRef<[u8]> for MappedRange {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Reads the first `bytes` of a file and forgets them: what cannot be read now must not be mapped.
fn read_through(file: &OsFile, bytes: u64) -> io::Result<usize> {
    let length = crate::number::narrow(bytes)?;
    let mut buffer = vec![0; length];
    super::read_exact_at(file, &mut buffer, 0)?;
    Ok(length)
}

#[cfg(test)]
#[path = "mmap_tests.rs"]
mod tests;
