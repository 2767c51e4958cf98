//! Independent pieces of work, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// Threads used where the caller does not say: one for each core, at most 4.
pub(crate) fn jobs_default() -> usize {
    available_parallelism().map_or(1, |cores| cores.get().min(4))
}

/// Calls `work` with each of `pieces`, in up to `jobs` threads, begun in their order.
pub(crate) fn each<T: Sync>(pieces: &[T], jobs: usize, work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let take = || {
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(piece);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.min(pieces.len()) {
            scope.spawn(take);
        }
        take();
    });
}

/// Locks; a panic in one thread must not hide what the others did.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
