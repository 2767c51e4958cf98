//! What a caller appends: records encoded and checksummed outside any lock.

use crate::error::{Error, Result};
use crate::format::frame::{self, FRAME_HEADER_BYTES, FrameHeader};
use crate::format::large::LARGE_REFERENCE_BYTES;
use crate::id::StreamId;
use crate::number::wide;

/// Greatest total of frames in one batch, headers included: 1 MiB. A batch never spans groups.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Greatest payload of one record: 1 GiB. What does not fit a batch gets a file of its own.
pub const RECORD_BYTES_MAX: u64 = 1 << 30;

/// A record to append.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// The stream it goes to.
    pub stream: StreamId,
    /// The ordinal the caller expects it to get; `None` takes the stream's next one.
    pub ordinal: Option<u64>,
    /// The lease epoch under which the caller writes; never below the stream's highest.
    pub lease_epoch: u64,
    /// Hybrid logical clock: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16.
    pub clock: u64,
    /// How the payload is encoded; the engine passes it through.
    pub codec: u8,
    /// The bytes.
    pub payload: &'a [u8],
}

/// One frame of a batch, as the append path needs to see it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub header: FrameHeader,
    /// Of the header as it stands in [`Batch::frames`].
    pub header_checksum: u32,
    pub expected: Option<u64>,
    /// Where the frame starts in [`Batch::frames`].
    pub start: usize,
    /// The payload, if it goes to a file of its own; the frame then holds room for the reference.
    pub large: Option<Vec<u8>>,
}

/// Records that become durable together or not at all.
///
/// At most [`BATCH_BYTES_MAX`] bytes of frames (64 bytes each plus the payload; 96 for a record in a
/// file of its own).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) frames: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
}

impl Entry {
    /// The head of its stream behind it: next ordinal and lease epoch.
    pub(crate) fn head_behind(&self) -> (u64, u64) {
        (self.header.ordinal.saturating_add(1), self.header.lease_epoch)
    }
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a record; the payload is copied and checksummed here.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the batch would pass [`BATCH_BYTES_MAX`] or the payload passes
    /// [`RECORD_BYTES_MAX`]; the batch is unchanged then.
    pub fn push(&mut self, record: NewRecord<'_>) -> Result<()> {
        let payload_bytes = wide(record.payload.len());
        if payload_bytes > RECORD_BYTES_MAX {
            return Err(Error::TooLarge { what: "a record", bytes: payload_bytes, max: RECORD_BYTES_MAX });
        }
        let large = !fits_inline(record.payload.len());
        let room = if large { LARGE_REFERENCE_BYTES } else { record.payload.len() };
        let total = self.frames.len().saturating_add(FRAME_HEADER_BYTES).saturating_add(room);
        if total > BATCH_BYTES_MAX {
            return Err(Error::TooLarge { what: "a batch", bytes: wide(total), max: wide(BATCH_BYTES_MAX) });
        }
        let start = self.frames.len();
        let header = FrameHeader {
            // A reference gets its checksum when its file is written.
            payload_checksum: if large { 0 } else { frame::checksum(record.payload) },
            payload_bytes: u32::try_from(room).unwrap_or(u32::MAX),
            stream: record.stream,
            ordinal: record.ordinal.unwrap_or(0),
            lease_epoch: record.lease_epoch,
            clock: record.clock,
            large,
            codec: record.codec,
        };
        self.frames.extend_from_slice(&header.encode());
        if large {
            self.frames.resize(total, 0);
        } else {
            self.frames.extend_from_slice(record.payload);
        }
        let large = large.then(|| record.payload.to_vec());
        let header_checksum = header.checksum();
        self.entries.push(Entry { header, header_checksum, expected: record.ordinal, start, large });
        Ok(())
    }

    /// Whether a record of this many payload bytes still fits.
    #[must_use]
    pub fn fits(&self, payload_bytes: usize) -> bool {
        let room = if fits_inline(payload_bytes) { payload_bytes } else { LARGE_REFERENCE_BYTES };
        self.frames.len().saturating_add(FRAME_HEADER_BYTES).saturating_add(room) <= BATCH_BYTES_MAX
    }

    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of frames so far, headers included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frames.len()
    }

    /// Whether a record needs a file of its own: appending then writes and syncs that file first.
    #[must_use]
    pub fn has_large(&self) -> bool {
        self.entries.iter().any(|entry| entry.large.is_some())
    }

    /// Writes an entry's header over the frame, after its ordinal or checksum became known.
    pub(crate) fn refresh(&mut self, index: usize) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        entry.header_checksum = entry.header.checksum();
        let end = entry.start.saturating_add(FRAME_HEADER_BYTES);
        if let Some(room) = self.frames.get_mut(entry.start..end) {
            room.copy_from_slice(&entry.header.encode());
        }
    }
}

/// Whether a payload can stand in a frame: alone in a batch at least.
fn fits_inline(payload_bytes: usize) -> bool {
    payload_bytes <= BATCH_BYTES_MAX.saturating_sub(FRAME_HEADER_BYTES)
}
