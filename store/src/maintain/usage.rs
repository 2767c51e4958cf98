//! What takes the room in a store, by kind and by thread.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;

use threadlog_compaction::Watch;
use threadlog_compaction::usage::{self, SealedRecord};
use threadlog_engine::ReadLog;
use threadlog_engine::number::wide;
use threadlog_engine::sealed::{Sealed, ValueHash};

use crate::error::Result;
use crate::event::ITEMS;
use crate::maintain::kind::{UsageKind, images, is_image, kind_of};
use crate::thread::{ThreadId, ThreadKey};

/// Bytes of a frame's header in the journal.
const FRAME_BYTES: u64 = 64;

/// Lengths in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of the records, as if each held all of its own.
    pub logical: u64,
    /// On the disk: compressed, and what several share counted once, with the first of them.
    pub physical: u64,
}

impl AddAssign for Sizes {
    fn add_assign(&mut self, other: Sizes) {
        self.logical = self.logical.saturating_add(other.logical);
        self.physical = self.physical.saturating_add(other.physical);
    }
}

/// Values that are stored once and used several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedValues {
    /// How many.
    pub values: u64,
    /// Their length.
    pub bytes: u64,
    /// The same, on the disk.
    pub physical: u64,
    /// How often records use them.
    pub references: u64,
    /// What that would take, stored each time.
    pub referenced_bytes: u64,
}

/// One thread and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadUsage {
    /// The thread.
    pub thread: ThreadId,
    /// All its lives, deleted ones too until they are erased.
    pub sizes: Sizes,
}

/// What takes the room in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// By kind.
    pub kinds: BTreeMap<UsageKind, Sizes>,
    /// Values stored once.
    pub shared: SharedValues,
    /// All threads, the largest on the disk first.
    pub threads: Vec<ThreadUsage>,
    /// Of `kinds`, what is not sealed yet.
    pub hot: Sizes,
    /// Records that could not be read, which are not counted.
    pub lost_records: u64,
    /// Length of all files of the store; more than the sum of the kinds by indexes, headers and room that is prepared.
    pub disk_bytes: u64,
}

impl Usage {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> Sizes {
        let mut total = Sizes::default();
        self.kinds.values().for_each(|sizes| total += *sizes);
        total
    }
}

/// A value stored once, as the count goes on.
struct Value {
    is_image: bool,
    physical: u64,
    taken: bool,
}

/// Counts. *Cost:* decompresses everything.
pub(super) fn measure(log: &dyn ReadLog, sealed: &Sealed, watch: &dyn Watch) -> Result<Usage> {
    let mut count = Count::default();
    usage::values(sealed, watch, &mut |value| {
        let found = Value { is_image: is_image(value.bytes), physical: value.disk_bytes, taken: false };
        if count.values.insert(value.hash, found).is_none() {
            let shared = &mut count.usage.shared;
            shared.values = shared.values.saturating_add(1);
            shared.bytes = shared.bytes.saturating_add(wide(value.bytes.len()));
            shared.physical = shared.physical.saturating_add(value.disk_bytes);
        }
    })?;
    usage::records(sealed, watch, &mut |record| count.sealed(record))?;
    for info in log.streams() {
        let from = sealed.head(&info.stream).map_or(0, |head| head.next_ordinal);
        for record in log.read(&info.stream, from..u64::MAX) {
            match record {
                Ok(record) => count.hot(&record),
                Err(_) => count.usage.lost_records = count.usage.lost_records.saturating_add(1),
            }
        }
    }
    let mut threads: Vec<ThreadUsage> =
        count.threads.into_iter().map(|(thread, sizes)| ThreadUsage { thread, sizes }).collect();
    threads.sort_by_key(|usage| (std::cmp::Reverse(usage.sizes.physical), usage.thread));
    count.usage.threads = threads;
    Ok(count.usage)
}

#[derive(Default)]
struct Count {
    usage: Usage,
    threads: BTreeMap<ThreadId, Sizes>,
    values: HashMap<ValueHash, Value>,
    images: Vec<std::ops::Range<usize>>,
}

impl Count {
    fn sealed(&mut self, record: &SealedRecord<'_>) {
        let kind = if record.stream.channel == ITEMS { kind_of(record.payload) } else { UsageKind::Other };
        let thread = ThreadKey::of(&record.stream).thread;
        let mut rest = Sizes { logical: wide(record.payload.len()), physical: record.disk_bytes };
        for (range, hash) in record.shared {
            let bytes = wide(range.len());
            let mut sizes = Sizes { logical: bytes, physical: 0 };
            let mut of = kind;
            if let Some(value) = self.values.get_mut(hash) {
                if !std::mem::replace(&mut value.taken, true) {
                    sizes.physical = value.physical;
                }
                of = if value.is_image { UsageKind::Images } else { kind };
            }
            let shared = &mut self.usage.shared;
            shared.references = shared.references.saturating_add(1);
            shared.referenced_bytes = shared.referenced_bytes.saturating_add(bytes);
            rest.logical = rest.logical.saturating_sub(bytes);
            self.add(thread, of, sizes);
        }
        self.own(thread, kind, record.payload, rest);
    }

    fn hot(&mut self, record: &threadlog_engine::Record) {
        let kind = if record.stream.channel == ITEMS { kind_of(&record.payload) } else { UsageKind::Other };
        let logical = wide(record.payload.len());
        let sizes = Sizes { logical, physical: logical.saturating_add(FRAME_BYTES) };
        self.usage.hot += sizes;
        self.own(ThreadKey::of(&record.stream).thread, kind, &record.payload, sizes);
    }

    /// Counts what a record holds itself: images apart, with their part of its room.
    fn own(&mut self, thread: ThreadId, kind: UsageKind, payload: &[u8], all: Sizes) {
        images(payload, &mut self.images);
        let logical: u64 = self.images.iter().map(|range| wide(range.len())).sum();
        let physical = all.physical.saturating_mul(logical).checked_div(all.logical.max(1)).unwrap_or(0);
        let of_images = Sizes { logical: logical.min(all.logical), physical: physical.min(all.physical) };
        if of_images.logical > 0 {
            self.add(thread, UsageKind::Images, of_images);
        }
        let rest = Sizes {
            logical: all.logical.saturating_sub(of_images.logical),
            physical: all.physical.saturating_sub(of_images.physical),
        };
        self.add(thread, kind, rest);
    }

    fn add(&mut self, thread: ThreadId, kind: UsageKind, sizes: Sizes) {
        *self.usage.kinds.entry(kind).or_default() += sizes;
        *self.threads.entry(thread).or_default() += sizes;
    }
}
