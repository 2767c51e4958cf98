//! From what survives to what the model sees, in order.

use bytes::Bytes;
use serde_json::json;

use crate::context::ContextItem;
use crate::context::fact::{Role, role};
use crate::context::segment::Part;
use crate::item::Kind;
use crate::item::json::Object;

/// Whether a compaction says by what the history was replaced.
pub(super) fn is_base(compacted: &ContextItem) -> bool {
    Object::parse(&compacted.payload)
        .and_then(|object| object.raw("replacement_history"))
        .is_some_and(|raw| raw.starts_with('['))
}

/// The items that the model sees; `parts` are the newest first, the oldest perhaps a compaction to begin with.
pub(super) fn forward(parts: Vec<Part>) -> Vec<ContextItem> {
    let mut seen: Vec<(ContextItem, Role)> = Vec::new();
    for part in parts.into_iter().rev() {
        match part {
            Part::Seen(Some(item), role) => seen.push((item, role)),
            Part::Compacted(item) if is_base(&item) => seen = replacement(&item),
            Part::Compacted(item) => {
                // The older form: the users' words stay, all else is told by the summary.
                seen.retain(|(_, role)| *role == Role::User);
                seen.extend(summary(&item));
            }
            Part::Seen(None, _) | Part::Settings(_) | Part::Trigger | Part::UserEvent => {}
        }
    }
    seen.into_iter().map(|(item, _)| item).collect()
}

fn replacement(compacted: &ContextItem) -> Vec<(ContextItem, Role)> {
    let Some(object) = Object::parse(&compacted.payload) else { return Vec::new() };
    let item = |raw: &str| {
        let payload = compacted.payload.slice_ref(raw.as_bytes());
        let role = role(&payload)?;
        Some((ContextItem { ordinal: compacted.ordinal, kind: Kind::ResponseItem, payload }, role))
    };
    object.list("replacement_history").into_iter().filter_map(item).collect()
}

/// The message that tells the model what it no longer sees; none if the compaction says nothing.
fn summary(compacted: &ContextItem) -> Option<(ContextItem, Role)> {
    let text = Object::parse(&compacted.payload)?.full_text("message")?;
    let message = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
    let payload = Bytes::from(serde_json::to_vec(&message).ok()?);
    Some((ContextItem { ordinal: compacted.ordinal, kind: Kind::ResponseItem, payload }, Role::Context))
}
