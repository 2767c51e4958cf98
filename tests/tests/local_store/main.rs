//! What only the local store promises: never to block an executor, to share syncs, to carry thousands of live
//! threads, and to lose and repeat nothing whatever the disk does and whoever stops waiting.

mod cancelling;
mod cancelling_trouble;
mod damaged;
mod deleting_many;
mod executors;
mod failing;
mod following;
mod found_by_runs;
mod holding;
mod imported;
mod many;
mod paging;
mod processes;
mod races;
mod reading;
mod reopening;
mod searching;
mod sharing;
mod taken_in;

use threadlog_tests::{gate, words};
