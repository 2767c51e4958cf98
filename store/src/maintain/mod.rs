//! Sealing, merging and erasing, as the store sees it.

pub(crate) mod checkpoint;
mod kind;
mod rules;
mod usage;

use std::sync::Arc;

use threadlog_compaction::{Avoid, Config, Extent, Maintenance, Watch, compact, erase, seal};
pub use threadlog_compaction::{Config as CompactionConfig, Erased, Error as CompactionError, Pending, Written};
use threadlog_engine::{Engine, ReadLog};

pub use kind::UsageKind;
pub(crate) use rules::StoreRules;
pub use usage::{SharedValues, Sizes, ThreadUsage, Usage};

use crate::catalog::{self, CatalogFile};
use crate::error::Result;
use crate::log::Log;
use crate::progress::Progress;
use crate::stats::StoreStats;
use crate::store::Store;
use crate::thread::ThreadId;

/// What was merged.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Compacted {
    /// What was written and given back; sealing that came before it included.
    pub written: Written,
    /// Segments that were left as they are because they are damaged, and how.
    pub damaged: Avoid,
}

impl Store {
    /// Seals everything that is durable in the store's journals: records are compressed and gathered by thread, and the hot
    /// segments go. Of journals that other processes write, those segments that they have left.
    ///
    /// *Durability:* what can be read stays so at every moment, after any crash. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// [`Error::ReadOnly`](crate::Error::ReadOnly); [`Error::Compaction`](crate::Error::Compaction) if somebody else is at
    /// it, if the disk is full, if `progress` stops it. What was sealed until then stays sealed.
    pub fn seal(&self, config: &Config, progress: &dyn Progress) -> Result<Written> {
        let engine = self.engine()?;
        let mut maintenance = self.maintenance(engine)?;
        let rules = StoreRules::of(engine, self.clock());
        plan(progress, &maintenance, engine, false);
        let written = seal::seal(&mut maintenance, engine, true, &rules, config, &Told(progress))?;
        self.checkpoint(&maintenance, progress);
        Ok(written)
    }

    /// As [`Store::seal`]; then merges sealed segments until few are left, leaves out what was deleted, stores values once that
    /// several segments have, and gives archived threads larger blocks and a higher level. With `full`, all of them.
    ///
    /// # Errors
    /// As [`Store::seal`].
    pub fn compact(&self, full: bool, config: &Config, progress: &dyn Progress) -> Result<Compacted> {
        let engine = self.engine()?;
        let mut maintenance = self.maintenance(engine)?;
        let rules = StoreRules::of(engine, self.clock());
        plan(progress, &maintenance, engine, true);
        let watch = &Told(progress);
        let mut compacted = Compacted::default();
        compacted.written += seal::seal(&mut maintenance, engine, true, &rules, config, watch)?;
        let extent = if full { Extent::Full } else { Extent::Wanted };
        let avoid = &mut compacted.damaged;
        let renew = &mut || engine.renew_sealed().map(drop).map_err(CompactionError::from);
        compacted.written += compact::compact(&mut maintenance, extent, &rules, config, watch, avoid, renew)?;
        self.checkpoint(&maintenance, progress);
        Ok(compacted)
    }

    /// Removes every byte of deleted threads that no other thread shares from the store's files: from journals, sealed
    /// segments and dictionaries. What another process still holds is named, with who holds it.
    ///
    /// [`Store::remains`] says what is left.
    ///
    /// # Errors
    /// As [`Store::seal`]; erase again.
    pub fn erase(&self, config: &Config, progress: &dyn Progress) -> Result<Erased> {
        let engine = self.engine()?;
        let mut maintenance = self.maintenance(engine)?;
        let rules = StoreRules::of(engine, self.clock());
        plan(progress, &maintenance, engine, false);
        // Both checkpoints may have words of the dead; none is written again before those are gone.
        catalog::remove_all(&*self.fs, self.root())?;
        let erased = erase::erase(&mut maintenance, engine, &rules, config, &Told(progress))?;
        self.checkpoint(&maintenance, progress);
        Ok(erased)
    }

    /// Makes the catalog checkpoint anew, from nothing but the log. Goes on where an earlier rebuild was interrupted: what
    /// that had folded is in a checkpoint of its own, now and then and when `progress` stops it. It is never needed: without one, answers are the same,
    /// and lists take longer. Readers and writers go on meanwhile, and whoever opens the store later uses it.
    ///
    /// Returns how many threads it has, deleted ones included; `None` if none was written, because the log is damaged or
    /// `progress` stopped it.
    ///
    /// *Cost:* reads every item of every thread, on two cores or more; memory for the file. *Durability:* durable on return.
    ///
    /// # Errors
    /// [`Error::ReadOnly`](crate::Error::ReadOnly); [`Error::Compaction`](crate::Error::Compaction) if somebody else is
    /// sealing or merging; [`Error::Engine`](crate::Error::Engine) if the file cannot be written.
    pub fn rebuild(&self, progress: &dyn Progress) -> Result<Option<u64>> {
        let engine = self.engine()?;
        let _maintenance = self.maintenance(engine)?;
        engine.renew_sealed()?;
        progress.planned(0, engine.streams().iter().map(|stream| stream.payload_bytes).sum());
        let (fs, store) = (&*self.fs, engine.store_id());
        let interrupted =
            catalog::newest(fs, self.root(), &store, &self.log).is_some_and(|(checkpoint, _)| checkpoint.is_partial());
        if !interrupted {
            catalog::remove_all(fs, self.root())?;
        }
        Ok(catalog::write(fs, self.root(), store, &self.log, self.clock(), !interrupted, progress)?)
    }

    /// The catalog's checkpoints, the newest first, and what each is worth. *Cost:* reads them whole.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if their folder cannot be listed; that one cannot be used is no error.
    pub fn catalog_files(&self) -> Result<Vec<CatalogFile>> {
        let store = self.store_id()?;
        let folder = self.root().join("catalog");
        catalog::states(&*self.fs, self.root(), &store, &self.log).map_err(crate::Error::io("list", &folder))
    }

    /// What is damaged of the sealed segments' tables and of MANIFEST, as far as that is known without reading records.
    #[must_use]
    pub fn sealed_damage(&self) -> Vec<String> {
        self.log.sealed().damage().iter().map(ToString::to_string).collect()
    }

    /// The threads of which the checkpoint in use, with what came since, says something else than their records; none without
    /// a checkpoint. There should never be any: [`Store::rebuild`] mends it. *Cost:* reads every item of every thread.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) if FORMAT cannot be read.
    pub fn catalog_drift(&self, progress: &dyn Progress) -> Result<Vec<ThreadId>> {
        let store = self.store_id()?;
        let usable = catalog::newest(&*self.fs, self.root(), &store, &self.log);
        Ok(usable.map(|usable| catalog::drift(self.log(), self.clock(), &usable, progress)).unwrap_or_default())
    }

    fn checkpoint(&self, held: &Maintenance, progress: &dyn Progress) {
        if let Log::Writer(engine) = &self.log {
            checkpoint::write(held, &*self.fs, self.root(), engine, self.clock(), &|| progress.stop());
        }
    }

    /// What takes the room: by kind, by thread, shared or not.
    ///
    /// *Cost:* decompresses everything in the store.
    ///
    /// # Errors
    /// [`Error::Compaction`](crate::Error::Compaction) if `progress` stops it, or the disk fails. What is damaged is left out.
    pub fn usage(&self, progress: &dyn Progress) -> Result<Usage> {
        let sealed = self.log.sealed();
        progress.planned(0, sealed.streams().iter().map(|stream| stream.payload_bytes).sum());
        let mut usage = usage::measure(self.log(), &sealed, &Told(progress))?;
        let mut files = StoreStats::default();
        files.add_files(&*self.fs, self.root())?;
        usage.disk_bytes = files.disk_bytes;
        Ok(usage)
    }

    fn maintenance(&self, engine: &Engine) -> Result<Maintenance> {
        let config = engine.config();
        let store = engine.store_id();
        Ok(Maintenance::take(&self.fs, self.root(), store, &config.client, &Arc::clone(&config.clock))?)
    }
}

/// Tells how much there is to be done, at most.
fn plan(progress: &dyn Progress, maintenance: &Maintenance, engine: &Engine, sealed: bool) {
    use threadlog_engine::ReadLog;
    let in_segments: u64 = maintenance.sealed().streams().iter().map(|stream| stream.payload_bytes).sum();
    let all: u64 = engine.streams().iter().map(|stream| stream.payload_bytes).sum();
    let bytes = if sealed { all } else { all.saturating_sub(in_segments) };
    progress.planned(0, bytes);
}

/// Passes on what is told.
pub(crate) struct Told<'a>(pub(crate) &'a dyn Progress);

impl Watch for Told<'_> {
    fn advanced(&self, bytes: u64) {
        self.0.advanced(bytes);
    }

    fn stop(&self) -> bool {
        self.0.stop()
    }
}
