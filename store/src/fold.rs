//! From the durable records of one life to its metadata, at once or record by record as they come.

use std::collections::BTreeMap;

use threadlog_engine::id::Channel;
use threadlog_engine::sealed::SealedCache;
use threadlog_engine::{Error as EngineError, ReadLog};

use crate::clock::HybridClock;
use crate::error::Error;
use crate::event::{Body, Control, Event, ITEMS, control_channels, journal_of};
use crate::items::Items;
use crate::metadata::{MetadataEvent, Stamp, ThreadMetadata};
use crate::reading::each_record;
use crate::thread::ThreadKey;
use crate::view::{Life, ThreadFacts};

/// What durable records add up to.
#[derive(Clone)]
pub(crate) struct Folded {
    pub(crate) metadata: ThreadMetadata,
    /// How many items are in it.
    items: u64,
    /// How many control records of each channel.
    controls: BTreeMap<Channel, u64>,
    /// Whether the life was deleted; then nothing else of it counts.
    deleted: bool,
    /// Whether the last line lacks its newline, so that a later record can change it.
    open_end: bool,
    /// Sizes, and where it came from.
    pub(crate) facts: ThreadFacts,
    /// Records that cannot be read: what they say is missing.
    pub(crate) lost: u64,
}

impl Folded {
    /// No records.
    pub(crate) fn nothing(key: ThreadKey) -> Folded {
        Folded {
            metadata: ThreadMetadata::new(key.thread),
            items: 0,
            controls: BTreeMap::new(),
            deleted: false,
            open_end: false,
            facts: ThreadFacts::default(),
            lost: 0,
        }
    }

    /// What a checkpoint kept: the metadata, and how far each channel was folded.
    pub(crate) fn restored(
        (metadata, facts): (ThreadMetadata, ThreadFacts),
        ends: impl Iterator<Item = (Channel, u64)>,
        deleted: bool,
        open_end: bool,
    ) -> Folded {
        let mut folded = Folded { metadata, items: 0, controls: BTreeMap::new(), deleted, open_end, facts, lost: 0 };
        for (channel, end) in ends {
            match channel {
                ITEMS => folded.items = end,
                _ => drop(folded.controls.insert(channel, end)),
            }
        }
        folded
    }

    /// How far each channel was folded, rising.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (Channel, u64)> {
        let items = (self.items > 0).then_some((ITEMS, self.items));
        items.into_iter().chain(self.controls.iter().map(|(channel, end)| (*channel, *end)))
    }

    /// Whether the last line lacks its newline.
    pub(crate) fn has_open_end(&self) -> bool {
        self.open_end
    }

    /// Takes in the control records of one channel up to `end`.
    fn controls(
        &mut self,
        log: &dyn ReadLog,
        clock: &HybridClock,
        key: ThreadKey,
        channel: Channel,
        end: u64,
        (cache, refused): (&mut SealedCache, &mut Option<EngineError>),
    ) {
        let done = self.controls.get(&channel).copied().unwrap_or(0);
        each_record(log, cache, &key.stream(channel), done..end, |record| {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.lost = self.lost.saturating_add(1);
                    note(refused, error);
                    return;
                }
            };
            clock.observe(record.clock);
            let event = Event::decode(&record);
            self.facts.apply(&event);
            if let Body::Control(control) = &event.body {
                let stamp = Stamp { clock: record.clock, journal: journal_of(channel).unwrap_or(0) };
                match said(stamp, control) {
                    Some(event) => self.metadata.apply(event),
                    None => self.deleted = true,
                }
            }
        });
        if end > done {
            self.controls.insert(channel, end);
        }
    }

    /// Takes in what users said of the thread's other lives: the revisions of an imported file are one thread, and a name
    /// does not go with the lines that it was given to. What was deleted is another thread's.
    fn other_lives(&mut self, log: &dyn ReadLog, key: ThreadKey, refused: &mut Option<EngineError>) {
        let incarnations = log.incarnations(key.thread.uuid().as_bytes());
        for incarnation in incarnations.into_iter().filter(|incarnation| *incarnation != key.incarnation) {
            let other = ThreadKey { incarnation, ..key };
            let (mut others, mut deleted) = (ThreadMetadata::new(key.thread), false);
            for channel in control_channels(log, other) {
                for record in log.read(&other.stream(channel), 0..u64::MAX) {
                    let record = match record {
                        Ok(record) => record,
                        Err(error) => {
                            self.lost = self.lost.saturating_add(1);
                            note(refused, error);
                            continue;
                        }
                    };
                    let stamp = Stamp { clock: record.clock, journal: journal_of(channel).unwrap_or(0) };
                    if let Body::Control(control) = &Event::decode(&record).body {
                        match said(stamp, control) {
                            Some(event) => others.apply(event),
                            None => deleted = true,
                        }
                    }
                }
            }
            if !deleted {
                self.metadata.hear(others);
            }
        }
    }

    /// Whether a record with this ordinal would continue a line.
    pub(crate) fn lacks_newline(&self, ordinal: u64) -> bool {
        self.open_end && self.items == ordinal
    }

    /// Whether the life was deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Whether there is a thread at all: its creation can have failed.
    pub(crate) fn exists(&self) -> bool {
        !self.deleted && (self.items > 0 || !self.controls.is_empty())
    }
}

/// What a look at the log came to.
pub(crate) struct Look {
    pub(crate) folded: Folded,
    /// Whether records wait in the log that are not durable yet.
    pub(crate) waiting: bool,
    /// The system refused to give a record that may be sound: `folded` lacks it, and the next look may find it.
    pub(crate) refused: Option<EngineError>,
}

/// How often a look that the system refused is taken.
const ATTEMPTS: u32 = 2;

/// Takes in what became durable since `before`. Damaged records say nothing. The clock observes every record. `cache` is what
/// the reader of the thread before kept.
pub(crate) fn go_on(
    log: &dyn ReadLog,
    clock: &HybridClock,
    key: ThreadKey,
    before: &Folded,
    cache: &mut SealedCache,
) -> Look {
    let mut look = fold(log, clock, key, before, true, cache);
    for _ in 1..ATTEMPTS {
        if look.refused.is_some() {
            look = fold(log, clock, key, before, true, cache);
        }
    }
    look
}

/// What the durable records of a life add up to.
pub(crate) fn anew(log: &dyn ReadLog, clock: &HybridClock, key: ThreadKey) -> Folded {
    go_on(log, clock, key, &Folded::nothing(key), &mut SealedCache::new()).folded
}

/// What a life added up to, whether or not it was deleted since: others may have been made of it.
pub(crate) fn as_it_was(log: &dyn ReadLog, clock: &HybridClock, key: ThreadKey) -> Folded {
    fold(log, clock, key, &Folded::nothing(key), false, &mut SealedCache::new()).folded
}

/// Of a thread's lives the one that was created, imported or changed last; one that was deleted only if all were.
pub(crate) fn current(log: &dyn ReadLog, lives: Vec<ThreadKey>) -> Option<ThreadKey> {
    current_and_lost(log, lives).0
}

/// As [`current`], and how many records that could have said something else cannot be read.
pub(crate) fn current_and_lost(log: &dyn ReadLog, lives: Vec<ThreadKey>) -> (Option<ThreadKey>, u64) {
    if let [only] = lives[..] {
        return (Some(only), 0);
    }
    let mut lost: u64 = 0;
    let mut rank = |key: &ThreadKey| {
        let mut life = Life::default();
        let read = |channel| log.read(&key.stream(channel), 0..u64::MAX);
        for record in control_channels(log, *key).flat_map(read) {
            let Ok(record) = record else {
                lost = lost.saturating_add(1);
                continue;
            };
            if let Body::Control(control) = Event::decode(&record).body {
                life.apply(record.clock, &control);
            }
        }
        (life.deleted().is_none(), life.clock())
    };
    let current = lives.into_iter().max_by_key(|key| (rank(key), *key));
    (current, lost)
}

/// Whether a life is archived. *Cost:* folds its control records; no item says anything about it.
pub(crate) fn is_archived(log: &dyn ReadLog, clock: &HybridClock, key: ThreadKey) -> bool {
    let (mut folded, mut cache) = (Folded::nothing(key), SealedCache::new());
    for channel in control_channels(log, key) {
        let (end, _) = durable(log, key, channel);
        folded.controls(log, clock, key, channel, end, (&mut cache, &mut None));
    }
    folded.metadata.archived()
}

/// Whether a durable record says that a life was deleted. A record that cannot be read says nothing.
pub(crate) fn is_deleted(log: &dyn ReadLog, key: ThreadKey) -> bool {
    let read = |channel| log.read(&key.stream(channel), 0..u64::MAX);
    let mut records = control_channels(log, key).flat_map(read).flatten();
    records.any(|record| matches!(Event::decode(&record).body, Body::Control(Control::Deleted)))
}

/// `ends`: of a life that was deleted the items are not read.
fn fold(
    log: &dyn ReadLog,
    clock: &HybridClock,
    key: ThreadKey,
    before: &Folded,
    ends: bool,
    cache: &mut SealedCache,
) -> Look {
    let (items, mut waiting) = durable(log, key, ITEMS);
    // If the last line was not whole when it was folded: begin again, with the whole one.
    let again = before.open_end && items > before.items;
    let mut folded = if again { Folded::nothing(key) } else { before.clone() };
    let mut refused = None;
    for channel in control_channels(log, key) {
        let (end, more) = durable(log, key, channel);
        waiting |= more;
        folded.controls(log, clock, key, channel, end, (&mut *cache, &mut refused));
    }
    if folded.deleted && ends {
        return Look { folded, waiting, refused };
    }
    if ends {
        folded.other_lives(log, key, &mut refused);
    }
    let kept = std::mem::take(cache);
    let mut reading = Items::within_reusing(log, key, folded.items..items, kept);
    reading = reading.counting(std::mem::take(&mut folded.facts));
    for item in &mut reading {
        match item {
            Ok(item) => {
                let (ordinal, stamp, item) = (item.ordinal, item.clock, &item.item);
                clock.observe(stamp);
                folded.metadata.apply(MetadataEvent::Item { ordinal, clock: stamp, item });
                folded.open_end = !item.ends_line();
            }
            Err(Error::Engine(error)) => {
                folded.lost = folded.lost.saturating_add(1);
                note(&mut refused, error);
            }
            Err(_) => {}
        }
    }
    folded.facts = reading.take_facts().unwrap_or_default();
    *cache = reading.into_cache();
    folded.items = folded.items.max(items);
    Look { folded, waiting, refused }
}

/// Damage stays; a refusal can be over at the next look.
fn note(refused: &mut Option<EngineError>, error: EngineError) {
    if !error.is_corruption() {
        refused.get_or_insert(error);
    }
}

/// The durable end of a stream, and whether more waits behind it.
fn durable(log: &dyn ReadLog, key: ThreadKey, channel: u8) -> (u64, bool) {
    let head = log.head(&key.stream(channel));
    head.map_or((0, false), |head| (head.durable_ordinal, head.next_ordinal > head.durable_ordinal))
}

/// What a control record says of the metadata; `None` if it ends the life.
fn said(stamp: Stamp, control: &Control) -> Option<MetadataEvent<'_>> {
    Some(match control {
        Control::Deleted => return None,
        Control::Created(created) => MetadataEvent::Created { clock: stamp.clock, created },
        Control::Source(source) => MetadataEvent::Imported { stamp, source },
        Control::Patched(patch) => MetadataEvent::Patched { stamp, patch },
        Control::Archived => MetadataEvent::Archived { stamp },
        Control::Unarchived => MetadataEvent::Unarchived { stamp },
    })
}
