//! Searching what was said and done: message text, and the names and arguments of tool calls.
//!
//! [`ThreadStore::search`](crate::thread_store::ThreadStore::search) takes [`SearchParams`] and gives a [`Search`]: finds
//! one after another, thread by thread in the order of a list, each with its position ([`Found::ordinal`]) and a
//! [`Snippet`]. To read around a find, ask for the items beside its position
//! ([`ThreadStore::list_items`](crate::thread_store::ThreadStore::list_items)).
//!
//! There is no index: a search reads what is stored, and passes over what cannot contain the text by its raw bytes.
//! `docs/architecture.md` has the figures of that decision.
//!
//! # What is found where
//! An item is found once, in the thread that it was appended to; what a fork inherited is found in its source. If the
//! source was deleted it is found in the first fork that has it. Of a message that a rollout has twice, as the model's
//! item and as the event beside it, the first is found.

mod params;
mod pattern;
mod plan;
mod query;
mod scan;
mod screen;
mod snippet;
mod stream;
mod text;

#[cfg(test)]
mod tests;

pub use params::SearchParams;
pub use query::{Match, Query, QueryError};
pub use snippet::Snippet;
pub use stream::{Found, Search, SearchProgress, Unread};
pub use text::{Speaker, TextKind};

pub(crate) use plan::{Claims, Plan, Planned};
pub(crate) use scan::{Copies, Raw, Source, run};
use screen::RawScreen;
