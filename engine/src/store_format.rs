//! The FORMAT file: which store this is, and which features it uses.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::format::HeaderFault;
use crate::format::store_file::{FormatFile, SEALED};
use crate::fs::{Fs, OpenMode, read_file, write_all_at};
use crate::journal::place::{self, Places};
use crate::journal::scan;
use crate::sealed;
use crate::seeded::{Bug, bug};

/// How long to wait for another process that is making the store at this moment.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// Reads FORMAT; [`Error::NoStore`] if there is no store.
pub(crate) fn read(fs: &dyn Fs, places: &Places) -> Result<FormatFile> {
    let path = places.format();
    let bytes = match read_file(fs, &path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(fs, places)),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    FormatFile::decode(&bytes).map_err(|fault| match fault {
        HeaderFault::Version(_) | HeaderFault::Incompatible(_) => {
            Error::FormatVersion { path: path.clone(), what: fault.to_string() }
        }
        _ => Error::Corrupt { path: path.clone(), offset: 0, what: fault.to_string(), streams: Vec::new() },
    })
}

/// Reads what FORMAT says of the store at `root`.
///
/// # Errors
/// [`Error::NoStore`] if there is none; [`Error::FormatVersion`], [`Error::Corrupt`]; [`Error::Io`].
pub fn read_format(fs: &dyn Fs, root: &Path) -> Result<FormatFile> {
    read(fs, &Places::new(root, 0))
}

/// Makes the directory at `root` the store that FORMAT describes, for copies of a store: everything else is there by then.
/// Only for who holds its MAINTENANCE.
///
/// *Durability:* written beside, synced, renamed, directory synced.
///
/// # Errors
/// [`Error::Io`].
pub fn write_format(fs: &dyn Fs, root: &Path, format: &FormatFile) -> Result<()> {
    replace(fs, &Places::new(root, 0), format)
}

/// Reads FORMAT for writing, or makes it.
pub(crate) fn open_or_create(fs: &dyn Fs, places: &Places, config: &Config) -> Result<FormatFile> {
    let found = match read(fs, places) {
        Err(Error::NoStore { .. }) => create(fs, places, config)?,
        other => other?,
    };
    match found.unknown_for_writing() {
        0 => Ok(found),
        flags => {
            let what = format!("the store uses features {flags:#x} that this version may not write");
            Err(Error::FormatVersion { path: places.format(), what })
        }
    }
}

/// A store without FORMAT is either no store yet, or a damaged one: then nothing is made anew over it.
fn missing(fs: &dyn Fs, places: &Places) -> Error {
    // The first segment of a store is made after FORMAT is durable.
    match has_segments(fs, places) {
        Ok(false) => Error::NoStore { path: places.root.clone() },
        Ok(true) => {
            let what = "missing, though there are journals".to_owned();
            Error::Corrupt { path: places.format(), offset: 0, what, streams: Vec::new() }
        }
        Err(error) => error,
    }
}

fn has_segments(fs: &dyn Fs, places: &Places) -> Result<bool> {
    for number in place::journals(fs, &places.root)? {
        if !scan::segments(fs, &Places::new(&places.root, number))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(!sealed::sealed_files(fs, &places.root)?.is_empty())
}

fn create(fs: &dyn Fs, places: &Places, config: &Config) -> Result<FormatFile> {
    let path = places.maintenance();
    let attempts = PATIENCE.as_millis() / PAUSE.as_millis();
    for _ in 0..attempts {
        let lock = fs.try_lock(&path).map_err(|error| Error::io("lock", &path, error))?;
        if lock.is_some() {
            // Somebody else may have finished it since we looked.
            return match read(fs, places) {
                Err(Error::NoStore { .. }) => write(fs, places, config),
                other => other,
            };
        }
        std::thread::sleep(PAUSE);
    }
    Err(Error::Locked { path: places.root.clone(), owner: Box::default() })
}

fn write(fs: &dyn Fs, places: &Places, config: &Config) -> Result<FormatFile> {
    let draw = || fs.random().map_err(|error| Error::io("draw an id for", &places.root, error));
    let (high, low) = (draw()?, draw()?);
    let store = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    let format = FormatFile::new(store, config.clock.now_ms());
    replace(fs, places, &format).inspect_err(|error| {
        if matches!(error, Error::Io { op: "sync directory", .. }) {
            // The name reads well now and may never reach the disk: the next attempt must not build on it.
            let _ = fs.remove_file(&places.format());
        }
    })?;
    Ok(format)
}

/// Notes in FORMAT, durably, that the store may have sealed segments: programs that do not know of them keep away. Only for
/// who holds MAINTENANCE.
pub(crate) fn allow_sealed(fs: &dyn Fs, root: &Path) -> Result<()> {
    let places = Places::new(root, 0);
    let mut format = read(fs, &places)?;
    if format.incompatible & SEALED == 0 {
        format.incompatible |= SEALED;
        replace(fs, &places, &format)?;
    }
    Ok(())
}

/// Puts FORMAT in its place: whole, or as it was before.
fn replace(fs: &dyn Fs, places: &Places, format: &FormatFile) -> Result<()> {
    let (path, temporary) = (places.format(), places.root.join("FORMAT.new"));
    match fs.remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &temporary, error)),
        _ => {}
    }
    let io = |op, error| Error::io(op, &temporary, error);
    let file = fs.open(&temporary, OpenMode::CreateNew).map_err(|error| io("create", error))?;
    write_all_at(&*file, &format.encode(), 0).map_err(|error| io("write", error))?;
    if !bug(Bug::FormatNotSynced) {
        file.sync_data().map_err(|error| io("sync", error))?;
    }
    fs.rename(&temporary, &path).map_err(|error| io("rename", error))?;
    fs.sync_dir(&places.root).map_err(|error| Error::io("sync directory", &places.root, error))
}

/// Whether there is a store, or can be one: a directory full of other things is not turned into one, nor added to.
pub(crate) fn check_place(fs: &dyn Fs, places: &Places) -> Result<()> {
    match read(fs, places) {
        Err(Error::NoStore { .. }) => refuse_foreign(fs, places),
        other => other.map(|_| ()),
    }
}

fn refuse_foreign(fs: &dyn Fs, places: &Places) -> Result<()> {
    let entries = fs.read_dir(&places.root).map_err(|error| Error::io("list", &places.root, error))?;
    // FORMAT too: somebody else may have made the store since it was looked for.
    let ours = [
        "FORMAT",
        "FORMAT.new",
        "LEASES",
        "MAINTENANCE",
        "MANIFEST",
        "MANIFEST.new",
        "catalog",
        "dictionaries",
        "journals",
        "large",
        "sealed",
    ];
    match entries.iter().find(|entry| !ours.contains(&entry.name.as_str())) {
        None => Ok(()),
        Some(entry) => Err(Error::NotEmpty { path: places.root.clone(), found: entry.name.clone() }),
    }
}
