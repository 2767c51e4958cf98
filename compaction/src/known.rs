//! Which values the store has, so that the next occurrence of one is a reference.

use std::collections::HashSet;

use threadlog_engine::sealed::{Sealed, SealedSegment, ValueHash};

/// The values of all sealed segments, by name. *Memory:* about 40 bytes for each value that is stored once for several
/// records, about 8 for each that was seen once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    stored: HashSet<ValueHash>,
    singles: HashSet<u32>,
}

impl Known {
    /// Of all segments. *Cost:* reads their footers' tables.
    pub fn of(sealed: &Sealed) -> Known {
        let mut known = Known::default();
        sealed.segments().iter().for_each(|segment| known.add(segment));
        known
    }

    /// Those of one more segment.
    pub fn add(&mut self, segment: &SealedSegment) {
        let footer = segment.footer();
        self.stored.extend(footer.values().map(|row| row.hash));
        self.singles.extend(footer.singles());
    }

    /// Whether a block of values has it.
    pub fn is_stored(&self, hash: &ValueHash) -> bool {
        self.stored.contains(hash)
    }

    /// Whether it probably stands inside a record: another value may have the same short hash.
    pub fn is_single(&self, hash: &ValueHash) -> bool {
        self.singles.contains(&hash.short())
    }

    /// Notes a value that was stored apart.
    pub fn note_stored(&mut self, hash: ValueHash) {
        self.stored.insert(hash);
    }

    /// Notes a value that was seen once.
    pub fn note_single(&mut self, hash: &ValueHash) {
        self.singles.insert(hash.short());
    }
}
