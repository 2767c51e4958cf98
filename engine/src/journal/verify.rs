//! Checking a whole store: every byte of every record read and verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::id::StreamId;
use crate::journal::foreign::Facts;
use crate::journal::index::Conflict;
use crate::journal::reader::Reader;
use crate::journal::records::{ReadLog, Record};
use crate::number::wide;
use crate::recover::log::Damage;

/// A record that cannot be read, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LostRecord {
    /// Its stream.
    pub stream: StreamId,
    /// Its ordinal; for an error at a stream's end, the ordinal that would follow.
    pub ordinal: u64,
    /// What a reader of it is told.
    pub error: Error,
}

/// What [`verify`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The store.
    pub root: PathBuf,
    /// Segments, groups, marks.
    pub facts: Facts,
    /// Records read and verified.
    pub records: u64,
    /// Their payload bytes, large records included.
    pub payload_bytes: u64,
    /// Damaged places of hot segments.
    pub damage: Vec<Damage>,
    /// What is wrong with sealed segments, whether a record needs it or not.
    pub sealed_damage: Vec<Error>,
    /// Records that cannot be read: exactly those that the damage took.
    pub lost: Vec<LostRecord>,
    /// Records that lost against another with the same ordinal.
    pub conflicts: Vec<Conflict>,
}

impl VerifyReport {
    /// Whether all acknowledged records can be read. Of records that lost against another nobody can say whether they had
    /// been acknowledged: a store with such is not sound.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.sealed_damage.is_empty() && self.lost.is_empty() && self.conflicts.is_empty()
    }
}

/// Reads and verifies every record of the store at `root`, without locks or writes.
///
/// *Cost:* reads every file twice. `progress` is told after each stream how many records were checked so far.
///
/// # Errors
/// As [`Reader::open`]; a record that cannot be read is no error but part of the report.
pub fn verify(fs: Arc<dyn Fs>, root: &Path, progress: &mut dyn FnMut(u64)) -> Result<VerifyReport> {
    let reader = Reader::open(fs, root)?;
    let ReadThrough { records, payload_bytes, lost } = ReadThrough::of(&reader, &mut |_| {}, progress);
    let sealed = reader.sealed();
    let mut sealed_damage = sealed.damage().to_vec();
    for segment in sealed.segments() {
        segment.verify(&mut |error| sealed_damage.push(error), &mut |_| {})?;
    }
    Ok(VerifyReport {
        root: root.to_owned(),
        facts: reader.facts(),
        records,
        payload_bytes,
        damage: reader.damage(),
        sealed_damage,
        lost,
        conflicts: reader.conflicts(),
    })
}

/// What came of reading every record of a store.
pub(crate) struct ReadThrough {
    pub records: u64,
    pub payload_bytes: u64,
    pub lost: Vec<LostRecord>,
}

impl ReadThrough {
    /// Reads stream by stream, in order; `progress` is told after each stream how many records there were so far.
    pub fn of(reader: &Reader, each: &mut dyn FnMut(Record), progress: &mut dyn FnMut(u64)) -> ReadThrough {
        let mut through = ReadThrough { records: 0, payload_bytes: 0, lost: Vec::new() };
        for info in reader.streams() {
            for (ordinal, record) in (0..).zip(reader.read(&info.stream, 0..u64::MAX)) {
                match record {
                    Ok(record) => {
                        through.records = through.records.saturating_add(1);
                        through.payload_bytes = through.payload_bytes.saturating_add(wide(record.payload.len()));
                        each(record);
                    }
                    Err(error) => through.lost.push(LostRecord { stream: info.stream, ordinal, error }),
                }
            }
            progress(through.records);
        }
        through
    }
}
