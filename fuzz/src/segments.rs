//! Recovery over a journal that a script in the input writes, and then damages.

use std::collections::HashSet;

use threadlog_engine::format::frame::FrameHeader;
use threadlog_engine::format::segment::EpochStart;
use threadlog_engine::recover::image::Image;
use threadlog_engine::recover::log::{Log, Mark, Scan};
use threadlog_engine::recover::resolve::resolve;
use threadlog_engine::recover::walk::{Group, Piece};
use threadlog_engine::{SegmentId, Sequence};

use crate::Input;

/// Steps of one script, so that an input stays fast.
const STEPS_MAX: usize = 40;
/// Bytes of all segments together.
const BYTES_MAX: usize = 1 << 20;

/// Runs a script: first writing, then damage, then recovery with every kind of mark and limit.
pub fn run(input: &[u8]) {
    let mut input = Input(input);
    let mark_and_limit = input.byte();
    let image = write(&mut input);
    let written: HashSet<(u64, Vec<u8>)> = image
        .groups
        .iter()
        .flat_map(|group| group.frames.iter().zip(group.header.first_sequence.0..))
        .map(|((_, header, _), sequence)| (sequence, header.encode().to_vec()))
        .collect();
    let mark = (mark_and_limit & 1 == 1).then_some(Mark { epoch: image.epoch, durable: image.durable_upto });
    let limit = (mark_and_limit & 2 == 2).then(|| Sequence(u64::from(mark_and_limit >> 2)));

    let whole = image.scans();
    let log = resolve(&whole, mark, None);
    check(&whole, &log, None, &written);
    assert!(log.damage.is_empty(), "a journal as a writer leaves it is sound: {:?}", log.damage);

    let mut segments = image.segments;
    damage(&mut input, &mut segments);
    let scans: Vec<Scan> = segments.iter().map(|(id, bytes)| Scan::read(*id, bytes)).collect();
    for (mark, limit) in [(mark, limit), (None, limit), (mark, None)] {
        let log = resolve(&scans, mark, limit);
        check(&scans, &log, limit, &written);
        assert_eq!(log, resolve(&scans, mark, limit), "the same segments give the same log");
    }
}

fn write(input: &mut Input<'_>) -> Image {
    let mut image = Image::new(4096);
    image.start_epoch(EpochStart { start_sequence: Sequence(1), recovered_upto: Sequence(0), start_checksum: 0 });
    // Nobody takes the start of an epoch for a promise until a group or the mark follows.
    image.synced_group(&[]);
    for _ in 0..STEPS_MAX {
        let letter = b'a' + input.byte() % 4;
        let payload = vec![letter; input.byte() as usize * 17];
        match input.byte() % 8 {
            0 => return image,
            1 => image.segment(None),
            2 => image.room(4096),
            3 => image.group(&[(letter, &payload)]),
            4 => image.synced_group(&[]),
            5 => image.synced_group(&[(letter, &payload), (b'z', b"second"), (letter, b"")]),
            _ => image.synced_group(&[(letter, &payload)]),
        }
        if image.segments.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > BYTES_MAX {
            return image;
        }
    }
    image
}

fn damage(input: &mut Input<'_>, segments: &mut Vec<(SegmentId, Vec<u8>)>) {
    for _ in 0..STEPS_MAX {
        if input.is_empty() || segments.is_empty() {
            return;
        }
        let which = input.byte() as usize % segments.len();
        let (kind, at) = (input.byte(), input.number());
        let (_, bytes) = &mut segments[which];
        let at = if bytes.is_empty() { 0 } else { at % bytes.len() };
        let block = at / 4096 * 4096;
        match kind % 6 {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << (kind >> 5),
            1 => bytes.truncate(at),
            2 => bytes.iter_mut().skip(block).take(4096).for_each(|byte| *byte = 0),
            3 => bytes.iter_mut().skip(at / 512 * 512).take(512).for_each(|byte| *byte = 0),
            4 => drop(segments.remove(which)),
            _ => {
                // A block of the same file, elsewhere: a misdirected write.
                let from = input.number() % bytes.len().max(1) / 4096 * 4096;
                let copy: Vec<u8> = bytes.iter().skip(from).take(4096).copied().collect();
                bytes.iter_mut().skip(block).zip(copy).for_each(|(byte, other)| *byte = other);
            }
        }
    }
}

/// Order kept, nothing invented, nothing beyond the limit, never more records than bytes.
fn check(scans: &[Scan], log: &Log, limit: Option<Sequence>, written: &HashSet<(u64, Vec<u8>)>) {
    let mut next = 1;
    let mut frames = 0;
    for place in &log.groups {
        let Some(Piece::Group(group)) = scans[place.scan].walk.pieces.get(place.piece) else {
            panic!("a group of the log is none: {place:?}");
        };
        assert!(group.header.first_sequence.0 >= next, "groups out of order: {:?} before {next}", group.header);
        assert!(place.frames <= group.frames.len());
        for (frame, sequence) in kept(group, place.frames) {
            let known = written.contains(&(sequence, frame.encode().to_vec()));
            assert!(known, "record {sequence} was never written: {frame:?}");
            assert!(limit.is_none_or(|limit| sequence <= limit.0), "record {sequence} is above the limit");
        }
        next = group.header.first_sequence.0 + place.frames as u64;
        frames += place.frames;
    }
    assert!(log.last >= log.witness);
    let bytes: u64 = scans.iter().map(|scan| scan.bytes).sum();
    assert!(frames as u64 * 64 <= bytes, "more records than bytes");
}

fn kept(group: &Group, frames: usize) -> impl Iterator<Item = (&FrameHeader, u64)> {
    let headers = group.frames.iter().take(frames).map(|frame| &frame.header);
    headers.zip(group.header.first_sequence.0..)
}
