//! The loops and helpers that every file system shares.
#![cfg(feature = "sim")]

use super::sim::{CallKind, Choice, EIO, Fault, SimFs};
use super::*;

#[test]
fn directories_are_durable_however_often_making_them_was_killed() {
    let path = Path::new("/home/me/store/journals/000");
    for first in 0.. {
        let fs = SimFs::new(1);
        fs.freeze_after(first);
        if create_dir_durable(&fs, path).is_ok() {
            assert!(first > 10, "each directory is made and synced");
            return;
        }
        let killed = fs.kill();
        for second in 0.. {
            let fs = killed.snapshot();
            fs.freeze_after(second);
            let done = create_dir_durable(&fs, path).is_ok();
            let again = fs.kill();
            create_dir_durable(&again, path).unwrap();
            assert!(again.crash(&Choice::LoseAll).read_dir(path).is_ok(), "killed at {first} and {second}");
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_sync_that_fails_close_by_is_an_error_and_far_away_only_if_it_is_ours() {
    const EACCES: i32 = 13;
    let path = Path::new("/a/b");
    let making = |number: u64, errno: i32| {
        let fs = SimFs::new(1);
        fs.fail_kind(CallKind::SyncDir, number, Fault::Error(errno));
        create_dir_durable(&fs, path)
    };
    assert!(making(1, EACCES).is_err());
    assert!(making(2, EACCES).is_ok());
    assert!(making(2, EIO).is_err());
}

#[test]
fn relative_directories_end_at_the_current_one() {
    let fs = SimFs::new(1);
    create_dir_durable(&fs, Path::new("a/b")).unwrap();
    create_dir_durable(&fs, Path::new("a/b")).unwrap();
    create_dir_durable(&fs, Path::new(".")).unwrap();
    assert!(fs.crash(&Choice::LoseAll).read_dir(Path::new("/a/b")).is_ok());
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let fs = SimFs::new(1);
    fs.open(Path::new("/a"), OpenMode::CreateNew).unwrap();
    assert_eq!(create_dir_durable(&fs, Path::new("/a/b")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    fs.fail_kind(CallKind::Create, 5, Fault::Error(EIO));
    assert_eq!(create_dir_durable(&fs, Path::new("/x/y")).unwrap_err().raw_os_error(), Some(EIO));
}

#[test]
fn reading_a_whole_file_gets_over_short_reads() {
    let fs = SimFs::new(1);
    let file = fs.open(Path::new("/a"), OpenMode::CreateNew).unwrap();
    write_all_at(&*file, b"0123456789", 0).unwrap();
    fs.fail_kind(CallKind::Read, 1, Fault::ShortRead(3));
    assert_eq!(read_file(&fs, Path::new("/a")).unwrap(), b"0123456789");
}

#[test]
fn a_range_is_read_where_nothing_can_be_mapped() {
    let fs = SimFs::new(1);
    let file = fs.open(Path::new("/a"), OpenMode::CreateNew).unwrap();
    write_all_at(&*file, b"0123456789", 0).unwrap();
    fs.fail_kind(CallKind::Read, 1, Fault::ShortRead(3));
    assert_eq!((*file.map_read(2, 7).unwrap()).as_ref(), b"2345678");
    assert_eq!((*file.map_read(10, 0).unwrap()).as_ref(), b"");
    for (from, bytes) in [(0, 11), (10, 1), (0, u64::MAX >> 1)] {
        assert_eq!(file.map_read(from, bytes).map(|_| ()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
    let before = fs.calls_of(CallKind::Read);
    fs.fail_kind(CallKind::Read, before + 1, Fault::Error(EIO));
    assert_eq!(file.map_read(0, 1).map(|_| ()).unwrap_err().raw_os_error(), Some(EIO));
}
