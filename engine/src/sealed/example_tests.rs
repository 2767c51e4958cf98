//! The worked example of docs/format.md, section 8.8: a tiny sealed segment, field by field. The bytes come from the
//! writer; where each field stands is written down here a second time, by hand.
//!
//! `THREADLOG_BLESS=1 cargo test -p threadlog-engine example` writes the block into the document.
#![cfg(feature = "sim")]

use std::fmt::Write;
use std::path::Path;

use crate::format::store_file::FormatFile;
use crate::fs::sim::SimFs;
use crate::fs::{Fs, OpenMode, create_dir_durable, read_file, write_all_at};
use crate::id::StreamId;
use crate::sealed::{RecordRef, SealedId, SegmentOptions, SegmentWriter, prepare};

const BEGIN: &str = "<!-- sealed-hexdump:begin -->";
const END: &str = "<!-- sealed-hexdump:end -->";

const ID: SealedId = SealedId { number: 2, salt: 0x0123_4567_89ab_cdef };

/// A field: its length in bytes, and what it is.
type Field = (usize, &'static str);

const HEADER: &[Field] = &[
    (8, "magic \"tlogsea1\""),
    (4, "version 1"),
    (4, "tier: normal"),
    (16, "store id"),
    (8, "number 2"),
    (8, "salt 0123456789abcdef"),
    (8, "created 1 700 000 000 000 ms"),
    (4, "zero"),
    (4, "checksum of bytes 0..60"),
];

const BLOCK: &[Field] = &[
    (4, "magic \"TLBK\""),
    (1, "kind: records"),
    (1, "codec: as they are, compressing gained little"),
    (2, "zero"),
    (4, "dictionary: none"),
    (4, "compressed_bytes 96"),
    (4, "raw_bytes 96"),
    (4, "checksum of salt, offset 64, the 96 bytes"),
    (4, "zero"),
    (4, "checksum of salt, offset 64, bytes 0..28 of this header"),
];

const RECORDS: &[Field] = &[
    (4, "one extent"),
    (16, "thread"),
    (8, "incarnation"),
    (1, "channel 0"),
    (1, "journal 0"),
    (2, "zero"),
    (4, "count: two records"),
    (8, "first_ordinal 5"),
    (4, "body_offset 64"),
    (4, "body_bytes 32"),
    (8, "payload_bytes 14"),
    (4, "no values"),
    (1, "lease epochs: one run"),
    (1, "of length 2"),
    (1, "of 1: +1 from 0"),
    (1, "codecs: one run"),
    (1, "of length 2"),
    (1, "of 0"),
    (6, "milliseconds: +1 700 000 000 001 from 0"),
    (1, "the same"),
    (1, "counters: 0"),
    (1, "+1 from 0, in the same millisecond"),
    (1, "stored lengths: 5"),
    (1, "9"),
    (1, "no refs"),
    (5, "\"hello\""),
    (9, "\"threadlog\""),
];

const FOOTER: &[Field] = &[
    (8, "magic \"tlogftr1\""),
    (4, "version 1"),
    (4, "tier: normal"),
    (4, "one stream"),
    (4, "one extent"),
    (4, "one block"),
    (4, "no values"),
    (4, "no values of other segments"),
    (4, "no conflicts"),
    (4, "no inputs"),
    (4, "one single"),
    (8, "records 2"),
    (8, "payload_bytes 14"),
    (8, "number 2"),
    (8, "salt"),
    (16, "zero"),
];

const ROWS: &[Field] = &[
    (16, "thread"),
    (8, "incarnation"),
    (1, "channel 0"),
    (1, "last_journal 0"),
    (6, "zero"),
    (8, "next_ordinal 7"),
    (8, "lease_epoch_max 1"),
    (8, "payload_bytes 14"),
    (4, "first_extent 0"),
    (4, "extent_count 1"),
    (8, "extent: first_ordinal 5"),
    (4, "count 2"),
    (4, "block 0"),
    (2, "index 0 in the block"),
    (1, "journal 0"),
    (5, "zero"),
    (8, "block: offset 64"),
    (1, "kind: records"),
    (1, "codec: as they are"),
    (2, "zero"),
    (4, "dictionary: none"),
    (4, "compressed_bytes 96"),
    (4, "raw_bytes 96"),
    (4, "checksum, as in the block's header"),
    (4, "zero"),
    (4, "single: a value whose hash begins with these bytes was seen once"),
];

const TRAILER: &[Field] = &[
    (8, "magic \"tlogend1\""),
    (8, "footer_offset 192"),
    (8, "footer_bytes 220"),
    (8, "number 2"),
    (8, "salt"),
    (4, "footer_checksum: of salt, offset 192, the 220 bytes"),
    (16, "zero"),
    (4, "checksum of bytes 0..60"),
];

const PARTS: &[(&str, &[Field])] = &[
    ("header", HEADER),
    ("block header", BLOCK),
    ("block of records", RECORDS),
    ("footer", FOOTER),
    ("rows of the footer", ROWS),
    ("trailer", TRAILER),
];

fn format(fs: &SimFs, root: &Path, store: [u8; 16]) {
    create_dir_durable(fs, root).unwrap();
    let file = fs.open(&root.join("FORMAT"), OpenMode::CreateNew).unwrap();
    write_all_at(&*file, &FormatFile::new(store, 0).encode(), 0).unwrap();
}

fn example() -> Vec<u8> {
    let (fs, root, store) = (SimFs::new(1), Path::new("/store"), *b"an example store");
    format(&fs, root, store);
    prepare(&fs, root, store).unwrap();
    let options = SegmentOptions { created_ms: 1_700_000_000_000, ..SegmentOptions::default() };
    let mut writer = SegmentWriter::create(&fs, root, store, ID, options).unwrap();
    let stream = StreamId { thread: *b"an example line.", incarnation: 0xfeed_beef, channel: 0 };
    for (counter, payload) in (0..).zip([b"hello".as_slice(), b"threadlog"]) {
        let (ordinal, clock) = (5 + counter, 1_700_000_000_001 << 16 | counter);
        writer
            .record(&RecordRef { stream, ordinal, journal: 0, lease_epoch: 1, clock, codec: 0, payload }, &[])
            .unwrap();
    }
    writer.single(0xc3c2_c1c0);
    writer.finish(Vec::new(), Vec::new()).unwrap();
    read_file(&fs, &ID.path(root)).unwrap()
}

fn render(bytes: &[u8]) -> String {
    let mut text = format!("{ID}, {} bytes\n\noffset  bytes{:44}field\n", bytes.len(), "");
    let mut at = 0;
    for (part, fields) in PARTS {
        writeln!(text, "        -- {part} --").unwrap();
        for (length, name) in *fields {
            let hex: Vec<String> = bytes[at..at + length].iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "{at:06x}  {:47}  {name}", hex.join(" ")).unwrap();
            at += length;
        }
    }
    assert_eq!(at, bytes.len(), "every byte is explained");
    text
}

#[test]
fn the_worked_example_of_a_sealed_segment_is_what_the_code_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the document marks the place");
    let (block, after) = rest.split_once(END).expect("the document marks its end");
    let expected = format!("\n```text\n{}```\n", render(&example()));
    if std::env::var_os("THREADLOG_BLESS").is_some() {
        std::fs::write(&path, [before, BEGIN, &expected, END, after].concat()).unwrap();
        return;
    }
    assert!(
        block == expected,
        "docs/format.md, section 8.8, differs from what the code writes; it should be\n{expected}"
    );
}
