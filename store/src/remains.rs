//! What of a deleted thread still stands in the store's files.

use std::collections::BTreeSet;

use threadlog_engine::{ReadLog, Record};

use crate::clock::stamp_ms;
use crate::error::{Error, Result};
use crate::event::{Body, Control, Event, channels};
use crate::table::Table;
use crate::thread::{ThreadId, ThreadKey};

/// What stands in the store's files of a thread that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remains {
    /// The thread.
    pub thread: ThreadId,
    /// Its deleted lives, the one deleted first in front. Empty: nothing of it is there.
    pub lives: Vec<DeletedLife>,
    /// Whether a thread of this id is stored, that was made or imported after that.
    pub is_back: bool,
}

/// A life that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedLife {
    /// Names it.
    pub key: ThreadKey,
    /// When it was deleted, in milliseconds since 1970 (UTC).
    pub deleted_ms: u64,
    /// Its records, but for what stays for ever: that it was deleted, and when.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Records that cannot be read; their bytes are not counted.
    pub lost_records: u64,
    /// Lives that stand on it and were not deleted: they read what they inherited from it.
    pub forks: Vec<ThreadKey>,
}

/// Looks for what is left of a thread: see [`crate::Store::remains`].
pub(crate) fn remains(log: &dyn ReadLog, text: &str) -> Result<Remains> {
    let table = Table::load_all(log);
    let thread = named(&table, text)?;
    let mut remains = Remains { thread, lives: Vec::new(), is_back: false };
    for (key, entry) in table.of_thread(thread) {
        match entry.life.deleted() {
            None => remains.is_back = true,
            Some(clock) => remains.lives.push(life(log, &table, key, stamp_ms(clock))),
        }
    }
    remains.lives.sort_by_key(|life| (life.deleted_ms, life.key));
    Ok(remains)
}

fn life(log: &dyn ReadLog, table: &Table, key: ThreadKey, deleted_ms: u64) -> DeletedLife {
    let mut life =
        DeletedLife { key, deleted_ms, records: 0, payload_bytes: 0, lost_records: 0, forks: forks(table, key) };
    for channel in channels(log, key) {
        for record in log.read(&key.stream(channel), 0..u64::MAX) {
            if record.as_ref().is_ok_and(is_trace) {
                continue;
            }
            life.records = life.records.saturating_add(1);
            match record {
                Ok(record) => {
                    let bytes = u64::try_from(record.payload.len()).unwrap_or(u64::MAX);
                    life.payload_bytes = life.payload_bytes.saturating_add(bytes);
                }
                Err(_) => life.lost_records = life.lost_records.saturating_add(1),
            }
        }
    }
    life
}

/// Whether a record is what erasing leaves: an empty place, or that the life was deleted.
fn is_trace(record: &Record) -> bool {
    matches!(Event::decode(record).body, Body::Erased | Body::Control(Control::Deleted))
}

/// Lives that are there and read this one: their base, or the base of a base, deleted or not.
fn forks(table: &Table, base: ThreadKey) -> Vec<ThreadKey> {
    let there = table.iter().filter(|(key, entry)| *key != base && entry.life.deleted().is_none());
    there.map(|(key, _)| key).filter(|key| stands_on(table, *key, base)).collect()
}

fn stands_on(table: &Table, key: ThreadKey, base: ThreadKey) -> bool {
    let (mut at, mut met) = (key, BTreeSet::new());
    while met.insert(at) {
        let created = table.get(at).and_then(|entry| entry.life.created());
        let Some(fork) = created.and_then(|created| created.origin.fork()) else { return false };
        at = fork.base.key();
        if at == base {
            return true;
        }
    }
    false
}

/// The thread that a text means: a whole id, stored or not, or the beginning of the id of a deleted thread.
fn named(table: &Table, text: &str) -> Result<ThreadId> {
    if let Ok(thread) = text.parse() {
        return Ok(thread);
    }
    let prefix = text.to_ascii_lowercase();
    let begins = |thread: &ThreadId| !prefix.is_empty() && crate::summary::begins_with(*thread, &prefix);
    let deleted = table.iter().filter(|(_, entry)| entry.life.deleted().is_some()).map(|(key, _)| key.thread);
    let candidates: BTreeSet<ThreadId> = deleted.filter(begins).collect();
    let candidates: Vec<ThreadId> = candidates.into_iter().collect();
    match candidates.as_slice() {
        [] => Err(Error::NotDeleted { text: text.to_owned() }),
        [thread] => Ok(*thread),
        _ => Err(Error::Ambiguous { text: text.to_owned(), candidates }),
    }
}
