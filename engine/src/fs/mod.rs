//! All input and output goes through two small traits, so that a simulated disk can stand in for
//! the real one.
//!
//! Contract for implementers, in the words of POSIX:
//! - Bytes written are readable at once, by every handle, and durable only after
//!   [`File::sync_data`] returned `Ok`. A crash before that keeps any subset of the written blocks.
//! - `sync_data` covers the file's length too; it does **not** cover the file's name. A name
//!   (created, renamed, removed) is durable only after [`Fs::sync_dir`] of its directory.
//! - After a failed `sync_data` nothing is known: the pages may be marked clean although they never
//!   reached the disk, and the next `sync_data` may return `Ok` without writing them.
//! - [`File::read_at`] and [`File::write_at`] may be short and may be interrupted. The loops stand
//!   in this file, in one place: [`read_exact_at`], [`read_at_most`], [`write_all_at`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod mmap;
pub mod os;
pub mod platform;
mod pooled;
pub mod ranges;
#[cfg(feature = "sim")]
pub mod sim;

pub use ranges::{LockRange, RangeLocks, RangeMode};

#[cfg(test)]
mod differential_tests;
#[cfg(test)]
mod tests;

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading only.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file (mode 0600), for reading and writing; fails with `AlreadyExists`.
    CreateNew,
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without the directory.
    pub name: String,
    /// What it names.
    pub kind: FileKind,
    /// Length in bytes (0 for directories).
    pub bytes: u64,
}

/// How far a file system can be trusted with locks and syncs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A local file system whose advisory locks and syncs do what they say.
    Local,
    /// A network or otherwise doubtful one; the name as people know it ("nfs", "9p").
    Doubtful(String),
}

/// An open file. Shared between threads; positions are explicit.
pub trait File: Send + Sync {
    /// Reads up to `buffer.len()` bytes at `offset`; 0 at or past the end. May be short.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes up to `bytes.len()` bytes at `offset`, growing the file as needed. May be short.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes every byte written so far, and the length, durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts or extends (with zeros) the file to `bytes`.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// The bytes of a range, for reading only; `UnexpectedEof` if the file ends before. For files that nobody changes
    /// any more. Mapped where that is possible: then they cost memory only where they are looked at.
    fn map_read(&self, offset: u64, bytes: u64) -> io::Result<MappedBytes> {
        read_range(&|buffer, at| self.read_at(buffer, at), offset, bytes)
    }
    /// As [`File::map_read`], but nothing of it is read before: for large files of which little is looked at. Whoever looks at
    /// bytes reads them with [`File::read_at`] first, so that what cannot be read is an error and not a signal.
    fn map_unread(&self, offset: u64, bytes: u64) -> io::Result<MappedBytes> {
        self.map_read(offset, bytes)
    }
}

/// Bytes of a file, mapped or read.
pub type MappedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// How much is read at once where a length is not known to be true.
const STEP_BYTES: usize = 1 << 20;

/// Reads a range into memory, which grows only with what is there to be read.
fn read_range(
    read_at: &dyn Fn(&mut [u8], u64) -> io::Result<usize>,
    offset: u64,
    bytes: u64,
) -> io::Result<MappedBytes> {
    let wanted = crate::number::narrow(bytes)?;
    let mut buffer = Vec::new();
    while buffer.len() < wanted {
        let done = buffer.len();
        buffer.resize(wanted.min(done.saturating_add(STEP_BYTES)), 0);
        let mut filled = done;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read_at(rest, offset.saturating_add(crate::number::wide(filled))) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled = filled.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Arc::new(buffer))
}

/// A small page of memory that every process on this machine sees at once, backed by a file.
///
/// What is stored is visible to other mappings immediately and survives the death of the process;
/// it reaches the disk whenever the kernel likes, or at [`SharedPage::sync`]. Words are
/// little-endian in the file.
pub trait SharedPage: Send + Sync {
    /// Length in 64-bit words.
    fn words(&self) -> usize;
    /// Reads one word (acquire); 0 past the end.
    fn load(&self, index: usize) -> u64;
    /// Writes one word (release); ignored past the end and on pages opened for reading.
    fn store(&self, index: usize, value: u64);
    /// Writes the page to disk.
    fn sync(&self) -> io::Result<()>;
}

/// A lock held until dropped; the kernel drops it when the process dies.
pub trait Lock: Send + Sync {
    /// Replaces the lock file's content (who holds it). For people: not synced, never trusted.
    fn describe(&self, text: &str) -> io::Result<()>;
}

/// A file system, and the few facts about its machine that the engine needs.
pub trait Fs: Send + Sync + 'static {
    /// Opens a file; `IsADirectory` for a directory, in every mode.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file that nobody changes any more, for reading only, now and then: the descriptor may be given up in
    /// between. The file is then opened by its name again, and if that is gone reading says `NotFound`.
    fn open_immutable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path, OpenMode::Read)
    }
    /// Makes one directory (mode 0700); `AlreadyExists` if there is one.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The entries of a directory, in no order.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    /// Renames within one directory, replacing an existing file, atomically.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the exclusive lock on a file (made if missing); `None` if somebody holds it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
    /// Opens a file (made if missing) whose ranges can be locked.
    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>>;
    /// Opens an existing one, only to ask who holds what.
    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>>;
    /// Maps a page for writing; makes the file (zeros, `bytes` long) if missing or too short.
    /// `InvalidInput` unless `bytes` is a multiple of 4 096 from that to 1 MiB.
    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>>;
    /// Maps an existing page for reading: the whole multiples of 4 096 bytes that the file has, up to
    /// 1 MiB. `UnexpectedEof` if it has none (it may be being made).
    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>>;
    /// Identifies this boot of this machine (Linux: `/proc/sys/kernel/random/boot_id`).
    fn boot_id(&self) -> io::Result<[u8; 16]>;
    /// Whether locks and syncs below `path` can be trusted.
    fn trust(&self, path: &Path) -> io::Result<Trust>;
    /// The greatest of page size, file-system block and physical sector below `path`, in bytes: a
    /// power of two, at least 4 096. What starts on such a boundary shares no block with what is before it.
    fn block_bytes(&self, path: &Path) -> io::Result<u32>;
    /// 64 random bits.
    fn random(&self) -> io::Result<u64>;
    /// Whether a reader may use further threads, to read ahead or several things at once. Not where each call is to have
    /// its place in an order, as in a simulation.
    fn reads_ahead(&self) -> bool {
        false
    }
}

/// Reads exactly `buffer.len()` bytes at `offset`; `UnexpectedEof` if the file ends before.
pub fn read_exact_at(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let wanted = buffer.len();
    if read_at_most(file, buffer, offset)? == wanted { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads until `buffer` is full or the file ends; returns how many bytes were read.
pub fn read_at_most(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(crate::number::wide(done))) {
            Ok(0) => break,
            Ok(count) => done = done.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes` at `offset`. After an error any part of them may have been written.
pub fn write_all_at(file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match file.write_at(rest, offset.saturating_add(crate::number::wide(done))) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done = done.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a whole file, allocating no more than its length.
pub fn read_file(fs: &dyn Fs, path: &Path) -> io::Result<Vec<u8>> {
    let file = fs.open(path, OpenMode::Read)?;
    let bytes = crate::number::narrow(file.len()?)?;
    let mut buffer = vec![0; bytes];
    let read = read_at_most(&*file, &mut buffer, 0)?;
    buffer.truncate(read);
    Ok(buffer)
}

/// Makes a directory and those above it that are missing, and syncs every directory above it.
///
/// All of them, because the one above may have been made by an attempt that was killed before its
/// sync: it is there, and the next power cut takes it away with everything in it. One sync for each
/// level of the path: for making a store or a journal, not for each opening.
pub fn create_dir_durable(fs: &dyn Fs, path: &Path) -> io::Result<()> {
    create_missing(fs, path)?;
    let mut child = path.to_owned();
    while let Some(parent) = parent_of(&child).filter(|parent| *parent != child) {
        match fs.sync_dir(&parent) {
            Ok(()) => {}
            // Further up stand directories of other people and other file systems.
            Err(error) if child != path && is_foreign(&error) => break,
            Err(error) => return Err(error),
        }
        child = parent;
    }
    Ok(())
}

fn create_missing(fs: &dyn Fs, path: &Path) -> io::Result<()> {
    match fs.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = parent_of(path).filter(|parent| parent != path).ok_or(error)?;
            create_missing(fs, &parent)?;
            match fs.create_dir(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            }
        }
        result => result,
    }
}

fn is_foreign(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), PermissionDenied | InvalidInput | Unsupported | ReadOnlyFilesystem)
}

fn parent_of(path: &Path) -> Option<PathBuf> {
    match path.parent() {
        None => None,
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        Some(parent) => Some(parent.to_owned()),
    }
}
