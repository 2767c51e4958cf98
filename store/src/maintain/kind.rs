//! What takes room, by what it is: a coarse look at an item, no full parse.

use std::ops::Range;

use serde::Serialize;

use crate::event::{CODEC, ItemRecord, find_values};
use crate::item::Kind;
use crate::item::json::Object;

/// What bytes are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageKind {
    /// What users and models said.
    Messages,
    /// What tools were asked and what they answered.
    ToolOutput,
    /// Images, wherever they stand: strings that begin with `data:image/`.
    Images,
    /// What models thought, encrypted or not.
    Reasoning,
    /// Compacted histories.
    Compaction,
    /// Settings, instructions, events, facts about threads, and lines of unknown sorts.
    Other,
}

impl UsageKind {
    /// All of them, in this order.
    pub const ALL: [UsageKind; 6] = [
        UsageKind::Messages,
        UsageKind::ToolOutput,
        UsageKind::Images,
        UsageKind::Reasoning,
        UsageKind::Compaction,
        UsageKind::Other,
    ];

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            UsageKind::Messages => "messages",
            UsageKind::ToolOutput => "tool output",
            UsageKind::Images => "images",
            UsageKind::Reasoning => "reasoning",
            UsageKind::Compaction => "compaction",
            UsageKind::Other => "other",
        }
    }
}

/// What a record of the items stream is, its images apart.
pub(super) fn kind_of(payload: &[u8]) -> UsageKind {
    let Ok((record, _)) = postcard::take_from_bytes::<ItemRecord<'_>>(payload) else { return UsageKind::Other };
    match record {
        ItemRecord::Enveloped { kind: Kind::Compacted, .. } => UsageKind::Compaction,
        ItemRecord::Enveloped { kind: Kind::ResponseItem | Kind::EventMsg, payload, .. } => {
            Object::parse(payload.0).map_or(UsageKind::Other, |object| by_type(&object))
        }
        ItemRecord::Enveloped { .. } => UsageKind::Other,
        // Before October 2025 items stood in their files without an envelope.
        ItemRecord::Verbatim { bytes, .. } => {
            Object::parse(bytes.0).map_or(UsageKind::Other, |object| by_type(&object))
        }
    }
}

fn by_type(object: &Object<'_>) -> UsageKind {
    match object.text("type").as_deref().unwrap_or_default() {
        "message" | "user_message" | "agent_message" | "agent_message_delta" => UsageKind::Messages,
        "reasoning" | "agent_reasoning" | "agent_reasoning_raw_content" => UsageKind::Reasoning,
        "compacted" | "context_compacted" | "compaction" => UsageKind::Compaction,
        sort if sort.contains("call") || sort.contains("exec") || sort.contains("tool") || sort.contains("patch") => {
            UsageKind::ToolOutput
        }
        _ => UsageKind::Other,
    }
}

/// Where images stand in a record that holds them itself.
pub(super) fn images(payload: &[u8], found: &mut Vec<Range<usize>>) {
    found.clear();
    find_values(CODEC, payload, found);
    found.retain(|range| payload.get(range.clone()).is_some_and(is_image));
}

/// Whether a string is an image.
pub(super) fn is_image(bytes: &[u8]) -> bool {
    bytes.starts_with(b"data:image/")
}
