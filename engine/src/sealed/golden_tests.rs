//! Golden bytes of every structure of the sealed form, written down once and never regenerated: a change that turns one
//! of these red makes every sealed store unreadable. They were computed apart from this code, from the tables of
//! docs/format.md.

use std::sync::Arc;

use crate::id::{Epoch, Sequence, StreamId};
use crate::journal::index::Conflict;
use crate::sealed::block_header::{BlockCodec, BlockHeader, BlockKind, block_checksum};
use crate::sealed::builder::{RecordsBuilder, Stored, ValuesBuilder};
use crate::sealed::columns::Columns;
use crate::sealed::dictionary::Dictionary;
use crate::sealed::footer::{Footer, FooterRows, FooterSummary};
use crate::sealed::header::{SealedHeader, Trailer};
use crate::sealed::id::{DictionaryId, SealedId, ValueHash};
use crate::sealed::manifest::{DictionaryRow, JournalBase, Manifest, SegmentRow, Tier};
use crate::sealed::records_block::{RecordsBlock, UsedValue};
use crate::sealed::rows::{BlockRow, ExtentRow, Input, StreamRow, ValueRow};
use crate::sealed::values_block::ValuesBlock;

const STORE: [u8; 16] = counting(0x10);
const SALT: u64 = 0x0123_4567_89ab_cdef;
const ID: SealedId = SealedId { number: 0x2a, salt: SALT };
const STREAM: StreamId = StreamId { thread: counting(0xa0), incarnation: 0x1122_3344_5566_7788, channel: 1 };
const BASE: JournalBase = JournalBase {
    journal: 7,
    epoch: Epoch(4),
    upto: Sequence(1010),
    chain: 0xfeed,
    chain_records: 0xbead,
    segments_upto: 3,
};

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
fn header() {
    let golden = bytes(
        "746c6f67 73656131 01000000 01000000 10111213 14151617 18191a1b 1c1d1e1f \
         2a000000 00000000 efcdab89 67452301 7b68e5cf 8b010000 00000000 e194824c",
    );
    let header = SealedHeader { id: ID, tier: Tier::Archived, store: STORE, created_ms: 1_700_000_000_123 };
    assert_eq!(header.encode().as_slice(), golden);
    assert_eq!(SealedHeader::decode(&golden), Ok(header));
}

#[test]
fn trailer() {
    let golden = bytes(
        "746c6f67 656e6431 00100000 00000000 f4010000 00000000 2a000000 00000000 \
         efcdab89 67452301 0df0feca 00000000 00000000 00000000 00000000 24fdc75a",
    );
    let trailer = Trailer { id: ID, footer_offset: 4096, footer_bytes: 500, footer_checksum: 0xcafe_f00d };
    assert_eq!(trailer.encode().as_slice(), golden);
    assert_eq!(Trailer::decode(&golden), Ok(trailer));
}

#[test]
fn block_header() {
    let golden = bytes("544c424b 01010000 03000000 10000000 64000000 55bc1419 00000000 7238b998");
    let header = BlockHeader {
        kind: BlockKind::Values,
        codec: BlockCodec::Zstd,
        dictionary: Some(DictionaryId(3)),
        compressed_bytes: 16,
        raw_bytes: 100,
        checksum: block_checksum(SALT, 64, b"compressed bytes"),
    };
    assert_eq!(header.encode(SALT, 64).as_slice(), golden);
    assert_eq!(BlockHeader::decode(&golden, SALT, 64), Some(header));
    assert_eq!(BlockHeader::decode(&golden, SALT, 65), None, "it is bound to its place");
    assert_eq!(BlockHeader::decode(&golden, SALT + 1, 64), None, "and to its segment");
}

#[test]
fn manifest() {
    let golden = bytes(
        "746c6f67 6d616e31 01000000 01000000 01000000 01000000 09000000 00000000 \
         10111213 14151617 18191a1b 1c1d1e1f 2c000000 00000000 c5c35510 07aa6df4 \
         07000000 edfe0000 04000000 00000000 f2030000 00000000 03000000 00000000 \
         adbe0000 00000000 2a000000 00000000 efcdab89 67452301 88130000 00000000 \
         00100000 00000000 0df0feca 01000000 00000000 00000000 2b000000 63000000 \
         efbe0000 00000000",
    );
    let segment =
        SegmentRow { id: ID, bytes: 5000, footer_offset: 4096, footer_checksum: 0xcafe_f00d, tier: Tier::Archived };
    let manifest = Manifest {
        generation: 9,
        next_number: 0x2c,
        journals: vec![BASE],
        segments: vec![segment],
        dictionaries: vec![DictionaryRow { id: DictionaryId(0x2b), bytes: 99, checksum: 0xbeef }],
    };
    assert_eq!(manifest.encode(&STORE), golden);
    assert_eq!(Manifest::decode(&golden, &STORE), Ok(manifest));
}

#[test]
fn footer() {
    let golden = bytes(
        "746c6f67 66747231 01000000 01000000 01000000 01000000 01000000 01000000 \
         01000000 01000000 03000000 02000000 02000000 00000000 0a080000 00000000 \
         2a000000 00000000 efcdab89 67452301 00000000 00000000 00000000 00000000 \
         a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf 88776655 44332211 01070000 00000000 \
         0b000000 00000000 03000000 00000000 0a080000 00000000 00000000 01000000 \
         09000000 00000000 02000000 00000000 04000700 00000000 40000000 00000000 \
         01010000 03000000 10000000 64000000 efbeadde 00000000 c0c1c2c3 c4c5c6c7 \
         c8c9cacb cccdcecf 00000000 08000000 00040000 01000000 d0d1d2d3 d4d5d6d7 \
         d8d9dadb dcdddedf a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf 88776655 44332211 \
         01000000 00000000 04000000 00000000 02000000 00000000 00000000 07000000 \
         04000000 00000000 f2030000 00000000 03000000 00000000 edfe0000 adbe0000 \
         00000000 00000000 01000000 00000000 05000000 00000000 06000000 00000000 \
         00000000 00000000 00000000 00000000 00000000 00000000 02000000 01000000 \
         99000000 00000000 00000000 00000000 00000000 00000000 00000000 02000000 \
         00000000 00000000 03000000 c0c1c2c3",
    );
    let header = BlockHeader {
        kind: BlockKind::Values,
        codec: BlockCodec::Zstd,
        dictionary: Some(DictionaryId(3)),
        compressed_bytes: 16,
        raw_bytes: 100,
        checksum: 0xdead_beef,
    };
    let stream = StreamRow {
        stream: STREAM,
        last_journal: 7,
        next_ordinal: 11,
        lease_epoch_max: 3,
        payload_bytes: 2058,
        first_extent: 0,
        extent_count: 1,
    };
    let extent = ExtentRow { first_ordinal: 9, count: 2, block: 0, index: 4, journal: 7 };
    let block = BlockRow { offset: 64, header };
    let value = ValueRow { hash: ValueHash(counting(0xc0)), block: 0, offset: 8, bytes: 1024, used_here: true };
    let conflict = Conflict { stream: STREAM, ordinal: 4, lost_lease_epoch: 2 };
    let inputs = vec![
        Input::Journal(BASE),
        Input::Sealed(SealedId { number: 5, salt: 6 }),
        Input::Part { edit: 0x99, index: 1, count: 2 },
    ];
    let rows = FooterRows {
        streams: vec![stream],
        extents: vec![extent],
        blocks: vec![block],
        values: vec![value],
        used: vec![ValueHash(counting(0xd0))],
        conflicts: vec![conflict.clone()],
        inputs: inputs.clone(),
        singles: vec![3, 0xc3c2_c1c0],
    };
    let summary = FooterSummary { id: ID, tier: Tier::Archived, records: 2, payload_bytes: 2058 };
    assert_eq!(rows.encode(&summary), golden);
    let footer = Footer::decode(Arc::new(golden), ID).unwrap();
    assert_eq!((footer.summary(), footer.block_count()), (&summary, 1));
    assert_eq!((footer.stream(&STREAM), footer.extents(&stream).collect()), (Some(stream), vec![extent]));
    assert_eq!((footer.block(0), footer.value(&value.hash)), (Some(block), Some(value)));
    assert_eq!(
        (footer.used().collect(), footer.conflicts().collect()),
        (vec![ValueHash(counting(0xd0))], vec![conflict])
    );
    assert_eq!((footer.inputs().collect(), footer.singles().collect()), (inputs, vec![3, value.hash.short()]));
}

#[test]
fn dictionary() {
    let mut golden = bytes(
        "746c6f67 64696331 01000000 2b000000 10111213 14151617 18191a1b 1c1d1e1f \
         15000000 15000000 c5c42b8b 00000000 00000000 00000000 00000000 34e6fc62 \
         776f7264 73206f66 20612064 69637469 6f6e6172 79",
    );
    golden.resize(4096, 0);
    // The exclusive or of one piece is that piece.
    golden.extend_from_within(..);
    let dictionary = Dictionary::new(DictionaryId(0x2b), b"words of a dictionary".to_vec()).unwrap();
    assert_eq!(dictionary.encode(&STORE).unwrap(), golden);
    let read = Dictionary::decode(&golden, DictionaryId(0x2b), &STORE).unwrap();
    assert_eq!((read.raw(), read.is_mended()), (dictionary.raw(), false));
}

#[test]
fn block_of_values() {
    let golden = bytes("02000000 03000000 05000000 6f6e6566 69766572");
    let mut builder = ValuesBuilder::default();
    builder.push(ValueHash([1; 16]), b"one");
    builder.push(ValueHash([2; 16]), b"fiver");
    let places: Vec<_> = builder.places().collect();
    assert_eq!(places, [(ValueHash([1; 16]), 12, 3), (ValueHash([2; 16]), 15, 5)]);
    assert_eq!(builder.encode(), golden);
    let block = ValuesBlock::decode(golden).unwrap();
    assert_eq!(block.values().collect::<Vec<_>>(), [(12, b"one".as_slice()), (15, b"fiver")]);
}

#[test]
fn block_of_records() {
    let golden = bytes(
        "01000000 a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf 88776655 44332211 01070000 \
         02000000 09000000 00000000 54000000 24000000 09040000 00000000 01000000 \
         c0c1c2c3 c4c5c6c7 c8c9cacb cccdcecf 00040000 02010601 04010208 aaacabfe \
         f9620004 02050401 01020078 629e4a68 656c6c6f 41424344",
    );
    let mut builder = RecordsBuilder::default();
    let value = UsedValue { hash: ValueHash(counting(0xc0)), bytes: 1024 };
    let payload = [b"AB".as_slice(), &[b'v'; 1024], b"CD"].concat();
    let first = Stored {
        stream: STREAM,
        ordinal: 9,
        journal: 7,
        lease_epoch: 3,
        clock: 1_700_000_000_789 << 16 | 2,
        codec: 4,
        payload_bytes: 5,
        pieces: &[b"hello"],
        refs: &[],
        checksum: 0,
    };
    builder.push(&first);
    builder.push(&Stored {
        ordinal: 10,
        lease_epoch: 5,
        clock: first.clock + 1,
        payload_bytes: 1028,
        pieces: &[b"AB", b"CD"],
        refs: &[(2, value)],
        checksum: crc32fast::hash(&payload),
        ..first
    });
    assert_eq!(builder.encode(), golden);
    let block = RecordsBlock::decode(golden).unwrap();
    let extent = block.extent(0).unwrap();
    assert_eq!((extent.stream, extent.journal, extent.count, extent.first_ordinal), (STREAM, 7, 2, 9));
    assert_eq!((extent.payload_bytes, block.values().collect()), (1033, vec![value]));
    let mut columns = Columns::default();
    block.columns(&extent, &mut columns).unwrap();
    let facts: Vec<_> = columns.records.iter().map(|record| (record.lease_epoch, record.clock, record.codec)).collect();
    assert_eq!(facts, [(3, first.clock, 4), (5, first.clock + 1, 4)]);
    let ends: Vec<_> =
        columns.records.iter().map(|record| (record.start, record.stored_bytes, record.payload_bytes)).collect();
    assert_eq!(ends, [(27, 5, 5), (32, 4, 1028)]);
}
