//! Several sealed segments become one: fewer places to look into, nothing kept that nobody needs.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use threadlog_engine::number::wide;
use threadlog_engine::sealed::{
    DictionaryId, Input, JournalBase, Manifest, RecordRef, Sealed, SealedId, SealedSegment, SegmentRow, Tier,
    ValueHash, ValueRow,
};
use threadlog_engine::{Conflict, Error as EngineError, StreamId};

use crate::config::Config;
use crate::cursor::{Cursor, least};
use crate::error::{Error, Result};
use crate::maintenance::Maintenance;
use crate::output::{Output, Target};
use crate::report::Written;
use crate::rules::{BLANK_CODEC, Fate, Rules, Watch};
use crate::stored::StoredValues;
use crate::upgrade::Upgrades;
use crate::write::newest_dictionary;

/// Records between two questions whether to stop.
const STEP_RECORDS: u64 = 4096;

/// Merges the segments of these names into one (two, if some of their threads are archived and others not).
///
/// Records of dead streams, values that nobody refers to and dictionaries that no block needs are left out; values that
/// occur in several segments by now are stored once. `renew` is called when the new segments live and before the old
/// ones are removed.
///
/// *Durability:* atomic at the edit of MANIFEST; after a crash either the old ones or the new ones live. *Memory:* a block
/// of each segment, the blocks that are being compressed, and tables of the store's values. Needs room on disk for what
/// it writes; gives back that of the old ones.
///
/// # Errors
/// Damage in one of them, a full disk, [`Error::Stopped`]: then the old ones live on.
pub fn merge(
    maintenance: &mut Maintenance,
    ids: &[SealedId],
    rules: &dyn Rules,
    config: &Config,
    watch: &dyn Watch,
    renew: &mut dyn FnMut() -> Result<()>,
) -> Result<Written> {
    let names = [maintenance.new_segment()?, maintenance.new_segment()?];
    let sealed = Arc::clone(maintenance.sealed());
    let (inputs, others): (Vec<_>, Vec<_>) =
        sealed.segments().iter().cloned().partition(|segment| ids.contains(&segment.id()));
    let target = Target {
        fs: &*maintenance.fs,
        root: &maintenance.root,
        store: maintenance.store,
        created_ms: maintenance.clock.now_ms(),
        config,
        dictionary: newest_dictionary(maintenance)?,
        names,
        edit: names.iter().map(|id| id.salt).fold(0, |mix, salt| mix.rotate_left(1) ^ salt),
    };
    let work = Merge {
        inputs: &inputs,
        others: &others,
        rules,
        watch,
        upgrades: Upgrades::new(&sealed, rules.find()),
        output: Output::new(target),
        written: Written::default(),
        conflicts: Vec::new(),
        singles: Vec::new(),
    };
    let (rows, written) = work.run(&sealed)?;
    replace(maintenance, &inputs, rows, renew)?;
    Ok(written)
}

/// Puts segments in the place of others, and removes these and the dictionaries that only they needed.
fn replace(
    maintenance: &mut Maintenance,
    inputs: &[Arc<SealedSegment>],
    rows: Vec<SegmentRow>,
    renew: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let gone: HashSet<SealedId> = inputs.iter().map(|segment| segment.id()).collect();
    maintenance.edit(|manifest| {
        manifest.segments.retain(|row| !gone.contains(&row.id));
        manifest.segments.extend(rows);
    })?;
    let mut paths: Vec<PathBuf> = inputs.iter().map(|segment| segment.path().to_owned()).collect();
    paths.extend(drop_dictionaries(maintenance)?);
    renew()?;
    maintenance.remove_all(&paths);
    Ok(())
}

/// Takes dictionaries out of MANIFEST that no block needs; their files. The newest stays: it is for what comes.
pub(crate) fn drop_dictionaries(maintenance: &mut Maintenance) -> Result<Vec<PathBuf>> {
    let needed = needed_dictionaries(maintenance);
    let manifest: &Manifest = maintenance.sealed().manifest();
    let newest = manifest.dictionaries.iter().map(|row| row.id).max();
    let gone: Vec<DictionaryId> = manifest
        .dictionaries
        .iter()
        .map(|row| row.id)
        .filter(|id| Some(*id) != newest && !needed.contains(id))
        .collect();
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let paths = gone.iter().map(|id| id.path(&maintenance.root)).collect();
    maintenance.edit(|manifest| manifest.dictionaries.retain(|row| !gone.contains(&row.id)))?;
    Ok(paths)
}

/// Dictionaries that some block needs. *Cost:* a pass over the rows of all blocks.
pub(crate) fn needed_dictionaries(maintenance: &Maintenance) -> HashSet<DictionaryId> {
    let mut needed = HashSet::new();
    for segment in maintenance.sealed().segments() {
        let footer = segment.footer();
        let blocks = (0..footer.block_count()).filter_map(|block| footer.block(block));
        needed.extend(blocks.filter_map(|row| row.header.dictionary));
    }
    needed
}

/// What the new segment says it was made of: the old ones, and how far each journal was sealed into them.
fn sources(inputs: &[Arc<SealedSegment>]) -> Vec<Input> {
    let mut bases: BTreeMap<u32, JournalBase> = BTreeMap::new();
    for input in inputs.iter().flat_map(|segment| segment.footer().inputs()) {
        let Input::Journal(base) = input else { continue };
        let known = bases.entry(base.journal).or_insert(base);
        if known.upto < base.upto {
            *known = base;
        }
    }
    let segments = inputs.iter().map(|segment| Input::Sealed(segment.id()));
    segments.chain(bases.into_values().map(Input::Journal)).collect()
}

fn inherited_conflicts(inputs: &[Arc<SealedSegment>], rules: &dyn Rules) -> Vec<Conflict> {
    let all = inputs.iter().flat_map(|segment| segment.footer().conflicts());
    all.filter(|conflict| !matches!(rules.fate(&conflict.stream), Fate::Drop | Fate::Blank)).collect()
}

/// One merge.
struct Merge<'a> {
    inputs: &'a [Arc<SealedSegment>],
    others: &'a [Arc<SealedSegment>],
    rules: &'a dyn Rules,
    watch: &'a dyn Watch,
    upgrades: Upgrades<'a>,
    output: Output<'a>,
    written: Written,
    conflicts: Vec<Conflict>,
    singles: Vec<u32>,
}

impl Merge<'_> {
    /// Writes the new segments.
    fn run(mut self, sealed: &Sealed) -> Result<(Vec<SegmentRow>, Written)> {
        self.records(sealed)?;
        self.values()?;
        let Merge { inputs, rules, output, mut written, mut conflicts, .. } = self;
        conflicts.extend(inherited_conflicts(inputs, rules));
        conflicts.sort_by_key(|conflict| (conflict.stream, conflict.ordinal, conflict.lost_lease_epoch));
        conflicts.dedup();
        (written.records, written.payload_bytes) = (output.records, output.payload_bytes);
        let rows = output.finish(sources(inputs), conflicts)?;
        written.segments = wide(rows.len());
        written.file_bytes = rows.iter().map(|row| row.bytes).sum();
        written.files_replaced = wide(inputs.len());
        written.replaced_bytes = inputs.iter().map(|segment| segment.row().bytes).sum();
        Ok((rows, written))
    }

    /// Moves the records, by stream and ordinal.
    fn records(&mut self, sealed: &Sealed) -> Result<()> {
        let mut cursors: Vec<Cursor> = self.inputs.iter().map(Cursor::new).collect();
        let mut at = Vec::new();
        let mut stream = None;
        let mut fate = Fate::Keep;
        let (mut count, mut told) = (0_u64, 0_u64);
        while let Some(key) = least(&cursors, &mut at) {
            if stream != Some(key.0) {
                (stream, fate) = (Some(key.0), self.rules.fate(&key.0));
            }
            let winner = self.settle(sealed, &mut cursors, &at, key)?;
            if let Some(cursor) = winner.and_then(|winner| cursors.get_mut(winner)) {
                self.one(cursor, key, fate)?;
            }
            for index in &at {
                if let Some(cursor) = cursors.get_mut(*index) {
                    cursor.advance();
                }
            }
            count = count.saturating_add(1);
            if count % STEP_RECORDS == 0 {
                self.watch.advanced(self.output.payload_bytes.saturating_sub(told));
                told = self.output.payload_bytes;
                if self.watch.stop() {
                    return Err(Error::Stopped);
                }
            }
        }
        Ok(())
    }

    /// Of records that claim one place, the one that counts: that of the highest lease epoch, then of the highest journal.
    fn settle(
        &mut self,
        sealed: &Sealed,
        cursors: &mut [Cursor],
        at: &[usize],
        (stream, ordinal): (StreamId, u64),
    ) -> Result<Option<usize>> {
        if let [one] = at {
            return Ok(Some(*one));
        }
        let mut claims = Vec::new();
        for index in at {
            let Some(cursor) = cursors.get_mut(*index) else { continue };
            let Some(place) = cursor.place() else { continue };
            let record = cursor.cache.record(sealed, &place)?;
            claims.push((record.lease_epoch, place.journal, record.payload, *index));
        }
        claims.sort_by_key(|(lease_epoch, journal, _, _)| (*lease_epoch, *journal));
        let Some((_, _, payload, winner)) = claims.pop() else { return Ok(None) };
        for (lost_lease_epoch, _, lost, _) in claims {
            self.written.records_dropped = self.written.records_dropped.saturating_add(1);
            if lost != payload {
                self.conflicts.push(Conflict { stream, ordinal, lost_lease_epoch });
            }
        }
        Ok(Some(winner))
    }

    /// Moves one record, or leaves it out.
    fn one(&mut self, cursor: &mut Cursor, (stream, ordinal): (StreamId, u64), fate: Fate) -> Result<()> {
        let Some(place) = cursor.place() else { return Ok(()) };
        let tier = if fate == Fate::Archive { Tier::Archived } else { Tier::Normal };
        let record = cursor.cache.stored(&place)?;
        match fate {
            Fate::Keep | Fate::Archive => {}
            Fate::KeepBelow(end) if ordinal < end => {}
            Fate::Blank if record.codec == BLANK_CODEC => {}
            // A record with shared values is long; what has to be kept for the sake of its meaning is not.
            Fate::Blank if record.refs.is_empty() && self.rules.is_kept(&stream, record.codec, record.stored) => {}
            fate => {
                self.written.records_dropped = self.written.records_dropped.saturating_add(1);
                self.written.dropped_bytes = self.written.dropped_bytes.saturating_add(u64::from(record.payload_bytes));
                if fate == Fate::Blank {
                    let (lease_epoch, clock) = (record.lease_epoch, record.clock);
                    let journal = place.journal;
                    let codec = BLANK_CODEC;
                    let blank = RecordRef { stream, ordinal, journal, lease_epoch, clock, codec, payload: &[] };
                    self.output.record(tier, &blank)?;
                }
                return Ok(());
            }
        }
        match self.upgrades.look(&record, &mut self.singles) {
            None => self.output.stored(tier, (stream, ordinal), place.journal, &record)?,
            Some(upgraded) => {
                let mut smaller = record.clone();
                (smaller.stored, smaller.refs) = (&upgraded.stored, upgraded.refs);
                smaller.checksum = upgraded.checksum;
                self.output.stored(tier, (stream, ordinal), place.journal, &smaller)?;
                for (hash, bytes) in &upgraded.new {
                    self.output.value(*hash, bytes)?;
                }
                self.written.references = self.written.references.saturating_add(upgraded.references);
                self.written.referenced_bytes = self.written.referenced_bytes.saturating_add(upgraded.referenced_bytes);
            }
        }
        self.output.singles(tier, &mut self.singles)
    }

    /// Carries on the values that somebody uses and nobody else has, in the order in which they stand.
    fn values(&mut self) -> Result<()> {
        let of_others: HashSet<ValueHash> = self.others.iter().flat_map(|segment| segment.footer().used()).collect();
        let elsewhere = |hash: &ValueHash| self.others.iter().any(|segment| segment.footer().value(hash).is_some());
        let mut carried: Vec<(&Arc<SealedSegment>, ValueRow)> = Vec::new();
        for segment in self.inputs {
            let rows = segment.footer().values();
            let needed = rows.filter(|row| self.output.used.contains(&row.hash) || of_others.contains(&row.hash));
            carried.extend(needed.filter(|row| !elsewhere(&row.hash)).map(|row| (segment, row)));
        }
        carried.sort_by_key(|(segment, row)| (segment.id(), row.block, row.offset));
        let mut stored = StoredValues::default();
        for (segment, row) in carried {
            let block = stored.block(segment, row.block)?;
            let Some(bytes) = block.get(row.offset, row.bytes) else {
                return Err(Error::Engine(EngineError::Corrupt {
                    path: segment.path().to_owned(),
                    offset: 0,
                    what: format!("value {} does not stand where the footer says", row.hash),
                    streams: Vec::new(),
                }));
            };
            self.output.value(row.hash, bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
