//! Bundles: whatever is in one, checking it ends with an answer, and what passes the check is taken in whole, once.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use threadlog::bundle::format::{
    Header, LIFE_ENTRY_BYTES, LifeEntry, RECORD_ENTRY_BYTES, RecordEntry, Row, TAG_LIFE, TAG_RECORD, Trailer,
};
use threadlog::bundle::{Outcome, verify};
use threadlog::{Silent, Store};
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Config};

/// The first byte says whether what follows is a bundle as it is (0), or the entries of one whose table and hashes are then
/// made right: only so does anything but a hash get looked at.
pub fn bundle(input: &[u8]) {
    let Some((mode, rest)) = input.split_first() else { return };
    let directory = tempfile::tempdir().expect("room for a file");
    let file = directory.path().join("fuzz.threadlog");
    let bytes = if *mode == 0 { rest.to_vec() } else { around(rest) };
    std::fs::write(&file, bytes).expect("room for a file");
    let Ok(contents) = verify(&file, &Silent) else { return };
    let store = Store::open_on(Arc::new(SimFs::new(1)), Path::new("/store"), quiet()).expect("an empty disk");
    // What cannot be events of a thread is refused with a reason; nothing else may go wrong on a sound disk.
    let Ok(first) = store.unpack(&file, &Silent) else { return };
    assert_eq!(first.lives.len(), contents.lives.len(), "each life has its outcome");
    let again = store.unpack(&file, &Silent).expect("what was taken in once is taken in again");
    for (first, again) in first.lives.iter().zip(&again.lives) {
        assert!(first.outcome != Outcome::Added || again.outcome == Outcome::Unchanged, "{first:?}, then {again:?}");
        assert_eq!((again.items_added, again.controls_added), (0, 0), "{first:?}, then {again:?}");
    }
}

fn quiet() -> Config {
    Config { background: Background::Manual, prepare_spares: false, ..Config::default() }
}

/// A bundle of these entries, its table and hashes as they should be.
#[must_use]
pub fn around(entries: &[u8]) -> Vec<u8> {
    let (rows, used) = table(entries);
    let mut bytes = Header { store: [9; 16], created_ms: 1_700_000_000_000 }.encode();
    let mut body = zstd::Encoder::new(Vec::new(), 1).expect("a level that there is");
    body.write_all(&entries[..used]).and_then(|()| body.write_all(&[0])).expect("memory");
    bytes.extend(body.finish().expect("memory"));
    let (table_offset, lives) = (bytes.len() as u64, rows.len() as u32);
    rows.iter().for_each(|row| row.encode(&mut bytes));
    let mut trailer = Trailer { table_offset, lives, blake3: [0; 32] };
    let hashed = [bytes.as_slice(), &trailer.front()].concat();
    trailer.blake3 = *blake3::hash(&hashed).as_bytes();
    bytes.extend(trailer.encode());
    bytes
}

/// What a table says of entries, as far as they can be read, and how far that is.
fn table(entries: &[u8]) -> (Vec<Row>, usize) {
    let (mut rows, mut at, mut hasher) = (Vec::<Row>::new(), 0, blake3::Hasher::new());
    while let Some((tag, behind)) = entries[at..].split_first() {
        let bytes = match *tag {
            TAG_LIFE => {
                let Ok(life) = LifeEntry::decode(behind) else { break };
                hasher = blake3::Hasher::new();
                let LifeEntry { key, is_base, .. } = life;
                rows.push(Row { key, records: 0, payload_bytes: 0, blake3: [0; 32], is_base });
                1 + LIFE_ENTRY_BYTES
            }
            TAG_RECORD => {
                let Ok(record) = RecordEntry::decode(behind) else { break };
                let bytes = 1 + RECORD_ENTRY_BYTES + record.bytes as usize;
                let Some(row) = rows.last_mut().filter(|_| at + bytes <= entries.len()) else { break };
                (row.records, row.payload_bytes) = (row.records + 1, row.payload_bytes + u64::from(record.bytes));
                bytes
            }
            _ => break,
        };
        hasher.update(&entries[at..at + bytes]);
        if let Some(row) = rows.last_mut() {
            row.blake3 = *hasher.finalize().as_bytes();
        }
        at += bytes;
    }
    (rows, at)
}

/// Entries to start from: a thread of three items, and a fork of it.
#[must_use]
pub fn seed() -> Vec<u8> {
    use threadlog::ThreadId;
    use threadlog::event::encode_line;
    use threadlog::event::{Control, Created, Origin};
    use threadlog::item::parse;
    use threadlog::thread::ThreadKey;
    let mut entries = Vec::new();
    let line = br#"{"timestamp":"2025-11-03T10:00:02.000Z","type":"event_msg","payload":{"type":"user_message","message":"m"}}"#;
    for (life, items) in [(1_u8, 3_u64), (2, 1)] {
        let key = ThreadKey { thread: ThreadId::from_path(&[life]), incarnation: life.into() };
        LifeEntry { key, is_base: false, items }.encode(&mut entries);
        let mut control = Vec::new();
        let created = Created { at_ms: 1_700_000_000_000, id_text: None, rollout: None, origin: Origin::Native };
        Control::Created(created).encode(&mut control);
        let mut item = Vec::new();
        encode_line(&parse(line), false, &mut item);
        let mut put = |is_control: bool, ordinal: u64, payload: &[u8]| {
            let (lease_epoch, clock, bytes) = (1, (1_700_000_000_000 + ordinal) << 16, payload.len() as u32);
            RecordEntry { is_control, codec: 1, ordinal, lease_epoch, clock, bytes }.encode(&mut entries);
            entries.extend_from_slice(payload);
        };
        put(true, 0, &control);
        (0..items).for_each(|ordinal| put(false, ordinal, &item));
    }
    entries
}
