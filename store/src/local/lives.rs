//! Who builds on a life of a thread, and who ends it: any number of the one, or one of the other.
//!
//! A fork builds on its source, and so does who takes a thread out of the trash: both count on the life going on. Who
//! deletes it ends it. Within a process this table tells them apart, between processes a lease does.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use threadlog_engine::{Error as EngineError, Lease, LeaseOn};

use crate::local::Shared;
use crate::local::error::from_engine;
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{Holder, Report, Result, ThreadStoreError};

/// What this process has to do with lives.
#[derive(Default)]
pub(super) struct Lives {
    held: Mutex<HashMap<ThreadKey, Use>>,
}

enum Use {
    /// So many build on it.
    Built(u32),
    /// Somebody ends it.
    Ended,
}

/// A life that is built on, or ended, until this is dropped.
#[must_use = "a life is let go when this is dropped"]
pub(super) struct HeldLife {
    lives: Arc<Lives>,
    key: ThreadKey,
    lease: Option<Lease>,
}

impl Lives {
    /// Takes a life; `false` if somebody else in this process does what does not go with it.
    fn take(&self, key: ThreadKey, ends: bool) -> bool {
        match self.held.lock().entry(key) {
            Place::Vacant(place) => {
                place.insert(if ends { Use::Ended } else { Use::Built(1) });
                true
            }
            Place::Occupied(mut place) => match place.get_mut() {
                Use::Built(count) if !ends => {
                    *count = count.saturating_add(1);
                    true
                }
                Use::Built(_) | Use::Ended => false,
            },
        }
    }

    fn free(&self, key: ThreadKey) {
        let mut held = self.held.lock();
        match held.get_mut(&key) {
            Some(Use::Built(count)) if *count > 1 => *count = count.saturating_sub(1),
            _ => drop(held.remove(&key)),
        }
    }
}

impl Drop for HeldLife {
    fn drop(&mut self) {
        // First the other processes' door, then our own: who comes through this one finds that one open.
        drop(self.lease.take());
        self.lives.free(self.key);
    }
}

impl Shared {
    /// A new life of a thread. Its number is from the file system, as all of a store's random numbers: a simulated machine
    /// gives the same ones again.
    ///
    /// # Errors
    /// `Unavailable` if the system has no random numbers to give.
    pub(super) fn new_life(&self, operation: &'static str, thread: ThreadId) -> Result<ThreadKey> {
        let place = Path::new("the system's random numbers");
        let failed = |error| from_engine(operation, Some(thread), EngineError::io("read", place, error));
        Ok(ThreadKey { thread, incarnation: self.fs.random().map_err(failed)? })
    }

    /// Keeps a life from being deleted, for who builds on it.
    ///
    /// # Errors
    /// `Conflict` if somebody is deleting it.
    pub(super) fn build_on(&self, operation: &'static str, key: ThreadKey) -> Result<HeldLife> {
        let thread = key.thread.uuid();
        self.hold_life(operation, key, LeaseOn::Life(thread.as_bytes(), key.incarnation), |holder| {
            let report = Report::new(operation, "it is being deleted").of(key.thread);
            report.advise("see whether it is still there").conflict(Some(holder))
        })
    }

    /// Keeps everybody from building on a life, for who deletes it.
    ///
    /// # Errors
    /// `Conflict` if somebody builds on it.
    pub(super) fn end_life(&self, operation: &'static str, key: ThreadKey) -> Result<HeldLife> {
        let thread = key.thread.uuid();
        self.hold_life(operation, key, LeaseOn::EndOfLife(thread.as_bytes(), key.incarnation), |holder| {
            let report = Report::new(operation, "it is being forked, or taken out of the trash").of(key.thread);
            report.advise("call again when that is done").conflict(Some(holder))
        })
    }

    fn hold_life(
        &self,
        operation: &'static str,
        key: ThreadKey,
        on: LeaseOn<'_>,
        refused: impl Fn(Holder) -> ThreadStoreError,
    ) -> Result<HeldLife> {
        let ends = matches!(on, LeaseOn::EndOfLife(..));
        if !self.lives.take(key, ends) {
            return Err(refused(self.holder()));
        }
        // From here on it is let go if anything fails.
        let mut held = HeldLife { lives: Arc::clone(&self.lives), key, lease: None };
        let leases = self.leases.lock().clone();
        match leases.map(|leases| leases.take(on)).transpose() {
            Ok(lease) => held.lease = lease,
            Err(EngineError::Leased { owner }) => return Err(refused(Holder::from(&*owner))),
            Err(error) => return Err(from_engine(operation, Some(key.thread), error)),
        }
        Ok(held)
    }
}
