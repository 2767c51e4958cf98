//! Walks through the records of sealed segments, several at once, by stream and ordinal.

use std::sync::Arc;

use threadlog_engine::StreamId;
use threadlog_engine::sealed::{ExtentRow, Place, SealedCache, SealedSegment, StreamRow};

/// Where one segment's walk is.
pub(crate) struct Cursor {
    segment: Arc<SealedSegment>,
    /// Blocks of this segment.
    pub cache: SealedCache,
    streams: std::vec::IntoIter<StreamRow>,
    stream: Option<StreamId>,
    extents: std::vec::IntoIter<ExtentRow>,
    extent: Option<ExtentRow>,
    index: u32,
}

impl Cursor {
    /// At the segment's first record.
    pub fn new(segment: &Arc<SealedSegment>) -> Cursor {
        Cursor::over(segment, segment.footer().streams().collect())
    }

    /// At the first record of one stream, and ends with it.
    pub fn at(segment: &Arc<SealedSegment>, stream: &StreamRow) -> Cursor {
        Cursor::over(segment, vec![*stream])
    }

    fn over(segment: &Arc<SealedSegment>, streams: Vec<StreamRow>) -> Cursor {
        let mut cursor = Cursor {
            segment: Arc::clone(segment),
            cache: SealedCache::new(),
            streams: streams.into_iter(),
            stream: None,
            extents: Vec::new().into_iter(),
            extent: None,
            index: 0,
        };
        cursor.next_stream();
        cursor
    }

    /// The record it is at; `None` at the end.
    pub fn key(&self) -> Option<(StreamId, u64)> {
        let extent = self.extent.as_ref()?;
        Some((self.stream?, extent.first_ordinal.saturating_add(self.index.into())))
    }

    /// Where that record stands.
    pub fn place(&self) -> Option<Place> {
        let ((stream, ordinal), extent) = (self.key()?, self.extent.as_ref()?);
        Some(Place {
            segment: Arc::clone(&self.segment),
            stream,
            ordinal,
            block: extent.block,
            index: self.index,
            extent: extent.index,
            journal: extent.journal,
        })
    }

    /// Goes to the next record.
    pub fn advance(&mut self) {
        self.index = self.index.saturating_add(1);
        if self.extent.as_ref().is_some_and(|extent| self.index < extent.count) {
            return;
        }
        self.index = 0;
        self.extent = self.extents.next();
        if self.extent.is_none() {
            self.next_stream();
        }
    }

    /// Goes to the first record of the next stream.
    pub fn next_stream(&mut self) {
        self.index = 0;
        self.extent = None;
        self.stream = None;
        for row in self.streams.by_ref() {
            let extents: Vec<ExtentRow> =
                self.segment.footer().extents(&row).filter(|extent| extent.count > 0).collect();
            self.extents = extents.into_iter();
            self.extent = self.extents.next();
            if self.extent.is_some() {
                self.stream = Some(row.stream);
                return;
            }
        }
    }
}

/// Of these cursors, those at the least record, by index. All of them are at the same one.
pub(crate) fn least(cursors: &[Cursor], found: &mut Vec<usize>) -> Option<(StreamId, u64)> {
    let key = cursors.iter().filter_map(Cursor::key).min()?;
    found.clear();
    found.extend(cursors.iter().enumerate().filter(|(_, cursor)| cursor.key() == Some(key)).map(|(at, _)| at));
    Some(key)
}
