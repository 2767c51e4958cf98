//! Putting in order what the rest of a store can tell anew.

use std::path::Path;
use std::sync::Arc;

pub use threadlog_compaction::ManifestRepair;
use threadlog_compaction::repair::{plan_manifest, repair_manifest};
use threadlog_engine::fs::Fs;
use threadlog_engine::{Config, OsFs, read_format};

use crate::error::Result;
use crate::store::Store;

/// What is to be repaired in a store, or was.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Repairs {
    /// MANIFEST, which says what is sealed; `None` if it is sound.
    pub manifest: Option<ManifestRepair>,
}

impl Repairs {
    /// Whether there is nothing to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.manifest.is_none()
    }
}

impl Store {
    /// What [`Store::repair`] would do at this moment. Takes no lock, changes nothing.
    ///
    /// *Cost:* of a sound store next to nothing; else the tables of all sealed segments are read.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) if there is no store, if FORMAT is damaged or newer, if the disk fails.
    pub fn plan_repair(root: &Path) -> Result<Repairs> {
        let fs: Arc<dyn Fs> = Arc::new(OsFs);
        Store::plan_repair_on(&fs, root)
    }

    /// As [`Store::plan_repair`], on a file system of the caller's.
    ///
    /// # Errors
    /// As there.
    pub fn plan_repair_on(fs: &Arc<dyn Fs>, root: &Path) -> Result<Repairs> {
        let format = read_format(&**fs, root)?;
        Ok(Repairs { manifest: plan_manifest(fs, root, format.store)? })
    }

    /// Makes anew what is lost or damaged and can be told from the rest: MANIFEST, from the sealed segments. What was
    /// acknowledged is there afterwards as far as its files are; see
    /// [`plan_manifest`](threadlog_compaction::repair::plan_manifest) for what may come back that was gone.
    ///
    /// *Durability:* on return; a crash leaves the old state or the new one. No file is removed.
    ///
    /// # Errors
    /// As [`Store::plan_repair`]; [`Error::Compaction`](crate::Error::Compaction) with `Busy` if somebody else maintains the
    /// store.
    pub fn repair(root: &Path, config: &Config) -> Result<Repairs> {
        let fs: Arc<dyn Fs> = Arc::new(OsFs);
        Store::repair_on(&fs, root, config)
    }

    /// As [`Store::repair`], on a file system of the caller's.
    ///
    /// # Errors
    /// As there.
    pub fn repair_on(fs: &Arc<dyn Fs>, root: &Path, config: &Config) -> Result<Repairs> {
        let format = read_format(&**fs, root)?;
        let manifest = repair_manifest(fs, root, format.store, &config.client, &config.clock)?;
        Ok(Repairs { manifest })
    }
}
