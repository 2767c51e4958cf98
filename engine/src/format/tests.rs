//! Round trips, and what is refused and why.

use proptest::prelude::*;

use crate::format::frame::FrameHeader;
use crate::format::group::{BODY_BYTES_MAX, GroupHeader};
use crate::format::large::{LargeHeader, LargeName, LargeReference};
use crate::format::mark::{MarkSlot, newest, page_words};
use crate::format::segment::{EpochStart, SegmentHeader};
use crate::format::store_file::FormatFile;
use crate::format::{HeaderFault, is_zero};
use crate::id::{Epoch, SegmentId, Sequence, StreamId};

const ROT: HeaderFault = HeaderFault::Rotten("its checksum does not match");
const ID: SegmentId = SegmentId { number: 3, salt: 77 };

fn segment() -> SegmentHeader {
    SegmentHeader {
        id: ID,
        epoch: Epoch(2),
        block_bytes: 4096,
        store: [5; 16],
        journal: 1,
        epoch_start: None,
        prepared_bytes: 0,
        created_ms: 9,
    }
}

fn group(body_bytes: u32, frame_count: u32) -> GroupHeader {
    GroupHeader {
        body_bytes,
        frame_count,
        epoch: Epoch(1),
        first_sequence: Sequence(1),
        durable_upto: Sequence(0),
        previous_checksum: 0,
        frames_checksum: 0,
    }
}

/// Writes `version` and a fitting checksum into a header.
fn with_version(mut bytes: Vec<u8>, version: u32) -> Vec<u8> {
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    let at = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..at]);
    bytes[at..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn every_flipped_bit_of_a_checked_structure_is_seen() {
    let file = FormatFile::new([9; 16], 1).encode();
    let large = LargeHeader { payload_checksum: 1, payload_bytes: 2, id: [3; 16], store: [4; 16] }.encode();
    let hot = segment().encode();
    for bit in 0..8 {
        for at in 0..64 {
            let (mut file, mut large) = (file, large);
            file[at] ^= 1 << bit;
            large[at] ^= 1 << bit;
            assert_eq!(FormatFile::decode(&file), Err(ROT));
            assert_eq!(LargeHeader::decode(&large), Err(ROT));
        }
        for at in 0..112 {
            let mut hot = hot.clone();
            hot[at] ^= 1 << bit;
            assert_eq!(SegmentHeader::decode(&hot, ID), Err(ROT));
        }
        for at in 0..64 {
            let (mut bytes, _) = group(128, 2).encode(7, 4096);
            bytes[at] ^= 1 << bit;
            assert_eq!(GroupHeader::decode(&bytes, 7, 4096), None);
        }
    }
}

#[test]
fn absent_is_told_from_rotten_and_rotten_from_newer() {
    let hot = segment().encode();
    for bytes in [&[][..], &hot[..111], &[0; 4096]] {
        assert_eq!(SegmentHeader::decode(bytes, ID), Err(HeaderFault::Absent));
    }
    assert_eq!(FormatFile::decode(&[0; 64]), Err(HeaderFault::Absent));
    let newer = with_version(hot[..112].to_vec(), 2);
    assert_eq!(SegmentHeader::decode(&newer, ID), Err(HeaderFault::Version(2)));
    let newer = with_version(FormatFile::new([1; 16], 0).encode().to_vec(), 7);
    assert_eq!(FormatFile::decode(&newer), Err(HeaderFault::Version(7)));
    let other = FormatFile { incompatible: 6, ..FormatFile::new([1; 16], 0) };
    assert_eq!(FormatFile::decode(&other.encode()), Err(HeaderFault::Incompatible(6)));
    let large = LargeHeader { payload_checksum: 1, payload_bytes: 2, id: [3; 16], store: [4; 16] }.encode();
    assert_eq!(LargeHeader::decode(&with_version(large.to_vec(), 0)), Err(HeaderFault::Version(0)));
    // A sound header of another kind of file, under this one's name.
    assert!(matches!(FormatFile::decode(&large), Err(HeaderFault::Rotten(what)) if what.contains("magic")));
}

#[test]
fn a_segment_header_is_bound_to_its_name_and_to_possible_blocks() {
    let bytes = segment().encode();
    for id in [SegmentId { number: 4, ..ID }, SegmentId { salt: 78, ..ID }] {
        assert!(matches!(SegmentHeader::decode(&bytes, id), Err(HeaderFault::Rotten(what)) if what.contains("name")));
    }
    for block_bytes in [0, 1, 2048, 4097, 12_288, 2 << 20, u32::MAX] {
        let bytes = SegmentHeader { block_bytes, ..segment() };
        // Not `encode`, which would fill a block of that size.
        let mut raw = segment().encode();
        raw.truncate(112);
        raw[12..16].copy_from_slice(&bytes.block_bytes.to_le_bytes());
        let raw = with_version(raw, 1);
        assert!(matches!(SegmentHeader::decode(&raw, ID), Err(HeaderFault::Rotten(what)) if what.contains("block")));
    }
    assert_eq!(SegmentHeader { block_bytes: 1 << 20, ..segment() }.encode().len(), 1 << 20);
}

#[test]
fn a_group_header_is_bound_to_its_place() {
    let (bytes, sum) = group(0, 0).encode(7, 4096);
    assert_eq!(GroupHeader::decode(&bytes, 7, 4096), Some((group(0, 0), sum)));
    assert_eq!(GroupHeader::decode(&bytes, 7, 8192), None);
    assert_eq!(GroupHeader::decode(&bytes, 8, 4096), None);
    assert_eq!(GroupHeader::decode(&bytes[..63], 7, 4096), None);
}

#[test]
fn impossible_lengths_and_sequences_are_refused_even_with_a_fitting_checksum() {
    let ends = GroupHeader { first_sequence: Sequence(u64::MAX), ..group(64, 1) };
    let starts = GroupHeader { first_sequence: Sequence(0), ..group(0, 0) };
    for header in [group(BODY_BYTES_MAX + 1, 0), group(127, 2), group(0, 1), group(64, u32::MAX), ends, starts] {
        let (bytes, _) = header.encode(1, 4096);
        assert_eq!(GroupHeader::decode(&bytes, 1, 4096), None, "{header:?}");
    }
    for header in [group(BODY_BYTES_MAX, 1 << 20), group(128, 2)] {
        assert!(GroupHeader::decode(&header.encode(1, 4096).0, 1, 4096).is_some(), "{header:?}");
    }
}

#[test]
fn the_newest_valid_slot_of_the_mark_counts() {
    let store = [6; 16];
    let slot = |epoch, durable, closed| MarkSlot { epoch: Epoch(epoch), durable: Sequence(durable), boot: 5, closed };
    let page = |first: Option<MarkSlot>, second: Option<MarkSlot>| {
        let mut words = vec![0; 512];
        for (start, slot) in [(0, first), (8, second)] {
            if let Some(slot) = slot {
                words[start..start + 5].copy_from_slice(&slot.to_words(&store));
            }
        }
        words
    };
    assert_eq!(newest(&[], &store), None);
    assert_eq!(newest(&page(None, None), &store), None);
    for (one, other) in [
        (slot(1, 5, false), slot(1, 4, true)),
        (slot(2, 5, false), slot(1, 9, false)),
        (slot(1, 5, true), slot(1, 5, false)),
    ] {
        assert_eq!(newest(&page(Some(one), Some(other)), &store), Some(one));
        assert_eq!(newest(&page(Some(other), Some(one)), &store), Some(one));
        assert_eq!(newest(&page(Some(one), None), &store), Some(one));
        // A slot that is being written is passed over, and so is another store's.
        for word in 0..5 {
            let mut words = page(Some(one), Some(other));
            words[word] ^= 1 << 8;
            assert_eq!(newest(&words, &store), Some(other), "word {word}");
        }
        assert_eq!(newest(&page(Some(one), Some(other)), &[7; 16]), None);
    }
    assert_eq!(page_words(&[1, 0, 0, 0, 0, 0, 0, 0, 2]), [1]);
}

#[test]
fn names_of_large_files_read_back_and_others_do_not() {
    for journal in [0, 7, 999, 1000, u32::MAX] {
        let name = LargeName { journal, id: [0xab; 16] };
        assert_eq!(LargeName::parse(&name.to_string()), Some(name));
    }
    let id = "0123456789abcdef0123456789abcdef";
    assert!(LargeName::parse(&format!("001-{id}.rec")).is_some());
    for name in [
        format!("1-{id}.rec"),
        format!("0001-{id}.rec"),
        format!("+01-{id}.rec"),
        format!("001-{}.rec", id.to_uppercase()),
        format!("001-+{}.rec", &id[1..]),
        format!("001-{}.rec", &id[1..]),
        format!("001-0{id}.rec"),
        format!("001-{id}"),
        format!("001{id}.rec"),
    ] {
        assert_eq!(LargeName::parse(&name), None, "{name}");
    }
}

#[test]
fn zeros_are_recognised_at_every_length_and_place() {
    for length in 0..200 {
        let mut bytes = vec![0; length];
        assert!(is_zero(&bytes));
        for at in 0..length {
            bytes[at] = 1;
            assert!(!is_zero(&bytes), "{at} of {length}");
            bytes[at] = 0;
        }
    }
}

prop_compose! {
    fn any_frame()(
        (payload_checksum, payload_bytes, thread, incarnation) in any::<(u32, u32, [u8; 16], u64)>(),
        (channel, ordinal, lease_epoch, clock, large, codec) in any::<(u8, u64, u64, u64, bool, u8)>(),
    ) -> FrameHeader {
        let stream = StreamId { thread, incarnation, channel };
        FrameHeader { payload_checksum, payload_bytes, stream, ordinal, lease_epoch, clock, large, codec }
    }
}

prop_compose! {
    fn any_segment()(
        (number, salt, epoch, store, journal) in any::<(u64, u64, u64, [u8; 16], u32)>(),
        (block, prepared_bytes, created_ms) in (12u32..=20, any::<u64>(), any::<u64>()),
        start in any::<Option<(u64, u64, u32)>>(),
    ) -> SegmentHeader {
        let epoch_start = start.map(|(start, recovered, start_checksum)| EpochStart {
            start_sequence: Sequence(start),
            recovered_upto: Sequence(recovered),
            start_checksum,
        });
        let id = SegmentId { number, salt };
        let block_bytes = 1 << block;
        SegmentHeader { id, epoch: Epoch(epoch), block_bytes, store, journal, epoch_start, prepared_bytes, created_ms }
    }
}

proptest! {
    #[test]
    fn round_trips(frame in any_frame(), segment in any_segment(), (a, b, c, d) in any::<(u64, u64, u64, bool)>()) {
        prop_assert_eq!(FrameHeader::decode(&frame.encode()), frame);
        let block = segment.encode();
        prop_assert_eq!(u32::try_from(block.len()).unwrap(), segment.block_bytes);
        prop_assert_eq!(SegmentHeader::decode(&block, segment.id), Ok(segment));
        prop_assert_eq!(SegmentId::parse(&segment.id.to_string()), Some(segment.id));
        let slot = MarkSlot { epoch: Epoch(a), durable: Sequence(b), boot: c, closed: d };
        prop_assert_eq!(MarkSlot::from_words(&slot.to_words(&segment.store), &segment.store), Some(slot));
        let reference = LargeReference { id: segment.store, payload_bytes: a, payload_checksum: segment.journal };
        prop_assert_eq!(LargeReference::decode(&reference.encode()), Some(reference));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = FormatFile::decode(&bytes);
        let _ = SegmentHeader::decode(&bytes, ID);
        let _ = LargeHeader::decode(&bytes);
        let _ = LargeReference::decode(&bytes);
        let _ = GroupHeader::decode(&bytes, 1, 4096);
        let _ = newest(&page_words(&bytes), &[0; 16]);
        if let Some(header) = bytes.first_chunk() {
            let _ = FrameHeader::decode(header);
        }
    }
}
