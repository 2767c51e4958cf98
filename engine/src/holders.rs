//! Who holds which leases, for whoever only asks: takes no lock and writes nothing, so a reader may.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{Fs, RangeLocks, RangeMode};
use crate::journal::claim::owner_of;
use crate::journal::place::{self, Places};
use crate::lease::{self, Kind, LeaseOn};
use crate::lock::Owner;

/// The leases on a store, seen from outside. Every answer is as of the moment it is asked for.
///
/// ```
/// use std::sync::Arc;
/// use threadlog_engine::{Config, Engine, Holders, LeaseOn, OsFs};
///
/// # let root = tempfile::tempdir()?;
/// # let root = root.path().join("store");
/// let engine = Engine::open(Arc::new(OsFs), &root, Config::default())?;
/// # let Some(leases) = engine.leases() else { return Ok(()) };
/// let lease = leases.take(LeaseOn::Writer(&[7; 16]))?;
///
/// let holders = Holders::open(Arc::new(OsFs), &root)?.expect("a store that several processes may write");
/// let holder = holders.of(LeaseOn::Writer(&[7; 16]))?.expect("somebody");
/// assert_eq!((holder.journal, holder.owner.pid), (engine.journal(), std::process::id()));
/// assert_eq!(holders.writers()?, [holder]);
/// # drop(lease);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Holders {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    ranges: Arc<dyn RangeLocks>,
}

/// Somebody who has a store open for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHolder {
    /// The journal that is written.
    pub journal: u32,
    /// By whom, as they wrote it down.
    pub owner: Owner,
}

impl Holders {
    /// Opens the leases of the store at `root` for asking; `None` if it has none: it was never open to several writers.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(fs: Arc<dyn Fs>, root: &Path) -> Result<Option<Holders>> {
        let path = root.join(lease::FILE);
        match fs.range_locks_read(&path) {
            Ok(ranges) => Ok(Some(Holders { fs, root: root.to_owned(), ranges })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("open", &path, error)),
        }
    }

    /// Who holds a lease that would be in the way of this one. *Cost:* a system call, and the reading of a small file if
    /// somebody does.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(&self, on: LeaseOn<'_>) -> Result<Option<JournalHolder>> {
        let holder = self.ranges.holder(on.first(), on.mode()).map_err(|error| self.io(error))?;
        Ok(holder.map(|range| self.holder(lease::journal_of(range))))
    }

    /// Who writes, by journal. *Cost:* a listing of the journals, and a system call for each.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn writers(&self) -> Result<Vec<JournalHolder>> {
        let mut writers = Vec::new();
        for number in place::journals(&*self.fs, &self.root)? {
            let alive = lease::journal_range(Kind::Alive, number);
            if self.ranges.holder(alive, RangeMode::Shared).map_err(|error| self.io(error))?.is_some() {
                writers.push(self.holder(number));
            }
        }
        Ok(writers)
    }

    fn holder(&self, journal: u32) -> JournalHolder {
        JournalHolder { journal, owner: owner_of(&*self.fs, &Places::new(&self.root, journal)) }
    }

    fn io(&self, error: std::io::Error) -> Error {
        Error::io("ask for locks of", &self.root.join(lease::FILE), error)
    }
}

impl std::fmt::Debug for Holders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holders").field("root", &self.root).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "holders_tests.rs"]
mod tests;
