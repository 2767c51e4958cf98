//! What running threads promise, case by case, over several stores.
//!
//! A case is an async function over a [`fixture::Fixture`]; the `cases!` at the end of each file runs it over the store
//! in memory, the local store on a simulated and on a real disk, a store that has a file for each thread, and that store
//! with its files hidden. `docs/running.md` says which behaviour of Codex each case stands for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod fixture;
mod stores;

mod ephemeral;
mod forking;
mod interrupting;
mod managing;
mod operations;
mod paths;
#[cfg(unix)]
mod programs;
mod resuming;
mod starting;
mod storing;
mod turns;
