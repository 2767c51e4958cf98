//! Which threads the store holds, and what is known of each, folded when somebody asks.
//!
//! An entry costs little until it is read or listed. Then its records are folded, and from there on only what was
//! added since. The log is the one truth: nothing is folded that is not durable, and nothing that is durable
//! can be missed, whoever appended it and whatever became of the call.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use threadlog_engine::{Engine, ReadLog};

use crate::clock::HybridClock;
use crate::event::{Body, CONTROL, Control, Event, ITEMS};
use crate::items::Items;
use crate::metadata::{MetadataEvent, Stamp, ThreadMetadata};
use crate::thread::{ThreadId, ThreadKey};
use crate::view::Life;

/// The journal of every record, as long as a store has one.
const JOURNAL: u32 = 0;

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
    /// Whether records may be in the log that are not folded.
    stale: AtomicBool,
    folded: RwLock<Option<Arc<Folded>>>,
    /// Held while records are read. Locked only where blocking is allowed.
    folding: Mutex<()>,
}

/// What durable records add up to.
#[derive(Clone)]
pub(super) struct Folded {
    pub(super) metadata: ThreadMetadata,
    /// How many records of each stream are in it.
    items: u64,
    controls: u64,
    /// Whether the last line lacks its newline, so that a later record can change it.
    open_end: bool,
}

impl Folded {
    fn nothing(key: ThreadKey) -> Folded {
        Folded { metadata: ThreadMetadata::new(key.thread), items: 0, controls: 0, open_end: false }
    }

    /// Whether a record with this ordinal would continue a line.
    pub(super) fn lacks_newline(&self, ordinal: u64) -> bool {
        self.open_end && self.items == ordinal
    }

    /// Whether there is a thread at all: its creation can have failed.
    pub(super) fn exists(&self) -> bool {
        self.items > 0 || self.controls > 0
    }
}

impl Catalog {
    /// The threads in the log. Reads records only of threads with several lives.
    pub(super) fn load(engine: &Engine) -> Catalog {
        let mut lives: BTreeMap<ThreadId, Vec<ThreadKey>> = BTreeMap::new();
        for info in engine.streams() {
            let key = ThreadKey::of(&info.stream);
            let lives = lives.entry(key.thread).or_default();
            if lives.last() != Some(&key) {
                lives.push(key);
            }
        }
        let current = |(id, lives)| Some((id, Arc::new(Entry::new(current(engine, lives)?))));
        Catalog { threads: RwLock::new(lives.into_iter().filter_map(current).collect()) }
    }

    /// A thread.
    pub(super) fn get(&self, id: ThreadId) -> Option<Arc<Entry>> {
        self.threads.read().get(&id).cloned()
    }

    /// Adds a thread; one with the same id of which nothing was stored makes room.
    pub(super) fn add(&self, entry: &Arc<Entry>) {
        self.threads.write().insert(entry.key.thread, Arc::clone(entry));
    }

    /// Says of all threads that the log may know more of them.
    pub(super) fn touch_all(&self) {
        self.threads.read().values().for_each(|entry| entry.touch());
    }

    /// Up to `count` threads after this one, in the order of their ids.
    pub(super) fn after(&self, id: Option<ThreadId>, count: usize) -> Vec<Arc<Entry>> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.threads.read().range((from, Bound::Unbounded)).take(count).map(|(_, entry)| Arc::clone(entry)).collect()
    }
}

/// The life that was created, imported or changed last.
fn current(engine: &Engine, lives: Vec<ThreadKey>) -> Option<ThreadKey> {
    if let [only] = lives[..] {
        return Some(only);
    }
    let clock = |key: &ThreadKey| {
        let mut life = Life::default();
        for record in engine.read(&key.stream(CONTROL), 0..u64::MAX).flatten() {
            if let Body::Control(control) = Event::decode(&record).body {
                life.apply(record.clock, &control);
            }
        }
        life.clock()
    };
    lives.into_iter().max_by_key(|key| (clock(key), *key))
}

impl Entry {
    pub(super) fn new(key: ThreadKey) -> Entry {
        Entry {
            key,
            epoch: AtomicU64::new(0),
            stale: AtomicBool::new(true),
            folded: RwLock::new(None),
            folding: Mutex::new(()),
        }
    }

    /// A lease epoch that no writer of this life had, in the log or in this process.
    pub(super) fn next_epoch(&self, engine: &Engine) -> u64 {
        let in_log = engine.head(&self.key.stream(ITEMS)).map_or(0, |head| head.lease_epoch);
        let before = self.epoch.fetch_max(in_log, Ordering::AcqRel).max(in_log);
        let next = before.saturating_add(1);
        // Only one writer at a time is being made: ids are reserved before this is called.
        self.epoch.fetch_max(next, Ordering::AcqRel);
        next
    }

    /// Says that records were handed to the log.
    pub(super) fn touch(&self) {
        self.stale.store(true, Ordering::Release);
    }

    /// What the durable records add up to, if that is known without reading.
    pub(super) fn known(&self) -> Option<Arc<Folded>> {
        if self.stale.load(Ordering::Acquire) { None } else { self.folded.read().clone() }
    }

    /// What the durable records added up to when they were read last.
    pub(super) fn last_known(&self) -> Option<Arc<Folded>> {
        self.folded.read().clone()
    }

    /// What the durable records add up to now. Blocks on the disk.
    pub(super) fn look(&self, engine: &Engine, clock: &HybridClock) -> Arc<Folded> {
        let _folding = self.folding.lock();
        // First the flag, then the heads: what is appended in between sets the flag again.
        let stale = self.stale.swap(false, Ordering::AcqRel);
        let before = self.folded.read().clone();
        if let Some(folded) = before.as_ref().filter(|_| !stale) {
            return Arc::clone(folded);
        }
        let mut fold = Fold { engine, clock, key: self.key, waiting: false };
        let folded = Arc::new(fold.go_on(before.as_deref()));
        if fold.waiting {
            self.touch();
        }
        *self.folded.write() = Some(Arc::clone(&folded));
        folded
    }
}

/// Folding the records of one life.
struct Fold<'a> {
    engine: &'a Engine,
    clock: &'a HybridClock,
    key: ThreadKey,
    /// Whether records are in the log that are not durable yet.
    waiting: bool,
}

impl Fold<'_> {
    fn go_on(&mut self, before: Option<&Folded>) -> Folded {
        let (controls, items) = (self.durable(CONTROL), self.durable(ITEMS));
        let mut folded = match before {
            // The last line was not whole when it was folded: begin again, with the whole one.
            Some(before) if before.open_end && items > before.items => Folded::nothing(self.key),
            Some(before) => before.clone(),
            None => Folded::nothing(self.key),
        };
        for record in self.engine.read(&self.key.stream(CONTROL), folded.controls..controls).flatten() {
            self.clock.observe(record.clock);
            if let Body::Control(control) = &Event::decode(&record).body {
                let stamp = Stamp { clock: record.clock, journal: JOURNAL };
                folded.metadata.apply(event(stamp, control));
            }
        }
        for item in Items::within(self.engine, self.key, folded.items..items).flatten() {
            let (ordinal, clock, item) = (item.ordinal, item.clock, &item.item);
            self.clock.observe(clock);
            folded.metadata.apply(MetadataEvent::Item { ordinal, clock, item });
            folded.open_end = !item.ends_line();
        }
        folded.controls = folded.controls.max(controls);
        folded.items = folded.items.max(items);
        folded
    }

    fn durable(&mut self, channel: u8) -> u64 {
        let Some(head) = self.engine.head(&self.key.stream(channel)) else { return 0 };
        self.waiting |= head.next_ordinal > head.durable_ordinal;
        head.durable_ordinal
    }
}

fn event(stamp: Stamp, control: &Control) -> MetadataEvent<'_> {
    match control {
        Control::Created(created) => MetadataEvent::Created { clock: stamp.clock, created },
        Control::Source(source) => MetadataEvent::Imported { stamp, source },
        Control::Patched(patch) => MetadataEvent::Patched { stamp, patch },
        Control::Archived => MetadataEvent::Archived { stamp },
        Control::Unarchived => MetadataEvent::Unarchived { stamp },
    }
}
