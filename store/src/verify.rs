//! Checking a store: every record read, and every imported file still what it was.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use threadlog_engine::fs::Fs;
use threadlog_engine::number::{narrow, wide};
use threadlog_engine::{Conflict, Damage, Error as EngineError, Facts, ReadLog, Reader, StreamInfo};

use crate::error::Result;
use crate::event::{Body, Event, Source};
use crate::items::Rendering;
use crate::path::PathBytes;
use crate::progress::Progress;
use crate::table::{Entry, Table};
use crate::thread::ThreadKey;
use crate::workers::{self, jobs_default, lock};

/// What a check found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Segments, groups, marks.
    pub facts: Facts,
    /// Records read and verified.
    pub records: u64,
    /// Their payload bytes.
    pub payload_bytes: u64,
    /// Imported files whose bytes were made again and compared by hash.
    pub files: u64,
    /// Damaged places of hot segments.
    pub damage: Vec<Damage>,
    /// What is wrong with sealed segments and their manifest, whether a record needs it or not.
    pub sealed_damage: Vec<EngineError>,
    /// Records that lost against another with the same stream and ordinal.
    pub conflicts: Vec<Conflict>,
    /// Lives that miss something, in the order of their keys.
    pub faults: Vec<Fault>,
    /// Whether it was stopped before its end: then what it does not tell of was not checked.
    pub stopped: bool,
}

/// What is wrong with one life of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which life.
    pub key: ThreadKey,
    /// Records that cannot be read; a lost end counts once.
    pub lost_records: u64,
    /// Records that are intact, but not understood.
    pub unreadable_records: u64,
    /// Imported files that can no longer be made from it.
    pub files: Vec<PathBytes>,
}

impl VerifyReport {
    /// Whether everything that was acknowledged is there, and all of it was looked at.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.stopped && self.damage.is_empty() && self.sealed_damage.is_empty() && self.faults.is_empty()
    }
}

/// Counts of one life.
#[derive(Default)]
struct Checked {
    records: u64,
    payload_bytes: u64,
    files: u64,
}

/// Reads and checks the store at `root`. See [`crate::Store::verify`].
pub(crate) fn verify(fs: Arc<dyn Fs>, root: &Path, progress: &dyn Progress) -> Result<VerifyReport> {
    let reader = Reader::open(fs, root)?;
    let (table, deleted) = Table::load_all(&reader).split();
    let streams = reader.streams();
    progress.planned(wide(table.iter().count()), streams.iter().map(|stream| stream.payload_bytes).sum());
    // Sorted, so the streams of one life stand together.
    let lives: Vec<&[StreamInfo]> =
        streams.chunk_by(|a, b| ThreadKey::of(&a.stream) == ThreadKey::of(&b.stream)).collect();
    let report = Mutex::new(VerifyReport {
        facts: reader.facts(),
        records: 0,
        payload_bytes: 0,
        files: 0,
        damage: reader.damage(),
        sealed_damage: reader.sealed().damage().to_vec(),
        conflicts: reader.conflicts(),
        faults: Vec::new(),
        stopped: false,
    });
    workers::each(&lives, jobs_default(), |streams| {
        let Some(first) = streams.first() else { return };
        if progress.stop() {
            lock(&report).stopped = true;
            return;
        }
        let key = ThreadKey::of(&first.stream);
        let (checked, mut fault) = check(&reader, key, &table, streams, progress);
        if deleted.contains(&key) {
            // Erasing that was interrupted, or that waits for another process, has taken some and not all of them. What is
            // damaged is told as damage.
            fault.lost_records = 0;
        }
        let mut report = lock(&report);
        report.records += checked.records;
        report.payload_bytes += checked.payload_bytes;
        report.files += checked.files;
        if fault.lost_records + fault.unreadable_records > 0 || !fault.files.is_empty() {
            report.faults.push(fault);
        }
        progress.file_done();
    });
    // Blocks that no record of a thread needs are checked too.
    let sealed = reader.sealed();
    let failed = Mutex::new(None);
    workers::each(sealed.segments(), jobs_default(), |segment| {
        if progress.stop() {
            lock(&report).stopped = true;
            return;
        }
        let mut wrong = Vec::new();
        if let Err(error) = segment.verify(&mut |error| wrong.push(error), &mut |_| {}) {
            lock(&failed).get_or_insert(error);
        }
        lock(&report).sealed_damage.extend(wrong);
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error.into());
    }
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.sealed_damage.sort_by_key(ToString::to_string);
    report.faults.sort_by_key(|fault| fault.key);
    Ok(report)
}

fn check(
    log: &dyn ReadLog,
    key: ThreadKey,
    table: &Table,
    streams: &[StreamInfo],
    progress: &dyn Progress,
) -> (Checked, Fault) {
    let mut checked = Checked::default();
    let mut fault = Fault { key, lost_records: 0, unreadable_records: 0, files: Vec::new() };
    let entry = table.get(key);
    let mut files = Files::of(entry);
    let mut line = Vec::new();
    // A file of a fork is made of other lives too.
    let fork = entry.and_then(|entry| entry.life.created()).is_some_and(|created| created.origin.fork().is_some());
    for info in streams {
        for record in log.read(&info.stream, 0..u64::MAX) {
            let Ok(record) = record else {
                fault.lost_records += 1;
                continue;
            };
            let bytes = wide(record.payload.len());
            checked.records += 1;
            checked.payload_bytes += bytes;
            progress.advanced(bytes);
            match Event::decode(&record).body {
                Body::Item(_) if fork => {}
                Body::Item(item) => {
                    line.clear();
                    item.render(&mut line);
                    files.add(&line);
                }
                Body::Control(_) | Body::Erased => {}
                Body::Unreadable(_) => fault.unreadable_records += 1,
            }
        }
    }
    if fork && files.checked > 0 {
        Rendering::new(log, key).map_while(std::result::Result::ok).for_each(|chunk| files.add(&chunk));
    }
    checked.files = files.checked;
    fault.files = files.finish();
    (checked, fault)
}

/// Bytes hashed at a time.
const HASHED_BYTES: usize = 128 << 10;

/// Compares the beginnings of a life's rendering with the files that were imported.
struct Files {
    /// Files whose end is not reached, the longest first.
    waiting: Vec<Source>,
    hasher: blake3::Hasher,
    /// Rendered and not hashed yet: hashing many lines at once is several times faster.
    unhashed: Vec<u8>,
    /// Bytes rendered so far.
    bytes: u64,
    checked: u64,
    wrong: Vec<PathBytes>,
}

impl Files {
    fn of(entry: Option<&Entry>) -> Files {
        let mut waiting: Vec<Source> =
            entry.map(|entry| entry.life.sources().map(|(_, source)| source.clone()).collect()).unwrap_or_default();
        waiting.sort_by_key(|source| Reverse(source.bytes));
        let checked = wide(waiting.len());
        Files { waiting, hasher: blake3::Hasher::new(), unhashed: Vec::new(), bytes: 0, checked, wrong: Vec::new() }
    }

    fn add(&mut self, mut line: &[u8]) {
        loop {
            let left = self.waiting.last().map_or(u64::MAX, |file| file.bytes - self.bytes);
            let (part, rest) = line.split_at_checked(narrow(left).unwrap_or(usize::MAX)).unwrap_or((line, &[]));
            self.unhashed.extend_from_slice(part);
            self.bytes += wide(part.len());
            if self.unhashed.len() >= HASHED_BYTES {
                self.hash();
            }
            line = rest;
            self.compare();
            if line.is_empty() {
                return;
            }
        }
    }

    fn hash(&mut self) {
        self.hasher.update(&self.unhashed);
        self.unhashed.clear();
    }

    /// Settles the files that end here.
    fn compare(&mut self) {
        while let Some(file) = self.waiting.pop_if(|file| file.bytes <= self.bytes) {
            self.hash();
            if self.hasher.finalize() != blake3::Hash::from(file.blake3) {
                self.wrong.push(file.place.path);
            }
        }
    }

    /// The files that do not come out as they went in.
    fn finish(mut self) -> Vec<PathBytes> {
        self.compare();
        self.wrong.extend(self.waiting.into_iter().map(|file| file.place.path));
        self.wrong.sort();
        self.wrong
    }
}
