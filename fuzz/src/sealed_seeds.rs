//! Seeds of the sealed form: one small segment, its parts, and a MANIFEST that names it.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::StreamId;
use threadlog_engine::fs::read_file;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::sealed::header::TRAILER_BYTES;
use threadlog_engine::sealed::{
    Decoder, Dictionaries, Dictionary, DictionaryId, DictionaryRow, JournalBase, Manifest, RecordRef, SealedSegment,
    SegmentOptions, SegmentRow, SegmentWriter, ValueHash, ValueUse, prepare,
};
use threadlog_engine::{Epoch, Sequence};

use crate::sealed::{ID, STORE};

/// Two streams, five records, one value that two of them share.
fn segment(fs: &SimFs, root: &Path) -> SegmentRow {
    crate::sealed::format(fs, root);
    prepare(fs, root, STORE).expect("a disk that does not fail");
    let options = SegmentOptions { block_bytes: 400, ..SegmentOptions::default() };
    let mut writer = SegmentWriter::create(fs, root, STORE, ID, options).expect("a new file");
    let value = [b'v'; 64];
    let hash = ValueHash::of(&value);
    writer.value(hash, &value).expect("room on the disk");
    for (name, count) in [(b'a', 3), (b'b', 2)] {
        for ordinal in 0..count {
            let payload = [format!("record {ordinal} of one of the streams ").repeat(4).as_bytes(), &value].concat();
            let range = payload.len() - value.len()..payload.len();
            let uses = if ordinal == 1 { vec![ValueUse { range, hash }] } else { Vec::new() };
            let stream = StreamId { thread: [name; 16], incarnation: 7, channel: 0 };
            let (lease_epoch, clock) = (1, (1_700_000_000_000 + ordinal) << 16);
            let record = RecordRef { stream, ordinal, journal: 0, lease_epoch, clock, codec: 1, payload: &payload };
            writer.record(&record, &uses).expect("room on the disk");
        }
    }
    writer.finish(Vec::new(), Vec::new()).expect("a disk that does not fail")
}

/// Adds them to the others.
pub fn add(seeds: &mut Vec<(&'static str, &'static str, Vec<u8>)>) {
    let (fs, root) = (SimFs::new(1), Path::new("/store"));
    let row = segment(&fs, root);
    let bytes = read_file(&fs, &ID.path(root)).expect("what was just written");
    let footer = &bytes[row.footer_offset as usize..bytes.len() - TRAILER_BYTES];
    seeds.push(("sealed_footer", "small", footer.to_vec()));
    seeds.push(("sealed_file", "as-written", [&[0], bytes.as_slice()].concat()));
    seeds.push(("sealed_file", "mended", [&[1], bytes.as_slice()].concat()));
    seeds.push(("sealed_file", "cut", [&[0], &bytes[..row.footer_offset as usize + 100]].concat()));
    let segment = SealedSegment::open(&fs, root, &row, &Arc::new(Dictionaries::default())).expect("a sound segment");
    let records = segment.records(0, &mut Decoder::new()).expect("a sound block").into_raw();
    seeds.push(("records_block", "small", records));
    seeds.push((
        "values_block",
        "two",
        [2_u32, 3, 5].map(u32::to_le_bytes).concat().into_iter().chain(*b"onefiver").collect(),
    ));
    let base = JournalBase {
        journal: 3,
        epoch: Epoch(4),
        upto: Sequence(70),
        chain: 0xfeed_beef,
        chain_records: 9,
        segments_upto: 2,
    };
    let dictionary = Dictionary::new(DictionaryId(1), b"words of a dictionary".to_vec()).expect("memory");
    let manifest = Manifest {
        generation: 5,
        next_number: 3,
        journals: vec![base],
        segments: vec![row],
        dictionaries: vec![DictionaryRow { id: DictionaryId(1), bytes: 170, checksum: dictionary.checksum() }],
    };
    seeds.push(("sealed_manifest", "small", [&[1], manifest.encode(&STORE).as_slice()].concat()));
    let file = dictionary.encode(&STORE).expect("a short dictionary");
    seeds.push(("sealed_manifest", "dictionary", [&[0], file.as_slice()].concat()));
}
