//! Whole-system tests of threadlog, and what several of them share.

pub mod counting;
#[cfg(feature = "power-cut")]
pub mod flush_log;
pub mod gate;
pub mod proof;
pub mod real;
pub mod tidy;
pub mod words;

/// A number from the environment, or the one given.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
