//! The rows of a footer, as they stand in the file (format.md 8.6).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::id::{Epoch, Sequence, StreamId};
use crate::journal::index::Conflict;
use crate::sealed::block_header::BlockHeader;
use crate::sealed::id::{SealedId, ValueHash};
use crate::sealed::manifest::JournalBase;

/// A stream of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// The stream.
    pub stream: StreamId,
    /// The journal that its last record here came from.
    pub last_journal: u8,
    /// One past its last ordinal here.
    pub next_ordinal: u64,
    /// The highest lease epoch of its records here.
    pub lease_epoch_max: u64,
    /// Length of its payloads here, values put in.
    pub payload_bytes: u64,
    pub(crate) first_extent: u32,
    /// How many runs of records it has here.
    pub extent_count: u32,
}

/// A run of a stream's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtentRow {
    /// Ordinal of the first record.
    pub first_ordinal: u64,
    /// How many records.
    pub count: u32,
    /// The block they stand in.
    pub block: u32,
    /// Which of the block's extents they are.
    pub index: u16,
    /// The journal they came from.
    pub journal: u8,
}

impl ExtentRow {
    /// One past the last ordinal.
    #[must_use]
    pub fn end_ordinal(&self) -> u64 {
        self.first_ordinal.saturating_add(self.count.into())
    }
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// Where its header begins.
    pub offset: u64,
    /// Its header.
    pub header: BlockHeader,
}

/// A value that stands in this segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRow {
    /// Its name.
    pub hash: ValueHash,
    /// The block it stands in.
    pub block: u32,
    /// Where in the block's raw bytes.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
    /// Whether records of this segment use it. (Others may too: see their lists.)
    pub used_here: bool,
}

/// What a segment was made of: enough to find out which files live when MANIFEST is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It holds what this journal had up to here, as far as other segments do not. A segment that replaces others repeats
    /// the furthest of theirs for each journal.
    Journal(JournalBase),
    /// It replaces this segment.
    Sealed(SealedId),
    /// It is one of several that came of one edit, and what they say of journals and segments holds only if all are there.
    Part {
        /// The edit: a random number.
        edit: u64,
        /// Which of them, from 0.
        index: u32,
        /// How many there are; 0 in all but the last.
        count: u32,
    },
}

/// In a file.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct StreamRowBytes {
    thread: [u8; 16],
    incarnation: U64,
    channel: u8,
    last_journal: u8,
    zero: [u8; 6],
    next_ordinal: U64,
    lease_epoch_max: U64,
    payload_bytes: U64,
    first_extent: U32,
    extent_count: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct ExtentRowBytes {
    first_ordinal: U64,
    count: U32,
    block: U32,
    index: zerocopy::little_endian::U16,
    journal: u8,
    zero: [u8; 5],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct BlockRowBytes {
    offset: U64,
    kind: u8,
    codec: u8,
    zero: [u8; 2],
    dictionary: U32,
    compressed_bytes: U32,
    raw_bytes: U32,
    checksum: U32,
    zero_too: [u8; 4],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct ValueRowBytes {
    pub hash: [u8; 16],
    block: U32,
    offset: U32,
    bytes: U32,
    flags: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct ConflictRowBytes {
    thread: [u8; 16],
    incarnation: U64,
    channel: u8,
    zero: [u8; 7],
    ordinal: U64,
    lost_lease_epoch: U64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct InputRowBytes {
    kind: U32,
    /// Journal, or index of the part.
    small: U32,
    /// Epoch, number, or edit.
    first: U64,
    /// Upto, or salt.
    second: U64,
    /// Segments_upto.
    third: U64,
    chain: U32,
    /// How many parts, or chain_records.
    count: U32,
    zero: [u8; 8],
}

const _: () = assert!(size_of::<StreamRowBytes>() == 64);
const _: () = assert!(size_of::<ExtentRowBytes>() == 24);
const _: () = assert!(size_of::<BlockRowBytes>() == 32);
const _: () = assert!(size_of::<ValueRowBytes>() == 32);
const _: () = assert!(size_of::<ConflictRowBytes>() == 48);
const _: () = assert!(size_of::<InputRowBytes>() == 48);

impl StreamRowBytes {
    pub fn stream(&self) -> StreamId {
        StreamId { thread: self.thread, incarnation: self.incarnation.get(), channel: self.channel }
    }

    pub fn row(&self) -> StreamRow {
        StreamRow {
            stream: self.stream(),
            last_journal: self.last_journal,
            next_ordinal: self.next_ordinal.get(),
            lease_epoch_max: self.lease_epoch_max.get(),
            payload_bytes: self.payload_bytes.get(),
            first_extent: self.first_extent.get(),
            extent_count: self.extent_count.get(),
        }
    }

    pub fn of(row: &StreamRow) -> StreamRowBytes {
        StreamRowBytes {
            thread: row.stream.thread,
            incarnation: row.stream.incarnation.into(),
            channel: row.stream.channel,
            last_journal: row.last_journal,
            zero: [0; 6],
            next_ordinal: row.next_ordinal.into(),
            lease_epoch_max: row.lease_epoch_max.into(),
            payload_bytes: row.payload_bytes.into(),
            first_extent: row.first_extent.into(),
            extent_count: row.extent_count.into(),
        }
    }
}

impl ExtentRowBytes {
    pub fn row(&self) -> ExtentRow {
        ExtentRow {
            first_ordinal: self.first_ordinal.get(),
            count: self.count.get(),
            block: self.block.get(),
            index: self.index.get(),
            journal: self.journal,
        }
    }

    pub fn of(row: &ExtentRow) -> ExtentRowBytes {
        ExtentRowBytes {
            first_ordinal: row.first_ordinal.into(),
            count: row.count.into(),
            block: row.block.into(),
            index: row.index.into(),
            journal: row.journal,
            zero: [0; 5],
        }
    }
}

impl BlockRowBytes {
    /// `None` if there can be no such block.
    pub fn row(&self) -> Option<BlockRow> {
        let numbers = [self.dictionary, self.compressed_bytes, self.raw_bytes, self.checksum].map(U32::get);
        let header = BlockHeader::from_numbers(self.kind, self.codec, numbers)?;
        Some(BlockRow { offset: self.offset.get(), header })
    }

    pub fn of(row: &BlockRow) -> BlockRowBytes {
        BlockRowBytes {
            offset: row.offset.into(),
            kind: row.header.kind_number(),
            codec: row.header.codec_number(),
            zero: [0; 2],
            dictionary: row.header.dictionary_number().into(),
            compressed_bytes: row.header.compressed_bytes.into(),
            raw_bytes: row.header.raw_bytes.into(),
            checksum: row.header.checksum.into(),
            zero_too: [0; 4],
        }
    }
}

impl ValueRowBytes {
    pub fn row(&self) -> ValueRow {
        ValueRow {
            hash: ValueHash(self.hash),
            block: self.block.get(),
            offset: self.offset.get(),
            bytes: self.bytes.get(),
            used_here: self.flags.get() & 1 != 0,
        }
    }

    pub fn of(row: &ValueRow) -> ValueRowBytes {
        ValueRowBytes {
            hash: row.hash.0,
            block: row.block.into(),
            offset: row.offset.into(),
            bytes: row.bytes.into(),
            flags: u32::from(row.used_here).into(),
        }
    }
}

impl ConflictRowBytes {
    pub fn row(&self) -> Conflict {
        Conflict {
            stream: StreamId { thread: self.thread, incarnation: self.incarnation.get(), channel: self.channel },
            ordinal: self.ordinal.get(),
            lost_lease_epoch: self.lost_lease_epoch.get(),
        }
    }

    pub fn of(row: &Conflict) -> ConflictRowBytes {
        ConflictRowBytes {
            thread: row.stream.thread,
            incarnation: row.stream.incarnation.into(),
            channel: row.stream.channel,
            zero: [0; 7],
            ordinal: row.ordinal.into(),
            lost_lease_epoch: row.lost_lease_epoch.into(),
        }
    }
}

impl InputRowBytes {
    /// `None` if it is of a kind that is not known.
    pub fn row(&self) -> Option<Input> {
        let (first, second) = (self.first.get(), self.second.get());
        match self.kind.get() {
            0 => Some(Input::Journal(JournalBase {
                journal: self.small.get(),
                epoch: Epoch(first),
                upto: Sequence(second),
                chain: self.chain.get(),
                chain_records: self.count.get(),
                segments_upto: self.third.get(),
            })),
            1 => Some(Input::Sealed(SealedId { number: first, salt: second })),
            2 => Some(Input::Part { edit: first, index: self.small.get(), count: self.count.get() }),
            _ => None,
        }
    }

    pub fn of(row: &Input) -> InputRowBytes {
        let (kind, small, words, chain, count) = match *row {
            Input::Journal(base) => {
                let words = [base.epoch.0, base.upto.0, base.segments_upto];
                (0, base.journal, words, base.chain, base.chain_records)
            }
            Input::Sealed(id) => (1, 0, [id.number, id.salt, 0], 0, 0),
            Input::Part { edit, index, count } => (2, index, [edit, 0, 0], 0, count),
        };
        let [first, second, third] = words.map(U64::new);
        InputRowBytes {
            kind: U32::new(kind),
            small: small.into(),
            first,
            second,
            third,
            chain: chain.into(),
            count: count.into(),
            zero: [0; 8],
        }
    }
}
