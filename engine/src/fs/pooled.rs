//! Files that are open to be read at any time, without a descriptor each: a store may have more sealed segments than a
//! process may have descriptors.
//!
//! The descriptors of all such files of the process are in one pool, which closes the one that was used longest ago when
//! there are too many. While a file's descriptor is there it is read whatever became of its name; afterwards it is opened by
//! its name again, and if that is gone, that is the error ([`io::ErrorKind::NotFound`]): whoever reads sealed segments then
//! looks where the record stands now.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::os::OsFile;
use super::{File, MappedBytes, platform};

/// Descriptors of the pool, at most; a quarter of what the process may have, if that is less.
const OPEN_MAX: u64 = 256;
/// At least so many, however few the process may have.
const OPEN_MIN: u64 = 8;

static POOL: LazyLock<Mutex<Pool>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A file that is opened when it is read. Immutable: it refuses to be written.
#[derive(Debug)]
pub(super) struct PooledFile {
    path: PathBuf,
    number: u64,
    bytes: u64,
}

#[derive(Default)]
struct Pool {
    open: HashMap<u64, Open>,
    uses: u64,
}

struct Open {
    file: Arc<OsFile>,
    last_use: u64,
}

impl Pool {
    fn get(&mut self, number: u64) -> Option<Arc<OsFile>> {
        self.uses = self.uses.saturating_add(1);
        let open = self.open.get_mut(&number)?;
        open.last_use = self.uses;
        Some(Arc::clone(&open.file))
    }

    /// Keeps a file; gives back the one that has to go for it, to be closed without the lock.
    fn put(&mut self, number: u64, file: Arc<OsFile>, most: usize) -> Option<Open> {
        self.uses = self.uses.saturating_add(1);
        let gone = if self.open.len() >= most {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.last_use).map(|(number, _)| *number);
            oldest.and_then(|number| self.open.remove(&number))
        } else {
            None
        };
        self.open.insert(number, Open { file, last_use: self.uses });
        gone
    }
}

impl PooledFile {
    /// Opens an existing file.
    pub(super) fn open(path: &Path) -> io::Result<PooledFile> {
        let file = OsFile(super::os::open_for_reading(path)?);
        let bytes = file.len()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let pooled = PooledFile { path: path.to_owned(), number, bytes };
        pooled.keep(Arc::new(file));
        Ok(pooled)
    }

    fn keep(&self, file: Arc<OsFile>) {
        let gone = POOL.lock().put(self.number, file, open_max());
        drop(gone);
    }

    fn file(&self) -> io::Result<Arc<OsFile>> {
        if let Some(file) = POOL.lock().get(self.number) {
            return Ok(file);
        }
        let file = Arc::new(OsFile(super::os::open_for_reading(&self.path)?));
        self.keep(Arc::clone(&file));
        Ok(file)
    }
}

impl Drop for PooledFile {
    fn drop(&mut self) {
        let gone = POOL.lock().open.remove(&self.number);
        drop(gone);
    }
}

impl File for PooledFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file()?.read_at(buffer, offset)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    /// As it was when it was opened: the file does not change.
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn map_read(&self, offset: u64, bytes: u64) -> io::Result<MappedBytes> {
        self.file()?.map_read(offset, bytes)
    }
}

/// How many descriptors the pool keeps now: processes change what they may have.
fn open_max() -> usize {
    let quarter = platform::descriptors_max().map_or(OPEN_MAX, |most| most / 4);
    crate::number::size(u32::try_from(quarter.clamp(OPEN_MIN, OPEN_MAX)).unwrap_or(u32::MAX))
}

#[cfg(test)]
#[path = "pooled_tests.rs"]
mod tests;
