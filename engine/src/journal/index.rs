//! Where each record of each stream stands: an in-memory index, derived from the log.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::id::{SegmentId, Sequence, StreamId};
use crate::number::wide;
use crate::recover::log::Damage;

/// A segment that groups point into.
#[derive(Clone, Debug)]
pub(crate) struct SegmentPlace {
    pub id: SegmentId,
    pub path: PathBuf,
}

/// Where a group stands. `segment` is `None` until the group is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupPlace {
    pub segment: Option<u32>,
    pub offset: u64,
    pub last_sequence: Sequence,
}

/// Where a record stands: 16 bytes for each.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Index of the group, or one of the two marks below.
    group: u32,
    /// Offset of the frame in the group.
    offset: u32,
    /// Length of the frame's payload; for a lost record, the index of the damage.
    payload_bytes: u32,
    /// Checksum of the frame's header: on disk only the group has one, and that is not read for a single record.
    header_checksum: u32,
}

/// No record with this ordinal was found, though later ones were.
const LOST: u32 = u32::MAX;
/// In the place of the damage that took a lost record: it is not known which.
const UNKNOWN: u32 = u32::MAX;

impl Slot {
    /// The place of a record lost to the damage of this index.
    fn lost(damage: u32) -> Slot {
        Slot { group: LOST, offset: 0, payload_bytes: damage, header_checksum: 0 }
    }
}

/// A record's place on disk, or the damage that took it.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// The frame starts at `offset` of the segment.
    At { segment: u32, offset: u64, payload_bytes: u32, header_checksum: u32 },
    /// Lost to a damage: its index, if it is known which.
    Lost(Option<usize>),
}

#[derive(Debug, Default)]
struct StreamIndex {
    slots: Vec<Slot>,
    lease_epoch: u64,
    payload_bytes: u64,
    /// Index of a damage after which this stream has no record: its head may have been lost there.
    uncertain: Option<usize>,
}

/// A stream's end, as the log knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The ordinal that the next record will get, counting records not yet durable.
    pub next_ordinal: u64,
    /// Records below this ordinal are durable.
    pub durable_ordinal: u64,
    /// Highest lease epoch seen.
    pub lease_epoch: u64,
}

/// A stream and its totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The stream.
    pub stream: StreamId,
    /// Records, durable or not, lost ones included.
    pub records: u64,
    /// Bytes of payload as they stand in frames (a large record counts the 32 bytes of its reference).
    pub payload_bytes: u64,
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

/// The index of one journal.
#[derive(Debug, Default)]
pub(crate) struct Index {
    streams: HashMap<StreamId, StreamIndex>,
    pub groups: Vec<GroupPlace>,
    pub segments: Vec<SegmentPlace>,
    pub damage: Vec<Damage>,
    pub conflicts: Vec<Conflict>,
    /// Records that there ever were in the journal: no ordinal found in it can be as high. A damaged one must not ask for
    /// memory.
    records_ever: u64,
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

    /// The ordinal the stream's next record gets, and the highest lease epoch seen.
    pub fn next(&self, stream: &StreamId) -> (u64, u64) {
        self.streams.get(stream).map_or((0, 0), |found| (wide(found.slots.len()), found.lease_epoch))
    }

    /// The damage that may have taken the stream's last records.
    pub fn uncertain(&self, stream: &StreamId) -> Option<&Damage> {
        self.streams.get(stream)?.uncertain.and_then(|index| self.damage.get(index))
    }

    /// Notes an appended record at the end of its stream.
    pub fn append(&mut self, note: Note) {
        let stream = self.streams.entry(note.stream).or_default();
        stream.slots.push(note.slot());
        stream.lease_epoch = stream.lease_epoch.max(note.lease_epoch);
        stream.payload_bytes = stream.payload_bytes.saturating_add(u64::from(note.payload_bytes));
    }

    /// Notes a record found in the log, at its ordinal; ordinals skipped before it are lost ones.
    pub fn recover(&mut self, note: Note) -> Noted {
        let stream = self.streams.entry(note.stream).or_default();
        let slot = note.slot();
        let next = wide(stream.slots.len());
        if note.ordinal < next {
            let Some(place) = usize::try_from(note.ordinal).ok().and_then(|at| stream.slots.get_mut(at)) else {
                return Noted::Twice;
            };
            if place.group != LOST {
                return Noted::Twice;
            }
            *place = slot;
        } else {
            if note.ordinal >= self.records_ever {
                return Noted::Twice;
            }
            pad_lost(stream, note.ordinal);
            stream.slots.push(slot);
        }
        stream.lease_epoch = stream.lease_epoch.max(note.lease_epoch);
        stream.payload_bytes = stream.payload_bytes.saturating_add(u64::from(note.payload_bytes));
        Noted::Fresh
    }

    /// Group and offset of the record noted at an ordinal.
    pub fn noted(&self, stream: &StreamId, ordinal: u64) -> Option<(u32, u32)> {
        let slot = self.streams.get(stream)?.slots.get(usize::try_from(ordinal).ok()?)?;
        (slot.group != LOST).then_some((slot.group, slot.offset))
    }

    /// Puts a record in the place of the one noted before.
    pub fn replace(&mut self, note: Note) {
        let Some(stream) = self.streams.get_mut(&note.stream) else { return };
        stream.lease_epoch = stream.lease_epoch.max(note.lease_epoch);
        if let Some(place) = usize::try_from(note.ordinal).ok().and_then(|at| stream.slots.get_mut(at)) {
            stream.payload_bytes = stream
                .payload_bytes
                .saturating_sub(u64::from(place.payload_bytes))
                .saturating_add(u64::from(note.payload_bytes));
            *place = note.slot();
        }
    }

    /// Notes that a record was lost to a damage.
    pub fn lose(&mut self, stream: StreamId, ordinal: u64, damage: usize) {
        if ordinal >= self.records_ever {
            return;
        }
        let stream = self.streams.entry(stream).or_default();
        let mark = u32::try_from(damage).unwrap_or(UNKNOWN);
        let next = wide(stream.slots.len());
        if ordinal >= next {
            pad_lost(stream, ordinal);
            stream.slots.push(Slot::lost(mark));
        } else if let Some(place) = usize::try_from(ordinal).ok().and_then(|at| stream.slots.get_mut(at))
            && place.group == LOST
        {
            place.payload_bytes = mark;
        }
    }

    /// Names, for records that are missing and of which no damage knows, the damage that most probably took them: of those
    /// that cannot name all they took, the last that begins before the stream's next record.
    pub fn blame(&mut self) {
        let unclear: Vec<(u32, Sequence)> = (0..)
            .zip(&self.damage)
            .filter(|(_, damage)| !damage.complete)
            .map(|(at, damage)| (at, damage.first))
            .collect();
        for stream in self.streams.values_mut() {
            let mut after = Sequence(u64::MAX);
            for slot in stream.slots.iter_mut().rev() {
                if slot.group != LOST {
                    let group = usize::try_from(slot.group).ok().and_then(|group| self.groups.get(group));
                    after = group.map_or(after, |group| group.last_sequence);
                } else if slot.payload_bytes == UNKNOWN {
                    let before = unclear.iter().rfind(|(_, first)| *first <= after);
                    slot.payload_bytes = before.or(unclear.first()).map_or(UNKNOWN, |(at, _)| *at);
                }
            }
        }
    }

    /// Marks every stream without a record after `sequence` as possibly cut short by a damage.
    pub fn doubt(&mut self, sequence: Sequence, damage: usize) {
        let groups = &self.groups;
        for stream in self.streams.values_mut() {
            let last = stream.slots.iter().rev().find(|slot| slot.group != LOST);
            let after = last
                .and_then(|slot| usize::try_from(slot.group).ok())
                .and_then(|group| groups.get(group))
                .is_some_and(|group| group.last_sequence > sequence);
            if !after {
                stream.uncertain.get_or_insert(damage);
            }
        }
    }

    /// Takes back every record above `durable`, after a failed write.
    pub fn cut(&mut self, durable: Sequence) {
        let kept = self.groups.partition_point(|group| group.last_sequence <= durable);
        self.groups.truncate(kept);
        for stream in self.streams.values_mut() {
            while let Some(slot) = stream.slots.last() {
                let stands = slot.group == LOST || usize::try_from(slot.group).is_ok_and(|group| group < kept);
                if stands {
                    break;
                }
                stream.payload_bytes = stream.payload_bytes.saturating_sub(u64::from(slot.payload_bytes));
                stream.slots.pop();
            }
        }
        self.streams.retain(|_, stream| !stream.slots.is_empty());
    }

    /// A stream's head.
    pub fn head(&self, stream: &StreamId, durable: Sequence) -> Option<Head> {
        let found = self.streams.get(stream)?;
        let durable_ordinal = self.durable_slots(found, durable);
        Some(Head { next_ordinal: wide(found.slots.len()), durable_ordinal, lease_epoch: found.lease_epoch })
    }

    /// Places of up to `most` durable records of a stream, from ordinal `from`.
    pub fn find(&self, stream: &StreamId, from: u64, most: usize, durable: Sequence) -> Vec<Found> {
        let Some(found) = self.streams.get(stream) else { return Vec::new() };
        let end = self.durable_slots(found, durable).min(from.saturating_add(wide(most)));
        let (Ok(from), Ok(end)) = (usize::try_from(from), usize::try_from(end)) else { return Vec::new() };
        let slots = found.slots.get(from..end).unwrap_or_default();
        slots.iter().map(|slot| self.locate(slot)).collect()
    }

    /// Every stream with its totals, sorted.
    pub fn streams(&self) -> Vec<StreamInfo> {
        let mut all: Vec<StreamInfo> = self
            .streams
            .iter()
            .map(|(&stream, found)| StreamInfo {
                stream,
                records: wide(found.slots.len()),
                payload_bytes: found.payload_bytes,
            })
            .collect();
        all.sort_unstable_by_key(|info| info.stream);
        all
    }

    fn durable_slots(&self, found: &StreamIndex, durable: Sequence) -> u64 {
        let groups = &self.groups;
        let pending = found.slots.iter().rev().take_while(|slot| {
            slot.group != LOST
                && usize::try_from(slot.group)
                    .ok()
                    .and_then(|group| groups.get(group))
                    .is_none_or(|group| group.segment.is_none() || group.last_sequence > durable)
        });
        wide(found.slots.len()).saturating_sub(wide(pending.count()))
    }

    fn locate(&self, slot: &Slot) -> Found {
        if slot.group == LOST {
            return Found::Lost(usize::try_from(slot.payload_bytes).ok().filter(|at| *at < self.damage.len()));
        }
        let place = usize::try_from(slot.group).ok().and_then(|group| self.groups.get(group));
        match place {
            Some(GroupPlace { segment: Some(segment), offset, .. }) => Found::At {
                segment: *segment,
                offset: offset.saturating_add(u64::from(slot.offset)),
                payload_bytes: slot.payload_bytes,
                header_checksum: slot.header_checksum,
            },
            _ => Found::Lost(None),
        }
    }
}

/// Fills a stream with lost slots up to `ordinal`.
fn pad_lost(stream: &mut StreamIndex, ordinal: u64) {
    while wide(stream.slots.len()) < ordinal {
        stream.slots.push(Slot::lost(UNKNOWN));
    }
}
