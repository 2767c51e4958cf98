//! The items that a session writes by itself, in the shapes that Codex writes.

use serde_json::{Value, json};
use threadlog::item::typed::TokenCount;
use threadlog::item::{Kind, RolloutItem};
use threadlog::live::NewItem;
use threadlog::thread_store::Result;

use crate::config::TurnSettings;
use crate::op::UserInput;

/// What a turn interrupted leaves for the model to read.
const INTERRUPTED: &str = "<turn_aborted>\nThe user interrupted the turn above. Tools that it called may have done part \
    of their work: look before you go on.\n</turn_aborted>";

/// Events that only the session itself may write: they say where turns begin and end.
const OWN_EVENTS: [&str; 7] = [
    "task_started",
    "turn_started",
    "task_complete",
    "turn_complete",
    "turn_aborted",
    "thread_rolled_back",
    "user_message",
];

/// The start of a turn that only the program wants.
pub(crate) fn turn_started(turn_id: &str) -> Result<Vec<NewItem>> {
    let started = json!({"type": "task_started", "turn_id": turn_id, "model_context_window": null});
    Ok(vec![NewItem::event(&started)?])
}

/// The start of a turn that a user wants: its settings, and what the user says, for the model and for people.
pub(crate) fn user_turn(turn_id: &str, settings: &TurnSettings, input: &[UserInput]) -> Result<Vec<NewItem>> {
    let mut items = turn_started(turn_id)?;
    items.push(NewItem::new(Kind::TurnContext, &turn_context(turn_id, settings))?);
    let content: Vec<Value> = input
        .iter()
        .map(|part| match part {
            UserInput::Text { text } => json!({"type": "input_text", "text": text}),
            UserInput::Image { image_url } => json!({"type": "input_image", "image_url": image_url}),
        })
        .collect();
    items.push(NewItem::response(&json!({"type": "message", "role": "user", "content": content}))?);
    let texts: Vec<&str> = input.iter().filter_map(|part| part.text()).collect();
    let images: Vec<&str> = input.iter().filter_map(|part| part.image_url()).collect();
    let message = json!({"type": "user_message", "message": texts.join("\n"), "images": images});
    items.push(NewItem::event(&message)?);
    Ok(items)
}

/// Codex refuses a line without directory, policies, model and summary, so they are there even when nothing states them.
fn turn_context(turn_id: &str, settings: &TurnSettings) -> Value {
    let text = |value: &Option<String>, otherwise: &str| value.clone().unwrap_or_else(|| otherwise.to_owned());
    let mut context = json!({
        "turn_id": turn_id,
        "cwd": text(&settings.cwd, ""),
        "approval_policy": text(&settings.approval_policy, "on-request"),
        "sandbox_policy": {"type": text(&settings.sandbox, "read-only")},
        "model": text(&settings.model, ""),
        "summary": "auto",
    });
    if let (Some(effort), Some(object)) = (&settings.effort, context.as_object_mut()) {
        object.insert("effort".to_owned(), Value::from(effort.as_str()));
    }
    context
}

/// The end of a turn that went well.
pub(crate) fn turn_complete(turn_id: &str, last_agent_message: Option<&str>) -> Result<Vec<NewItem>> {
    let complete = json!({"type": "task_complete", "turn_id": turn_id, "last_agent_message": last_agent_message});
    Ok(vec![NewItem::event(&complete)?])
}

/// The end of a turn that the user interrupted, with a note to the model.
pub(crate) fn turn_interrupted(turn_id: &str) -> Result<Vec<NewItem>> {
    let note = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": INTERRUPTED}]});
    let aborted = json!({"type": "turn_aborted", "turn_id": turn_id, "reason": "interrupted"});
    Ok(vec![NewItem::response(&note)?, NewItem::event(&aborted)?])
}

/// The end of a turn that failed. Codex knows no reason for that and would not read the line; `error` says it.
pub(crate) fn turn_failed(turn_id: &str, error: &str) -> Result<Vec<NewItem>> {
    let failed = json!({"type": "error", "message": error});
    let aborted = json!({"type": "turn_aborted", "turn_id": turn_id, "reason": "interrupted", "error": error});
    Ok(vec![NewItem::event(&failed)?, NewItem::event(&aborted)?])
}

/// What the agent says, for the model and for people.
pub(crate) fn agent_message(text: &str) -> Result<Vec<NewItem>> {
    let content = json!([{"type": "output_text", "text": text}]);
    let response = json!({"type": "message", "role": "assistant", "content": content});
    let event = json!({"type": "agent_message", "message": text});
    Ok(vec![NewItem::response(&response)?, NewItem::event(&event)?])
}

/// Tokens used by the thread so far.
pub(crate) fn token_count(total: TokenCount) -> Result<Vec<NewItem>> {
    let TokenCount { total: total_tokens, input, cached_input, output, reasoning_output, .. } = total;
    let usage = json!({
        "input_tokens": input,
        "cached_input_tokens": cached_input,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning_output,
        "total_tokens": total_tokens,
    });
    Ok(vec![NewItem::event(&json!({"type": "token_count", "info": {"total_token_usage": usage}}))?])
}

/// A summary in place of the model's history; `replacement` is the history from now on, if it is given.
pub(crate) fn compacted(summary: &str, replacement: Option<&[Value]>) -> Result<Vec<NewItem>> {
    let mut payload = json!({"message": summary});
    if let (Some(items), Some(object)) = (replacement, payload.as_object_mut()) {
        object.insert("replacement_history".to_owned(), Value::from(items));
    }
    Ok(vec![NewItem::new(Kind::Compacted, &payload)?])
}

/// What an agent may not write, and why: `None` if it may.
pub(crate) fn forbidden(item: &RolloutItem) -> Option<&'static str> {
    let RolloutItem::Enveloped { kind, payload, .. } = item else {
        return Some("it is no item of a rollout");
    };
    match kind {
        Kind::SessionMeta => Some("what a thread began with is the session's to say"),
        Kind::EventMsg if event_name(payload).is_some_and(|name| OWN_EVENTS.contains(&name.as_str())) => {
            Some("where turns begin and end, and what the user says, is the session's to say")
        }
        _ => None,
    }
}

/// The `type` of an event's payload.
fn event_name(payload: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "type")]
        name: String,
    }
    serde_json::from_slice::<Named>(payload).ok().map(|named| named.name)
}

impl UserInput {
    fn text(&self) -> Option<&str> {
        match self {
            UserInput::Text { text } => Some(text),
            UserInput::Image { .. } => None,
        }
    }

    fn image_url(&self) -> Option<&str> {
        match self {
            UserInput::Text { .. } => None,
            UserInput::Image { image_url } => Some(image_url),
        }
    }
}
