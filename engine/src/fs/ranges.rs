//! Locks on ranges of one file: thousands of them for one descriptor, freed by the kernel when it is closed.
//!
//! Whole-file locks would cost each of them a file and a descriptor. Linux has them as *open file description* locks
//! (`fcntl_locking(2)`), which belong to the open file and not to the process, so that two stores in one process
//! exclude each other like two processes.

use std::io;

/// Whether others may lock the same range at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeMode {
    /// Others may hold it too, likewise.
    Shared,
    /// Nobody else may hold it.
    Exclusive,
}

/// A range of positions in a lock file; nothing needs to stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockRange {
    /// The first position, below 2^63.
    pub start: u64,
    /// How many, at least one.
    pub length: u64,
}

impl LockRange {
    /// One past the last position.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }

    /// Whether they share a position.
    #[must_use]
    pub fn overlaps(&self, other: &LockRange) -> bool {
        self.start < other.end() && other.start < self.end()
    }
}

/// A file whose ranges are locked. All locks taken through it have one owner, and never exclude each other: a second lock on
/// the same positions replaces the first. Dropping it frees them all.
pub trait RangeLocks: Send + Sync {
    /// Locks a range; `false` if somebody else's lock is in the way. Never waits.
    fn try_lock(&self, range: LockRange, mode: RangeMode) -> io::Result<bool>;
    /// Frees a range.
    fn unlock(&self, range: LockRange) -> io::Result<()>;
    /// A lock of somebody else that would be in the way of this one; of several any.
    fn holder(&self, range: LockRange, mode: RangeMode) -> io::Result<Option<LockRange>>;
}

/// The operating system's.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::fs::File;
    use std::io;

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use super::{LockRange, RangeLocks, RangeMode};

    /// A file open for locking.
    #[derive(Debug)]
    pub(crate) struct OsRanges(pub(crate) File);

    impl RangeLocks for OsRanges {
        fn try_lock(&self, range: LockRange, mode: RangeMode) -> io::Result<bool> {
            match fcntl(&self.0, FcntlArg::F_OFD_SETLK(&request(range, kind(mode))?)) {
                Ok(_) => Ok(true),
                Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
                Err(error) => Err(error.into()),
            }
        }

        fn unlock(&self, range: LockRange) -> io::Result<()> {
            fcntl(&self.0, FcntlArg::F_OFD_SETLK(&request(range, libc::F_UNLCK)?))?;
            Ok(())
        }

        fn holder(&self, range: LockRange, mode: RangeMode) -> io::Result<Option<LockRange>> {
            let mut answer = request(range, kind(mode))?;
            fcntl(&self.0, FcntlArg::F_OFD_GETLK(&mut answer))?;
            let free = i32::from(answer.l_type) == libc::F_UNLCK;
            let position = |value: libc::off_t| u64::try_from(value).unwrap_or(0);
            let found = LockRange { start: position(answer.l_start), length: position(answer.l_len) };
            Ok((!free).then_some(found))
        }
    }

    fn kind(mode: RangeMode) -> i32 {
        match mode {
            RangeMode::Shared => libc::F_RDLCK,
            RangeMode::Exclusive => libc::F_WRLCK,
        }
    }

    fn request(range: LockRange, kind: i32) -> io::Result<libc::flock> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
        Ok(libc::flock {
            l_type: libc::c_short::try_from(kind).map_err(invalid)?,
            l_whence: libc::c_short::try_from(libc::SEEK_SET).map_err(invalid)?,
            l_start: libc::off_t::try_from(range.start).map_err(invalid)?,
            l_len: libc::off_t::try_from(range.length).map_err(invalid)?,
            // Must be zero for these locks.
            l_pid: 0,
        })
    }
}

/// Untested systems have no such locks that we know to be sound: a store there has one journal, whose own lock
/// excludes every other writer.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::fs::File;
    use std::io;

    use super::{LockRange, RangeLocks, RangeMode};

    /// Nobody else can be there: grants everything.
    #[derive(Debug)]
    pub(crate) struct OsRanges(pub(crate) File);

    impl RangeLocks for OsRanges {
        fn try_lock(&self, _range: LockRange, _mode: RangeMode) -> io::Result<bool> {
            self.0.metadata().map(|_| true)
        }

        fn unlock(&self, _range: LockRange) -> io::Result<()> {
            Ok(())
        }

        fn holder(&self, _range: LockRange, _mode: RangeMode) -> io::Result<Option<LockRange>> {
            Ok(None)
        }
    }
}

pub(crate) use imp::OsRanges;

/// Whether ranges of a file can be locked on this system; without, a store has one journal.
pub(crate) const SUPPORTED: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[cfg(test)]
#[path = "ranges_tests.rs"]
mod tests;
