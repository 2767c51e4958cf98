//! The header block of a hot segment (format.md 3.1).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

pub use crate::format::HeaderFault;
use crate::format::{VERSION, check, covered, take};
use crate::id::{Epoch, SegmentId, Sequence};
use crate::number::narrow;

/// Length of the header proper, in bytes; the rest of its block is zero.
pub const SEGMENT_HEADER_BYTES: usize = 112;

/// Least distance between two groups, in bytes; what is assumed when a header is damaged.
pub const BLOCK_BYTES_MIN: u32 = 4096;

/// Greatest distance between two groups, in bytes.
pub const BLOCK_BYTES_MAX: u32 = 1 << 20;

/// The first bytes of every segment file.
pub const SEGMENT_MAGIC: [u8; 8] = *b"tlogseg1";
const FLAG_EPOCH_START: u32 = 1;
const FLAG_PREPARED: u32 = 2;

/// What the first segment of an epoch says about the log before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The first sequence that this epoch writes.
    pub start_sequence: Sequence,
    /// Last sequence of the tail that this epoch copied from the one before, which counts only once
    /// that copy is witnessed; 0 if nothing was copied.
    pub recovered_upto: Sequence,
    /// Checksum of the last group before this epoch; 0 if there is none.
    pub start_checksum: u32,
}

/// The header of a hot segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Number and salt, as in the file's name.
    pub id: SegmentId,
    /// The epoch that made the file; all its groups are of this epoch.
    pub epoch: Epoch,
    /// Groups start on multiples of this: a power of two from 4 096 to 1 048 576, in bytes.
    pub block_bytes: u32,
    /// The store's id.
    pub store: [u8; 16],
    /// The journal's number.
    pub journal: u32,
    /// Present in the first segment of an epoch.
    pub epoch_start: Option<EpochStart>,
    /// Length to which the file was zero-filled before use, in bytes; 0 for a growing file.
    pub prepared_bytes: u64,
    /// When it was made, milliseconds since 1970 (UTC).
    pub created_ms: u64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct SegmentHeaderBytes {
    magic: [u8; 8],
    version: U32,
    block_bytes: U32,
    store: [u8; 16],
    journal: U32,
    flags: U32,
    number: U64,
    salt: U64,
    epoch: U64,
    start_sequence: U64,
    recovered_upto: U64,
    prepared_bytes: U64,
    created_ms: U64,
    start_checksum: U32,
    zero: [u8; 8],
    checksum: U32,
}

const _: () = assert!(size_of::<SegmentHeaderBytes>() == SEGMENT_HEADER_BYTES);

impl SegmentHeader {
    /// The whole first block: `block_bytes` bytes (never fewer than the header's 112).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let start = self.epoch_start;
        let epoch_start = if start.is_some() { FLAG_EPOCH_START } else { 0 };
        let prepared = if self.prepared_bytes > 0 { FLAG_PREPARED } else { 0 };
        let mut raw = SegmentHeaderBytes {
            magic: SEGMENT_MAGIC,
            version: VERSION.into(),
            block_bytes: self.block_bytes.into(),
            store: self.store,
            journal: self.journal.into(),
            flags: (epoch_start | prepared).into(),
            number: self.id.number.into(),
            salt: self.id.salt.into(),
            epoch: self.epoch.0.into(),
            start_sequence: start.map_or(0, |start| start.start_sequence.0).into(),
            recovered_upto: start.map_or(0, |start| start.recovered_upto.0).into(),
            prepared_bytes: self.prepared_bytes.into(),
            created_ms: self.created_ms.into(),
            start_checksum: start.map_or(0, |start| start.start_checksum).into(),
            zero: [0; 8],
            checksum: U32::ZERO,
        };
        raw.checksum = crc32fast::hash(covered(raw.as_bytes())).into();
        let mut block = raw.as_bytes().to_vec();
        block.resize(narrow(u64::from(self.block_bytes)).unwrap_or(0).max(SEGMENT_HEADER_BYTES), 0);
        block
    }

    /// Reads the header at the start of `bytes`, from the file of that name.
    ///
    /// # Errors
    /// What is wrong with it. Groups can be read all the same, under the name's salt.
    pub fn decode(bytes: &[u8], id: SegmentId) -> Result<SegmentHeader, HeaderFault> {
        let bytes = take::<SEGMENT_HEADER_BYTES>(bytes)?;
        let raw: SegmentHeaderBytes = transmute!(*bytes);
        let sound = raw.checksum.get() == crc32fast::hash(covered(bytes));
        check(sound, raw.magic == SEGMENT_MAGIC, raw.version.get())?;
        if (raw.number.get(), raw.salt.get()) != (id.number, id.salt) {
            return Err(HeaderFault::Rotten("it is the header of another segment than the file's name says"));
        }
        let block_bytes = raw.block_bytes.get();
        if !block_bytes.is_power_of_two() || !(BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(&block_bytes) {
            return Err(HeaderFault::Rotten("its block size is impossible"));
        }
        let start = EpochStart {
            start_sequence: Sequence(raw.start_sequence.get()),
            recovered_upto: Sequence(raw.recovered_upto.get()),
            start_checksum: raw.start_checksum.get(),
        };
        Ok(SegmentHeader {
            id,
            epoch: Epoch(raw.epoch.get()),
            block_bytes,
            store: raw.store,
            journal: raw.journal.get(),
            epoch_start: (raw.flags.get() & FLAG_EPOCH_START != 0).then_some(start),
            prepared_bytes: raw.prepared_bytes.get(),
            created_ms: raw.created_ms.get(),
        })
    }
}
