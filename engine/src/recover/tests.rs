//! What the other test files share: journals to damage, and what can be read of them afterwards.

use std::collections::BTreeMap;

use crate::id::{Epoch, Sequence};
use crate::number::{narrow, wide};
use crate::recover::image::{Image, first_epoch};
use crate::recover::log::{Log, Mark, Scan};
use crate::recover::resolve::resolve;
use crate::recover::walk::Piece;

/// Bytes without a zero, different for each seed.
pub(super) fn text(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| u8::try_from(1 + (at * 7 + usize::from(seed) * 31) % 255).unwrap()).collect()
}

/// Three segments of one epoch, every group synced, each group knowing that of the one before.
pub(super) fn three_segments() -> Image {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.synced_group(&[(b'a', &text(1, 300)), (b'b', &text(2, 40))]);
    image.synced_group(&[(b'a', &text(3, 700))]);
    image.segment(None);
    image.synced_group(&[(b'b', &text(4, 5000)), (b'c', &text(5, 1))]);
    image.synced_group(&[(b'a', &text(6, 90))]);
    image.segment(None);
    image.synced_group(&[(b'c', &text(7, 10)), (b'c', &text(8, 4000)), (b'a', &text(9, 33))]);
    image.synced_group(&[(b'b', &text(10, 600)), (b'a', &text(11, 20))]);
    image
}

/// A record as read: its payload, or none if that is damaged.
pub(super) type Content = BTreeMap<u64, Option<Vec<u8>>>;

/// What a log holds, by sequence, read from the files.
pub(super) fn content(image: &Image, scans: &[Scan], log: &Log) -> Content {
    let mut found = Content::new();
    for place in &log.groups {
        let Piece::Group(group) = &scans[place.scan].walk.pieces[place.piece] else { panic!("a place names a gap") };
        let file = &image.segments[place.scan].1;
        for (index, frame) in group.frames.iter().take(place.frames).enumerate() {
            let start = narrow(frame.payload_offset).unwrap();
            let payload = file[start..start + narrow(u64::from(frame.header.payload_bytes)).unwrap()].to_vec();
            let intact = group.bad.iter().all(|bad| bad.index != index);
            let before = found.insert(group.header.first_sequence.0 + wide(index), intact.then_some(payload));
            assert!(before.is_none(), "a sequence twice in the log");
        }
    }
    found
}

/// What the image's groups from `first` up to `last` were given.
pub(super) fn written(image: &Image) -> Content {
    let mut content = Content::new();
    for group in &image.groups {
        for (index, (_, _, payload)) in group.frames.iter().enumerate() {
            content.insert(group.header.first_sequence.0 + wide(index), Some(payload.clone()));
        }
    }
    content
}

pub(super) fn without(content: &Content, lost: impl IntoIterator<Item = u64>) -> Content {
    let mut content = content.clone();
    for sequence in lost {
        content.remove(&sequence);
    }
    content
}

pub(super) fn mark(image: &Image) -> Option<Mark> {
    Some(Mark { epoch: image.epoch, durable: image.next_sequence.before() })
}

pub(super) fn log_of(image: &Image, mark: Option<Mark>) -> (Content, Log) {
    let scans = image.scans();
    let log = resolve(&scans, mark, None);
    (content(image, &scans, &log), log)
}

#[test]
fn an_intact_journal_reads_back_as_it_was_written() {
    let image = three_segments();
    for mark in [None, mark(&image)] {
        let (found, log) = log_of(&image, mark);
        assert_eq!(found, written(&image));
        assert_eq!((log.damage, log.torn, log.left_out), (vec![], None, vec![]));
        assert_eq!((log.last, log.chain, log.epoch, log.number), (Sequence(11), image.chain, Epoch(1), 3));
        let last = image.groups.last().unwrap().header.first_sequence;
        assert_eq!(log.witness, if mark.is_some() { Sequence(11) } else { last.before() });
        let at_witness =
            if mark.is_some() { image.chain } else { image.groups.last().unwrap().header.previous_checksum };
        assert_eq!(log.chain_at_witness, at_witness);
    }
}

#[test]
fn no_segments_are_an_empty_log_unless_the_mark_promised_more() {
    let log = resolve(&[], None, None);
    assert_eq!(log, Log::default());
    let log = resolve(&[], Some(Mark { epoch: Epoch(3), durable: Sequence(7) }), None);
    assert_eq!((log.last, log.epoch, log.damage.len()), (Sequence(7), Epoch(3), 1));
    assert_eq!((log.damage[0].first, log.damage[0].count), (Sequence(1), Some(7)));
}
