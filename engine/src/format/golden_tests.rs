//! Golden bytes of every structure, written down once and never regenerated: a change that turns one of
//! these red makes every store on every disk unreadable. They were computed apart from this code, from
//! the tables of docs/format.md.

use crate::format::frame::{FrameHeader, checksum};
use crate::format::group::GroupHeader;
use crate::format::large::{LargeHeader, LargeName, LargeReference};
use crate::format::mark::MarkSlot;
use crate::format::segment::{EpochStart, SegmentHeader};
use crate::format::store_file::FormatFile;
use crate::id::{Epoch, SegmentId, Sequence, StreamId};

const STORE: [u8; 16] = counting(0x10);
const SALT: u64 = 0x0123_4567_89ab_cdef;

const fn counting(first: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    let (mut at, mut value) = (0, first);
    while at < bytes.len() {
        bytes[at] = value;
        (at, value) = (at + 1, value + 1);
    }
    bytes
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit.try_into().unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn format_file() {
    let golden = bytes(
        "74687265 61646c67 01000000 21000000 43000000 00000000 10111213 14151617 \
     18191a1b 1c1d1e1f 7b68e5cf 8b010000 00000000 00000000 00000000 cf5d611d",
    );
    let file = FormatFile {
        version: 1,
        compatible: 0x21,
        read_only_compatible: 0x43,
        incompatible: 0,
        store: STORE,
        created_ms: 1_700_000_000_123,
    };
    assert_eq!(file.encode().as_slice(), golden);
    assert_eq!(FormatFile::decode(&golden), Ok(file));
    assert_eq!(file.unknown_for_writing(), 0x43);
}

#[test]
fn header_of_an_epochs_first_segment() {
    let golden = bytes(
        "746c6f67 73656731 01000000 00100000 10111213 14151617 18191a1b 1c1d1e1f \
     07000000 03000000 2a000000 00000000 efcdab89 67452301 05000000 00000000 \
     e9030000 00000000 f2030000 00000000 00000400 00000000 c869e5cf 8b010000 \
     0df0feca 00000000 00000000 05ae6b7e",
    );
    let id = SegmentId { number: 0x2a, salt: SALT };
    let header = SegmentHeader {
        id,
        epoch: Epoch(5),
        block_bytes: 4096,
        store: STORE,
        journal: 7,
        epoch_start: Some(EpochStart {
            start_sequence: Sequence(1001),
            recovered_upto: Sequence(1010),
            start_checksum: 0xcafe_f00d,
        }),
        prepared_bytes: 262_144,
        created_ms: 1_700_000_000_456,
    };
    let block = header.encode();
    assert_eq!((block.len(), &block[..112]), (4096, golden.as_slice()));
    assert!(block[112..].iter().all(|byte| *byte == 0));
    assert_eq!(SegmentHeader::decode(&block, id), Ok(header));
    assert_eq!(id.to_string(), "0000002a-0123456789abcdef.hot");
}

#[test]
fn header_of_a_growing_segment() {
    let golden = bytes(
        "746c6f67 73656731 01000000 00000100 10111213 14151617 18191a1b 1c1d1e1f \
     00000000 00000000 01000000 01000000 01000000 00000000 00000000 00000080 \
     00000000 00000000 00000000 00000000 00000000 00000000 01000000 00000000 \
     00000000 00000000 00000000 61c439a1",
    );
    let id = SegmentId { number: 0x1_0000_0001, salt: 1 };
    let header = SegmentHeader {
        id,
        epoch: Epoch(1 << 63),
        block_bytes: 65_536,
        store: STORE,
        journal: 0,
        epoch_start: None,
        prepared_bytes: 0,
        created_ms: 1,
    };
    let block = header.encode();
    assert_eq!((block.len(), &block[..112]), (65_536, golden.as_slice()));
    assert_eq!(SegmentHeader::decode(&golden, id), Ok(header));
    assert_eq!(id.to_string(), "100000001-0000000000000001.hot");
}

fn frames() -> (FrameHeader, FrameHeader, [u8; 32]) {
    let reference = LargeReference { id: counting(0xc0), payload_bytes: 300_000_000, payload_checksum: 0xdead_beef };
    let small = FrameHeader {
        payload_checksum: checksum(b"hello"),
        payload_bytes: 5,
        stream: StreamId { thread: counting(0xa0), incarnation: 0x1122_3344_5566_7788, channel: 1 },
        ordinal: 9,
        lease_epoch: 3,
        clock: 1_700_000_000_789 << 16 | 2,
        large: false,
        codec: 4,
    };
    let large = FrameHeader {
        payload_checksum: checksum(&reference.encode()),
        payload_bytes: 32,
        stream: StreamId { thread: counting(0xa0), incarnation: 1, channel: 255 },
        ordinal: u64::MAX,
        lease_epoch: u64::MAX,
        clock: 0,
        large: true,
        codec: 0,
    };
    (small, large, reference.encode())
}

#[test]
fn frame_headers() {
    let small = bytes(
        "86a61036 05000000 a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf 88776655 44332211 \
     09000000 00000000 03000000 00000000 0200156b e5cf8b01 01000400 00000000",
    );
    let large = bytes(
        "8cc32577 20000000 a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf 01000000 00000000 \
     ffffffff ffffffff ffffffff ffffffff 00000000 00000000 ff010000 00000000",
    );
    let (first, second, _) = frames();
    assert_eq!((first.encode().as_slice(), second.encode().as_slice()), (small.as_slice(), large.as_slice()));
    assert_eq!(FrameHeader::decode(small.first_chunk().unwrap()), first);
    assert_eq!(FrameHeader::decode(large.first_chunk().unwrap()), second);
}

#[test]
fn group_header() {
    let golden = bytes(
        "544c4752 9d7a7280 a5000000 02000000 05000000 00000000 e9030000 00000000 \
     e8030000 00000000 0df0feca bad0ee45 00000000 00000000 00000000 00000000",
    );
    let (first, second, reference) = frames();
    let headers = [first.encode(), second.encode()].concat();
    let header = GroupHeader {
        body_bytes: u32::try_from(headers.len() + 5 + reference.len()).unwrap(),
        frame_count: 2,
        epoch: Epoch(5),
        first_sequence: Sequence(1001),
        durable_upto: Sequence(1000),
        previous_checksum: 0xcafe_f00d,
        frames_checksum: checksum(&headers),
    };
    let (encoded, sum) = header.encode(SALT, 8192);
    assert_eq!((encoded.as_slice(), sum), (golden.as_slice(), 0x8072_7a9d));
    assert_eq!(GroupHeader::decode(&golden, SALT, 8192), Some((header, sum)));
    assert_eq!((header.next_sequence(), header.bytes()), (Sequence(1003), 64 + 165));
}

#[test]
fn witness_group_header() {
    let golden = bytes(
        "544c4752 76247477 00000000 00000000 05000000 00000000 eb030000 00000000 \
     ea030000 00000000 44332211 00000000 00000000 00000000 00000000 00000000",
    );
    let header = GroupHeader {
        body_bytes: 0,
        frame_count: 0,
        epoch: Epoch(5),
        first_sequence: Sequence(1003),
        durable_upto: Sequence(1002),
        previous_checksum: 0x1122_3344,
        frames_checksum: 0,
    };
    assert_eq!(header.encode(SALT, 12_288).0.as_slice(), golden);
    assert_eq!(GroupHeader::decode(&golden, SALT, 12_288).map(|(header, _)| header), Some(header));
}

#[test]
fn large_record() {
    let reference = bytes("c0c1c2c3 c4c5c6c7 c8c9cacb cccdcecf 00a3e111 00000000 efbeadde 00000000");
    let golden = bytes(
        "746c6f67 6c726731 01000000 efbeadde 00a3e111 00000000 c0c1c2c3 c4c5c6c7 \
     c8c9cacb cccdcecf 10111213 14151617 18191a1b 1c1d1e1f 00000000 53418aa7",
    );
    let name = LargeReference::decode(&reference).unwrap();
    assert_eq!((name.id, name.payload_bytes, name.payload_checksum), (counting(0xc0), 300_000_000, 0xdead_beef));
    assert_eq!(name.encode().as_slice(), reference);
    let header =
        LargeHeader { payload_checksum: 0xdead_beef, payload_bytes: 300_000_000, id: counting(0xc0), store: STORE };
    assert_eq!(header.encode().as_slice(), golden);
    assert_eq!(LargeHeader::decode(&golden), Ok(header));
    let name = LargeName { journal: 7, id: counting(0xc0) };
    assert_eq!(name.to_string(), "007-c0c1c2c3c4c5c6c7c8c9cacbcccdcecf.rec");
}

#[test]
fn mark_slots() {
    let live = bytes(
        "05000000 00000000 f2030000 00000000 11223344 55667788 00000000 00000000 \
     85ea417f 00000000",
    );
    let closed = bytes(
        "05000000 00000000 f2030000 00000000 11223344 55667788 01000000 00000000 \
     1beaebb3 00000000",
    );
    for (golden, closed) in [(live, false), (closed, true)] {
        let slot = MarkSlot { epoch: Epoch(5), durable: Sequence(1010), boot: 0x8877_6655_4433_2211, closed };
        let words: Vec<u8> = slot.to_words(&STORE).iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(words, golden);
        assert_eq!(MarkSlot::from_words(&slot.to_words(&STORE), &STORE), Some(slot));
    }
}
