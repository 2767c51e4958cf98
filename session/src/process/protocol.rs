//! The lines that go to an agent's program and come from it. `docs/agents.md` describes them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use threadlog::ThreadId;
use threadlog::context::ContextItem;
use threadlog::item::Kind;
use threadlog::item::typed::TokenCount;
use threadlog::live::NewItem;
use threadlog::thread_store;

use crate::agent::Turn;
use crate::config::TurnSettings;
use crate::op::UserInput;

/// Rises when a field is renamed or changes its meaning; not when one is added.
const PROTOCOL: u32 = 1;

/// A line to the program.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToAgent<'a> {
    Turn(Box<TurnLine<'a>>),
    Flushed { request: u64 },
    Error { request: u64, message: String },
}

/// The first line: all that a turn needs.
#[derive(Serialize)]
pub(super) struct TurnLine<'a> {
    protocol: u32,
    thread_id: ThreadId,
    turn_id: &'a str,
    kind: &'static str,
    input: &'a [UserInput],
    settings: &'a TurnSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted_turn: Option<&'a str>,
    history: Vec<HistoryItem<'a>>,
}

#[derive(Serialize)]
struct HistoryItem<'a> {
    ordinal: u64,
    kind: &'a str,
    payload: &'a RawValue,
}

/// A line from the program.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Item,
    Message,
    Tokens,
    Show,
    Flush,
    TurnComplete,
    TurnFailed,
}

/// What a program says.
pub(super) enum FromAgent {
    Item { kind: Kind<'static>, payload: Box<RawValue>, metadata: Option<Box<RawValue>> },
    Message { text: String },
    Tokens(Tokens),
    Show { payload: Box<RawValue> },
    Flush { request: u64 },
    TurnComplete,
    TurnFailed { message: String },
}

/// Tokens used by the thread so far.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Tokens {
    total: u64,
    #[serde(default)]
    input: u64,
    #[serde(default)]
    cached_input: u64,
    #[serde(default)]
    output: u64,
    #[serde(default)]
    reasoning_output: u64,
}

impl ToAgent<'_> {
    /// The line, with its end.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The first line of a turn.
pub(super) fn turn(turn: &Turn) -> serde_json::Result<Vec<u8>> {
    let history = turn.history.items.iter().map(history_item).collect::<serde_json::Result<_>>()?;
    let line = TurnLine {
        protocol: PROTOCOL,
        thread_id: turn.thread_id,
        turn_id: &turn.turn_id,
        kind: turn.kind.name(),
        input: &turn.input,
        settings: &turn.settings,
        base_instructions: turn.base_instructions.as_deref(),
        tokens: turn.history.tokens.as_ref().map(|tokens| Tokens::of(tokens.totals())),
        interrupted_turn: turn.history.open_turn.as_ref().map(|open| open.id.as_deref().unwrap_or("")),
        history,
    };
    ToAgent::Turn(Box::new(line)).line()
}

fn history_item(item: &ContextItem) -> serde_json::Result<HistoryItem<'_>> {
    let payload = serde_json::from_slice(&item.payload)?;
    Ok(HistoryItem { ordinal: item.ordinal, kind: item.kind.text(), payload })
}

impl FromAgent {
    /// Reads a line. Fields of other names are passed over, other types are not.
    pub(super) fn read(line: &[u8]) -> serde_json::Result<FromAgent> {
        #[derive(Deserialize)]
        struct Item {
            kind: String,
            payload: Box<RawValue>,
            metadata: Option<Box<RawValue>>,
        }
        #[derive(Deserialize)]
        struct Payload {
            payload: Box<RawValue>,
        }
        #[derive(Deserialize)]
        struct Text {
            #[serde(alias = "message")]
            text: String,
        }
        #[derive(Deserialize)]
        struct Request {
            request: u64,
        }
        // The type first: what stands beside it is read as it is, bytes of payloads included.
        Ok(match serde_json::from_slice::<Tagged>(line)? {
            Tagged::Item => {
                let Item { kind, payload, metadata } = serde_json::from_slice(line)?;
                FromAgent::Item { kind: Kind::from_text(&kind).into_owned(), payload, metadata }
            }
            Tagged::Message => FromAgent::Message { text: serde_json::from_slice::<Text>(line)?.text },
            Tagged::Tokens => FromAgent::Tokens(serde_json::from_slice(line)?),
            Tagged::Show => FromAgent::Show { payload: serde_json::from_slice::<Payload>(line)?.payload },
            Tagged::Flush => FromAgent::Flush { request: serde_json::from_slice::<Request>(line)?.request },
            Tagged::TurnComplete => FromAgent::TurnComplete,
            Tagged::TurnFailed => FromAgent::TurnFailed { message: serde_json::from_slice::<Text>(line)?.text },
        })
    }
}

/// The item of these parts, byte for byte.
pub(super) fn item(
    kind: Kind<'static>,
    payload: &RawValue,
    metadata: Option<&RawValue>,
) -> thread_store::Result<NewItem> {
    let item = NewItem::from_json(kind, Bytes::copy_from_slice(payload.get().as_bytes()))?;
    match metadata {
        Some(metadata) => item.with_metadata(metadata),
        None => Ok(item),
    }
}

impl Tokens {
    fn of(count: TokenCount) -> Tokens {
        let TokenCount { total, input, cached_input, output, reasoning_output, .. } = count;
        Tokens { total, input, cached_input, output, reasoning_output }
    }

    pub(super) fn count(self) -> TokenCount {
        let Tokens { total, input, cached_input, output, reasoning_output } = self;
        TokenCount { known: true, total, input, cached_input, output, reasoning_output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_through_byte_for_byte() {
        let line = br#"{"payload": {"type":"x", "n": 1.50e0}, "kind":"response_item","type":"item","new":1}"#;
        let FromAgent::Item { kind, payload, metadata: None } = FromAgent::read(line).unwrap() else { panic!() };
        assert_eq!((kind, payload.get()), (Kind::ResponseItem, r#"{"type":"x", "n": 1.50e0}"#));
    }

    #[test]
    fn what_is_not_of_the_protocol_is_refused() {
        for line in [r#"{"type":"never_heard_of"}"#, r#"{"type":"item","kind":"x"}"#, r#"{"text":"x"}"#, "[]", "x"] {
            assert!(FromAgent::read(line.as_bytes()).is_err(), "{line}");
        }
    }
}
