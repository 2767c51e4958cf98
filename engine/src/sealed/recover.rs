//! A segment whose footer is lost: made anew from the blocks, which describe themselves.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{File, Fs, MappedBytes, read_at_most};
use crate::number::{size, wide};
use crate::sealed::block_header::{
    BLOCK_HEADER_BYTES, BLOCK_MAGIC, BlockCodec, BlockHeader, BlockKind, block_checksum,
};
use crate::sealed::codec::Decoder;
use crate::sealed::columns::Columns;
use crate::sealed::dictionaries::Dictionaries;
use crate::sealed::footer::Footer;
use crate::sealed::header::{SEALED_HEADER_BYTES, SealedHeader};
use crate::sealed::id::{SealedId, ValueHash};
use crate::sealed::layout::{ExtentFacts, Layout};
use crate::sealed::manifest::{SegmentRow, Tier};
use crate::sealed::records_block::RecordsBlock;
use crate::sealed::rows::{BlockRow, ValueRow};
use crate::sealed::segment::{SealedSegment, corrupt};
use crate::sealed::values_block::ValuesBlock;

/// Where a block that is lost, or the footer, may be followed by another: looked at in pieces of this many bytes.
const SEARCH_BYTES: usize = 1 << 20;

/// What [`SealedSegment::recover`] found.
pub struct Recovered {
    /// The segment, with a footer in memory. Its row names no footer in the file.
    pub segment: Arc<SealedSegment>,
    /// Blocks that are damaged: what stood in them is not known any more.
    pub damage: Vec<Error>,
}

impl SealedSegment {
    /// Reads a segment without its footer: walks over its blocks, decompresses each, and makes the footer anew. What only
    /// the footer knew is missing: conflicts, inputs, and the list of values seen once.
    ///
    /// *Cost:* decompresses the whole segment. *Memory:* one block and the footer.
    ///
    /// # Errors
    /// An I/O error. Damaged blocks are no error but reported.
    pub fn recover(fs: &dyn Fs, root: &Path, id: SealedId, dictionaries: &Arc<Dictionaries>) -> Result<Recovered> {
        let path = id.path(root);
        let io = |op, error| Error::io(op, &path, error);
        let file = fs.open_immutable(&path).map_err(|error| io("open", error))?;
        let length = file.len().map_err(|error| io("read", error))?;
        let mut walk = Walk {
            file: &*file,
            path: &path,
            id,
            length,
            dictionaries,
            decoder: Decoder::new(),
            layout: Layout::default(),
            blocks: 0,
            damage: Vec::new(),
        };
        let tier = walk.header()?;
        walk.run()?;
        let Walk { layout, damage, .. } = walk;
        let (rows, summary) = layout.finish(id, tier, Vec::new(), Vec::new());
        let bytes: MappedBytes = Arc::new(rows.encode(&summary));
        let footer = Footer::decode(bytes, id).map_err(|fault| corrupt(&path, length, fault.to_string()))?;
        // As if the footer stood behind the file: no block reaches into it.
        let row = SegmentRow { id, bytes: length, footer_offset: length, footer_checksum: 0, tier };
        let segment = SealedSegment::of(row, path.clone(), file, footer, dictionaries);
        Ok(Recovered { segment: Arc::new(segment), damage })
    }
}

struct Walk<'a> {
    file: &'a dyn File,
    path: &'a Path,
    id: SealedId,
    length: u64,
    dictionaries: &'a Dictionaries,
    decoder: Decoder,
    layout: Layout,
    blocks: u32,
    damage: Vec<Error>,
}

impl Walk<'_> {
    fn read(&self, offset: u64, bytes: usize) -> Result<Vec<u8>> {
        let mut buffer = vec![0; bytes];
        let read = read_at_most(self.file, &mut buffer, offset).map_err(|error| Error::io("read", self.path, error))?;
        buffer.truncate(read);
        Ok(buffer)
    }

    fn header(&mut self) -> Result<Tier> {
        match SealedHeader::decode(&self.read(0, SEALED_HEADER_BYTES)?) {
            Ok(header) if header.id == self.id => Ok(header.tier),
            Ok(_) => {
                self.damage.push(corrupt(self.path, 0, "the header is another segment's".to_owned()));
                Ok(Tier::Normal)
            }
            Err(fault) => {
                self.damage.push(corrupt(self.path, 0, fault.to_string()));
                Ok(Tier::Normal)
            }
        }
    }

    fn run(&mut self) -> Result<()> {
        let mut at = wide(SEALED_HEADER_BYTES);
        while at < self.length {
            let header = BlockHeader::decode(&self.read(at, BLOCK_HEADER_BYTES)?, self.id.salt, at);
            let Some(header) = header else {
                let Some(next) = self.search(at.saturating_add(1))? else { return Ok(()) };
                self.damage.push(corrupt(
                    self.path,
                    at,
                    "a block is damaged, and what stood in it is not known".into(),
                ));
                at = next;
                continue;
            };
            let row = BlockRow { offset: at, header };
            if let Err(error) = self.block(row) {
                match error {
                    Error::Corrupt { .. } => self.damage.push(error),
                    other => return Err(other),
                }
            }
            at = at.saturating_add(wide(BLOCK_HEADER_BYTES)).saturating_add(header.compressed_bytes.into());
        }
        Ok(())
    }

    /// Where the next block begins, at `from` or behind it.
    fn search(&self, from: u64) -> Result<Option<u64>> {
        let mut at = from;
        while at < self.length {
            let piece = self.read(at, SEARCH_BYTES)?;
            let found = (0..).zip(piece.windows(BLOCK_HEADER_BYTES)).find(|(index, window)| {
                window.starts_with(&BLOCK_MAGIC)
                    && BlockHeader::decode(window, self.id.salt, at.saturating_add(*index)).is_some()
            });
            if let Some((index, _)) = found {
                return Ok(Some(at.saturating_add(index)));
            }
            if piece.len() < SEARCH_BYTES {
                return Ok(None);
            }
            // A header may lie across two pieces.
            at = at.saturating_add(wide(SEARCH_BYTES.saturating_sub(BLOCK_HEADER_BYTES)));
        }
        Ok(None)
    }

    fn block(&mut self, row: BlockRow) -> Result<()> {
        let raw = self.raw(&row)?;
        let damaged = |what: &str| corrupt(self.path, row.offset, format!("a block: {what}"));
        match row.header.kind {
            BlockKind::Records => {
                let block = RecordsBlock::decode(raw).map_err(|(what, _)| damaged(what))?;
                let facts = facts_of(&block).map_err(damaged)?;
                self.layout.records(self.blocks, facts.into_iter());
                block.values().for_each(|value| self.layout.uses(value.hash));
            }
            BlockKind::Values => {
                let block = ValuesBlock::decode(raw).map_err(damaged)?;
                for (offset, bytes) in block.values() {
                    let (hash, bytes) = (ValueHash::of(bytes), crate::number::short(bytes.len()));
                    if !self.layout.announce(hash) {
                        continue;
                    }
                    self.layout.value(ValueRow { hash, block: self.blocks, offset, bytes, used_here: false });
                }
            }
        }
        self.layout.block(row);
        self.blocks = self.blocks.saturating_add(1);
        Ok(())
    }

    fn raw(&mut self, row: &BlockRow) -> Result<Vec<u8>> {
        let damaged = |what: &str| corrupt(self.path, row.offset, format!("a block: {what}"));
        let from = row.offset.saturating_add(wide(BLOCK_HEADER_BYTES));
        let compressed_bytes = row.header.compressed_bytes;
        if from.saturating_add(compressed_bytes.into()) > self.length {
            return Err(damaged("the file ends before it does"));
        }
        let compressed = self.read(from, size(compressed_bytes))?;
        if block_checksum(self.id.salt, row.offset, &compressed) != row.header.checksum {
            return Err(damaged("it fails its checksum"));
        }
        if row.header.codec == BlockCodec::Raw {
            return Ok(compressed);
        }
        let dictionary = row.header.dictionary.map(|id| self.dictionaries.get(id)).transpose()?;
        self.decoder.compressed = compressed;
        let mut raw = Vec::new();
        let prepared = dictionary.as_deref().map(super::dictionary::Dictionary::prepared);
        self.decoder.decompress(row.header.raw_bytes, prepared, &mut raw).map_err(damaged)?;
        Ok(raw)
    }
}

/// What a footer says of a block's extents.
fn facts_of(block: &RecordsBlock) -> Result<Vec<ExtentFacts>, &'static str> {
    let mut columns = Columns::default();
    let mut facts = Vec::new();
    for extent in block.extents() {
        block.columns(&extent, &mut columns)?;
        facts.push(ExtentFacts {
            stream: extent.stream,
            journal: extent.journal,
            first_ordinal: extent.first_ordinal,
            count: extent.count,
            payload_bytes: extent.payload_bytes,
            lease_epoch_max: columns.records.iter().map(|record| record.lease_epoch).max().unwrap_or(0),
        });
    }
    Ok(facts)
}
