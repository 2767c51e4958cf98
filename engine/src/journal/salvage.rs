//! Saving what can still be read of a store, whatever happened to it.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::journal::reader::Reader;
use crate::journal::records::{ReadLog, Record};
use crate::journal::verify::{LostRecord, ReadThrough};
use crate::recover::log::Damage;

/// What [`salvage`] found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SalvageReport {
    /// Records handed over.
    pub records: u64,
    /// Their payload bytes, large records included.
    pub payload_bytes: u64,
    /// Records that cannot be read, and why.
    pub lost: Vec<LostRecord>,
    /// Damaged places of hot segments.
    pub damage: Vec<Damage>,
    /// What is wrong with sealed segments and their manifest, as far as reading them needs it.
    pub sealed_damage: Vec<Error>,
}

/// Hands over every record of the store at `root` that can still be read, stream by stream in order, without locks or
/// writes. FORMAT may be missing or damaged; intact frames of damaged groups stand in for records that nothing else has.
///
/// *Cost:* reads every file twice. *Memory:* the index and one record.
///
/// # Errors
/// As [`Reader::open_lenient`]; a record that cannot be read is no error but part of the report.
pub fn salvage(fs: Arc<dyn Fs>, root: &Path, each: &mut dyn FnMut(Record)) -> Result<SalvageReport> {
    let reader = Reader::open_lenient(fs, root)?;
    let ReadThrough { records, payload_bytes, lost } = ReadThrough::of(&reader, each, &mut |_| {});
    let sealed_damage = reader.sealed().damage().to_vec();
    Ok(SalvageReport { records, payload_bytes, lost, damage: reader.damage(), sealed_damage })
}
