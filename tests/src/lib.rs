//! Whole-system tests of threadlog, and what several of them share.

pub mod counting;
pub mod proof;
pub mod tidy;
