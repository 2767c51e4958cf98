//! The operating system's files, in a temporary directory.
#![cfg(unix)]

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;
use crate::fs::{create_dir_durable, read_at_most, read_exact_at, read_file};
use crate::lock::Owner;

fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    (directory, path)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}

#[test]
fn what_is_made_is_for_its_owner_only() {
    let (_directory, root) = place();
    OsFs.create_dir(&root.join("dir")).unwrap();
    OsFs.open(&root.join("file"), OpenMode::CreateNew).unwrap();
    OsFs.try_lock(&root.join("LOCK")).unwrap().unwrap();
    OsFs.shared_page(&root.join("mark"), 4096).unwrap();
    assert_eq!(["dir", "file", "LOCK", "mark"].map(|name| mode(&root.join(name))), [0o700, 0o600, 0o600, 0o600]);
    create_dir_durable(&OsFs, &root.join("a/b/c")).unwrap();
    assert_eq!(["a", "a/b", "a/b/c"].map(|name| mode(&root.join(name))), [0o700; 3]);
}

#[test]
fn what_exists_keeps_its_mode() {
    let (_directory, root) = place();
    for name in ["LOCK", "mark", "file"] {
        std::fs::write(root.join(name), b"").unwrap();
        std::fs::set_permissions(root.join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    OsFs.try_lock(&root.join("LOCK")).unwrap().unwrap();
    OsFs.shared_page(&root.join("mark"), 4096).unwrap();
    OsFs.open(&root.join("file"), OpenMode::Write).unwrap();
    assert_eq!(["LOCK", "mark", "file"].map(|name| mode(&root.join(name))), [0o644; 3]);
}

#[test]
fn descriptors_are_closed_on_exec() {
    let (_directory, root) = place();
    let files = [create_new(&root.join("a")), open_existing(&root.join("a")), open_for_reading(&root.join("a"))];
    for file in files.into_iter().chain([open_or_create(&root.join("b"))]) {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.unwrap().as_raw_fd()));
        let Ok(info) = info else { continue };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        assert_ne!(u32::from_str_radix(flags, 8).unwrap() & 0o2_000_000, 0);
    }
}

#[test]
fn open_modes_do_what_they_say() {
    let (_directory, root) = place();
    let path = root.join("a");
    assert_eq!(kind(OsFs.open(&path, OpenMode::Read)), ErrorKind::NotFound);
    assert_eq!(kind(OsFs.open(&path, OpenMode::Write)), ErrorKind::NotFound);
    let file = OsFs.open(&path, OpenMode::CreateNew).unwrap();
    assert_eq!(kind(OsFs.open(&path, OpenMode::CreateNew)), ErrorKind::AlreadyExists);
    write_all_at(&*file, b"abc", 2).unwrap();
    assert_eq!(file.len().unwrap(), 5);
    let reader = OsFs.open(&path, OpenMode::Read).unwrap();
    assert!(reader.write_at(b"x", 0).is_err() && reader.set_len(0).is_err());
    assert_eq!(read_file(&OsFs, &path).unwrap(), b"\0\0abc");
    OsFs.open(&path, OpenMode::Write).unwrap().set_len(3).unwrap();
    assert_eq!(read_file(&OsFs, &path).unwrap(), b"\0\0a");
    assert_eq!(kind(OsFs.open(&root, OpenMode::Read)), ErrorKind::IsADirectory);
}

#[test]
fn reads_stop_at_the_end() {
    let (_directory, root) = place();
    let file = OsFs.open(&root.join("a"), OpenMode::CreateNew).unwrap();
    assert!(file.is_empty().unwrap());
    write_all_at(&*file, &[7; 1000], 0).unwrap();
    let mut buffer = [1; 600];
    assert_eq!(file.read_at(&mut buffer, 900).unwrap(), 100);
    assert_eq!((buffer[99], buffer[100]), (7, 1));
    assert_eq!(file.read_at(&mut buffer, 1000).unwrap(), 0);
    assert_eq!(file.read_at(&mut buffer, 1 << 40).unwrap(), 0);
    assert_eq!(read_at_most(&*file, &mut buffer, 700).unwrap(), 300);
    assert_eq!(kind(read_exact_at(&*file, &mut buffer, 401)), ErrorKind::UnexpectedEof);
    read_exact_at(&*file, &mut buffer, 400).unwrap();
    file.sync_data().unwrap();
    OsFs.sync_dir(&root).unwrap();
    assert_eq!(kind(OsFs.sync_dir(&root.join("missing"))), ErrorKind::NotFound);
}

#[test]
fn directories_are_listed_with_kinds_and_lengths() {
    let (_directory, root) = place();
    std::fs::write(root.join("file"), b"12345").unwrap();
    std::fs::create_dir(root.join("dir")).unwrap();
    symlink("file", root.join("link")).unwrap();
    let mut entries = OsFs.read_dir(&root).unwrap();
    entries.sort_by(|one, two| one.name.cmp(&two.name));
    let found: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.bytes)).collect();
    let expected = [("dir", FileKind::Directory, 0), ("file", FileKind::File, 5), ("link", FileKind::Other, 4)];
    assert_eq!(found, expected);
}

#[test]
fn a_lock_excludes_every_other_handle() {
    let (_directory, root) = place();
    let path = root.join("LOCK");
    let lock = OsFs.try_lock(&path).unwrap().unwrap();
    assert!(OsFs.try_lock(&path).unwrap().is_none());
    drop(lock);
    assert!(OsFs.try_lock(&path).unwrap().is_some());
    // A real error is not "somebody holds it".
    assert_eq!(kind(OsFs.try_lock(&root)), ErrorKind::IsADirectory);
    assert_eq!(kind(OsFs.try_lock(&root.join("missing/LOCK"))), ErrorKind::NotFound);
}

#[test]
fn a_lock_tells_who_holds_it() {
    let (_directory, root) = place();
    let path = root.join("LOCK");
    let lock = OsFs.try_lock(&path).unwrap().unwrap();
    lock.describe("a much longer text that must not shine through").unwrap();
    let owner = Owner { pid: platform::pid(), host: platform::host_name(), ..Owner::default() };
    lock.describe(&owner.to_text()).unwrap();
    assert_eq!(Owner::from_text(&std::fs::read_to_string(&path).unwrap()), owner);
    // Describing is not unlocking.
    assert!(OsFs.try_lock(&path).unwrap().is_none());
}

/// Not a test of its own: the other process of the next one.
#[test]
fn child_that_holds_the_lock() {
    let Some(path) = std::env::var_os("THREADLOG_TEST_LOCK") else { return };
    let _lock = OsFs.try_lock(Path::new(&path)).unwrap().unwrap();
    println!("\nheld");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_lock_excludes_other_processes_and_dies_with_them() {
    let (_directory, root) = place();
    let path = root.join("LOCK");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["fs::os::tests::child_that_holds_the_lock", "--exact", "--nocapture"])
        .env("THREADLOG_TEST_LOCK", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "held"), "the child got the lock");
    assert!(OsFs.try_lock(&path).unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(OsFs.try_lock(&path).unwrap().is_some());
}

#[test]
fn a_page_is_made_whole_and_grown_but_never_cut() {
    let (_directory, root) = place();
    let path = root.join("mark");
    std::fs::write(&path, b"12345678 and more").unwrap();
    let page = OsFs.shared_page(&path, 4096).unwrap();
    assert_eq!((page.words(), page.load(0)), (512, u64::from_le_bytes(*b"12345678")));
    assert_eq!(path.metadata().unwrap().len(), 4096);
    assert!(path.metadata().unwrap().blocks() >= 8, "no hole");
    OsFs.shared_page(&path, 8192).unwrap().store(1000, 5);
    assert_eq!(OsFs.shared_page(&path, 4096).unwrap().words(), 512);
    let page = OsFs.shared_page_read(&path).unwrap();
    assert_eq!((page.words(), page.load(1000)), (1024, 5));
}

#[test]
fn a_page_with_a_hole_gets_its_blocks() {
    let (_directory, root) = place();
    let path = root.join("mark");
    std::fs::File::create(&path).unwrap().set_len(4096).unwrap();
    assert_eq!(path.metadata().unwrap().blocks(), 0);
    OsFs.shared_page(&path, 4096).unwrap();
    assert!(path.metadata().unwrap().blocks() >= 8);
}

#[test]
fn the_facts_are_plausible() {
    let (_directory, root) = place();
    assert_eq!(OsFs.boot_id().unwrap(), OsFs.boot_id().unwrap());
    assert_ne!(OsFs.boot_id().unwrap(), [0; 16]);
    assert_ne!(OsFs.random().unwrap(), OsFs.random().unwrap());
    let bytes = OsFs.block_bytes(&root).unwrap();
    assert!(bytes.is_power_of_two() && (4096..=1 << 20).contains(&bytes), "{bytes}");
    assert_eq!(OsFs.block_bytes(&root.join("not/yet")).unwrap(), bytes);
    assert_eq!(OsFs.trust(&root.join("not/yet")).unwrap(), OsFs.trust(&root).unwrap());
}
