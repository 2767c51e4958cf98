//! Where each record of each stream stands in one journal: an in-memory index, derived from its log.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use crate::id::{Channel, SegmentId, Sequence, StreamId};
use crate::journal::groups::{GroupPlace, Groups};
use crate::journal::runs::{Runs, Slot};
use crate::recover::log::Damage;

/// A segment that groups point into: its journal, its name, where it is.
#[derive(Clone, Debug)]
pub(crate) struct SegmentPlace {
    pub journal: u32,
    pub id: SegmentId,
    pub path: PathBuf,
}

/// A record's place on disk: its frame starts at `offset` of the segment.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub segment: Arc<SegmentPlace>,
    pub offset: u64,
    pub payload_bytes: u32,
    pub header_checksum: u32,
}

/// Why a record of an index could not take its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The stream.
    pub stream: StreamId,
    /// The ordinal claimed twice.
    pub ordinal: u64,
    /// The lease epoch of the record that lost.
    pub lost_lease_epoch: u64,
}

/// A set of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Channels([u64; 4]);

impl Channels {
    fn add(&mut self, channel: Channel) {
        if let Some(word) = self.0.get_mut(usize::from(channel >> 6)) {
            *word |= 1 << (channel & 63);
        }
    }

    /// Adds another's.
    pub fn join(&mut self, other: Channels) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Those in the set, rising.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        (0..=Channel::MAX).filter(move |channel| {
            self.0.get(usize::from(channel >> 6)).is_some_and(|word| word & (1 << (channel & 63)) != 0)
        })
    }
}

/// The index of one journal.
#[derive(Debug, Default)]
pub(crate) struct Index {
    streams: HashMap<StreamId, Runs>,
    /// By thread and incarnation, the channels of which there are, or were, records.
    lives: BTreeMap<([u8; 16], u64), Channels>,
    pub groups: Groups,
    pub segments: Vec<Arc<SegmentPlace>>,
    pub damage: Vec<Damage>,
    pub conflicts: Vec<Conflict>,
    /// Records that there ever were in the journal.
    pub records_ever: u64,
}

/// One record to note.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub stream: StreamId,
    pub ordinal: u64,
    pub lease_epoch: u64,
    pub group: u32,
    pub offset: u32,
    pub payload_bytes: u32,
    pub header_checksum: u32,
}

impl Note {
    fn slot(&self) -> Slot {
        let Note { group, offset, payload_bytes, header_checksum, .. } = *self;
        Slot { group, offset, payload_bytes, header_checksum }
    }
}

/// What the index says of a record that was read from the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It has its place.
    Fresh,
    /// Its place is taken: compare the two and call [`Index::replace`] if the later one wins.
    Twice,
}

impl Index {
    /// An empty one, of a journal that ever held so many records.
    pub fn new(records_ever: u64) -> Index {
        Index { records_ever, ..Index::default() }
    }

    /// What is known of a stream here.
    pub fn stream(&self, stream: &StreamId) -> Option<&Runs> {
        self.streams.get(stream)
    }

    /// Every stream, in no order.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamId, &Runs)> {
        self.streams.iter()
    }

    /// Notes a record at its ordinal.
    pub fn note(&mut self, note: Note) -> Noted {
        let runs = self.runs(note.stream);
        if !runs.put(note.ordinal, note.slot()) {
            return Noted::Twice;
        }
        runs.lease(note.ordinal, note.lease_epoch);
        Noted::Fresh
    }

    /// Group and offset of the record noted at an ordinal.
    pub fn noted(&self, stream: &StreamId, ordinal: u64) -> Option<(u32, u32)> {
        let slot = self.streams.get(stream)?.get(ordinal)?;
        Some((slot.group, slot.offset))
    }

    /// Puts a record in the place of the one noted before.
    pub fn replace(&mut self, note: Note) {
        let Some(runs) = self.streams.get_mut(&note.stream) else { return };
        runs.lease(note.ordinal, note.lease_epoch);
        runs.replace(note.ordinal, note.slot());
    }

    /// Whether an ordinal can be believed that was read where nothing vouches for it: a reader would look for every
    /// record before it.
    pub fn is_plausible(&self, stream: &StreamId, ordinal: u64) -> bool {
        ordinal < self.streams.get(stream).map_or(0, Runs::end).saturating_add(self.records_ever)
    }

    /// Notes that a record was lost to a damage.
    pub fn lose(&mut self, stream: StreamId, ordinal: u64, damage: usize) {
        let mark = u32::try_from(damage).unwrap_or(u32::MAX);
        self.runs(stream).lose(ordinal, mark);
    }

    fn runs(&mut self, stream: StreamId) -> &mut Runs {
        self.streams.entry(stream).or_insert_with(|| {
            self.lives.entry((stream.thread, stream.incarnation)).or_default().add(stream.channel);
            Runs::default()
        })
    }

    /// The channels of one life of a thread of which there are records here, or were.
    pub fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Channels {
        self.lives.get(&(*thread, incarnation)).copied().unwrap_or_default()
    }

    /// The incarnations of a thread of which there are records here, or were, rising.
    pub fn incarnations(&self, thread: &[u8; 16]) -> impl Iterator<Item = u64> {
        self.lives.range((*thread, 0)..=(*thread, u64::MAX)).map(|((_, incarnation), _)| *incarnation)
    }

    /// The damage that most probably took a record that is missing and of which no damage knows: of those that cannot
    /// name all they took, the last that begins before the stream's next record.
    pub fn blame(&self, runs: &Runs, ordinal: u64) -> Option<usize> {
        let after = runs.after(ordinal).and_then(|slot| self.group(slot)).map(|group| group.last_sequence);
        let after = after.unwrap_or(Sequence(u64::MAX));
        let mut unclear = (0..).zip(&self.damage).filter(|(_, damage)| !damage.complete);
        let first = unclear.next()?;
        let later = unclear.filter(|(_, damage)| damage.first <= after).last();
        Some(later.map_or(first.0, |(at, _)| at))
    }

    /// Marks every stream without a record after `sequence` as possibly cut short by a damage.
    pub fn doubt(&mut self, sequence: Sequence, damage: usize) {
        let groups = &self.groups;
        for runs in self.streams.values_mut() {
            let group = runs.last().and_then(|slot| groups.get(slot.group));
            if group.is_none_or(|group| group.last_sequence <= sequence) {
                runs.uncertain.get_or_insert(damage);
            }
        }
    }

    /// Takes back every record above `durable`, after a failed write.
    pub fn cut(&mut self, durable: Sequence) {
        let gone = self.groups.cut(durable);
        for runs in self.streams.values_mut() {
            runs.cut(|slot| slot.group < gone);
        }
        self.streams.retain(|_, runs| !runs.is_empty());
    }

    /// Forgets every record up to `upto`: all of them are in sealed segments.
    pub fn forget(&mut self, upto: Sequence) {
        let first = self.groups.forget(upto);
        for runs in self.streams.values_mut() {
            runs.forget(first);
        }
        self.streams.retain(|_, runs| !runs.is_empty() || runs.uncertain.is_some());
    }

    /// How many records at a stream's end are not durable.
    pub fn pending(&self, runs: &Runs, durable: Sequence) -> u64 {
        let undurable = |slot: &&Slot| {
            self.group(slot).is_none_or(|group| group.segment.is_none() || group.last_sequence > durable)
        };
        crate::number::wide(runs.backwards().take_while(undurable).count())
    }

    /// Whether a stream has a record here behind `since`.
    pub fn is_behind(&self, runs: &Runs, since: Sequence) -> bool {
        let last = runs.last().and_then(|slot| self.group(slot));
        last.is_some_and(|group| group.last_sequence > since)
    }

    /// Where a slot's frame stands; `None` if it is not written yet.
    pub fn at(&self, slot: &Slot) -> Option<At> {
        let group = self.group(slot)?;
        let segment = self.segments.get(usize::try_from(group.segment?).ok()?)?;
        let offset = group.offset.saturating_add(u64::from(slot.offset));
        let Slot { payload_bytes, header_checksum, .. } = *slot;
        Some(At { segment: Arc::clone(segment), offset, payload_bytes, header_checksum })
    }

    fn group(&self, slot: &Slot) -> Option<&GroupPlace> {
        self.groups.get(slot.group)
    }
}
