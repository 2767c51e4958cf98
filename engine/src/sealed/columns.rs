//! An extent's body: what its records have in common stands together, column by column (format.md 8.4).

use crate::journal::batch::RECORD_BYTES_MAX;
use crate::number::{short, size, wide};
use crate::sealed::varint::{Reader, fold, push, unfold};

/// The least number of bytes that one record takes in its columns: two of its clock, one of its length.
const RECORD_BYTES_MIN: usize = 3;

/// A record of a decoded extent, payload apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordMeta {
    pub lease_epoch: u64,
    pub clock: u64,
    /// Where its stored bytes begin in the extent's body.
    pub start: u32,
    /// How many there are.
    pub stored_bytes: u32,
    /// How many the payload has, values put in.
    pub payload_bytes: u32,
    /// Its first ref, in the extent's list.
    pub first_ref: u32,
    pub ref_count: u32,
    /// Checksum of the payload; only of a record with refs.
    pub checksum: u32,
    pub codec: u8,
}

/// A place in a record's stored bytes where a value is to be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefMeta {
    /// Before which of the stored bytes.
    pub position: u32,
    /// Which of the block's values.
    pub value: u32,
}

/// The columns of one extent, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub records: Vec<RecordMeta>,
    pub refs: Vec<RefMeta>,
}

/// Milliseconds and counter of a hybrid logical clock.
fn split_clock(clock: u64) -> (u64, u64) {
    (clock >> 16, clock & 0xffff)
}

impl Columns {
    /// The columns' bytes; the stored bytes of all records follow them. `start` and `payload_bytes` follow from the rest.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_runs(out, self.records.iter().map(|record| record.lease_epoch));
        encode_runs(out, self.records.iter().map(|record| u64::from(record.codec)));
        let mut before = 0;
        for record in &self.records {
            let (ms, _) = split_clock(record.clock);
            push(out, fold(before, ms));
            before = ms;
        }
        let (mut ms_before, mut counter_before) = (0, 0);
        for record in &self.records {
            let (ms, counter) = split_clock(record.clock);
            // Within one millisecond the counter goes on; in another it starts anew.
            push(out, fold(if ms == ms_before { counter_before } else { 0 }, counter));
            (ms_before, counter_before) = (ms, counter);
        }
        for record in &self.records {
            push(out, record.stored_bytes.into());
        }
        push(out, wide(self.refs.len()));
        let mut record_before = 0;
        for (index, record) in (0..).zip(&self.records) {
            let mut position = 0;
            for reference in self.refs_of(record) {
                push(out, index - record_before);
                push(out, u64::from(reference.position.saturating_sub(position)));
                push(out, reference.value.into());
                (record_before, position) = (index, reference.position);
            }
        }
        for record in self.records.iter().filter(|record| record.ref_count > 0) {
            out.extend_from_slice(&record.checksum.to_le_bytes());
        }
    }

    /// The refs of a record, by position.
    pub fn refs_of(&self, record: &RecordMeta) -> &[RefMeta] {
        let first = size(record.first_ref);
        self.refs.get(first..first.saturating_add(size(record.ref_count))).unwrap_or_default()
    }

    /// Reads an extent's body of `count` records into `self`. `value_bytes` tells the length of each of the block's
    /// values. Any bytes end in columns that fit the body exactly, or in what is wrong; nothing is allocated that the
    /// body has not room for.
    pub fn decode(
        &mut self,
        body: &[u8],
        count: u32,
        value_bytes: &dyn Fn(u32) -> Option<u32>,
    ) -> Result<(), &'static str> {
        self.records.clear();
        self.refs.clear();
        let count = size(count);
        if count.saturating_mul(RECORD_BYTES_MIN) > body.len() {
            return Err("an extent has more records than its bytes have room for");
        }
        let empty = RecordMeta {
            lease_epoch: 0,
            clock: 0,
            start: 0,
            stored_bytes: 0,
            payload_bytes: 0,
            first_ref: 0,
            ref_count: 0,
            checksum: 0,
            codec: 0,
        };
        self.records.resize(count, empty);
        let mut reader = Reader(body);
        self.decode_fixed(&mut reader).ok_or("an extent's columns end too early")?;
        self.decode_refs(&mut reader, value_bytes)?;
        let mut start = body.len().saturating_sub(reader.0.len());
        for record in &mut self.records {
            record.start = short(start);
            start = start.saturating_add(size(record.stored_bytes));
        }
        if start == body.len() { Ok(()) } else { Err("an extent's payloads are not as long as their lengths say") }
    }

    fn decode_fixed(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        decode_runs(reader, &mut self.records, |record, epoch| {
            record.lease_epoch = epoch;
            Some(())
        })?;
        decode_runs(reader, &mut self.records, |record, codec| {
            record.codec = u8::try_from(codec).ok()?;
            Some(())
        })?;
        let mut ms = 0;
        for record in &mut self.records {
            ms = unfold(ms, reader.number()?);
            // More than 48 bits are no milliseconds.
            if ms >> 48 != 0 {
                return None;
            }
            record.clock = ms << 16;
        }
        let (mut ms_before, mut counter_before) = (0, 0);
        for record in &mut self.records {
            let ms = record.clock >> 16;
            let counter = unfold(if ms == ms_before { counter_before } else { 0 }, reader.number()?);
            if counter > 0xffff {
                return None;
            }
            record.clock |= counter;
            (ms_before, counter_before) = (ms, counter);
        }
        for record in &mut self.records {
            record.stored_bytes = reader.small()?;
            record.payload_bytes = record.stored_bytes;
        }
        Some(())
    }

    fn decode_refs(
        &mut self,
        reader: &mut Reader<'_>,
        value_bytes: &dyn Fn(u32) -> Option<u32>,
    ) -> Result<(), &'static str> {
        let early = "an extent's refs end too early";
        let count = reader.small().ok_or(early)?;
        // Each takes three bytes at least.
        if size(count).saturating_mul(3) > reader.0.len() {
            return Err(early);
        }
        self.refs.reserve(size(count));
        let (mut index, mut position) = (0_u64, 0_u32);
        for number in 0..count {
            let step = reader.number().ok_or(early)?;
            index = index.saturating_add(step);
            let record = usize::try_from(index).ok().and_then(|index| self.records.get_mut(index));
            let record = record.ok_or("a ref of a record that is not there")?;
            if record.ref_count == 0 {
                (record.first_ref, position) = (number, 0);
            }
            position = position.saturating_add(reader.small().ok_or(early)?);
            let value = reader.small().ok_or(early)?;
            if position > record.stored_bytes {
                return Err("a ref stands behind its record");
            }
            record.ref_count = record.ref_count.saturating_add(1);
            let bytes = value_bytes(value).ok_or("a ref of a value that the block does not name")?;
            record.payload_bytes = record.payload_bytes.saturating_add(bytes);
            if u64::from(record.payload_bytes) > RECORD_BYTES_MAX {
                return Err("a record is longer than any can be");
            }
            self.refs.push(RefMeta { position, value });
        }
        for record in self.records.iter_mut().filter(|record| record.ref_count > 0) {
            record.checksum = reader.word().ok_or("an extent's checksums end too early")?;
        }
        Ok(())
    }
}

/// A column of few different values: how many runs, and of each its length and how it differs from the one before.
fn encode_runs(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((length, last)) if *last == value => *length = length.saturating_add(1),
            _ => runs.push((1, value)),
        }
    }
    push(out, wide(runs.len()));
    let mut before = 0;
    for (length, value) in runs {
        push(out, length);
        push(out, fold(before, value));
        before = value;
    }
}

fn decode_runs(
    reader: &mut Reader<'_>,
    records: &mut [RecordMeta],
    set: impl Fn(&mut RecordMeta, u64) -> Option<()>,
) -> Option<()> {
    let mut rest = records;
    let mut value = 0;
    for _ in 0..reader.number()? {
        let length = usize::try_from(reader.number()?).ok().filter(|length| *length > 0)?;
        value = unfold(value, reader.number()?);
        let (run, after) = rest.split_at_mut_checked(length)?;
        run.iter_mut().try_for_each(|record| set(record, value))?;
        rest = after;
    }
    rest.is_empty().then_some(())
}
