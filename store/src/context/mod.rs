//! What the model sees of a thread, and its turns: rollbacks and compactions applied.
//!
//! A thread only grows. A rollback is a marker behind what it takes back, a compaction an item that stands for what
//! came before, and both can follow each other in any order. The functions here say what they add up to. They are
//! pure: they are given items and read nothing themselves.
//!
//! - [`ContextScan`]: what the model sees ([`ModelContext`]). It is given items from the thread's end on and says when it
//!   has enough, so that going on with a long thread costs what follows its last checkpoint.
//! - [`turns`] and [`display_turns`]: the turns, for people. [`user_positions`]: where a thread can be cut.
//! - [`Ending`]: whether a thread ends in the middle of a turn.
//!
//! # What is taken back
//! One sort of thing counts everywhere: a **user turn**, which a user's own message or another agent's instruction
//! began. Where records mark its start, it reaches from there to the next start, however many messages it has; where
//! none do, each such message begins one. A rollback of N turns leaves the thread as it was before the last N user turns
//! that no rollback before it took back: with their messages go the compactions, the settings and the turns without
//! a user in between, and what the program told the model directly before. What stands before the thread's first turn
//! always stays.
//!
//! Codex counts in three ways that disagree when a turn has two messages, or none. And where the last checkpoint
//! lies in a turn that was taken back, it forgets what came before: here the turns before it are all there.

mod build;
mod ending;
mod fact;
mod pages;
mod scan;
mod segment;
mod turns;
mod watch;

use bytes::Bytes;

pub use ending::{Ending, OpenTurn};
pub(crate) use pages::{History, is_rollback, items, turns as turn_page};
pub use scan::{ContextScan, Expected};
pub use turns::{Turn, TurnCounting, TurnEnd, display_turns, turns, user_positions};
pub use watch::TurnWatch;

use crate::item::Kind;
use crate::item::typed::{EventMsg, TokenCount, TurnContext, Typed};

/// What the model sees of a thread, and what an agent needs to go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelContext {
    /// The items of the model's history, in order.
    pub items: Vec<ContextItem>,
    /// The settings that the model was told in full, so that the next turn may tell it the differences only. `None` if
    /// it was told none, or has forgotten them by a compaction: tell them all.
    pub reference: Option<Settings>,
    /// The settings of the last user turn.
    pub previous_turn: Option<Settings>,
    /// The last count of tokens.
    pub tokens: Option<TokensSeen>,
    /// The turn that the thread ends in the middle of.
    pub open_turn: Option<OpenTurn>,
    /// Ordinal of the oldest item that was looked at.
    pub first_ordinal: u64,
    /// How many items were looked at.
    pub items_read: u64,
}

/// An item of the model's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextItem {
    /// Where it stands in the thread; of what a compaction put in place of the history, where the compaction stands.
    pub ordinal: u64,
    /// A [`Kind::ResponseItem`], or a message between agents.
    pub kind: Kind<'static>,
    /// Its JSON, as it was stored. Shares the bytes of the item it was read from.
    pub payload: Bytes,
}

impl ContextItem {
    /// What it says. Parsed anew at each call.
    #[must_use]
    pub fn typed(&self) -> Typed {
        Typed::of_payload(&self.kind, &self.payload)
    }
}

/// The settings of a turn: a `turn_context`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings(ContextItem);

impl Settings {
    fn new(item: ContextItem) -> Settings {
        Settings(item)
    }

    /// The item, with all that it states.
    #[must_use]
    pub fn item(&self) -> &ContextItem {
        &self.0
    }

    /// What it says. Parsed anew at each call.
    #[must_use]
    pub fn turn_context(&self) -> TurnContext {
        match self.0.typed() {
            Typed::TurnContext(turn) => *turn,
            _ => TurnContext::default(),
        }
    }
}

/// A count of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokensSeen {
    /// The `token_count` event, with all that it states.
    pub item: ContextItem,
    /// Whether the turn that it was counted in was taken back: what was spent is spent, but the model's history is
    /// shorter now than it was when it was counted.
    pub rolled_back: bool,
}

impl TokensSeen {
    /// The totals. Parsed anew at each call.
    #[must_use]
    pub fn totals(&self) -> TokenCount {
        match self.item.typed() {
            Typed::Event(EventMsg::TokenCount(tokens)) => tokens,
            _ => TokenCount::default(),
        }
    }
}

#[cfg(test)]
mod tests;
