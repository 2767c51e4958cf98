//! Bytes and lengths: what a crash may leave of a file.

use super::*;

#[test]
fn bytes_are_seen_at_once_and_durable_only_after_a_sync() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"");
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    assert_eq!(content(&fs, "/a"), block(b'x'));
    assert_eq!(content(&fs.snapshot().crash(&Choice::LoseAll), "/a"), b"");
    assert_eq!(content(&fs.snapshot().crash(&Choice::KeepAll), "/a"), block(b'x'));
    file.sync_data().unwrap();
    assert_eq!(fs.crash_points().states(), 1);
    assert_eq!(content(&fs.crash(&Choice::LoseAll), "/a"), block(b'x'));
}

#[test]
fn a_sync_covers_its_own_file_only() {
    let fs = SimFs::new(1);
    let (one, two) = (durable(&fs, "/a", b""), durable(&fs, "/b", b""));
    write_all_at(&*one, &block(b'x'), 0).unwrap();
    write_all_at(&*two, &block(b'y'), 0).unwrap();
    one.sync_data().unwrap();
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!((letters(&content(&left, "/a")), letters(&content(&left, "/b"))), ("x".into(), String::new()));
}

#[test]
fn a_sync_through_any_handle_covers_what_all_wrote() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"");
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    fs.open(path("/a"), OpenMode::Read).unwrap().sync_data().unwrap();
    assert_eq!(content(&fs.crash(&Choice::LoseAll), "/a"), block(b'x'));
}

#[test]
fn blocks_survive_independently_and_whole() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b'), block(b'c')].concat());
    write_all_at(&*file, &[block(b'x'), block(b'y'), block(b'z')].concat(), 0).unwrap();
    assert_eq!(fs.crash_points().bits(), 3);
    assert_eq!(outcomes(&fs, "/a"), set(&["abc", "abz", "ayc", "ayz", "xbc", "xbz", "xyc", "xyz"]));
}

#[test]
fn every_version_of_a_block_can_survive() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    for byte in [b'x', b'y', b'z'] {
        write_all_at(&*file, &block(byte), 0).unwrap();
    }
    assert_eq!(outcomes(&fs, "/a"), set(&["a", "x", "y", "z"]));
    file.sync_data().unwrap();
    write_all_at(&*file, &block(b'w'), 0).unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["z", "w"]));
}

#[test]
fn a_write_across_a_boundary_touches_both_blocks() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[0; 2 * BLOCK]);
    write_all_at(&*file, &[b'x'; 200], 4000).unwrap();
    let left: BTreeSet<(u8, u8)> =
        each_crash(&fs).map(|left| content(&left, "/a")).map(|bytes| (bytes[4095], bytes[4096])).collect();
    assert_eq!(left, BTreeSet::from([(0, 0), (0, b'x'), (b'x', 0), (b'x', b'x')]));
}

#[test]
fn other_block_sizes_tear_at_their_own_boundaries() {
    let fs = SimFs::with_block_bytes(1, 512);
    assert_eq!(fs.block_bytes(path("/")).unwrap(), 4096);
    let file = durable(&fs, "/a", &[0; 1024]);
    write_all_at(&*file, &[b'x'; 1024], 0).unwrap();
    let left: BTreeSet<(u8, u8)> =
        each_crash(&fs).map(|left| content(&left, "/a")).map(|bytes| (bytes[511], bytes[512])).collect();
    assert_eq!(left.len(), 4);
    assert_eq!(SimFs::with_block_bytes(1, 16384).block_bytes(path("/")).unwrap(), 16384);
}

#[test]
fn any_length_since_the_last_sync_can_survive_and_unwritten_blocks_are_zeros() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'b'), 4096).unwrap();
    write_all_at(&*file, &block(b'c'), 8192).unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["a", "a.", "ab", "a..", "a.c", "ab.", "abc"]));
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["abc"]));
}

#[test]
fn a_hole_reads_as_zeros() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"");
    write_all_at(&*file, &block(b'c'), 8192).unwrap();
    assert_eq!(letters(&content(&fs, "/a")), "..c");
    file.set_len(4 * 4096).unwrap();
    assert_eq!(letters(&content(&fs, "/a")), "..c.");
}

#[test]
fn a_cut_is_pending_like_a_write() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b')].concat());
    file.set_len(4096).unwrap();
    assert_eq!(letters(&content(&fs, "/a")), "a");
    assert_eq!(outcomes(&fs, "/a"), set(&["ab", "a"]));
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["a"]));
}

#[test]
fn cut_blocks_never_come_back_in_a_new_length() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b')].concat());
    write_all_at(&*file, &block(b'x'), 4096).unwrap();
    file.set_len(4096).unwrap();
    file.set_len(3 * 4096).unwrap();
    assert_eq!(letters(&content(&fs, "/a")), "a..");
    write_all_at(&*file, &block(b'y'), 4096).unwrap();
    // Before the cut: b or x, in the old length. After it: zeros or y, in the new one.
    assert_eq!(outcomes(&fs, "/a"), set(&["ab", "ax", "a", "a..", "ay."]));
}

#[test]
fn a_cut_within_a_block_zeroes_its_tail() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    file.set_len(100).unwrap();
    file.set_len(5000).unwrap();
    let cut = |byte: u8, length: usize| [vec![byte; 100], vec![0; length - 100]].concat();
    assert_eq!(content(&fs, "/a"), cut(b'x', 5000));
    let left: BTreeSet<Vec<u8>> = each_crash(&fs).map(|left| content(&left, "/a")).collect();
    let mut legal = vec![block(b'a'), block(b'x')];
    // The block was written back with its tail cut off, the change of length was not.
    legal.push(cut(b'x', 4096));
    for byte in [b'a', b'x'] {
        legal.extend([cut(byte, 100), cut(byte, 5000)]);
    }
    assert_eq!(left, BTreeSet::from_iter(legal));
}

#[test]
fn what_a_shorter_length_cuts_off_does_not_reappear() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[b'a'; 100]);
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    for left in each_crash(&fs) {
        let before = content(&left, "/a");
        let file = open(&left, "/a");
        file.set_len(4096).unwrap();
        if before.len() == 100 {
            assert!(content(&left, "/a")[100..].iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn a_failed_sync_leaves_limbo_that_no_later_sync_writes() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::FailedSync);
    assert_eq!(errno(file.sync_data()), Some(EIO));
    assert_eq!(content(&fs, "/a"), block(b'x'));
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["a", "x"]));
    // Written again, the page is dirty again.
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["x"]));
}

#[test]
fn limbo_stays_limbo_while_other_blocks_are_synced() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b')].concat());
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::FailedSync);
    assert!(file.sync_data().is_err());
    write_all_at(&*file, &block(b'y'), 4096).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["ay", "xy"]));
}

#[test]
fn a_length_in_limbo_is_settled_by_a_synced_block_beyond_it() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"");
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::FailedSync);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["", ".", "x"]));
    write_all_at(&*file, &block(b'y'), 4096).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&[".y", "xy"]));
}

#[test]
fn a_length_in_limbo_is_settled_by_a_block_written_again_beyond_it() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"");
    write_all_at(&*file, &[block(b'x'), block(b'y')].concat(), 0).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::FailedSync);
    assert!(file.sync_data().is_err());
    write_all_at(&*file, &block(b'z'), 4096).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&[".z", "xz"]));
}

#[test]
fn a_cut_in_limbo_is_settled_with_a_later_length() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b')].concat());
    file.set_len(4096).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::FailedSync);
    assert!(file.sync_data().is_err());
    assert_eq!(outcomes(&fs, "/a"), set(&["ab", "a"]));
    write_all_at(&*file, &block(b'c'), 8192).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["a.c"]));
}

#[test]
fn growing_is_one_choice_and_touches_no_block() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", b"abc");
    file.set_len(100).unwrap();
    assert_eq!(fs.crash_points().states(), 2);
    file.set_len(100).unwrap();
    assert_eq!(fs.crash_points().states(), 2);
}

#[test]
fn a_lying_sync_makes_nothing_durable() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    fs.fail_kind(CallKind::Sync, 2, Fault::LyingSync);
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["a", "x"]));
    file.sync_data().unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["x"]));
}

#[test]
fn a_lost_write_is_seen_until_the_crash() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    fs.fail_kind(CallKind::Write, 2, Fault::LostWrite);
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(content(&fs, "/a"), block(b'x'));
    assert_eq!(content(&fs.snapshot().kill(), "/a"), block(b'x'));
    assert_eq!(outcomes(&fs, "/a"), set(&["a"]));
}

#[test]
fn a_misdirected_write_lands_elsewhere() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b'), block(b'c')].concat());
    fs.fail_kind(CallKind::Write, 2, Fault::MisdirectedWrite(8192));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(letters(&content(&fs, "/a")), "xbc");
    assert_eq!(outcomes(&fs, "/a"), set(&["abx"]));
}

#[test]
fn a_shared_page_survives_the_process_but_maybe_not_the_power() {
    let fs = SimFs::new(1);
    let page = fs.shared_page(path("/mark"), 4096).unwrap();
    fs.sync_dir(path("/")).unwrap();
    page.sync().unwrap();
    let other = fs.shared_page_read(path("/mark")).unwrap();
    page.store(3, 7);
    page.store(511, 8);
    page.store(512, 9);
    other.store(4, 9);
    assert_eq!([3, 4, 511, 512].map(|index| other.load(index)), [7, 0, 8, 0]);
    assert_eq!(content(&fs, "/mark")[24..32], 7_u64.to_le_bytes());
    let killed = fs.snapshot().kill();
    assert_eq!(killed.shared_page_read(path("/mark")).unwrap().load(3), 7);
    let left: BTreeSet<(u64, u64)> = each_crash(&fs)
        .map(|left| left.shared_page_read(path("/mark")).unwrap())
        .map(|page| (page.load(3), page.load(511)))
        .collect();
    assert_eq!(left, BTreeSet::from([(0, 0), (7, 0), (7, 8)]));
    page.sync().unwrap();
    assert_eq!(fs.crash_points().states(), 1);
}

#[test]
fn many_versions_of_a_block_are_thinned_not_piled_up() {
    let fs = SimFs::new(1);
    let page = fs.shared_page(path("/mark"), 4096).unwrap();
    fs.sync_dir(path("/")).unwrap();
    page.sync().unwrap();
    for value in 1..=10_000 {
        page.store(0, value);
    }
    let left: BTreeSet<u64> =
        each_crash(&fs).map(|left| left.shared_page_read(path("/mark")).unwrap().load(0)).collect();
    assert!(left.len() > 32 && left.len() <= 65, "{}", left.len());
    assert!(left.contains(&0) && left.contains(&9_999) && left.contains(&10_000));
    assert!(left.range(1..5_000).next().is_some(), "some old ones stay: {left:?}");
}
