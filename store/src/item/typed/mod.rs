//! Typed views of items, parsed on demand.
//!
//! They tolerate everything: unknown fields are ignored, a missing field or one of a wrong type is
//! absent, an item of an unknown shape is [`Typed::Other`]. Nothing of this is stored; the bytes of the
//! item stay the truth.

mod event;
mod meta;
mod response;

pub use event::{EventMsg, TokenCount, UserMessage};
pub use meta::{Git, SessionMeta, TurnContext};
pub use response::{ResponseItem, without_session_prefix};

use crate::item::json::Object;
use crate::item::{Kind, Timestamp};

/// What an item says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// How the session started. Also the first line of the format without envelopes.
    SessionMeta(Box<SessionMeta>),
    /// Settings of a turn.
    TurnContext(Box<TurnContext>),
    /// An item of the model's API. Also the bare items of the format without envelopes.
    Response(ResponseItem),
    /// An event.
    Event(EventMsg),
    /// A compaction: its message, and how many items the history was replaced by.
    Compacted {
        /// The summary; often empty.
        message: String,
        /// Length of the replacement history, if there is one.
        replacement_items: Option<u64>,
    },
    /// `{"record_type":"state"}` of the format without envelopes.
    State,
    /// Anything else.
    Other,
}

impl Typed {
    /// Reads the payload of an enveloped line.
    #[must_use]
    pub fn of_payload(kind: &Kind<'_>, payload: &[u8]) -> Typed {
        let Some(object) = Object::parse(payload) else { return Typed::Other };
        match kind {
            Kind::SessionMeta => Typed::SessionMeta(Box::new(SessionMeta::read(&object))),
            Kind::TurnContext => Typed::TurnContext(Box::new(TurnContext::read(&object))),
            Kind::ResponseItem => Typed::Response(ResponseItem::read(&object)),
            Kind::EventMsg => Typed::Event(EventMsg::read(&object)),
            Kind::Compacted => Typed::Compacted {
                message: object.full_text("message").unwrap_or_default(),
                replacement_items: object
                    .raw("replacement_history")
                    .filter(|raw| raw.starts_with('['))
                    .map(|_| threadlog_engine::number::wide(object.list("replacement_history").len())),
            },
            _ => Typed::Other,
        }
    }

    /// Reads a line without envelope.
    fn of_bare(object: &Object<'_>) -> Typed {
        let has = |key| object.raw(key).is_some();
        if has("record_type") {
            Typed::State
        } else if has("type") {
            Typed::Response(ResponseItem::read(object))
        } else if has("id") && has("timestamp") && object.text("id").is_some() {
            Typed::SessionMeta(Box::new(SessionMeta::read(object)))
        } else {
            Typed::Other
        }
    }
}

/// A line that is not canonical, read as well as can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lenient {
    /// When the line was written, if it says so.
    pub timestamp: Option<Timestamp>,
    /// Its `type`, if it has an envelope after all.
    pub kind: Option<Kind<'static>>,
    /// What it says.
    pub typed: Typed,
}

impl Lenient {
    /// Reads a line: an envelope in any form, or a bare object. A byte-order mark, NUL bytes at either
    /// end and white space around it are passed over.
    #[must_use]
    pub fn read(line: &[u8]) -> Lenient {
        let nothing = Lenient { timestamp: None, kind: None, typed: Typed::Other };
        let Some(object) = Object::parse(trim(line)) else { return nothing };
        let timestamp = object.text("timestamp").and_then(|text| Timestamp::parse_any(&text));
        match object.envelope() {
            Some((kind, payload)) => {
                let kind = Kind::from_text(&kind).into_owned();
                let typed = Typed::of_payload(&kind, payload.as_bytes());
                Lenient { timestamp, kind: Some(kind), typed }
            }
            None => Lenient { timestamp, kind: None, typed: Typed::of_bare(&object) },
        }
    }
}

pub(crate) fn trim(line: &[u8]) -> &[u8] {
    let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let start = line.iter().position(|byte| !is_padding(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_padding(byte)).map_or(start, |last| last + 1);
    line.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
