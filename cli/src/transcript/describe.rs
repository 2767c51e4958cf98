//! What one item tells a person.

use serde_json::Value;
use threadlog::item::typed::{EventMsg, ResponseItem, Typed, UserMessage, without_session_prefix};

use super::{Entry, Speaker};

/// What the item tells, or `None` for counters, settings, snapshots and the like.
pub fn entry(item: Typed) -> Option<Entry> {
    match item {
        Typed::Response(item) => response(item),
        Typed::Event(event) => happened(event),
        Typed::Compacted { message, .. } => Some(Entry::new(Speaker::Event, "history compacted", message)),
        Typed::SessionMeta(_) | Typed::TurnContext(_) | Typed::State | Typed::Other => None,
    }
}

fn response(item: ResponseItem) -> Option<Entry> {
    match item {
        ResponseItem::Message { role, text } => Some(message(&role, text)),
        // Most of the thinking is encrypted, and leaves nothing to read.
        ResponseItem::Reasoning(text) if text.trim().is_empty() => None,
        ResponseItem::Reasoning(text) => Some(Entry::new(Speaker::Thought, "", text)),
        ResponseItem::ToolCall { name, input, .. } => {
            let command = parsed(&input).as_ref().and_then(command);
            Some(Entry::new(Speaker::Call, name, command.unwrap_or(input)))
        }
        ResponseItem::ToolOutput { output, .. } => {
            let text = parsed(&output).as_ref().and_then(answer);
            Some(Entry::new(Speaker::Answer, "", text.unwrap_or(output)))
        }
        ResponseItem::Other(_) => None,
    }
}

fn message(role: &str, text: String) -> Entry {
    match role {
        "assistant" => Entry::new(Speaker::Agent, "", text),
        "user" if without_session_prefix(&text).is_some() => Entry::new(Speaker::Person, "", text),
        // Instructions and surroundings: long, and the same in every thread.
        _ => Entry::new(Speaker::Event, format!("context for the model ({} characters)", text.chars().count()), ""),
    }
}

fn happened(event: EventMsg) -> Option<Entry> {
    let event_of = |title: String| Some(Entry::new(Speaker::Event, title, ""));
    match event {
        EventMsg::UserMessage(message) => Some(Entry::new(Speaker::Person, "", with_images(message))),
        EventMsg::AgentMessage(text) => Some(Entry::new(Speaker::Agent, "", text)),
        EventMsg::AgentReasoning(text) => Some(Entry::new(Speaker::Thought, "", text)),
        EventMsg::Error(text) => Some(Entry::new(Speaker::Error, "", text)),
        EventMsg::TurnAborted(reason) => event_of(match reason {
            Some(reason) => format!("turn aborted: {reason}"),
            None => "turn aborted".to_owned(),
        }),
        EventMsg::ThreadRolledBack(turns) => {
            event_of(format!("rolled back by {turns} {}", if turns == 1 { "turn" } else { "turns" }))
        }
        EventMsg::ThreadNameUpdated(name) => event_of(format!("renamed to {name}")),
        EventMsg::TokenCount(_) | EventMsg::TurnStarted | EventMsg::TurnComplete(_) | EventMsg::Other(_) => None,
    }
}

fn with_images(message: UserMessage) -> String {
    let mut text = message.text;
    for _ in 0..message.images {
        text.push_str(if text.is_empty() { "[Image]" } else { "\n[Image]" });
    }
    text
}

/// Text that is a JSON object or list, parsed.
fn parsed(text: &str) -> Option<Value> {
    let structured = text.trim_start().starts_with(['{', '[']);
    structured.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The command line in a call's `command` or `cmd`, as text or as a list of words; of `bash -lc SCRIPT`, the script.
fn command(arguments: &Value) -> Option<String> {
    let command = arguments.get("command").or_else(|| arguments.get("cmd"))?;
    if let Some(line) = command.as_str() {
        return Some(line.to_owned());
    }
    let words: Vec<&str> = command.as_array()?.iter().filter_map(Value::as_str).collect();
    match words.as_slice() {
        [_, "-lc" | "-c", script] => Some((*script).to_owned()),
        _ => Some(words.join(" ")),
    }
}

/// The text in a tool's structured answer: `output`, or the texts of content parts.
fn answer(output: &Value) -> Option<String> {
    let parts = output.as_array().or_else(|| output.get("content").and_then(Value::as_array));
    let text = |value: &Value, field| value.get(field).and_then(Value::as_str).map(str::to_owned);
    match parts {
        None => text(output, "output").or_else(|| text(output, "content")),
        Some(parts) => {
            let texts: Vec<String> = parts.iter().filter_map(|part| text(part, "text")).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
    }
}
