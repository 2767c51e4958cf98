//! What every thread store promises, case by case; run against each of them.
//!
//! A case is an async function over a [`fixture::Fixture`]; the `cases!` at the end of each file runs it against the
//! store in memory and the local store on a simulated and on a real disk. `docs/contract.md` says which behaviour of
//! Codex each case stands for. Cases that only concern the local store are in `local_store`.

mod fixture;
mod forking;

mod appending;
mod archiving;
mod deleting;
mod documented;
mod filtering;
mod history;
mod laziness;
mod lifecycle;
mod listing;
mod live_threads;
mod metadata;
mod paging;
mod policy;
mod reading;
mod relations;
mod rolling_back;
mod searching;
