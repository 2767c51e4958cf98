//! What rot, missing files and leftovers do to a journal, one scenario each.

use crate::format::segment::HeaderFault;
use crate::id::{Epoch, Sequence};
use crate::number::wide;
use crate::recover::image::{Image, first_epoch, stream};
use crate::recover::log::{DamageKind, Mark};
use crate::recover::resolve::resolve;
use crate::recover::resolve_tests::{clean, copy_tail, payloads, start, with_a_tail};
use crate::recover::tests::{content, log_of, mark, text, three_segments, written};

#[test]
fn spares_and_unborn_files_say_nothing() {
    let (mut image, _) = with_a_tail();
    image.segment(None);
    image.room(8192);
    image.segment(None);
    image.segments[2].1.fill(0);
    let mark = mark(&image);
    let (found, log) = log_of(&image, mark);
    clean(&log);
    assert_eq!(found.len(), 4);
    assert_eq!((log.left_out, log.number), (vec![image.segments[1].0, image.segments[2].0], 3));
}

#[test]
fn an_epochs_first_segment_without_groups_is_kept() {
    let (mut image, _) = with_a_tail();
    image.start_epoch(start(5, 0, image.chain));
    let (_, log) = log_of(&image, None);
    clean(&log);
    assert_eq!((log.left_out, log.witness), (vec![], Sequence(4)));
}

#[test]
fn a_segment_with_a_damaged_header_belongs_to_the_epoch_of_its_groups() {
    for damage_first in [false, true] {
        let (mut image, chain) = with_a_tail();
        image.start_epoch(start(3, 0, chain));
        image.synced_group(&[(b'a', &[33; 9])]);
        image.segment(None);
        image.synced_group(&[(b'a', &[34; 9])]);
        let index = if damage_first { 1 } else { 2 };
        image.segments[index].1[20] ^= 1;
        let (found, log) = log_of(&image, None);
        assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 33), (4, 34)], "{log:?}");
        let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
        assert_eq!((damage.kind, damage.segment, damage.count), (DamageKind::Header, image.segments[index].0, Some(0)));
        assert!(damage.complete);
    }
}

/// The header of a recovery's first segment never arrived, some of its copies did. Without the header
/// nothing says that the copies are incomplete: taken for an epoch like others, they would supersede
/// the originals, and with them records that had been acknowledged.
#[test]
fn copies_without_their_header_do_not_supersede_the_originals() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 4, chain));
    copy_tail(&mut image);
    let file = &mut image.segments[1].1;
    file[..4096].fill(0);
    file.truncate(2 * 4096);
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(log.left_out, [image.segments[1].0]);
}

#[test]
fn copies_under_a_rotten_header_do_not_supersede_the_originals_and_are_kept() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 4, chain));
    copy_tail(&mut image);
    image.segments[1].1[65] ^= 4;
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.kind, damage.first, damage.count), (DamageKind::Header, Sequence(3), Some(0)));
    assert_eq!(log.left_out, []);
    assert!(log.groups.iter().all(|place| place.scan == 0));
    // Finished, it counts, header or not.
    image.durable_upto = Sequence(4);
    image.group(&[]);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!((log.damage[0].kind, log.damage[0].count, log.last), (DamageKind::Header, Some(0), Sequence(4)));
    assert!(log.groups.iter().any(|place| place.scan == 1));
}

/// An epoch after a failed write, under a rotten header: what the failed write left below it is not what
/// it holds, so it is no copy, and it counts.
#[test]
fn an_epoch_under_a_rotten_header_that_copied_nothing_supersedes() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 0, chain));
    image.group(&[(b'a', &[33; 9])]);
    image.segment(None);
    image.group(&[(b'a', &[34; 9])]);
    image.segments[1].1[65] ^= 4;
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 33), (4, 34)]);
    assert_eq!((log.damage.len(), log.damage[0].kind, log.damage[0].count), (1, DamageKind::Header, Some(0)));
    assert_eq!((log.left_out, log.witness), (vec![], Sequence(2)));
}

#[test]
fn an_absent_header_is_damage_only_where_something_was_durable() {
    let mut image = three_segments();
    for (segment, damaged) in [(1, true), (2, true)] {
        image.segments[segment].1[..112].fill(0);
        let scans = image.scans();
        assert_eq!(scans[segment].header, Err(HeaderFault::Absent));
        let log = resolve(&scans, None, None);
        assert_eq!(content(&image, &scans, &log), written(&image));
        assert_eq!(log.damage.len(), segment, "{:?}", log.damage);
        assert_eq!(log.damage[segment - 1].kind == DamageKind::Header, damaged);
    }
    // A growing file whose first sync did not return: its group may have arrived before its header.
    let (mut image, _) = with_a_tail();
    image.segment(None);
    image.group(&[(b'a', &[5; 9])]);
    image.segments[1].1[..4096].fill(0);
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(found.len(), 5);
}

/// The first segment's header turned to zeros, and none of its groups says that it was durable. But the next epoch begins
/// with the checksum of its last group, so that was part of the log.
#[test]
fn an_epoch_that_a_later_one_was_built_on_counts_without_its_header() {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.group(&[(b'a', &[1; 9]), (b'b', &[2; 9])]);
    image.start_epoch(start(3, 0, image.chain));
    image.synced_group(&[(b'a', &[3; 9])]);
    image.segments[0].1[..4096].fill(0);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!((log.damage.len(), log.damage[0].kind, log.damage[0].count), (1, DamageKind::Header, Some(0)));
    assert_eq!(log.left_out, vec![]);
}

/// Rot at the log's end in bytes that nothing witnessed: the next epoch must not give the lost
/// sequences again, or nobody would ever hear of the loss.
#[test]
fn a_loss_at_the_end_is_still_told_after_the_next_recovery() {
    let (mut image, chain) = with_a_tail();
    let at = image.groups[3].offset;
    image.segments[0].1[at + 8..at + 64].fill(0xee);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3)]);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.kind, damage.first, damage.count), (DamageKind::Gap, Sequence(4), None));
    assert_eq!((damage.records.as_slice(), damage.complete), ([(stream(b'a'), 3)].as_slice(), false));
    assert_eq!((log.witness, log.last, log.chain_at_witness), (Sequence(2), Sequence(4), chain));

    image.start_epoch(start(3, log.last.0, log.chain_at_witness));
    let frames = image.groups[2].frames.iter().map(|(_, header, payload)| (*header, payload.clone())).collect();
    image.group_of(frames);
    image.next_sequence = log.last.plus(1);
    image.durable_upto = log.last;
    image.group(&[]);
    image.synced_group(&[(b'b', &[5; 9])]);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (5, 5)]);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.first, damage.count), (Sequence(4), Some(1)));
}

/// The same with nothing to copy: then the rotten bytes themselves are named for ever.
#[test]
fn a_loss_at_the_end_keeps_its_place_when_there_is_no_tail_to_copy() {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.synced_group(&[(b'a', &text(1, 9))]);
    let chain = image.chain;
    image.group(&[(b'a', &text(2, 9))]);
    let at = image.groups[1].offset;
    image.segments[0].1[at + 8..at + 300].fill(0xee);
    let (_, log) = log_of(&image, Some(Mark { epoch: Epoch(1), durable: Sequence(1) }));
    assert_eq!((log.witness, log.last, log.chain_at_witness), (Sequence(1), Sequence(2), chain));
    let before = log.damage[0].clone();
    image.start_epoch(start(2, 2, chain));
    image.next_sequence = Sequence(3);
    image.durable_upto = Sequence(2);
    image.group(&[]);
    let (_, log) = log_of(&image, None);
    assert_eq!(
        (log.damage[0].segment, log.damage[0].offset, log.damage[0].first),
        (before.segment, before.offset, before.first)
    );
    assert_eq!((log.damage.len(), log.damage[0].count), (1, Some(1)));
}

#[test]
fn a_lost_witness_group_costs_no_record() {
    for (rot, lost) in [(true, true), (false, false)] {
        let mut image = Image::new(4096);
        image.start_epoch(first_epoch());
        image.synced_group(&[(b'a', &text(1, 9))]);
        image.group(&[]);
        image.group(&[(b'a', &text(2, 9))]);
        image.durable_upto = Sequence(2);
        image.group(&[(b'a', &text(3, 9))]);
        let at = image.groups[1].offset;
        image.segments[0].1[at..at + 64].fill(if rot { 0xee } else { 0 });
        let (found, log) = log_of(&image, None);
        assert_eq!(found, written(&image));
        let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
        assert_eq!(
            (damage.kind, damage.first, damage.count, damage.complete),
            (DamageKind::Gap, Sequence(2), Some(0), true)
        );
        assert_eq!(damage.offset, wide(at), "{lost}");
    }
}

#[test]
fn a_group_that_repeats_the_log_is_reported_and_not_taken() {
    let (mut image, _) = with_a_tail();
    image.next_sequence = Sequence(2);
    image.group(&[(b'b', &[22; 9])]);
    let (found, log) = log_of(&image, None);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 3), (4, 4)]);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.kind, damage.first), (DamageKind::Chain, Sequence(2)));
    assert_eq!(damage.records, [(stream(b'b'), 0)]);
}

#[test]
fn a_spare_numbered_after_the_next_epoch_changes_nothing() {
    let (mut image, chain) = with_a_tail();
    image.start_epoch(start(3, 0, chain));
    image.synced_group(&[(b'a', &[33; 9])]);
    image.epoch = Epoch(1);
    image.segment(None);
    image.room(4096);
    image.epoch = Epoch(2);
    image.segment(None);
    image.synced_group(&[(b'a', &[34; 9])]);
    let (found, log) = log_of(&image, None);
    clean(&log);
    assert_eq!(payloads(&found), [(1, 1), (2, 2), (3, 33), (4, 34)]);
}

#[test]
fn rot_behind_unused_room_is_rot() {
    let mut image = Image::new(4096);
    image.start_epoch(first_epoch());
    image.synced_group(&[(b'a', &text(1, 9))]);
    image.room(8192);
    image.segment(None);
    image.group(&[(b'a', &text(2, 600)), (b'b', &text(3, 9))]);
    let at = image.groups[1].offset;
    image.segments[1].1[at + 64] ^= 1;
    let (found, log) = log_of(&image, None);
    assert_eq!(found.len(), 1);
    let [damage] = log.damage.as_slice() else { panic!("{log:?}") };
    assert_eq!((damage.segment, damage.offset, damage.count), (image.segments[1].0, 4096, Some(2)));
    assert!(!damage.complete, "one of the frame headers is wrong, and nothing says which");
}
