//! What of the hot segments can be sealed, and taking it out of the journals again. Sealing itself is done above this crate.
//!
//! - [`source`]: one journal's records that stand in segments to which nothing is written any more, and the [`Base`] at
//!   which its log begins once they are sealed.
//! - `remove`: the files that are of no account then.
//!
//! The order that makes it safe (docs/durability.md): the sealed file is durable, then the manifest names it together with
//! the new base, then the hot files go. A crash in between leaves files that nobody needs, never a record that nobody has.
//!
//! [`Base`]: crate::recover::log::Base

mod ask;
pub(crate) mod bounds;
mod remove;
pub mod source;

pub use remove::Removed;
pub use source::Source;
