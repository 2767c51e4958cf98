//! The rules of format.md 3.5, one scenario each.

use crate::format::segment::EpochStart;
use crate::id::{Epoch, Sequence};
use crate::number::wide;
use crate::recover::image::{Image, first_epoch};
use crate::recover::log::{DamageKind, Log, Mark};
use crate::recover::resolve::resolve;
use crate::recover::tests::{Content, content, log_of, mark, three_segments, without, written};

pub(super) fn start(start_sequence: u64, recovered_upto: u64, start_checksum: u32) -> EpochStart {
    EpochStart { start_sequence: Sequence(start_sequence), recovered_upto: Sequence(recovered_upto), start_checksum }
}

pub(super) fn payloads(found: &Content) -> Vec<(u64, u8)> {
    found.iter().map(|(sequence, payload)| (*sequence, payload.as_ref().map_or(0, |bytes| bytes[0]))).collect()
}

/// Records 1 and 2 synced and witnessed, 3 and 4 valid but never witnessed: `1 1 | 2 2 | 3 3 | 4 4`.
pub(super) fn with_a_tail() -> (Image, u32) {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.synced_group(&[(b'a', &[1; 9])]);
    image.synced_group(&[(b'a', &[2; 9])]);
    let chain = image.chain;
    image.group(&[(b'a', &[3; 9])]);
    image.group(&[(b'a', &[4; 9])]);
    (image, chain)
}

/// Copies the groups of the tail into the epoch that the image has just started.
pub(super) fn copy_tail(image: &mut Image) {
    for index in 2..4 {
        let frames = image.groups[index].frames.iter().map(|(_, header, payload)| (*header, payload.clone())).collect();
        image.group_of(frames);
    }
}

pub(super) fn clean(log: &Log) {
    assert_eq!((log.damage.as_slice(), log.torn), ([].as_slice(), None));
}

#[test]
fn the_valid_tail_above_the_witness_is_part_of_the_log() {
    let (image, chain) = with_a_tail();
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(
        (log.witness, log.last, log.chain_at_witness, log.chain),
        (Sequence(2), Sequence(4), chain, image.chain)
    );
}

#[test]
fn an_unfinished_recovery_is_left_out_whole() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 4, chain));
    copy_tail(&mut image);
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(log.groups.iter().filter(|place| place.scan == 1).count(), 0);
    assert_eq!((log.left_out, log.epoch, log.number), (vec![image.segments[1].0], Epoch(2), 2));
}

#[test]
fn a_recovery_is_finished_by_its_witness_or_by_the_mark() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 4, chain));
    copy_tail(&mut image);
    let by_mark = log_of(&image, Some(Mark { epoch: Epoch(2), durable: Sequence(4) }));
    image.durable_upto = Sequence(4);
    image.group(&[]);
    let by_witness = log_of(&image, None);
    for (found, log) in [by_mark, by_witness] {
        clean(&log);
        assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(log.groups.iter().filter(|place| place.scan == 1 && place.frames > 0).count(), 2);
        assert_eq!((log.left_out, log.last), (vec![], Sequence(4)));
    }
}

/// The witness that finishes a recovery may have been written by a process that died before its sync
/// returned. What it finishes can be shown, but must be copied once more: a power cut could still take
/// the witness, and with it, as the run would not count any more, all that was built on it.
#[test]
fn a_recovery_is_settled_by_what_was_written_after_it() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 4, chain));
    copy_tail(&mut image);
    let copied = image.chain;
    image.durable_upto = Sequence(4);
    image.group(&[]);
    let mark = |epoch| Some(Mark { epoch: Epoch(epoch), durable: Sequence(if epoch < 2 { 2 } else { 4 }) });
    for unsettled in [None, mark(1)] {
        let (_, log) = log_of(&image, unsettled);
        assert_eq!((log.witness, log.last, log.chain_at_witness), (Sequence(2), Sequence(4), chain));
    }
    for settled in [mark(2), mark(3)] {
        let (_, log) = log_of(&image, settled);
        assert_eq!((log.witness, log.last), (Sequence(4), Sequence(4)));
        assert_eq!(log.chain_at_witness, copied);
    }
    image.group(&[(b'b', &[5; 9])]);
    let (_, log) = log_of(&image, None);
    assert_eq!((log.witness, log.last, log.chain_at_witness), (Sequence(4), Sequence(5), copied));
    // Damage is judged by the copies, which were synced before the witness was written, settled or not.
    image.segments[1].1[2 * 4096..3 * 4096].fill(0);
    for mark in [None, mark(1)] {
        let (_, log) = log_of(&image, mark);
        assert_eq!((log.damage.len(), log.damage[0].kind, log.damage[0].first), (1, DamageKind::Gap, Sequence(4)));
    }
}

#[test]
fn what_a_failed_write_left_is_superseded_by_the_next_epoch() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 0, chain));
    image.synced_group(&[(b'a', &[33; 9])]);
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 33)]);
    // Even without any group yet: the tickets of the failed write were told that they failed.
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 0, chain));
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2)]);
    assert_eq!((log.last, log.witness, log.chain_at_witness), (Sequence(2), Sequence(2), chain));
}

#[test]
fn a_run_ends_before_the_start_of_any_later_run() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(5, 0, image.chain));
    image.group(&[(b'a', &[5; 9])]);
    image.start_epoch(start(3, 0, chain));
    image.group(&[(b'a', &[33; 9])]);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 33)]);
    assert_eq!((log.last, log.torn), (Sequence(4), None));
    // No writer starts below what it knows durable: the third epoch's word for 2 and the second's for 4 differ.
    assert_eq!((log.damage[0].kind, log.damage[0].first), (DamageKind::TailLost, Sequence(4)));
}

#[test]
fn an_epoch_that_begins_above_what_can_be_found_tells_of_a_loss() {
    let (mut image, _) = with_a_tail();
    image.start_epoch(start(7, 0, 99));
    image.group(&[(b'a', &[7; 9])]);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4), (7, 7)]);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.kind, damage.first, damage.count), (DamageKind::TailLost, Sequence(5), Some(2)));
    assert_eq!(damage.segment, image.segments[0].0);
}

#[test]
fn the_mark_is_a_promise_whatever_epoch_wrote_it() {
    let (image, _) = with_a_tail();
    for epoch in [1, 2, 9] {
        let (found, log) = log_of(&image, Some(Mark { epoch: Epoch(epoch), durable: Sequence(6) }));
        assert_eq!(found.len(), 4);
        let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
        assert_eq!((damage.kind, damage.first, damage.count), (DamageKind::TailLost, Sequence(5), Some(2)));
        assert_eq!((damage.segment, damage.offset), (image.segments[0].0, 5 * 4096));
        assert_eq!((log.last, log.witness, log.epoch), (Sequence(6), Sequence(6), Epoch(epoch)));
    }
}

#[test]
fn a_reader_sees_and_judges_nothing_above_its_limit() {
    let mut image = three_segments();
    let all = written(&image);
    let at = image.groups[3].offset + 70;
    image.segments[1].1[at] ^= 0xff;
    let scans = image.scans();
    for limit in 0..=11 {
        let log = resolve(&scans, Some(Mark { epoch: Epoch(1), durable: Sequence(limit) }), Some(Sequence(limit)));
        let shown = without(&all, limit + 1..=11);
        assert_eq!(content(&image, &scans, &log), without(&shown, [6]), "limit {limit}");
        assert_eq!((log.damage.len(), log.torn), (usize::from(limit >= 6), None), "limit {limit}: {:?}", log.damage);
        assert_eq!((log.last, log.witness), (Sequence(limit), Sequence(limit)));
    }
    // The limit is a promise too: what lies below it must be there.
    let log = resolve(&scans, Some(Mark { epoch: Epoch(1), durable: Sequence(13) }), Some(Sequence(13)));
    assert_eq!(log.damage.last().map(|damage| (damage.kind, damage.first.0)), Some((DamageKind::TailLost, 12)));
}

#[test]
fn a_group_across_the_limit_is_cut() {
    let image = three_segments();
    let scans = image.scans();
    let log = resolve(&scans, None, Some(Sequence(8)));
    assert_eq!(content(&image, &scans, &log), without(&written(&image), 9..=11));
    assert_eq!(log.groups.last().map(|place| place.frames), Some(2));
}

#[test]
fn a_missing_segment_is_a_loss_wherever_it_was() {
    for missing in 0..3 {
        let mut image = three_segments();
        let all = written(&image);
        let lost: Vec<u64> = image
            .groups
            .iter()
            .filter(|g| g.segment == missing)
            .flat_map(|g| g.header.first_sequence.0..g.header.next_sequence().0)
            .collect();
        let mark = mark(&image);
        image.segments.remove(missing);
        let (found, log) = log_of(&image, mark);
        assert_eq!(found, without(&all, lost.clone()));
        let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
        let (kind, segment) =
            if missing == 2 { (DamageKind::TailLost, 2) } else { (DamageKind::MissingSegment, missing + 2) };
        assert_eq!((damage.kind, damage.segment.number), (kind, wide(segment)), "missing {missing}");
        assert_eq!((damage.first.0, damage.count), (lost[0], Some(wide(lost.len()))));
        assert!(!damage.complete);
    }
}

#[test]
fn an_epoch_without_its_first_segment_is_damage_even_where_the_sequence_goes_on() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 0, chain));
    image.group(&[(b'a', &[33; 9])]);
    image.segment(None);
    image.synced_group(&[(b'a', &[34; 9])]);
    let before = image.clone();
    image.group(&[]);
    image.segments.remove(1);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 34)]);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.kind, damage.first, damage.count), (DamageKind::MissingSegment, Sequence(4), Some(0)));
    // Without the witness it can be the work of a power cut, before any sync of the epoch: then nothing of
    // it was acknowledged, and nothing says where it began.
    let mut image = before;
    image.segments.remove(1);
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(log.left_out, [image.segments[1].0]);
}

/// A segment that is too short for a header was cut; one that was prepared and has its whole length was not, and neither
/// was, as far as anybody can tell, one that a failed write left with nothing but its header.
#[test]
fn a_loss_at_the_end_is_laid_to_the_segment_that_was_cut() {
    for cut in [0, 100, 4096] {
        let (mut image, chain) = with_a_tail();
        image.segment(None);
        image.start_epoch(start(5, 0, chain));
        image.group(&[(b'a', &[5; 9])]);
        let mark = mark(&image);
        image.segments[2].1.truncate(cut);
        let (_, log) = log_of(&image, mark);
        let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
        assert_eq!((damage.kind, damage.segment.number, damage.first), (DamageKind::TailLost, 3, Sequence(5)), "{cut}");
    }
}

/// Two segments were begun without a sync, and a power cut kept of them what came second. Nothing of either was
/// acknowledged.
#[test]
fn the_second_segment_of_an_epoch_may_arrive_before_its_first() {
    for headless in [false, true] {
        let (mut image, chain) = with_a_tail();
        image.start_epoch(start(3, 0, chain));
        image.group(&[(b'a', &[33; 9])]);
        image.segment(None);
        image.group(&[(b'a', &[34; 9])]);
        if headless {
            image.segments[1].1.clear();
        } else {
            image.segments.remove(1);
        }
        // What the lost segment began to supersede is in force again, as if the epoch had not begun.
        let (found, log) = log_of(&image, None);
        assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(log.damage.as_slice(), []);
    }
}
