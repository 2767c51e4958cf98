use bytes::Bytes;

use super::*;
use crate::event::{Created, Origin, Place, Source};
use crate::item::RolloutItem;
use crate::path::PathBytes;
use crate::thread::ThreadId;

mod derive;
mod golden;
mod patch;
mod sessions;
mod shuffle;
mod user;

const THREAD: &str = "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb";
const SOURCE: &str = "0b6cc088-1f70-49ba-9104-83619ec703e0";

fn thread() -> ThreadId {
    THREAD.parse().unwrap()
}

/// 2026-02-04T20:29:00Z, in milliseconds.
const START_MS: u64 = 1_770_236_940_000;

/// A canonical line, written `second` seconds after [`START_MS`].
fn line(second: u64, kind: &str, payload: &str) -> String {
    format!("{{\"timestamp\":\"2026-02-04T20:29:{second:02}.000Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
}

fn event(second: u64, payload: &str) -> String {
    line(second, "event_msg", payload)
}

fn user(second: u64, message: &str) -> String {
    event(second, &format!("{{\"type\":\"user_message\",\"message\":{message:?}}}"))
}

/// An own `session_meta`; `more` are further fields.
fn meta(second: u64, more: &str) -> String {
    line(second, "session_meta", &format!("{{\"id\":\"{THREAD}\"{more}}}"))
}

fn item(line: &str) -> RolloutItem {
    RolloutItem::from_line(Bytes::copy_from_slice(line.as_bytes()))
}

fn apply(state: &mut ThreadMetadata, ordinal: u64, line: &str) {
    // Clocks rise with ordinals, as one writer appends a thread's items.
    state.apply(MetadataEvent::Item { ordinal, clock: clock(ordinal), item: &item(line) });
}

fn clock(ordinal: u64) -> u64 {
    (START_MS << 16) + ordinal * 10
}

fn fold(lines: &[String]) -> ThreadMetadata {
    let mut state = ThreadMetadata::new(thread());
    (0..).zip(lines).for_each(|(ordinal, line)| apply(&mut state, ordinal, line));
    state
}

fn stamp(clock: u64, journal: u32) -> Stamp {
    Stamp { clock, journal }
}

fn patched(mut state: ThreadMetadata, clock: u64, json: &str) -> ThreadMetadata {
    let patch: MetadataPatch = serde_json::from_str(json).unwrap();
    state.apply(MetadataEvent::Patched { stamp: stamp(clock, 0), patch: &patch });
    state
}

fn source(path: &str, modified_ms: i64) -> Source {
    Source {
        place: Place { root: PathBytes::new(&b"/home"[..]), path: PathBytes::new(path) },
        modified_ns: modified_ms * 1_000_000,
        bytes: 1,
        blake3: [0; 32],
        records: 0,
        lines: 0,
        replaces: None,
    }
}

fn created(at_ms: u64, path: Option<&str>) -> Created {
    let origin = path.map_or(Origin::Native, |path| Origin::Imported(source(path, 0).place));
    Created { at_ms, id_text: None, rollout: None, origin }
}
