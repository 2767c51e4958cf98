//! Full disks, rot and damage, refusals.

use std::io::ErrorKind;

use super::*;
use crate::fs::Trust;

#[test]
fn a_full_disk_refuses_growth_only() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    // The root, the file, its block.
    assert_eq!(fs.used_blocks(), 3);
    fs.set_capacity(Some(3));
    assert_eq!(errno(file.write_at(&block(b'y'), 4096)), Some(ENOSPC));
    assert_eq!(errno(file.set_len(8192)), Some(ENOSPC));
    assert_eq!(errno(fs.open(path("/b"), OpenMode::CreateNew)), Some(ENOSPC));
    assert_eq!(errno(fs.create_dir(path("/d"))), Some(ENOSPC));
    assert_eq!(errno(fs.try_lock(path("/LOCK"))), Some(ENOSPC));
    assert_eq!(errno(fs.shared_page(path("/mark"), 4096)), Some(ENOSPC));
    write_all_at(&*file, &block(b'z'), 0).unwrap();
    file.sync_data().unwrap();
    fs.rename(path("/a"), path("/b")).unwrap();
    fs.set_capacity(None);
    write_all_at(&*file, &block(b'y'), 4096).unwrap();
}

#[test]
fn a_write_that_fits_in_part_is_short() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    fs.set_capacity(Some(4));
    assert_eq!(file.write_at(&[b'x'; 5 * BLOCK], 100).unwrap(), 2 * BLOCK - 100);
    assert_eq!(errno(file.write_at(b"x", 2 * 4096)), Some(ENOSPC));
    // Room comes back.
    fs.set_capacity(Some(5));
    assert_eq!(file.write_at(&block(b'x'), 2 * 4096).unwrap(), BLOCK);
}

#[test]
fn a_hole_has_no_room_of_its_own() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    file.set_len(1 << 30).unwrap();
    assert_eq!(fs.used_blocks(), 2);
    fs.set_capacity(Some(2));
    assert_eq!(errno(file.write_at(b"x", 4096)), Some(ENOSPC));
    // Zeros that were written have.
    fs.set_capacity(Some(3));
    write_all_at(&*file, &block(0), 4096).unwrap();
    write_all_at(&*file, &block(b'x'), 4096).unwrap();
}

#[test]
fn removing_and_cutting_give_room_back() {
    let fs = SimFs::new(1);
    let file = create(&fs, "/a");
    write_all_at(&*file, &[b'x'; 2 * BLOCK], 0).unwrap();
    file.set_len(4096).unwrap();
    assert_eq!(fs.used_blocks(), 3);
    fs.remove_file(path("/a")).unwrap();
    assert_eq!(fs.used_blocks(), 3, "still open");
    drop(file);
    assert_eq!(fs.used_blocks(), 1);
    durable(&fs, "/b", &block(b'o'));
    durable(&fs, "/c", &block(b'n'));
    fs.rename(path("/c"), path("/b")).unwrap();
    assert_eq!(fs.used_blocks(), 3);
}

#[test]
fn what_a_crash_or_a_kill_forgets_takes_no_room() {
    let fs = SimFs::new(1);
    durable(&fs, "/a", &block(b'x'));
    let _open = open(&fs, "/a");
    fs.remove_file(path("/a")).unwrap();
    assert_eq!(fs.snapshot().used_blocks(), 1, "nobody has it open there");
    create(&fs, "/b");
    assert_eq!(fs.crash(&Choice::LoseAll).used_blocks(), 3);
    let fs = SimFs::new(1);
    create(&fs, "/b");
    assert_eq!(fs.crash(&Choice::LoseAll).used_blocks(), 1);
}

#[test]
fn a_page_whose_file_was_cut_takes_no_stores() {
    let fs = SimFs::new(1);
    let page = fs.shared_page(path("/mark"), 4096).unwrap();
    fs.truncate(path("/mark"), 8).unwrap();
    page.store(0, 1);
    page.store(1, 2);
    assert_eq!((page.load(0), page.load(1)), (1, 0));
    assert_eq!(content(&fs, "/mark").len(), 8);
}

#[test]
fn capacity_survives_a_crash() {
    let fs = SimFs::new(1);
    fs.set_capacity(Some(1));
    let left = fs.crash(&Choice::LoseAll);
    assert_eq!(errno(left.open(path("/a"), OpenMode::CreateNew)), Some(ENOSPC));
}

#[test]
fn rot_is_seen_at_once_and_after_a_crash() {
    let fs = SimFs::new(1);
    durable(&fs, "/a", &block(b'a'));
    fs.flip_bit(path("/a"), 5, 1).unwrap();
    fs.flip_bit(path("/a"), 4096, 1).unwrap();
    let mut rotten = block(b'a');
    rotten[5] ^= 2;
    assert_eq!(content(&fs, "/a"), rotten);
    open(&fs, "/a").set_len(5000).unwrap();
    assert!(content(&fs, "/a")[4096..].iter().all(|byte| *byte == 0), "past the end nothing happened");
    assert_eq!(content(&fs.crash(&Choice::LoseAll), "/a"), rotten);
}

#[test]
fn rot_hits_what_is_pending_too() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &block(b'a'));
    write_all_at(&*file, &block(b'x'), 0).unwrap();
    write_all_at(&*file, &block(b'y'), 0).unwrap();
    fs.overwrite(path("/a"), 4090, b"0123456789").unwrap();
    for left in each_crash(&fs) {
        let bytes = content(&left, "/a");
        assert_eq!((bytes.len(), &bytes[4090..]), (BLOCK, &b"012345"[..]));
    }
}

#[test]
fn cutting_behind_the_back_cuts_every_image() {
    let fs = SimFs::new(1);
    let file = durable(&fs, "/a", &[block(b'a'), block(b'b')].concat());
    write_all_at(&*file, &[block(b'x'), block(b'y'), block(b'z')].concat(), 0).unwrap();
    fs.truncate(path("/a"), 5000).unwrap();
    fs.truncate(path("/a"), 50_000).unwrap();
    for left in each_crash(&fs) {
        assert_eq!(content(&left, "/a").len(), 5000);
    }
    let grown = fs.snapshot();
    open(&grown, "/a").set_len(8192).unwrap();
    for left in each_crash(&grown) {
        assert!(content(&left, "/a")[5000..].iter().all(|byte| *byte == 0));
    }
    fs.truncate(path("/a"), 4096).unwrap();
    assert_eq!(outcomes(&fs, "/a"), set(&["a", "x"]));
}

#[test]
fn what_does_not_exist_is_refused() {
    let fs = SimFs::new(1);
    create(&fs, "/a");
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(fs.open(path("/x"), OpenMode::Read).map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(fs.open(path("/a"), OpenMode::CreateNew).map(drop)), ErrorKind::AlreadyExists);
    assert_eq!(kind(fs.open(path("/a/b"), OpenMode::CreateNew).map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(fs.open(path("/"), OpenMode::Read).map(drop)), ErrorKind::IsADirectory);
    assert_eq!(kind(fs.shared_page_read(path("/a")).map(drop)), ErrorKind::UnexpectedEof);
    assert_eq!(kind(fs.shared_page(path("/b"), 100).map(drop)), ErrorKind::InvalidInput);
    assert_eq!(kind(fs.flip_bit(path("/x"), 0, 0)), ErrorKind::NotFound);
    let read_only = fs.open(path("/a"), OpenMode::Read).unwrap();
    assert!(read_only.write_at(b"x", 0).is_err() && read_only.set_len(1).is_err());
}

#[test]
fn trust_is_what_the_test_says() {
    let fs = SimFs::new(1);
    assert_eq!(fs.trust(path("/")).unwrap(), Trust::Local);
    fs.set_trust(Trust::Doubtful("nfs".into()));
    assert_eq!(fs.crash(&Choice::LoseAll).trust(path("/")).unwrap(), Trust::Doubtful("nfs".into()));
}
