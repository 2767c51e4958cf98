//! Range locks of the simulated machine.

use super::CallKind;
use super::handle::Handle;
use crate::fs::{LockRange, RangeLocks, RangeMode};
use std::io;

/// A lock somebody holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    inode: u64,
    /// Which open file holds it.
    owner: u64,
    /// Whose that is.
    process: usize,
    range: LockRange,
    mode: RangeMode,
}

/// All range locks of the machine.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    held: Vec<Held>,
    owners: u64,
}

impl Ranges {
    /// A number for a newly opened file.
    pub(super) fn owner(&mut self) -> u64 {
        self.owners = self.owners.saturating_add(1);
        self.owners
    }

    /// Frees what a process holds.
    pub(super) fn free_all_of(&mut self, process: usize) {
        self.held.retain(|held| held.process != process);
    }

    fn conflict(&self, inode: u64, owner: u64, range: LockRange, mode: RangeMode) -> Option<LockRange> {
        let excludes = |held: &&Held| {
            held.inode == inode
                && held.owner != owner
                && held.range.overlaps(&range)
                && (mode == RangeMode::Exclusive || held.mode == RangeMode::Exclusive)
        };
        self.held.iter().find(excludes).map(|held| held.range)
    }

    /// Frees the range, keeping what stands out of it on either side.
    fn free(&mut self, inode: u64, owner: u64, range: LockRange) {
        let (ours, mut kept): (Vec<Held>, Vec<Held>) = self
            .held
            .drain(..)
            .partition(|held| held.inode == inode && held.owner == owner && held.range.overlaps(&range));
        for held in ours {
            let whole = held.range;
            let before = LockRange { start: whole.start, length: range.start.saturating_sub(whole.start) };
            let after = LockRange { start: range.end(), length: whole.end().saturating_sub(range.end()) };
            let rests = [before, after].into_iter().filter(|rest| rest.length > 0);
            kept.extend(rests.map(|range| Held { range, ..held }));
        }
        self.held = kept;
    }
}

pub(super) struct SimRanges {
    pub(super) handle: Handle,
    pub(super) owner: u64,
}

impl RangeLocks for SimRanges {
    fn try_lock(&self, range: LockRange, mode: RangeMode) -> io::Result<bool> {
        let (mut state, _) = self.handle.enter(CallKind::Lock)?;
        let (inode, owner) = (self.handle.inode, self.owner);
        if state.ranges.conflict(inode, owner, range, mode).is_some() {
            return Ok(false);
        }
        state.ranges.free(inode, owner, range);
        state.ranges.held.push(Held { inode, owner, process: self.handle.process.id(), range, mode });
        Ok(true)
    }

    fn unlock(&self, range: LockRange) -> io::Result<()> {
        // Whatever the call answers: the kernel needs no disk for it.
        self.handle.shared.lock().ranges.free(self.handle.inode, self.owner, range);
        self.handle.enter(CallKind::Lock).map(drop)
    }

    fn holder(&self, range: LockRange, mode: RangeMode) -> io::Result<Option<LockRange>> {
        let (state, _) = self.handle.enter(CallKind::Lock)?;
        Ok(state.ranges.conflict(self.handle.inode, self.owner, range, mode))
    }
}

impl Drop for SimRanges {
    fn drop(&mut self) {
        let all = LockRange { start: 0, length: u64::MAX };
        self.handle.shared.lock().ranges.free(self.handle.inode, self.owner, all);
    }
}
