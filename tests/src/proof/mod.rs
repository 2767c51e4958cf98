//! The proof harness: an engine on the simulated disk, a model beside it, and everything that can go wrong.
//!
//! - [`content`], [`model`]: what is appended, and what must be there.
//! - [`step`], [`world`], [`look`]: what a run does; a new kind of step is a variant and an arm.
//! - [`found`], [`invariants`]: what is read, and the ten invariants by name.
//! - [`probe`], [`examine`], [`crash`]: every call, every power cut, every state it leaves.
//! - [`damage`], [`stories`], [`faults`], [`sites`]: every bit, every failing call, every place in the source that calls.
//! - [`random`]: long runs by seed, shrunk when they break something.
//! - [`writers`], [`pieces`]: the same for several processes that write, each into its journal.
//! - [`races`]: what several processes do to one thread at once, in every order of their steps.
//! - [`interleave`]: the same in every interleaving, as far as one can differ from another.
//! - [`several`]: the enumeration for two processes that write one disk.
//! - [`catalogs`]: checkpoints of the catalog.
//! - [`copies`]: backups and bundles.
//! - [`threads`]: the same for whole stores, many calls at once.

pub mod catalogs;
pub mod content;
pub mod copies;
pub mod crash;
pub mod damage;
pub mod examine;
pub mod faults;
pub mod found;
pub mod interleave;
pub mod invariants;
pub mod look;
pub mod model;
pub mod pieces;
pub mod probe;
pub mod races;
pub mod random;
pub mod sealed_damage;
pub mod sealing;
pub mod several;
pub mod sites;
pub mod step;
pub mod stories;
pub mod threads;
pub mod world;
pub mod writers;
