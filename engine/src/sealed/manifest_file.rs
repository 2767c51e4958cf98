//! MANIFEST on disk: read, replaced, and made where there is none.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::format::HeaderFault;
use crate::fs::{Fs, OpenMode, create_dir_durable, read_file, write_all_at};
use crate::sealed::id::{SealedId, dictionaries_directory, sealed_directory};
use crate::sealed::manifest::Manifest;
use crate::sealed::segment::corrupt;
use crate::seeded::{Bug, bug};
use crate::store_format;

/// The file.
#[must_use]
pub fn manifest_path(root: &Path) -> PathBuf {
    root.join("MANIFEST")
}

impl Manifest {
    /// Reads the MANIFEST of the store at `root`; where there is none and nothing is sealed, an empty one of generation 0.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is damaged, or missing though there are sealed segments: [`Manifest::rebuild`] makes it
    /// anew. [`Error::FormatVersion`] if a newer program wrote it. An I/O error.
    pub fn read(fs: &dyn Fs, root: &Path, store: [u8; 16]) -> Result<Manifest> {
        let path = manifest_path(root);
        let Some(bytes) = bytes(fs, &path)? else {
            let sealed = sealed_files(fs, root)?;
            // MANIFEST comes before the first segment: where there is one, it may have been made since it was looked for.
            return match bytes(fs, &path)? {
                Some(_) => Manifest::read(fs, root, store),
                None if sealed.is_empty() => Ok(Manifest { next_number: 1, ..Manifest::default() }),
                None => Err(corrupt(&path, 0, "missing, though there are sealed segments".to_owned())),
            };
        };
        Manifest::decode(&bytes, &store).map_err(|fault| match fault {
            HeaderFault::Version(_) | HeaderFault::Incompatible(_) => {
                Error::FormatVersion { path: path.clone(), what: fault.to_string() }
            }
            _ => corrupt(&path, 0, fault.to_string()),
        })
    }

    /// Puts this in the place of the store's MANIFEST, as it is: the caller has made `generation` one more than that of the
    /// one it replaces, and has every file that it names durable. Only for who holds MAINTENANCE.
    ///
    /// *Durability:* written to `MANIFEST.new`, synced, renamed, directory synced.
    ///
    /// # Errors
    /// An I/O error. Then either of the two may be what the next reader finds, now or after a power cut: no file that
    /// either of them names may be removed until a later call succeeds.
    pub fn replace(&self, fs: &dyn Fs, root: &Path, store: [u8; 16]) -> Result<()> {
        let (path, temporary) = (manifest_path(root), root.join("MANIFEST.new"));
        let io = |op, error| Error::io(op, &temporary, error);
        match fs.remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io("remove", error)),
            _ => {}
        }
        let file = fs.open(&temporary, OpenMode::CreateNew).map_err(|error| io("create", error))?;
        write_all_at(&*file, &self.encode(&store), 0).map_err(|error| io("write", error))?;
        if !bug(Bug::ManifestNotSynced) {
            file.sync_data().map_err(|error| io("sync", error))?;
        }
        fs.rename(&temporary, &path).map_err(|error| io("rename", error))?;
        if bug(Bug::ManifestNameNotSynced) {
            return Ok(());
        }
        fs.sync_dir(root).map_err(|error| Error::io("sync directory", root, error))
    }
}

/// Makes what has to be there before the first segment or dictionary is written: the directories, and a MANIFEST. Only for
/// who holds MAINTENANCE; called before every sealing, it does nothing where all is there.
///
/// Without a MANIFEST from the beginning, one that was lost could not be told from one that was not written yet, beside a
/// segment that a crash left behind.
///
/// *Durability:* all of it is durable on return.
///
/// # Errors
/// Those of [`Manifest::read`]; an I/O error.
pub fn prepare(fs: &dyn Fs, root: &Path, store: [u8; 16]) -> Result<Manifest> {
    let mut manifest = Manifest::read(fs, root, store)?;
    store_format::allow_sealed(fs, root)?;
    if manifest.generation == 0 {
        for directory in [sealed_directory(root), dictionaries_directory(root)] {
            create_dir_durable(fs, &directory).map_err(|error| Error::io("create", &directory, error))?;
        }
        manifest = Manifest { generation: 1, next_number: 1, ..Manifest::default() };
        manifest.replace(fs, root, store).inspect_err(|_| {
            // Its name may read well now and never reach the disk: the next attempt must not build on it.
            let _ = fs.remove_file(&manifest_path(root));
        })?;
    }
    Ok(manifest)
}

/// MANIFEST's bytes, if it is there.
fn bytes(fs: &dyn Fs, path: &Path) -> Result<Option<Vec<u8>>> {
    match read_file(fs, path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

/// The sealed segments whose files are there, by number, whether they live or not.
///
/// # Errors
/// The directory is there and cannot be listed.
pub fn sealed_files(fs: &dyn Fs, root: &Path) -> Result<Vec<SealedId>> {
    let mut found: Vec<SealedId> =
        names(fs, &sealed_directory(root))?.iter().filter_map(|name| SealedId::parse(name)).collect();
    found.sort_unstable();
    Ok(found)
}

/// The names in a directory; none if it is not there.
pub(crate) fn names(fs: &dyn Fs, directory: &Path) -> Result<Vec<String>> {
    match fs.read_dir(directory) {
        Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io("list", directory, error)),
    }
}
