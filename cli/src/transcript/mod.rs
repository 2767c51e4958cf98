//! A thread as a conversation.
//!
//! Agents write each message twice (as an item of the model's history and as an event for the screen) and wrap it in
//! counters, settings and snapshots. [`Transcript`] takes line after line and tells what a person would want to read,
//! once; what it passes over is counted, not hidden. Whoever says the same again is told again.

use std::collections::VecDeque;

use serde::Deserialize;
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

/// How many of the last texts a twin is looked for among: it comes within a few lines.
const TWINS: usize = 6;

/// A text that was told, and the forms in which it came.
#[derive(Debug)]
struct Told {
    speaker: Speaker,
    text: String,
    forms: Vec<String>,
}

/// What has been told so far, as far as telling the rest needs it.
#[derive(Debug, Default)]
pub struct Transcript {
    recent: VecDeque<Told>,
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
        (!is_message || self.is_new(&entry, form(item))).then_some(entry)
    }

    fn model_changed(&mut self, model: String) -> Option<Entry> {
        if self.model.as_ref() == Some(&model) {
            return None;
        }
        let entry = Entry::new(Speaker::Event, format!("model {model}"), "");
        self.model = Some(model);
        Some(entry)
    }

    /// Whether this is no twin. Of twins each is of another form: the same words in the same form were said again.
    fn is_new(&mut self, entry: &Entry, form: String) -> bool {
        let text = entry.body.trim();
        let is_twin =
            |told: &&mut Told| told.speaker == entry.speaker && told.text == text && !told.forms.contains(&form);
        if let Some(told) = self.recent.iter_mut().rev().find(is_twin) {
            told.forms.push(form);
            return false;
        }
        if self.recent.len() == TWINS {
            self.recent.pop_front();
        }
        self.recent.push_back(Told { speaker: entry.speaker, text: text.to_owned(), forms: vec![form] });
        true
    }
}

/// In which form an item says what it says: the `type` of its payload.
fn form(item: &RolloutItem) -> String {
    #[derive(Default, Deserialize)]
    struct Payload {
        #[serde(rename = "type")]
        name: Option<String>,
    }
    #[derive(Default, Deserialize)]
    struct Line {
        #[serde(rename = "type")]
        name: Option<String>,
        payload: Option<Payload>,
    }
    let name = match item {
        RolloutItem::Enveloped { payload, .. } => {
            serde_json::from_slice::<Payload>(payload).ok().and_then(|it| it.name)
        }
        RolloutItem::Verbatim(line, _) => {
            let line: Line = serde_json::from_slice(line).unwrap_or_default();
            line.payload.and_then(|payload| payload.name).or(line.name)
        }
    };
    name.unwrap_or_default()
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
