//! Leases: who may write a thread, across all processes of a machine; and which journals have a living writer.
//!
//! A lease is a locked range of the file `LEASES` in the store's directory. The kernel frees it when its holder dies; it needs no
//! file and no descriptor of its own, so that ten thousand live threads cost one. A range begins where the thread's id says
//! and is as long as the holder's journal number says, plus one: whoever is refused learns who stands in the way
//! (docs/format.md, *Leases*).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::fs::{Fs, LockRange, RangeLocks, RangeMode};
use crate::journal::claim::owner_of;
use crate::journal::place::Places;
use crate::lock::Owner;
use crate::seeded::{Bug, bug};

/// Name of the file whose ranges are locked.
pub(crate) const FILE: &str = "LEASES";

/// What a range stands for: the top bits of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Writing a thread's items.
    Writer,
    /// The life of a thread (shared by who builds on it, exclusive for who ends it), and tasks.
    Life,
    /// Claiming and recovering a journal.
    Opening,
    /// Writing a journal that is recovered.
    Alive,
}

impl Kind {
    fn number(self) -> u64 {
        match self {
            Kind::Writer => 0,
            Kind::Life => 1,
            Kind::Opening => 2,
            Kind::Alive => 3,
        }
    }
}

/// Ranges begin this far apart: a length tells a journal's number, from 0 to 254.
const STEP_BITS: u32 = 8;
/// Bits of a start that are a name's.
const NAME_BITS: u32 = 53;
/// So often a lock is tried that nobody holds when asked who.
const ATTEMPTS: u32 = 8;

/// Where the range of a name begins. Two names meet with a probability of 2^-53: their holders exclude each other.
fn start(kind: Kind, name: u64) -> u64 {
    let name = name & (1_u64 << NAME_BITS).wrapping_sub(1);
    (kind.number() << (NAME_BITS + STEP_BITS)) | (name << STEP_BITS)
}

fn thread_name(bytes: &[u8]) -> u64 {
    let first = blake3::hash(bytes).as_bytes().first_chunk().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}

/// The range by which a journal is claimed, or is alive.
pub(crate) fn journal_range(kind: Kind, number: u32) -> LockRange {
    LockRange { start: start(kind, u64::from(number)), length: 1 }
}

/// What a lease is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOn<'a> {
    /// Writing a thread's items: one holder at a time. Within one [`Leases`] it can be taken again: who shares a
    /// process decides among themselves who writes.
    Writer(&'a [u8; 16]),
    /// Building on one life of a thread (thread id and incarnation): any number of holders, as long as nobody ends it.
    Life(&'a [u8; 16], u64),
    /// Ending that life: nobody may build on it meanwhile.
    EndOfLife(&'a [u8; 16], u64),
    /// A task of which a store has one at a time, by name.
    Task(&'a str),
}

impl LeaseOn<'_> {
    fn start(&self) -> u64 {
        match self {
            LeaseOn::Writer(thread) => start(Kind::Writer, thread_name(*thread)),
            LeaseOn::Life(thread, incarnation) | LeaseOn::EndOfLife(thread, incarnation) => {
                let name: Vec<u8> = thread.iter().copied().chain(incarnation.to_le_bytes()).collect();
                start(Kind::Life, thread_name(&name))
            }
            LeaseOn::Task(name) => start(Kind::Life, thread_name(name.as_bytes())),
        }
    }

    /// The first position of its range, which all who hold it share.
    pub(crate) fn first(&self) -> LockRange {
        LockRange { start: self.start(), length: 1 }
    }

    pub(crate) fn mode(&self) -> RangeMode {
        if matches!(self, LeaseOn::Life(..)) { RangeMode::Shared } else { RangeMode::Exclusive }
    }

    /// Whether a second holder in the same process is welcome.
    fn is_shared_within(&self) -> bool {
        matches!(self, LeaseOn::Writer(_) | LeaseOn::Life(..))
    }
}

/// The leases of one process on a store. Cheap to clone; clones are one holder.
///
/// They outlive the engine that they came from ([`Engine::leases`](crate::Engine::leases)): who opens the store again after a failed
/// sync hands them on ([`Engine::open_with`](crate::Engine::open_with)). One open file stands for all, so that the death of the process frees
/// them, and its sign that its journal is alive, in one moment.
#[derive(Clone)]
pub struct Leases {
    inner: Arc<Inner>,
}

struct Inner {
    fs: Arc<dyn Fs>,
    root: PathBuf,
    ranges: Arc<dyn RangeLocks>,
    state: Mutex<State>,
    /// Held while this process claims or recovers a journal: to the kernel its threads are one.
    opening: Mutex<()>,
}

struct State {
    /// The journal by which others learn who we are.
    journal: u32,
    held: HashMap<u64, Holding>,
}

struct Holding {
    count: u32,
    mode: RangeMode,
}

impl Leases {
    /// Opens the leases of the store at `root`.
    pub(crate) fn open(fs: Arc<dyn Fs>, root: &Path) -> Result<Leases> {
        let path = root.join(FILE);
        let ranges = fs.range_locks(&path).map_err(|error| Error::io("open", &path, error))?;
        let state = Mutex::new(State { journal: 0, held: HashMap::new() });
        Ok(Leases { inner: Arc::new(Inner { fs, root: root.to_owned(), ranges, state, opening: Mutex::default() }) })
    }

    /// The leases of a store that has been open to several writers; `None` if it never was.
    pub(crate) fn open_existing(fs: &Arc<dyn Fs>, root: &Path) -> Result<Option<Leases>> {
        let path = root.join(FILE);
        match fs.range_locks_read(&path) {
            Ok(_) => Leases::open(Arc::clone(fs), root).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("open", &path, error)),
        }
    }

    /// The journal by which others learn who we are.
    pub(crate) fn journal(&self) -> u32 {
        self.inner.state.lock().journal
    }

    /// Keeps other threads of this process from claiming or recovering a journal meanwhile.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.inner.opening.lock()
    }

    /// Locks one of a journal's ranges; `false` if somebody else holds it.
    pub(crate) fn lock_journal(&self, kind: Kind, number: u32) -> Result<bool> {
        let range = journal_range(kind, number);
        self.inner.ranges.try_lock(range, RangeMode::Exclusive).map_err(|error| self.inner.io(error))
    }

    /// Frees it.
    pub(crate) fn unlock_journal(&self, kind: Kind, number: u32) {
        // If that fails the file is gone, and closing it frees the range.
        let _ = self.inner.ranges.unlock(journal_range(kind, number));
    }

    /// Whether somebody else holds it. One system call.
    pub(crate) fn is_journal_locked(&self, kind: Kind, number: u32) -> Result<bool> {
        let holder = self.inner.ranges.holder(journal_range(kind, number), RangeMode::Shared);
        Ok(holder.map_err(|error| self.inner.io(error))?.is_some())
    }

    /// Takes a lease. *Cost:* one system call. It is freed when dropped, or when the process dies.
    ///
    /// # Errors
    /// [`Error::Leased`] naming who holds it; [`Error::Io`].
    pub fn take(&self, on: LeaseOn<'_>) -> Result<Lease> {
        let inner = &self.inner;
        let (start, mode) = (on.start(), on.mode());
        let mut state = inner.state.lock();
        let journal = state.journal;
        if let Some(holding) = state.held.get_mut(&start) {
            if !on.is_shared_within() || holding.mode != mode {
                return Err(inner.leased(journal));
            }
            holding.count = holding.count.saturating_add(1);
            return Ok(Lease { inner: Arc::clone(inner), start });
        }
        let range = LockRange { start, length: u64::from(journal).saturating_add(1) };
        for _ in 0..ATTEMPTS {
            let locked = inner.ranges.try_lock(range, mode).map_err(|error| inner.io(error))?;
            if locked || bug(Bug::LeaseNotChecked) {
                state.held.insert(start, Holding { count: 1, mode });
                return Ok(Lease { inner: Arc::clone(inner), start });
            }
            if let Some(holder) = inner.ranges.holder(range, mode).map_err(|error| inner.io(error))? {
                return Err(inner.leased(journal_of(holder)));
            }
        }
        Err(inner.leased(u32::MAX))
    }

    /// Who holds a lease that would be in the way of this one; not whether this process does.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn holder(&self, on: LeaseOn<'_>) -> Result<Option<Owner>> {
        let holder = self.inner.ranges.holder(on.first(), on.mode()).map_err(|error| self.inner.io(error))?;
        Ok(holder.map(|holder| self.inner.owner(journal_of(holder))))
    }

    /// Whether this process holds a lease.
    #[must_use]
    pub fn holds(&self, on: LeaseOn<'_>) -> bool {
        self.inner.state.lock().held.contains_key(&on.start())
    }

    /// Says of all leases held that their holder writes another journal now.
    ///
    /// # Errors
    /// [`Error::Io`]; the leases are held all the same.
    pub(crate) fn move_to(&self, journal: u32) -> Result<()> {
        let inner = &self.inner;
        let mut state = inner.state.lock();
        let before = std::mem::replace(&mut state.journal, journal);
        if before == journal {
            return Ok(());
        }
        let length = u64::from(journal).saturating_add(1);
        for (start, holding) in &state.held {
            let range = LockRange { start: *start, length };
            // Ours to lengthen: everybody's range begins at the same place.
            inner.ranges.try_lock(range, holding.mode).map_err(|error| inner.io(error))?;
            if before > journal {
                let rest = LockRange { start: range.end(), length: u64::from(before.saturating_sub(journal)) };
                inner.ranges.unlock(rest).map_err(|error| inner.io(error))?;
            }
        }
        Ok(())
    }
}

/// The journal of who holds a lease's range.
pub(crate) fn journal_of(range: LockRange) -> u32 {
    u32::try_from(range.length.saturating_sub(1)).unwrap_or(u32::MAX)
}

impl Inner {
    fn io(&self, error: std::io::Error) -> Error {
        Error::io("lock a range of", &self.root.join(FILE), error)
    }

    fn owner(&self, journal: u32) -> Owner {
        owner_of(&*self.fs, &Places::new(&self.root, journal))
    }

    fn leased(&self, journal: u32) -> Error {
        Error::Leased { owner: Box::new(self.owner(journal)) }
    }
}

/// A lease that is held until it is dropped.
#[must_use = "a lease is freed when it is dropped"]
pub struct Lease {
    inner: Arc<Inner>,
    start: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        let Some(holding) = state.held.get_mut(&self.start) else { return };
        holding.count = holding.count.saturating_sub(1);
        if holding.count == 0 {
            state.held.remove(&self.start);
            // The longest there can be: what we hold there is all ours. It can only fail if the file is gone, and
            // then closing it frees the lock.
            let _ = self.inner.ranges.unlock(LockRange { start: self.start, length: 1 << STEP_BITS });
        }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("start", &self.start).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
