//! A frame: one record, as a header of 64 bytes and its payload (format.md 3.3).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::id::StreamId;

/// Length of a frame's header, in bytes.
pub const FRAME_HEADER_BYTES: usize = 64;

const FLAG_LARGE: u8 = 1;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// [`checksum`] of the payload.
    pub payload_checksum: u32,
    /// Length of the payload, in bytes.
    pub payload_bytes: u32,
    /// The stream that the record belongs to.
    pub stream: StreamId,
    /// Position in the stream, from 0.
    pub ordinal: u64,
    /// Lease epoch of the stream's writer.
    pub lease_epoch: u64,
    /// Hybrid logical clock: milliseconds since 1970 (UTC) in the upper 48 bits, a counter below.
    pub clock: u64,
    /// Whether the payload is a [`LargeReference`](crate::format::large::LargeReference) to a file of its own.
    pub large: bool,
    /// How the payload is encoded; the engine passes it through.
    pub codec: u8,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct FrameHeaderBytes {
    payload_checksum: U32,
    payload_bytes: U32,
    thread: [u8; 16],
    incarnation: U64,
    ordinal: U64,
    lease_epoch: U64,
    clock: U64,
    channel: u8,
    flags: u8,
    codec: u8,
    zero: [u8; 5],
}

const _: () = assert!(size_of::<FrameHeaderBytes>() == FRAME_HEADER_BYTES);

/// The checksum of a payload, as its frame header and its large file hold it.
#[must_use]
pub fn checksum(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}

impl FrameHeader {
    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        transmute!(FrameHeaderBytes {
            payload_checksum: self.payload_checksum.into(),
            payload_bytes: self.payload_bytes.into(),
            thread: self.stream.thread,
            incarnation: self.stream.incarnation.into(),
            ordinal: self.ordinal.into(),
            lease_epoch: self.lease_epoch.into(),
            clock: self.clock.into(),
            channel: self.stream.channel,
            flags: if self.large { FLAG_LARGE } else { 0 },
            codec: self.codec,
            zero: [0; 5],
        })
    }

    /// Checksum of the header's bytes, for whoever remembers a frame without its group.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        checksum(&self.encode())
    }

    /// Reads a header back. Any bytes give some header: what vouches for them is the group's
    /// `frames_checksum`, to be checked before.
    #[must_use]
    pub fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> FrameHeader {
        let raw: FrameHeaderBytes = transmute!(*bytes);
        FrameHeader {
            payload_checksum: raw.payload_checksum.get(),
            payload_bytes: raw.payload_bytes.get(),
            stream: StreamId { thread: raw.thread, incarnation: raw.incarnation.get(), channel: raw.channel },
            ordinal: raw.ordinal.get(),
            lease_epoch: raw.lease_epoch.get(),
            clock: raw.clock.get(),
            large: raw.flags & FLAG_LARGE != 0,
            codec: raw.codec,
        }
    }
}
