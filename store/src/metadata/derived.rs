//! What the items say, item by item.

use std::borrow::Cow;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::place::At;
use super::register::Latest;
use super::session::Sessions;
use super::settings::Settings;
use super::times::Tally;
use super::words::Words;
use crate::item::json::Object;
use crate::item::typed::{EventMsg, Lenient, ResponseItem, SessionMeta, Typed, trim};
use crate::item::{Kind, RolloutItem, Timestamp};
use crate::thread::ThreadId;

/// Facts derived from items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Derived {
    pub(super) sessions: Sessions,
    pub(super) settings: Settings,
    pub(super) words: Words,
    pub(super) name: Latest<String>,
    pub(super) tokens: Latest<u64>,
    pub(super) tally: Tally,
}

impl Derived {
    pub(super) fn item(&mut self, thread: ThreadId, ordinal: u64, clock: u64, item: &RolloutItem) {
        match item {
            RolloutItem::Enveloped { timestamp, kind, payload, .. } => {
                self.enveloped(thread, At { ordinal, clock, time: Some(*timestamp) }, kind, payload);
            }
            RolloutItem::Verbatim(bytes, _) => self.verbatim(thread, At { ordinal, clock, time: None }, bytes),
        }
    }

    fn enveloped(&mut self, thread: ThreadId, at: At, kind: &Kind<'_>, payload: &[u8]) {
        self.tally.item(at);
        match kind {
            Kind::SessionMeta => {
                if let Some(object) = Object::parse(payload) {
                    self.sessions.meta(thread, at, SessionMeta::without_instructions(&object), &object);
                }
            }
            Kind::TurnContext if self.settings.wants_turn(at.ordinal) => {
                if let Some(turn) = Object::parse(payload) {
                    self.settings.turn(at, &turn);
                }
            }
            Kind::EventMsg => self.event(at, payload),
            _ => {}
        }
    }

    fn event(&mut self, at: At, payload: &[u8]) {
        let ordinal = at.ordinal;
        match event_type(payload).as_deref().unwrap_or_default() {
            "task_started" | "turn_started" => self.tally.turn(at),
            "user_message" => {
                self.tally.message(at);
                if self.words.wants_message(ordinal) {
                    self.event_parsed(at, payload);
                }
            }
            // Most completed items are tool output, which may be long.
            "item_completed" if memmem::find(payload, b"UserMessage").is_some() => {
                if matches!(self.event_parsed(at, payload), Some(EventMsg::UserMessage(_))) {
                    self.tally.message(at);
                }
            }
            "token_count" if self.tokens.is_open(ordinal) => drop(self.event_parsed(at, payload)),
            "thread_name_updated" if self.name.is_open(ordinal) => drop(self.event_parsed(at, payload)),
            "thread_settings_applied" => {
                if let Some(settings) = Object::parse(payload).and_then(|event| event.object("thread_settings")) {
                    self.settings.applied(at, &settings);
                }
            }
            "thread_goal_updated" if self.words.wants_goal(ordinal) => {
                let goal = Object::parse(payload).and_then(|event| event.object("goal"));
                self.words.goal(ordinal, goal.and_then(|goal| goal.text("objective")).as_deref().unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Takes an event in by its typed view, and returns it.
    fn event_parsed(&mut self, at: At, payload: &[u8]) -> Option<EventMsg> {
        let Typed::Event(event) = Typed::of_payload(&Kind::EventMsg, payload) else { return None };
        match &event {
            EventMsg::UserMessage(message) => self.words.message(at.ordinal, message),
            EventMsg::TokenCount(tokens) if tokens.known => self.tokens.state(at.ordinal, at.clock, tokens.total),
            EventMsg::ThreadNameUpdated(name) => {
                at.state(&mut self.name, Some(name.trim().to_owned()).filter(|name| !name.is_empty()));
            }
            _ => {}
        }
        Some(event)
    }

    /// A line that is not canonical: an envelope in another form, a bare object, or nothing readable.
    fn verbatim(&mut self, thread: ThreadId, at: At, bytes: &[u8]) {
        let Some(object) = Object::parse(trim(bytes)) else { return self.tally.item(at) };
        if let Some((kind, payload)) = object.envelope() {
            let time = object.text("timestamp").and_then(|text| Timestamp::parse_any(&text));
            return self.enveloped(thread, At { time, ..at }, &Kind::from_text(&kind), payload.as_bytes());
        }
        self.tally.item(at);
        let is_item = object.raw("type").is_some();
        if is_item && object.text("role").as_deref() != Some("user") {
            return;
        }
        match Lenient::read(bytes).typed {
            Typed::SessionMeta(meta) => self.sessions.meta(thread, at, *meta, &object),
            Typed::Response(ResponseItem::Message { text, .. }) if self.words.bare(at.ordinal, &text) => {
                self.tally.message(at);
            }
            _ => {}
        }
    }

    pub(super) fn join(&mut self, other: Derived) {
        self.sessions.join(other.sessions);
        self.settings.join(other.settings);
        self.words.join(other.words);
        self.name.join(other.name);
        self.tokens.join(other.tokens);
        self.tally.join(other.tally);
    }
}

/// The `type` of an event, which stands first in practice, so that the rest need not be parsed.
fn event_type(payload: &[u8]) -> Option<Cow<'_, str>> {
    const START: &[u8] = br#"{"type":""#;
    let plain = payload.strip_prefix(START).and_then(|rest| {
        let name = rest.get(..memchr::memchr2(b'"', b'\\', rest)?)?;
        (rest.get(name.len()) == Some(&b'"')).then_some(name)
    });
    match plain {
        Some(name) => str::from_utf8(name).ok().map(Cow::Borrowed),
        None => Object::parse(payload)?.text("type"),
    }
}
