//! Mapped pages.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::*;
use crate::fs::os::OsFs;
use crate::fs::{Fs, OpenMode, read_file};

fn page_file(bytes: u64) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mark");
    OsFs.open(&path, OpenMode::CreateNew).unwrap().set_len(bytes).unwrap();
    (directory, path)
}

fn os_file(path: &std::path::Path) -> OsFile {
    OsFile(std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap())
}

#[test]
fn two_mappings_see_each_other_at_once() {
    let (_directory, path) = page_file(4096);
    let (one, two) = (OsFs.shared_page(&path, 4096).unwrap(), OsFs.shared_page(&path, 4096).unwrap());
    let reader = OsFs.shared_page_read(&path).unwrap();
    one.store(0, 1);
    two.store(511, u64::MAX);
    assert_eq!([0, 511].map(|index| one.load(index)), [1, u64::MAX]);
    assert_eq!([0, 511].map(|index| reader.load(index)), [1, u64::MAX]);
}

#[test]
fn words_are_little_endian_in_the_file() {
    let (_directory, path) = page_file(4096);
    let page = OsFs.shared_page(&path, 4096).unwrap();
    page.store(2, 0x0102_0304_0506_0708);
    assert_eq!(read_file(&OsFs, &path).unwrap()[16..24], [8, 7, 6, 5, 4, 3, 2, 1]);
    page.sync().unwrap();
    drop(page);
    assert_eq!(OsFs.shared_page_read(&path).unwrap().load(2), 0x0102_0304_0506_0708);
}

#[test]
fn past_the_end_there_is_nothing() {
    let (_directory, path) = page_file(8192);
    let page = OsFs.shared_page(&path, 4096).unwrap();
    page.store(512, 7);
    page.store(usize::MAX, 7);
    assert_eq!((page.load(512), page.load(usize::MAX)), (0, 0));
    assert_eq!(OsFs.shared_page_read(&path).unwrap().load(512), 0);
}

#[test]
fn a_page_mapped_for_reading_ignores_stores() {
    let (_directory, path) = page_file(4096);
    let page = OsFs.shared_page_read(&path).unwrap();
    page.store(0, 7);
    page.sync().unwrap();
    assert_eq!(page.load(0), 0);
}

#[test]
fn files_shorter_than_the_page_are_refused() {
    for bytes in [0, 1, 4095] {
        let (_directory, path) = page_file(bytes);
        let error = OsFs.shared_page_read(&path).map(|page| page.words()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{bytes}");
        assert_eq!(MappedPage::map(&os_file(&path), 4096).unwrap_err().kind(), ErrorKind::UnexpectedEof, "{bytes}");
    }
    let (_directory, path) = page_file(4097);
    assert_eq!(OsFs.shared_page_read(&path).unwrap().words(), 512);
}

#[test]
fn odd_lengths_are_refused_and_leave_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mark");
    for bytes in [0, 1, 4095, 4097, (1 << 20) + 4096, u64::MAX] {
        let error = OsFs.shared_page(&path, bytes).map(|page| page.words()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bytes}");
    }
    assert!(!path.exists());
}

#[test]
fn a_word_is_never_seen_half_written() {
    let (_directory, path) = page_file(4096);
    let (writer, reader) = (OsFs.shared_page(&path, 4096).unwrap(), OsFs.shared_page_read(&path).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=200_000_u64 {
                writer.store(1, round | (round << 32));
                writer.store(0, round);
            }
        });
        loop {
            let (first, second) = (reader.load(0), reader.load(1));
            assert_eq!(second >> 32, second & 0xFFFF_FFFF);
            assert!(second & 0xFFFF_FFFF >= first, "what was stored before is seen by whoever sees what came after");
            if first == 200_000 {
                break;
            }
        }
    });
}

#[test]
fn a_range_is_what_the_file_has_there_wherever_it_begins() {
    let (_directory, path) = page_file(0);
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    crate::fs::write_all_at(&*OsFs.open(&path, OpenMode::Write).unwrap(), &bytes, 0).unwrap();
    let file = OsFs.open(&path, OpenMode::Read).unwrap();
    for (from, length) in [(0, 0), (0, 1), (0, 300_000), (4095, 2), (4096, 8192), (1, 299_999), (300_000, 0)] {
        let range = file.map_read(from, length).unwrap();
        let expected = &bytes[usize::try_from(from).unwrap()..][..usize::try_from(length).unwrap()];
        assert!((*range).as_ref() == expected, "{length} bytes at {from}");
    }
    // Its name may go away, and the handle.
    let range = file.map_read(4000, 1000).unwrap();
    OsFs.remove_file(&path).unwrap();
    drop(file);
    assert!((*range).as_ref() == &bytes[4000..5000]);
}

#[test]
fn a_range_that_the_file_does_not_have_is_refused() {
    let (_directory, path) = page_file(5000);
    let file = OsFs.open(&path, OpenMode::Read).unwrap();
    for (from, length) in [(0, 5001), (5000, 1), (4999, 2), (9000, 1), (0, 1 << 40), (u64::MAX - 1, 1)] {
        let error = file.map_read(from, length).map(|_| ()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput),
            "{length} at {from}: {error}"
        );
    }
}
