//! A segment's footer: what stands where in its blocks, as sorted rows that are read in place (format.md 8.6).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::format::{HeaderFault, VERSION, check, take};
use crate::fs::MappedBytes;
use crate::id::StreamId;
use crate::journal::index::Conflict;
use crate::number::size;
use crate::sealed::id::{SealedId, ValueHash};
use crate::sealed::manifest::Tier;
use crate::sealed::rows::{
    BlockRow, BlockRowBytes, ConflictRowBytes, ExtentRow, ExtentRowBytes, Input, InputRowBytes, StreamRow,
    StreamRowBytes, ValueRow, ValueRowBytes,
};

/// Length of a footer's header, in bytes; its rows follow.
pub const FOOTER_HEADER_BYTES: usize = 96;

const MAGIC: [u8; 8] = *b"tlogftr1";

/// What a footer says of its segment as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FooterSummary {
    /// The segment's name.
    pub id: SealedId,
    /// How its blocks were made.
    pub tier: Tier,
    /// Records in the segment.
    pub records: u64,
    /// Length of their payloads, values put in.
    pub payload_bytes: u64,
}

/// A footer whose length fits its rows. Whether they make sense is found out where they are used; every look-up is total.
pub struct Footer {
    bytes: MappedBytes,
    summary: FooterSummary,
    streams: Section,
    extents: Section,
    blocks: Section,
    values: Section,
    used: Section,
    conflicts: Section,
    inputs: Section,
    singles: Section,
}

/// Where rows of one kind stand in the footer.
#[derive(Clone, Copy)]
struct Section {
    from: usize,
    to: usize,
}

/// What a footer is made of. Streams, values, used hashes and singles are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FooterRows {
    pub streams: Vec<StreamRow>,
    pub extents: Vec<ExtentRow>,
    pub blocks: Vec<BlockRow>,
    pub values: Vec<ValueRow>,
    pub used: Vec<ValueHash>,
    pub conflicts: Vec<Conflict>,
    pub inputs: Vec<Input>,
    pub singles: Vec<u32>,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct FooterHeaderBytes {
    magic: [u8; 8],
    version: U32,
    tier: U32,
    streams: U32,
    extents: U32,
    blocks: U32,
    values: U32,
    used: U32,
    conflicts: U32,
    inputs: U32,
    singles: U32,
    records: U64,
    payload_bytes: U64,
    number: U64,
    salt: U64,
    zero: [u8; 16],
}

const _: () = assert!(size_of::<FooterHeaderBytes>() == FOOTER_HEADER_BYTES);

impl Footer {
    /// Reads a footer whose checksum was found to match. Checked in this order: presence, magic, version, the segment's
    /// name, the length against the numbers of rows.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: MappedBytes, id: SealedId) -> Result<Footer, HeaderFault> {
        let all = (*bytes).as_ref();
        let raw: FooterHeaderBytes = transmute!(*take::<FOOTER_HEADER_BYTES>(all)?);
        check(true, raw.magic == MAGIC, raw.version.get())?;
        if (SealedId { number: raw.number.get(), salt: raw.salt.get() }) != id {
            return Err(HeaderFault::Rotten("it is another segment's"));
        }
        let mut at = FOOTER_HEADER_BYTES;
        let mut section = |count: U32, width: usize| {
            let from = at;
            at = at.saturating_add(size(count.get()).saturating_mul(width));
            Section { from, to: at }
        };
        let streams = section(raw.streams, size_of::<StreamRowBytes>());
        let extents = section(raw.extents, size_of::<ExtentRowBytes>());
        let blocks = section(raw.blocks, size_of::<BlockRowBytes>());
        let values = section(raw.values, size_of::<ValueRowBytes>());
        let used = section(raw.used, size_of::<[u8; 16]>());
        let conflicts = section(raw.conflicts, size_of::<ConflictRowBytes>());
        let inputs = section(raw.inputs, size_of::<InputRowBytes>());
        let singles = section(raw.singles, size_of::<U32>());
        if at != all.len() {
            return Err(HeaderFault::Rotten("its length is not that of its rows"));
        }
        let summary = FooterSummary {
            id,
            tier: Tier::from_number(raw.tier.get()),
            records: raw.records.get(),
            payload_bytes: raw.payload_bytes.get(),
        };
        Ok(Footer { bytes, summary, streams, extents, blocks, values, used, conflicts, inputs, singles })
    }

    fn rows<T: FromBytes + Immutable + KnownLayout + Unaligned>(&self, section: Section) -> &[T] {
        let bytes = (*self.bytes).as_ref().get(section.from..section.to).unwrap_or_default();
        <[T]>::ref_from_bytes(bytes).unwrap_or_default()
    }

    /// What it says of the segment as a whole.
    #[must_use]
    pub fn summary(&self) -> &FooterSummary {
        &self.summary
    }

    fn stream_rows(&self) -> &[StreamRowBytes] {
        self.rows(self.streams)
    }

    /// Its streams, sorted.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = StreamRow> {
        self.stream_rows().iter().map(StreamRowBytes::row)
    }

    /// One of its streams. *Cost:* a binary search.
    #[must_use]
    pub fn stream(&self, stream: &StreamId) -> Option<StreamRow> {
        let rows = self.stream_rows();
        let at = rows.binary_search_by(|row| row.stream().cmp(stream)).ok()?;
        rows.get(at).map(StreamRowBytes::row)
    }

    /// The streams of one life of a thread, by channel.
    pub fn life(&self, thread: &[u8; 16], incarnation: u64) -> impl Iterator<Item = StreamRow> {
        let first = StreamId { thread: *thread, incarnation, channel: 0 };
        let rows = self.stream_rows();
        let at = rows.partition_point(|row| row.stream() < first);
        let of_life =
            move |row: &StreamRow| row.stream.thread == first.thread && row.stream.incarnation == first.incarnation;
        rows.get(at..).unwrap_or_default().iter().map(StreamRowBytes::row).take_while(of_life)
    }

    /// The streams of all lives of a thread, sorted.
    pub fn thread(&self, thread: &[u8; 16]) -> impl Iterator<Item = StreamRow> {
        let first = StreamId { thread: *thread, incarnation: 0, channel: 0 };
        let rows = self.stream_rows();
        let at = rows.partition_point(|row| row.stream() < first);
        let of_thread = move |row: &StreamRow| row.stream.thread == first.thread;
        rows.get(at..).unwrap_or_default().iter().map(StreamRowBytes::row).take_while(of_thread)
    }

    fn extent_rows(&self, stream: &StreamRow) -> &[ExtentRowBytes] {
        let from = size(stream.first_extent);
        let to = from.saturating_add(size(stream.extent_count));
        self.rows(self.extents).get(from..to).unwrap_or_default()
    }

    /// A stream's runs, by ordinal.
    pub fn extents(&self, stream: &StreamRow) -> impl ExactSizeIterator<Item = ExtentRow> {
        self.extent_rows(stream).iter().map(ExtentRowBytes::row)
    }

    /// A stream's runs from the first on that reaches beyond `ordinal`. *Cost:* a binary search.
    pub fn extents_from(&self, stream: &StreamRow, ordinal: u64) -> impl ExactSizeIterator<Item = ExtentRow> {
        let rows = self.extent_rows(stream);
        let at = rows.partition_point(|row| row.row().end_ordinal() <= ordinal);
        rows.get(at..).unwrap_or_default().iter().map(ExtentRowBytes::row)
    }

    /// The runs of all streams, by stream.
    pub fn all_extents(&self) -> impl ExactSizeIterator<Item = ExtentRow> {
        self.rows::<ExtentRowBytes>(self.extents).iter().map(ExtentRowBytes::row)
    }

    /// How many blocks there are.
    #[must_use]
    pub fn block_count(&self) -> u32 {
        crate::number::short(self.rows::<BlockRowBytes>(self.blocks).len())
    }

    /// One of its blocks; `None` if it has not so many, or there can be no such block.
    #[must_use]
    pub fn block(&self, index: u32) -> Option<BlockRow> {
        self.rows::<BlockRowBytes>(self.blocks).get(size(index)).and_then(BlockRowBytes::row)
    }

    /// The values that stand here, by name.
    pub fn values(&self) -> impl ExactSizeIterator<Item = ValueRow> {
        self.rows::<ValueRowBytes>(self.values).iter().map(ValueRowBytes::row)
    }

    /// One of the values that stand here. *Cost:* a binary search.
    #[must_use]
    pub fn value(&self, hash: &ValueHash) -> Option<ValueRow> {
        let rows = self.rows::<ValueRowBytes>(self.values);
        let at = rows.binary_search_by(|row| row.hash.cmp(&hash.0)).ok()?;
        rows.get(at).map(ValueRowBytes::row)
    }

    /// The values that records here use and that stand in other segments, sorted.
    pub fn used(&self) -> impl ExactSizeIterator<Item = ValueHash> {
        self.rows::<[u8; 16]>(self.used).iter().map(|hash| ValueHash(*hash))
    }

    /// Records that lost against others with the same stream and ordinal when this segment was made.
    pub fn conflicts(&self) -> impl ExactSizeIterator<Item = Conflict> {
        self.rows::<ConflictRowBytes>(self.conflicts).iter().map(ConflictRowBytes::row)
    }

    /// What it was made of.
    pub fn inputs(&self) -> impl Iterator<Item = Input> {
        self.rows::<InputRowBytes>(self.inputs).iter().filter_map(InputRowBytes::row)
    }

    /// Short hashes of values that were seen once and stand inside their records, sorted.
    pub fn singles(&self) -> impl ExactSizeIterator<Item = u32> {
        self.rows::<U32>(self.singles).iter().map(|short| short.get())
    }

    /// Whether a value with this short hash was seen once. *Cost:* a binary search.
    #[must_use]
    pub fn is_single(&self, short: u32) -> bool {
        self.rows::<U32>(self.singles).binary_search_by(|single| single.get().cmp(&short)).is_ok()
    }
}

impl FooterRows {
    /// The footer's bytes.
    pub fn encode(&self, summary: &FooterSummary) -> Vec<u8> {
        let count = |rows: usize| U32::new(crate::number::short(rows));
        let header = FooterHeaderBytes {
            magic: MAGIC,
            version: VERSION.into(),
            tier: summary.tier.to_number().into(),
            streams: count(self.streams.len()),
            extents: count(self.extents.len()),
            blocks: count(self.blocks.len()),
            values: count(self.values.len()),
            used: count(self.used.len()),
            conflicts: count(self.conflicts.len()),
            inputs: count(self.inputs.len()),
            singles: count(self.singles.len()),
            records: summary.records.into(),
            payload_bytes: summary.payload_bytes.into(),
            number: summary.id.number.into(),
            salt: summary.id.salt.into(),
            zero: [0; 16],
        };
        let mut bytes = header.as_bytes().to_vec();
        push(&mut bytes, self.streams.iter().map(StreamRowBytes::of));
        push(&mut bytes, self.extents.iter().map(ExtentRowBytes::of));
        push(&mut bytes, self.blocks.iter().map(BlockRowBytes::of));
        push(&mut bytes, self.values.iter().map(ValueRowBytes::of));
        push(&mut bytes, self.used.iter().map(|hash| hash.0));
        push(&mut bytes, self.conflicts.iter().map(ConflictRowBytes::of));
        push(&mut bytes, self.inputs.iter().map(InputRowBytes::of));
        push(&mut bytes, self.singles.iter().map(|short| U32::new(*short)));
        bytes
    }
}

fn push<T: IntoBytes + Immutable>(bytes: &mut Vec<u8>, rows: impl Iterator<Item = T>) {
    for row in rows {
        bytes.extend_from_slice(row.as_bytes());
    }
}
