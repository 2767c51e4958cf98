//! The bytes of every file of a store, as fixed-width structures: see `docs/format.md`, which this
//! module follows offset by offset. Pure: nothing here touches a file.
//!
//! Each structure has a private twin ending in `Bytes` that is laid out exactly as on disk, with its
//! size locked at compile time, and a public form with meaningful types.

pub mod frame;
pub mod group;
pub mod large;
pub mod mark;
pub mod segment;
pub mod store_file;

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

/// Why the fixed header of a file was not believed.
///
/// Checked in this order: presence, checksum, magic, version, fields. A flipped bit in the version is
/// therefore told as rot and never as "written by a newer program".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The file ends before its header does, or the header is all zero: it was never written.
    #[error("the header was never written")]
    Absent,
    /// The header was written and is wrong now; the text names what is wrong.
    #[error("damaged header: {0}")]
    Rotten(&'static str),
    /// Sound, but of a version that this program does not know.
    #[error("format version {0}, this program reads version {VERSION}")]
    Version(u32),
    /// Sound, but with incompatible feature flags that this program does not know (these bits).
    #[error("unknown incompatible feature flags {0:#010x}")]
    Incompatible(u32),
}

/// The version written into, and accepted in, every versioned header.
pub const VERSION: u32 = 1;

/// Whether every byte is zero. Runs at memory speed.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    // Chunks of 64 let the compiler use wide registers, and still end early on data.
    let (chunks, rest) = bytes.as_chunks::<64>();
    chunks.iter().all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0) && rest.iter().all(|byte| *byte == 0)
}

/// The part of a header that its checksum covers: all but the last four bytes.
pub(crate) fn covered(header: &[u8]) -> &[u8] {
    header.get(..header.len().saturating_sub(4)).unwrap_or_default()
}

/// Takes the first `N` bytes of a file's header; absent if there are fewer or all are zero.
pub(crate) fn take<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], HeaderFault> {
    let header = bytes.first_chunk::<N>().ok_or(HeaderFault::Absent)?;
    if is_zero(header) { Err(HeaderFault::Absent) } else { Ok(header) }
}

/// The three checks that every file header shares, in their order.
pub(crate) fn check(sound: bool, magic: bool, version: u32) -> Result<(), HeaderFault> {
    if !sound {
        return Err(HeaderFault::Rotten("its checksum does not match"));
    }
    if !magic {
        return Err(HeaderFault::Rotten("its magic number is another file's"));
    }
    if version != VERSION {
        return Err(HeaderFault::Version(version));
    }
    Ok(())
}
