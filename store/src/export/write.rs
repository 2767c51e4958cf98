//! Writes one exported file: whole under its name, or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use threadlog_engine::number::{narrow, wide};

use crate::error::{Error, Result};
use crate::event::Source;
use crate::export::plan::Job;
use crate::export::{ExportOptions, Exported};

/// Writes the file of one job below `to`; returns what became of it, and its length.
pub(crate) fn write(
    job: &Job,
    content: impl Iterator<Item = Result<Bytes>>,
    to: &Path,
    options: &ExportOptions,
) -> Result<(Exported, u64)> {
    let path = job.path.below(to)?;
    let modified = job.source.as_ref().map(|source| system_time(source.modified_ns));
    let folder = path.parent().unwrap_or(to);
    let exists = look(&path, folder, to)?;
    if exists && let Some(source) = &job.source {
        // Told by its hash, without reading the store.
        if hash_file(&path).map_err(Error::io("read", &path))? == (source.bytes, blake3::Hash::from(source.blake3)) {
            set_modified(&path, modified)?;
            return Ok((Exported::Identical, source.bytes));
        }
        if !options.overwrite {
            return Err(Error::Exists { path });
        }
    }
    create_folders(folder).map_err(Error::io("create the folder of", &path))?;
    let temporary = Temporary::create(&path)?;
    let (bytes, hash) = fill(&temporary, job, content)?;
    if let Some(source) = &job.source {
        check(job, source, bytes, hash)?;
    } else if exists {
        if hash_file(&path).map_err(Error::io("read", &path))? == (bytes, hash) {
            return Ok((Exported::Identical, bytes));
        }
        if !options.overwrite {
            return Err(Error::Exists { path });
        }
    }
    set_modified(&temporary.path, modified)?;
    temporary.keep_as(&path)?;
    Ok((if exists { Exported::Replaced } else { Exported::Written }, bytes))
}

/// Whether there is a file at `path`. Anything else there is refused, and so is a link on the way from `to`: it could
/// lead anywhere, and a name could be one of a pipe that nobody ever writes to.
fn look(path: &Path, folder: &Path, to: &Path) -> Result<bool> {
    let about = |path: &Path| match fs::symlink_metadata(path) {
        Ok(about) => Ok(Some(about)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", path)(error)),
    };
    let folders: Vec<&Path> = folder.ancestors().take_while(|above| *above != to).collect();
    for folder in folders.into_iter().rev() {
        match about(folder)? {
            Some(about) if about.is_symlink() => return Err(Error::Link { path: folder.to_owned() }),
            Some(_) => {}
            None => return Ok(false),
        }
    }
    match about(path)? {
        Some(about) if about.is_file() => Ok(true),
        Some(_) => Err(Error::NotRegular { path: path.to_owned() }),
        None => Ok(false),
    }
}

fn fill(temporary: &Temporary, job: &Job, content: impl Iterator<Item = Result<Bytes>>) -> Result<(u64, blake3::Hash)> {
    let mut left = job.source.as_ref().map_or(u64::MAX, |source| source.bytes);
    let (mut bytes, mut hasher) = (0, blake3::Hasher::new());
    let mut content = content;
    while left > 0
        && let Some(chunk) = content.next()
    {
        let chunk = chunk?;
        let part = chunk.get(..narrow(left).unwrap_or(usize::MAX)).unwrap_or(&chunk);
        (&temporary.file).write_all(part).map_err(Error::io("write", &temporary.path))?;
        hasher.update(part);
        bytes += wide(part.len());
        left -= wide(part.len());
    }
    Ok((bytes, hasher.finalize()))
}

/// What comes out must be what went in.
fn check(job: &Job, source: &Source, bytes: u64, hash: blake3::Hash) -> Result<()> {
    let mismatch = |what| Err(Error::Mismatch { key: job.key, path: source.place.path.to_string(), what });
    if bytes < source.bytes {
        return mismatch("it is shorter");
    }
    if hash != blake3::Hash::from(source.blake3) {
        return mismatch("its hash differs");
    }
    Ok(())
}

fn hash_file(path: &Path) -> io::Result<(u64, blake3::Hash)> {
    const CHUNK_BYTES: u64 = 256 << 10;
    let file = File::open(path)?;
    let (mut bytes, mut hasher, mut chunk) = (0, blake3::Hasher::new(), Vec::new());
    loop {
        chunk.clear();
        let read = (&file).take(CHUNK_BYTES).read_to_end(&mut chunk)?;
        if read == 0 {
            return Ok((bytes, hasher.finalize()));
        }
        hasher.update(&chunk);
        bytes += wide(read);
    }
}

fn set_modified(path: &Path, modified: Option<SystemTime>) -> Result<()> {
    let Some(modified) = modified else { return Ok(()) };
    let set = || {
        if fs::metadata(path)?.modified()? == modified {
            return Ok(());
        }
        OpenOptions::new().append(true).open(path)?.set_modified(modified)
    };
    set().map_err(Error::io("set the modification time of", path))
}

fn system_time(ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(ns.unsigned_abs());
    let time = if ns < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

fn create_folders(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A file that is removed again unless it is kept.
struct Temporary {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Temporary {
    /// Beside the file that it will become, so that renaming is atomic.
    fn create(target: &Path) -> Result<Temporary> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = target.parent().unwrap_or(Path::new("."));
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".threadlog-{}-{number}.tmp", std::process::id()));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Ok(file) => return Ok(Temporary { path, file, kept: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create", &path)(error)),
            }
        }
    }

    fn keep_as(mut self, target: &Path) -> Result<()> {
        fs::rename(&self.path, target).map_err(Error::io("write", target))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}
