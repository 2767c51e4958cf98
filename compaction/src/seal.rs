//! Hot segments become sealed ones.

use std::path::PathBuf;
use std::sync::Arc;

use threadlog_engine::number::wide;
use threadlog_engine::seal::Source;
use threadlog_engine::sealed::{Dictionaries, Dictionary, DictionaryRow, Input, SealedSegment, SegmentRow};
use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Engine, Error as EngineError, ReadLog, Record};

use crate::batch::{Batch, NewSealed, Values};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::known::Known;
use crate::maintenance::Maintenance;
use crate::report::Written;
use crate::rules::{BLANK_CODEC, Fate, Rules, Watch};
use crate::write::{Beside, write_batch};

/// Seals all that can be sealed of all journals: of those that other processes write, the segments that they have left.
///
/// With `all`, the engine's own journal begins a new segment first, so that everything that it made durable is sealed.
/// *Durability:* as [`seal_journal`], each time.
///
/// # Errors
/// As [`seal_journal`]. What was sealed until then stays sealed.
pub fn seal(
    maintenance: &mut Maintenance,
    engine: &Engine,
    all: bool,
    rules: &dyn Rules,
    config: &Config,
    watch: &dyn Watch,
) -> Result<Written> {
    // Journals that were made since are sealed too.
    engine.refresh()?;
    if all {
        engine.end_segment()?;
    }
    let mut total = Written::default();
    let mut journals = engine.journal_numbers();
    journals.sort_unstable();
    for journal in journals {
        while let Some(written) = seal_journal(maintenance, engine, journal, rules, config, watch)? {
            total += written;
        }
    }
    Ok(total)
}

/// Seals the first segments of a journal, about [`Config::batch_bytes`] of them; `None` if there is nothing to seal.
///
/// Records of dead streams are left out. Segments with damaged records, and those behind them, stay as they are.
///
/// *Durability:* the sealed files are durable before MANIFEST names them, and the hot files go after that: a crash in
/// between leaves files that nobody needs. *Memory:* a batch, twice over; a record, if that is longer. Needs room on disk for
/// what it writes; gives back that of the hot segments.
///
/// # Errors
/// A full disk or a failing one, [`Error::Stopped`]: then the records stay hot.
pub fn seal_journal(
    maintenance: &mut Maintenance,
    engine: &Engine,
    journal: u32,
    rules: &dyn Rules,
    config: &Config,
    watch: &dyn Watch,
) -> Result<Option<Written>> {
    config.validate()?;
    let Some(mut source) = engine.sealable(journal, wide(config.batch_bytes))? else { return Ok(None) };
    let mut written = Written::default();
    if maintenance.sealed().base(journal) != Some(source.base()) {
        let mut sealing = Sealing::new(maintenance, rules, config, watch, journal)?;
        let sealed = sealing.run(&mut source);
        let Sealing { rows, dictionary_row, written: made, .. } = sealing;
        if let Err(error) = sealed {
            maintenance.remove_all(&paths(maintenance, &rows));
            return Err(error);
        }
        written = made;
        let base = source.base();
        if bug(Bug::HotRemovedFirst) {
            source.remove_files()?;
        }
        maintenance.edit(|manifest| {
            manifest.segments.extend(rows);
            manifest.dictionaries.extend(dictionary_row);
            manifest.journals.retain(|other| other.journal != journal);
            manifest.journals.push(base);
        })?;
    } else {
        // Sealed before, and perhaps by somebody who never learnt that it was durable.
        maintenance.confirm()?;
    }
    engine.renew_sealed()?;
    let removed = source.remove()?;
    written.files_replaced = removed.files;
    written.replaced_bytes = removed.bytes;
    Ok(Some(written))
}

fn paths(maintenance: &Maintenance, rows: &[SegmentRow]) -> Vec<PathBuf> {
    rows.iter().map(|row| row.id.path(&maintenance.root)).collect()
}

/// One journal's records on their way into sealed segments.
struct Sealing<'a> {
    maintenance: &'a mut Maintenance,
    rules: &'a dyn Rules,
    config: &'a Config,
    watch: &'a dyn Watch,
    journal: u8,
    edit: u64,
    known: Known,
    batch: Batch,
    values: Values,
    /// Segments made so far.
    rows: Vec<SegmentRow>,
    made: Vec<Arc<SealedSegment>>,
    dictionary: Option<Arc<Dictionary>>,
    dictionary_row: Option<DictionaryRow>,
    written: Written,
}

impl<'a> Sealing<'a> {
    fn new(
        maintenance: &'a mut Maintenance,
        rules: &'a dyn Rules,
        config: &'a Config,
        watch: &'a dyn Watch,
        journal: u32,
    ) -> Result<Sealing<'a>> {
        let edit = maintenance.new_segment()?.salt;
        let known = Known::of(maintenance.sealed());
        Ok(Sealing {
            maintenance,
            rules,
            config,
            watch,
            // A store has at most 255 journals.
            journal: u8::try_from(journal).unwrap_or(u8::MAX),
            edit,
            known,
            batch: Batch::default(),
            values: Values::default(),
            rows: Vec::new(),
            made: Vec::new(),
            dictionary: None,
            dictionary_row: None,
            written: Written::default(),
        })
    }

    fn run(&mut self, source: &mut Source) -> Result<()> {
        let mut failure = None;
        let read = source.read(&mut |record| {
            self.add(&record).map_err(|error| {
                failure = Some(error);
                // Ends the reading; what it was stands in `failure`.
                EngineError::Closed
            })
        });
        match (failure, read) {
            (Some(error), _) => return Err(error),
            (None, read) => read?,
        }
        self.cut(Some(source))
    }

    fn add(&mut self, record: &Record) -> Result<()> {
        let (stream, ordinal) = (record.stream, record.ordinal);
        let mut codec = record.codec;
        let mut payload = record.payload.as_slice();
        let stays = match self.rules.fate(&stream) {
            Fate::Keep | Fate::Archive => true,
            Fate::KeepBelow(end) => ordinal < end,
            Fate::Drop => false,
            Fate::Blank => {
                if !self.rules.is_kept(&stream, codec, payload) {
                    (codec, payload) = (BLANK_CODEC, &[]);
                }
                true
            }
        };
        if !stays || payload.len() < record.payload.len() {
            self.written.records_dropped = self.written.records_dropped.saturating_add(1);
            self.written.dropped_bytes = self.written.dropped_bytes.saturating_add(wide(record.payload.len()));
        }
        if !stays {
            return Ok(());
        }
        if self.batch.is_full(payload.len(), self.config.batch_bytes) {
            self.cut(None)?;
        }
        self.values.find(self.rules.find(), codec, payload);
        let (lease_epoch, clock, journal) = (record.lease_epoch, record.clock, self.journal);
        self.batch
            .push(&NewSealed { stream, ordinal, lease_epoch, clock, codec, journal, payload }, &self.values.found);
        Ok(())
    }

    /// Writes a segment. The last one says where the journal goes on.
    fn cut(&mut self, last: Option<&Source>) -> Result<()> {
        if self.watch.stop() {
            return Err(Error::Stopped);
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.sort();
        let index = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let count = if last.is_some() { index.saturating_add(1) } else { 0 };
        let mut inputs: Vec<Input> = last.map(|source| Input::Journal(source.base())).into_iter().collect();
        if count != 1 {
            inputs.push(Input::Part { edit: self.edit, index, count });
        }
        let beside = Beside {
            inputs,
            conflicts: last.map(|source| source.conflicts().to_vec()).unwrap_or_default(),
            made: &self.made,
            dictionary: self.dictionary.clone(),
        };
        let made = write_batch(self.maintenance, &mut self.known, &batch, beside, self.config)?;
        self.rows.push(made.row);
        self.written += made.written;
        self.watch.advanced(made.written.payload_bytes);
        self.dictionary_row = self.dictionary_row.or(made.dictionary);
        if last.is_none() {
            self.remember(&made.row)?;
        }
        Ok(())
    }

    /// Makes what was written a moment ago readable: what follows may refer to it.
    fn remember(&mut self, row: &SegmentRow) -> Result<()> {
        let sealed = self.maintenance.sealed();
        let mut rows = sealed.manifest().dictionaries.clone();
        rows.extend(self.dictionary_row);
        let Maintenance { fs, root, store, .. } = &*self.maintenance;
        let dictionaries = Dictionaries::open(&**fs, root, *store, &rows, Some(sealed.dictionaries()))?;
        let dictionaries = Arc::new(dictionaries);
        if let Some(trained) = self.dictionary_row {
            self.dictionary = Some(dictionaries.get(trained.id)?);
        }
        self.made.push(SealedSegment::open(&**fs, root, row, &dictionaries)?);
        Ok(())
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
