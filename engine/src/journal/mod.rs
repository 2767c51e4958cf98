//! A journal: one writer's log, from the open arena to the segments on disk.
//!
//! - [`batch`]: what callers append, encoded outside any lock.
//! - `state`, `core`, `lead`: the short lock, appending and waiting, the leader's work.
//! - `tail`, `spare`, `shelf`, `names`: the file that groups go to, the next one made ready, their directory.
//! - `runs`, [`index`], [`parts`], [`records`]: where each record stands, in one journal and in all, and reading it back.
//! - [`place`], [`foreign`]: where the files are; the journals of others.
//! - `opening`, `revive`, `scan`: opening for writing and the copy of an unwitnessed tail.
//! - [`engine`], [`reader`]: the public faces.

pub mod batch;
pub(crate) mod build;
pub mod changes;
pub(crate) mod claim;
pub(crate) mod core;
pub(crate) mod damage;
pub(crate) mod dead;
pub mod engine;
pub(crate) mod follow;
pub mod foreign;
pub(crate) mod groups;
pub mod index;
pub(crate) mod large;
pub(crate) mod lead;
pub(crate) mod mark;
pub(crate) mod names;
pub(crate) mod opening;
pub mod parts;
pub mod past;
pub mod place;
pub mod reader;
pub mod records;
pub(crate) mod renew;
pub(crate) mod revive;
pub(crate) mod runs;
pub mod salvage;
pub(crate) mod scan;
pub mod screen;
pub(crate) mod shelf;
pub(crate) mod spare;
pub(crate) mod state;
pub mod stats;
pub(crate) mod tail;
pub mod ticket;
pub(crate) mod timers;
pub mod verify;
pub(crate) mod waiters;
pub(crate) mod window;

#[cfg(test)]
mod tests;
