//! Which of a batch's values are stored apart, once, and which stay inside their record.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use threadlog_engine::sealed::{SealedSegment, ValueHash};

use crate::batch::{Batch, Kept};
use crate::known::Known;
use crate::stored::StoredValues;

/// What becomes of one occurrence of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It stays where it is; its short hash is remembered.
    Inline,
    /// A reference to a value that another segment has.
    Elsewhere,
    /// A reference to a value of this segment.
    Here,
}

/// A choice for each of a batch's values, in the batch's order.
pub(crate) struct Choice {
    pub fits: Vec<Fit>,
}

/// The first occurrence of a value in a batch.
struct Seen<'a> {
    bytes: &'a [u8],
    times: u32,
}

/// Decides. A value is stored apart from its second occurrence on: in this batch, or in the store.
///
/// *Cost:* a table of the batch's values; each value that is met again is compared byte for byte, one that the store has
/// with the store's, once for each batch.
pub(crate) fn choose(batch: &Batch, known: &Known, segments: &[Arc<SealedSegment>]) -> Choice {
    let mut seen: HashMap<ValueHash, Seen<'_>> = HashMap::new();
    let mut odd = Vec::new();
    for (at, bytes) in occurrences(batch) {
        let Some(value) = batch.values.get(at) else { continue };
        match seen.entry(value.hash) {
            Entry::Vacant(vacant) => drop(vacant.insert(Seen { bytes, times: 1 })),
            Entry::Occupied(mut occupied) if occupied.get().bytes == bytes => {
                let times = &mut occupied.get_mut().times;
                *times = times.saturating_add(1);
            }
            // Another value of the same name.
            Entry::Occupied(_) => odd.push(at),
        }
    }
    let mut stored = StoredValues::default();
    let mut fit_of: HashMap<ValueHash, Fit> = HashMap::with_capacity(seen.len());
    for (hash, value) in &seen {
        let fit = if known.is_stored(hash) && stored.has(segments, hash, value.bytes) {
            Fit::Elsewhere
        } else if known.is_stored(hash) && value.times < 2 {
            // The store's is damaged, or another's: this one is as good as alone.
            Fit::Inline
        } else if value.times > 1 || known.is_single(hash) {
            Fit::Here
        } else {
            Fit::Inline
        };
        fit_of.insert(*hash, fit);
    }
    let mut fits: Vec<Fit> = batch.values.iter().map(|value| fit(&fit_of, &value.hash)).collect();
    for at in odd {
        if let Some(fit) = fits.get_mut(at) {
            *fit = Fit::Inline;
        }
    }
    Choice { fits }
}

fn fit(fit_of: &HashMap<ValueHash, Fit>, hash: &ValueHash) -> Fit {
    fit_of.get(hash).copied().unwrap_or(Fit::Inline)
}

/// Every occurrence of a value, by its index, with its bytes.
fn occurrences(batch: &Batch) -> impl Iterator<Item = (usize, &[u8])> {
    batch.records.iter().flat_map(|kept: &Kept| {
        let payload = batch.payload(kept);
        let values = kept.values.clone().zip(batch.values_of(kept));
        values.map(move |(at, value)| (at, payload.get(value.range.clone()).unwrap_or_default()))
    })
}
