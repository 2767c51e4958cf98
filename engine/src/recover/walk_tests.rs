//! One segment: groups, gaps, and what can explain them.

use proptest::prelude::*;

use crate::format::frame::FrameHeader;
use crate::format::group::GroupHeader;
use crate::format::segment::HeaderFault;
use crate::id::{Epoch, SegmentId, Sequence};
use crate::number::{narrow, wide};
use crate::recover::image::{Image, encode_group, first_epoch, frame, stream};
use crate::recover::judge::torn_looking;
use crate::recover::log::{Mark, Scan};
use crate::recover::resolve::resolve;
use crate::recover::tests::text;
use crate::recover::walk::{Gap, Group, Piece, Walk, walk};

const SALT: u64 = 42;

fn place(first_sequence: u64) -> GroupHeader {
    GroupHeader {
        body_bytes: 0,
        frame_count: 0,
        epoch: Epoch(1),
        first_sequence: Sequence(first_sequence),
        durable_upto: Sequence(first_sequence - 1),
        previous_checksum: 7,
        frames_checksum: 0,
    }
}

fn frames(lengths: &[usize]) -> Vec<(FrameHeader, Vec<u8>)> {
    let payloads = lengths.iter().zip(1..).map(|(length, seed)| text(seed, *length));
    payloads.zip(0..).map(|(payload, ordinal)| (frame(stream(1), ordinal, &payload), payload)).collect()
}

/// A file of one group after another, each with frames of these lengths, and the offsets of the groups.
fn file(block: usize, groups: &[&[usize]]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut offsets) = (vec![0; block], Vec::new());
    for (lengths, first) in groups.iter().zip(1..) {
        offsets.push(bytes.len());
        let (_, group, _) = encode_group(place(first), &frames(lengths), SALT, wide(bytes.len()));
        bytes.extend_from_slice(&group);
        bytes.resize(bytes.len().next_multiple_of(block), 0);
    }
    (bytes, offsets)
}

fn groups(walk: &Walk) -> Vec<&Group> {
    walk.pieces.iter().filter_map(|piece| if let Piece::Group(group) = piece { Some(group) } else { None }).collect()
}

fn gaps(walk: &Walk) -> Vec<&Gap> {
    walk.pieces.iter().filter_map(|piece| if let Piece::Gap(gap) = piece { Some(gap) } else { None }).collect()
}

/// Pieces follow each other without holes, from the first block to the end.
fn tiles(bytes: &[u8], block: usize, walk: &Walk) {
    let mut at = wide(block);
    for piece in &walk.pieces {
        let (offset, end) = match piece {
            Piece::Group(group) => (group.offset, group.end),
            Piece::Gap(gap) => (gap.offset, gap.end),
        };
        assert!(offset == at && end > offset, "{walk:?}");
        at = end;
    }
    assert!(at >= wide(bytes.len()), "{walk:?}");
}

#[test]
fn groups_of_every_shape_read_back() {
    for block in [4096, 8192, 65_536] {
        let (bytes, offsets) = file(block, &[&[], &[0], &[1, 0, 5000], &[block - 128], &[block - 127], &[3; 40]]);
        let walk = walk(&bytes, SALT, u32::try_from(block).unwrap());
        tiles(&bytes, block, &walk);
        assert_eq!(gaps(&walk), Vec::<&Gap>::new());
        let found = groups(&walk);
        assert_eq!(found.iter().map(|group| narrow(group.offset).unwrap()).collect::<Vec<_>>(), offsets);
        assert_eq!(found.iter().map(|group| group.frames.len()).collect::<Vec<_>>(), [0, 1, 3, 1, 1, 40]);
        assert_eq!(found[3].end - found[3].offset, wide(block), "fills its block to the last byte");
        assert_eq!(found[4].end - found[4].offset, wide(2 * block));
        for (group, lengths) in found.iter().zip([&[][..], &[0], &[1, 0, 5000]]) {
            assert!(group.bad.is_empty());
            for (at, frame) in group.frames.iter().enumerate() {
                let start = narrow(frame.payload_offset).unwrap();
                assert_eq!(bytes[start..start + lengths[at]], frames(lengths)[at].1);
            }
        }
    }
}

#[test]
fn files_that_end_early_have_no_pieces_or_a_gap() {
    let (bytes, _) = file(4096, &[&[10]]);
    for length in [0, 1, 4095, 4096] {
        assert_eq!(walk(&bytes[..length], SALT, 4096), Walk::default());
    }
    // Padding may be missing: a clean close cuts zeros, and they say nothing.
    let whole = walk(&bytes, SALT, 4096);
    assert_eq!(walk(&bytes[..4096 + 64 + 64 + 10], SALT, 4096), whole);
    let cut = walk(&bytes[..4096 + 64 + 64 + 9], SALT, 4096);
    assert!(matches!(cut.pieces.as_slice(), [Piece::Gap(gap)] if gap.torn_looking && gap.header.is_some()));
}

#[test]
fn an_impossible_block_size_is_taken_for_the_least() {
    let (bytes, _) = file(4096, &[&[10], &[20]]);
    for block in [0, 1, 4095, 12_288, 1 << 21, u32::MAX] {
        assert_eq!(walk(&bytes, SALT, block), walk(&bytes, SALT, 4096));
    }
    // With a damaged header, groups on coarser blocks are found too; the padding between is empty gaps.
    let (bytes, _) = file(65_536, &[&[10], &[20]]);
    let found = walk(&bytes, SALT, 4096);
    assert_eq!(groups(&found).len(), 2);
    assert!(gaps(&found).iter().all(|gap| gap.empty && gap.torn_looking));
}

#[test]
fn a_group_is_valid_in_its_own_place_only() {
    let (mut bytes, _) = file(4096, &[&[10], &[20]]);
    assert_eq!(groups(&walk(&bytes, SALT + 1, 4096)).len(), 0);
    let copy = bytes[4096..8192].to_vec();
    bytes[8192..].copy_from_slice(&copy);
    let found = walk(&bytes, SALT, 4096);
    assert_eq!(groups(&found).len(), 1, "right bytes in the wrong place");
    assert!(!gaps(&found)[0].torn_looking);
    assert_eq!(gaps(&found)[0].suspects.len(), 1, "salvage can still read the frame");
}

#[test]
fn a_gap_ends_at_the_next_valid_header() {
    let (mut bytes, offsets) = file(4096, &[&[10], &[9000], &[20]]);
    bytes[offsets[1]] ^= 1;
    let found = walk(&bytes, SALT, 4096);
    let [gap] = gaps(&found)[..] else { panic!("{found:?}") };
    assert_eq!((gap.offset, gap.end), (wide(offsets[1]), wide(offsets[2])));
    assert_eq!((gap.empty, gap.torn_looking, gap.vouched, gap.suspects.len()), (false, false, true, 1));
    assert_eq!(groups(&found).len(), 2);
}

/// Nothing that stands inside a body whose length is vouched for is ever taken for a group.
#[test]
fn what_a_payload_holds_is_never_taken_for_a_group() {
    let inner_at = 4096 + 64 + 64 + (4096 - 128);
    let (_, inner, _) = encode_group(place(99), &frames(&[5]), SALT, wide(inner_at));
    let mut payload = text(1, 4096 - 128);
    payload.extend_from_slice(&inner);
    payload.resize(9000, 3);
    let (_, group, _) = encode_group(place(1), &[(frame(stream(1), 0, &payload), payload)], SALT, 4096);
    let mut bytes = vec![0; 4096];
    bytes.extend_from_slice(&group);
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    assert_eq!(groups(&walk(&bytes, SALT, 4096)).len(), 1);
    // Not even when the frame's header is damaged, as the group's header still tells its length.
    bytes[4096 + 64 + 20] ^= 1;
    assert_eq!(groups(&walk(&bytes, SALT, 4096)).len(), 0);
}

#[test]
fn suspects_vouch_for_nothing_that_zeros_could_fake() {
    let (mut bytes, offsets) = file(4096, &[&[0, 30, 0]]);
    // The header holds a checksum that fits all three: they are believed to be all.
    bytes[offsets[0] + 16] ^= 1;
    let gap = |bytes: &[u8]| gaps(&walk(bytes, SALT, 4096))[0].clone();
    assert_eq!((gap(&bytes).vouched, gap(&bytes).suspects.len()), (true, 3));
    // Without it an empty frame, whose checksum is zero, is no evidence.
    bytes[offsets[0] + 44] ^= 1;
    assert_eq!((gap(&bytes).vouched, gap(&bytes).suspects.len()), (false, 1));
    // A header block that never arrived does not vouch that there were no frames.
    bytes[offsets[0]..offsets[0] + 512].fill(0);
    bytes[offsets[0] + 600] = 1;
    let torn = gap(&bytes);
    assert_eq!((torn.vouched, torn.torn_looking, torn.empty, torn.suspects.len()), (false, true, false, 0));
}

#[test]
fn whole_sectors_decide_whether_a_tear_is_possible() {
    let mut file = vec![1; 4 * 512];
    assert!(!torn_looking(&file, 0, 2048));
    assert!(torn_looking(&file, 0, 2049), "the file ends before");
    file[512..1024].fill(0);
    for (start, end, torn) in
        [(0, 512, false), (0, 513, true), (1023, 1024, true), (1024, 2048, false), (600, 600, false)]
    {
        assert_eq!(torn_looking(&file, start, end), torn, "{start}..{end}");
    }
    // Zeros that do not fill a sector are content.
    file[1023] = 1;
    assert!(!torn_looking(&file, 0, 2048));
    file.truncate(1700);
    file[1536..].fill(0);
    assert!(torn_looking(&file, 1500, 1600), "of the last sector as much as there is");
}

/// Lengths that claim more than is there must neither be believed nor allocated for.
#[test]
fn lengths_are_held_against_the_bytes_present() {
    for (body_bytes, frame_count) in [(64 << 20, 1 << 20), (64 << 20, 1), (4096, 64), (0, 0)] {
        let header = GroupHeader { body_bytes, frame_count, frames_checksum: 1, ..place(1) };
        let mut bytes = vec![0; 4096];
        bytes.extend_from_slice(&header.encode(SALT, 4096).0);
        let found = walk(&bytes, SALT, 4096);
        assert!(matches!(found.pieces.as_slice(), [Piece::Gap(gap)] if gap.header.is_some()));
    }
    let mut bytes = vec![0; 4096 + 64];
    let mut lying = frame(stream(1), 0, b"x");
    lying.payload_bytes = u32::MAX;
    bytes.extend_from_slice(&lying.encode());
    bytes.push(b'x');
    bytes[4096..4100].copy_from_slice(b"TLGR");
    assert_eq!(gaps(&walk(&bytes, SALT, 4096))[0].suspects, []);
}

#[derive(Clone, Debug)]
enum Part {
    Zeros(usize),
    Noise(Vec<u8>),
    /// A group as it would be at this place.
    Group(Vec<usize>, GroupHeader),
    /// A group of another place.
    Stray(u64),
}

fn any_part() -> impl Strategy<Value = Part> {
    let header = (1u64..50, 0u64..60, 1u64..5).prop_map(|(first, durable, epoch)| GroupHeader {
        epoch: Epoch(epoch),
        durable_upto: Sequence(durable),
        ..place(first)
    });
    prop_oneof![
        (1usize..9000).prop_map(Part::Zeros),
        proptest::collection::vec(any::<u8>(), 1..600).prop_map(Part::Noise),
        (proptest::collection::vec(0usize..3000, 0..5), header)
            .prop_map(|(lengths, place)| Part::Group(lengths, place)),
        any::<u64>().prop_map(Part::Stray),
    ]
}

/// Bytes that are likely to look like something: zeros, noise, groups in place and out of place, and a
/// few changed bytes.
fn any_segment() -> impl Strategy<Value = Vec<u8>> {
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (proptest::collection::vec(any_part(), 0..8), edits).prop_map(|(parts, edits)| {
        let mut bytes = vec![0; 4096];
        for part in parts {
            bytes.resize(bytes.len().next_multiple_of(4096), 0);
            match part {
                Part::Zeros(length) => bytes.resize(bytes.len() + length, 0),
                Part::Noise(noise) => bytes.extend_from_slice(&noise),
                Part::Group(lengths, header) => {
                    bytes.extend_from_slice(&encode_group(header, &frames(&lengths), SALT, wide(bytes.len())).1);
                }
                Part::Stray(offset) => bytes.extend_from_slice(&encode_group(place(1), &frames(&[9]), SALT, offset).1),
            }
        }
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_give_a_walk_that_tiles_them(bytes in any_segment(), block in prop_oneof![Just(4096u32), any::<u32>()]) {
        let found = walk(&bytes, SALT, block);
        let used = if block.is_power_of_two() && (4096..=1 << 20).contains(&block) { block } else { 4096 };
        tiles(&bytes, usize::try_from(used).unwrap(), &found);
        let frames: usize = groups(&found).iter().map(|group| group.frames.capacity()).sum();
        prop_assert!(frames * 64 <= bytes.len());
        for gap in gaps(&found) {
            prop_assert!(gap.suspects.len() * 64 <= bytes.len());
            prop_assert!(gap.torn_looking || !gap.empty);
        }
    }

    #[test]
    fn any_segments_give_a_log(
        files in proptest::collection::vec((any_segment(), 0u64..6, proptest::option::of((0u64..60, 0u64..60))), 0..5),
        mark in proptest::option::of((0u64..6, any::<u64>())),
        limit in proptest::option::of(prop_oneof![0u64..60, any::<u64>()]),
    ) {
        let scans: Vec<Scan> = files.iter().zip(1u64..).map(|((bytes, epoch, start), number)| {
            let mut scan = Scan::read(SegmentId { number, salt: SALT }, bytes);
            if *epoch > 0 {
                let mut image = Image::new(4096);
                image.epoch = Epoch(*epoch);
                image.segment(start.map(|(first, upto)| {
                    let mut start = first_epoch();
                    (start.start_sequence, start.recovered_upto) = (Sequence(first), Sequence(upto));
                    start
                }));
                let (id, header) = &image.segments[0];
                scan.header = Scan::read(*id, header).header;
            } else if number % 2 == 0 {
                scan.header = Err(HeaderFault::Rotten("for a test"));
            }
            scan
        }).collect();
        let mark = mark.map(|(epoch, durable)| Mark { epoch: Epoch(epoch), durable: Sequence(durable) });
        let log = resolve(&scans, mark, limit.map(Sequence));
        prop_assert!(log.last >= log.witness);
        let mut expected = Sequence(0);
        for place in &log.groups {
            let Piece::Group(group) = &scans[place.scan].walk.pieces[place.piece] else { panic!("a place names a gap") };
            prop_assert!(group.header.first_sequence > expected && place.frames <= group.frames.len());
            let end = group.header.first_sequence.plus(wide(place.frames)).before();
            prop_assert!(limit.is_none_or(|limit| end.0 <= limit));
            expected = end.max(expected);
        }
        prop_assert!(expected <= log.last);
        let pieces: usize = scans.iter().map(|scan| scan.walk.pieces.len()).sum();
        prop_assert!(log.damage.len() <= 2 * pieces + 2 * scans.len() + 2 + bad(&scans));
    }
}

fn bad(scans: &[Scan]) -> usize {
    scans.iter().flat_map(|scan| groups(&scan.walk)).map(|group| group.bad.len()).sum()
}

/// `cargo test --release -p threadlog-engine walk_speed -- --ignored --nocapture`
#[test]
#[ignore = "prints speeds: just costs"]
fn walk_speed() {
    for (payload, per_group) in [(128, 64), (1024, 16), (1024, 256), (16 << 10, 16), (256 << 10, 4)] {
        let groups = (64 << 20) / (payload * per_group);
        let lengths = vec![payload; per_group];
        let (bytes, _) = file(4096, &vec![lengths.as_slice(); groups]);
        let best = (0..5)
            .map(|_| {
                let begun = std::time::Instant::now();
                let found = walk(&bytes, SALT, 4096);
                let time = begun.elapsed();
                assert_eq!(found.pieces.len(), groups);
                time
            })
            .min()
            .unwrap();
        let payload_bytes = u32::try_from(payload * per_group * groups).unwrap();
        let speed = f64::from(payload_bytes) / best.as_secs_f64() / 1e9;
        println!("{payload} bytes, {per_group} in a group: {speed:.2} GB/s of payload, {best:?}");
    }
    // Written once, so that its pages are there.
    let mut zeros = vec![1; 64 << 20];
    zeros.fill(0);
    for _ in 0..3 {
        let begun = std::time::Instant::now();
        assert_eq!(walk(&zeros, SALT, 4096).pieces.len(), 1);
        println!("64 MiB of zeros: {:?}", begun.elapsed());
    }
}
