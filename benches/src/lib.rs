//! The harness of the benchmarks: contenders of equal durability, run in turns, and what they are measured with.
//!
//! `docs/performance.md` says what each row means. Nothing here asserts a time: only that what was appended is there
//! afterwards.

pub mod batched;
pub mod crowd;
pub mod enqueue;
pub mod files;
pub mod latency;
pub mod machine;
pub mod many;
pub mod place;
pub mod plan;
pub mod raw;
pub mod report;
pub mod running;
pub mod sealed;
pub mod search;
pub mod solo;
pub mod sqlite;
pub mod tables;
pub mod tasks;
pub mod threadlog;
pub mod threads;

/// What goes wrong in a benchmark; it ends there.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// The outcome of a step.
pub type Result<T> = std::result::Result<T, Failure>;

/// A payload of that many printable bytes without a newline, the same at each call.
#[must_use]
pub fn payload(bytes: usize) -> Vec<u8> {
    let words = b"{\"timestamp\":\"2025-11-03T10:00:00.000Z\",\"type\":\"event_msg\",\"payload\":\"";
    words.iter().copied().cycle().take(bytes).collect()
}
