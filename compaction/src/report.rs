//! What was done, in numbers.

use std::ops::AddAssign;

/// What was written, read and given back. Rates and write amplification follow from it: bytes of files per byte of
/// payload, bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Sealed segments made.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Length of their payloads, values put in.
    pub payload_bytes: u64,
    /// Length of their files, and of dictionaries.
    pub file_bytes: u64,
    /// Sealed or hot files that they replace.
    pub files_replaced: u64,
    /// Length of those.
    pub replaced_bytes: u64,
    /// Records that were dropped: of dead lives, and those that lost against another with the same place.
    pub records_dropped: u64,
    /// Length of their payloads as they stood there.
    pub dropped_bytes: u64,
    /// Occurrences of values that became references, in these segments.
    pub references: u64,
    /// Length of what they refer to, each occurrence counted.
    pub referenced_bytes: u64,
}

impl Written {
    /// Adds another's numbers.
    pub fn add(&mut self, other: &Written) {
        let Written { segments, records, payload_bytes, file_bytes, files_replaced, .. } = other;
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.segments, *segments);
        add(&mut self.records, *records);
        add(&mut self.payload_bytes, *payload_bytes);
        add(&mut self.file_bytes, *file_bytes);
        add(&mut self.files_replaced, *files_replaced);
        add(&mut self.replaced_bytes, other.replaced_bytes);
        add(&mut self.records_dropped, other.records_dropped);
        add(&mut self.dropped_bytes, other.dropped_bytes);
        add(&mut self.references, other.references);
        add(&mut self.referenced_bytes, other.referenced_bytes);
    }
}

impl AddAssign for Written {
    fn add_assign(&mut self, other: Written) {
        self.add(&other);
    }
}
