//! The header of a commit group: what one sync makes durable (format.md 3.2).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::format::frame::FRAME_HEADER_BYTES;
use crate::id::{Epoch, Sequence};
use crate::number::wide;
use crate::seeded::{Bug, bug};

/// Length of a group's header, in bytes.
pub const GROUP_HEADER_BYTES: usize = 64;

/// Greatest length of all frames of one group, in bytes.
pub const BODY_BYTES_MAX: u32 = 64 << 20;

const MAGIC: [u8; 4] = *b"TLGR";

/// What stands before the frames of a group. A group without frames is a *witness*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    /// Length of all frames, in bytes.
    pub body_bytes: u32,
    /// How many frames follow.
    pub frame_count: u32,
    /// The epoch that wrote it.
    pub epoch: Epoch,
    /// Sequence of the first frame; in a witness the sequence that the next frame will get.
    pub first_sequence: Sequence,
    /// Every record up to here was durable before this group was written.
    pub durable_upto: Sequence,
    /// Checksum of the group before; of an epoch's first group, the epoch's `start_checksum`.
    pub previous_checksum: u32,
    /// Checksum of all frame headers, one after another.
    pub frames_checksum: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct GroupHeaderBytes {
    magic: [u8; 4],
    checksum: U32,
    body_bytes: U32,
    frame_count: U32,
    epoch: U64,
    first_sequence: U64,
    durable_upto: U64,
    previous_checksum: U32,
    frames_checksum: U32,
    zero: [u8; 16],
}

const _: () = assert!(size_of::<GroupHeaderBytes>() == GROUP_HEADER_BYTES);

impl GroupHeader {
    /// The header's bytes for a group at `offset` (in bytes) of the segment with this salt, and its
    /// checksum, which the next group names as its `previous_checksum`.
    #[must_use]
    pub fn encode(&self, salt: u64, offset: u64) -> ([u8; GROUP_HEADER_BYTES], u32) {
        let mut raw = GroupHeaderBytes {
            magic: MAGIC,
            checksum: U32::ZERO,
            body_bytes: self.body_bytes.into(),
            frame_count: self.frame_count.into(),
            epoch: self.epoch.0.into(),
            first_sequence: self.first_sequence.0.into(),
            durable_upto: self.durable_upto.0.into(),
            previous_checksum: self.previous_checksum.into(),
            frames_checksum: self.frames_checksum.into(),
            zero: [0; 16],
        };
        let checksum = seal(raw.as_bytes(), salt, offset);
        raw.checksum = checksum.into();
        (transmute!(raw), checksum)
    }

    /// Reads the header at the start of `bytes`, which stand at `offset` of the segment with this
    /// salt, with its checksum. `None` unless magic, checksum and lengths are sound: these bytes are
    /// no group header of this place, whatever else they may be.
    #[must_use]
    pub fn decode(bytes: &[u8], salt: u64, offset: u64) -> Option<(GroupHeader, u32)> {
        let bytes = bytes.first_chunk::<GROUP_HEADER_BYTES>()?;
        // The magic first: it spares the resync scan a checksum at nearly every block.
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        let raw: GroupHeaderBytes = transmute!(*bytes);
        let checksum = raw.checksum.get();
        let header = GroupHeader {
            body_bytes: raw.body_bytes.get(),
            frame_count: raw.frame_count.get(),
            epoch: Epoch(raw.epoch.get()),
            first_sequence: Sequence(raw.first_sequence.get()),
            durable_upto: Sequence(raw.durable_upto.get()),
            previous_checksum: raw.previous_checksum.get(),
            frames_checksum: raw.frames_checksum.get(),
        };
        (checksum == seal(bytes, salt, offset) && header.is_possible()).then_some((header, checksum))
    }

    /// The sequence after this group's last frame.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.first_sequence.plus(u64::from(self.frame_count))
    }

    /// Bytes from the group's start to the end of its last frame (padding not counted).
    #[must_use]
    pub fn bytes(&self) -> u64 {
        wide(GROUP_HEADER_BYTES).saturating_add(u64::from(self.body_bytes))
    }

    fn is_possible(&self) -> bool {
        let headers = u64::from(self.frame_count).saturating_mul(wide(FRAME_HEADER_BYTES));
        self.body_bytes <= BODY_BYTES_MAX
            && headers <= u64::from(self.body_bytes)
            && self.first_sequence.0 > 0
            && self.first_sequence.0.checked_add(u64::from(self.frame_count)).is_some()
    }
}

/// The checksum of a header: over the segment's salt, the group's offset, and the header behind its
/// magic and the checksum itself. So a header is valid in one place of one file only.
fn seal(header: &[u8], salt: u64, offset: u64) -> u32 {
    let salt = if bug(Bug::NoSaltInChecksum) { 0 } else { salt };
    let offset = if bug(Bug::NoOffsetInChecksum) { 0 } else { offset };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(header.get(8..).unwrap_or_default());
    hasher.finalize()
}
