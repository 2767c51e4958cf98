//! Backups: a store copied while others write it, and got back.
//!
//! A backup is a store. Its sealed files are the store's own, copied once; what stood in journals is sealed in it. It can
//! be listed, read and verified where it lies.

mod bounds;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use threadlog_compaction::Copied;
use threadlog_compaction::{Config as CompactionConfig, Copy, Error as CompactionError, Hot, Maintenance};
use threadlog_engine::fs::Fs;
use threadlog_engine::sealed::Sealed;
use threadlog_engine::{Config, OsFs, ReadLog, Reader, read_format};

use crate::error::Result;
use crate::event::find_values;
use crate::maintain::Told;
use crate::progress::Progress;
use crate::store::Store;

/// How long a backup waits for others that seal or merge; each step of theirs is shorter.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

impl Store {
    /// Makes the folder `to` a backup of the store at `root`, or brings the backup there up to date. Readers and writers go
    /// on meanwhile; sealing and merging wait for it.
    ///
    /// The backup holds everything that was durable when this began, and perhaps something of what came since; what one
    /// record refers to is there if the record is. It has the store's id. *Durability:* of all of it, on return. A crash,
    /// an error, a stop by `progress`: the backup is the old one.
    ///
    /// *Cost:* copies sealed files that the backup does not have, and compresses what stands in journals, unless the backup
    /// has exactly that.
    ///
    /// # Errors
    /// [`Error::Compaction`](crate::Error::Compaction) with [`CompactionError::NotACopy`] if something else stands at `to`, `Busy` if somebody else
    /// seals for a minute, `Stopped`; [`Error::Engine`](crate::Error::Engine) for a disk that fails, or sealed files whose tables are damaged.
    pub fn backup(root: &Path, to: &Path, config: &Config, progress: &dyn Progress) -> Result<Copied> {
        Store::backup_on(Arc::new(OsFs), root, to, config, progress)
    }

    /// As [`Store::backup`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_on(
        fs: Arc<dyn Fs>,
        root: &Path,
        to: &Path,
        config: &Config,
        progress: &dyn Progress,
    ) -> Result<Copied> {
        refuse_within(root, to)?;
        let format = read_format(&*fs, root)?;
        let _maintenance = maintenance(&fs, root, format.store, config, progress)?;
        copy(&fs, root, to, config, true, true, progress)
    }

    /// Makes a store at `to` of the backup (or other store) at `from`; `to` must be new or empty. The two have one id.
    /// `from` is only read, so it can be on a medium that is read-only.
    ///
    /// With `check`, every byte is checked once it is there. *Durability:* of all of it, on return; before, there is no
    /// store at `to`, and the same call goes on.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn restore(from: &Path, to: &Path, check: bool, config: &Config, progress: &dyn Progress) -> Result<Copied> {
        Store::restore_on(Arc::new(OsFs), from, to, check, config, progress)
    }

    /// As [`Store::restore`], on a file system of the caller's.
    ///
    /// # Errors
    /// As [`Store::restore`].
    pub fn restore_on(
        fs: Arc<dyn Fs>,
        from: &Path,
        to: &Path,
        check: bool,
        config: &Config,
        progress: &dyn Progress,
    ) -> Result<Copied> {
        refuse_within(from, to)?;
        copy(&fs, from, to, config, check, false, progress)
    }
}

fn copy(
    fs: &Arc<dyn Fs>,
    root: &Path,
    to: &Path,
    config: &Config,
    check: bool,
    update: bool,
    progress: &dyn Progress,
) -> Result<Copied> {
    let format = read_format(&**fs, root)?;
    let reader = Reader::open(Arc::clone(fs), root)?;
    let sealed = reader.sealed();
    if let Some(damage) = sealed.damage().first() {
        return Err(damage.clone().into());
    }
    let bounds = bounds::bounds(&reader)?;
    let (ranges, conflicts) = bounds::hot(&reader, &sealed, &bounds);
    plan(progress, &reader, &sealed);
    let compaction = CompactionConfig::default();
    let copy = Copy {
        fs,
        format,
        sealed: &sealed,
        hot: Hot { log: &reader, ranges, conflicts },
        find: &find_values,
        config: &compaction,
        clock: &*config.clock,
        client: &config.client,
        check,
        update,
    };
    Ok(copy.run(to, &Told(progress))?)
}

/// The right to seal, so that nobody does: waits for who has it.
fn maintenance(
    fs: &Arc<dyn Fs>,
    root: &Path,
    store: [u8; 16],
    config: &Config,
    progress: &dyn Progress,
) -> Result<Maintenance> {
    let mut left = PATIENCE;
    loop {
        match Maintenance::take(fs, root, store, &config.client, &config.clock) {
            Err(CompactionError::Busy { .. }) if !left.is_zero() && !progress.stop() => {
                std::thread::sleep(PAUSE);
                left = left.saturating_sub(PAUSE);
            }
            taken => return Ok(taken?),
        }
    }
}

fn plan(progress: &dyn Progress, reader: &Reader, sealed: &Sealed) {
    let all: u64 = reader.streams().iter().map(|stream| stream.payload_bytes).sum();
    let in_segments: u64 = sealed.streams().iter().map(|stream| stream.payload_bytes).sum();
    progress.planned(0, sealed.manifest().bytes().saturating_add(all.saturating_sub(in_segments)));
}

/// A store is not copied into itself.
fn refuse_within(root: &Path, to: &Path) -> Result<()> {
    let (root, whole) = (real(root), real(to));
    if whole.starts_with(&root) || root.starts_with(&whole) {
        let what = format!("the store itself is at {}", root.display());
        return Err(CompactionError::NotACopy { path: to.to_owned(), what }.into());
    }
    Ok(())
}

/// A path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    match path.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if parent.as_os_str().is_empty() => real(Path::new(".")).join(name),
            (Some(parent), Some(name)) => real(parent).join(name),
            _ => path.to_owned(),
        },
        Err(_) => path.to_owned(),
    }
}
