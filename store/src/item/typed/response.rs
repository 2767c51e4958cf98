//! Items of the model's API.

use crate::item::json::{self, Object};

/// `response_item`, or a bare item of the format without envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseItem {
    /// A message.
    Message {
        /// "user", "assistant", "developer".
        role: String,
        /// Its texts, one after another; images as `[Image]`.
        text: String,
    },
    /// The model's thinking: its summary, or its text where that is open.
    Reasoning(String),
    /// The model calls a tool (`function_call`, `custom_tool_call`, `local_shell_call`).
    ToolCall {
        /// Which tool.
        name: String,
        /// Its input: arguments as JSON text, or free text.
        input: String,
        /// Which output belongs to it.
        call_id: Option<String>,
    },
    /// What the tool said.
    ToolOutput {
        /// Which call it answers.
        call_id: Option<String>,
        /// The output as text; as JSON if it is no text.
        output: String,
    },
    /// Any other, by its `type`.
    Other(String),
}

impl ResponseItem {
    pub(super) fn read(object: &Object<'_>) -> ResponseItem {
        let text = |key| object.text(key).unwrap_or_default().into_owned();
        let kind = text("type");
        match kind.as_str() {
            "message" => ResponseItem::Message { role: text("role"), text: parts(object, "content") },
            "reasoning" => {
                let summary = parts(object, "summary");
                ResponseItem::Reasoning(if summary.is_empty() { parts(object, "content") } else { summary })
            }
            "function_call" => call(object, object.full_text("name"), "arguments"),
            "custom_tool_call" => call(object, object.full_text("name"), "input"),
            "local_shell_call" => call(object, Some("local_shell".to_owned()), "action"),
            "function_call_output" | "custom_tool_call_output" => ResponseItem::ToolOutput {
                call_id: object.full_text("call_id"),
                output: text_or_json(object, "output"),
            },
            _ => ResponseItem::Other(kind),
        }
    }
}

fn call(object: &Object<'_>, name: Option<String>, input: &str) -> ResponseItem {
    ResponseItem::ToolCall {
        name: name.unwrap_or_default(),
        input: text_or_json(object, input),
        call_id: object.full_text("call_id"),
    }
}

/// A string's content, or any other value as its JSON text.
fn text_or_json(object: &Object<'_>, key: &str) -> String {
    let raw = object.raw(key).unwrap_or_default();
    json::text(raw).map_or_else(|| raw.to_owned(), |text| text.into_owned())
}

/// The texts of a list of `{"type":…,"text":…}`.
fn parts(object: &Object<'_>, key: &str) -> String {
    let mut texts = Vec::new();
    for part in object.list(key) {
        let Some(part) = Object::parse(part.as_bytes()) else { continue };
        if let Some(text) = part.text("text") {
            texts.push(text.into_owned());
        } else if part.text("type").is_some_and(|kind| kind.contains("image")) {
            texts.push("[Image]".to_owned());
        }
    }
    texts.join("\n")
}

/// A user message's text, unless it is one of those that the program itself puts before the user's.
#[must_use]
pub fn without_session_prefix(text: &str) -> Option<&str> {
    const PREFIXES: [&str; 5] = [
        "<user_instructions>",
        "<environment_context>",
        "<user_shell_command>",
        "<turn_aborted>",
        "# AGENTS.md instructions",
    ];
    let text = text.trim();
    let own = !text.is_empty() && !PREFIXES.iter().any(|prefix| text.starts_with(prefix));
    own.then_some(text)
}
