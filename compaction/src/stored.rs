//! Values that stand in sealed segments, read to be compared or carried on.

use std::collections::VecDeque;
use std::sync::Arc;

use threadlog_engine::sealed::values_block::ValuesBlock;
use threadlog_engine::sealed::{Decoder, SealedId, SealedSegment, ValueHash};

use crate::error::Result;

/// Blocks of values kept, at most.
const BLOCKS_KEPT: usize = 16;

/// Reads values, a few blocks of them kept.
#[derive(Default)]
pub(crate) struct StoredValues {
    blocks: VecDeque<((SealedId, u32), ValuesBlock)>,
    decoder: Decoder,
}

impl StoredValues {
    /// Whether one of the segments has a value of this name, sound and with exactly these bytes. Two values of one name
    /// would be a wonder; a record that came out as another would be a disaster.
    pub fn has(&mut self, segments: &[Arc<SealedSegment>], hash: &ValueHash, bytes: &[u8]) -> bool {
        segments.iter().any(|segment| {
            let Some(row) = segment.footer().value(hash) else { return false };
            self.block(segment, row.block).is_ok_and(|block| block.get(row.offset, row.bytes) == Some(bytes))
        })
    }

    /// A block of values.
    pub fn block(&mut self, segment: &SealedSegment, index: u32) -> Result<&ValuesBlock> {
        let key = (segment.id(), index);
        let at = match self.blocks.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                let block = segment.values(index, &mut self.decoder)?;
                self.blocks.truncate(BLOCKS_KEPT.saturating_sub(1));
                self.blocks.push_front((key, block));
                0
            }
        };
        let found = self.blocks.get(at).map(|(_, block)| block);
        found.ok_or(crate::error::Error::Stopped)
    }
}
