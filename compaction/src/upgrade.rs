//! Values that stood inside one record and that meanwhile occur in others: when segments are merged they become
//! references.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use threadlog_engine::format::frame;
use threadlog_engine::number::{short, size, wide};
use threadlog_engine::sealed::{
    FindValues, Sealed, SealedSegment, StoredRecord, UsedValue, VALUE_BYTES_MIN, ValueHash,
};

use crate::known::Known;
use crate::stored::StoredValues;
use crate::usage::fill;

/// Finds values that are to be shared from now on.
pub(crate) struct Upgrades<'a> {
    find: &'a FindValues,
    segments: &'a [Arc<SealedSegment>],
    known: Known,
    /// Short hashes that two segments have seen.
    twice: HashSet<u32>,
    stored: StoredValues,
    /// Those that this merge made: the whole hash of each.
    made: HashMap<ValueHash, [u8; 32]>,
    found: Vec<Range<usize>>,
}

/// A record with fewer bytes and more references.
#[derive(Debug)]
pub(crate) struct Upgraded {
    pub stored: Vec<u8>,
    pub refs: Vec<(u32, UsedValue)>,
    pub checksum: u32,
    /// Values that no segment has yet.
    pub new: Vec<(ValueHash, Vec<u8>)>,
    /// Occurrences that became references, and their length.
    pub references: u64,
    pub referenced_bytes: u64,
}

impl<'a> Upgrades<'a> {
    /// For a merge in a store whose segments are these. *Cost:* their footers' tables.
    pub fn new(sealed: &'a Sealed, find: &'a FindValues) -> Upgrades<'a> {
        let (mut seen, mut twice) = (HashSet::new(), HashSet::new());
        for segment in sealed.segments() {
            twice.extend(segment.footer().singles().filter(|short| !seen.insert(*short)));
        }
        Upgrades {
            find,
            segments: sealed.segments(),
            known: Known::of(sealed),
            twice,
            stored: StoredValues::default(),
            made: HashMap::new(),
            found: Vec::new(),
        }
    }

    /// Looks at a record; `None` if it stays as it is. Short hashes of values that stay inside it are added to `singles`.
    pub fn look(&mut self, record: &StoredRecord<'_>, singles: &mut Vec<u32>) -> Option<Upgraded> {
        if record.stored.len() < VALUE_BYTES_MIN {
            return None;
        }
        let filled = fill(record, &mut Vec::new());
        let payload = filled.as_deref().unwrap_or(record.stored);
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        (self.find)(record.codec, payload, &mut found);
        let taken = shared_ranges(record);
        let mut uses: Vec<(Range<usize>, UsedValue)> = Vec::new();
        let (mut new, mut behind) = (Vec::new(), 0);
        for range in &found {
            let overlaps = taken.iter().any(|(other, _)| other.start < range.end && range.start < other.end);
            let Some(bytes) = payload.get(range.clone()).filter(|_| range.start >= behind && !overlaps) else {
                continue;
            };
            behind = range.end;
            let hash = ValueHash::of(bytes);
            match self.fit(hash, bytes) {
                Some(is_new) => {
                    new.extend(is_new.then(|| (hash, bytes.to_vec())));
                    uses.push((range.clone(), UsedValue { hash, bytes: short(range.len()) }));
                }
                None => singles.push(hash.short()),
            }
        }
        self.found = found;
        if uses.is_empty() {
            return None;
        }
        let references = wide(uses.len());
        let referenced_bytes = uses.iter().map(|(range, _)| wide(range.len())).sum();
        let checksum = if record.refs.is_empty() { frame::checksum(payload) } else { record.checksum };
        uses.extend(taken);
        uses.sort_by_key(|(range, _)| range.start);
        let (stored, refs) = cut(payload, &uses);
        Some(Upgraded { stored, refs, checksum, new, references, referenced_bytes })
    }

    /// Whether a value is to be shared, and then whether it has to be stored for that.
    fn fit(&mut self, hash: ValueHash, bytes: &[u8]) -> Option<bool> {
        if let Some(whole) = self.made.get(&hash) {
            return (whole == blake3::hash(bytes).as_bytes()).then_some(false);
        }
        if self.known.is_stored(&hash) {
            return self.stored.has(self.segments, &hash, bytes).then_some(false);
        }
        if self.twice.contains(&hash.short()) {
            self.made.insert(hash, *blake3::hash(bytes).as_bytes());
            return Some(true);
        }
        None
    }
}

/// Where in the payload the shared values stand.
fn shared_ranges(record: &StoredRecord<'_>) -> Vec<(Range<usize>, UsedValue)> {
    let mut before = 0_usize;
    let place = |(position, value): &(u32, UsedValue)| {
        let start = size(*position).saturating_add(before);
        before = before.saturating_add(size(value.bytes));
        (start..start.saturating_add(size(value.bytes)), *value)
    };
    record.refs.iter().map(place).collect()
}

/// What is left of a payload without these values, and where they have to be put in.
fn cut(payload: &[u8], uses: &[(Range<usize>, UsedValue)]) -> (Vec<u8>, Vec<(u32, UsedValue)>) {
    let (mut stored, mut refs, mut done) = (Vec::new(), Vec::new(), 0);
    for (range, value) in uses {
        stored.extend_from_slice(payload.get(done..range.start).unwrap_or_default());
        refs.push((short(stored.len()), *value));
        done = range.end;
    }
    stored.extend_from_slice(payload.get(done..).unwrap_or_default());
    (stored, refs)
}
