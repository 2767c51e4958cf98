//! Realistic rollout files from a seed.
//!
//! A rollout is the file in which Codex keeps a thread: one JSON object per line. Real ones cannot be shared, so tests,
//! benchmarks and first steps use these. They have the measured shape of real rollouts: sizes and kinds of lines, what
//! compresses and what repeats, lengths of threads, gaps in time, versions, forks and sub-agents. Their words, code and
//! commands are made up here from word lists and patterns.
//!
//! - [`Plan`] says what to make; [`Plan::files`] gives the files, [`SampleFile::write_to`] makes one, line by line.
//! - [`write_tree`] writes them all into a folder.
//! - [`odd`] has one small file of each sort that an importer must survive.
//!
//! The same plan gives the same bytes on every machine.
//!
//! ```
//! let plan = threadlog_sample::Plan { threads: 2, items: 20, ..Default::default() };
//! let mut bytes = Vec::new();
//! for file in plan.files() {
//!     file.write_to(&mut bytes)?;
//! }
//! assert_eq!(bytes.iter().filter(|&&byte| byte == b'\n').count(), 40);
//! # Ok::<(), std::io::Error>(())
//! ```

mod base64;
mod cast;
mod clock;
mod code;
mod desk;
mod era;
mod fixture;
mod instructions;
mod json;
mod names;
pub mod odd;
mod plan;
mod project;
mod random;
mod sink;
mod sizes;
mod text;
mod thread;
mod tool;
mod tree;
mod usage;
mod words;

#[cfg(test)]
mod tests;

pub use plan::{Files, History, Images, Plan, SampleFile, SampleTotals};
pub use tree::{Progress, TreeError, write_tree};
