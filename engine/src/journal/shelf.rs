//! Where a prepared spare waits, and the order for the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::format::segment::SegmentHeader;
use crate::fs::Fs;
use crate::id::{Epoch, SegmentId};
use crate::journal::place::Places;
use crate::journal::spare::{self, Spare};
use crate::journal::stats::Counters;

/// What a spare must be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub epoch: Epoch,
    pub prepared_bytes: u64,
    pub created_ms: u64,
}

#[derive(Default)]
struct Contents {
    spare: Option<Spare>,
    order: Option<Order>,
    closed: bool,
}

/// How long nothing is ordered after a failure (a full disk must not be asked again with every group), in milliseconds.
const REST_MS: u64 = 1_000;

/// The shelf: room for one spare.
pub(crate) struct Shelf {
    contents: Mutex<Contents>,
    changed: Condvar,
    /// Whether a spare lies ready: read on the write path without the lock.
    ready_epoch: AtomicU64,
    /// Whether an order is open or a spare lies ready.
    busy: AtomicBool,
    /// After a failure nothing is ordered until this time (milliseconds of the clock).
    resting_until_ms: AtomicU64,
    next_number: AtomicU64,
    closed: AtomicBool,
    fs: Arc<dyn Fs>,
    places: Places,
    store: [u8; 16],
    block_bytes: u32,
}

impl Shelf {
    pub fn new(fs: Arc<dyn Fs>, places: Places, store: [u8; 16], block_bytes: u32, last_number: u64) -> Shelf {
        Shelf {
            contents: Mutex::default(),
            changed: Condvar::new(),
            ready_epoch: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            resting_until_ms: AtomicU64::new(0),
            next_number: AtomicU64::new(last_number.saturating_add(1)),
            closed: AtomicBool::new(false),
            fs,
            places,
            store,
            block_bytes,
        }
    }

    /// A segment number that nobody had before.
    pub fn take_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a spare of this epoch lies ready.
    pub fn is_ready(&self, epoch: Epoch) -> bool {
        self.ready_epoch.load(Ordering::Acquire) == epoch.0
    }

    /// Takes the spare, if it is of this epoch and newer than segment `after`; others are thrown away,
    /// because segments follow each other by number.
    pub fn take(&self, epoch: Epoch, after: Option<u64>) -> Option<Spare> {
        let spare = self.contents.lock().spare.take()?;
        self.ready_epoch.store(0, Ordering::Release);
        self.busy.store(false, Ordering::Release);
        if spare.epoch == epoch && after.is_none_or(|after| spare.id.number > after) {
            return Some(spare);
        }
        // A name left behind is removed at the next opening.
        let _ = self.fs.remove_file(&spare.path);
        None
    }

    /// Asks for a spare, unless one lies there, is on order, or could not be made a moment ago. Says whether it asked.
    /// A spare that an ended epoch left is thrown away: nothing can take it any more.
    pub fn order(&self, order: Order) -> bool {
        if ![0, order.epoch.0].contains(&self.ready_epoch.load(Ordering::Acquire)) {
            self.take(order.epoch, None);
        }
        if self.busy.load(Ordering::Acquire) || order.created_ms < self.resting_until_ms.load(Ordering::Relaxed) {
            return false;
        }
        let mut contents = self.contents.lock();
        if contents.closed {
            return false;
        }
        self.busy.store(true, Ordering::Release);
        contents.order = Some(order);
        self.changed.notify_one();
        true
    }

    /// Carries out the order there is, if any; says whether there was one. A failure is forgotten: without a spare the file
    /// grows, and the next rollover orders again.
    pub fn fulfil(&self, counters: &Counters) -> Result<bool> {
        let order = self.contents.lock().order;
        let Some(order) = order else { return Ok(false) };
        let made = self.make(order, counters);
        let mut contents = self.contents.lock();
        contents.order = None;
        match made {
            Ok(Some(spare)) if contents.closed => {
                let _ = self.fs.remove_file(&spare.path);
            }
            Ok(Some(spare)) => {
                let epoch = spare.epoch;
                contents.spare = Some(spare);
                self.ready_epoch.store(epoch.0, Ordering::Release);
            }
            Ok(None) => self.busy.store(false, Ordering::Release),
            Err(error) => {
                self.busy.store(false, Ordering::Release);
                self.resting_until_ms.store(order.created_ms.saturating_add(REST_MS), Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Serves orders until closed. Runs on a thread of its own.
    pub fn serve(&self, counters: &Counters) {
        loop {
            {
                let mut contents = self.contents.lock();
                while contents.order.is_none() && !contents.closed {
                    self.changed.wait(&mut contents);
                }
                if contents.closed {
                    return;
                }
            }
            let _ = self.fulfil(counters);
        }
    }

    /// Stops serving and removes an unused spare; says whether one was removed.
    pub fn close(&self) -> bool {
        self.closed.store(true, Ordering::Release);
        let mut contents = self.contents.lock();
        contents.closed = true;
        contents.order = None;
        self.ready_epoch.store(0, Ordering::Release);
        self.changed.notify_all();
        contents.spare.take().is_some_and(|spare| self.fs.remove_file(&spare.path).is_ok())
    }

    fn make(&self, order: Order, counters: &Counters) -> Result<Option<Spare>> {
        let salt = self.fs.random().map_err(|error| Error::io("draw a salt for", &self.places.journal, error))?;
        let id = SegmentId { number: self.take_number(), salt };
        let header = SegmentHeader {
            id,
            epoch: order.epoch,
            block_bytes: self.block_bytes,
            store: self.store,
            journal: self.places.number,
            epoch_start: None,
            prepared_bytes: order.prepared_bytes,
            created_ms: order.created_ms,
        };
        let stop = || self.closed.load(Ordering::Acquire);
        spare::prepare(&*self.fs, self.places.segment(id), &header, counters, &stop)
    }
}
