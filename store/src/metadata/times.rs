//! Counts and times of items.

use serde::{Deserialize, Serialize};

use super::place::At;
use super::register::First;
use crate::item::Timestamp;

/// Sums and extremes over a thread's items.
///
/// Times are extremes of what the lines state, not by ordinal: a machine whose clock went back must
/// not make a thread look older than it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) items: u64,
    /// The ordinal behind the last item's.
    end: u64,
    turns_started: u64,
    pub(super) user_messages: u64,
    pub(super) first: First<Timestamp>,
    pub(super) last: Option<Timestamp>,
    last_turn: Option<Timestamp>,
    last_message: Option<Timestamp>,
}

impl Tally {
    pub(super) fn item(&mut self, at: At) {
        self.items += 1;
        self.end = self.end.max(at.ordinal.saturating_add(1));
        if let Some(time) = at.time {
            self.first.state(at.ordinal, time);
        }
        self.last = self.last.max(at.time);
    }

    pub(super) fn turn(&mut self, at: At) {
        self.turns_started += 1;
        self.last_turn = self.last_turn.max(at.time);
    }

    pub(super) fn message(&mut self, at: At) {
        self.user_messages += 1;
        self.last_message = self.last_message.max(at.time);
    }

    /// The ordinal behind the last item's: what is added later has this one or a higher one.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Turns begun. Files from before there was an event for it have one turn per user message.
    pub(super) fn turns(&self) -> u64 {
        if self.turns_started > 0 { self.turns_started } else { self.user_messages }
    }

    /// When the last turn began.
    pub(super) fn last_turn(&self) -> Option<Timestamp> {
        self.last_turn.or(self.last_message)
    }

    pub(super) fn join(&mut self, other: Tally) {
        self.items += other.items;
        self.end = self.end.max(other.end);
        self.turns_started += other.turns_started;
        self.user_messages += other.user_messages;
        self.first.join(other.first);
        self.last = self.last.max(other.last);
        self.last_turn = self.last_turn.max(other.last_turn);
        self.last_message = self.last_message.max(other.last_message);
    }
}
