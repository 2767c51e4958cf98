//! The right to change what is sealed: one holder at a time in all processes, and every edit of MANIFEST under it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::{Fs, Lock, platform, read_file};
use threadlog_engine::sealed::{
    DictionaryId, Manifest, OnDamage, Sealed, SealedId,
    id::{dictionaries_directory, sealed_directory},
    prepare,
};
use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Clock, Error as EngineError, Owner};

use crate::error::{Error, Result};

/// Held by whoever seals, merges or erases; the kernel frees it when the process dies.
///
/// Readers and writers of journals never wait for it.
pub struct Maintenance {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) root: PathBuf,
    pub(crate) store: [u8; 16],
    pub(crate) clock: Arc<dyn Clock>,
    sealed: Arc<Sealed>,
    /// The number that the next file gets. Ahead of the manifest's while files are made that it does not name yet.
    next_number: u64,
    /// Whether the manifest in force was made durable here. One that was found may have been left by somebody whose sync of
    /// its name failed: it reads well, and a power cut brings the older one back.
    confirmed: bool,
    _lock: MaintenanceLock,
}

/// The lock by itself, for who cannot believe what is sealed.
pub(crate) struct MaintenanceLock {
    _lock: Box<dyn Lock>,
}

impl MaintenanceLock {
    /// Takes it, and notes who has it.
    pub fn take(fs: &Arc<dyn Fs>, root: &Path, client: &str, clock: &Arc<dyn Clock>) -> Result<MaintenanceLock> {
        let path = root.join("MAINTENANCE");
        let Some(lock) = fs.try_lock(&path).map_err(|error| EngineError::io("lock", &path, error))? else {
            let note = read_file(&**fs, &path).unwrap_or_default();
            return Err(Error::Busy { owner: Box::new(Owner::from_text(&String::from_utf8_lossy(&note))) });
        };
        let boot = fs.boot_id().map_err(|error| EngineError::io("tell the boot id for", &path, error))?;
        let owner = Owner {
            pid: std::process::id(),
            host: platform::host_name(),
            client: client.to_owned(),
            since_ms: clock.now_ms(),
            boot: boot.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        // For people only: on a full disk the lock is as good without it.
        let _ = lock.describe(&owner.to_text());
        Ok(MaintenanceLock { _lock: lock })
    }
}

impl Maintenance {
    /// Takes the lock of the store at `root`, and removes what a crash left half made. `client` is told to whoever is refused.
    ///
    /// # Errors
    /// [`Error::Busy`] if somebody else holds it; [`Error::Engine`] if MANIFEST cannot be read, or a file not removed.
    pub fn take(
        fs: &Arc<dyn Fs>,
        root: &Path,
        store: [u8; 16],
        client: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Maintenance> {
        let lock = MaintenanceLock::take(fs, root, client, clock)?;
        let sealed = Sealed::load(&**fs, root, store, None, OnDamage::Refuse)?;
        let next_number = sealed.manifest().next_number.max(1);
        let mut held = Maintenance {
            fs: Arc::clone(fs),
            root: root.to_owned(),
            store,
            clock: Arc::clone(clock),
            sealed,
            next_number,
            confirmed: false,
            _lock: lock,
        };
        held.sweep()?;
        Ok(held)
    }

    /// What is sealed now.
    #[must_use]
    pub fn sealed(&self) -> &Arc<Sealed> {
        &self.sealed
    }

    /// A number for a new file.
    pub(crate) fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }

    /// A name for a new segment.
    pub(crate) fn new_segment(&mut self) -> Result<SealedId> {
        let salt = self.fs.random().map_err(|error| EngineError::io("draw random numbers for", &self.root, error))?;
        Ok(SealedId { number: self.number(), salt })
    }

    /// Makes what has to be there before the first file is written. What it made is the manifest to be edited then.
    pub(crate) fn prepare(&mut self) -> Result<()> {
        let manifest = prepare(&*self.fs, &self.root, self.store)?;
        if manifest.generation != self.sealed.generation() {
            self.sealed = Sealed::load(&*self.fs, &self.root, self.store, None, OnDamage::Refuse)?;
            self.confirmed = true;
        }
        self.confirm()
    }

    /// Sees to it that the manifest in force is durable: by another one, as a sync that is tried again means nothing. To be
    /// called before anything is removed that an older one may name.
    ///
    /// *Cost:* once for each time that the right is taken, the syncs of an edit.
    pub(crate) fn confirm(&mut self) -> Result<()> {
        if self.confirmed || self.sealed.generation() == 0 || bug(Bug::ManifestNotConfirmed) {
            return Ok(());
        }
        self.replace(|_| {})
    }

    /// Replaces MANIFEST by what `change` makes of it, and looks at it anew. Files that it names must be durable.
    ///
    /// *Durability:* after `Ok` the new one survives power loss; after an error either does.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<()> {
        self.prepare()?;
        self.replace(change)
    }

    fn replace(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<()> {
        let mut manifest = self.sealed.manifest().clone();
        change(&mut manifest);
        manifest.generation = manifest.generation.saturating_add(1);
        manifest.next_number = self.next_number.max(manifest.next_number);
        manifest.journals.sort_by_key(|base| base.journal);
        manifest.segments.sort_by_key(|row| row.id);
        manifest.dictionaries.sort_by_key(|row| row.id);
        self.confirmed = false;
        manifest.replace(&*self.fs, &self.root, self.store)?;
        self.confirmed = true;
        self.sealed = Sealed::load(&*self.fs, &self.root, self.store, Some(&self.sealed), OnDamage::Refuse)?;
        Ok(())
    }

    /// Removes files that MANIFEST does not name.
    fn sweep(&mut self) -> Result<()> {
        let left = self.leftovers()?;
        if left.is_empty() {
            return Ok(());
        }
        // Whoever died may have done so behind a sync that failed.
        self.confirm()?;
        left.iter().try_for_each(|path| self.remove(path))
    }

    fn leftovers(&self) -> Result<Vec<PathBuf>> {
        let manifest = self.sealed.manifest();
        let (sealed, dictionaries) = (sealed_directory(&self.root), dictionaries_directory(&self.root));
        let mut left = Vec::new();
        for name in self.names(&sealed)? {
            if SealedId::parse(&name).is_some_and(|id| manifest.segments.iter().all(|row| row.id != id)) {
                left.push(sealed.join(name));
            }
        }
        for name in self.names(&dictionaries)? {
            if DictionaryId::parse(&name).is_some_and(|id| manifest.dictionaries.iter().all(|row| row.id != id)) {
                left.push(dictionaries.join(name));
            }
        }
        Ok(left)
    }

    fn names(&self, directory: &Path) -> Result<Vec<String>> {
        match self.fs.read_dir(directory) {
            Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(EngineError::io("list", directory, error).into()),
        }
    }

    /// Removes a file; that it is gone already is as well.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        match self.fs.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::io("remove", path, error).into()),
            _ => Ok(()),
        }
    }

    /// Removes files that nothing names any more. What cannot be removed now is removed by the next holder.
    pub(crate) fn remove_all<'a>(&self, paths: impl IntoIterator<Item = &'a PathBuf>) {
        for path in paths {
            let _ = self.fs.remove_file(path);
        }
    }
}
