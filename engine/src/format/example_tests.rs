//! The worked example of docs/format.md, section 6: a tiny segment, field by field. The bytes come from
//! the encoders; where each field stands is written down here a second time, by hand.
//!
//! `THREADLOG_BLESS=1 cargo test -p threadlog-engine example` writes the block into the document.

use std::fmt::Write;
use std::path::Path;

use crate::format::frame::{FrameHeader, checksum};
use crate::format::group::GroupHeader;
use crate::format::is_zero;
use crate::format::segment::{EpochStart, SegmentHeader};
use crate::id::{Epoch, SegmentId, Sequence, StreamId};

const BEGIN: &str = "<!-- hexdump:begin -->";
const END: &str = "<!-- hexdump:end -->";

const ID: SegmentId = SegmentId { number: 1, salt: 0x0123_4567_89ab_cdef };

/// A field: its length in bytes, and what it is.
type Field = (usize, &'static str);

const SEGMENT_HEADER: &[Field] = &[
    (8, "magic \"tlogseg1\""),
    (4, "version 1"),
    (4, "block_bytes 4096"),
    (16, "store id"),
    (4, "journal 0"),
    (4, "flags: epoch start"),
    (8, "segment number 1"),
    (8, "salt 0123456789abcdef"),
    (8, "epoch 1"),
    (8, "start_sequence 1"),
    (8, "recovered_upto 0"),
    (8, "prepared_bytes 0: a growing file"),
    (8, "created 1 700 000 000 000 ms"),
    (4, "start_checksum 0: nothing before"),
    (8, "zero"),
    (4, "checksum of bytes 0..108"),
    (3984, "zero to the end of the block"),
];

const GROUP: &[Field] = &[
    (4, "magic \"TLGR\""),
    (4, "checksum of salt, offset 4096, bytes 8..64"),
    (4, "body_bytes 142"),
    (4, "frame_count 2"),
    (8, "epoch 1"),
    (8, "first_sequence 1"),
    (8, "durable_upto 0"),
    (4, "previous_checksum: start_checksum"),
    (4, "frames_checksum of both frame headers"),
    (16, "zero"),
];

const FIRST_FRAME: &[Field] = &[
    (4, "payload_checksum"),
    (4, "payload_bytes 5"),
    (16, "thread"),
    (8, "incarnation"),
    (8, "ordinal 0"),
    (8, "lease_epoch 1"),
    (8, "clock: 1 700 000 000 001 ms, counter 0"),
    (1, "channel 0"),
    (1, "flags: none"),
    (1, "codec 0"),
    (5, "zero"),
    (5, "payload \"hello\""),
];

const SECOND_FRAME: &[Field] = &[
    (4, "payload_checksum"),
    (4, "payload_bytes 9"),
    (16, "thread"),
    (8, "incarnation"),
    (8, "ordinal 0: another channel, another stream"),
    (8, "lease_epoch 1"),
    (8, "clock: the same millisecond, counter 1"),
    (1, "channel 1"),
    (1, "flags: none"),
    (1, "codec 0"),
    (5, "zero"),
    (9, "payload \"threadlog\""),
    (3890, "padding to the next block"),
];

const WITNESS: &[Field] = &[
    (4, "magic \"TLGR\""),
    (4, "checksum of salt, offset 8192, bytes 8..64"),
    (4, "body_bytes 0"),
    (4, "frame_count 0: a witness"),
    (8, "epoch 1"),
    (8, "first_sequence 3: what the next frame gets"),
    (8, "durable_upto 2: both records are durable"),
    (4, "previous_checksum: that of the group above"),
    (4, "frames_checksum of no bytes"),
    (16, "zero"),
    (4032, "padding to the next block"),
];

const PARTS: &[(&str, &[Field])] = &[
    ("segment header", SEGMENT_HEADER),
    ("group", GROUP),
    ("frame", FIRST_FRAME),
    ("frame", SECOND_FRAME),
    ("group without frames", WITNESS),
];

fn example() -> Vec<u8> {
    let start = EpochStart { start_sequence: Sequence(1), recovered_upto: Sequence(0), start_checksum: 0 };
    let header = SegmentHeader {
        id: ID,
        epoch: Epoch(1),
        block_bytes: 4096,
        store: *b"an example store",
        journal: 0,
        epoch_start: Some(start),
        prepared_bytes: 0,
        created_ms: 1_700_000_000_000,
    };
    let frame = |payload: &[u8], channel: u8| FrameHeader {
        payload_checksum: checksum(payload),
        payload_bytes: u32::try_from(payload.len()).unwrap(),
        stream: StreamId { thread: *b"an example line.", incarnation: 0xfeed_beef, channel },
        ordinal: 0,
        lease_epoch: 1,
        clock: 1_700_000_000_001 << 16 | u64::from(channel),
        large: false,
        codec: 0,
    };
    let (first, second) = (frame(b"hello", 0).encode(), frame(b"threadlog", 1).encode());
    let body = [first.as_slice(), b"hello", &second, b"threadlog"].concat();
    let group = GroupHeader {
        body_bytes: u32::try_from(body.len()).unwrap(),
        frame_count: 2,
        epoch: Epoch(1),
        first_sequence: Sequence(1),
        durable_upto: Sequence(0),
        previous_checksum: 0,
        frames_checksum: checksum(&[first, second].concat()),
    };
    let (encoded, sum) = group.encode(ID.salt, 4096);
    let witness = GroupHeader {
        body_bytes: 0,
        frame_count: 0,
        first_sequence: group.next_sequence(),
        durable_upto: Sequence(2),
        previous_checksum: sum,
        frames_checksum: 0,
        ..group
    };
    let mut bytes = [header.encode().as_slice(), &encoded, &body].concat();
    bytes.resize(8192, 0);
    bytes.extend_from_slice(&witness.encode(ID.salt, 8192).0);
    bytes.resize(12_288, 0);
    bytes
}

fn render(bytes: &[u8]) -> String {
    let mut text = format!("{ID}, {} bytes\n\noffset  bytes{:44}field\n", bytes.len(), "");
    let mut at = 0;
    for (part, fields) in PARTS {
        writeln!(text, "        -- {part} --").unwrap();
        for (length, name) in *fields {
            let field = &bytes[at..at + length];
            if *length > 16 {
                assert!(is_zero(field), "{name}");
                writeln!(text, "{at:06x}  {:47}  {name}", format!("00 … {length} times")).unwrap();
            } else {
                let hex: Vec<String> = field.iter().map(|byte| format!("{byte:02x}")).collect();
                writeln!(text, "{at:06x}  {:47}  {name}", hex.join(" ")).unwrap();
            }
            at += length;
        }
    }
    assert_eq!(at, bytes.len(), "every byte is explained");
    text
}

#[test]
fn the_worked_example_in_the_document_is_what_the_code_writes() {
    let bytes = example();
    let scan = crate::recover::log::Scan::read(ID, &bytes);
    let log = crate::recover::resolve::resolve(&[scan], None, None);
    assert_eq!((log.last, log.witness, log.damage, log.torn), (Sequence(2), Sequence(2), vec![], None));

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the document marks the place");
    let (block, after) = rest.split_once(END).expect("the document marks its end");
    let expected = format!("\n```text\n{}```\n", render(&bytes));
    if std::env::var_os("THREADLOG_BLESS").is_some() {
        std::fs::write(&path, [before, BEGIN, &expected, END, after].concat()).unwrap();
        return;
    }
    assert!(
        block == expected,
        "docs/format.md, section 6, differs from what the code writes; it should be\n{expected}"
    );
}
