//! Every flipped bit, every truncation and every torn subset of small journals: the outcome must be the
//! exact content, the loss of an unwitnessed tail, or damage that names the right place.

use crate::format::group::GROUP_HEADER_BYTES;
use crate::format::segment::SEGMENT_HEADER_BYTES;
use crate::id::Sequence;
use crate::number::wide;
use crate::recover::image::{Image, Written, first_epoch};
use crate::recover::log::{Damage, DamageKind, Log, Mark, Scan};
use crate::recover::resolve::resolve;
use crate::recover::tests::{content, mark, text, three_segments, without, written};

/// What a flipped bit hits.
enum Hit<'a> {
    Nothing,
    SegmentHeader,
    Group(&'a Written),
    Payload(&'a Written, usize),
    /// Room behind the last group of the journal; whether in a sector where a group would start.
    Room(bool),
}

fn hit(image: &Image, segment: usize, at: usize) -> Hit<'_> {
    if at < SEGMENT_HEADER_BYTES {
        return Hit::SegmentHeader;
    }
    for group in image.groups.iter().filter(|group| group.segment == segment) {
        if !(group.offset..group.end).contains(&at) {
            continue;
        }
        for (index, (offset, _, payload)) in group.frames.iter().enumerate() {
            if (offset + 64..offset + 64 + payload.len()).contains(&at) {
                return Hit::Payload(group, index);
            }
        }
        return Hit::Group(group);
    }
    let used = image.groups.iter().filter(|group| group.segment == segment).map(|group| group.end).max().unwrap_or(0);
    let room = used.next_multiple_of(4096);
    // Room is judged by the sector where the next group would begin.
    if segment + 1 == image.segments.len() && at >= room { Hit::Room(at < room + 512) } else { Hit::Nothing }
}

fn sequences(group: &Written) -> std::ops::Range<u64> {
    group.header.first_sequence.0..group.header.next_sequence().0
}

fn check_flip(image: &Image, at: (usize, usize, u8), mark: Option<Mark>, scans: &[Scan], log: &Log) {
    let (segment, byte, bit) = at;
    let id = image.segments[segment].0;
    let found = content(image, scans, log);
    let all = written(image);
    let context = format!("segment {segment} byte {byte} bit {bit} mark {mark:?}: {:?} {:?}", log.damage, log.torn);
    let named = |kind: DamageKind, offset: usize| {
        let [damage] = log.damage.as_slice() else { panic!("one damage expected at {context}") };
        assert_eq!((damage.segment, damage.kind, damage.offset), (id, kind, wide(offset)), "{context}");
        assert!(damage.end > damage.offset, "{context}");
        damage.clone()
    };
    match hit(image, segment, byte) {
        Hit::Nothing => {
            assert_eq!((found, log.damage.as_slice(), log.torn), (all, [].as_slice(), None), "{context}");
        }
        Hit::SegmentHeader => {
            assert_eq!(found, all, "{context}");
            assert_eq!(named(DamageKind::Header, 0).count, Some(0), "{context}");
        }
        Hit::Room(starts_group) => {
            assert_eq!(found, all, "{context}");
            if starts_group {
                assert_eq!(named(DamageKind::Gap, byte / 4096 * 4096).first, image.next_sequence, "{context}");
            } else {
                assert_eq!((log.damage.as_slice(), log.torn.is_some()), ([].as_slice(), true), "{context}");
            }
        }
        Hit::Payload(group, index) => {
            let sequence = group.header.first_sequence.0 + wide(index);
            assert_eq!(found.get(&sequence), Some(&None), "{context}");
            assert_eq!(without(&found, [sequence]), without(&all, [sequence]), "{context}");
            let (offset, header, payload) = &group.frames[index];
            let damage = named(DamageKind::Payload, offset + 64);
            assert_eq!(damage.end, wide(offset + 64 + payload.len()), "{context}");
            assert_eq!((damage.first.0, damage.count), (sequence, Some(1)), "{context}");
            assert_eq!((damage.records, damage.complete), (vec![(header.stream, header.ordinal)], true), "{context}");
        }
        Hit::Group(group) => {
            assert_eq!(found, without(&all, sequences(group)), "{context}");
            check_gap(image, group, byte, &named(DamageKind::Gap, group.offset), log, &context);
        }
    }
}

fn check_gap(image: &Image, group: &Written, byte: usize, damage: &Damage, log: &Log, context: &str) {
    let lost = u64::from(group.header.frame_count);
    assert_eq!(damage.first, group.header.first_sequence, "{context}");
    let is_last = group.header.next_sequence() == image.next_sequence;
    // Only at the end of the log can the number be unknown: then nothing behind it tells.
    assert!(damage.count == Some(lost) || (is_last && damage.count.is_none()), "{context}");
    let truth: Vec<_> = group.frames.iter().map(|(_, header, _)| (header.stream, header.ordinal)).collect();
    if damage.complete {
        assert_eq!(damage.records, truth, "{context}");
    }
    let in_header = byte < group.offset + GROUP_HEADER_BYTES;
    if in_header && !(44..48).contains(&(byte - group.offset)) {
        // All frames are intact, and the header still holds the checksum that says so.
        assert!(damage.complete && damage.count == Some(lost), "{context}");
    }
    assert!(log.last >= group.header.first_sequence, "the lost sequences must not be given again: {context}");
}

fn flip_all(image: &mut Image) {
    let mut scans = image.scans();
    let marks = [None, mark(image)];
    for segment in 0..image.segments.len() {
        for byte in 0..image.segments[segment].1.len() {
            for bit in 0..8u8 {
                image.segments[segment].1[byte] ^= 1 << bit;
                let (id, bytes) = &image.segments[segment];
                scans[segment] = Scan::read(*id, bytes);
                for mark in marks {
                    let log = resolve(&scans, mark, None);
                    check_flip(image, (segment, byte, bit), mark, &scans, &log);
                }
                image.segments[segment].1[byte] ^= 1 << bit;
            }
        }
        let (id, bytes) = &image.segments[segment];
        scans[segment] = Scan::read(*id, bytes);
    }
}

#[test]
fn every_flipped_bit_costs_what_it_hits_and_is_named() {
    flip_all(&mut three_segments());
}

#[test]
fn every_flipped_bit_of_a_prepared_segment_that_is_half_full() {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.synced_group(&[(b'a', &text(1, 20))]);
    image.room(4096);
    image.segment(None);
    image.synced_group(&[(b'a', &text(2, 30)), (b'b', &text(3, 5))]);
    image.room(8192);
    flip_all(&mut image);
}

/// What is left of the groups when one segment is cut to `bytes`.
fn survives(group: &Written, segment: usize, bytes: usize) -> bool {
    group.segment != segment || group.end <= bytes
}

#[test]
fn every_truncation_drops_an_unwitnessed_tail_or_is_damage() {
    let whole = three_segments();
    let all = written(&whole);
    let mut scans = whole.scans();
    for segment in 0..whole.segments.len() {
        let mut image = whole.clone();
        for bytes in (0..whole.segments[segment].1.len()).rev() {
            image.segments[segment].1.truncate(bytes);
            scans[segment] = Scan::read(image.segments[segment].0, &image.segments[segment].1);
            for mark in [None, mark(&whole)] {
                let log = resolve(&scans, mark, None);
                let found = content(&image, &scans, &log);
                let context = format!("segment {segment} cut to {bytes}, mark {mark:?}: {log:?}");
                let lost: Vec<_> = whole.groups.iter().filter(|group| !survives(group, segment, bytes)).collect();
                // A group header proves what was durable even if the frames behind it are cut off.
                let heads = whole
                    .groups
                    .iter()
                    .filter(|group| group.segment != segment || group.offset + GROUP_HEADER_BYTES <= bytes);
                let witness = heads.map(|group| group.header.durable_upto).max().unwrap_or_default();
                let witness = mark.map_or(witness, |mark| mark.durable.max(witness));
                assert_eq!(log.witness, witness, "{context}");
                assert_eq!(found, without(&all, lost.iter().flat_map(|group| sequences(group))), "{context}");
                let Some(first) = lost.first() else {
                    let header = bytes < SEGMENT_HEADER_BYTES;
                    assert_eq!((log.damage.is_empty(), log.torn), (!header, None), "{context}");
                    continue;
                };
                if first.header.first_sequence > witness {
                    assert_eq!(log.damage, [], "{context}");
                } else {
                    let id = image.segments[segment].0;
                    assert_eq!(log.torn, None, "{context}");
                    assert!(log.damage.iter().any(|damage| damage.segment == id), "{context}");
                    assert!(log.damage.iter().all(|damage| damage.segment == id), "{context}");
                    let missing = wide(all.len() - found.len());
                    let counts: Option<u64> = log.damage.iter().map(|damage| damage.count).sum();
                    // At the very end nothing tells how many there were, but none of them is given again.
                    assert!(counts == Some(missing) || (segment == 2 && counts.is_none()), "{context}");
                    assert_eq!(log.last, whole.next_sequence.before(), "{context}");
                }
            }
        }
        scans[segment] = Scan::read(whole.segments[segment].0, &whole.segments[segment].1);
    }
}

/// A journal whose last group, over several blocks, is not witnessed.
fn with_a_wide_last_group() -> (Image, Written) {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.synced_group(&[(b'a', &text(1, 100))]);
    image.segment(None);
    image.synced_group(&[(b'a', &text(2, 100))]);
    let payloads: Vec<_> = (0..9u8).map(|seed| text(seed, 1700 + usize::from(seed) * 100)).collect();
    image.group(&payloads.iter().map(|payload| (b'b', payload.as_slice())).collect::<Vec<_>>());
    let last = image.groups.last().unwrap().clone();
    assert_eq!((last.end - last.offset).div_ceil(4096), 5);
    (image, last)
}

/// Every subset of blocks that did not arrive.
fn tear_all(cut: bool) {
    let (whole, last) = with_a_wide_last_group();
    let kept = without(&written(&whole), sequences(&last));
    let blocks = (last.end - last.offset).div_ceil(4096);
    for missing in 1..1u32 << blocks {
        let mut image = whole.clone();
        let file = &mut image.segments[1].1;
        let mut length = file.len();
        for block in (0..blocks).rev() {
            let start = last.offset + block * 4096;
            if missing & 1 << block != 0 {
                file[start..start + 4096].fill(0);
                if cut && length == start + 4096 {
                    length = start;
                }
            }
        }
        file.truncate(length);
        let scans = image.scans();
        let log = resolve(&scans, None, None);
        assert_eq!(content(&image, &scans, &log), kept, "blocks {missing:b}: {log:?}");
        assert_eq!(log.damage, [], "blocks {missing:b}");
        // The group's header, where it arrived, still proves that the group before it was durable.
        let witness = if missing & 1 == 0 { 2 } else { 1 };
        assert_eq!((log.last, log.witness), (Sequence(2), Sequence(witness)));
        let nothing_arrived = missing + 1 == 1 << blocks;
        assert_eq!(log.torn.is_none(), nothing_arrived, "blocks {missing:b}: {:?}", log.torn);
        if let Some(torn) = log.torn {
            assert_eq!((torn.segment, torn.offset), (image.segments[1].0, wide(last.offset)));
            // Its header counts its records; of a group without one only those whose own headers arrived are seen.
            let seen = if missing & 1 == 0 { 9..=9 } else { 0..=8 };
            assert!(seen.contains(&torn.records_dropped_at_least), "blocks {missing:b}: {torn:?}");
        }
        // The same bytes are a loss if the group had been acknowledged.
        let log = resolve(&scans, mark(&whole), None);
        assert_eq!((log.torn, log.last), (None, whole.next_sequence.before()), "blocks {missing:b}");
        let lost: Vec<_> = log.damage.iter().map(|damage| damage.first.0).collect();
        assert!(log.damage.iter().all(|damage| damage.segment == image.segments[1].0), "{:?}", log.damage);
        assert_eq!(
            lost.first(),
            content(&image, &scans, &log).iter().find(|(_, p)| p.is_none()).map(|(s, _)| s).or(Some(&3))
        );
    }
}

#[test]
fn any_blocks_of_the_last_group_that_stayed_zero_are_a_torn_tail() {
    tear_all(false);
}

#[test]
fn any_blocks_of_the_last_group_that_the_file_does_not_reach_are_a_torn_tail() {
    tear_all(true);
}

#[test]
fn any_nonzero_change_to_the_last_group_is_damage() {
    let (mut image, last) = with_a_wide_last_group();
    for at in last.offset..last.end {
        for change in [0x01, 0x80, 0xff] {
            image.segments[1].1[at] ^= change;
            let log = resolve(&image.scans(), None, None);
            let named = log
                .damage
                .iter()
                .any(|damage| damage.segment == image.segments[1].0 && (damage.offset..damage.end).contains(&wide(at)));
            assert!(named && log.torn.is_none(), "byte {at} by {change:#x}: {log:?}");
            image.segments[1].1[at] ^= change;
        }
    }
}
