//! The simulated file system against the real one: the same random calls, the same answers.
#![cfg(all(unix, feature = "sim"))]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::os::OsFs;
use super::sim::SimFs;
use super::{File, FileKind, Fs, Lock, OpenMode, SharedPage, write_all_at};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "d/a", "d/b", "a/x", "e/f"];

/// A file system with what is open on it.
struct Side {
    fs: Box<dyn Fs>,
    root: PathBuf,
    files: Vec<Arc<dyn File>>,
    pages: Vec<Arc<dyn SharedPage>>,
    locks: Vec<Box<dyn Lock>>,
}

impl Side {
    fn new(fs: Box<dyn Fs>, root: &Path) -> Side {
        Side { fs, root: root.to_owned(), files: Vec::new(), pages: Vec::new(), locks: Vec::new() }
    }
}

/// One call with its arguments.
#[derive(Clone, Debug)]
enum Step {
    Open(&'static str, OpenMode),
    CreateDir(&'static str),
    ReadDir(&'static str),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    SyncDir(&'static str),
    Lock(&'static str),
    Describe(usize, String),
    Unlock(usize),
    Page(&'static str, u64),
    PageRead(&'static str),
    Load(usize, usize),
    Store(usize, usize, u64),
    SyncPage(usize),
    Read(usize, u64, usize),
    Write(usize, u64, Vec<u8>),
    SetLen(usize, u64),
    Len(usize),
    Sync(usize),
    Close(usize),
}

fn step(random: &mut ChaCha8Rng) -> Step {
    let mut name = || NAMES[random.random_range(0..NAMES.len())];
    let (one, two) = (name(), name());
    let (slot, offset) = (random.random_range(0..8), random.random_range(0..20_000));
    let modes = [OpenMode::Read, OpenMode::Write, OpenMode::CreateNew, OpenMode::CreateNew];
    let bytes = vec![random.random(); random.random_range(0..10_000)];
    match random.random_range(0..30) {
        0..=4 => Step::Open(one, modes[random.random_range(0..modes.len())]),
        5 => Step::CreateDir(one),
        6 | 7 => Step::ReadDir(one),
        8 if Path::new(one).parent() == Path::new(two).parent() => Step::Rename(one, two),
        8 | 9 => Step::Remove(one),
        10 => Step::SyncDir(one),
        11 => Step::Lock(one),
        12 => Step::Describe(slot, "x".repeat(bytes.len() / 10)),
        13 => Step::Unlock(slot),
        14 => Step::Page(one, [4096, 8192, 100][random.random_range(0..3)]),
        15 => Step::PageRead(one),
        16 => Step::Load(slot, random.random_range(0..1200)),
        17 => Step::Store(slot, random.random_range(0..1200), random.random()),
        18 => Step::SyncPage(slot),
        19..=21 => Step::Read(slot, offset, bytes.len()),
        22..=25 => Step::Write(slot, offset, bytes),
        // Never shorter than the pages that may be mapped: on the real side that is a SIGBUS.
        26 => Step::SetLen(slot, offset.max(8192)),
        27 => Step::Len(slot),
        28 => Step::Sync(slot),
        _ => Step::Close(slot),
    }
}

/// Does the step; says what came of it.
fn run(side: &mut Side, step: &Step) -> Result<String, io::ErrorKind> {
    let root = side.root.clone();
    let at = |name: &str| root.join(name);
    let done = |()| String::new();
    let none = || Ok("nothing there".to_owned());
    let result = match step {
        Step::Open(name, mode) => side.fs.open(&at(name), *mode).map(|file| side.files.push(file)).map(done),
        Step::CreateDir(name) => side.fs.create_dir(&at(name)).map(done),
        Step::ReadDir(name) => side.fs.read_dir(&at(name)).map(|mut entries| {
            entries.sort_by(|one, two| one.name.cmp(&two.name));
            format!("{entries:?}")
        }),
        Step::Rename(from, to) => side.fs.rename(&at(from), &at(to)).map(done),
        Step::Remove(name) => side.fs.remove_file(&at(name)).map(done),
        // On the real side a file can be opened and synced like a directory.
        Step::SyncDir(name) if side.fs.read_dir(&at(name)).is_ok() => side.fs.sync_dir(&at(name)).map(done),
        Step::SyncDir(_) => none(),
        Step::Lock(name) => side.fs.try_lock(&at(name)).map(|lock| {
            let got = lock.is_some();
            side.locks.extend(lock);
            got.to_string()
        }),
        Step::Describe(slot, text) => match side.locks.get(*slot) {
            // It cuts the file: not while pages are mapped.
            Some(lock) if side.pages.is_empty() => lock.describe(text).map(done),
            _ => none(),
        },
        Step::Unlock(slot) if *slot < side.locks.len() => Ok(side.locks.remove(*slot)).map(|_| String::new()),
        Step::Page(name, bytes) => side.fs.shared_page(&at(name), *bytes).map(|page| side.pages.push(page)).map(done),
        Step::PageRead(name) => side.fs.shared_page_read(&at(name)).map(|page| side.pages.push(page)).map(done),
        Step::Load(slot, index) => match side.pages.get(*slot) {
            Some(page) => Ok(format!("{} of {}", page.load(*index), page.words())),
            None => none(),
        },
        Step::Store(slot, index, value) => match side.pages.get(*slot) {
            Some(page) => {
                page.store(*index, *value);
                none()
            }
            None => none(),
        },
        Step::SyncPage(slot) => side.pages.get(*slot).map_or(Ok(()), |page| page.sync()).map(done),
        Step::Close(slot) if *slot < side.files.len() => Ok(side.files.remove(*slot)).map(|_| String::new()),
        Step::Unlock(_) | Step::Close(_) => none(),
        Step::Read(slot, ..) | Step::Write(slot, ..) | Step::SetLen(slot, _) | Step::Len(slot) | Step::Sync(slot) => {
            side.files.get(*slot).map_or_else(none, |file| run_on_file(&**file, step))
        }
    };
    result.map_err(|error| error.kind())
}

fn run_on_file(file: &dyn File, step: &Step) -> io::Result<String> {
    match step {
        Step::Read(_, offset, count) => {
            let mut buffer = vec![0xEE; *count];
            file.read_at(&mut buffer, *offset).map(|read| format!("{read} {:x}", crc32fast::hash(&buffer)))
        }
        Step::Write(_, offset, bytes) => write_all_at(file, bytes, *offset).map(|()| String::new()),
        Step::SetLen(_, bytes) => file.set_len(*bytes).map(|()| String::new()),
        Step::Len(_) => file.len().map(|bytes| bytes.to_string()),
        _ => file.sync_data().map(|()| String::new()),
    }
}

/// All names, kinds and contents below a directory.
fn everything(fs: &dyn Fs, root: &Path) -> Vec<(String, FileKind, u64, u32)> {
    let mut all = Vec::new();
    for entry in fs.read_dir(root).unwrap() {
        let path = root.join(&entry.name);
        let hash = match entry.kind {
            FileKind::File => crc32fast::hash(&super::read_file(fs, &path).unwrap()),
            _ => 0,
        };
        if entry.kind == FileKind::Directory {
            all.extend(
                everything(fs, &path)
                    .into_iter()
                    .map(|(name, kind, bytes, hash)| (format!("{}/{name}", entry.name), kind, bytes, hash)),
            );
        }
        all.push((entry.name, entry.kind, entry.bytes, hash));
    }
    all.sort_by(|one, two| one.0.cmp(&two.0));
    all
}

#[test]
fn the_simulated_file_system_answers_like_the_real_one() {
    // A memory disk if there is one: real syncs prove nothing here and cost seconds.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let mut answers = std::collections::BTreeMap::new();
    for seed in 0..80 {
        let directory = tempfile::tempdir_in(&parent).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let sim = SimFs::with_block_bytes(seed, if seed % 4 == 0 { 512 } else { 4096 });
        let mut real = Side::new(Box::new(OsFs), directory.path());
        let mut simulated = Side::new(Box::new(sim), Path::new("/"));
        for number in 0..150 {
            let step = step(&mut random);
            let (one, two) = (run(&mut real, &step), run(&mut simulated, &step));
            assert_eq!(one, two, "seed {seed}, step {number}: {step:?}: the real one on the left");
            let name = format!("{step:?}").split('(').next().unwrap_or_default().to_owned();
            *answers.entry((name, one.is_ok())).or_insert(0) += 1;
        }
        assert_eq!(everything(&OsFs, directory.path()), everything(&*simulated.fs, Path::new("/")), "seed {seed}");
    }
    // Calls that never succeeded, or never ran, would prove nothing.
    for name in ["Open", "CreateDir", "ReadDir", "Rename", "Remove", "SyncDir", "Lock", "Page", "PageRead", "Write"] {
        assert!(answers.get(&(name.to_owned(), true)).is_some_and(|count| *count >= 5), "{name}: {answers:?}");
    }
    for name in ["Open", "CreateDir", "ReadDir", "Rename", "Remove", "Lock", "Page", "PageRead", "Write", "SetLen"] {
        assert!(answers.get(&(name.to_owned(), false)).is_some_and(|count| *count >= 5), "{name}: {answers:?}");
    }
}
