//! Taking sealed records out of a journal: unlinking whole files.

use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::{Fs, OpenMode};
use crate::seal::source::Source;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Hot segments and files of large records.
    pub files: u64,
    /// Their lengths, in bytes.
    pub bytes: u64,
}

impl Source {
    /// Removes the segments, and the files of large records that were read. To be called when the manifest that names
    /// [`Source::base`] is durable, and not before.
    ///
    /// *Durability:* none is needed: a file that comes back with a power cut is of no account, and removed by the next who
    /// seals the journal or opens it. Works on a full disk.
    ///
    /// # Errors
    /// [`Error::Io`]; what could not be removed is left for the next.
    pub fn remove(self) -> Result<Removed> {
        self.remove_files()
    }

    /// As [`Source::remove`], keeping the journal's lock. For the one deliberate bug that calls it too early.
    #[doc(hidden)]
    pub fn remove_files(&self) -> Result<Removed> {
        let (fs, segments, large) = self.files();
        let mut removed = Removed::default();
        // The references go last: as long as one is there, its file is not a leftover.
        for path in large.iter().chain(&segments) {
            removed.add(&**fs, path)?;
        }
        Ok(removed)
    }
}

impl Removed {
    fn add(&mut self, fs: &dyn Fs, path: &Path) -> Result<()> {
        let bytes = fs.open(path, OpenMode::Read).and_then(|file| file.len()).unwrap_or(0);
        match fs.remove_file(path) {
            Ok(()) => {
                self.files = self.files.saturating_add(1);
                self.bytes = self.bytes.saturating_add(bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", path, error)),
        }
    }
}
