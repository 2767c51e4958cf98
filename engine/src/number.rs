//! Conversions between widths, without casts that could lose bits.

use std::io;

/// `usize` as `u64`: never loses bits on the platforms Rust supports.
#[must_use]
pub fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// `u64` as `usize`; an error on machines whose memory cannot hold so much.
pub fn narrow(value: u64) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))
}

/// The least multiple of `unit` (a power of two) that is not below `value`.
#[must_use]
pub fn round_up(value: u64, unit: u64) -> u64 {
    let mask = unit.saturating_sub(1);
    value.saturating_add(mask) & !mask
}

/// `u32` as `usize`; where memory cannot hold so much, more than anything that is there.
#[must_use]
pub fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A length as `u32`, saturating: only for what was checked to fit.
#[must_use]
pub fn short(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
