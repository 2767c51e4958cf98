//! Open files, locks and pages.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::content::Fate;
use super::fault::{EBADF, EIO, error};
use super::{CallKind, Fault, Process, Shared, State};
use crate::fs::{File, Lock, SharedPage};
use crate::number::wide;

/// An inode held open.
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) process: Arc<Process>,
    pub(super) inode: u64,
    pub(super) path: PathBuf,
}

impl Handle {
    pub(super) fn enter(&self, kind: CallKind) -> io::Result<(MutexGuard<'_, State>, Option<Fault>)> {
        let mut state = self.shared.lock();
        self.process.check()?;
        let fault = state.enter(kind, &self.path)?;
        Ok((state, fault))
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, fault) = self.enter(CallKind::Sync)?;
        let content = state.disk.content_mut(self.inode)?;
        match fault {
            Some(Fault::FailedSync) => {
                content.fail_sync();
                return Err(error(EIO));
            }
            Some(Fault::LyingSync) => {}
            _ => content.sync(),
        }
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().disk.closed(self.inode);
    }
}

pub(super) struct SimFile {
    pub(super) handle: Handle,
    pub(super) writable: bool,
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (state, fault) = self.handle.enter(CallKind::Read)?;
        let most = match fault {
            Some(Fault::ShortRead(bytes)) => bytes.max(1).min(buffer.len()),
            _ => buffer.len(),
        };
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        Ok(state.disk.content(self.handle.inode)?.read(offset, buffer))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (mut state, fault) = self.handle.enter(CallKind::Write)?;
        if !self.writable {
            return Err(error(EBADF));
        }
        let most = match fault {
            Some(Fault::ShortWrite(most)) => most.min(bytes.len()),
            _ => bytes.len(),
        };
        let bytes = bytes.get(..most).unwrap_or(bytes);
        let lost = matches!(fault, Some(Fault::LostWrite | Fault::MisdirectedWrite(_)));
        let fate = if lost { Fate::Lost } else { Fate::Pending };
        let count = state.disk.write(self.handle.inode, offset, bytes, fate)?;
        if let (Some(Fault::MisdirectedWrite(place)), Some(written)) = (fault, bytes.get(..count)) {
            state.disk.content_mut(self.handle.inode)?.misdirect(place, written);
        }
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.handle.sync()
    }

    fn len(&self) -> io::Result<u64> {
        let (state, _) = self.handle.enter(CallKind::Fact)?;
        Ok(state.disk.content(self.handle.inode)?.len())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let (mut state, _) = self.handle.enter(CallKind::SetLen)?;
        if !self.writable {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        state.disk.set_len(self.handle.inode, bytes)
    }
}

pub(super) struct SimLock {
    pub(super) handle: Handle,
}

impl Lock for SimLock {
    fn describe(&self, text: &str) -> io::Result<()> {
        let (mut state, _) = self.handle.enter(CallKind::Lock)?;
        let inode = self.handle.inode;
        state.disk.set_len(inode, 0)?;
        let written = state.disk.write(inode, 0, text.as_bytes(), Fate::Pending)?;
        if written < text.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.handle.shared.lock();
        if state.locks.get(&self.handle.inode) == Some(&self.handle.process.id()) {
            state.locks.remove(&self.handle.inode);
        }
    }
}

pub(super) struct SimPage {
    pub(super) handle: Handle,
    pub(super) words: usize,
    pub(super) writable: bool,
}

impl SharedPage for SimPage {
    fn words(&self) -> usize {
        self.words
    }

    fn load(&self, index: usize) -> u64 {
        let mut word = [0; 8];
        if index < self.words {
            let state = self.handle.shared.lock();
            if let Ok(content) = state.disk.content(self.handle.inode) {
                content.read(wide(index).saturating_mul(8), &mut word);
            }
        }
        u64::from_le_bytes(word)
    }

    fn store(&self, index: usize, value: u64) {
        let mut state = self.handle.shared.lock();
        let lives = state.power && !state.plan.is_frozen() && self.handle.process.check().is_ok();
        if index >= self.words || !self.writable || !lives {
            return;
        }
        let place = wide(index).saturating_mul(8);
        match state.disk.content_mut(self.handle.inode) {
            // Past the end of a file that was cut meanwhile a real store would end the process.
            Ok(content) if place < content.len() => content.write(place, &value.to_le_bytes(), Fate::Pending),
            _ => {}
        }
    }

    fn sync(&self) -> io::Result<()> {
        if self.writable { self.handle.sync() } else { Ok(()) }
    }
}
