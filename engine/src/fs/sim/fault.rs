//! Faults by plan: which call fails, and how.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Input/output error, as Linux numbers it.
pub const EIO: i32 = 5;
/// Interrupted call.
pub const EINTR: i32 = 4;
/// No space left on device.
pub const ENOSPC: i32 = 28;
/// Bad file descriptor: writing to what is open for reading.
pub(super) const EBADF: i32 = 9;

/// What kind of call: each method of the file-system traits is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// `open` of an existing file.
    Open,
    /// `open` of a new file, `create_dir`.
    Create,
    /// `read_at`.
    Read,
    /// `write_at`.
    Write,
    /// `sync_data`, and `sync` of a shared page.
    Sync,
    /// `set_len`.
    SetLen,
    /// `rename`.
    Rename,
    /// `remove_file`.
    Remove,
    /// `sync_dir`.
    SyncDir,
    /// `read_dir`.
    List,
    /// `try_lock`, and `describe` of a lock.
    Lock,
    /// `shared_page`, `shared_page_read`. Loads and stores are not calls: they cannot fail.
    Map,
    /// `len`, `boot_id`, `trust`, `block_bytes`, `random`.
    Fact,
}

impl CallKind {
    /// All kinds, for tests that go through them.
    pub const ALL: [CallKind; 13] = [
        CallKind::Open,
        CallKind::Create,
        CallKind::Read,
        CallKind::Write,
        CallKind::Sync,
        CallKind::SetLen,
        CallKind::Rename,
        CallKind::Remove,
        CallKind::SyncDir,
        CallKind::List,
        CallKind::Lock,
        CallKind::Map,
        CallKind::Fact,
    ];
}

/// What goes wrong with a call. One planned for a call that it does not fit is spent without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Any call fails with this error number and does nothing. What waits for a sync goes on
    /// waiting: see `FailedSync` for the other kind of failure.
    Error(i32),
    /// A read returns so many bytes at most (at least one, if there is one).
    ShortRead(usize),
    /// A write writes so many bytes at most.
    ShortWrite(usize),
    /// A write writes `bytes` at most, and the next write, to whichever file, fails with `errno`.
    ShortWriteThenError {
        /// Bytes written.
        bytes: usize,
        /// Error number of the next write.
        errno: i32,
    },
    /// A sync (of a file, page or directory) fails with `EIO`. What it should have made durable is
    /// taken for clean from now on: calls see it, no later sync writes it, and a crash keeps any
    /// part of it.
    FailedSync,
    /// A sync returns `Ok` and makes nothing durable; a later, honest one still can.
    LyingSync,
    /// A write is acknowledged and lost by the drive: calls see it until the crash, syncs included
    /// that return `Ok`.
    LostWrite,
    /// As `LostWrite`, and on the medium the bytes stand at this offset of the same file instead.
    MisdirectedWrite(u64),
}

impl Fault {
    fn fits(self, kind: CallKind) -> bool {
        match self {
            Fault::Error(_) => true,
            Fault::ShortRead(_) => kind == CallKind::Read,
            Fault::ShortWrite(_)
            | Fault::ShortWriteThenError { .. }
            | Fault::LostWrite
            | Fault::MisdirectedWrite(_) => kind == CallKind::Write,
            Fault::FailedSync | Fault::LyingSync => matches!(kind, CallKind::Sync | CallKind::SyncDir),
        }
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number, from 1.
    pub number: u64,
    /// What it was.
    pub kind: CallKind,
    /// Which file or directory (for files as they were named when they were opened).
    pub path: PathBuf,
}

/// What was called, and what is to go wrong.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) calls: u64,
    pub(super) kinds: BTreeMap<CallKind, u64>,
    pub(super) fired: u64,
    pub(super) freeze_after: Option<u64>,
    pub(super) trace: Option<Vec<Call>>,
    pub(super) by_number: BTreeMap<u64, Fault>,
    pub(super) by_kind: BTreeMap<(CallKind, u64), Fault>,
    /// The error of the next write.
    pub(super) next_write: Option<i32>,
}

impl Plan {
    /// Whether the power is off by plan.
    pub(super) fn is_frozen(&self) -> bool {
        self.freeze_after.is_some_and(|after| self.calls >= after)
    }

    /// Counts a call; gives the fault that fits it, unless that is an error already.
    pub(super) fn enter(&mut self, kind: CallKind, path: &Path) -> io::Result<Option<Fault>> {
        let frozen = self.is_frozen();
        self.calls = self.calls.saturating_add(1);
        let of_kind = self.kinds.entry(kind).or_default();
        *of_kind = of_kind.saturating_add(1);
        if let Some(trace) = &mut self.trace {
            trace.push(Call { number: self.calls, kind, path: path.to_owned() });
        }
        if frozen {
            return Err(error(EIO));
        }
        let planned = [self.by_number.remove(&self.calls), self.by_kind.remove(&(kind, *of_kind))];
        let mut fault = planned.into_iter().flatten().find(|fault| fault.fits(kind));
        if kind == CallKind::Write {
            fault = self.next_write.take().map(Fault::Error).or(fault);
        }
        if fault.is_some() {
            self.fired = self.fired.saturating_add(1);
        }
        match fault {
            Some(Fault::Error(number)) => Err(error(number)),
            Some(Fault::ShortWriteThenError { bytes, errno }) => {
                self.next_write = Some(errno);
                Ok(Some(Fault::ShortWrite(bytes)))
            }
            other => Ok(other),
        }
    }
}

pub(super) fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
