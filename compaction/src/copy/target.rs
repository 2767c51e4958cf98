//! The directory that a copy is made in.

use std::io;
use std::path::{Path, PathBuf};

use threadlog_engine::format::store_file::FormatFile;
use threadlog_engine::fs::{Fs, Lock, create_dir_durable, platform, read_file};
use threadlog_engine::sealed::{
    DictionaryId, Manifest, SealedId,
    id::{dictionaries_directory, sealed_directory},
    manifest_path,
};
use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Error as EngineError, Owner, read_format};

use crate::copy::Copy;
use crate::error::{Error, Result};

/// What stands in a copy. Not `journals`: a copy that has some was written to, and is a store of its own.
const OURS: [&str; 7] = ["FORMAT", "FORMAT.new", "MAINTENANCE", "MANIFEST", "MANIFEST.new", "dictionaries", "sealed"];

/// A directory that is, or becomes, a copy; nobody else works on it meanwhile.
pub(super) struct Target<'a> {
    fs: &'a dyn Fs,
    pub root: &'a Path,
    /// What is there already; empty if nothing is.
    pub manifest: Manifest,
    /// Whether it is a store already.
    pub format: Option<FormatFile>,
    _lock: Box<dyn Lock>,
}

impl<'a> Target<'a> {
    /// Takes the directory, made if it is missing.
    pub fn take(copy: &Copy<'a>, root: &'a Path) -> Result<Target<'a>> {
        let fs: &'a dyn Fs = &**copy.fs;
        create_dir_durable(fs, root).map_err(|error| EngineError::io("create", root, error))?;
        refuse_foreign(fs, root)?;
        let lock = lock(copy, fs, root)?;
        let refused = |what| Error::NotACopy { path: root.to_owned(), what };
        let format = match read_format(fs, root) {
            Ok(format) if format.store == copy.format.store && copy.update => Some(format),
            Ok(_) if copy.update => return Err(refused("it is the copy of another store".to_owned())),
            Ok(_) => return Err(refused("there is a store already".to_owned())),
            // It comes last the first time: segments without it are those of an attempt that was cut short.
            Err(_) if is_absent(fs, &root.join("FORMAT")) => None,
            Err(error) => return Err(error.into()),
        };
        let manifest = match (format, read_file(fs, &manifest_path(root))) {
            (Some(_), _) => Manifest::read(fs, root, copy.format.store)?,
            (None, Err(error)) if error.kind() == io::ErrorKind::NotFound => Manifest::default(),
            (None, Err(error)) => return Err(EngineError::io("read", &manifest_path(root), error).into()),
            // It is durable before FORMAT is: a crash came between.
            (None, Ok(bytes)) => Manifest::decode(&bytes, &copy.format.store)
                .map_err(|fault| refused(format!("MANIFEST is not of this store ({fault})")))?,
        };
        for directory in [sealed_directory(root), dictionaries_directory(root)] {
            create_dir_durable(fs, &directory).map_err(|error| EngineError::io("create", &directory, error))?;
        }
        Ok(Target { fs, root, manifest, format, _lock: lock })
    }

    /// Whether the copy has exactly these files, and begins its journals at the same places.
    pub fn is(&self, manifest: &Manifest) -> bool {
        let Manifest { journals, segments, dictionaries, .. } = &self.manifest;
        (journals, segments, dictionaries) == (&manifest.journals, &manifest.segments, &manifest.dictionaries)
    }

    /// Files that this MANIFEST does not name.
    pub fn leftovers(&self, manifest: &Manifest) -> Result<Vec<PathBuf>> {
        let mut left = Vec::new();
        let sealed = sealed_directory(self.root);
        for name in self.names(&sealed)? {
            if SealedId::parse(&name).is_some_and(|id| manifest.segments.iter().all(|row| row.id != id)) {
                left.push(sealed.join(name));
            }
        }
        let dictionaries = dictionaries_directory(self.root);
        for name in self.names(&dictionaries)? {
            if DictionaryId::parse(&name).is_some_and(|id| manifest.dictionaries.iter().all(|row| row.id != id)) {
                left.push(dictionaries.join(name));
            }
        }
        Ok(left)
    }

    /// Makes the names of all files durable.
    pub fn sync(&self) -> Result<()> {
        if bug(Bug::BackupNamesNotSynced) {
            return Ok(());
        }
        for directory in [sealed_directory(self.root), dictionaries_directory(self.root)] {
            let synced = self.fs.sync_dir(&directory);
            synced.map_err(|error| EngineError::io("sync directory", &directory, error))?;
        }
        Ok(())
    }

    /// Removes a file; that there is none is as well.
    pub fn remove(&self, path: &Path) -> Result<()> {
        match self.fs.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::io("remove", path, error).into()),
            _ => Ok(()),
        }
    }

    fn names(&self, directory: &Path) -> Result<Vec<String>> {
        let entries = self.fs.read_dir(directory).map_err(|error| EngineError::io("list", directory, error))?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }
}

fn is_absent(fs: &dyn Fs, path: &Path) -> bool {
    read_file(fs, path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A directory full of other things is not turned into a copy, nor is a store that was written to.
fn refuse_foreign(fs: &dyn Fs, root: &Path) -> Result<()> {
    let entries = fs.read_dir(root).map_err(|error| EngineError::io("list", root, error))?;
    let Some(entry) = entries.iter().find(|entry| !OURS.contains(&entry.name.as_str())) else { return Ok(()) };
    let what = match entry.name.as_str() {
        "journals" | "large" | "LEASES" => "it was written to, and is a store of its own".to_owned(),
        other => format!("there is something else in it ({other})"),
    };
    Err(Error::NotACopy { path: root.to_owned(), what })
}

fn lock(copy: &Copy<'_>, fs: &dyn Fs, root: &Path) -> Result<Box<dyn Lock>> {
    let path = root.join("MAINTENANCE");
    let Some(lock) = fs.try_lock(&path).map_err(|error| EngineError::io("lock", &path, error))? else {
        let note = read_file(fs, &path).unwrap_or_default();
        return Err(Error::Busy { owner: Box::new(Owner::from_text(&String::from_utf8_lossy(&note))) });
    };
    let boot = fs.boot_id().map_err(|error| EngineError::io("tell the boot id for", &path, error))?;
    let owner = Owner {
        pid: std::process::id(),
        host: platform::host_name(),
        client: copy.client.to_owned(),
        since_ms: copy.clock.now_ms(),
        boot: boot.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    // For people only: on a full disk the lock is as good without it.
    let _ = lock.describe(&owner.to_text());
    Ok(lock)
}
