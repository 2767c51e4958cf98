//! How much a store holds, and what it takes.

use std::io;
use std::path::{Path, PathBuf};

use threadlog_engine::fs::{FileKind, Fs};
use threadlog_engine::{Facts, Stats};

use crate::error::{Error, Result};
use crate::item::OddityCounts;
use crate::summary::ThreadSummary;

/// Totals of a store.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Threads.
    pub threads: u64,
    /// Lives of threads: more than threads where files were rewritten.
    pub revisions: u64,
    /// Lines.
    pub lines: u64,
    /// Length of all lines as files have them, in bytes.
    pub line_bytes: u64,
    /// Records of items.
    pub records: u64,
    /// Records that could not be read.
    pub lost_records: u64,
    /// What is odd about lines that are not canonical.
    pub odd: OddityCounts,
    /// Length of all files of the store, in bytes.
    pub disk_bytes: u64,
    /// Of these, records of more than 1 MiB, in files of their own.
    pub large_bytes: u64,
    /// Files of the store.
    pub disk_files: u64,
    /// Segments and groups; only of a store that was opened for reading.
    pub log: Option<Facts>,
    /// What the engine did since it was opened; only of a store that was opened for writing.
    pub engine: Option<Stats>,
}

impl StoreStats {
    pub(crate) fn add(&mut self, thread: &ThreadSummary) {
        self.threads += 1;
        for life in thread.others.iter().chain([&thread.current]) {
            let totals = life.facts.totals();
            self.revisions += 1;
            self.lines += totals.lines;
            self.line_bytes += totals.bytes;
            self.records += totals.records;
            self.lost_records += life.lost_records;
            self.odd.merge(&totals.odd);
        }
    }

    /// Adds the files below `root`.
    pub(crate) fn add_files(&mut self, fs: &dyn Fs, root: &Path) -> Result<()> {
        let mut folders: Vec<(PathBuf, bool)> = vec![(root.to_owned(), false)];
        while let Some((folder, large)) = folders.pop() {
            let entries = match fs.read_dir(&folder) {
                Ok(entries) => entries,
                // Written to at this moment, by somebody else.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("list", &folder)(error)),
            };
            for entry in entries {
                match entry.kind {
                    FileKind::Directory => {
                        let large = large || (folder == root && entry.name == "large");
                        folders.push((folder.join(entry.name), large));
                    }
                    FileKind::File => {
                        self.disk_files += 1;
                        self.disk_bytes += entry.bytes;
                        self.large_bytes += if large { entry.bytes } else { 0 };
                    }
                    FileKind::Other => {}
                }
            }
        }
        Ok(())
    }
}
