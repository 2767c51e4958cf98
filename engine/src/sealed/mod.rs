//! The sealed form: records in compressed blocks by stream, values that occur twice kept once, all of it immutable.
//!
//! What is here is the form: codecs, which are pure functions over bytes, the reader and the writer. What is sealed when,
//! merged with what, and removed, is decided elsewhere. `docs/format.md`, section 8, is the specification.
//!
//! - [`Sealed`] is one consistent view of everything sealed; [`SealedCache`] reads its records, and `ahead` the blocks
//!   that come next.
//! - [`SegmentWriter`] writes a segment; [`Manifest`] says which live.

pub(crate) mod ahead;
pub mod block_header;
mod builder;
pub mod cache;
pub mod codec;
pub(crate) mod columns;
mod copy;
mod current;
pub mod dictionaries;
pub mod dictionary;
pub mod footer;
pub mod header;
pub mod id;
mod layout;
pub mod manifest;
pub mod manifest_file;
pub mod place;
mod pool;
pub mod rebuild;
pub mod records_block;
pub mod recover;
pub mod rows;
pub mod segment;
pub mod set;
pub mod values_block;
mod varint;
pub mod verify;
pub mod writer;

#[cfg(test)]
mod example_tests;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

pub use cache::SealedCache;
pub use codec::Decoder;
pub use dictionaries::{Dictionaries, write_dictionary};
pub use dictionary::Dictionary;
pub use id::{DictionaryId, SealedId, ValueHash};
pub use manifest::{DictionaryRow, JournalBase, Manifest, SegmentRow, Tier};
pub use manifest_file::{manifest_path, prepare, sealed_files};
pub use place::Place;
pub use records_block::{Extent, RecordsBlock, StoredRecord, UsedValue};
pub use recover::Recovered;
pub use rows::{BlockRow, ExtentRow, Input, StreamRow, ValueRow};
pub use segment::SealedSegment;
pub use set::{OnDamage, Sealed, SealedHead, SealedStream};
pub use writer::{ARCHIVED_BLOCK_BYTES, BLOCK_BYTES, RecordRef, SegmentOptions, SegmentWriter, ValueUse};

/// Finds the long values in a payload: codec, payload, and the list that rising, disjoint ranges are added to, each of
/// [`VALUE_BYTES_MIN`] or more. The engine knows records only as bytes; what is a value is for its user to say.
pub type FindValues = dyn Fn(u8, &[u8], &mut Vec<std::ops::Range<usize>>) + Send + Sync;

/// The shortest part of a payload that is worth keeping apart, in bytes.
pub const VALUE_BYTES_MIN: usize = 1024;
