//! Cutting the output of a command.

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::item::RolloutItem;
use crate::item::json::Object;

/// What is kept of an aggregated output, in bytes: half of it from the start, half from the end.
const OUTPUT_BYTES_MAX: usize = 10_000;

/// The same `exec_command_end` with its output at most about 10 000 bytes long, and in one place only.
/// An item that is none, or that cannot be rewritten, comes back as it is.
pub(super) fn command_output(item: RolloutItem) -> RolloutItem {
    let RolloutItem::Enveloped { timestamp, ordinal, kind, payload, metadata } = item else { return item };
    let payload = trimmed(&payload).map_or(payload, Bytes::from);
    RolloutItem::Enveloped { timestamp, ordinal, kind, payload, metadata }
}

fn trimmed(payload: &[u8]) -> Option<Vec<u8>> {
    serde_json::to_vec(&Trimmed(Object::parse(payload)?)).ok()
}

/// The fields of the payload in their order, some of them shortened.
struct Trimmed<'a>(Object<'a>);

impl Serialize for Trimmed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for key in self.0.keys() {
            match (key, self.0.text(key)) {
                ("stdout" | "stderr" | "formatted_output", Some(_)) => map.serialize_entry(key, "")?,
                ("aggregated_output", Some(text)) => map.serialize_entry(key, &*cut(&text))?,
                _ => map.serialize_entry(key, &self.0.raw(key).and_then(raw))?,
            }
        }
        map.end()
    }
}

fn raw(json: &str) -> Option<&RawValue> {
    serde_json::from_str(json).ok()
}

/// The beginning and the end of a long text, and between them how much is missing.
fn cut(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= OUTPUT_BYTES_MAX {
        return text.into();
    }
    let head = text.get(..text.floor_char_boundary(OUTPUT_BYTES_MAX / 2)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - OUTPUT_BYTES_MAX / 2)..).unwrap_or_default();
    let missing = text.len() - head.len() - tail.len();
    format!("{head}\n[… {missing} bytes left out …]\n{tail}").into()
}
