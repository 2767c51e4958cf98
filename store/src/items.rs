//! Reading a life's items.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use threadlog_engine::number::wide;
use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{ReadLog, Record, Records, Screen};

use crate::error::{Error, Result};
use crate::event::{Body, Event, ITEMS, Unreadable};
use crate::item::{Located, RolloutItem};
use crate::lineage::{Lineage, Part};
use crate::thread::ThreadKey;
use crate::view::ThreadFacts;

/// An item and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// Position in the thread's history, what it inherited included; of a line that came in several records, the
    /// first one's.
    pub ordinal: u64,
    /// When that record was appended: hybrid logical clock.
    pub clock: u64,
    /// The line.
    pub item: RolloutItem,
}

/// Iterator over a life's items, what it inherited first. Lines that came in several records are put together. A lost or
/// unreadable record is an error in its place, and reading goes on after it.
///
/// Memory: the longest line.
pub struct Items {
    parts: VecDeque<Reading>,
    ready: VecDeque<Result<StoredItem>>,
    piece: Option<Piece>,
    /// What was kept of a part that came to its end.
    cache: SealedCache,
    /// What takes in every record that is read.
    facts: Option<ThreadFacts>,
}

/// Records of one life of a history.
struct Reading {
    key: ThreadKey,
    offset: u64,
    records: Records,
}

/// The beginning of a line.
struct Piece {
    ordinal: u64,
    clock: u64,
    bytes: BytesMut,
}

impl Reading {
    fn new(log: &dyn ReadLog, part: &Part) -> Reading {
        Reading { key: part.key, offset: part.offset, records: log.read(&part.key.stream(ITEMS), part.own()) }
    }
}

impl Items {
    /// A life's own items whose records have these ordinals in its own stream.
    pub(crate) fn within(log: &dyn ReadLog, key: ThreadKey, range: Range<u64>) -> Items {
        Items::of(log, &Lineage::of_one(key), range)
    }

    /// The items with these ordinals in a history.
    pub(crate) fn of(log: &dyn ReadLog, lineage: &Lineage, range: Range<u64>) -> Items {
        let parts = lineage.parts(range).map(|part| Reading::new(log, &part)).collect();
        Items::over(parts)
    }

    fn over(parts: VecDeque<Reading>) -> Items {
        Items { parts, ready: VecDeque::new(), piece: None, cache: SealedCache::new(), facts: None }
    }

    /// As [`Items::within`]; `cache` is what the reader before kept, and [`Items::into_cache`] gives it back.
    pub(crate) fn within_reusing(log: &dyn ReadLog, key: ThreadKey, range: Range<u64>, cache: SealedCache) -> Items {
        let mut items = Items::within(log, key, range);
        match items.parts.pop_front() {
            Some(Reading { key, offset, records }) => {
                items.parts.push_front(Reading { key, offset, records: records.reusing(cache) });
            }
            None => items.cache = cache,
        }
        items
    }

    /// Takes every record of one life that is read into its facts; [`Items::into_facts`] gives them back.
    pub(crate) fn counting(mut self, facts: ThreadFacts) -> Items {
        self.facts = Some(facts);
        self
    }

    /// The facts, with what was read.
    pub(crate) fn take_facts(&mut self) -> Option<ThreadFacts> {
        self.facts.take()
    }

    /// The items of one part that a screen wants. Pieces of lines must be wanted by it. `cache` is what the reader before
    /// kept; [`Items::into_cache`] gives it back.
    pub(crate) fn screened(log: &dyn ReadLog, part: &Part, screen: Arc<dyn Screen>, cache: SealedCache) -> Items {
        let Reading { key, offset, records } = Reading::new(log, part);
        let part = Reading { key, offset, records: records.screened(screen).reusing(cache) };
        Items::over(VecDeque::from([part]))
    }

    /// What its reader kept.
    pub(crate) fn into_cache(mut self) -> SealedCache {
        self.parts.pop_front().map_or(self.cache, |part| part.records.into_cache())
    }

    /// All items of a history, in the order in which a rollout file has them.
    pub(crate) fn in_file(log: &dyn ReadLog, lineage: &Lineage) -> Items {
        let parts = lineage.file_parts().iter().map(|part| Reading::new(log, part)).collect();
        Items::over(parts)
    }

    /// Nothing but this error.
    pub(crate) fn failed(error: Error) -> Items {
        Items { ready: VecDeque::from([Err(error)]), ..Items::over(VecDeque::new()) }
    }

    /// The last `count` items of a history.
    pub(crate) fn tail(log: &dyn ReadLog, lineage: &Lineage, count: u64) -> Items {
        Items::of(log, lineage, Items::tail_start(log, lineage, lineage.end(log), count)..u64::MAX)
    }

    /// Where the last `count` items before `end` begin.
    pub(crate) fn tail_start(log: &dyn ReadLog, lineage: &Lineage, mut end: u64, count: u64) -> u64 {
        // A line may be several records: look further back until there are enough that begin one.
        let (mut start, mut missing) = (end, count);
        while missing > 0 && start > 0 {
            end = start;
            start = start.saturating_sub(missing);
            let parts = lineage.parts(start..end);
            let lines = parts.flat_map(|part| Reading::new(log, &part).records).filter(|record| !continues(record));
            missing = missing.saturating_sub(wide(lines.count()));
        }
        start
    }

    /// The ordinal of the first record of the line that the record with this ordinal belongs to.
    pub(crate) fn line_start(log: &dyn ReadLog, lineage: &Lineage, mut ordinal: u64) -> u64 {
        let is_rest = |ordinal: u64| {
            let part = lineage.parts(ordinal..ordinal.saturating_add(1)).next();
            part.is_some_and(|part| Reading::new(log, &part).records.next().is_some_and(|record| continues(&record)))
        };
        while ordinal > 0 && is_rest(ordinal) {
            ordinal = ordinal.saturating_sub(1);
        }
        ordinal
    }

    fn records(&mut self) -> Option<(ThreadKey, u64, threadlog_engine::Result<Record>)> {
        loop {
            let part = self.parts.front_mut()?;
            let (key, offset) = (part.key, part.offset);
            if let Some(record) = part.records.next() {
                return Some((key, offset, record));
            }
            if let Some(part) = self.parts.pop_front() {
                self.cache = part.records.into_cache();
            }
            // A line does not go on in another life.
            self.give_piece();
        }
    }

    fn take(&mut self, key: ThreadKey, offset: u64, record: Record) {
        let Record { stream, ordinal: own, clock, codec, payload, lease_epoch } = record;
        let ordinal = own.saturating_add(offset);
        let whole = Bytes::from(payload);
        let body = Body::of(stream.channel, codec, &whole);
        if let Some(facts) = &mut self.facts {
            facts.record(own, clock, lease_epoch, &body);
        }
        let item = match body {
            Body::Item(item) => item,
            body => {
                let error = unreadable(key, own, &body);
                return self.fail(error);
            }
        };
        let (continues, ends) = (item.continues(), item.ends_line());
        if let (true, Some(piece)) = (continues, &mut self.piece) {
            piece.bytes.extend_from_slice(item.verbatim().unwrap_or_default());
        } else {
            self.give_piece();
            if !continues && ends {
                let located = Located::of(&item, &whole);
                self.ready.push_back(Ok(StoredItem { ordinal, clock, item: located.item(whole) }));
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
            match self.records() {
                Some((key, offset, Ok(record))) => self.take(key, offset, record),
                Some((_, _, Err(error))) => self.fail(error.into()),
                None => return self.ready.pop_front(),
            }
        }
    }
}

/// Iterator over a life's items as a rollout file has them, in chunks. Ends after the first error: what
/// follows it would stand in the wrong place of the file. A fork's file begins with the fork's own first item; then comes
/// what it inherited, and then its own.
pub struct Rendering {
    parts: VecDeque<Reading>,
    failed: Option<Error>,
}

/// Length from which a chunk of a rendering is given out, in bytes.
const CHUNK_BYTES: usize = 256 << 10;

impl Rendering {
    pub(crate) fn new(log: &dyn ReadLog, key: ThreadKey) -> Rendering {
        match Lineage::of(log, key) {
            Err(error) => Rendering { parts: VecDeque::new(), failed: Some(error) },
            Ok(lineage) => {
                let parts = lineage.file_parts().iter().map(|part| Reading::new(log, part)).collect();
                Rendering { parts, failed: None }
            }
        }
    }

    fn fill(&mut self, chunk: &mut Vec<u8>) -> Result<()> {
        while let Some(part) = self.parts.front_mut()
            && chunk.len() < CHUNK_BYTES
        {
            let key = part.key;
            let Some(record) = part.records.next() else {
                self.parts.pop_front();
                continue;
            };
            let record = record?;
            match Event::decode(&record).body {
                Body::Item(item) => item.render(chunk),
                body => return Err(unreadable(key, record.ordinal, &body)),
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
            self.parts.clear();
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
