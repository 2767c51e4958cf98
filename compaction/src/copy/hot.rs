//! What stands in journals, on its way into sealed segments of a copy.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use threadlog_engine::number::wide;
use threadlog_engine::sealed::{Dictionary, SealedId, SealedSegment, SegmentRow};
use threadlog_engine::{Conflict, Error as EngineError, ReadLog, Record, StreamId};

use crate::batch::{Batch, NewSealed, Values};
use crate::copy::Copy;
use crate::copy::target::Target;
use crate::error::{Error, Result};
use crate::known::Known;
use crate::rules::Watch;
use crate::write::{NewSegment, write_segment};

/// A number above that of every journal: of records that claim one place, those read from the journals are the ones that
/// won.
const NO_JOURNAL: u8 = u8::MAX;

/// Records that are not sealed, or that won against sealed ones.
pub struct Hot<'a> {
    /// Gives the records.
    pub log: &'a dyn ReadLog,
    /// Which: streams in rising order, each one's ranges rising and disjoint.
    pub ranges: Vec<(StreamId, Range<u64>)>,
    /// Records that lost against one of these.
    pub conflicts: Vec<Conflict>,
}

/// Segments that were made.
#[derive(Default)]
pub(super) struct MadeHot {
    pub rows: Vec<SegmentRow>,
    pub records: u64,
    pub lost: u64,
    pub damaged: Vec<EngineError>,
}

pub(super) struct Writing<'a> {
    copy: &'a Copy<'a>,
    target: &'a Target<'a>,
    watch: &'a dyn Watch,
    next_number: &'a mut u64,
    known: Known,
    /// The source's segments, and those made here.
    segments: Vec<Arc<SealedSegment>>,
    batch: Batch,
    values: Values,
    made: MadeHot,
}

impl<'a> Writing<'a> {
    pub fn new(
        copy: &'a Copy<'a>,
        target: &'a Target<'a>,
        watch: &'a dyn Watch,
        next_number: &'a mut u64,
    ) -> Writing<'a> {
        Writing {
            copy,
            target,
            watch,
            next_number,
            known: Known::of(copy.sealed),
            segments: copy.sealed.segments().to_vec(),
            batch: Batch::default(),
            values: Values::default(),
            made: MadeHot::default(),
        }
    }

    /// Writes all of it. `paths` gets the files, also those made before an error.
    pub fn run(mut self, paths: &mut Vec<PathBuf>) -> Result<MadeHot> {
        let hot = &self.copy.hot;
        for (stream, range) in &hot.ranges {
            for record in hot.log.read(stream, range.clone()) {
                match record {
                    Ok(record) => self.add(&record, paths)?,
                    Err(error) if error.is_corruption() => {
                        self.made.lost = self.made.lost.saturating_add(1);
                        // One damage can cost many records; each says where it is.
                        let told = |other: &EngineError| other.to_string() == error.to_string();
                        if !self.made.damaged.last().is_some_and(told) {
                            self.made.damaged.push(error);
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if !self.batch.is_empty() {
            self.cut(hot.conflicts.clone(), paths)?;
        }
        Ok(self.made)
    }

    fn add(&mut self, record: &Record, paths: &mut Vec<PathBuf>) -> Result<()> {
        let Record { stream, ordinal, lease_epoch, clock, codec, payload } = record;
        if self.batch.is_full(payload.len(), self.copy.config.batch_bytes) {
            self.cut(Vec::new(), paths)?;
        }
        self.values.find(self.copy.find, *codec, payload);
        let new = NewSealed {
            stream: *stream,
            ordinal: *ordinal,
            lease_epoch: *lease_epoch,
            clock: *clock,
            codec: *codec,
            journal: NO_JOURNAL,
            payload,
        };
        self.batch.push(&new, &self.values.found);
        Ok(())
    }

    fn cut(&mut self, conflicts: Vec<Conflict>, paths: &mut Vec<PathBuf>) -> Result<()> {
        if self.watch.stop() {
            return Err(Error::Stopped);
        }
        let (fs, root, store) = (&**self.copy.fs, self.target.root, self.copy.format.store);
        let mut batch = std::mem::take(&mut self.batch);
        batch.sort();
        let salt = fs.random().map_err(|error| EngineError::io("draw random numbers for", root, error))?;
        let id = SealedId { number: *self.next_number, salt };
        *self.next_number = self.next_number.saturating_add(1);
        let new = NewSegment {
            fs,
            root,
            store,
            id,
            created_ms: self.copy.clock.now_ms(),
            segments: &self.segments,
            dictionary: self.dictionary()?,
            inputs: Vec::new(),
            conflicts,
        };
        let (row, written) = write_segment(new, &mut self.known, &batch, self.copy.config)?;
        paths.push(id.path(root));
        self.made.rows.push(row);
        self.made.records = self.made.records.saturating_add(wide(batch.records.len()));
        self.watch.advanced(written.payload_bytes);
        self.segments.push(SealedSegment::open(fs, root, &row, self.copy.sealed.dictionaries())?);
        Ok(())
    }

    /// The source's newest: it is copied too.
    fn dictionary(&self) -> Result<Option<Arc<Dictionary>>> {
        let sealed = self.copy.sealed;
        let newest = sealed.manifest().dictionaries.iter().map(|row| row.id).max();
        Ok(newest.map(|id| sealed.dictionaries().get(id)).transpose()?)
    }
}

/// Ranges joined where one begins at another's end, in rising order.
pub(super) fn joined(mut ranges: Vec<(StreamId, Range<u64>)>) -> Vec<(StreamId, Range<u64>)> {
    ranges.retain(|(_, range)| !range.is_empty());
    ranges.sort_by_key(|(stream, range)| (*stream, range.start));
    let mut joined: Vec<(StreamId, Range<u64>)> = Vec::new();
    for (stream, range) in ranges {
        match joined.last_mut() {
            Some((last, before)) if *last == stream && before.end == range.start => before.end = range.end,
            _ => joined.push((stream, range)),
        }
    }
    joined
}
