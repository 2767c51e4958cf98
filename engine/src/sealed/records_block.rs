//! A block of records: which extents it holds, which values they use, their bodies (format.md 8.4).

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::id::StreamId;
use crate::number::{short, size, wide};
use crate::sealed::columns::{Columns, RecordMeta};
use crate::sealed::id::ValueHash;

/// Extents that one block can hold.
pub(crate) const EXTENTS_MAX: usize = 65_535;

/// One run of records of one stream, with rising ordinals and no hole, all from one journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The stream.
    pub stream: StreamId,
    /// The journal that the records came from.
    pub journal: u8,
    /// How many records, at least one.
    pub count: u32,
    /// Ordinal of the first.
    pub first_ordinal: u64,
    /// Length of all payloads together, values put in.
    pub payload_bytes: u64,
    body_offset: u32,
    body_bytes: u32,
}

impl Extent {
    /// One past the last ordinal.
    #[must_use]
    pub fn end_ordinal(&self) -> u64 {
        self.first_ordinal.saturating_add(self.count.into())
    }
}

/// A value that records of a block use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedValue {
    /// Its name.
    pub hash: ValueHash,
    /// Its length.
    pub bytes: u32,
}

/// A record as it is stored: values that it shares are named, not put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord<'a> {
    /// The lease epoch it was written under.
    pub lease_epoch: u64,
    /// Hybrid logical clock.
    pub clock: u64,
    /// How the payload is encoded.
    pub codec: u8,
    /// Length of the whole payload.
    pub payload_bytes: u32,
    /// The payload without the values it shares.
    pub stored: &'a [u8],
    /// The values to be put in, and before which of the stored bytes.
    pub refs: Vec<(u32, UsedValue)>,
    /// Checksum of the whole payload; 0 of a record without refs.
    pub checksum: u32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ExtentBytes {
    thread: [u8; 16],
    incarnation: U64,
    channel: u8,
    journal: u8,
    zero: [u8; 2],
    count: U32,
    first_ordinal: U64,
    body_offset: U32,
    body_bytes: U32,
    payload_bytes: U64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct UsedValueBytes {
    hash: [u8; 16],
    bytes: U32,
}

const _: () = assert!(size_of::<ExtentBytes>() == 56);
const _: () = assert!(size_of::<UsedValueBytes>() == 20);

/// A block of records, decompressed. Its directory fits its bytes; what an extent's body holds is judged when it is read.
#[derive(Debug, PartialEq, Eq)]
pub struct RecordsBlock {
    raw: Vec<u8>,
    values_at: usize,
}

impl RecordsBlock {
    /// Reads a block's raw bytes. Any bytes end in a block whose extents lie side by side up to its end, or in what is
    /// wrong; the bytes come back with it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn decode(raw: Vec<u8>) -> Result<RecordsBlock, (&'static str, Vec<u8>)> {
        match RecordsBlock::check(&raw) {
            Ok(values_at) => Ok(RecordsBlock { raw, values_at }),
            Err(what) => Err((what, raw)),
        }
    }

    fn check(raw: &[u8]) -> Result<usize, &'static str> {
        let (extents, rest) = rows::<ExtentBytes>(raw).ok_or("a block's directory is cut off")?;
        let values_at = raw.len().saturating_sub(rest.len());
        let (_, rest) = rows::<UsedValueBytes>(rest).ok_or("a block's list of values is cut off")?;
        let mut at = raw.len().saturating_sub(rest.len());
        if extents.len() > EXTENTS_MAX {
            return Err("a block has more extents than any can have");
        }
        for extent in extents {
            if size(extent.body_offset.get()) != at {
                return Err("an extent's body does not begin where the one before ends");
            }
            let count = extent.count.get();
            if count == 0 || extent.first_ordinal.get().checked_add(count.into()).is_none() {
                return Err("an extent has no records, or ordinals beyond 64 bits");
            }
            at = at.saturating_add(size(extent.body_bytes.get()));
        }
        if at == raw.len() { Ok(values_at) } else { Err("a block's extents do not end where it ends") }
    }

    fn extent_rows(&self) -> &[ExtentBytes] {
        rows::<ExtentBytes>(&self.raw).map_or(&[], |(extents, _)| extents)
    }

    fn value_rows(&self) -> &[UsedValueBytes] {
        let rest = self.raw.get(self.values_at..).unwrap_or_default();
        rows::<UsedValueBytes>(rest).map_or(&[], |(values, _)| values)
    }

    /// Its extents.
    pub fn extents(&self) -> impl ExactSizeIterator<Item = Extent> {
        self.extent_rows().iter().map(extent_of)
    }

    /// One of its extents.
    #[must_use]
    pub fn extent(&self, index: u16) -> Option<Extent> {
        self.extent_rows().get(usize::from(index)).map(extent_of)
    }

    /// The values that its records use, each once.
    pub fn values(&self) -> impl ExactSizeIterator<Item = UsedValue> {
        self.value_rows().iter().map(value_of)
    }

    pub(crate) fn value(&self, index: u32) -> Option<UsedValue> {
        self.value_rows().get(size(index)).map(value_of)
    }

    /// An extent's body.
    pub(crate) fn body(&self, extent: &Extent) -> &[u8] {
        let from = size(extent.body_offset);
        self.raw.get(from..from.saturating_add(size(extent.body_bytes))).unwrap_or_default()
    }

    /// Reads the columns of an extent.
    pub(crate) fn columns(&self, extent: &Extent, columns: &mut Columns) -> Result<(), &'static str> {
        let values = self.value_rows();
        let bytes = |index: u32| values.get(size(index)).map(|value| value.bytes.get());
        columns.decode(self.body(extent), extent.count, &bytes)?;
        let payload_bytes: u64 = columns.records.iter().map(|record| u64::from(record.payload_bytes)).sum();
        if payload_bytes == extent.payload_bytes { Ok(()) } else { Err("an extent is not as long as it says") }
    }

    /// The records of one of its extents, by ordinal, as they are stored.
    ///
    /// # Errors
    /// What is wrong with the extent.
    pub fn records(&self, extent: &Extent) -> Result<Vec<StoredRecord<'_>>, &'static str> {
        let mut columns = Columns::default();
        self.columns(extent, &mut columns)?;
        let all = columns.records.iter().map(|meta| self.stored(extent, &columns, meta));
        all.collect::<Option<Vec<_>>>().ok_or("an extent is too short")
    }

    /// A record of an extent whose columns these are.
    pub(crate) fn stored(&self, extent: &Extent, columns: &Columns, meta: &RecordMeta) -> Option<StoredRecord<'_>> {
        let from = size(meta.start);
        let stored = self.body(extent).get(from..from.saturating_add(size(meta.stored_bytes)))?;
        let refs = columns.refs_of(meta).iter();
        let refs =
            refs.map(|reference| Some((reference.position, self.value(reference.value)?))).collect::<Option<_>>();
        let RecordMeta { lease_epoch, clock, codec, payload_bytes, checksum, .. } = *meta;
        Some(StoredRecord { lease_epoch, clock, codec, payload_bytes, stored, refs: refs?, checksum })
    }

    /// Length of the raw bytes.
    #[must_use]
    pub fn raw_bytes(&self) -> usize {
        self.raw.len()
    }

    /// The raw bytes, to be used for the next block.
    #[must_use]
    pub fn into_raw(self) -> Vec<u8> {
        self.raw
    }
}

fn extent_of(raw: &ExtentBytes) -> Extent {
    Extent {
        stream: StreamId { thread: raw.thread, incarnation: raw.incarnation.get(), channel: raw.channel },
        journal: raw.journal,
        count: raw.count.get(),
        first_ordinal: raw.first_ordinal.get(),
        payload_bytes: raw.payload_bytes.get(),
        body_offset: raw.body_offset.get(),
        body_bytes: raw.body_bytes.get(),
    }
}

fn value_of(raw: &UsedValueBytes) -> UsedValue {
    UsedValue { hash: ValueHash(raw.hash), bytes: raw.bytes.get() }
}

/// A count, so many rows, and what follows them.
fn rows<T: FromBytes + Immutable + KnownLayout + Unaligned>(bytes: &[u8]) -> Option<(&[T], &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    <[T]>::ref_from_prefix_with_elems(rest, size(u32::from_le_bytes(*count))).ok()
}

/// An extent to be written.
pub(crate) struct ExtentToWrite<'a> {
    pub stream: StreamId,
    pub journal: u8,
    pub first_ordinal: u64,
    /// `start` of its records is of no account; `value` of its refs counts in `values` of the block.
    pub columns: &'a Columns,
    /// The stored bytes of all its records, one after another.
    pub stored: &'a [u8],
}

/// A block's raw bytes.
pub(crate) fn encode(extents: &[ExtentToWrite<'_>], values: &[UsedValue]) -> Vec<u8> {
    let directory = size_of::<ExtentBytes>().saturating_mul(extents.len());
    let list = size_of::<UsedValueBytes>().saturating_mul(values.len());
    let stored: usize = extents.iter().map(|extent| extent.stored.len()).sum();
    let numbers = |extent: &ExtentToWrite<'_>| extent.columns.records.len().saturating_add(extent.columns.refs.len());
    let columns = extents.iter().map(numbers).sum::<usize>().saturating_mul(16);
    let mut raw = Vec::with_capacity([stored, columns, directory, list, 64].iter().sum());
    raw.extend_from_slice(&short(extents.len()).to_le_bytes());
    raw.resize(raw.len().saturating_add(directory), 0);
    raw.extend_from_slice(&short(values.len()).to_le_bytes());
    for value in values {
        raw.extend_from_slice(UsedValueBytes { hash: value.hash.0, bytes: value.bytes.into() }.as_bytes());
    }
    let mut at = size_of::<u32>();
    for extent in extents {
        let from = raw.len();
        extent.columns.encode(&mut raw);
        raw.extend_from_slice(extent.stored);
        let records = &extent.columns.records;
        let row = ExtentBytes {
            thread: extent.stream.thread,
            incarnation: extent.stream.incarnation.into(),
            channel: extent.stream.channel,
            journal: extent.journal,
            zero: [0; 2],
            count: short(records.len()).into(),
            first_ordinal: extent.first_ordinal.into(),
            body_offset: short(from).into(),
            body_bytes: short(raw.len().saturating_sub(from)).into(),
            payload_bytes: records.iter().map(|record| u64::from(record.payload_bytes)).sum::<u64>().into(),
        };
        let end = at.saturating_add(size_of::<ExtentBytes>());
        if let Some(room) = raw.get_mut(at..end) {
            room.copy_from_slice(row.as_bytes());
        }
        at = end;
    }
    debug_assert!(wide(raw.len()) <= u64::from(u32::MAX), "blocks are cut long before");
    raw
}
