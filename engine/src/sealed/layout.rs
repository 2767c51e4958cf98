//! A footer gathered from blocks as they are written, or found again.

use std::collections::{BTreeSet, HashSet};

use crate::id::StreamId;
use crate::journal::index::Conflict;
use crate::number::short;
use crate::sealed::footer::{FooterRows, FooterSummary};
use crate::sealed::id::{SealedId, ValueHash};
use crate::sealed::manifest::Tier;
use crate::sealed::rows::{BlockRow, ExtentRow, Input, StreamRow, ValueRow};

/// What is known of an extent of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtentFacts {
    pub stream: StreamId,
    pub journal: u8,
    pub first_ordinal: u64,
    pub count: u32,
    pub payload_bytes: u64,
    pub lease_epoch_max: u64,
}

/// A footer in the making.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    extents: Vec<(ExtentFacts, u32, u16)>,
    blocks: Vec<BlockRow>,
    values: Vec<ValueRow>,
    known: HashSet<ValueHash>,
    used: HashSet<ValueHash>,
    pub singles: BTreeSet<u32>,
}

impl Layout {
    /// Notes the extents of a block of records, in the block's order.
    pub fn records(&mut self, block: u32, extents: impl Iterator<Item = ExtentFacts>) {
        self.extents.extend((0..).zip(extents).map(|(index, facts)| (facts, block, index)));
    }

    /// Notes that records use a value.
    pub fn uses(&mut self, hash: ValueHash) {
        self.used.insert(hash);
    }

    /// Announces a value that will stand here; `false` if it was announced before.
    pub fn announce(&mut self, hash: ValueHash) -> bool {
        self.known.insert(hash)
    }

    /// Notes where an announced value stands.
    pub fn value(&mut self, row: ValueRow) {
        self.values.push(row);
    }

    /// Notes where the next block stands.
    pub fn block(&mut self, row: BlockRow) {
        self.blocks.push(row);
    }

    /// The footer's rows and what they sum up to.
    pub fn finish(
        mut self,
        id: SealedId,
        tier: Tier,
        conflicts: Vec<Conflict>,
        inputs: Vec<Input>,
    ) -> (FooterRows, FooterSummary) {
        self.extents.sort_by_key(|(facts, block, index)| (facts.stream, facts.first_ordinal, *block, *index));
        let mut streams: Vec<StreamRow> = Vec::new();
        let mut extents = Vec::with_capacity(self.extents.len());
        let (mut records, mut payload_bytes) = (0_u64, 0_u64);
        for (facts, block, index) in &self.extents {
            let end = facts.first_ordinal.saturating_add(facts.count.into());
            records = records.saturating_add(facts.count.into());
            payload_bytes = payload_bytes.saturating_add(facts.payload_bytes);
            if streams.last().is_none_or(|row| row.stream != facts.stream) {
                streams.push(StreamRow {
                    stream: facts.stream,
                    last_journal: 0,
                    next_ordinal: 0,
                    lease_epoch_max: 0,
                    payload_bytes: 0,
                    first_extent: short(extents.len()),
                    extent_count: 0,
                });
            }
            if let Some(row) = streams.last_mut() {
                if end >= row.next_ordinal {
                    (row.next_ordinal, row.last_journal) = (end, facts.journal);
                }
                row.lease_epoch_max = row.lease_epoch_max.max(facts.lease_epoch_max);
                row.payload_bytes = row.payload_bytes.saturating_add(facts.payload_bytes);
                row.extent_count = row.extent_count.saturating_add(1);
            }
            let ExtentFacts { first_ordinal, count, journal, .. } = *facts;
            extents.push(ExtentRow { first_ordinal, count, block: *block, index: *index, journal });
        }
        let used_values = self.used;
        self.values.iter_mut().for_each(|row| row.used_here = used_values.contains(&row.hash));
        self.values.sort_by_key(|row| row.hash);
        let here: HashSet<ValueHash> = self.values.iter().map(|row| row.hash).collect();
        let mut used: Vec<ValueHash> = used_values.into_iter().filter(|hash| !here.contains(hash)).collect();
        used.sort_unstable();
        let singles = self.singles.into_iter().collect();
        let rows =
            FooterRows { streams, extents, blocks: self.blocks, values: self.values, used, conflicts, inputs, singles };
        (rows, FooterSummary { id, tier, records, payload_bytes })
    }
}
