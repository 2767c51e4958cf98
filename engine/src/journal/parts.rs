//! The journals of a store, and its sealed segments, read as one log.
//!
//! A stream's records may stand in several journals, because its writers did. Leases see to it that no two writers
//! claim one ordinal; where it happened all the same, the record of the higher lease epoch counts.

use std::collections::{BTreeMap, HashSet};

use crate::id::{Channel, Sequence, StreamId};
use crate::journal::index::{At, Channels, Index};
use crate::journal::runs::Runs;
use crate::number::wide;
use crate::sealed::{Place as SealedPlace, Sealed, SealedHead, SealedStream};

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
    /// Bytes of payload as they stand in frames (a large record counts the 32 bytes of its reference), of sealed records
    /// those of the payload itself.
    pub payload_bytes: u64,
}

/// One journal's index, and how far it is durable.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub journal: u32,
    pub index: &'a Index,
    pub durable: Sequence,
}

/// Where a record stands.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Hot(At),
    Sealed(SealedPlace),
}

/// A record's place, or the damage that took it.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    At(Place),
    /// Several records claim the place.
    Contested(Vec<Place>),
    /// Lost to a damage: which part's, and which of that part's, if that is known.
    Lost(Option<(usize, usize)>),
}

/// All journals of a store, and what was sealed of them.
pub(crate) struct Parts<'a> {
    parts: Vec<Part<'a>>,
    sealed: &'a Sealed,
}

impl<'a> Parts<'a> {
    pub fn new(parts: Vec<Part<'a>>, sealed: &'a Sealed) -> Parts<'a> {
        Parts { parts, sealed }
    }

    fn of(&self, stream: &StreamId) -> Vec<(usize, Part<'a>, &'a Runs)> {
        let known = |(at, part): (usize, &Part<'a>)| Some((at, *part, part.index.stream(stream)?));
        self.parts.iter().enumerate().filter_map(known).collect()
    }

    /// The journals whose hot segments hold records of a stream.
    pub fn hot_journals(&self, stream: &StreamId) -> Vec<u32> {
        self.of(stream).into_iter().map(|(_, part, _)| part.journal).collect()
    }

    /// A stream's head.
    pub fn head(&self, stream: &StreamId) -> Option<Head> {
        let known = self.of(stream);
        let sealed = self.sealed.head(stream);
        let ends = known.iter().map(|(_, _, runs)| runs.end());
        let next_ordinal = ends.chain(sealed.map(|head| head.next_ordinal)).max()?;
        let mut durable_ordinal = next_ordinal;
        let mut lease_epoch = sealed.map_or(0, |head| head.lease_epoch);
        for (_, part, runs) in &known {
            lease_epoch = lease_epoch.max(runs.lease_epoch());
            let pending = part.index.pending(runs, part.durable);
            if pending > 0 {
                durable_ordinal = durable_ordinal.min(runs.end().saturating_sub(pending));
            }
        }
        Some(Head { next_ordinal, durable_ordinal, lease_epoch })
    }

    /// The ordinal that a stream's next record gets, and its highest lease epoch. `sealed` is what sealed segments say of it.
    pub fn next(&self, stream: &StreamId, sealed: Option<SealedHead>) -> (u64, u64) {
        let known = self.parts.iter().filter_map(|part| part.index.stream(stream));
        let sealed = sealed.map_or((0, 0), |head| (head.next_ordinal, head.lease_epoch));
        known.fold(sealed, |(next, lease), runs| (next.max(runs.end()), lease.max(runs.lease_epoch())))
    }

    /// Places of up to `most` durable records of a stream, from ordinal `from`.
    pub fn find(&self, stream: &StreamId, from: u64, most: usize) -> Vec<Found> {
        let known = self.of(stream);
        let end = self.head(stream).map_or(0, |head| head.durable_ordinal).min(from.saturating_add(wide(most)));
        // Most streams are sealed up to where their hot records begin.
        let hot = known.iter().filter_map(|(_, _, runs)| runs.first()).min().unwrap_or(u64::MAX);
        let sealed_end = self.sealed.head(stream).map_or(0, |head| head.next_ordinal);
        let mut found = Vec::new();
        let mut next = from;
        while next < end {
            let rest = usize::try_from(end.saturating_sub(next)).unwrap_or(usize::MAX);
            if next < hot {
                let rest = rest.min(usize::try_from(hot.saturating_sub(next)).unwrap_or(usize::MAX));
                let places = only(self.sealed.find(stream, next, rest), next);
                found.extend(places.map(|place| Found::At(Place::Sealed(place))));
            } else if let [(_, part, runs)] = known[..]
                && next >= sealed_end
            {
                let places = runs.slice(next, rest).iter().map_while(|slot| part.index.at(slot));
                found.extend(places.map(|at| Found::At(Place::Hot(at))));
            }
            next = from.saturating_add(wide(found.len()));
            if next < end {
                found.push(self.find_one(&known, stream, next));
                next = next.saturating_add(1);
            }
        }
        found
    }

    fn find_one(&self, known: &[(usize, Part<'_>, &Runs)], stream: &StreamId, ordinal: u64) -> Found {
        let hot = known.iter().filter_map(|(_, part, runs)| part.index.at(runs.get(ordinal)?)).map(Place::Hot);
        let sealed = self.sealed.find(stream, ordinal, 1).into_iter().map(Place::Sealed);
        // The later last: of equal leases it counts.
        let mut places: Vec<Place> = sealed.chain(hot).collect();
        match (places.pop(), places.is_empty()) {
            (Some(only), true) => Found::At(only),
            (Some(last), false) => {
                places.push(last);
                Found::Contested(places)
            }
            (None, _) => {
                let named = known.iter().find_map(|(at, _, runs)| Some((*at, runs.lost_to(ordinal)?)));
                let blamed = || known.iter().find_map(|(at, part, runs)| Some((*at, part.index.blame(runs, ordinal)?)));
                Found::Lost(named.or_else(blamed))
            }
        }
    }

    /// The damage that may have taken a stream's last records: in the journal that has its end. `sealed` is what sealed
    /// segments say of the stream.
    pub fn doubt(&self, stream: &StreamId, sealed: Option<SealedHead>) -> Option<(usize, usize)> {
        let known = self.of(stream);
        let hot_end = known.iter().map(|(_, _, runs)| runs.end()).max();
        if let Some(head) = sealed.filter(|head| hot_end.is_none_or(|end| end < head.next_ordinal)) {
            // Its end is sealed: what a damage of the same journal took may have stood behind it.
            let (at, part) = self.parts.iter().enumerate().find(|(_, part)| part.journal == head.journal)?;
            return Some((at, part.index.damage.iter().position(|damage| !damage.complete)?));
        }
        let end = hot_end?;
        known.iter().filter(|(_, _, runs)| runs.end() == end).find_map(|(at, _, runs)| Some((*at, runs.uncertain?)))
    }

    /// The channels of one life of a thread that have records, rising.
    pub fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<Channel> {
        let mut all = Channels::default();
        self.parts.iter().for_each(|part| all.join(part.index.channels(thread, incarnation)));
        let stream = |channel| StreamId { thread: *thread, incarnation, channel };
        let is_hot = |channel: &Channel| !self.of(&stream(*channel)).is_empty();
        let mut channels: Vec<Channel> = all.iter().filter(is_hot).collect();
        channels.extend(self.sealed.channels(thread, incarnation));
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// The incarnations of a thread that have records, rising.
    pub fn incarnations(&self, thread: &[u8; 16]) -> Vec<u64> {
        let mut all: Vec<u64> = self.parts.iter().flat_map(|part| part.index.incarnations(thread)).collect();
        all.extend(self.sealed.incarnations(thread));
        all.sort_unstable();
        all.dedup();
        all.retain(|incarnation| !self.channels(thread, *incarnation).is_empty());
        all
    }

    /// Every stream with its totals, sorted.
    pub fn streams(&self) -> Vec<StreamInfo> {
        let sealed = self.sealed.streams().into_iter();
        let sealed = sealed.map(|SealedStream { stream, head, payload_bytes, .. }| StreamInfo {
            stream,
            records: head.next_ordinal,
            payload_bytes,
        });
        let hot = self.parts.iter().flat_map(|part| part.index.streams());
        let hot = hot.map(|(stream, runs)| StreamInfo {
            stream: *stream,
            records: runs.end(),
            payload_bytes: runs.payload_bytes,
        });
        let mut all: Vec<StreamInfo> = sealed.chain(hot).collect();
        all.sort_by_key(|info| info.stream);
        all.dedup_by(|here, known| {
            let same = here.stream == known.stream;
            if same {
                known.records = known.records.max(here.records);
                known.payload_bytes = known.payload_bytes.saturating_add(here.payload_bytes);
            }
            same
        });
        all
    }

    /// Every stream, in the order in which their first records lie in the files.
    pub fn streams_as_stored(&self) -> Vec<StreamId> {
        let sealed = self.sealed.segments().iter().flat_map(|segment| segment.footer().streams()).map(|row| row.stream);
        let mut seen = HashSet::new();
        sealed.chain(self.hot_streams()).filter(|stream| seen.insert(*stream)).collect()
    }

    /// The streams that have records in hot segments, sorted.
    pub fn hot_streams(&self) -> Vec<StreamId> {
        let mut streams: Vec<StreamId> =
            self.parts.iter().flat_map(|part| part.index.streams()).map(|(stream, _)| *stream).collect();
        streams.sort_unstable();
        streams.dedup();
        streams
    }

    /// How far each journal is durable, by number.
    pub fn positions(&self) -> Vec<(u32, Sequence)> {
        let sealed = self.sealed.manifest().journals.iter().map(|base| (base.journal, base.upto));
        let mut positions: BTreeMap<u32, Sequence> = sealed.collect();
        for part in &self.parts {
            // Of a journal that somebody else writes all that is known is durable.
            let known = part.index.groups.last_sequence().unwrap_or(Sequence(0)).min(part.durable);
            let position = positions.entry(part.journal).or_insert(known);
            *position = known.max(*position);
        }
        positions.into_iter().collect()
    }

    /// The streams that have hot records behind these positions of their journals, sorted.
    pub fn hot_streams_since(&self, since: &BTreeMap<u32, Sequence>) -> Vec<StreamId> {
        let of_part = |part: &Part<'a>| {
            let (part, since) = (*part, since.get(&part.journal).copied().unwrap_or(Sequence(0)));
            part.index.streams().filter(move |(_, runs)| part.index.is_behind(runs, since)).map(|(stream, _)| *stream)
        };
        let mut streams: Vec<StreamId> = self.parts.iter().flat_map(of_part).collect();
        streams.sort_unstable();
        streams.dedup();
        streams
    }

    /// Every place that records of several journals claim, and who claims it.
    pub fn contested(&self) -> Vec<(StreamId, u64, Vec<Place>)> {
        let mut found = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            for (stream, runs) in part.index.streams() {
                let others: Vec<_> = self.of(stream).into_iter().filter(|(other, _, _)| *other != at).collect();
                // Each place once: from the first part that has it.
                let first =
                    |ordinal: &u64| !others.iter().any(|(other, _, runs)| *other < at && runs.get(*ordinal).is_some());
                let sealed_end = self.sealed.head(stream).map_or(0, |head| head.next_ordinal);
                let is_sealed = |ordinal: u64| ordinal < sealed_end && !self.sealed.find(stream, ordinal, 1).is_empty();
                let shared = |ordinal: &u64| {
                    others.iter().any(|(_, _, runs)| runs.get(*ordinal).is_some()) || is_sealed(*ordinal)
                };
                if others.is_empty() && sealed_end == 0 {
                    continue;
                }
                for ordinal in runs.spans().flatten().filter(shared).filter(first) {
                    if let Found::Contested(places) = self.find_one(&self.of(stream), stream, ordinal) {
                        found.push((*stream, ordinal, places));
                    }
                }
            }
        }
        found
    }
}

/// Those of the places, in order of ordinal, that follow from `from` on without a hole and are the only ones of their
/// ordinals.
fn only(places: Vec<SealedPlace>, from: u64) -> impl Iterator<Item = SealedPlace> {
    let mut next = from;
    let mut places = places.into_iter().peekable();
    std::iter::from_fn(move || {
        let place = places.next_if(|place| place.ordinal == next)?;
        next = next.saturating_add(1);
        places.peek().is_none_or(|other| other.ordinal != place.ordinal).then_some(place)
    })
}
