//! The operating system's files.

use std::fs::{File as StdFile, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use fs2::FileExt;

use super::mmap::{MapFault, MappedPage, MappedRange};
use super::pooled::PooledFile;
use super::ranges::OsRanges;
use super::{
    DirEntry, File, FileKind, Fs, Lock, MappedBytes, OpenMode, RangeLocks, SharedPage, Trust, platform, write_all_at,
};

/// The file systems of this machine. Descriptors are closed on exec; files are made with mode 0600
/// and directories with 0700; what exists already keeps the mode it has.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFs;

/// An open file.
#[derive(Debug)]
pub(super) struct OsFile(pub(super) StdFile);

impl File for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        platform::read_at(&self.0, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        platform::write_at(&self.0, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        platform::sync_data(&self.0)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn map_read(&self, offset: u64, bytes: u64) -> io::Result<MappedBytes> {
        match MappedRange::map(self, offset, bytes) {
            Ok(range) => Ok(Arc::new(range)),
            // Too short, or a bad sector: reading would say the same.
            Err(MapFault::Read(error)) => Err(error),
            Err(MapFault::Map) => super::read_range(&|buffer, at| self.read_at(buffer, at), offset, bytes),
        }
    }

    fn map_unread(&self, offset: u64, bytes: u64) -> io::Result<MappedBytes> {
        match MappedRange::map_unread(self, offset, bytes) {
            Ok(range) => Ok(Arc::new(range)),
            Err(MapFault::Read(error)) => Err(error),
            Err(MapFault::Map) => super::read_range(&|buffer, at| self.read_at(buffer, at), offset, bytes),
        }
    }
}

/// A locked file; closing it frees the lock.
#[derive(Debug)]
struct OsLock(OsFile);

impl Lock for OsLock {
    fn describe(&self, text: &str) -> io::Result<()> {
        self.0.set_len(0)?;
        write_all_at(&self.0, text.as_bytes(), 0)
    }
}

impl Fs for OsFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let file = match mode {
            OpenMode::Read => open_for_reading(path)?,
            OpenMode::Write => open_existing(path)?,
            OpenMode::CreateNew => create_new(path)?,
        };
        Ok(Arc::new(OsFile(file)))
    }

    fn open_immutable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(PooledFile::open(path)?))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        platform::create_dir(path)
    }

    /// Names that are not UTF-8 come with replacement characters: never a name of ours, never one
    /// that can be opened.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let (kind, bytes) = match metadata.file_type() {
                kind if kind.is_file() => (FileKind::File, metadata.len()),
                kind if kind.is_dir() => (FileKind::Directory, 0),
                _ => (FileKind::Other, metadata.len()),
            };
            entries.push(DirEntry { name: entry.file_name().to_string_lossy().into_owned(), kind, bytes });
        }
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        platform::sync_dir(path)
    }

    /// The lock belongs to the open file: a second `try_lock` in this process fails like one in
    /// another. A child forked without exec shares it, and holds it as long as it lives.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let file = open_or_create(path)?;
        match file.try_lock_exclusive() {
            Ok(()) => Ok(Some(Box::new(OsLock(OsFile(file))))),
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        Ok(Arc::new(OsRanges(open_or_create(path)?)))
    }

    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        Ok(Arc::new(OsRanges(open_for_reading(path)?)))
    }

    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>> {
        MappedPage::check_bytes(bytes)?;
        let file = OsFile(open_or_create(path)?);
        let length = file.len()?;
        if length < bytes {
            // Zeros are written, not a hole made: a store into a hole of a full disk is a SIGBUS.
            let zeros = vec![0; crate::number::narrow(bytes.saturating_sub(length))?];
            write_all_at(&file, &zeros, length)?;
        }
        // And a file copied by a tool that turns zeros into holes gets its blocks back.
        platform::allocate(&file.0, bytes)?;
        Ok(Arc::new(MappedPage::map(&file, bytes)?))
    }

    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>> {
        Ok(Arc::new(MappedPage::map_read_only(&OsFile(open_for_reading(path)?))?))
    }

    fn boot_id(&self) -> io::Result<[u8; 16]> {
        platform::boot_id()
    }

    fn trust(&self, path: &Path) -> io::Result<Trust> {
        platform::trust(path)
    }

    fn block_bytes(&self, path: &Path) -> io::Result<u32> {
        platform::block_bytes(path)
    }

    fn random(&self) -> io::Result<u64> {
        getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
    }

    fn reads_ahead(&self) -> bool {
        true
    }
}

/// Unix opens directories for reading and lets the first read fail; here they fail at once.
pub(super) fn open_for_reading(path: &Path) -> io::Result<StdFile> {
    let file = StdFile::open(path)?;
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

fn open_existing(path: &Path) -> io::Result<StdFile> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn create_new(path: &Path) -> io::Result<StdFile> {
    platform::owner_only(OpenOptions::new().read(true).write(true).create_new(true)).open(path)
}

/// For lock and page files, which several processes may make at the same moment.
fn open_or_create(path: &Path) -> io::Result<StdFile> {
    platform::owner_only(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)
}

#[cfg(test)]
#[path = "os_tests.rs"]
mod tests;
