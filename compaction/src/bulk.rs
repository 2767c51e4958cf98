//! Bulk loading: records of new streams, pushed from several threads, straight into sealed segments.
//!
//! One batch is filled while the one before is compressed and written, so all cores are busy. Batches are published in
//! the order in which they were filled: what a record of one batch refers to was published before. The segments of one
//! load are merged while it goes on, so that there are never many of them.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, MutexGuard};
use threadlog_engine::sealed::{FindValues, SealedId};
use threadlog_engine::{Error as EngineError, StreamId};

use crate::batch::{Batch, NewSealed, Values};
use crate::compact::{Avoid, merge_around_damage};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::known::Known;
use crate::maintenance::Maintenance;
use crate::pick;
use crate::report::Written;
use crate::rules::{Fate, Rules, Unwatched};
use crate::write::{Beside, write_batch};

/// Something that is kept until the records pushed so far are durable: a lease, say.
pub type Held = Box<dyn Any + Send>;

/// How many times [`Config::fan_in`] segments of one size a load makes before it merges them: a load has no time to write a
/// byte again often, and whoever merges later goes on with fewer.
const FAN_INS: usize = 4;

/// Called after each batch that became durable, with what became of it, and with nothing when segments were merged: whoever
/// reads the store looks at it anew.
pub type Published = Box<dyn FnMut(&Written) + Send>;

/// A bulk load. Dropped without [`Bulk::finish`], it gives up what was not published.
pub struct Bulk {
    shared: Arc<Shared>,
    find: Arc<FindValues>,
    batch_bytes: usize,
    worker: Option<JoinHandle<Maintenance>>,
}

struct Shared {
    state: Mutex<State>,
    /// A batch waits, or nothing more will come.
    filled: Condvar,
    /// A batch was taken, was published, or failed.
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    filling: Filled,
    /// How many batches were handed over, and how many of them are published.
    handed: u64,
    published: u64,
    waiting: Option<Filled>,
    next: HashMap<StreamId, u64>,
    error: Option<Error>,
    closed: bool,
    written: Written,
}

#[derive(Default)]
struct Filled {
    batch: Batch,
    held: Vec<Held>,
}

impl Bulk {
    /// Begins a bulk load under `maintenance`, which comes back from [`Bulk::finish`]. `find` tells where long values are.
    ///
    /// *Memory:* three batches of 64 MiB, and what compression needs.
    ///
    /// # Errors
    /// [`Error::Config`]; [`Error::Engine`] if there can be no further thread.
    pub fn start(
        maintenance: Maintenance,
        config: Config,
        find: Arc<FindValues>,
        published: Published,
    ) -> Result<Bulk> {
        config.validate()?;
        let shared = Arc::new(Shared { state: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new() });
        let (root, batch_bytes) = (maintenance.root.clone(), config.batch_bytes);
        let first_number = maintenance.sealed().manifest().next_number;
        let find_again = Arc::clone(&find);
        let worker =
            Worker { shared: Arc::clone(&shared), maintenance, config, published, find: find_again, first_number };
        let thread = std::thread::Builder::new().name("threadlog-bulk".to_owned());
        let worker = thread.spawn(move || worker.run());
        let worker = worker.map_err(|error| EngineError::io("start a thread for", &root, error))?;
        Ok(Bulk { shared, find, batch_bytes, worker: Some(worker) })
    }

    /// Adds records, which become durable together; nobody sees any of them before. Streams must be new to the store, and
    /// ordinals go up by one from 0, over all calls.
    ///
    /// Waits while two batches are ahead of the disk. *Cost:* a search for long values, BLAKE3 of those, and a copy.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`], and nothing was added; what stopped an earlier batch.
    pub fn push(&self, records: &[NewSealed<'_>], held: Option<Held>) -> Result<()> {
        let mut values = Vec::with_capacity(records.len());
        for record in records {
            let mut of_record = Values::default();
            of_record.find(&*self.find, record.codec, record.payload);
            values.push(of_record);
        }
        let bytes = records.iter().map(|record| record.payload.len()).fold(0, usize::saturating_add);
        let mut state = self.shared.room_for(bytes, self.batch_bytes)?;
        state.check(records)?;
        for (record, values) in records.iter().zip(&values) {
            state.next.insert(record.stream, record.ordinal.saturating_add(1));
            state.filling.batch.push(record, &values.found);
        }
        state.filling.held.extend(held);
        Ok(())
    }

    /// Waits until everything pushed before survives power loss and can be read.
    ///
    /// # Errors
    /// What stopped a batch; those before it are published.
    pub fn flush(&self) -> Result<()> {
        let mut state = self.shared.state.lock();
        while !state.filling.batch.is_empty() && !state.hand_over(&self.shared) {
            state.check_alive()?;
            self.shared.emptied.wait(&mut state);
        }
        let wanted = state.handed;
        while state.published < wanted {
            state.check_alive()?;
            self.shared.emptied.wait(&mut state);
        }
        state.check_alive()
    }

    /// As [`Bulk::flush`]; then gives the right to maintain back, and says what was written.
    ///
    /// # Errors
    /// As [`Bulk::flush`].
    pub fn finish(mut self) -> Result<(Maintenance, Written)> {
        self.flush()?;
        let maintenance = self.stop();
        let written = self.shared.state.lock().written;
        // A thread of ours does not panic; if it did, the lock went with it.
        maintenance.map(|maintenance| (maintenance, written)).ok_or(Error::Stopped)
    }

    fn stop(&mut self) -> Option<Maintenance> {
        self.shared.state.lock().closed = true;
        self.shared.filled.notify_all();
        self.worker.take()?.join().ok()
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

impl Shared {
    /// The batch at hand, with room for so many bytes more.
    fn room_for(&self, bytes: usize, most: usize) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        loop {
            state.check_alive()?;
            if !state.filling.batch.is_full(bytes, most) || state.hand_over(self) {
                return Ok(state);
            }
            self.emptied.wait(&mut state);
        }
    }
}

impl State {
    fn check_alive(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// Gives the batch at hand to the worker, unless one waits for it already.
    fn hand_over(&mut self, shared: &Shared) -> bool {
        if self.waiting.is_some() {
            return false;
        }
        self.waiting = Some(std::mem::take(&mut self.filling));
        self.handed = self.handed.saturating_add(1);
        shared.filled.notify_one();
        true
    }

    fn check(&self, records: &[NewSealed<'_>]) -> Result<()> {
        let mut seen: HashMap<StreamId, u64> = HashMap::new();
        for NewSealed { stream, ordinal, .. } in records {
            let known = || self.next.get(stream).copied().unwrap_or(0);
            let expected = seen.entry(*stream).or_insert_with(known);
            if *ordinal != *expected {
                return Err(Error::OutOfOrder { stream: *stream, ordinal: *ordinal, expected: *expected });
            }
            *expected = expected.saturating_add(1);
        }
        Ok(())
    }
}

struct Worker {
    shared: Arc<Shared>,
    maintenance: Maintenance,
    config: Config,
    published: Published,
    find: Arc<FindValues>,
    /// What has a lower number was there before the load.
    first_number: u64,
}

/// What a load made is alive: all of it is kept.
struct KeepAll(Arc<FindValues>);

impl Rules for KeepAll {
    fn fate(&self, _: &StreamId) -> Fate {
        Fate::Keep
    }

    fn find(&self) -> &FindValues {
        &*self.0
    }
}

impl Worker {
    fn run(mut self) -> Maintenance {
        let mut known = Known::of(self.maintenance.sealed());
        let (mut avoid, mut merging) = (Avoid::new(), true);
        while let Some(filled) = self.next() {
            let outcome = self.publish(filled, &mut known);
            let mut state = self.shared.state.lock();
            match outcome {
                Ok(written) => {
                    state.published = state.published.saturating_add(1);
                    state.written.add(&written);
                }
                Err(error) => {
                    state.error = Some(error);
                    // What waits refers to what is not there.
                    drop((state.waiting.take(), std::mem::take(&mut state.filling)));
                }
            }
            drop(state);
            self.shared.emptied.notify_all();
            // A load does not depend on it: what could not be merged now is merged later, by whoever maintains the store.
            merging = merging && self.merge(&mut known, &mut avoid).is_ok();
        }
        self.maintenance
    }

    /// Merges segments of this load, if there are many of one size.
    fn merge(&mut self, known: &mut Known, avoid: &mut Avoid) -> Result<()> {
        let Config { fan_in, level, .. } = self.config;
        let config = Config { fan_in: fan_in.saturating_mul(FAN_INS), merge_level: level, ..self.config.clone() };
        let rules = KeepAll(Arc::clone(&self.find));
        loop {
            let rows = self.maintenance.sealed().manifest().segments.iter();
            let own = rows.filter(|row| row.id.number >= self.first_number && !avoid.contains_key(&row.id));
            let Some(picked) = pick::next(&own.copied().collect::<Vec<_>>(), &config) else { return Ok(()) };
            let before: Vec<SealedId> = self.maintenance.sealed().segments().iter().map(|old| old.id()).collect();
            let published = &mut self.published;
            let renew = &mut || {
                published(&Written::default());
                Ok(())
            };
            merge_around_damage(&mut self.maintenance, &picked, &rules, &config, &Unwatched, avoid, renew)?;
            // Values that stood inside their records may stand apart now.
            let segments = self.maintenance.sealed().segments().iter();
            segments.filter(|segment| !before.contains(&segment.id())).for_each(|segment| known.add(segment));
        }
    }

    /// The next batch; `None` at the end, and after a failure.
    fn next(&self) -> Option<Filled> {
        let mut state = self.shared.state.lock();
        loop {
            if state.error.is_some() {
                return None;
            }
            if let Some(filled) = state.waiting.take() {
                self.shared.emptied.notify_all();
                return Some(filled);
            }
            if state.closed {
                return None;
            }
            self.shared.filled.wait(&mut state);
        }
    }

    fn publish(&mut self, filled: Filled, known: &mut Known) -> Result<Written> {
        let Filled { mut batch, held } = filled;
        batch.sort();
        let made = write_batch(&mut self.maintenance, known, &batch, Beside::default(), &self.config)?;
        self.maintenance.edit(|manifest| {
            manifest.segments.push(made.row);
            manifest.dictionaries.extend(made.dictionary);
        })?;
        (self.published)(&made.written);
        drop(held);
        Ok(made.written)
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
