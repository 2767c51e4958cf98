//! The file system's calls.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::content::Fate;
use super::disk::Node;
use super::fault::{EIO, error};
use super::handle::{Handle, SimFile, SimLock, SimPage};
use super::random::Hash;
use super::ranges::SimRanges;
use super::{CallKind, Fault, SimFs, State};
use crate::fs::{DirEntry, File, FileKind, Fs, Lock, OpenMode, RangeLocks, SharedPage, Trust};

impl Fs for SimFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let kind = if mode == OpenMode::CreateNew { CallKind::Create } else { CallKind::Open };
        let mut state = self.enter()?;
        state.enter(kind, path)?;
        let inode = match mode {
            OpenMode::CreateNew => state.disk.create(path, false)?,
            OpenMode::Read | OpenMode::Write => state.disk.lookup(path)?,
        };
        state.disk.content(inode)?;
        Ok(Arc::new(SimFile { handle: self.handle(&mut state, inode, path), writable: mode != OpenMode::Read }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.enter(CallKind::Create, path)?;
        state.disk.create(path, true).map(|_| ())
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut state = self.enter()?;
        state.enter(CallKind::List, path)?;
        let names = state.disk.names(state.disk.lookup(path)?)?;
        let entry = |(name, inode): (&String, u64)| {
            let (kind, bytes) = match state.disk.node(inode)? {
                Node::File(content) => (FileKind::File, content.len()),
                Node::Directory(_) => (FileKind::Directory, 0),
            };
            Ok(DirEntry { name: name.clone(), kind, bytes })
        };
        names.iter().map(entry).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.enter(CallKind::Rename, from)?;
        state.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        state.enter(CallKind::Remove, path)?;
        state.disk.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.enter()?;
        let fault = state.enter(CallKind::SyncDir, path)?;
        let inode = state.disk.lookup(path)?;
        state.disk.names(inode)?;
        match fault {
            Some(Fault::FailedSync) => {
                state.disk.names_mut(inode)?.fail_sync();
                Err(error(EIO))
            }
            Some(Fault::LyingSync) => Ok(()),
            _ => state.disk.sync_dir(inode),
        }
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = self.enter()?;
        state.enter(CallKind::Lock, path)?;
        let inode = state.open_or_create(path)?;
        if state.locks.contains_key(&inode) {
            return Ok(None);
        }
        state.locks.insert(inode, self.process.id());
        Ok(Some(Box::new(SimLock { handle: self.handle(&mut state, inode, path) })))
    }

    fn range_locks(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        let mut state = self.enter()?;
        state.enter(CallKind::Lock, path)?;
        let inode = state.open_or_create(path)?;
        let owner = state.ranges.owner();
        Ok(Arc::new(SimRanges { handle: self.handle(&mut state, inode, path), owner }))
    }

    fn range_locks_read(&self, path: &Path) -> io::Result<Arc<dyn RangeLocks>> {
        let mut state = self.enter()?;
        state.enter(CallKind::Lock, path)?;
        let inode = state.disk.lookup(path)?;
        let owner = state.ranges.owner();
        Ok(Arc::new(SimRanges { handle: self.handle(&mut state, inode, path), owner }))
    }

    fn shared_page(&self, path: &Path, bytes: u64) -> io::Result<Arc<dyn SharedPage>> {
        if bytes == 0 || !bytes.is_multiple_of(4096) || bytes > 1 << 20 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut state = self.enter()?;
        state.enter(CallKind::Map, path)?;
        let inode = state.open_or_create(path)?;
        let length = state.disk.content(inode)?.len();
        if length < bytes {
            let zeros = vec![0; crate::number::narrow(bytes.saturating_sub(length))?];
            if state.disk.write(inode, length, &zeros, Fate::Pending)? < zeros.len() {
                return Err(error(super::ENOSPC));
            }
        }
        let words = crate::number::narrow(bytes / 8)?;
        Ok(Arc::new(SimPage { handle: self.handle(&mut state, inode, path), words, writable: true }))
    }

    fn shared_page_read(&self, path: &Path) -> io::Result<Arc<dyn SharedPage>> {
        let mut state = self.enter()?;
        state.enter(CallKind::Map, path)?;
        let inode = state.disk.lookup(path)?;
        let pages = state.disk.content(inode)?.len().min(1 << 20) / 4096;
        if pages == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let words = crate::number::narrow(pages.saturating_mul(512))?;
        Ok(Arc::new(SimPage { handle: self.handle(&mut state, inode, path), words, writable: false }))
    }

    fn boot_id(&self) -> io::Result<[u8; 16]> {
        let mut state = self.enter()?;
        state.enter(CallKind::Fact, Path::new("/"))?;
        let mut hash = Hash::new();
        hash.number(state.seed);
        hash.number(state.boot);
        let mut id = [0; 16];
        let (first, second) = id.split_at_mut(8);
        first.copy_from_slice(&hash.finish().to_le_bytes());
        second.copy_from_slice(&state.boot.to_le_bytes());
        Ok(id)
    }

    fn trust(&self, path: &Path) -> io::Result<Trust> {
        let mut state = self.enter()?;
        state.enter(CallKind::Fact, path)?;
        Ok(state.trust.clone())
    }

    fn block_bytes(&self, path: &Path) -> io::Result<u32> {
        let mut state = self.enter()?;
        state.enter(CallKind::Fact, path)?;
        Ok(u32::try_from(state.disk.block_bytes()).unwrap_or(u32::MAX).max(4096))
    }

    fn random(&self) -> io::Result<u64> {
        let mut state = self.enter()?;
        state.enter(CallKind::Fact, Path::new("/"))?;
        Ok(state.random.next())
    }
}

impl SimFs {
    fn enter(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        self.process.check()?;
        Ok(state)
    }

    fn handle(&self, state: &mut State, inode: u64, path: &Path) -> Handle {
        state.disk.opened(inode);
        Handle { shared: Arc::clone(&self.shared), process: Arc::clone(&self.process), inode, path: path.to_owned() }
    }
}

impl State {
    fn open_or_create(&mut self, path: &Path) -> io::Result<u64> {
        let inode = match self.disk.lookup(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.disk.create(path, false)?,
            other => other?,
        };
        self.disk.content(inode)?;
        Ok(inode)
    }
}
