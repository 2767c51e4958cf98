//! Several processes that write on one disk, each into a journal of its own, beside readers: random runs against a model.
//!
//! Streams go from one writer to another, as leases would have it: whoever takes one over has seen all that its last
//! writer was told is durable. Processes die alone or all together, claim each other's journals, and read on in them.
//!
//! - [`deed`]: what a run does; a new kind of deed is a variant, a row of the table of draws, and an arm of [`yard`].
//! - [`yard`]: the processes and what they do. [`sight`]: what each of them must see.
//! - [`run`]: long runs by seed.

pub mod deed;
pub mod run;
pub mod sight;
pub mod yard;
