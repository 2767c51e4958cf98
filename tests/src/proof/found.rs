//! All that a log shows, read in every way there is.

use threadlog_engine::{Conflict, Damage, Error, Head, ReadLog, Record, StreamId, StreamInfo};

use super::model::sum_of;

/// One stream as it was read from end to end.
#[derive(Debug)]
pub struct FoundStream {
    /// What the list of streams says of it.
    pub info: StreamInfo,
    /// Its head.
    pub head: Option<Head>,
    /// Every record, or the error in its place.
    pub records: Vec<Result<Record, Error>>,
}

/// Everything that a log shows.
#[derive(Debug, Default)]
pub struct Found {
    /// The streams, sorted.
    pub streams: Vec<FoundStream>,
    /// Damage reported.
    pub damage: Vec<Damage>,
    /// Conflicts reported.
    pub conflicts: Vec<Conflict>,
    /// Where ways of reading disagree.
    pub quarrel: Option<String>,
}

/// A record with a file of its own counts as the reference that stands for it.
const REFERENCE_BYTES: usize = 32;

impl Found {
    /// Reads a log from end to end. `thorough`: once more by ranges and from the tail.
    pub fn gather(log: &dyn ReadLog, thorough: bool) -> Found {
        let mut found = Found { damage: log.damage(), conflicts: log.conflicts(), ..Found::default() };
        for info in log.streams() {
            let records: Vec<_> = log.read(&info.stream, 0..u64::MAX).collect();
            found.streams.push(FoundStream { info, head: log.head(&info.stream), records });
        }
        if thorough && found.is_whole() {
            found.quarrel = found.streams.iter().find_map(|stream| disagreement(log, stream));
        }
        found
    }

    /// Whether nothing is reported lost.
    pub fn is_whole(&self) -> bool {
        let sound = self.streams.iter().all(|stream| stream.records.iter().all(Result::is_ok));
        sound && self.damage.is_empty() && self.conflicts.is_empty()
    }

    /// Every record that can be read.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.streams.iter().flat_map(|stream| stream.records.iter().filter_map(|record| record.as_ref().ok()))
    }

    /// How many records can be read, and the sum of their prints.
    pub fn total(&self) -> (u64, u64) {
        (self.records().count() as u64, sum_of(self.records()))
    }

    /// A stream by its id.
    pub fn stream(&self, id: &StreamId) -> Option<&FoundStream> {
        self.streams.iter().find(|stream| stream.info.stream == *id)
    }

    /// The first error in the place of a record.
    pub fn error(&self) -> Option<&Error> {
        self.streams.iter().flat_map(|stream| &stream.records).find_map(|record| record.as_ref().err())
    }
}

/// Where another way of reading a sound stream disagrees with reading it from end to end.
fn disagreement(log: &dyn ReadLog, stream: &FoundStream) -> Option<String> {
    let id = &stream.info.stream;
    let all: Vec<&Record> = stream.records.iter().filter_map(|record| record.as_ref().ok()).collect();
    let same = |what: &str, part: Vec<Result<Record, Error>>, expected: &[&Record]| {
        let equal = part.len() == expected.len()
            && part.iter().zip(expected).all(|(got, want)| got.as_ref().is_ok_and(|got| got == *want));
        (!equal).then(|| format!("{what} of {id} differs from reading it all"))
    };
    let length = all.len();
    let middle = length / 2;
    let head = stream.head.map(|head| head.durable_ordinal);
    if head != Some(length as u64) {
        return Some(format!("the head of {id} says {head:?} durable records, {length} can be read"));
    }
    same("the tail of 2", log.tail(id, 2).collect(), &all[length.saturating_sub(2)..])
        .or_else(|| {
            same(
                "the middle",
                log.read(id, middle as u64..middle as u64 + 1).collect(),
                &all[middle..length.min(middle + 1)],
            )
        })
        .or_else(|| same("what lies past the end", log.read(id, length as u64..u64::MAX).collect(), &[]))
}

impl FoundStream {
    /// Whether the totals of a stream without unsynced records are those of its records; of one that cannot be read whole
    /// nothing is said.
    pub fn totals_agree(&self) -> bool {
        if self.records.iter().any(Result::is_err) {
            return true;
        }
        let bytes = |record: &Record| {
            let length = record.payload.len();
            if length < super::content::LARGE_BYTES { length } else { REFERENCE_BYTES }
        };
        let sound = || self.records.iter().filter_map(|record| record.as_ref().ok());
        let least: usize = sound().map(bytes).sum();
        // What is sealed counts whole.
        let most: usize = sound().map(|record| record.payload.len()).sum();
        let total = (least.min(most) as u64)..=(most.max(least) as u64);
        self.info.records == self.records.len() as u64 && total.contains(&self.info.payload_bytes)
    }
}
