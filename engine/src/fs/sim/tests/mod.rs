//! Each rule of the simulated disk has a test here that goes red when the rule is broken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CallKind, Choice, EINTR, EIO, ENOSPC, Fault, SimFs};
use crate::fs::{File, Fs, OpenMode, read_file, write_all_at};

mod bounds;
mod contents;
mod cost;
mod faults;
mod machine;
mod names;
mod property;

const BLOCK: usize = 4096;

fn path(text: &str) -> &Path {
    Path::new(text)
}

/// A block full of one byte.
fn block(byte: u8) -> Vec<u8> {
    vec![byte; BLOCK]
}

fn create(fs: &SimFs, name: &str) -> Arc<dyn File> {
    fs.open(path(name), OpenMode::CreateNew).unwrap()
}

fn open(fs: &SimFs, name: &str) -> Arc<dyn File> {
    fs.open(path(name), OpenMode::Write).unwrap()
}

/// A new file whose name and content are durable.
fn durable(fs: &SimFs, name: &str, bytes: &[u8]) -> Arc<dyn File> {
    let file = create(fs, name);
    write_all_at(&*file, bytes, 0).unwrap();
    file.sync_data().unwrap();
    fs.sync_dir(path(name).parent().unwrap()).unwrap();
    file
}

fn content(fs: &SimFs, name: &str) -> Vec<u8> {
    read_file(fs, path(name)).unwrap()
}

/// One letter for each block: the byte it is full of (`.` for zeros), `!` if it is torn.
fn letters(bytes: &[u8]) -> String {
    let letter = |block: &[u8]| match block {
        [first, rest @ ..] if rest.iter().any(|byte| byte != first) => '!',
        [0, ..] => '.',
        [first, ..] => char::from(*first),
        [] => '?',
    };
    bytes.chunks(BLOCK).map(letter).collect()
}

/// The contents of a file over every crash there can be.
fn outcomes(fs: &SimFs, name: &str) -> BTreeSet<String> {
    each_crash(fs).map(|left| letters(&content(&left, name))).collect()
}

/// The lists of files over every crash there can be.
fn name_outcomes(fs: &SimFs) -> BTreeSet<String> {
    each_crash(fs).map(|left| paths(&left)).collect()
}

fn paths(fs: &SimFs) -> String {
    fs.paths().iter().map(|path: &PathBuf| path.display().to_string()).collect::<Vec<_>>().join(" ")
}

fn each_crash(fs: &SimFs) -> impl Iterator<Item = SimFs> {
    let fs = fs.snapshot();
    let space = fs.crash_points();
    assert!(space.bits() <= 12, "too many states for a test that wants all: {}", space.states());
    (0..space.states()).map(move |number| fs.crash(&space.choice(number)))
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn errno<T>(result: std::io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}
