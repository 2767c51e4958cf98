//! What takes the room in sealed segments, record by record.

use threadlog_engine::StreamId;
use threadlog_engine::number::{size, wide};
use threadlog_engine::sealed::{Sealed, SealedSegment, StoredRecord, ValueHash};

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::rules::Watch;
use crate::stored::StoredValues;

/// Stands where a shared value would.
const FILLER: u8 = b'x';

/// A sealed record and its share of the disk.
#[derive(Debug)]
pub struct SealedRecord<'a> {
    /// Its stream.
    pub stream: StreamId,
    /// Its position there.
    pub ordinal: u64,
    /// How the payload is encoded.
    pub codec: u8,
    /// The payload, with some letter in the place of each byte of shared values.
    pub payload: &'a [u8],
    /// Where the shared values stand in it, and their names.
    pub shared: &'a [(std::ops::Range<usize>, ValueHash)],
    /// Its part of the block that it stands in, as compressed, by length. Shared values are not in it.
    pub disk_bytes: u64,
}

/// A value that is stored once.
#[derive(Debug)]
pub struct SealedValue<'a> {
    /// Its name.
    pub hash: ValueHash,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its part of the block that it stands in, as compressed, by length.
    pub disk_bytes: u64,
}

/// Hands over every sealed value. *Cost:* decompresses their blocks.
///
/// # Errors
/// Damaged blocks are left out; an I/O error.
pub fn values(sealed: &Sealed, watch: &dyn Watch, each: &mut dyn FnMut(&SealedValue<'_>)) -> Result<()> {
    let mut stored = StoredValues::default();
    for segment in sealed.segments() {
        let mut rows: Vec<_> = segment.footer().values().collect();
        rows.sort_by_key(|row| (row.block, row.offset));
        for row in rows {
            if watch.stop() {
                return Err(Error::Stopped);
            }
            let block = match stored.block(segment, row.block) {
                Err(Error::Engine(error)) if error.is_corruption() => continue,
                block => block?,
            };
            let Some(bytes) = block.get(row.offset, row.bytes) else { continue };
            let disk_bytes = share(segment, row.block, u64::from(row.bytes));
            each(&SealedValue { hash: row.hash, bytes, disk_bytes });
        }
    }
    Ok(())
}

/// Hands over every sealed record; of those that stand in several segments, each. *Cost:* decompresses all blocks of records.
///
/// # Errors
/// Damaged blocks are left out; an I/O error.
pub fn records(sealed: &Sealed, watch: &dyn Watch, each: &mut dyn FnMut(&SealedRecord<'_>)) -> Result<()> {
    let mut ranges = Vec::new();
    for segment in sealed.segments() {
        let mut cursor = Cursor::new(segment);
        while let Some(place) = cursor.place() {
            if watch.stop() {
                return Err(Error::Stopped);
            }
            match cursor.cache.stored(&place) {
                Err(error) if error.is_corruption() => {}
                Err(error) => return Err(error.into()),
                Ok(record) => {
                    let filled = fill(&record, &mut ranges);
                    watch.advanced(u64::from(record.payload_bytes));
                    each(&SealedRecord {
                        stream: place.stream,
                        ordinal: place.ordinal,
                        codec: record.codec,
                        payload: filled.as_deref().unwrap_or(record.stored),
                        shared: &ranges,
                        disk_bytes: share(segment, place.block, wide(record.stored.len())),
                    });
                }
            }
            cursor.advance();
        }
    }
    Ok(())
}

/// The part of a block that so many of its raw bytes take.
fn share(segment: &SealedSegment, block: u32, bytes: u64) -> u64 {
    let Some(row) = segment.footer().block(block) else { return 0 };
    let (compressed, raw) = (u64::from(row.header.compressed_bytes), u64::from(row.header.raw_bytes));
    bytes.saturating_mul(compressed).checked_div(raw.max(1)).unwrap_or(0)
}

/// The payload with the length of its shared values, but not their bytes, and where they stand; `None` if it has none.
pub(crate) fn fill(
    record: &StoredRecord<'_>,
    shared: &mut Vec<(std::ops::Range<usize>, ValueHash)>,
) -> Option<Vec<u8>> {
    shared.clear();
    if record.refs.is_empty() {
        return None;
    }
    let mut payload = Vec::with_capacity(size(record.payload_bytes));
    let mut done = 0;
    for (position, value) in &record.refs {
        payload.extend_from_slice(record.stored.get(done..size(*position)).unwrap_or_default());
        let start = payload.len();
        payload.resize(start.saturating_add(size(value.bytes)), FILLER);
        shared.push((start..payload.len(), value.hash));
        done = size(*position);
    }
    payload.extend_from_slice(record.stored.get(done..).unwrap_or_default());
    Some(payload)
}
