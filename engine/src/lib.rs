//! The bytes of threadlog: file systems, frames, hot segments, group commit and recovery.

pub mod config;
pub mod error;
pub mod format;
pub mod fs;
pub mod id;
pub mod lock;
pub mod number;
pub mod recover;
