//! Whole stores under proof: many threads, live and cold, several calls at once, against a model in memory.
//!
//! - [`stage`]: an executor that polls in an order drawn from a seed, drops futures half way, and sees when nobody wakes.
//! - [`act`]: what a run does; a new kind of act is a variant, a row of the table of draws, and an arm of [`house`].
//! - [`call`]: the operations of a store as values, with what they answer.
//! - [`expected`]: what must be found of each thread, what may be, and in which order.
//! - [`house`], [`calls`], [`kin`], [`files`], [`look`]: the stores of one disk, and what is checked of them.
//! - [`run`]: long runs by seed, shrunk when they break something. [`faults`]: one run in which every call fails once.

pub mod act;
pub mod call;
pub mod calls;
pub mod expected;
pub mod faults;
pub mod files;
pub mod house;
pub mod kin;
pub mod look;
pub mod run;
pub mod stage;
