//! What the engine did: counted where it happens, read at any time.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Totals since the engine was opened. Bytes are bytes written to files.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The live counters behind [`Stats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub $name: AtomicU64,)+
        }

        impl Counters {
            /// Reads all counters; each is exact, together they may be an instant apart.
            pub fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Records acknowledged into the log (appended).
    records,
    /// Batches appended.
    batches,
    /// Groups written, witnesses not counted.
    groups,
    /// Records in the groups written.
    grouped_records,
    /// Calls of `fdatasync` on segments.
    syncs,
    /// Syncs of directories.
    directory_syncs,
    /// Witness groups written.
    witnesses,
    /// Segments begun.
    segments,
    /// Segments begun without a prepared spare (files that grow).
    growing_segments,
    /// Bytes of payload in groups.
    payload_bytes,
    /// Bytes of group and frame headers in groups.
    header_bytes,
    /// Zero bytes that fill groups up to whole blocks.
    padding_bytes,
    /// Bytes of segment headers.
    segment_header_bytes,
    /// Bytes zero-filled to prepare spares.
    prepared_bytes,
    /// Bytes copied into a fresh segment at opening.
    recovered_bytes,
    /// Bytes of records in files of their own, headers included.
    large_bytes,
    /// Writes that failed.
    failed_writes,
}

impl Stats {
    /// Mean number of records that one group made durable together; 0 before the first.
    #[must_use]
    pub fn fan_in(&self) -> f64 {
        if self.groups == 0 {
            return 0.0;
        }
        ratio(self.grouped_records, self.groups)
    }

    /// All bytes written for one byte of payload; 0 before the first.
    #[must_use]
    pub fn write_amplification(&self) -> f64 {
        let written = [
            self.payload_bytes,
            self.header_bytes,
            self.padding_bytes,
            self.segment_header_bytes,
            self.prepared_bytes,
            self.recovered_bytes,
            self.large_bytes,
        ];
        let payload = self.payload_bytes.saturating_add(self.large_bytes);
        if payload == 0 {
            return 0.0;
        }
        ratio(written.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes)), payload)
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// `a / b` for counters (exact up to 2^53).
#[allow(clippy::as_conversions, reason = "u64 to f64 has no conversion trait; precision beyond 2^53 does not matter")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}
