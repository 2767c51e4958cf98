//! Lines of rollout files: the same bytes come out, through every form they take in between.

use bytes::Bytes;
use threadlog::RolloutItem;
use threadlog::event::ItemRecord;
use threadlog::item::parse;

/// A whole file: each line through the parser, the stored record and the item in memory. And the bytes as a record.
pub fn run(file: &[u8]) {
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let parsed = parse(line);
        let mut stored = Vec::new();
        ItemRecord::from_line(&parsed, false).encode(&mut stored);
        let Ok(record) = ItemRecord::decode(&stored) else { panic!("a record that was just written: {parsed:?}") };
        assert_eq!(rendered(|out| record.render(out)), line);
        assert_eq!(record.rendered_bytes(), line.len());

        let item = RolloutItem::from_line(Bytes::copy_from_slice(line));
        assert_eq!(rendered(|out| item.render(out)), line);
        let _ = (item.typed(), item.kind(), item.timestamp());
    }
    if let Ok(record) = ItemRecord::decode(file) {
        let out = rendered(|out| record.render(out));
        assert_eq!(out.len(), record.rendered_bytes());
        assert!(out.len() <= file.len() * 2 + 128, "a record of {} bytes gives {}", file.len(), out.len());
    }
}

fn rendered(render: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    render(&mut out);
    out
}
