//! All threads of a store, and finding one by its name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use threadlog_engine::ReadLog;
use threadlog_engine::number::narrow;
use threadlog_engine::sealed::SealedCache;

use crate::error::{Error, Result};
use crate::event::{Event, channels};
use crate::item::Timestamp;
use crate::reading::{TOGETHER, each_record};
use crate::table::Table;
use crate::thread::{FileName, ThreadId, ThreadKey};
use crate::view::ThreadFacts;
use crate::workers::{self, jobs_default, lock};

/// A thread with all its lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSummary {
    /// Its id.
    pub thread: ThreadId,
    /// The life that was created, imported or changed last.
    pub current: Revision,
    /// The others, the oldest first.
    pub others: Vec<Revision>,
}

/// One life of a thread, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Names it.
    pub key: ThreadKey,
    /// Which one it is, from 1 in the order of creation: `ID~1`, `ID~2`.
    pub number: u64,
    /// Sizes, and where it came from.
    pub facts: ThreadFacts,
    /// Records of it that could not be read; their facts are missing.
    pub lost_records: u64,
}

impl ThreadSummary {
    /// When something last happened in any of its lives.
    #[must_use]
    pub fn last_active(&self) -> Option<Timestamp> {
        self.others.iter().chain([&self.current]).filter_map(|life| life.facts.last_active()).max()
    }
}

/// All threads, the one that was active last first; of equal ones the lower id first.
pub(crate) fn threads(log: &dyn ReadLog) -> Vec<ThreadSummary> {
    let keys: Vec<ThreadKey> = Table::load(log).iter().map(|(key, _)| key).collect();
    let mut threads: Vec<_> = summarize_all(log, &keys).into_values().collect();
    threads.sort_by_key(|thread| (std::cmp::Reverse(thread.last_active()), thread.thread));
    threads
}

/// Those of these threads that are there, in this order.
pub(crate) fn threads_of(log: &dyn ReadLog, threads: &[ThreadId]) -> Vec<ThreadSummary> {
    let table = Table::of_threads(log, threads.iter().copied());
    let keys: Vec<ThreadKey> = threads.iter().flat_map(|thread| table.of_thread(*thread)).map(|(key, _)| key).collect();
    let mut summaries = summarize_all(log, &keys);
    threads.iter().filter_map(|thread| summaries.remove(thread)).collect()
}

fn summarize_all(log: &dyn ReadLog, keys: &[ThreadKey]) -> BTreeMap<ThreadId, ThreadSummary> {
    let mut lives: BTreeMap<ThreadId, Vec<Revision>> = BTreeMap::new();
    for life in fold_all(log, keys) {
        lives.entry(life.key.thread).or_default().push(life);
    }
    lives.into_iter().filter_map(|(thread, lives)| Some((thread, summarize(thread, lives)?))).collect()
}

fn summarize(thread: ThreadId, mut lives: Vec<Revision>) -> Option<ThreadSummary> {
    lives.sort_by_key(|life| (life.facts.life.created_clock(), life.key));
    for (number, life) in (1..).zip(&mut lives) {
        life.number = number;
    }
    let latest = lives.iter().enumerate().max_by_key(|(_, life)| (life.facts.life.clock(), life.key));
    let latest = latest.map(|(index, _)| index)?;
    let current = lives.remove(latest);
    Some(ThreadSummary { thread, current, others: lives })
}

/// Folds lives, on as many cores as there are, up to 4.
fn fold_all(log: &dyn ReadLog, keys: &[ThreadKey]) -> Vec<Revision> {
    let folded = Mutex::new(Vec::with_capacity(keys.len()));
    let together: Vec<&[ThreadKey]> = keys.chunks(TOGETHER).collect();
    workers::each(&together, jobs_default(), |keys| {
        let mut cache = SealedCache::new();
        let mut lives: Vec<Revision> = keys.iter().map(|key| fold(log, *key, &mut cache)).collect();
        lock(&folded).append(&mut lives);
    });
    folded.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn fold(log: &dyn ReadLog, key: ThreadKey, cache: &mut SealedCache) -> Revision {
    let mut life = Revision { key, number: 0, facts: ThreadFacts::default(), lost_records: 0 };
    for channel in channels(log, key) {
        each_record(log, cache, &key.stream(channel), 0..u64::MAX, |record| match record {
            Ok(record) => life.facts.apply(&Event::decode(&record)),
            Err(_) => life.lost_records += 1,
        });
    }
    life
}

/// Finds the life that a person means: see [`crate::Store::resolve`].
pub(crate) fn resolve(log: &dyn ReadLog, text: &str) -> Result<ThreadKey> {
    let not_found = || Error::NotFound { text: text.to_owned() };
    let bad = |why| Error::BadId { text: text.to_owned(), why };
    let (name, number) = match text.split_once('~') {
        None => (text, None),
        Some((name, number)) => {
            let number: u64 = number.parse().map_err(|_| bad("behind ~ stands the number of a revision, from 1"))?;
            (name, Some(number))
        }
    };
    let name = name.trim();
    if name.is_empty() {
        return Err(bad("give its id or the beginning of one, or its file's name; `list` shows all"));
    }
    let mut candidates: Vec<ThreadId> = match by_file_name(name).or_else(|| name.parse().ok()) {
        Some(thread) => vec![thread],
        None => {
            let (all, prefix) = (log.streams(), name.to_ascii_lowercase());
            all.iter().map(|info| ThreadKey::of(&info.stream).thread).filter(|id| begins_with(*id, &prefix)).collect()
        }
    };
    candidates.dedup();
    // Those that were deleted are none.
    let table = Table::of_threads(log, candidates.iter().copied());
    candidates.retain(|candidate| table.of_thread(*candidate).next().is_some());
    let thread = match candidates.as_slice() {
        [] => return Err(not_found()),
        [thread] => *thread,
        _ => return Err(Error::Ambiguous { text: text.to_owned(), candidates }),
    };
    let mut lives: Vec<_> = table.of_thread(thread).collect();
    lives.sort_by_key(|(key, entry)| (entry.life.created_clock(), *key));
    let life = match number {
        None => lives.iter().max_by_key(|(key, entry)| (entry.life.clock(), *key)),
        Some(number) => narrow(number).ok().and_then(|number| lives.get(number.checked_sub(1)?)),
    };
    life.map(|(key, _)| *key).ok_or_else(not_found)
}

/// The thread that a rollout file's name says, with folders or without, compressed or not.
fn by_file_name(text: &str) -> Option<ThreadId> {
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
    let name = name.strip_suffix(".zst").unwrap_or(name);
    FileName::parse(name.strip_suffix(".jsonl")?.as_bytes()).map(|name| name.thread)
}

/// Whether an id begins so, written with its hyphens or without.
pub(crate) fn begins_with(thread: ThreadId, prefix: &str) -> bool {
    thread.to_string().starts_with(prefix)
        || thread.uuid().simple().encode_lower(&mut uuid::Uuid::encode_buffer()).starts_with(prefix)
}
