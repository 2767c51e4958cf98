//! Erasing: what nobody needs any more leaves the disk, wherever it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::sealed::{Dictionary, DictionaryId, SealedId};
use threadlog_engine::{Engine, Error as EngineError, Holders, JournalHolder, ReadLog, StreamId};

use crate::compact::{merge_around_damage, to_be_erased};
use crate::config::Config;
use crate::cursor::Cursor;
use crate::dictionary::Samples;
use crate::error::Result;
use crate::maintenance::Maintenance;
use crate::merge::{drop_dictionaries, needed_dictionaries};
use crate::report::Written;
use crate::rules::{BLANK_CODEC, Fate, Rules, Watch};
use crate::seal::seal;
use crate::taint::Taint;
use crate::write::{new_dictionary, newest_dictionary};

/// What erasing did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Erased {
    /// What was written, and given back.
    pub written: Written,
    /// Dictionaries that went because text of the erased stood in them, or that were left of an earlier time.
    pub dictionaries: u64,
    /// Who has something of it that only they can let go: segments that they write. Erase again when they have ended.
    pub pending: Vec<Pending>,
    /// Segments that hold something of it and cannot be written again, because they are damaged.
    pub damaged: BTreeMap<SealedId, EngineError>,
}

/// A stream of which another process still has something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The stream.
    pub stream: StreamId,
    /// The journals that it may stand in, and who writes them; empty if nobody is known to.
    pub holders: Vec<JournalHolder>,
}

/// Removes every byte of streams whose fate says so: from hot segments and files of large records, sealed segments, values
/// that nobody else uses, and dictionaries that hold text of theirs.
///
/// *Durability:* everything that was removed was removed behind a durable MANIFEST; what a crash interrupts is finished by
/// erasing again. *Cost:* writes again the segments that hold something of it, once; where text stands in a dictionary, all
/// that were compressed with it. Needs room on disk for the largest of these segments.
///
/// # Errors
/// A full disk or a failing one, [`Error::Stopped`](crate::Error::Stopped). Nothing else was lost; erase again.
pub fn erase(
    maintenance: &mut Maintenance,
    engine: &Engine,
    rules: &dyn Rules,
    config: &Config,
    watch: &dyn Watch,
) -> Result<Erased> {
    let mut erased = Erased::default();
    engine.refresh()?;
    // Before anything goes: what is gone cannot be looked for in a dictionary any more. From here on every dictionary but
    // the newest is on its way out, whoever goes on with it.
    if is_tainted(maintenance, engine, rules, watch)? {
        retire_dictionary(maintenance, rules, config)?;
    }
    erased.written += seal(maintenance, engine, true, rules, config, watch)?;
    let renew = &mut || {
        engine.renew_sealed()?;
        Ok(())
    };
    let before = maintenance.sealed().manifest().dictionaries.len();
    loop {
        let mut segments = to_be_erased(maintenance, rules);
        segments.extend(with_old_dictionaries(maintenance));
        segments.retain(|id| !erased.damaged.contains_key(id));
        if segments.is_empty() {
            break;
        }
        for id in segments {
            let damaged = &mut erased.damaged;
            erased.written += merge_around_damage(maintenance, &[id], rules, config, watch, damaged, renew)?;
        }
    }
    let files = drop_dictionaries(maintenance)?;
    maintenance.remove_all(&files);
    let after = maintenance.sealed().manifest().dictionaries.len();
    erased.dictionaries = threadlog_engine::number::wide(before.saturating_sub(after));
    erased.pending = pending(maintenance, engine, rules)?;
    Ok(erased)
}

/// Whether a dictionary has text that only streams have that are to be erased.
fn is_tainted(maintenance: &Maintenance, engine: &Engine, rules: &dyn Rules, watch: &dyn Watch) -> Result<bool> {
    let Some(newest) = newest_dictionary(maintenance)? else { return Ok(false) };
    let mut taint = Taint::of([newest.raw()].into_iter());
    let streams: Vec<StreamId> = engine.streams().into_iter().map(|info| info.stream).collect();
    for stream in &streams {
        let fate = rules.fate(stream);
        if !matches!(fate, Fate::Keep | Fate::Archive) {
            for record in engine.read(stream, 0..u64::MAX).flatten() {
                if !stays(rules, fate, &record) {
                    taint.suspect(&record.payload);
                }
            }
        }
    }
    for stream in &streams {
        if taint.is_clean() {
            return Ok(false);
        }
        if watch.stop() {
            return Err(crate::Error::Stopped);
        }
        let fate = rules.fate(stream);
        for record in engine.read(stream, 0..u64::MAX).flatten() {
            if stays(rules, fate, &record) {
                taint.acquit(&record.payload);
            }
        }
    }
    Ok(taint.taints(newest.raw()))
}

fn stays(rules: &dyn Rules, fate: Fate, record: &threadlog_engine::Record) -> bool {
    match fate {
        Fate::Keep | Fate::Archive => true,
        Fate::KeepBelow(end) => record.ordinal < end,
        Fate::Drop => false,
        Fate::Blank => record.codec == BLANK_CODEC || rules.is_kept(&record.stream, record.codec, &record.payload),
    }
}

/// Puts a dictionary in the place of the newest, made from streams that stay; of hardly anything, if they are too few.
fn retire_dictionary(maintenance: &mut Maintenance, rules: &dyn Rules, config: &Config) -> Result<()> {
    let bytes = train(maintenance, rules, config)?;
    let (_, row): (Arc<Dictionary>, _) = new_dictionary(maintenance, bytes)?;
    maintenance.edit(|manifest| manifest.dictionaries.push(row))
}

fn train(maintenance: &Maintenance, rules: &dyn Rules, config: &Config) -> Result<Vec<u8>> {
    let mut samples = Samples::new(config.dictionary_bytes);
    'all: for segment in maintenance.sealed().segments() {
        for row in segment.footer().streams() {
            if !matches!(rules.fate(&row.stream), Fate::Keep | Fate::Archive) {
                continue;
            }
            let mut cursor = Cursor::at(segment, &row);
            for _ in 0..SAMPLES_PER_STREAM {
                let Some(place) = cursor.place() else { break };
                // What is damaged is no sample.
                if let Ok(record) = cursor.cache.stored(&place) {
                    samples.add(record.stored);
                }
                if samples.is_full() {
                    break 'all;
                }
                cursor.advance();
            }
        }
    }
    Ok(samples.train()?.unwrap_or_else(|| NOTHING.to_vec()))
}

/// So that no thread alone decides what is common.
const SAMPLES_PER_STREAM: usize = 256;

/// A dictionary that has nothing of anybody.
pub(crate) const NOTHING: &[u8] = &[0; 64];

/// Segments with blocks that need another dictionary than the newest.
fn with_old_dictionaries(maintenance: &Maintenance) -> BTreeSet<SealedId> {
    let manifest = maintenance.sealed().manifest();
    let newest = manifest.dictionaries.iter().map(|row| row.id).max();
    if needed_dictionaries(maintenance).iter().all(|id| Some(*id) == newest) {
        return BTreeSet::new();
    }
    let segments = maintenance.sealed().segments().iter();
    let is_old = |id: DictionaryId| Some(id) != newest;
    let needs_old = segments.filter(|segment| {
        let footer = segment.footer();
        (0..footer.block_count()).filter_map(|block| footer.block(block)?.header.dictionary).any(is_old)
    });
    needs_old.map(|segment| segment.id()).collect()
}

/// Streams of which something stands where only another process can let it go.
fn pending(maintenance: &Maintenance, engine: &Engine, rules: &dyn Rules) -> Result<Vec<Pending>> {
    engine.refresh()?;
    let mut left = Vec::new();
    for info in engine.streams() {
        let fate = rules.fate(&info.stream);
        if matches!(fate, Fate::Keep | Fate::Archive) {
            continue;
        }
        let hot = engine.hot_journals(&info.stream);
        let from = maintenance.sealed().head(&info.stream).map_or(0, |head| head.next_ordinal);
        let mut there = engine.read(&info.stream, from..u64::MAX).flatten();
        if !hot.is_empty() && there.any(|record| !stays(rules, fate, &record)) {
            left.push((info.stream, hot));
        }
    }
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let fs: Arc<dyn Fs> = Arc::clone(&maintenance.fs);
    let writers = match Holders::open(fs, &maintenance.root)? {
        Some(holders) => holders.writers()?,
        None => Vec::new(),
    };
    let of = |hot: &[u32]| writers.iter().filter(|writer| hot.contains(&writer.journal)).cloned().collect();
    Ok(left.into_iter().map(|(stream, hot)| Pending { stream, holders: of(&hot) }).collect())
}

#[cfg(test)]
#[path = "erase_tests.rs"]
mod tests;
