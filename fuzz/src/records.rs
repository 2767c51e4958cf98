//! What the store decodes beside items: control records, states, cursors, patches, ids and names.

use threadlog::ThreadId;
use threadlog::event::Control;
use threadlog::item::Timestamp;
use threadlog::list::Cursor;
use threadlog::metadata::{MetadataPatch, ThreadMetadata};
use threadlog::thread::FileName;

/// Every decoder gets the bytes; what is accepted, written again and read again, is the same.
pub fn run(input: &[u8]) {
    if let Ok(control) = Control::decode(input) {
        let mut bytes = Vec::new();
        control.encode(&mut bytes);
        assert_eq!(Control::decode(&bytes).ok(), Some(control));
    }
    if let Ok(state) = ThreadMetadata::from_canonical_bytes(input) {
        let bytes = state.to_canonical_bytes();
        assert_eq!(ThreadMetadata::from_canonical_bytes(&bytes).ok(), Some(state));
    }
    if let Ok(patch) = serde_json::from_slice::<MetadataPatch>(input) {
        let text = serde_json::to_vec(&patch).expect("a patch is JSON");
        assert_eq!(serde_json::from_slice::<MetadataPatch>(&text).ok(), Some(patch));
    }
    let _ = FileName::parse(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
    if let Ok(id) = text.parse::<ThreadId>() {
        assert_eq!(id.to_string().parse::<ThreadId>().ok(), Some(id));
    }
    let _ = Timestamp::parse_any(text);
}
