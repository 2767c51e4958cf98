//! What happens to threadlog's bytes after they were written: hot segments are sealed, sealed ones merged, values stored
//! once, dead streams erased.
//!
//! This crate decides what is done when, and keeps the order of steps that makes it safe; the form of sealed segments is
//! the engine's ([`threadlog_engine::sealed`]). What the records mean is asked of whoever knows ([`Rules`]).
//!
//! - [`Maintenance`]: the right to do any of it, held by one process at a time.
//! - [`Bulk`]: new streams straight into sealed segments.
//! - [`merge`](mod@merge): several segments become one.
//!
//! Every step is of the same shape: new files become durable, MANIFEST is replaced, old files go. A crash leaves the old
//! or the new, and perhaps files that nothing names; whoever takes [`Maintenance`] next removes these.

mod batch;
pub mod bulk;
mod choose;
pub mod config;
mod cursor;
mod dictionary;
pub mod error;
mod known;
pub mod maintenance;
pub mod merge;
mod output;
mod pick;
pub mod report;
pub mod rules;
mod stored;
mod upgrade;
mod write;

pub use batch::NewSealed;
pub use bulk::{Bulk, Held, Published};
pub use config::Config;
pub use error::{Error, Result};
pub use maintenance::Maintenance;
pub use report::Written;
pub use rules::{BLANK_CODEC, Fate, Rules, Unwatched, Watch};

#[cfg(test)]
mod testing;
