//! What a merge writes: a segment of threads in use, and one of archived threads, if there are such.

use std::collections::HashSet;
use std::sync::Arc;

use std::path::Path;
use threadlog_engine::fs::Fs;
use threadlog_engine::sealed::{
    Dictionary, Input, RecordRef, SegmentOptions, SegmentRow, SegmentWriter, StoredRecord, Tier, ValueHash,
};
use threadlog_engine::{Conflict, StreamId};

use crate::config::Config;
use crate::error::Result;
use threadlog_engine::sealed::SealedId;

/// Where a merge's segments go.
pub(crate) struct Target<'a> {
    pub fs: &'a dyn Fs,
    pub root: &'a Path,
    pub store: [u8; 16],
    pub created_ms: u64,
    pub config: &'a Config,
    pub dictionary: Option<Arc<Dictionary>>,
    /// Names for the two.
    pub names: [SealedId; 2],
    /// Names the edit, if it makes both.
    pub edit: u64,
}

/// The segments in the making.
pub(crate) struct Output<'a> {
    target: Target<'a>,
    normal: Option<SegmentWriter<'a>>,
    archived: Option<SegmentWriter<'a>>,
    /// Values that the records written so far use.
    pub used: HashSet<ValueHash>,
    pub records: u64,
    pub payload_bytes: u64,
}

impl<'a> Output<'a> {
    pub fn new(target: Target<'a>) -> Output<'a> {
        Output { target, normal: None, archived: None, used: HashSet::new(), records: 0, payload_bytes: 0 }
    }

    /// The segment of a tier, made when something goes into it.
    fn writer(&mut self, tier: Tier) -> Result<&mut SegmentWriter<'a>> {
        let config = self.target.config;
        let (slot, [id, _]) = match tier {
            Tier::Normal => (&mut self.normal, self.target.names),
            Tier::Archived => {
                let [normal, archived] = self.target.names;
                (&mut self.archived, [archived, normal])
            }
        };
        if slot.is_none() {
            let (level, block_bytes) = match tier {
                Tier::Normal => (config.merge_level, config.block_bytes),
                Tier::Archived => (config.archived_level, config.archived_block_bytes),
            };
            let options = SegmentOptions {
                level,
                block_bytes,
                dictionary: self.target.dictionary.clone(),
                tier,
                created_ms: self.target.created_ms,
                jobs: config.jobs,
            };
            let Target { fs, root, store, .. } = self.target;
            *slot = Some(SegmentWriter::create(fs, root, store, id, options)?);
        }
        // It was made a line above, if it was not there.
        slot.as_mut().ok_or(crate::error::Error::Stopped)
    }

    /// Adds a record as it is stored.
    pub fn stored(
        &mut self,
        tier: Tier,
        (stream, ordinal): (StreamId, u64),
        journal: u8,
        record: &StoredRecord<'_>,
    ) -> Result<()> {
        self.writer(tier)?.stored(stream, ordinal, journal, record)?;
        self.used.extend(record.refs.iter().map(|(_, value)| value.hash));
        self.count(u64::from(record.payload_bytes));
        Ok(())
    }

    /// Adds a whole record.
    pub fn record(&mut self, tier: Tier, record: &RecordRef<'_>) -> Result<()> {
        self.writer(tier)?.record(record, &[])?;
        self.count(threadlog_engine::number::wide(record.payload.len()));
        Ok(())
    }

    fn count(&mut self, payload_bytes: u64) {
        self.records = self.records.saturating_add(1);
        self.payload_bytes = self.payload_bytes.saturating_add(payload_bytes);
    }

    /// Adds a value; `false` if it is there already. It goes to the threads in use, unless there are none.
    pub fn value(&mut self, hash: ValueHash, bytes: &[u8]) -> Result<bool> {
        let tier = self.tier_of_values();
        Ok(self.writer(tier)?.value(hash, bytes)?)
    }

    /// Notes values that stand inside a record of this tier.
    pub fn singles(&mut self, tier: Tier, shorts: &mut Vec<u32>) -> Result<()> {
        if shorts.is_empty() {
            return Ok(());
        }
        let writer = self.writer(tier)?;
        shorts.drain(..).for_each(|short| writer.single(short));
        Ok(())
    }

    fn tier_of_values(&self) -> Tier {
        if self.normal.is_none() && self.archived.is_some() { Tier::Archived } else { Tier::Normal }
    }

    /// Ends them: the segments made, none if nothing was added and nothing has to be remembered.
    ///
    /// *Durability:* files and names are synced; they live once a MANIFEST names them.
    pub fn finish(mut self, inputs: Vec<Input>, conflicts: Vec<Conflict>) -> Result<Vec<SegmentRow>> {
        let must_remember = inputs.iter().any(|input| matches!(input, Input::Journal(_))) || !conflicts.is_empty();
        if self.normal.is_none() && self.archived.is_none() && must_remember {
            self.writer(Tier::Normal)?;
        }
        let edit = self.target.edit;
        match (self.normal, self.archived) {
            (None, None) => Ok(Vec::new()),
            (Some(one), None) | (None, Some(one)) => Ok(vec![one.finish(inputs, conflicts)?]),
            (Some(normal), Some(archived)) => {
                let part = |index, count| Input::Part { edit, index, count };
                let first = archived.finish(vec![part(0, 0)], Vec::new())?;
                let inputs = inputs.into_iter().chain([part(1, 2)]).collect();
                Ok(vec![first, normal.finish(inputs, conflicts)?])
            }
        }
    }
}
