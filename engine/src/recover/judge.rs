//! Torn or rotten: what a power cut can leave, and what it cannot (format.md 3.4).
//!
//! A sector is on disk as it was written or as it was before, and before it was zero. So wrong bytes
//! with an all-zero sector among them may be an unfinished write; wrong bytes without one cannot.

use crate::format::is_zero;

/// Bytes that every disk writes as one.
pub const SECTOR_BYTES: usize = 512;

/// Whether the bytes from `start` up to `end` (in the file) look like an unfinished write: one of the
/// sectors they touch is all zero, or the file ends before they do.
///
/// Sectors are judged whole, neighbours' bytes included: a tear takes no part of a sector.
#[must_use]
pub fn torn_looking(file: &[u8], start: usize, end: usize) -> bool {
    if end > file.len() {
        return true;
    }
    let (first, last) = (start / SECTOR_BYTES, end.div_ceil(SECTOR_BYTES));
    let from = first.saturating_mul(SECTOR_BYTES);
    let touched = file.get(from..last.saturating_mul(SECTOR_BYTES).min(file.len())).unwrap_or_default();
    start < end && touched.chunks(SECTOR_BYTES).any(is_zero)
}
