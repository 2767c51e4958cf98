//! Views: pure folds `(state, event) → state` over a thread's events.
//!
//! No clock, no I/O, no randomness. Each field is a join (by ordinal, or by clock), so any order and
//! any grouping of the same events gives the same state, and the same bytes of its encoding.

mod facts;
mod life;
mod pieces;
mod tokens;

pub use facts::{ThreadFacts, Totals};
pub use life::Life;
pub use tokens::{ThreadTokens, TokenKey, TokenSums};

#[cfg(test)]
mod tests;
