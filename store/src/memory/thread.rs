//! One thread of the store in memory.

use std::ops::Range;

use threadlog_engine::number::{narrow, wide};
use uuid::Uuid;

use crate::clock::HybridClock;
use crate::context::{ContextScan, Ending, Expected, History, ModelContext, OpenTurn, Turn, turns};
use crate::event::{Base, Created, Fork, Origin};
use crate::fork::Source;
use crate::item::RolloutItem;
use crate::items::StoredItem;
use crate::lineage::Part;
use crate::metadata::{MetadataEvent, ThreadMetadata};
use crate::policy::{HistoryMode, PersistencePolicy};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{HistoryRange, Holder, Result, StoredHistory, StoredThread};

/// What there is of a thread: at least one of the two, between operations.
#[derive(Default)]
pub(super) struct Thread {
    pub(super) stored: Option<Stored>,
    pub(super) live: Option<Live>,
}

/// What readers see.
pub(super) struct Stored {
    pub(super) key: ThreadKey,
    pub(super) metadata: ThreadMetadata,
    items: Vec<RolloutItem>,
    /// Whose items they are, from which ordinal on: its own last.
    lives: Vec<(ThreadKey, u64)>,
}

/// What makes a thread live.
pub(super) struct Live {
    pub(super) holder: Holder,
    pub(super) policy: PersistencePolicy,
    pub(super) mode: HistoryMode,
    /// The first item, until it is stored.
    header: Option<RolloutItem>,
    /// Accepted and not stored.
    pub(super) pending: Vec<RolloutItem>,
}

impl Live {
    pub(super) fn new(holder: Holder, policy: PersistencePolicy, mode: HistoryMode) -> Live {
        Live { holder, policy, mode, header: None, pending: Vec::new() }
    }

    pub(super) fn beginning_with(mut self, header: RolloutItem) -> Live {
        self.header = Some(header);
        self
    }
}

impl Live {
    /// Stores everything accepted, if there is anything.
    pub(super) fn store_pending(&mut self, stored: &mut Option<Stored>, id: ThreadId, clock: &HybridClock) {
        if !self.pending.is_empty() {
            self.store(stored, id, clock);
        }
    }

    /// Stores everything accepted, and the thread itself if it was not stored yet.
    pub(super) fn store(&mut self, stored: &mut Option<Stored>, id: ThreadId, clock: &HybridClock) {
        let stored = stored.get_or_insert_with(|| Stored::created(id, clock));
        for item in self.header.take().into_iter().chain(self.pending.drain(..)) {
            stored.add(item, clock);
        }
    }
}

impl Stored {
    fn created(thread: ThreadId, clock: &HybridClock) -> Stored {
        Stored::begun(thread, Origin::Native, clock)
    }

    fn begun(thread: ThreadId, origin: Origin, clock: &HybridClock) -> Stored {
        let (incarnation, _) = Uuid::new_v4().as_u64_pair();
        let created = Created { at_ms: clock.now_ms(), id_text: None, rollout: None, origin };
        let mut metadata = ThreadMetadata::new(thread);
        metadata.apply(MetadataEvent::Created { clock: clock.tick(), created: &created });
        let key = ThreadKey { thread, incarnation };
        Stored { key, metadata, items: Vec::new(), lives: vec![(key, 0)] }
    }

    /// A thread that begins with the first `end` items of this one, and goes on with `own`.
    pub(super) fn fork(&self, thread: ThreadId, end: u64, own: Vec<RolloutItem>, clock: &HybridClock) -> Stored {
        let items: Vec<RolloutItem> = self.items.iter().take(narrow(end).unwrap_or(usize::MAX)).cloned().collect();
        let mut prefix = ThreadMetadata::new(self.key.thread);
        for (ordinal, item) in (0..).zip(&items) {
            prefix.apply(MetadataEvent::Item { ordinal, clock: 0, item });
        }
        let base = Base { thread: self.key.thread, incarnation: self.key.incarnation, end };
        let fork = Fork { base, source: None, inherited: prefix.to_inherit(end, end, end, &[]) };
        let mut stored = Stored::begun(thread, Origin::Forked(Box::new(fork)), clock);
        stored.items = items;
        let inherited = self.lives.iter().copied().filter(|(_, start)| *start < end);
        stored.lives = inherited.chain([(stored.key, end)]).collect();
        own.into_iter().for_each(|item| stored.add(item, clock));
        stored
    }

    fn add(&mut self, item: RolloutItem, clock: &HybridClock) {
        let (ordinal, clock) = (wide(self.items.len()), clock.tick());
        self.metadata.apply(MetadataEvent::Item { ordinal, clock, item: &item });
        self.items.push(item);
    }

    /// Whose items they are.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        let ends = self.lives.iter().skip(1).map(|(_, start)| *start).chain([wide(self.items.len())]);
        self.lives.iter().zip(ends).map(|((key, offset), end)| Part { key: *key, range: *offset..end, offset: *offset })
    }

    /// Items with these ordinals.
    pub(super) fn stored_items(&self, range: Range<u64>) -> impl DoubleEndedIterator<Item = StoredItem> + '_ {
        let end = range.end.min(wide(self.items.len()));
        let place = |ordinal: u64| narrow(ordinal.min(end)).unwrap_or(usize::MAX);
        let items = self.items.get(place(range.start)..place(end)).unwrap_or_default();
        let first = range.start;
        items.iter().enumerate().map(move |(index, item)| StoredItem {
            ordinal: first.saturating_add(wide(index)),
            clock: 0,
            item: item.clone(),
        })
    }

    /// What the model sees of it.
    pub(super) fn model_context(&self) -> ModelContext {
        let mut scan = ContextScan::new(Expected::of(&self.metadata));
        for (ordinal, item) in self.backwards() {
            if scan.take(ordinal, item) {
                break;
            }
        }
        scan.finish()
    }

    fn backwards(&self) -> impl Iterator<Item = (u64, &RolloutItem)> {
        self.items.iter().enumerate().rev().map(|(ordinal, item)| (wide(ordinal), item))
    }

    pub(super) fn thread(&self) -> StoredThread {
        StoredThread::new(self.key, self.metadata.clone())
    }

    pub(super) fn history(&self, range: HistoryRange) -> StoredHistory {
        let end = wide(self.items.len());
        let (first, count) = match range {
            HistoryRange::All => (0, end),
            HistoryRange::Last(count) => (end.saturating_sub(count), count),
            HistoryRange::From { ordinal, count_max } => (ordinal.min(end), count_max),
        };
        let skipped = narrow(first).unwrap_or(usize::MAX);
        let count = narrow(count).unwrap_or(usize::MAX);
        let items: Vec<RolloutItem> = self.items.iter().skip(skipped).take(count).cloned().collect();
        let mut history = StoredHistory::empty(self.key.thread, end);
        history.first_ordinal = first;
        history.end_ordinal = first.saturating_add(wide(items.len()));
        history.items = items;
        history
    }
}

impl History for Stored {
    fn end(&self) -> u64 {
        wide(self.items.len())
    }

    fn forwards(&self, from: u64) -> Box<dyn Iterator<Item = crate::Result<StoredItem>> + '_> {
        Box::new(self.stored_items(from..u64::MAX).map(Ok))
    }

    fn backwards(&self, end: u64) -> Box<dyn Iterator<Item = crate::Result<StoredItem>> + '_> {
        Box::new(self.stored_items(0..end).rev().map(Ok))
    }
}

impl Source for Stored {
    fn end(&self) -> u64 {
        wide(self.items.len())
    }

    fn splits_line(&self, _: u64) -> Result<bool> {
        Ok(false)
    }

    fn open_turn(&self) -> Result<Option<OpenTurn>> {
        Ok(Ending::of(self.backwards()))
    }

    fn turns(&self) -> Result<Vec<Turn>> {
        Ok(turns((0..).zip(&self.items)))
    }
}
