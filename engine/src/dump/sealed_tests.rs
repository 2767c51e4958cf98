//! Sealed files, whole and damaged.
#![cfg(feature = "sim")]

use std::path::Path;

use crate::dump::{Entry, entries};
use crate::format::store_file::FormatFile;
use crate::fs::sim::SimFs;
use crate::fs::{Fs, OpenMode, create_dir_durable, read_file, write_all_at};
use crate::id::StreamId;
use crate::sealed::{
    Dictionary, DictionaryId, Input, Manifest, RecordRef, SealedId, SegmentOptions, SegmentWriter, ValueHash, ValueUse,
    prepare,
};

const STORE: [u8; 16] = [4; 16];
const ID: SealedId = SealedId { number: 2, salt: 9 };

fn format(fs: &SimFs, root: &Path, store: [u8; 16]) {
    create_dir_durable(fs, root).unwrap();
    let file = fs.open(&root.join("FORMAT"), OpenMode::CreateNew).unwrap();
    write_all_at(&*file, &FormatFile::new(store, 0).encode(), 0).unwrap();
}

fn segment() -> (Vec<u8>, Vec<u8>) {
    let (fs, root) = (SimFs::new(1), Path::new("/store"));
    format(&fs, root, STORE);
    let manifest = prepare(&fs, root, STORE).unwrap();
    let mut writer = SegmentWriter::create(&fs, root, STORE, ID, SegmentOptions::default()).unwrap();
    let payload = [7; 3000];
    let hash = ValueHash::of(&payload[..2000]);
    writer.value(hash, &payload[..2000]).unwrap();
    writer.single(5);
    for channel in [0, 1] {
        let stream = StreamId { thread: [1; 16], incarnation: 3, channel };
        let record =
            RecordRef { stream, ordinal: 4, journal: 0, lease_epoch: 1, clock: 9, codec: 0, payload: &payload };
        writer.record(&record, &[ValueUse { range: 0..2000, hash }]).unwrap();
    }
    let row = writer.finish(vec![Input::Sealed(SealedId { number: 1, salt: 1 })], Vec::new()).unwrap();
    let manifest = Manifest { segments: vec![row], ..manifest };
    (read_file(&fs, &ID.path(root)).unwrap(), manifest.encode(&STORE))
}

fn list(name: &str, bytes: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    entries(name, bytes, Some(&STORE), &mut |entry| found.push(entry));
    found
}

#[test]
fn every_byte_of_a_segment_is_listed_once() {
    let (bytes, _) = segment();
    let found = list(&ID.to_string(), &bytes);
    let kinds: Vec<&str> = found.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [
            "sealed header",
            "block",
            "block",
            "footer",
            "stream",
            "stream",
            "extent",
            "extent",
            "block row",
            "block row",
            "value",
            "input",
            "singles",
            "trailer"
        ]
    );
    let mut at = 0;
    for entry in &found {
        assert_eq!((entry.offset, entry.problem.as_deref()), (at, None), "{entry}");
        at = entry.end;
    }
    assert_eq!(at, crate::number::wide(bytes.len()));
    assert_eq!(list("a-copy", &bytes), found, "a segment is known by its first bytes");
}

#[test]
fn a_flipped_bit_is_shown_where_it_is() {
    let (whole, _) = segment();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        let found = list(&ID.to_string(), &bytes);
        assert!(found.iter().any(|entry| entry.problem.is_some()), "byte {at}");
    }
}

#[test]
fn manifest_and_dictionaries_are_listed() {
    let (_, mut bytes) = segment();
    let kinds = |bytes: &[u8]| list("MANIFEST", bytes).iter().map(|entry| entry.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&bytes), ["manifest", "segment"]);
    bytes[70] ^= 1;
    assert!(list("MANIFEST", &bytes)[0].problem.is_some());

    let dictionary = Dictionary::new(DictionaryId(3), vec![5; 300]).unwrap().encode(&STORE).unwrap();
    let found = list("00000003.dict", &dictionary);
    assert!(found.len() == 1 && found[0].problem.is_none(), "{found:?}");
    let mut damaged = dictionary.clone();
    damaged[70] ^= 1;
    assert!(list("00000003.dict", &damaged)[0].problem.as_ref().unwrap().contains("mended"));
    assert!(list("00000004.dict", &dictionary)[0].problem.is_some());
}
