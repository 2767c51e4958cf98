//! Threads are written as words, one for each item; see [`item`].

use super::*;
use crate::item::RolloutItem;
use crate::item::typed::ResponseItem;

mod faults;
mod oracle;
mod pages;
mod reading;
mod rollbacks;
mod settings;
mod turn_lists;

/// An item from a word `SORT:TEXT`.
fn item(word: &str) -> RolloutItem {
    let (sort, text) = word.split_once(':').unwrap_or((word, ""));
    let id = if text.is_empty() { String::new() } else { format!(",\"turn_id\":\"{text}\"") };
    let message = |role: &str, text: &str| {
        format!(
            "{{\"type\":\"message\",\"role\":\"{role}\",\"content\":[{{\"type\":\"input_text\",\"text\":\"{text}\"}}]}}"
        )
    };
    let (kind, payload) = match sort {
        "start" => ("event_msg", format!("{{\"type\":\"task_started\"{id}}}")),
        "end" => ("event_msg", format!("{{\"type\":\"task_complete\"{id}}}")),
        "abort" => ("event_msg", format!("{{\"type\":\"turn_aborted\",\"reason\":\"interrupted\"{id}}}")),
        "user" => ("response_item", message("user", text)),
        "event" => ("event_msg", format!("{{\"type\":\"user_message\",\"message\":\"{text}\"}}")),
        "answer" => ("response_item", message("assistant", text)),
        "developer" => ("response_item", message("developer", text)),
        "place" => ("response_item", message("user", "<environment_context>")),
        "interrupted" => ("response_item", message("user", "<turn_aborted>")),
        "ghost" => ("response_item", "{\"type\":\"ghost_snapshot\"}".to_owned()),
        "settings" => ("turn_context", format!("{{\"model\":\"m-{text}\"{id}}}")),
        "anonymous" => ("turn_context", format!("{{\"model\":\"m-{text}\"}}")),
        "tokens" => (
            "event_msg",
            format!("{{\"type\":\"token_count\",\"info\":{{\"total_token_usage\":{{\"total_tokens\":{text}}}}}}}"),
        ),
        "limits" => ("event_msg", "{\"type\":\"token_count\",\"info\":null}".to_owned()),
        "back" => ("event_msg", format!("{{\"type\":\"thread_rolled_back\",\"num_turns\":{text}}}")),
        "compacted" => {
            let items: Vec<String> = text.split('+').map(|text| message("user", text)).collect();
            ("compacted", format!("{{\"message\":\"\",\"replacement_history\":[{}]}}", items.join(",")))
        }
        "condensed" => {
            ("compacted", "{\"message\":\"\",\"replacement_history\":[{\"type\":\"compaction\"}]}".to_owned())
        }
        "summed" => ("compacted", format!("{{\"message\":\"{text}\"}}")),
        "delivery" => ("inter_agent_communication_metadata", format!("{{\"trigger_turn\":{text}}}")),
        "agent" => ("response_item", format!("{{\"type\":\"agent_message\",\"text\":\"{text}\"}}")),
        "instruction" => {
            let json = r#"{\"author\":\"a\",\"recipient\":\"b\",\"content\":\"c\"}"#;
            ("response_item", message("assistant", json))
        }
        other => panic!("{other}"),
    };
    let line = format!("{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n");
    let item = RolloutItem::from_line(line.into());
    assert!(matches!(item, RolloutItem::Enveloped { .. }), "{word}: {item:?}");
    item
}

fn thread(words: &str) -> Vec<RolloutItem> {
    words.split_whitespace().map(item).collect()
}

/// The items with their ordinals, the newest first.
fn backwards(items: &[RolloutItem]) -> Vec<(u64, &RolloutItem)> {
    let mut backwards: Vec<_> = (0..).zip(items).collect();
    backwards.reverse();
    backwards
}

fn context_of(items: &[RolloutItem]) -> ModelContext {
    let mut scan = ContextScan::new(Expected::default());
    for (ordinal, item) in backwards(items) {
        if scan.take(ordinal, item) {
            break;
        }
    }
    scan.finish()
}

fn context(words: &str) -> ModelContext {
    context_of(&thread(words))
}

/// What the model sees: the texts of messages, the types of all else.
fn seen_of(context: &ModelContext) -> Vec<String> {
    let text = |item: &ContextItem| match item.typed() {
        Typed::Response(ResponseItem::Message { text, .. }) => text,
        Typed::Response(ResponseItem::Other(kind)) => kind,
        other => panic!("{other:?}"),
    };
    context.items.iter().map(text).collect()
}

fn seen(words: &str) -> String {
    seen_of(&context(words)).join(" ")
}

fn reference(words: &str) -> Option<String> {
    context(words).reference.and_then(|settings| settings.turn_context().model)
}

fn previous(words: &str) -> Option<String> {
    context(words).previous_turn.and_then(|settings| settings.turn_context().model)
}
