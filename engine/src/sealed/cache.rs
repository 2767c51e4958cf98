//! Reading sealed records: the block that was read last is kept, and a few blocks of values.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::frame;
use crate::journal::records::Record;
use crate::journal::screen::{Screen, Verdict};
use crate::number::size;
use crate::sealed::codec::Decoder;
use crate::sealed::columns::{Columns, RecordMeta};
use crate::sealed::id::{SealedId, ValueHash};
use crate::sealed::place::Place;
use crate::sealed::records_block::{Extent, RecordsBlock, StoredRecord, UsedValue};
use crate::sealed::segment::SealedSegment;
use crate::sealed::set::Sealed;
use crate::sealed::values_block::ValuesBlock;

/// Blocks of values that are kept, if they are not longer together than this (the last one is always kept).
const VALUES_BYTES_MAX: usize = 8 << 20;

/// A block, whatever segment it is of.
type Key = (SealedId, u32);

/// What one reader keeps between records: one block of records, the columns of one of its extents, a few blocks of
/// values. Reading in order, forward or backward, decompresses each block once.
///
/// *Memory:* the block of the record that was read last, as it is raw (about 256 KiB; 1 MiB in archived segments; that of
/// the largest record at most), and 8 MiB of values at most, or one block of them.
#[derive(Default)]
pub struct SealedCache {
    decoder: Decoder,
    block: Option<(Key, Arc<RecordsBlock>)>,
    columns: Columns,
    /// The extent that `columns` is of.
    extent: Option<(Key, u16, Extent)>,
    values: Values,
}

/// The blocks of values that were used last, the last one in front.
#[derive(Default)]
struct Values {
    blocks: VecDeque<(Key, Arc<ValuesBlock>)>,
    decoder: Decoder,
}

impl SealedCache {
    /// An empty one.
    #[must_use]
    pub fn new() -> SealedCache {
        SealedCache::default()
    }

    /// The record at a place.
    ///
    /// Every byte is verified before it is believed: a block by its checksum, a record with shared values by that of its
    /// payload too.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming the file that is damaged and the record; an I/O error.
    pub fn record(&mut self, sealed: &Sealed, place: &Place) -> Result<Record> {
        let payload = self.payload(sealed, place)?;
        let meta = self.meta(place)?;
        let RecordMeta { lease_epoch, clock, codec, .. } = meta;
        Ok(Record { stream: place.stream, ordinal: place.ordinal, lease_epoch, clock, codec, payload })
    }

    fn payload(&mut self, sealed: &Sealed, place: &Place) -> Result<Vec<u8>> {
        self.enter(place)?;
        let (meta, stored, block) = self.stored_bytes(place)?;
        if meta.ref_count == 0 {
            return Ok(stored.to_vec());
        }
        let block = Arc::clone(block);
        let mut payload = Vec::with_capacity(size(meta.payload_bytes).min(1 << 24));
        let mut done = 0;
        let (meta, stored, _) = stored_bytes(&self.block, &self.columns, &self.extent, place)?;
        for reference in self.columns.refs_of(&meta) {
            let to = size(reference.position);
            payload.extend_from_slice(stored.get(done..to).unwrap_or_default());
            done = to;
            let value = block.value(reference.value).ok_or_else(|| lost(place, "a value has no name"))?;
            self.values.append(sealed, &value, &mut payload).map_err(|error| with_record(error, place))?;
        }
        payload.extend_from_slice(stored.get(done..).unwrap_or_default());
        if payload.len() != size(meta.payload_bytes) || frame::checksum(&payload) != meta.checksum {
            return Err(lost(place, "its values do not give the payload that was written"));
        }
        Ok(payload)
    }

    /// The record at a place, if it is wanted. Values that it shares are read only as far as the screen asks for them, and
    /// put in only if it is wanted.
    ///
    /// # Errors
    /// As [`SealedCache::record`].
    pub fn screened(&mut self, sealed: &Sealed, place: &Place, screen: &dyn Screen) -> Result<Option<Record>> {
        self.enter(place)?;
        let (meta, stored, block) = self.stored_bytes(place)?;
        let wanted = match screen.look(stored) {
            Verdict::PassOver => false,
            Verdict::Take => true,
            Verdict::AskValues if meta.ref_count == 0 => false,
            Verdict::AskValues => {
                let used = self.columns.refs_of(&meta).iter().filter_map(|reference| block.value(reference.value));
                let used: Vec<UsedValue> = used.collect();
                let mut wanted = false;
                for value in used {
                    let mut read = || self.value(sealed, &value);
                    if screen.value(&value.hash, &mut read).map_err(|error| with_record(error, place))? {
                        wanted = true;
                        break;
                    }
                }
                wanted
            }
        };
        if wanted { self.record(sealed, place).map(Some) } else { Ok(None) }
    }

    /// The record at a place as it is stored. What it needs of values is not read, and not verified.
    ///
    /// # Errors
    /// As [`SealedCache::record`].
    pub fn stored(&mut self, place: &Place) -> Result<StoredRecord<'_>> {
        self.enter(place)?;
        let (meta, _, block) = self.stored_bytes(place)?;
        let Some((_, _, extent)) = &self.extent else { return Err(Error::Closed) };
        block.stored(extent, &self.columns, &meta).ok_or_else(|| lost(place, "its extent is too short"))
    }

    /// A value's bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if no segment has it, or the only one that has it is damaged there; an I/O error.
    pub fn value(&mut self, sealed: &Sealed, value: &UsedValue) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.values.append(sealed, value, &mut bytes)?;
        Ok(bytes)
    }

    /// Gives it a block that somebody else has decompressed.
    pub fn offer(&mut self, segment: SealedId, index: u32, block: Arc<RecordsBlock>) {
        self.block = Some(((segment, index), block));
        self.extent = None;
    }

    /// The room of the block that is kept, if nobody else has it; the block is forgotten.
    pub(crate) fn take_room(&mut self) -> Option<Vec<u8>> {
        self.extent = None;
        self.block.take().and_then(|(_, block)| Arc::into_inner(block)).map(RecordsBlock::into_raw)
    }

    /// What it decompresses blocks with.
    pub(crate) fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Whether a place's block is the one that is kept.
    #[must_use]
    pub fn has(&self, place: &Place) -> bool {
        self.block.as_ref().is_some_and(|(key, _)| *key == key_of(place))
    }

    /// Sees to it that block and columns are those of a place.
    fn enter(&mut self, place: &Place) -> Result<()> {
        let key = key_of(place);
        if !self.has(place) {
            let room = self.take_room().unwrap_or_default();
            let block = place.segment.records_into(place.block, &mut self.decoder, room);
            self.block = Some((key, Arc::new(block.map_err(|error| with_record(error, place))?)));
        }
        if self.extent.as_ref().is_some_and(|(of, index, _)| *of == key && *index == place.extent) {
            return Ok(());
        }
        self.extent = None;
        let Some((_, block)) = &self.block else { return Err(Error::Closed) };
        let first = place.ordinal.checked_sub(place.index.into());
        let is_it = |extent: &Extent| extent.stream == place.stream && Some(extent.first_ordinal) == first;
        let extent = block.extent(place.extent).filter(is_it);
        let extent = extent.ok_or_else(|| lost(place, "the footer and the block do not agree"))?;
        block.columns(&extent, &mut self.columns).map_err(|what| lost(place, what))?;
        self.extent = Some((key, place.extent, extent));
        Ok(())
    }

    fn meta(&self, place: &Place) -> Result<RecordMeta> {
        self.stored_bytes(place).map(|(meta, _, _)| meta)
    }

    fn stored_bytes(&self, place: &Place) -> Result<(RecordMeta, &[u8], &Arc<RecordsBlock>)> {
        stored_bytes(&self.block, &self.columns, &self.extent, place)
    }
}

/// A record's columns, its stored bytes, and the block they stand in: of the place that was entered.
fn stored_bytes<'a>(
    block: &'a Option<(Key, Arc<RecordsBlock>)>,
    columns: &Columns,
    extent: &Option<(Key, u16, Extent)>,
    place: &Place,
) -> Result<(RecordMeta, &'a [u8], &'a Arc<RecordsBlock>)> {
    let (Some((_, block)), Some((_, _, extent))) = (block, extent) else { return Err(Error::Closed) };
    let meta = columns.records.get(size(place.index));
    let meta = *meta.ok_or_else(|| lost(place, "its extent has not so many records"))?;
    let from = size(meta.start);
    let stored = block.body(extent).get(from..from.saturating_add(size(meta.stored_bytes)));
    Ok((meta, stored.ok_or_else(|| lost(place, "its extent is too short"))?, block))
}

impl Values {
    /// Appends a value's bytes, from the first segment that has it and is sound there.
    fn append(&mut self, sealed: &Sealed, value: &UsedValue, out: &mut Vec<u8>) -> Result<()> {
        let mut failure = None;
        for segment in sealed.segments() {
            let Some(row) = segment.footer().value(&value.hash).filter(|row| row.bytes == value.bytes) else {
                continue;
            };
            match self.block(segment, row.block) {
                Ok(block) => match block.get(row.offset, row.bytes) {
                    Some(bytes) => {
                        out.extend_from_slice(bytes);
                        return Ok(());
                    }
                    None => failure = Some(no_value(sealed, &value.hash, "does not stand where the footer says")),
                },
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| no_value(sealed, &value.hash, "stands in no segment")))
    }

    fn block(&mut self, segment: &SealedSegment, index: u32) -> Result<Arc<ValuesBlock>> {
        let key = (segment.id(), index);
        if let Some(at) = self.blocks.iter().position(|(of, _)| *of == key) {
            if let Some(used) = self.blocks.remove(at) {
                self.blocks.push_front(used);
            }
        } else {
            let block = segment.values(index, &mut self.decoder)?;
            self.blocks.push_front((key, Arc::new(block)));
            let mut bytes = 0_usize;
            let fits = |(_, block): &&(Key, Arc<ValuesBlock>)| {
                bytes = bytes.saturating_add(block.raw_bytes());
                bytes <= VALUES_BYTES_MAX
            };
            let kept = self.blocks.iter().take_while(fits).count().max(1);
            self.blocks.truncate(kept);
        }
        self.blocks.front().map(|(_, block)| Arc::clone(block)).ok_or(Error::Closed)
    }
}

fn key_of(place: &Place) -> Key {
    (place.segment.id(), place.block)
}

fn no_value(sealed: &Sealed, hash: &ValueHash, what: &str) -> Error {
    let path = super::id::sealed_directory(sealed.root());
    Error::Corrupt { path, offset: 0, what: format!("value {hash} {what}"), streams: Vec::new() }
}

/// A record that is lost, at its block.
fn lost(place: &Place, what: &str) -> Error {
    let offset = place.segment.footer().block(place.block).map_or(0, |row| row.offset);
    let what = format!("block {}: {what}", place.block);
    let error = Error::Corrupt { path: place.segment.path().to_owned(), offset, what, streams: Vec::new() };
    with_record(error, place)
}

/// Names the record that a damage cost.
fn with_record(error: Error, place: &Place) -> Error {
    match error {
        Error::Corrupt { path, offset, what, .. } => {
            let what = format!("{what} (record {} of {})", place.ordinal, place.stream);
            Error::Corrupt { path, offset, what, streams: vec![place.stream] }
        }
        other => other,
    }
}
