//! What of an item is searched.

use serde::Serialize;
use serde_json::Value;

use crate::item::json::Object;
use crate::item::typed::{EventMsg, ResponseItem, Typed, without_session_prefix};
use crate::item::{Kind, RolloutItem};

/// What sort of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextKind {
    /// What was said to the model or by it.
    Message,
    /// What a tool was asked: its name, and the texts in its arguments (a command's words with blanks between them).
    Call,
    /// What a tool answered.
    Output,
    /// What the model thought, where that is open.
    Reasoning,
    /// What a compaction says of the history that it replaced.
    Summary,
}

impl TextKind {
    /// All of them, in this order.
    pub const ALL: [TextKind; 5] =
        [TextKind::Message, TextKind::Call, TextKind::Output, TextKind::Reasoning, TextKind::Summary];
    /// Those that are searched unless told otherwise.
    pub const DEFAULT: [TextKind; 2] = [TextKind::Message, TextKind::Call];

    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TextKind::Message => "message",
            TextKind::Call => "call",
            TextKind::Output => "output",
            TextKind::Reasoning => "reasoning",
            TextKind::Summary => "summary",
        }
    }
}

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Speaker {
    /// A user, in their own words.
    User,
    /// The model.
    Assistant,
    /// Another agent.
    Agent,
    /// The program: instructions, and what it tells the model of its surroundings.
    Program,
}

impl Speaker {
    /// All of them, in this order.
    pub const ALL: [Speaker; 4] = [Speaker::User, Speaker::Assistant, Speaker::Agent, Speaker::Program];

    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::Agent => "agent",
            Speaker::Program => "program",
        }
    }
}

/// An item's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ItemText {
    pub(super) kind: TextKind,
    /// Of a message.
    pub(super) speaker: Option<Speaker>,
    /// Of a call.
    pub(super) tool: Option<String>,
    pub(super) text: String,
    /// Whether it is an event, beside which the model's own item stands.
    pub(super) event: bool,
}

impl ItemText {
    /// The text of an item; `None` if it has none that is ever searched.
    pub(super) fn of(item: &RolloutItem) -> Option<ItemText> {
        match item.typed() {
            Typed::Response(response) => of_response(response),
            Typed::Event(event) => of_event(event),
            Typed::Compacted { message, .. } => Some(plain(TextKind::Summary, message)),
            _ => of_agents(item),
        }
        .filter(|found| !found.text.is_empty())
    }
}

fn plain(kind: TextKind, text: String) -> ItemText {
    ItemText { kind, speaker: None, tool: None, text, event: false }
}

fn message(speaker: Speaker, text: String, event: bool) -> ItemText {
    ItemText { kind: TextKind::Message, speaker: Some(speaker), tool: None, text, event }
}

fn of_response(response: ResponseItem) -> Option<ItemText> {
    Some(match response {
        ResponseItem::Message { role, text } => {
            let speaker = match role.as_str() {
                "assistant" => Speaker::Assistant,
                "user" if without_session_prefix(&text).is_some() => Speaker::User,
                _ => Speaker::Program,
            };
            message(speaker, text, false)
        }
        ResponseItem::Reasoning(text) => plain(TextKind::Reasoning, text),
        ResponseItem::ToolCall { name, input, .. } => {
            let text = format!("{name}\n{}", arguments(input));
            ItemText { tool: Some(name), ..plain(TextKind::Call, text) }
        }
        ResponseItem::ToolOutput { output, .. } => plain(TextKind::Output, output),
        ResponseItem::Other(_) => return None,
    })
}

fn of_event(event: EventMsg) -> Option<ItemText> {
    Some(match event {
        EventMsg::UserMessage(user) => message(Speaker::User, user.text, true),
        EventMsg::AgentMessage(text) => message(Speaker::Assistant, text, true),
        EventMsg::AgentReasoning(text) => ItemText { event: true, ..plain(TextKind::Reasoning, text) },
        _ => return None,
    })
}

/// A message between agents.
fn of_agents(item: &RolloutItem) -> Option<ItemText> {
    let RolloutItem::Enveloped { kind: Kind::InterAgentCommunication, payload, .. } = item else { return None };
    Some(message(Speaker::Agent, Object::parse(payload)?.full_text("content")?, false))
}

/// The texts in arguments that are JSON: what a person would read there, without the quotation marks.
fn arguments(input: String) -> String {
    if !input.starts_with(['{', '[']) {
        return input;
    }
    let Ok(value) = serde_json::from_str::<Value>(&input) else { return input };
    let mut texts = String::new();
    gather(&value, "\n", &mut texts);
    texts
}

fn gather(value: &Value, between: &str, texts: &mut String) {
    let mut add = |text: &str| {
        if !texts.is_empty() {
            texts.push_str(between);
        }
        texts.push_str(text);
    };
    match value {
        Value::String(text) => add(text),
        Value::Number(number) => add(&number.to_string()),
        // The words of a command.
        Value::Array(values) => {
            let mut words = String::new();
            values.iter().for_each(|value| gather(value, " ", &mut words));
            add(&words);
        }
        Value::Object(fields) => fields.values().for_each(|value| gather(value, between, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}
