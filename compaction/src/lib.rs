//! What happens to threadlog's bytes after they were written: hot segments are sealed, sealed ones merged, values stored
//! once, dead streams erased.
//!
//! This crate decides what is done when, and keeps the order of steps that makes it safe; the form of sealed segments is
//! the engine's ([`threadlog_engine::sealed`]). What the records mean is asked of whoever knows ([`Rules`]).
//!
//! - [`Maintenance`]: the right to do any of it, held by one process at a time.
//! - [`Bulk`]: new streams straight into sealed segments.
//! - [`seal`](mod@seal): hot segments become sealed ones. [`merge`](mod@merge), [`compact`](mod@compact): several sealed
//!   ones become one. [`erase`](mod@erase): what is dead leaves the disk.
//! - [`struct@Copy`]: a copy of a store that is a store, kept up to date.
//! - [`repair`](mod@repair): a MANIFEST that is lost or damaged, made anew.
//! - [`Background`]: a worker that does the first two when it is time.
//!
//! Every step is of the same shape: new files become durable, MANIFEST is replaced, old files go. A crash leaves the old
//! or the new, and perhaps files that nothing names; whoever takes [`Maintenance`] next removes these.

pub mod background;
mod batch;
pub mod bulk;
mod choose;
pub mod compact;
pub mod config;
pub mod copy;
mod cursor;
mod dictionary;
pub mod erase;
pub mod error;
mod known;
pub mod maintenance;
pub mod merge;
mod output;
mod pick;
pub mod repair;
pub mod report;
pub mod rules;
pub mod seal;
mod stored;
mod taint;
mod upgrade;
pub mod usage;
mod write;

pub use background::{Background, Done, RulesOfNow};
pub use batch::NewSealed;
pub use bulk::{Bulk, Held, Published};
pub use compact::{Avoid, Extent};
pub use config::Config;
pub use copy::{Copied, Copy, Hot};
pub use erase::{Erased, Pending};
pub use error::{Error, Result};
pub use maintenance::Maintenance;
pub use repair::ManifestRepair;
pub use report::Written;
pub use rules::{BLANK_CODEC, Fate, Rules, Unwatched, Watch};

#[cfg(test)]
#[path = "tests/mod.rs"]
mod testing;
