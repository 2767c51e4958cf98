//! Blocks in the making.

use std::collections::HashMap;

use crate::id::StreamId;
use crate::number::{short, wide};
use crate::sealed::columns::{Columns, RecordMeta, RefMeta};
use crate::sealed::id::ValueHash;
use crate::sealed::layout::ExtentFacts;
use crate::sealed::records_block::{ExtentToWrite, UsedValue, encode};
use crate::sealed::values_block;

/// What a record takes in the columns, about.
const COLUMN_BYTES: usize = 8;

/// A record as it goes into a block.
pub(crate) struct Stored<'a> {
    pub stream: StreamId,
    pub ordinal: u64,
    pub journal: u8,
    pub lease_epoch: u64,
    pub clock: u64,
    pub codec: u8,
    pub payload_bytes: u32,
    /// Pieces of the payload between the values.
    pub pieces: &'a [&'a [u8]],
    /// Before which of the stored bytes which value is put in.
    pub refs: &'a [(u32, UsedValue)],
    pub checksum: u32,
}

/// A run of records.
#[derive(Debug)]
struct Extent {
    facts: ExtentFacts,
    columns: Columns,
    /// The value of each ref.
    values: Vec<UsedValue>,
    stored: Vec<u8>,
}

impl Extent {
    fn takes(&self, record: &Stored<'_>) -> bool {
        let facts = &self.facts;
        facts.stream == record.stream
            && facts.journal == record.journal
            && facts.first_ordinal.checked_add(facts.count.into()) == Some(record.ordinal)
    }
}

/// A block of records in the making.
#[derive(Debug, Default)]
pub(crate) struct RecordsBuilder {
    extents: Vec<Extent>,
    bytes: usize,
}

impl RecordsBuilder {
    /// How long the raw bytes will be, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    pub fn extent_count(&self) -> usize {
        self.extents.len()
    }

    pub fn push(&mut self, record: &Stored<'_>) {
        if !self.extents.last().is_some_and(|extent| extent.takes(record)) {
            let facts = ExtentFacts {
                stream: record.stream,
                journal: record.journal,
                first_ordinal: record.ordinal,
                count: 0,
                payload_bytes: 0,
                lease_epoch_max: 0,
            };
            let (columns, values, stored) = Default::default();
            self.extents.push(Extent { facts, columns, values, stored });
            self.bytes = self.bytes.saturating_add(64);
        }
        let Some(extent) = self.extents.last_mut() else { return };
        let first_ref = short(extent.values.len());
        for (position, value) in record.refs {
            extent.columns.refs.push(RefMeta { position: *position, value: 0 });
            extent.values.push(*value);
        }
        let before = extent.stored.len();
        record.pieces.iter().for_each(|piece| extent.stored.extend_from_slice(piece));
        let stored_bytes = extent.stored.len().saturating_sub(before);
        extent.columns.records.push(RecordMeta {
            lease_epoch: record.lease_epoch,
            clock: record.clock,
            start: 0,
            stored_bytes: short(stored_bytes),
            payload_bytes: record.payload_bytes,
            first_ref,
            ref_count: short(record.refs.len()),
            checksum: record.checksum,
            codec: record.codec,
        });
        let facts = &mut extent.facts;
        facts.count = facts.count.saturating_add(1);
        facts.payload_bytes = facts.payload_bytes.saturating_add(record.payload_bytes.into());
        facts.lease_epoch_max = facts.lease_epoch_max.max(record.lease_epoch);
        let refs = record.refs.len().saturating_mul(COLUMN_BYTES);
        self.bytes = self.bytes.saturating_add(stored_bytes).saturating_add(COLUMN_BYTES).saturating_add(refs);
    }

    /// Takes over another's extents, behind its own.
    pub fn join(&mut self, other: RecordsBuilder) {
        self.extents.extend(other.extents);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    pub fn facts(&self) -> impl Iterator<Item = ExtentFacts> {
        self.extents.iter().map(|extent| extent.facts)
    }

    /// The values that its records use; some come more than once.
    pub fn values(&self) -> impl Iterator<Item = ValueHash> {
        self.extents.iter().flat_map(|extent| extent.values.iter().map(|value| value.hash))
    }

    /// The block's raw bytes. Values are numbered in the order in which they are first used.
    pub fn encode(mut self) -> Vec<u8> {
        let mut numbers: HashMap<ValueHash, u32> = HashMap::new();
        let mut values = Vec::new();
        for extent in &mut self.extents {
            for (reference, value) in extent.columns.refs.iter_mut().zip(&extent.values) {
                reference.value = *numbers.entry(value.hash).or_insert_with(|| {
                    values.push(*value);
                    short(values.len()).saturating_sub(1)
                });
            }
        }
        let extents: Vec<ExtentToWrite<'_>> = self
            .extents
            .iter()
            .map(|extent| {
                let ExtentFacts { stream, journal, first_ordinal, .. } = extent.facts;
                ExtentToWrite { stream, journal, first_ordinal, columns: &extent.columns, stored: &extent.stored }
            })
            .collect();
        encode(&extents, &values)
    }
}

/// A block of values in the making.
#[derive(Debug, Default)]
pub(crate) struct ValuesBuilder {
    pub hashes: Vec<ValueHash>,
    lengths: Vec<u32>,
    bytes: Vec<u8>,
}

impl ValuesBuilder {
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn push(&mut self, hash: ValueHash, bytes: &[u8]) {
        self.hashes.push(hash);
        self.lengths.push(short(bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    /// The name, offset in the raw bytes and length of each.
    pub fn places(&self) -> impl Iterator<Item = (ValueHash, u32, u32)> {
        let mut at = wide(self.lengths.len()).saturating_add(1).saturating_mul(4);
        self.hashes.iter().zip(&self.lengths).map(move |(hash, length)| {
            let offset = u32::try_from(at).unwrap_or(u32::MAX);
            at = at.saturating_add(u64::from(*length));
            (*hash, offset, *length)
        })
    }

    pub fn encode(self) -> Vec<u8> {
        values_block::encode(&self.lengths, &self.bytes)
    }
}
