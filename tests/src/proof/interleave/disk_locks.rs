//! Locks as steps: taking them, asking, and giving them back.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};

use threadlog_engine::fs::{Lock, LockRange, RangeLocks, RangeMode};

use super::board::{Files, Noted};
use super::disk::{Place, Seat};
use super::touch::{Thing, changes, hash_of, reads};

/// Ranges of different places never meet: their starts are this far apart, and none is longer (engine, `lease.rs`).
const APART: u64 = 256;

/// A file's lock that is held.
pub(super) struct WatchedLock {
    pub(super) inner: Option<Box<dyn Lock>>,
    pub(super) seat: Seat,
    pub(super) place: Place,
}

impl Lock for WatchedLock {
    fn describe(&self, text: &str) -> io::Result<()> {
        let Place { file, folder } = self.place.clone();
        let block = Thing::Block(file, 0);
        let touches =
            move |_: &Files| vec![changes(block), changes(Thing::Length(file)), changes(Thing::Lengths(&folder))];
        self.seat.board.step(self.seat.actor, touches, |_, _| {
            let result = self.inner.as_ref().map_or(Ok(()), |inner| inner.describe(text));
            let answer = hash_of(("describe", file, result.is_ok()));
            (result, Noted { answer, read: Vec::new(), written: vec![hash_of(block)] })
        })
    }
}

impl Drop for WatchedLock {
    fn drop(&mut self) {
        let file = self.place.file;
        self.seat.board.step(
            self.seat.actor,
            move |_| vec![changes(Thing::Lock(file))],
            |_, _| {
                drop(self.inner.take());
                ((), Noted { answer: hash_of(("unlock", file)), ..Noted::default() })
            },
        );
    }
}

/// A file whose ranges are locked.
pub(super) struct WatchedRanges {
    inner: Option<Arc<dyn RangeLocks>>,
    seat: Seat,
    file: u64,
    held: Mutex<HashSet<u64>>,
}

impl WatchedRanges {
    pub(super) fn new(inner: Arc<dyn RangeLocks>, seat: Seat, file: u64) -> WatchedRanges {
        WatchedRanges { inner: Some(inner), seat, file, held: Mutex::default() }
    }

    fn step<T>(
        &self,
        asked: (&'static str, LockRange, bool),
        act: impl FnOnce(&dyn RangeLocks) -> io::Result<T>,
        answer: impl FnOnce(&T) -> u64,
    ) -> io::Result<T> {
        let (what, range, is_change) = asked;
        let (file, place) = (self.file, range.start / APART);
        assert!(range.length > 0 && (range.end() - 1) / APART == place, "{range:?}");
        let touches = move |_: &Files| {
            let thing = Thing::Range(file, place);
            vec![if is_change { changes(thing) } else { reads(thing) }]
        };
        self.seat.board.step(self.seat.actor, touches, |_, _| {
            let result = self.inner.as_ref().map_or(Err(io::ErrorKind::NotFound.into()), |inner| act(&**inner));
            let answer = (what, file, range.start, range.length, result.as_ref().ok().map(answer));
            let answer = hash_of(answer);
            (result, Noted { answer, ..Noted::default() })
        })
    }
}

impl RangeLocks for WatchedRanges {
    fn try_lock(&self, range: LockRange, mode: RangeMode) -> io::Result<bool> {
        let what = if mode == RangeMode::Exclusive { "take" } else { "share" };
        let taken = self.step((what, range, true), |inner| inner.try_lock(range, mode), |taken| u64::from(*taken))?;
        if taken {
            self.held.lock().unwrap().insert(range.start / APART);
        }
        Ok(taken)
    }

    fn unlock(&self, range: LockRange) -> io::Result<()> {
        self.step(("free", range, true), |inner| inner.unlock(range), |()| 0)?;
        if range.start.is_multiple_of(APART) {
            self.held.lock().unwrap().remove(&(range.start / APART));
        }
        Ok(())
    }

    fn holder(&self, range: LockRange, mode: RangeMode) -> io::Result<Option<LockRange>> {
        self.step(("holder", range, false), |inner| inner.holder(range, mode), |holder| hash_of(holder))
    }
}

impl Drop for WatchedRanges {
    fn drop(&mut self) {
        let (file, held) = (self.file, std::mem::take(&mut *self.held.lock().unwrap()));
        let touches = move |_: &Files| held.iter().map(|place| changes(Thing::Range(file, *place))).collect();
        self.seat.board.step(self.seat.actor, touches, |_, _| {
            drop(self.inner.take());
            ((), Noted { answer: hash_of(("free all", file)), ..Noted::default() })
        });
    }
}
