//! The first words of a thread: what its title and its preview are made of.

use serde::{Deserialize, Serialize};

use super::register::First;
use crate::item::typed::{UserMessage, without_session_prefix};

/// Longest text kept, in bytes; the item has all of it.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// What stands for a message of images only.
const IMAGE: &str = "[Image]";

/// First words of user and goal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Words {
    /// The first message with words.
    message: First<String>,
    /// The first message of images only.
    image: First<()>,
    /// The first goal.
    goal: First<String>,
    /// The first message with words in the format without envelopes, which has no events.
    bare: First<String>,
}

impl Words {
    /// Whether a message of this ordinal could change anything.
    pub(super) fn wants_message(&self, ordinal: u64) -> bool {
        self.message.is_open(ordinal) || self.image.is_open(ordinal)
    }

    /// Takes in what a user wrote.
    pub(super) fn message(&mut self, ordinal: u64, message: &UserMessage) {
        match message.own_words() {
            "" if message.images == 0 => {}
            "" => self.image.state(ordinal, ()),
            words => self.message.state(ordinal, cut(words)),
        }
    }

    /// Takes in a message of the user's role in the format without envelopes; says whether it is the user's own.
    pub(super) fn bare(&mut self, ordinal: u64, text: &str) -> bool {
        let message = UserMessage { text: without_session_prefix(text).unwrap_or_default().to_owned(), images: 0 };
        let words = message.own_words();
        if !words.is_empty() {
            self.bare.state(ordinal, cut(words));
        }
        !words.is_empty()
    }

    /// Whether a goal of this ordinal could change anything.
    pub(super) fn wants_goal(&self, ordinal: u64) -> bool {
        self.goal.is_open(ordinal)
    }

    /// Takes in the objective of a goal.
    pub(super) fn goal(&mut self, ordinal: u64, objective: &str) {
        let objective = objective.trim();
        if !objective.is_empty() {
            self.goal.state(ordinal, cut(objective));
        }
    }

    /// What was said before this ordinal.
    pub(super) fn until(&self, end: u64) -> Words {
        let Words { message, image, goal, bare } = self;
        Words { message: message.until(end), image: image.until(end), goal: goal.until(end), bare: bare.until(end) }
    }

    pub(super) fn join(&mut self, other: Words) {
        self.message.join(other.message);
        self.image.join(other.image);
        self.goal.join(other.goal);
        self.bare.join(other.bare);
    }

    /// The first message of either sort, with its ordinal.
    fn first(&self) -> Option<(u64, &str)> {
        let message = self.message.ordinal().zip(self.message.get().map(String::as_str));
        let image = self.image.ordinal().map(|ordinal| (ordinal, IMAGE));
        message.into_iter().chain(image).min()
    }

    pub(super) fn first_user_message(&self) -> Option<&str> {
        self.first().map(|(_, text)| text)
    }

    /// The first words without pictures.
    pub(super) fn title(&self) -> Option<&str> {
        self.message.get().or_else(|| self.bare.get()).map(String::as_str)
    }

    /// The first goal or message, whichever came first.
    pub(super) fn preview(&self) -> Option<&str> {
        let goal = self.goal.ordinal().zip(self.goal.get().map(String::as_str));
        let first = self.first().into_iter().chain(goal).min();
        first.map(|(_, text)| text).or_else(|| self.bare.get().map(String::as_str))
    }
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text).to_owned()
}
