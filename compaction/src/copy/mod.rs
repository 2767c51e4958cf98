//! A copy of a store in another directory, which is a store itself: for backups, and for getting one back.
//!
//! Sealed files are immutable and have names that are never given twice, so a file that the copy's MANIFEST names needs no
//! second look. What stands in journals is written into sealed segments of the copy's own; its journals begin where they do
//! in the source's MANIFEST, and are empty.
//!
//! The order of steps is that of everything here: new files become durable, MANIFEST is replaced, old files go. So at every
//! moment the copy is the old one or the new one. The first time FORMAT comes last: before, there is no store.

mod hot;
mod target;

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::Clock;
use threadlog_engine::format::store_file::{FormatFile, SEALED};
use threadlog_engine::fs::Fs;
use threadlog_engine::number::wide;
use threadlog_engine::sealed::{Dictionaries, FindValues, Manifest, Sealed, SealedSegment, SegmentRow};
use threadlog_engine::seeded::{Bug, bug};

use crate::config::Config;
pub use crate::copy::hot::Hot;
use crate::copy::hot::{Writing, joined};
use crate::copy::target::Target;
use crate::error::{Error, Result};
use crate::rules::Watch;

/// What a copy is made of.
pub struct Copy<'a> {
    /// Both stores' file system.
    pub fs: &'a Arc<dyn Fs>,
    /// What FORMAT says of the source.
    pub format: FormatFile,
    /// What is sealed in the source, as of one MANIFEST.
    pub sealed: &'a Sealed,
    /// What stands in its journals.
    pub hot: Hot<'a>,
    /// Tells where long values are.
    pub find: &'a FindValues,
    /// How the segments of what is hot are written.
    pub config: &'a Config,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Who does it, for those that find the copy locked.
    pub client: &'a str,
    /// Whether every byte of a copied file is checked once it is there.
    pub check: bool,
    /// Whether there may be a copy already, which is brought up to date.
    pub update: bool,
}

/// What was done.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Sealed segments and dictionaries that were copied.
    pub copied_files: u64,
    /// Their lengths.
    pub copied_bytes: u64,
    /// Those that were there already.
    pub reused_files: u64,
    /// Their lengths.
    pub reused_bytes: u64,
    /// Records of journals that are in segments of the copy's own.
    pub hot_records: u64,
    /// Bytes that were written for them now; 0 if they were there already.
    pub hot_bytes: u64,
    /// Files of an older copy that were removed.
    pub removed_files: u64,
    /// Whether everything was there already.
    pub unchanged: bool,
    /// What turned out to be damaged. Sealed files are copied as they are, damage included.
    pub damaged: Vec<threadlog_engine::Error>,
    /// Records of journals that could not be read, and are missing in the copy.
    pub lost_records: u64,
}

impl Copy<'_> {
    /// Makes the copy at `root`, or brings it up to date. Whoever reads the copy meanwhile sees the old one until the end.
    ///
    /// *Durability:* all of it survives power loss on return; a crash before that leaves the old copy, or none if there was
    /// none. *Cost:* reads and writes what is new, and reads it once more to check it. *Memory:* a batch of what is hot.
    ///
    /// # Errors
    /// [`Error::NotACopy`] if something else stands at `root`, or if the copy was written to; [`Error::Busy`];
    /// [`Error::Stopped`]; a full disk or a failing one. The old copy is what it was.
    pub fn run(&self, root: &Path, watch: &dyn Watch) -> Result<Copied> {
        self.config.validate()?;
        let target = Target::take(self, root)?;
        let mut making = Making { copy: self, target: &target, watch, done: Copied::default(), made: Vec::new() };
        let manifest = match making.files() {
            Ok(manifest) => manifest,
            Err(error) => {
                making.made.iter().for_each(|path| drop(self.fs.remove_file(path)));
                return Err(error);
            }
        };
        let mut done = making.done;
        let format = FormatFile { incompatible: self.format.incompatible | SEALED, ..self.format };
        done.unchanged = target.is(&manifest) && target.format == Some(format);
        let left = target.leftovers(&manifest)?;
        if bug(Bug::BackupRemovesFirst) {
            left.iter().try_for_each(|path| target.remove(path))?;
        }
        if !done.unchanged || !left.is_empty() {
            manifest.replace(&**self.fs, root, self.format.store)?;
        }
        if target.format != Some(format) {
            threadlog_engine::write_format(&**self.fs, root, &format)?;
        }
        for path in left {
            target.remove(&path)?;
            done.removed_files = done.removed_files.saturating_add(1);
        }
        Ok(done)
    }
}

/// A copy in the making.
struct Making<'a> {
    copy: &'a Copy<'a>,
    target: &'a Target<'a>,
    watch: &'a dyn Watch,
    done: Copied,
    /// Files that no MANIFEST names yet.
    made: Vec<std::path::PathBuf>,
}

impl Making<'_> {
    /// Brings all files there, durable; returns the MANIFEST that names them.
    fn files(&mut self) -> Result<Manifest> {
        let dictionaries = self.dictionaries()?;
        for segment in self.copy.sealed.segments() {
            self.segment(segment, &dictionaries)?;
        }
        let source = self.copy.sealed.manifest();
        let old = &self.target.manifest;
        let mut manifest = Manifest {
            generation: old.generation.max(source.generation).saturating_add(1),
            next_number: old.next_number.max(source.next_number).max(1),
            ..source.clone()
        };
        let mut own = self.own_segments(&dictionaries)?;
        if own.is_none() {
            let writing = Writing::new(self.copy, self.target, self.watch, &mut manifest.next_number);
            let made = writing.run(&mut self.made)?;
            self.done.hot_bytes = made.rows.iter().map(|row| row.bytes).fold(0, u64::saturating_add);
            self.done.hot_records = made.records;
            self.done.lost_records = made.lost;
            self.done.damaged.extend(made.damaged);
            own = Some(made.rows);
        }
        manifest.segments.extend(own.unwrap_or_default());
        manifest.segments.sort_by_key(|row| row.id);
        self.target.sync()?;
        Ok(manifest)
    }

    fn dictionaries(&mut self) -> Result<Arc<Dictionaries>> {
        let (source, fs, root) = (self.copy.sealed, &**self.copy.fs, self.target.root);
        let rows = &source.manifest().dictionaries;
        for row in rows {
            let there = self.target.manifest.dictionaries.contains(row)
                && Dictionaries::open(fs, root, self.copy.format.store, &[*row], None)
                    .and_then(|there| there.get(row.id))
                    .is_ok();
            if !there {
                let path = row.id.path(root);
                self.target.remove(&path)?;
                source.dictionaries().copy_to(row.id, fs, root)?;
                self.made.push(path);
            }
            self.count(there, row.bytes.into());
        }
        Ok(Arc::new(Dictionaries::open(fs, root, self.copy.format.store, rows, None)?))
    }

    fn segment(&mut self, segment: &Arc<SealedSegment>, dictionaries: &Arc<Dictionaries>) -> Result<()> {
        let (fs, root, row) = (&**self.copy.fs, self.target.root, segment.row());
        let there =
            self.target.manifest.segments.contains(row) && SealedSegment::open(fs, root, row, dictionaries).is_ok();
        if there {
            self.watch.advanced(row.bytes);
        } else {
            let path = row.id.path(root);
            self.target.remove(&path)?;
            let mut each = |bytes| {
                self.watch.advanced(bytes);
                !self.watch.stop()
            };
            if !segment.copy_to(fs, root, &mut each)? {
                return Err(Error::Stopped);
            }
            self.made.push(path);
            if self.copy.check {
                let copied = SealedSegment::open(fs, root, row, dictionaries)?;
                copied.check_stored(&mut |error| self.done.damaged.push(error))?;
            }
        }
        self.count(there, row.bytes);
        Ok(())
    }

    fn count(&mut self, there: bool, bytes: u64) {
        let done = &mut self.done;
        let (files, sum) = match there {
            true => (&mut done.reused_files, &mut done.reused_bytes),
            false => (&mut done.copied_files, &mut done.copied_bytes),
        };
        *files = files.saturating_add(1);
        *sum = sum.saturating_add(bytes);
    }

    /// The segments of what is hot that the old copy has, if they hold exactly what is hot now; they may take values and a
    /// dictionary from other segments, so these have to be the same.
    fn own_segments(&mut self, dictionaries: &Arc<Dictionaries>) -> Result<Option<Vec<SegmentRow>>> {
        let (source, old) = (self.copy.sealed.manifest(), &self.target.manifest);
        let shared = source.segments.iter().all(|row| old.segments.contains(row));
        if !shared || source.dictionaries != old.dictionaries {
            return Ok(None);
        }
        let own: Vec<SegmentRow> = old.segments.iter().filter(|row| !source.segments.contains(row)).copied().collect();
        let mut there = Vec::new();
        let mut records: u64 = 0;
        for row in &own {
            let Ok(segment) = SealedSegment::open(&**self.copy.fs, self.target.root, row, dictionaries) else {
                return Ok(None);
            };
            for stream in segment.footer().streams() {
                for extent in segment.footer().extents(&stream) {
                    records = records.saturating_add(extent.count.into());
                    there.push((stream.stream, extent.first_ordinal..extent.end_ordinal()));
                }
            }
        }
        if joined(there) != joined(self.copy.hot.ranges.clone()) {
            return Ok(None);
        }
        self.done.hot_records = records;
        self.done.reused_files = self.done.reused_files.saturating_add(wide(own.len()));
        let bytes = own.iter().map(|row| row.bytes).fold(0, u64::saturating_add);
        self.done.reused_bytes = self.done.reused_bytes.saturating_add(bytes);
        Ok(Some(own))
    }
}

#[cfg(test)]
#[path = "../copy_tests.rs"]
mod tests;
