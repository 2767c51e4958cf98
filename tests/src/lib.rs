//! Whole-system tests of threadlog, and what several of them share.

pub mod tidy;
