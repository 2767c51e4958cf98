//! The catalog checkpoint: what the views added up to, in a file that is mapped and read in place (format.md 10).
//!
//! It is derived and disposable. A checkpoint and the records behind it add up to what a fold of all records gives; a
//! checkpoint that is damaged, of another store, of a newer version or older than what it stands beside is not used, and
//! everything is folded from the log.
//!
//! - `rows.rs`: the structures in the file. `build.rs` makes its bytes; `pages.rs` maps and verifies them, `checkpoint.rs` finds what
//!   stands where, `row.rs` is one thread, `order.rs` walks them in a list's order.
//! - `cover.rs`: which threads changed since. `write.rs` folds those and puts a new file in place; `file.rs` is what
//!   files there are.

mod build;
mod checkpoint;
mod cover;
mod describe;
mod drift;
mod file;
mod order;
mod pages;
mod row;
mod rows;
mod write;

pub(crate) use checkpoint::{Checkpoint, Damaged};
pub(crate) use cover::From;
pub use describe::entries;
pub(crate) use drift::drift;
pub use file::{CatalogFile, CatalogState};
pub(crate) use file::{Usable, newest, newest_bytes, older, remove_all, states};
pub(crate) use row::Row;
pub(crate) use write::write;

#[cfg(test)]
mod tests;
