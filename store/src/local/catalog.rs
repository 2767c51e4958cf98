//! Which threads the store holds, and what is known of each, folded when somebody asks.
//!
//! An entry costs little until it is read or listed. Then its records are folded, and from there on only what was
//! added since. The log is the one truth: nothing is folded that is not durable, and nothing that is durable
//! can be missed, whoever appended it and whatever became of the call.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Changes, Error as EngineError, ReadLog};

use crate::clock::HybridClock;
use crate::event::{Body, Event, ITEMS, control_channels};
use crate::fold::{self, Folded, Look};
use crate::lineage::Lineage;
use crate::thread::{ThreadId, ThreadKey};
use crate::view::Life;

/// All threads, by id; of each its current life.
#[derive(Default)]
pub(super) struct Catalog {
    threads: RwLock<BTreeMap<ThreadId, Arc<Entry>>>,
}

/// One life of a thread.
pub(super) struct Entry {
    pub(super) key: ThreadKey,
    /// The highest lease epoch given to a live writer of it by this process.
    epoch: AtomicU64,
    /// How often records were handed to the log.
    touches: AtomicU64,
    /// What was read last, and how many touches had been counted before it was read: if there were more since, the
    /// log may hold records that are not in it. (A flag cleared before reading would call the old value fresh
    /// while the new one is being read.)
    folded: RwLock<Option<(u64, Arc<Folded>)>>,
    /// What its history is made of, once somebody asked.
    lineage: OnceLock<Lineage>,
    /// Held while records are read. Locked only where blocking is allowed.
    folding: Mutex<()>,
}

impl Catalog {
    /// The threads in the log. Reads records only of threads with several lives.
    pub(super) fn load(log: &dyn ReadLog) -> Catalog {
        let catalog = Catalog::default();
        catalog.renew(log);
        catalog
    }

    /// The threads in the log as it is now; what was read of those that are known already stays read.
    pub(super) fn renew(&self, log: &dyn ReadLog) {
        let mut lives: BTreeMap<ThreadId, Vec<ThreadKey>> = BTreeMap::new();
        for info in log.streams() {
            let key = ThreadKey::of(&info.stream);
            let lives = lives.entry(key.thread).or_default();
            if lives.last() != Some(&key) {
                lives.push(key);
            }
        }
        let current: Vec<ThreadKey> = lives.into_values().filter_map(|lives| current(log, lives)).collect();
        let mut threads = self.threads.write();
        let mut before = std::mem::take(&mut *threads);
        threads.extend(current.into_iter().map(|key| {
            let known = before.remove(&key.thread).filter(|entry| entry.key == key);
            known.as_ref().inspect(|entry| entry.touch());
            (key.thread, known.unwrap_or_else(|| Arc::new(Entry::new(key))))
        }));
    }

    /// Takes in that streams changed.
    pub(super) fn learn(&self, log: &dyn ReadLog, changes: &Changes) {
        for key in changes.streams().map(ThreadKey::of) {
            let known = self.get(key.thread);
            let lives = known.iter().map(|entry| entry.key).filter(|known| *known != key).chain([key]).collect();
            // One that is gone again is no life.
            match current(log, lives) {
                Some(current) if known.as_ref().is_some_and(|entry| entry.key == current) => {
                    known.iter().for_each(|entry| entry.touch());
                }
                Some(current) => self.add(&Arc::new(Entry::new(current))),
                None => {}
            }
        }
    }

    /// A thread.
    pub(super) fn get(&self, id: ThreadId) -> Option<Arc<Entry>> {
        self.threads.read().get(&id).cloned()
    }

    /// Adds a thread; one with the same id of which nothing was stored makes room.
    pub(super) fn add(&self, entry: &Arc<Entry>) {
        self.threads.write().insert(entry.key.thread, Arc::clone(entry));
    }

    /// Up to `count` threads after this one, in the order of their ids.
    pub(super) fn after(&self, id: Option<ThreadId>, count: usize) -> Vec<Arc<Entry>> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.threads.read().range((from, Bound::Unbounded)).take(count).map(|(_, entry)| Arc::clone(entry)).collect()
    }
}

/// The life that was created, imported or changed last; one that was deleted only if all were.
fn current(log: &dyn ReadLog, lives: Vec<ThreadKey>) -> Option<ThreadKey> {
    if let [only] = lives[..] {
        return Some(only);
    }
    let rank = |key: &ThreadKey| {
        let mut life = Life::default();
        let read = |channel| log.read(&key.stream(channel), 0..u64::MAX);
        for record in control_channels(log, *key).flat_map(read).flatten() {
            if let Body::Control(control) = Event::decode(&record).body {
                life.apply(record.clock, &control);
            }
        }
        (life.deleted().is_none(), life.clock())
    };
    lives.into_iter().max_by_key(|key| (rank(key), *key))
}

impl Entry {
    pub(super) fn new(key: ThreadKey) -> Entry {
        Entry {
            key,
            epoch: AtomicU64::new(0),
            touches: AtomicU64::new(0),
            folded: RwLock::new(None),
            lineage: OnceLock::new(),
            folding: Mutex::new(()),
        }
    }

    /// What its history is made of. Blocks on the disk when it is asked for the first time.
    pub(super) fn lineage(&self, log: &dyn ReadLog) -> crate::Result<Lineage> {
        if let Some(lineage) = self.lineage.get() {
            return Ok(lineage.clone());
        }
        let lineage = Lineage::of(log, self.key)?;
        // What nothing is stored of yet can still become a fork.
        if log.head(&self.key.stream(ITEMS)).is_some() {
            return Ok(self.lineage.get_or_init(|| lineage).clone());
        }
        Ok(lineage)
    }

    /// A lease epoch that no writer of this life had, in the log or in this process.
    pub(super) fn next_epoch(&self, log: &dyn ReadLog) -> u64 {
        let in_log = log.head(&self.key.stream(ITEMS)).map_or(0, |head| head.lease_epoch);
        let before = self.epoch.fetch_max(in_log, Ordering::AcqRel).max(in_log);
        let next = before.saturating_add(u64::from(!bug(Bug::LeaseEpochNotRaised)));
        // Only one writer at a time is being made: ids are reserved before this is called.
        self.epoch.fetch_max(next, Ordering::AcqRel);
        next
    }

    /// Says that records were handed to the log.
    pub(super) fn touch(&self) {
        self.touches.fetch_add(1, Ordering::AcqRel);
    }

    /// What the durable records add up to, if that is known without reading.
    pub(super) fn known(&self) -> Option<Arc<Folded>> {
        let touches = self.touches.load(Ordering::Acquire);
        self.folded.read().as_ref().filter(|(seen, _)| *seen == touches).map(|(_, folded)| Arc::clone(folded))
    }

    /// What the durable records added up to when they were read last.
    pub(super) fn last_known(&self) -> Option<Arc<Folded>> {
        self.folded.read().as_ref().map(|(_, folded)| Arc::clone(folded))
    }

    /// What the durable records add up to now. Blocks on the disk. With an error if the system refuses a record that
    /// may be sound: what can be read is given then, and not remembered.
    pub(super) fn look(&self, log: &dyn ReadLog, clock: &HybridClock) -> (Arc<Folded>, Option<EngineError>) {
        let _folding = self.folding.lock();
        // First the count, then the heads: what is appended in between raises the count.
        let touches = self.touches.load(Ordering::Acquire);
        if let Some(folded) = self.known() {
            return (folded, None);
        }
        let before = self.last_known().unwrap_or_else(|| Arc::new(Folded::nothing(self.key)));
        let Look { folded, waiting, refused } = fold::go_on(log, clock, self.key, &before);
        let folded = Arc::new(folded);
        if refused.is_some() {
            return (folded, refused);
        }
        if waiting {
            // They become durable without another word.
            self.touch();
        }
        *self.folded.write() = Some((touches, Arc::clone(&folded)));
        (folded, None)
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "shuffle_tests.rs"]
mod shuffle_tests;
