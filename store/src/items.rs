//! Reading a life's items.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use threadlog_engine::number::wide;
use threadlog_engine::{ReadLog, Record, Records};

use crate::error::{Error, Result};
use crate::event::{Body, Event, ITEMS, ItemRecord, Unreadable};
use crate::item::RolloutItem;
use crate::thread::ThreadKey;

/// An item and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// Position in the items stream; of a line that came in several records, the first one's.
    pub ordinal: u64,
    /// When that record was appended: hybrid logical clock.
    pub clock: u64,
    /// The line.
    pub item: RolloutItem,
}

/// Iterator over a life's items. Lines that came in several records are put together. A lost or
/// unreadable record is an error in its place, and reading goes on after it.
///
/// Memory: the longest line.
pub struct Items {
    key: ThreadKey,
    records: Records,
    ready: VecDeque<Result<StoredItem>>,
    piece: Option<Piece>,
}

/// The beginning of a line.
struct Piece {
    ordinal: u64,
    clock: u64,
    bytes: BytesMut,
}

impl Items {
    pub(crate) fn new(log: &dyn ReadLog, key: ThreadKey, from: u64) -> Items {
        Items::within(log, key, from..u64::MAX)
    }

    /// The items whose records have these ordinals.
    pub(crate) fn within(log: &dyn ReadLog, key: ThreadKey, range: Range<u64>) -> Items {
        let records = log.read(&key.stream(ITEMS), range);
        Items { key, records, ready: VecDeque::new(), piece: None }
    }

    /// The last `count` items.
    pub(crate) fn tail(log: &dyn ReadLog, key: ThreadKey, count: u64) -> Items {
        let mut end = log.head(&key.stream(ITEMS)).map_or(0, |head| head.durable_ordinal);
        let (mut start, mut missing) = (end, count);
        // A line may be several records: look further back until there are enough that begin one.
        while missing > 0 && start > 0 {
            end = start;
            start = start.saturating_sub(missing);
            let lines = log.read(&key.stream(ITEMS), start..end).filter(|record| !continues(record)).count();
            missing = missing.saturating_sub(wide(lines));
        }
        Items::new(log, key, start)
    }

    fn take(&mut self, record: Record) {
        let Record { ordinal, clock, .. } = record;
        let item = match Event::decode(&record).body {
            Body::Item(item) => item,
            body => {
                let error = unreadable(self.key, ordinal, &body);
                return self.fail(error);
            }
        };
        let (continues, ends) = (item.continues(), item.ends_line());
        if let (true, Some(piece)) = (continues, &mut self.piece) {
            piece.bytes.extend_from_slice(item.verbatim().unwrap_or_default());
        } else {
            self.give_piece();
            if !continues && ends {
                let whole = Bytes::from(record.payload);
                // Decoded again, borrowing from the shared bytes now.
                if let Ok(item) = ItemRecord::decode(&whole) {
                    let item = RolloutItem::from_record(&item, &whole);
                    self.ready.push_back(Ok(StoredItem { ordinal, clock, item }));
                }
                return;
            }
            let bytes = BytesMut::from(item.verbatim().unwrap_or_default());
            self.piece = Some(Piece { ordinal, clock, bytes });
        }
        if ends {
            self.give_piece();
        }
    }

    fn fail(&mut self, error: Error) {
        self.give_piece();
        self.ready.push_back(Err(error));
    }

    /// Gives out the line begun, whole or not.
    fn give_piece(&mut self) {
        if let Some(Piece { ordinal, clock, bytes }) = self.piece.take() {
            let item = RolloutItem::from_line(bytes.freeze());
            self.ready.push_back(Ok(StoredItem { ordinal, clock, item }));
        }
    }
}

fn continues(record: &threadlog_engine::Result<Record>) -> bool {
    let Ok(record) = record else { return false };
    matches!(Event::decode(record).body, Body::Item(item) if item.continues())
}

impl Iterator for Items {
    type Item = Result<StoredItem>;

    fn next(&mut self) -> Option<Result<StoredItem>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            match self.records.next() {
                Some(Ok(record)) => self.take(record),
                Some(Err(error)) => self.fail(error.into()),
                None => {
                    self.give_piece();
                    return self.ready.pop_front();
                }
            }
        }
    }
}

/// Iterator over a life's items as a rollout file has them, in chunks. Ends after the first error: what
/// follows it would stand in the wrong place of the file.
pub struct Rendering {
    key: ThreadKey,
    records: Option<Records>,
    failed: Option<Error>,
}

/// Length from which a chunk of a rendering is given out, in bytes.
const CHUNK_BYTES: usize = 256 << 10;

impl Rendering {
    pub(crate) fn new(log: &dyn ReadLog, key: ThreadKey) -> Rendering {
        Rendering { key, records: Some(log.read(&key.stream(ITEMS), 0..u64::MAX)), failed: None }
    }

    fn fill(&mut self, chunk: &mut Vec<u8>) -> Result<()> {
        while let Some(records) = &mut self.records
            && chunk.len() < CHUNK_BYTES
        {
            let Some(record) = records.next() else {
                self.records = None;
                break;
            };
            let record = record?;
            match Event::decode(&record).body {
                Body::Item(item) => item.render(chunk),
                body => return Err(unreadable(self.key, record.ordinal, &body)),
            }
        }
        Ok(())
    }
}

impl Iterator for Rendering {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Result<Bytes>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if let Err(error) = self.fill(&mut chunk) {
            self.records = None;
            // What stands before the damage comes first.
            if chunk.is_empty() {
                return Some(Err(error));
            }
            self.failed = Some(error);
        }
        if chunk.is_empty() { None } else { Some(Ok(Bytes::from(chunk))) }
    }
}

fn unreadable(key: ThreadKey, ordinal: u64, body: &Body<'_>) -> Error {
    let why = match body {
        Body::Unreadable(why) => *why,
        _ => Unreadable::Content,
    };
    Error::Unreadable { key, ordinal, why }
}
