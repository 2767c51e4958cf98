//! Reading frames of one segment with read-ahead: sequential reads cost one system call for many records.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{File, Fs, OpenMode, read_at_most};
use crate::journal::index::SegmentPlace;
use crate::number::{narrow, wide};

/// Read-ahead begins here and doubles while reads go forward, in bytes.
const AHEAD_MIN: usize = 4 << 10;
/// The most that is read ahead, in bytes.
const AHEAD_MAX: usize = 256 << 10;

/// A piece of a segment in memory.
pub(crate) struct Window {
    segment: Option<(Arc<SegmentPlace>, Arc<dyn File>)>,
    start: u64,
    bytes: Vec<u8>,
    ahead: usize,
}

impl Window {
    pub fn new() -> Window {
        Window { segment: None, start: 0, bytes: Vec::new(), ahead: AHEAD_MIN }
    }

    /// Makes `segment` the one that [`Window::get`] reads.
    pub fn enter(&mut self, fs: &dyn Fs, place: &Arc<SegmentPlace>) -> Result<()> {
        if self.segment.as_ref().is_some_and(|(current, _)| Arc::ptr_eq(current, place)) {
            return Ok(());
        }
        let file = fs.open(&place.path, OpenMode::Read).map_err(|error| Error::io("open", &place.path, error))?;
        self.segment = Some((Arc::clone(place), file));
        self.bytes.clear();
        self.ahead = AHEAD_MIN;
        Ok(())
    }

    /// The path of the segment being read.
    pub fn path(&self) -> std::path::PathBuf {
        self.segment.as_ref().map(|(place, _)| place.path.clone()).unwrap_or_default()
    }

    /// Bytes at `offset`; fewer than `length` if the file ends before.
    pub fn get(&mut self, offset: u64, length: usize) -> Result<&[u8]> {
        let inside = offset.checked_sub(self.start).and_then(|at| narrow(at).ok());
        let held = inside.filter(|at| at.saturating_add(length) <= self.bytes.len());
        let at = match held {
            Some(at) => at,
            None => {
                self.fill(offset, length)?;
                0
            }
        };
        let end = at.saturating_add(length).min(self.bytes.len());
        Ok(self.bytes.get(at..end).unwrap_or_default())
    }

    fn fill(&mut self, offset: u64, length: usize) -> Result<()> {
        let Some((place, file)) = self.segment.as_ref() else { return Err(Error::Closed) };
        let end = self.start.saturating_add(wide(self.bytes.len()));
        let forward = !self.bytes.is_empty() && offset >= self.start && offset <= end.saturating_add(wide(AHEAD_MAX));
        self.ahead = if forward { self.ahead.saturating_mul(2).min(AHEAD_MAX) } else { AHEAD_MIN };
        // Never ask for more memory than the file can fill, whatever a length field said.
        let rest = file.len().map_err(|error| Error::io("measure", &place.path, error))?.saturating_sub(offset);
        let wanted = length.max(self.ahead).min(narrow(rest).unwrap_or(usize::MAX));
        self.bytes.resize(wanted, 0);
        self.start = offset;
        let read =
            read_at_most(&**file, &mut self.bytes, offset).map_err(|error| Error::io("read", &place.path, error));
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        read.map(|_| ())
    }
}
