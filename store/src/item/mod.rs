//! Items: the lines of rollout files, kept so that the same bytes come out again.

pub mod json;
mod kind;
mod line;
mod odd;
mod rollout;
mod timestamp;
pub mod typed;

pub use kind::Kind;
pub use line::{Envelope, Line, parse};
pub use odd::{Oddities, Oddity, OddityCounts};
pub(crate) use rollout::Located;
pub use rollout::RolloutItem;
pub use timestamp::Timestamp;

#[cfg(test)]
mod tests;
