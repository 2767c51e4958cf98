//! Records on their way into one sealed segment: owned, in any order, their long values found and named.

use std::ops::Range;

use threadlog_engine::StreamId;
use threadlog_engine::number::wide;
use threadlog_engine::sealed::{FindValues, ValueHash};

/// A record that is to be sealed.
#[derive(Clone, Copy, Debug)]
pub struct NewSealed<'a> {
    /// Its stream.
    pub stream: StreamId,
    /// Its position there.
    pub ordinal: u64,
    /// The lease epoch that it was written under.
    pub lease_epoch: u64,
    /// Its hybrid logical clock.
    pub clock: u64,
    /// How the payload is encoded.
    pub codec: u8,
    /// The journal that it comes from, or that would have taken it.
    pub journal: u8,
    /// The bytes.
    pub payload: &'a [u8],
}

/// A record in a batch.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub stream: StreamId,
    pub ordinal: u64,
    pub lease_epoch: u64,
    pub clock: u64,
    pub codec: u8,
    pub journal: u8,
    payload: Range<usize>,
    pub values: Range<usize>,
}

/// A long value in a record.
#[derive(Clone, Debug)]
pub(crate) struct FoundValue {
    pub hash: ValueHash,
    /// Where it stands in its payload.
    pub range: Range<usize>,
}

/// The long values of a payload, found outside any lock.
#[derive(Debug, Default)]
pub(crate) struct Values {
    ranges: Vec<Range<usize>>,
    pub found: Vec<FoundValue>,
}

impl Values {
    /// Finds and names them. *Cost:* for long payloads, BLAKE3 of all that is found.
    pub fn find(&mut self, find: &FindValues, codec: u8, payload: &[u8]) {
        self.ranges.clear();
        self.found.clear();
        find(codec, payload, &mut self.ranges);
        let mut behind = 0;
        for range in self.ranges.drain(..) {
            // What the caller's function says is a hint: what makes no sense is no value.
            let Some(bytes) = payload.get(range.clone()).filter(|bytes| range.start >= behind && !bytes.is_empty())
            else {
                continue;
            };
            behind = range.end;
            self.found.push(FoundValue { hash: ValueHash::of(bytes), range });
        }
    }
}

/// Records gathered for one segment.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    pub records: Vec<Kept>,
    pub values: Vec<FoundValue>,
}

impl Batch {
    /// Adds a record with its values. *Cost:* a copy.
    pub fn push(&mut self, record: &NewSealed<'_>, values: &[FoundValue]) {
        let (start, first) = (self.bytes.len(), self.values.len());
        self.bytes.extend_from_slice(record.payload);
        self.values.extend_from_slice(values);
        let NewSealed { stream, ordinal, lease_epoch, clock, codec, journal, .. } = *record;
        let (payload, values) = (start..self.bytes.len(), first..self.values.len());
        self.records.push(Kept { stream, ordinal, lease_epoch, clock, codec, journal, payload, values });
    }

    /// Whether another `more` bytes belong into the next batch, if one has `most`.
    pub fn is_full(&self, more: usize, most: usize) -> bool {
        !self.records.is_empty() && self.bytes.len().saturating_add(more) > most
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all payloads.
    pub fn raw_bytes(&self) -> u64 {
        wide(self.bytes.len())
    }

    /// Puts the records into the order of a segment: by stream, then ordinal. Of equal places the one of the higher lease
    /// epoch, then of the higher journal, comes last.
    pub fn sort(&mut self) {
        self.records.sort_by_key(|kept| (kept.stream, kept.ordinal, kept.lease_epoch, kept.journal));
    }

    /// A record's bytes.
    pub fn payload(&self, kept: &Kept) -> &[u8] {
        self.bytes.get(kept.payload.clone()).unwrap_or_default()
    }

    /// A record's values.
    pub fn values_of(&self, kept: &Kept) -> &[FoundValue] {
        self.values.get(kept.values.clone()).unwrap_or_default()
    }
}
