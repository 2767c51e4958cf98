//! Where a journal's files are.

use std::path::{Path, PathBuf};

use crate::id::SegmentId;

/// The journal that this version writes. Several come with several writers; the format has room.
pub(crate) const JOURNAL: u32 = 0;

/// A store's directory and what stands where in it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub root: PathBuf,
    pub journal: PathBuf,
    pub large: PathBuf,
}

impl Places {
    pub fn new(root: &Path) -> Places {
        let journal = root.join("journals").join(format!("{JOURNAL:03}"));
        Places { root: root.to_owned(), journal, large: root.join("large") }
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
}
