//! Files of the sealed form, copied into another store's directory: byte for byte, under the same names.

use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::{File, Fs, OpenMode, read_at_most, write_all_at};
use crate::number::wide;
use crate::sealed::dictionaries::Dictionaries;
use crate::sealed::id::DictionaryId;
use crate::sealed::segment::SealedSegment;

/// How much is copied at once.
const STEP_BYTES: usize = 1 << 20;

impl SealedSegment {
    /// Copies the file, as it is, below `root`; `each` is told of the bytes of each step and says whether to go on. Returns
    /// whether all was copied. It is read through the file that is open: that its name may be gone does no harm.
    ///
    /// What is copied is not looked at: [`SealedSegment::check_stored`] of the copy says whether it is sound.
    ///
    /// *Durability:* the file is synced, its name is not: the caller syncs the directory when all files are there. After an
    /// error, or a stop, what was made is removed again, as far as possible.
    ///
    /// # Errors
    /// An I/O error; the file is there already.
    pub fn copy_to(&self, fs: &dyn Fs, root: &Path, each: &mut dyn FnMut(u64) -> bool) -> Result<bool> {
        copy(self.file(), self.path(), self.row().bytes, fs, &self.id().path(root), each)
    }
}

impl Dictionaries {
    /// Copies a dictionary's file below `root`, as [`SealedSegment::copy_to`] does. It is verified before.
    ///
    /// # Errors
    /// As [`Dictionaries::get`]; an I/O error; the file is there already.
    pub fn copy_to(&self, id: DictionaryId, fs: &dyn Fs, root: &Path) -> Result<()> {
        self.get(id)?;
        let Some((file, path, bytes)) = self.file(id) else { return Ok(()) };
        copy(file, path, bytes, fs, &id.path(root), &mut |_| true).map(|_| ())
    }
}

fn copy(
    from: &dyn File,
    from_path: &Path,
    bytes: u64,
    fs: &dyn Fs,
    to: &Path,
    each: &mut dyn FnMut(u64) -> bool,
) -> Result<bool> {
    let file = fs.open(to, OpenMode::CreateNew).map_err(|error| Error::io("create", to, error))?;
    let copied = (|| {
        let (mut room, mut done) = (vec![0; STEP_BYTES], 0);
        while done < bytes {
            let read = read_at_most(from, &mut room, done).map_err(|error| Error::io("read", from_path, error))?;
            let Some(part) = room.get(..read).filter(|part| !part.is_empty()) else { break };
            write_all_at(&*file, part, done).map_err(|error| Error::io("write", to, error))?;
            done = done.saturating_add(wide(read));
            if !each(wide(read)) {
                return Ok(false);
            }
        }
        file.sync_data().map_err(|error| Error::io("sync", to, error))?;
        Ok(true)
    })();
    if !matches!(copied, Ok(true)) {
        // Nothing names it: what stays behind is a leftover like any other.
        let _ = fs.remove_file(to);
    }
    copied
}
