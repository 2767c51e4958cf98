//! Items: the lines of rollout files, kept so that the same bytes come out again.

pub mod json;
mod kind;
mod line;
mod odd;
mod timestamp;

pub use kind::Kind;
pub use line::{Envelope, Line, parse};
pub use odd::{Oddities, Oddity, OddityCounts};
pub use timestamp::Timestamp;
