//! Which threads the store holds, and what is known of each, folded when somebody asks.
//!
//! An entry costs little until it is read or listed. Then its records are folded, and from there on only what was
//! added since. The log is the one truth: nothing is folded that is not durable, and nothing that is durable
//! can be missed, whoever appended it and whatever became of the call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use threadlog_engine::sealed::SealedCache;
use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Changes, Error as EngineError, ReadLog};

use crate::catalog::{Checkpoint, From, Usable};
use crate::clock::HybridClock;
use crate::event::ITEMS;
use crate::fold::{self, Folded, Look};
use crate::lineage::Lineage;
use crate::log::Log;
use crate::thread::{ThreadId, ThreadKey};

/// All threads, by id; of each its current life.
#[derive(Default)]
pub(super) struct Catalog {
    /// Threads that are in memory. What a checkpoint says of them does not count.
    threads: RwLock<BTreeMap<ThreadId, Arc<Entry>>>,
    /// What is known of all others.
    checkpoint: RwLock<Option<Arc<Checkpoint>>>,
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
    /// The threads in the log: those of a checkpoint, and those that changed since. Without one, all of them; then records
    /// are read only of threads with several lives.
    pub(super) fn load(log: &Log, clock: &HybridClock, usable: Option<Usable>) -> Catalog {
        let catalog = Catalog::default();
        catalog.renew(log, clock, usable);
        catalog
    }

    /// The threads in the log as it is now; what was read of those that are known already stays read.
    pub(super) fn renew(&self, log: &Log, clock: &HybridClock, usable: Option<Usable>) {
        let log = log.read();
        let entries = match &usable {
            Some((checkpoint, changed)) => {
                clock.observe(checkpoint.clock());
                let known = self.in_memory().into_iter().map(|entry| (entry.key.thread, From::Zero));
                let changed = changed.iter().map(|(id, from)| (*id, *from));
                let wanted: BTreeMap<ThreadId, From> = known.chain(changed).collect();
                wanted.into_iter().filter_map(|(id, from)| Catalog::entry_of(log, checkpoint, id, from)).collect()
            }
            None => Catalog::all(log),
        };
        let mut threads = self.threads.write();
        let mut before = std::mem::take(&mut *threads);
        threads.extend(entries.into_iter().map(|entry| {
            let known = before.remove(&entry.key.thread).filter(|known| known.key == entry.key);
            known.as_ref().inspect(|known| known.touch());
            (entry.key.thread, known.unwrap_or(entry))
        }));
        if usable.is_some() {
            // Those that somebody asked for meanwhile: a writer may have them.
            for (thread, entry) in before {
                entry.touch();
                threads.entry(thread).or_insert(entry);
            }
        }
        *self.checkpoint.write() = usable.map(|(checkpoint, _)| checkpoint);
    }

    /// Entries of all threads.
    fn all(log: &dyn ReadLog) -> Vec<Arc<Entry>> {
        let mut lives: BTreeMap<ThreadId, Vec<ThreadKey>> = BTreeMap::new();
        for info in log.streams() {
            let key = ThreadKey::of(&info.stream);
            let lives = lives.entry(key.thread).or_default();
            if lives.last() != Some(&key) {
                lives.push(key);
            }
        }
        let current = lives.into_values().filter_map(|lives| fold::current(log, lives));
        current.map(|key| Arc::new(Entry::new(key))).collect()
    }

    /// The entry of a thread that changed since the checkpoint.
    fn entry_of(log: &dyn ReadLog, checkpoint: &Checkpoint, thread: ThreadId, from: From) -> Option<Arc<Entry>> {
        let lives = log.incarnations(thread.uuid().as_bytes());
        let several = lives.len() > 1;
        let lives = lives.into_iter().map(|incarnation| ThreadKey { thread, incarnation }).collect();
        let entry = Entry::new(fold::current(log, lives)?);
        if from == From::Checkpoint && !several {
            let known = checkpoint.folded(thread).ok().flatten().filter(|(key, _)| *key == entry.key);
            entry.begin_with(known.map(|(_, folded)| folded));
            entry.touch();
        }
        Some(Arc::new(entry))
    }

    /// Gives up this checkpoint, of which a page turned out to be damaged: from here on all is folded from the log. Does
    /// nothing if another is in force by now.
    pub(super) fn give_up(&self, log: &dyn ReadLog, damaged: &Arc<Checkpoint>) {
        let mut all = Catalog::all(log);
        let mut threads = self.threads.write();
        if !self.is_in_force(damaged) {
            return;
        }
        for entry in &mut all {
            if let Some(known) = threads.get(&entry.key.thread) {
                *entry = Arc::clone(known);
            }
        }
        threads.extend(all.into_iter().map(|entry| (entry.key.thread, entry)));
        *self.checkpoint.write() = None;
    }

    fn is_in_force(&self, checkpoint: &Arc<Checkpoint>) -> bool {
        self.checkpoint.read().as_ref().is_some_and(|now| Arc::ptr_eq(now, checkpoint))
    }

    /// What is known of the threads that are not in memory.
    pub(super) fn checkpoint(&self) -> Option<Arc<Checkpoint>> {
        self.checkpoint.read().clone()
    }

    /// The threads in memory, by id.
    pub(super) fn in_memory(&self) -> Vec<Arc<Entry>> {
        self.threads.read().values().cloned().collect()
    }

    /// Takes in that streams changed.
    pub(super) fn learn(&self, log: &dyn ReadLog, changes: &Changes) {
        for key in changes.streams().map(ThreadKey::of) {
            let known = self.get(log, key.thread);
            let lives = known.iter().map(|entry| entry.key).filter(|known| *known != key).chain([key]).collect();
            // One that is gone again is no life.
            match fold::current(log, lives) {
                Some(current) if known.as_ref().is_some_and(|entry| entry.key == current) => {
                    known.iter().for_each(|entry| entry.touch());
                }
                Some(current) => self.add(&Arc::new(Entry::new(current))),
                None => {}
            }
        }
    }

    /// A thread that is in memory; `None` also if the checkpoint may have it.
    pub(super) fn find(&self, id: ThreadId) -> Option<Arc<Entry>> {
        self.threads.read().get(&id).cloned()
    }

    /// A thread. *Cost:* of one that is in the checkpoint only, a look there.
    pub(super) fn get(&self, log: &dyn ReadLog, id: ThreadId) -> Option<Arc<Entry>> {
        loop {
            if let Some(entry) = self.find(id) {
                return Some(entry);
            }
            let checkpoint = self.checkpoint()?;
            let entry = match checkpoint.find(id) {
                Ok(None) => return None,
                Ok(Some(row)) => {
                    let entry = Entry::new(row.key());
                    entry.begin_with(checkpoint.folded(id).ok().flatten().map(|(_, folded)| folded));
                    entry
                }
                Err(_) => {
                    self.give_up(log, &checkpoint);
                    continue;
                }
            };
            let mut threads = self.threads.write();
            // Another checkpoint may say more of it.
            if self.is_in_force(&checkpoint) {
                return Some(Arc::clone(threads.entry(id).or_insert_with(|| Arc::new(entry))));
            }
        }
    }

    /// Adds a thread; one with the same id of which nothing was stored makes room.
    pub(super) fn add(&self, entry: &Arc<Entry>) {
        self.threads.write().insert(entry.key.thread, Arc::clone(entry));
    }
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

    /// What it added up to at a checkpoint; nothing was added since.
    fn begin_with(&self, folded: Option<Folded>) {
        let touches = self.touches.load(Ordering::Acquire);
        *self.folded.write() = folded.map(|folded| (touches, Arc::new(folded)));
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
        self.look_reusing(log, clock, &mut SealedCache::new())
    }

    /// As [`Entry::look`]; `cache` is what the reader of the thread before kept.
    pub(super) fn look_reusing(
        &self,
        log: &dyn ReadLog,
        clock: &HybridClock,
        cache: &mut SealedCache,
    ) -> (Arc<Folded>, Option<EngineError>) {
        let _folding = self.folding.lock();
        // First the count, then the heads: what is appended in between raises the count.
        let touches = self.touches.load(Ordering::Acquire);
        if let Some(folded) = self.known() {
            return (folded, None);
        }
        let before = self.last_known().unwrap_or_else(|| Arc::new(Folded::nothing(self.key)));
        let Look { folded, waiting, refused } = fold::go_on(log, clock, self.key, &before, cache);
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
