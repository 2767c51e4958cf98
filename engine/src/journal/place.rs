//! Where a store's files are.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{FileKind, Fs};
use crate::id::SegmentId;
use crate::journal::index::SegmentPlace;

/// How many journals a store can have: a control channel stands for each (docs/format.md).
pub const JOURNALS_MAX: u32 = 255;

/// A store's directory, one journal in it, and what stands where.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub root: PathBuf,
    /// The journal's number.
    pub number: u32,
    pub journal: PathBuf,
    pub large: PathBuf,
}

impl Places {
    pub fn new(root: &Path, number: u32) -> Places {
        Places { root: root.to_owned(), number, journal: journal(root, number), large: root.join("large") }
    }

    pub fn format(&self) -> PathBuf {
        self.root.join("FORMAT")
    }

    pub fn maintenance(&self) -> PathBuf {
        self.root.join("MAINTENANCE")
    }

    pub fn lock(&self) -> PathBuf {
        self.journal.join("LOCK")
    }

    pub fn mark(&self) -> PathBuf {
        self.journal.join("mark")
    }

    pub fn segment(&self, id: SegmentId) -> PathBuf {
        self.journal.join(id.to_string())
    }

    /// A segment as an index keeps it.
    pub fn segment_place(&self, id: SegmentId) -> Arc<SegmentPlace> {
        Arc::new(SegmentPlace { journal: self.number, id, path: self.segment(id) })
    }
}

/// The directory of a journal.
pub(crate) fn journal(root: &Path, number: u32) -> PathBuf {
    root.join("journals").join(format!("{number:03}"))
}

/// The journals there are, in order.
pub(crate) fn journals(fs: &dyn Fs, root: &Path) -> Result<Vec<u32>> {
    let path = root.join("journals");
    let entries = match fs.read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &path, error)),
    };
    let directories = entries.into_iter().filter(|entry| entry.kind == FileKind::Directory);
    let mut found: Vec<u32> = directories.filter_map(|entry| parse(&entry.name)).collect();
    found.sort_unstable();
    Ok(found)
}

fn parse(name: &str) -> Option<u32> {
    let number: u32 = name.parse().ok()?;
    (number < JOURNALS_MAX && format!("{number:03}") == name).then_some(number)
}
