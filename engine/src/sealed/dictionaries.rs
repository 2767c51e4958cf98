//! The dictionaries of a store: their files are opened with the view, read when a block first needs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::HeaderFault;
use crate::fs::{File, Fs, OpenMode, read_at_most, write_all_at};
use crate::number::{short, size, wide};
use crate::sealed::dictionary::{DICTIONARY_BYTES_MAX, Dictionary};
use crate::sealed::id::{DictionaryId, dictionaries_directory};
use crate::sealed::manifest::DictionaryRow;
use crate::sync::Mutex;

/// The dictionaries that a MANIFEST names.
#[derive(Default)]
pub struct Dictionaries {
    slots: Vec<Arc<Slot>>,
}

/// One of them. Its file is held open: that its name goes away does no harm.
struct Slot {
    row: DictionaryRow,
    path: PathBuf,
    store: [u8; 16],
    file: Arc<dyn File>,
    loaded: Mutex<Option<Arc<Dictionary>>>,
}

impl Dictionaries {
    /// Opens those of `rows` in the store at `root`; those that `before` has are shared with it. One whose file is
    /// missing is an error of kind `NotFound`.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub fn open(
        fs: &dyn Fs,
        root: &Path,
        store: [u8; 16],
        rows: &[DictionaryRow],
        before: Option<&Dictionaries>,
    ) -> Result<Dictionaries> {
        let mut slots = Vec::new();
        for row in rows {
            let known = before.and_then(|before| before.slot(row.id)).filter(|slot| slot.row == *row);
            if let Some(slot) = known {
                slots.push(Arc::clone(slot));
                continue;
            }
            let path = row.id.path(root);
            let file = fs.open(&path, OpenMode::Read).map_err(|error| Error::io("open", &path, error))?;
            slots.push(Arc::new(Slot { row: *row, path, store, file, loaded: Mutex::new(None) }));
        }
        Ok(Dictionaries { slots })
    }

    fn slot(&self, id: DictionaryId) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.row.id == id)
    }

    /// The open file of one of them, its path and its length.
    pub(crate) fn file(&self, id: DictionaryId) -> Option<(&dyn File, &Path, u64)> {
        self.slot(id).map(|slot| (&*slot.file, slot.path.as_path(), u64::from(slot.row.bytes)))
    }

    /// One of them, read and verified on first use.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if its file is damaged beyond mending, or MANIFEST does not name it; an I/O error.
    pub fn get(&self, id: DictionaryId) -> Result<Arc<Dictionary>> {
        let Some(slot) = self.slot(id) else {
            let what = format!("dictionary {id} is needed and MANIFEST does not name it");
            return Err(Error::Corrupt { path: PathBuf::from(id.to_string()), offset: 0, what, streams: Vec::new() });
        };
        let mut loaded = slot.loaded.lock();
        if let Some(dictionary) = &*loaded {
            return Ok(Arc::clone(dictionary));
        }
        let dictionary = Arc::new(slot.read()?);
        *loaded = Some(Arc::clone(&dictionary));
        Ok(dictionary)
    }
}

impl Slot {
    fn read(&self) -> Result<Dictionary> {
        let bytes = size(self.row.bytes).min(DICTIONARY_BYTES_MAX.saturating_mul(2));
        let mut buffer = vec![0; bytes];
        let read = read_at_most(&*self.file, &mut buffer, 0).map_err(|error| Error::io("read", &self.path, error))?;
        buffer.truncate(read);
        let corrupt = |what: String| {
            let what = format!("{what}; no block that was compressed with it can be read");
            Error::Corrupt { path: self.path.clone(), offset: 0, what, streams: Vec::new() }
        };
        let dictionary = Dictionary::decode(&buffer, self.row.id, &self.store).map_err(|fault| match fault {
            HeaderFault::Version(_) | HeaderFault::Incompatible(_) => {
                Error::FormatVersion { path: self.path.clone(), what: fault.to_string() }
            }
            _ => corrupt(fault.to_string()),
        })?;
        if dictionary.checksum() == self.row.checksum {
            Ok(dictionary)
        } else {
            Err(corrupt("it is not the dictionary that MANIFEST names".to_owned()))
        }
    }
}

/// Writes a dictionary's file into a store that [`prepare`](crate::sealed::manifest_file::prepare) was called for.
///
/// *Durability:* file and name are synced. On an error the file is removed again, as far as possible.
///
/// # Errors
/// An I/O error; the dictionary is too long.
pub fn write_dictionary(fs: &dyn Fs, root: &Path, store: [u8; 16], dictionary: &Dictionary) -> Result<DictionaryRow> {
    let path = dictionary.id().path(root);
    let bytes = dictionary.encode(&store).map_err(|error| Error::io("compress", &path, error))?;
    let file = fs.open(&path, OpenMode::CreateNew).map_err(|error| Error::io("create", &path, error))?;
    let written = (|| {
        write_all_at(&*file, &bytes, 0).map_err(|error| Error::io("write", &path, error))?;
        file.sync_data().map_err(|error| Error::io("sync", &path, error))?;
        let directory = dictionaries_directory(root);
        fs.sync_dir(&directory).map_err(|error| Error::io("sync directory", &directory, error))
    })();
    if let Err(error) = written {
        // Nobody knows of it: what stays behind is a leftover like any other.
        let _ = fs.remove_file(&path);
        return Err(error);
    }
    debug_assert!(wide(bytes.len()) <= u64::from(u32::MAX), "shorter than its raw bytes and a piece");
    Ok(DictionaryRow { id: dictionary.id(), bytes: short(bytes.len()), checksum: dictionary.checksum() })
}
