//! Metadata of a thread: what its items say of it, and what users set.
//!
//! [`ThreadMetadata`] is a pure fold over a thread's events: no clock, no I/O, no randomness. Facts
//! derived from items remember the ordinal they came from, facts that a user set remember their
//! [`Stamp`]; every field is a join, so any order and any grouping of the same events gives the same
//! state and the same [bytes](ThreadMetadata::to_canonical_bytes).
//!
//! The two sorts are kept apart. What a user set wins until it is cleared; see [`MetadataPatch`].

mod canonical;
mod derived;
mod entry;
mod inherited;
mod patch;
mod patch_json;
mod place;
mod read;
mod register;
mod session;
mod settings;
mod state;
mod times;
mod user;
mod words;

pub use canonical::BadCheckpoint;
pub use inherited::Inherited;
pub use patch::{GitPatch, MemoryMode, MetadataPatch, PatchError};
pub use register::Stamp;
pub(crate) use state::lay_archived;
pub use state::{MetadataEvent, ThreadMetadata};

#[cfg(test)]
mod tests;
