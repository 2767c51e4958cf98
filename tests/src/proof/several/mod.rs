//! Two processes that write one disk, enumerated: every short sequence of what they do, cut off at every call by the death
//! of one of them or of the whole machine.
//!
//! Each writes into its journal; one stream passes between them by a lease, as a thread does between programs.
//!
//! - [`deal`]: what a sequence is made of; a new kind of deal is a variant and an arm of [`pair`].
//! - [`pair`]: the processes and what must be so of them, [`aftermath`]: what must be so after a death.
//! - [`enumeration`]: all sequences, and long ones written by hand.

pub mod aftermath;
pub mod deal;
pub mod enumeration;
pub mod pair;
