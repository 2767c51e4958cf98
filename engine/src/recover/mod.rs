//! From bytes to a log: pure functions, shared by recovery, readers and verification, so that there
//! is one definition of what is in a journal.
//!
//! [`walk`](walk::walk) reads one segment, [`resolve`](resolve::resolve) puts the segments of a
//! journal together (format.md 3.4 and 3.5). Neither touches a file, panics, or allocates more than
//! its input explains.

mod hole;
#[cfg(any(test, feature = "sim"))]
pub mod image;
pub mod judge;
pub mod log;
pub mod resolve;
pub(crate) mod runs;
pub mod walk;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod evidence_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;
