//! Where a consistent copy of a store ends, while others write it.
//!
//! Each journal is seen up to where it was durable when it was looked at, and one is looked at after another. So a record
//! of a later one can refer to records of an earlier one that came after the look. Only creation records of forks refer to
//! others: to a base's first items, which were durable before. A second look, which begins when the first is over, has
//! all of them.

use std::collections::BTreeMap;
use std::ops::Range;

use threadlog_engine::sealed::Sealed;
use threadlog_engine::{Conflict, ReadLog, Reader, StreamId};

use crate::error::Result;
use crate::event::{ITEMS, channels};
use crate::lineage::creation;
use crate::thread::ThreadKey;

/// One past the last ordinal that a copy has, by stream.
pub(super) type Bounds = BTreeMap<StreamId, u64>;

/// Bounds of a copy in which no fork lacks what it stands on. Everything that was durable before is within them.
pub(super) fn bounds(reader: &Reader) -> Result<Bounds> {
    let mut bounds: Bounds =
        reader.streams().into_iter().map(|info| (info.stream, end(reader, &info.stream))).collect();
    reader.refresh()?;
    complete(reader, &mut bounds);
    bounds.retain(|_, end| *end > 0);
    Ok(bounds)
}

/// Adds what forks within the bounds stand on. `log` has all of it.
fn complete(log: &dyn ReadLog, bounds: &mut Bounds) {
    let mut waiting: Vec<ThreadKey> = bounds.keys().map(ThreadKey::of).collect();
    waiting.dedup();
    while let Some(key) = waiting.pop() {
        // What cannot be read says nothing here, and is told by whoever reads it.
        let Ok(Some(created)) = creation(log, key) else { continue };
        let Some(base) = created.origin.fork().map(|fork| fork.base.key()) else { continue };
        let known = |channel: &u8| bounds.contains_key(&base.stream(*channel));
        let channels = channels(log, base);
        if !channels.iter().any(|channel| *channel != ITEMS && known(channel)) {
            for channel in channels.into_iter().filter(|channel| *channel != ITEMS) {
                bounds.insert(base.stream(channel), end(log, &base.stream(channel)));
            }
            // It came between the looks, and may be a fork itself.
            waiting.push(base);
        }
        let items = base.stream(ITEMS);
        bounds.insert(items, end(log, &items));
    }
}

fn end(log: &dyn ReadLog, stream: &StreamId) -> u64 {
    log.head(stream).map_or(0, |head| head.durable_ordinal)
}

/// The records within the bounds that are not sealed, or that win against a sealed one; and the conflicts among them.
pub(super) fn hot(reader: &Reader, sealed: &Sealed, bounds: &Bounds) -> (Vec<(StreamId, Range<u64>)>, Vec<Conflict>) {
    let told = sealed.conflicts();
    let mut conflicts = reader.conflicts();
    conflicts.retain(|conflict| {
        !told.contains(conflict) && bounds.get(&conflict.stream).is_some_and(|end| conflict.ordinal < *end)
    });
    let mut ranges = Vec::new();
    for (stream, end) in bounds {
        let mut holes = unsealed(sealed, stream, *end);
        for conflict in conflicts.iter().filter(|conflict| conflict.stream == *stream) {
            if !holes.iter().any(|hole| hole.contains(&conflict.ordinal)) {
                holes.push(conflict.ordinal..conflict.ordinal.saturating_add(1));
            }
        }
        holes.sort_by_key(|hole| hole.start);
        ranges.extend(holes.into_iter().map(|hole| (*stream, hole)));
    }
    (ranges, conflicts)
}

/// The ordinals below `end` that no sealed segment has.
fn unsealed(sealed: &Sealed, stream: &StreamId, end: u64) -> Vec<Range<u64>> {
    let mut there: Vec<Range<u64>> = Vec::new();
    for segment in sealed.segments() {
        let footer = segment.footer();
        let Some(row) = footer.stream(stream) else { continue };
        there.extend(footer.extents(&row).map(|extent| extent.first_ordinal..extent.end_ordinal()));
    }
    there.sort_by_key(|range| range.start);
    let (mut holes, mut next) = (Vec::new(), 0);
    for range in there {
        if range.start > next {
            holes.push(next..range.start.min(end));
        }
        next = next.max(range.end);
    }
    if next < end {
        holes.push(next..end);
    }
    holes.retain(|hole| !hole.is_empty());
    holes
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
