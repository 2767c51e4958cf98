//! One batch becomes one sealed segment.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::Conflict;
use threadlog_engine::fs::Fs;
use threadlog_engine::number::wide;
use threadlog_engine::sealed::{
    Dictionary, DictionaryId, DictionaryRow, Input, RecordRef, SealedId, SealedSegment, SegmentOptions, SegmentRow,
    SegmentWriter, Tier, ValueUse, write_dictionary,
};

use crate::batch::{Batch, FoundValue};
use crate::choose::{Choice, Fit, choose};
use crate::config::Config;
use crate::dictionary::train;
use crate::error::{Error, Result};
use crate::known::Known;
use crate::maintenance::Maintenance;
use crate::report::Written;

/// A segment that was made and that MANIFEST does not name yet.
pub(crate) struct Made {
    pub row: SegmentRow,
    /// A dictionary that was trained for it.
    pub dictionary: Option<DictionaryRow>,
    pub written: Written,
}

/// What stands beside a batch's records in its segment.
#[derive(Default)]
pub(crate) struct Beside<'a> {
    pub inputs: Vec<Input>,
    pub conflicts: Vec<Conflict>,
    /// Segments made a moment ago, to be named together with this one.
    pub made: &'a [Arc<SealedSegment>],
    /// A dictionary made a moment ago.
    pub dictionary: Option<Arc<Dictionary>>,
}

/// Writes a sorted batch as a segment. Its values are added to `known`, which is of no use after an error.
///
/// *Durability:* file and name are synced; the segment lives once a MANIFEST names it.
pub(crate) fn write_batch(
    maintenance: &mut Maintenance,
    known: &mut Known,
    batch: &Batch,
    beside: Beside<'_>,
    config: &Config,
) -> Result<Made> {
    maintenance.prepare()?;
    let (dictionary, trained) = match beside.dictionary {
        Some(dictionary) => (Some(dictionary), None),
        None => dictionary_for(maintenance, batch, config)?,
    };
    let segments: Vec<_> = maintenance.sealed().segments().iter().chain(beside.made).map(Arc::clone).collect();
    let id = maintenance.new_segment()?;
    let place = NewSegment {
        fs: &*maintenance.fs,
        root: &maintenance.root,
        store: maintenance.store,
        id,
        created_ms: maintenance.clock.now_ms(),
        segments: &segments,
        dictionary,
        inputs: beside.inputs,
        conflicts: beside.conflicts,
    };
    let (row, mut written) = write_segment(place, known, batch, config)?;
    written.file_bytes = written.file_bytes.saturating_add(trained.map_or(0, |row| u64::from(row.bytes)));
    Ok(Made { row, dictionary: trained, written })
}

/// A segment that is to be written: where, and what stands beside its records.
pub(crate) struct NewSegment<'a> {
    pub fs: &'a dyn Fs,
    pub root: &'a Path,
    pub store: [u8; 16],
    pub id: SealedId,
    pub created_ms: u64,
    /// Segments that its records may take values from.
    pub segments: &'a [Arc<SealedSegment>],
    pub dictionary: Option<Arc<Dictionary>>,
    pub inputs: Vec<Input>,
    pub conflicts: Vec<Conflict>,
}

/// Writes a sorted batch as this segment. As [`write_batch`] otherwise.
pub(crate) fn write_segment(
    place: NewSegment<'_>,
    known: &mut Known,
    batch: &Batch,
    config: &Config,
) -> Result<(SegmentRow, Written)> {
    let NewSegment { fs, root, store, id, created_ms, segments, dictionary, inputs, conflicts } = place;
    let choice = choose(batch, known, segments);
    let options = SegmentOptions {
        level: config.level,
        block_bytes: config.block_bytes,
        dictionary,
        tier: Tier::Normal,
        created_ms,
        jobs: config.jobs,
    };
    let mut writer = SegmentWriter::create(fs, root, store, id, options)?;
    let mut written = Written::default();
    write_records(&mut writer, batch, &choice, &mut written)?;
    let row = writer.finish(inputs, conflicts)?;
    for (value, fit) in batch.values.iter().zip(&choice.fits) {
        match fit {
            Fit::Inline => known.note_single(&value.hash),
            Fit::Here => known.note_stored(value.hash),
            Fit::Elsewhere => {}
        }
    }
    written.segments = 1;
    written.records = wide(batch.records.len());
    written.payload_bytes = batch.raw_bytes();
    written.file_bytes = row.bytes;
    Ok((row, written))
}

fn write_records(writer: &mut SegmentWriter<'_>, batch: &Batch, choice: &Choice, written: &mut Written) -> Result<()> {
    let mut uses = Vec::new();
    for kept in &batch.records {
        let payload = batch.payload(kept);
        uses.clear();
        let fits = choice.fits.get(kept.values.clone()).unwrap_or_default();
        for (FoundValue { hash, range }, fit) in batch.values_of(kept).iter().zip(fits) {
            match fit {
                Fit::Inline => {
                    writer.single(hash.short());
                    continue;
                }
                Fit::Here => drop(writer.value(*hash, payload.get(range.clone()).unwrap_or_default())?),
                Fit::Elsewhere => {}
            }
            written.references = written.references.saturating_add(1);
            written.referenced_bytes = written.referenced_bytes.saturating_add(wide(range.len()));
            uses.push(ValueUse { range: range.clone(), hash: *hash });
        }
        let record = RecordRef {
            stream: kept.stream,
            ordinal: kept.ordinal,
            journal: kept.journal,
            lease_epoch: kept.lease_epoch,
            clock: kept.clock,
            codec: kept.codec,
            payload,
        };
        writer.record(&record, &uses)?;
    }
    Ok(())
}

/// The store's dictionary; trained from this batch if there is none yet, and enough to learn from.
fn dictionary_for(
    maintenance: &mut Maintenance,
    batch: &Batch,
    config: &Config,
) -> Result<(Option<Arc<Dictionary>>, Option<DictionaryRow>)> {
    if let Some(dictionary) = newest_dictionary(maintenance)? {
        return Ok((Some(dictionary), None));
    }
    let Some(bytes) = train(batch, config)? else { return Ok((None, None)) };
    let (dictionary, row) = new_dictionary(maintenance, bytes)?;
    Ok((Some(dictionary), Some(row)))
}

/// The dictionary that was trained last.
pub(crate) fn newest_dictionary(maintenance: &Maintenance) -> Result<Option<Arc<Dictionary>>> {
    let sealed = maintenance.sealed();
    let newest = sealed.manifest().dictionaries.iter().map(|row| row.id).max();
    Ok(newest.map(|id| sealed.dictionaries().get(id)).transpose()?)
}

/// Writes a dictionary. It lives once a MANIFEST names it.
pub(crate) fn new_dictionary(
    maintenance: &mut Maintenance,
    bytes: Vec<u8>,
) -> Result<(Arc<Dictionary>, DictionaryRow)> {
    let number = maintenance.number();
    let refused = |reason: &str| Error::Dictionary { reason: reason.to_owned() };
    let id = DictionaryId(u32::try_from(number).map_err(|_| refused("all numbers were given out"))?);
    let dictionary = Dictionary::new(id, bytes).ok_or_else(|| refused("no memory for it"))?;
    let row = write_dictionary(&*maintenance.fs, &maintenance.root, maintenance.store, &dictionary)?;
    Ok((Arc::new(dictionary), row))
}
