//! A thread as a conversation.
//!
//! Agents write each message twice (as an item of the model's history and as an event for the screen) and wrap it in
//! counters, settings and snapshots. [`Transcript`] takes line after line and tells what a person would want to read,
//! once; what it passes over is counted, not hidden.

use std::collections::VecDeque;

use serde::de::IgnoredAny;
use threadlog::item::typed::Typed;
use threadlog::item::{Oddities, Oddity, RolloutItem};

mod describe;
mod print;

#[cfg(test)]
mod tests;

pub use print::{Shortening, print};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    Person,
    /// The model, to the person.
    Agent,
    /// The model, to itself.
    Thought,
    /// The model, to a tool.
    Call,
    /// A tool's answer.
    Answer,
    /// What the program put into the conversation, and what happened to it.
    Event,
    /// What went wrong.
    Error,
}

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who speaks.
    pub speaker: Speaker,
    /// In a word or two: a tool's name, what happened.
    pub title: String,
    /// The text, as it was written; may be empty.
    pub body: String,
}

impl Entry {
    fn new(speaker: Speaker, title: impl Into<String>, body: impl Into<String>) -> Entry {
        Entry { speaker, title: title.into(), body: body.into() }
    }
}

/// How many of the last texts a repeated one is looked for among: the twin comes within a few lines.
const TWINS: usize = 6;

/// What has been told so far, as far as telling the rest needs it.
#[derive(Debug, Default)]
pub struct Transcript {
    recent: VecDeque<(Speaker, String)>,
    model: Option<String>,
    passed_over: u64,
}

impl Transcript {
    /// What this item tells, if anything.
    pub fn tell(&mut self, item: &RolloutItem) -> Option<Entry> {
        let entry = self.entry(item);
        if entry.is_none() {
            self.passed_over = self.passed_over.saturating_add(1);
        }
        entry
    }

    /// Items that told nothing: counters, settings, twins.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    fn entry(&mut self, item: &RolloutItem) -> Option<Entry> {
        let entry = match (item.typed(), item) {
            (Typed::TurnContext(context), _) => self.model_changed(context.model?)?,
            (Typed::Other, RolloutItem::Verbatim(bytes, oddities)) => odd(bytes, *oddities)?,
            (typed, _) => describe::entry(typed)?,
        };
        let is_message = matches!(entry.speaker, Speaker::Person | Speaker::Agent | Speaker::Thought);
        (!is_message || self.is_new(&entry)).then_some(entry)
    }

    fn model_changed(&mut self, model: String) -> Option<Entry> {
        if self.model.as_ref() == Some(&model) {
            return None;
        }
        let entry = Entry::new(Speaker::Event, format!("model {model}"), "");
        self.model = Some(model);
        Some(entry)
    }

    fn is_new(&mut self, entry: &Entry) -> bool {
        let text = (entry.speaker, entry.body.trim().to_owned());
        if self.recent.contains(&text) {
            return false;
        }
        if self.recent.len() == TWINS {
            self.recent.pop_front();
        }
        self.recent.push_back(text);
        true
    }
}

/// A line that nothing can be made of: what is odd about it, and how it begins. JSON of an unknown shape is not odd.
fn odd(bytes: &[u8], oddities: Oddities) -> Option<Entry> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.is_empty() || (serde_json::from_str::<IgnoredAny>(text).is_ok() && text.starts_with('{')) {
        return None;
    }
    let names = oddities.iter().map(Oddity::name).collect::<Vec<_>>().join(", ");
    Some(Entry::new(Speaker::Event, format!("odd line ({names})"), text))
}
