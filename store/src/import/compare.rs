//! How a file relates to what a life of its thread has stored.

use std::io::{self, BufReader, Read};

use threadlog_engine::number::{narrow, wide};
use threadlog_engine::{Engine, ReadLog};

use crate::error::Error;
use crate::event::{Body, Event, ITEMS, Source};
use crate::import::file::Fault;
use crate::import::input::Input;
use crate::lineage::Lineage;
use crate::refusal::{self, Refusals};
use crate::table::Entry;
use crate::thread::ThreadKey;

const CHUNK_BYTES: u64 = 256 << 10;

/// A file's beginning, compared or hashed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefix {
    /// Its length.
    pub(crate) bytes: u64,
    /// Newlines in it.
    pub(crate) newlines: u64,
    /// Whether it ends within a line.
    pub(crate) mid_line: bool,
    /// Records of the items stream that make it up; a last one that is only begun does not count.
    pub(crate) records: u64,
    /// Has seen its bytes.
    pub(crate) hasher: blake3::Hasher,
}

impl Prefix {
    /// Lines in it, an unfinished last one included.
    pub(crate) fn lines(&self) -> u64 {
        self.newlines + u64::from(self.mid_line)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.bytes += wide(bytes.len());
        self.newlines += wide(memchr::memchr_iter(b'\n', bytes).count());
        self.mid_line = *last != b'\n';
        self.hasher.update(bytes);
    }
}

/// What a file and stored items begin with, both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common {
    /// Its length.
    pub(crate) bytes: u64,
    /// Whole lines in it.
    pub(crate) lines: u64,
}

/// How a file relates to stored items.
#[derive(Debug)]
pub(crate) enum Relation {
    /// The file is what is stored, or the beginning of it: all of the file.
    Holds(Prefix),
    /// What is stored is the beginning of the file; the file goes on after it.
    Grows(Prefix),
    /// Neither begins with the other.
    Differs(Common),
    /// What is stored cannot be read.
    Damaged,
}

/// Compares a file with a life's items.
///
/// Cost: hashing the file, where an earlier import completed, and reading large records, of which the log holds only
/// names; else reading both.
pub(crate) fn relate(engine: &Engine, key: ThreadKey, entry: &Entry, input: &Input) -> Result<Relation, Fault> {
    let length = input.bytes();
    if let Some(source) = entry.life.sources().map(|(_, source)| source).find(|source| source.records == entry.items) {
        let known = if source.bytes <= length {
            hash_prefix(input, source)?
        } else {
            match entry.life.sources().find(|(_, source)| source.bytes == length) {
                Some((_, same)) => hash_prefix(input, same)?,
                None => None,
            }
        };
        if let Some(prefix) = known {
            if refusal::look(|refusals| is_missing_large(engine, key, prefix.records, refusals)) {
                return Ok(Relation::Damaged);
            }
            return Ok(if prefix.bytes < length { Relation::Grows(prefix) } else { Relation::Holds(prefix) });
        }
    }
    refusal::look(|refusals| compare(engine, key, input, refusals))
}

/// Whether a large record is lost among the life's first `records`, or in what it inherited.
fn is_missing_large(engine: &Engine, key: ThreadKey, records: u64, refusals: &mut Refusals) -> bool {
    let lineage = match Lineage::of(engine, key) {
        Ok(lineage) => lineage,
        Err(error) => {
            refusals.note(&error);
            return true;
        }
    };
    lineage.file_parts().iter().any(|part| {
        let mut range = part.own();
        if part.key == key {
            range.end = range.end.min(records);
        }
        let failed = engine.read(&part.key.stream(ITEMS), range).large_only().find_map(Result::err);
        failed.is_some_and(|error| {
            refusals.note(&error.into());
            true
        })
    })
}

/// The file's first bytes, if they are those that `source` had.
fn hash_prefix(input: &Input, source: &Source) -> io::Result<Option<Prefix>> {
    let mut left = input.reader()?.take(source.bytes);
    let mut prefix = Prefix::default();
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        if left.by_ref().take(CHUNK_BYTES).read_to_end(&mut chunk)? == 0 {
            break;
        }
        prefix.add(&chunk);
    }
    prefix.records = source.records;
    let same = prefix.bytes == source.bytes && prefix.hasher.finalize() == blake3::Hash::from(source.blake3);
    Ok(same.then_some(prefix))
}

fn compare(engine: &Engine, key: ThreadKey, input: &Input, refusals: &mut Refusals) -> Result<Relation, Fault> {
    // Reading shows what is durable; this import itself may have appended a moment ago.
    if engine.head(&key.stream(ITEMS)).is_some_and(|head| head.durable_ordinal < head.next_ordinal) {
        engine.sync(engine.barrier()).map_err(Error::from)?;
    }
    let mut file = BufReader::with_capacity(narrow(CHUNK_BYTES)?, input.reader()?);
    let mut prefix = Prefix::default();
    let (mut stored, mut found) = (Vec::new(), Vec::new());
    let mut unread = |error: Error| {
        refusals.note(&error);
        Ok(Relation::Damaged)
    };
    let lineage = match Lineage::of(engine, key) {
        Ok(lineage) => lineage,
        Err(error) => return unread(error),
    };
    let parts = lineage.file_parts();
    let records = parts.iter().flat_map(|part| {
        let own = part.key == key;
        engine.read(&part.key.stream(ITEMS), part.own()).map(move |record| (own, record))
    });
    for (own, record) in records {
        let record = match record {
            Ok(record) => record,
            Err(error) => return unread(error.into()),
        };
        let Body::Item(item) = Event::decode(&record).body else { return Ok(Relation::Damaged) };
        stored.clear();
        item.render(&mut stored);
        found.clear();
        file.by_ref().take(wide(stored.len())).read_to_end(&mut found)?;
        if !stored.starts_with(&found) {
            let shared = stored.iter().zip(&found).take_while(|(stored, found)| stored == found).count();
            prefix.add(found.get(..shared).unwrap_or_default());
            return Ok(Relation::Differs(Common { bytes: prefix.bytes, lines: prefix.newlines }));
        }
        prefix.add(&found);
        if found.len() < stored.len() {
            return Ok(Relation::Holds(prefix));
        }
        prefix.records += u64::from(own);
    }
    Ok(if prefix.bytes < input.bytes() { Relation::Grows(prefix) } else { Relation::Holds(prefix) })
}
