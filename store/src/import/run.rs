//! One import: what its threads share.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use threadlog_compaction::{Bulk, Config as CompactionConfig, Error as CompactionError, Maintenance, Written};
use threadlog_engine::fs::Fs;
use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Changes, Engine, Error as EngineError, Lease, LeaseOn, ReadLog};

use crate::clock::HybridClock;
use crate::error::{Error, Result};
use crate::event::{Control, ITEMS, Place, Source, find_values};
use crate::import::ImportOptions;
use crate::import::append::{Appended, Appender};
use crate::import::choose::Target;
use crate::import::file::{Fault, Planned};
use crate::import::plan::Plan;
use crate::import::report::{FileReport, ImportReport};
use crate::import::sink::{Pusher, Sink};
use crate::import::walk::{Walk, refusal};
use crate::owners::Owners;
use crate::progress::{Progress, Refusal};
use crate::table::{Entry, Table};
use crate::thread::{ThreadId, ThreadKey};
use crate::workers::{self, lock};

/// Bytes appended between syncs.
const SYNC_BYTES: u64 = 64 << 20;

/// One import.
pub(super) struct Run<'a> {
    pub(super) engine: &'a Engine,
    pub(super) clock: &'a HybridClock,
    fs: &'a Arc<dyn Fs>,
    root: &'a Path,
    progress: &'a dyn Progress,
    /// Takes new lives, in a large import.
    pub(super) bulk: Option<Bulk>,
    state: Mutex<State>,
    unsynced_bytes: AtomicU64,
    stopped: AtomicBool,
}

/// What is known of the store, kept up to date.
struct State {
    table: Table,
    owners: Owners,
    /// New lives that are in the bulk load and perhaps not readable yet.
    unread: HashSet<ThreadKey>,
}

/// What came of the planned files.
#[derive(Default)]
struct Results {
    files: Vec<(usize, FileReport)>,
    refused: Vec<Refusal>,
    error: Option<Error>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        clock: &'a HybridClock,
        fs: &'a Arc<dyn Fs>,
        root: &'a Path,
        progress: &'a dyn Progress,
    ) -> Run<'a> {
        let table = Table::load(engine);
        clock.observe(table.clock());
        let owners = table.owners();
        let state = Mutex::new(State { table, owners, unread: HashSet::new() });
        let (unsynced_bytes, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        Run { engine, clock, fs, root, progress, bulk: None, state, unsynced_bytes, stopped }
    }

    /// Imports all that was found; all that is reported is durable when this returns.
    pub(super) fn all(mut self, walk: Walk, options: &ImportOptions) -> Result<ImportReport> {
        let Plan { groups, alone, mut refused, skipped } = Plan::of(walk, |place| self.owner(place));
        let files = groups.iter().flatten().chain(&alone).map(|file| file.bytes);
        let (count, bytes) = files.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
        self.progress.planned(count, bytes);
        if bytes >= options.bulk_bytes_min {
            self.bulk = self.begin_bulk()?;
        }
        let results = Mutex::new(Results::default());
        // What others may repeat comes first.
        let is_fork = |group: &Vec<Planned>| group.iter().any(|file| file.identity.forked);
        let (forks, first): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_fork);
        for groups in [first, forks] {
            workers::each(&groups, options.jobs, |group| self.group(group, &results));
        }
        self.group(&alone, &results);
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let published = self.bulk.take().map(Bulk::finish).transpose();
        if let Some(error) = results.error {
            return Err(error);
        }
        published?;
        self.engine.renew_sealed()?;
        if !bug(Bug::ImportNotSynced) {
            self.engine.sync(self.engine.barrier())?;
        }
        refused.extend(results.refused);
        let mut files = results.files;
        files.sort_by_key(|(number, _)| *number);
        let files = files.into_iter().map(|(_, file)| file).collect();
        Ok(ImportReport { files, refused, skipped, stopped: self.stopped.load(Ordering::Relaxed) })
    }

    /// Keeps other processes from writing a thread, and takes in what they did until now: also what those that died meanwhile
    /// handed to the system.
    pub(super) fn lease(&self, thread: ThreadId) -> Result<Option<Lease>, Fault> {
        let Some(leases) = self.engine.leases() else { return Ok(None) };
        let lease = leases.take(LeaseOn::Writer(thread.uuid().as_bytes())).map_err(Error::from)?;
        let mut changes = Changes::default();
        let recovered = self.engine.recover_dead(&mut changes);
        self.take_in(&changes);
        recovered.map_err(Error::from)?;
        Ok(Some(lease))
    }

    /// Keeps a life from being deleted, for a file that repeats it. The outer `None` says that it is gone, or going.
    pub(super) fn build_on(&self, key: ThreadKey) -> Result<Option<Option<Lease>>, Fault> {
        let Some(leases) = self.engine.leases() else { return Ok(Some(None)) };
        let lease = match leases.take(LeaseOn::Life(key.thread.uuid().as_bytes(), key.incarnation)) {
            Err(EngineError::Leased { .. }) => return Ok(None),
            lease => lease.map_err(Error::from)?,
        };
        self.look_around()?;
        Ok(lock(&self.state).table.get(key).map(|_| Some(lease)))
    }

    /// Takes in what other processes made durable.
    fn look_around(&self) -> Result<(), Fault> {
        self.take_in(&self.engine.refresh().map_err(Error::from)?);
        Ok(())
    }

    fn take_in(&self, changes: &Changes) {
        if !changes.is_empty() {
            let threads = changes.streams().map(|stream| ThreadKey::of(stream).thread).collect();
            let mut state = lock(&self.state);
            state.table.reload(self.engine, &threads);
            self.clock.observe(state.table.clock());
            state.owners = state.table.owners();
        }
    }

    /// Lets go of a lease when everything appended so far is durable.
    pub(super) fn keep_until_durable(&self, lease: Option<Lease>) {
        let Some(lease) = lease else { return };
        let lease = Arc::new(lease);
        if let Some(bulk) = &self.bulk {
            // What keeps it from being published is told by the next push.
            let _ = bulk.push(&[], Some(Box::new(Arc::clone(&lease))));
        }
        self.engine.keep_until_settled(self.engine.barrier(), Box::new(lease));
    }

    /// Begins a bulk load. `None` if somebody else works on what is sealed at this moment: the journal takes all as well.
    fn begin_bulk(&self) -> Result<Option<Bulk>> {
        let config = self.engine.config();
        let taken = Maintenance::take(self.fs, self.root, self.engine.store_id(), &config.client, &config.clock);
        let maintenance = match taken {
            Err(CompactionError::Busy { .. }) => return Ok(None),
            taken => taken?,
        };
        let engine = self.engine.clone();
        // What cannot be looked at now is looked at when somebody needs it.
        let published = Box::new(move |_: &Written| drop(engine.renew_sealed()));
        Ok(Some(Bulk::start(maintenance, CompactionConfig::default(), Arc::new(find_values), published)?))
    }

    /// Where the records of a life go that has so many items.
    pub(super) fn sink(&self, target: &Target) -> Sink<'_> {
        match &self.bulk {
            Some(bulk) if target.is_new() => Sink::Bulk(Pusher::new(bulk, self.clock, self.engine, target.key)),
            _ => {
                // All that anybody wrote under it is in the log by now. (0 says that the thread was never live.)
                let lease_epoch = self.engine.head(&target.key.stream(ITEMS)).map_or(0, |head| head.lease_epoch);
                let records = target.prefix.records;
                Sink::Journal(Appender::new(self.engine, self.clock, target.key, records, lease_epoch))
            }
        }
    }

    /// Sees to it that what this import added to a life can be read.
    pub(super) fn make_readable(&self, key: ThreadKey) -> Result<(), Fault> {
        let Some(bulk) = &self.bulk else { return Ok(()) };
        let unread = lock(&self.state).unread.clone();
        if unread.contains(&key) {
            bulk.flush().map_err(Error::from)?;
            self.engine.renew_sealed().map_err(Error::from)?;
            lock(&self.state).unread.retain(|key| !unread.contains(key));
        }
        Ok(())
    }

    /// Imports files one after another, in their order.
    fn group(&self, files: &[Planned], results: &Mutex<Results>) {
        for planned in files {
            if self.stopping() {
                return;
            }
            let outcome = self.import(planned);
            let mut results = lock(results);
            match outcome {
                Ok(report) => results.files.push((planned.number, report)),
                Err(Fault::File(error)) => results.refused.push(refusal(&planned.found.path, &error.to_string())),
                Err(Fault::Store(Error::Engine(EngineError::Leased { owner }))) => {
                    let why = format!("its thread is being written by {owner}: import it when that is done");
                    results.refused.push(refusal(&planned.found.path, &why));
                }
                Err(Fault::Store(error)) if is_of_one_stream(&error) => {
                    results.refused.push(refusal(&planned.found.path, &error.to_string()));
                }
                Err(Fault::Stopped) => self.stopped.store(true, Ordering::Relaxed),
                Err(Fault::Store(error)) => {
                    self.stopped.store(true, Ordering::Relaxed);
                    // Of several failures the first tells most; the others follow from it.
                    results.error.get_or_insert(error);
                }
            }
            self.progress.file_done();
        }
    }

    /// The lives that a file may belong to, the most recent first.
    pub(super) fn candidates(&self, planned: &Planned) -> Vec<(ThreadKey, Entry)> {
        let state = lock(&self.state);
        let own = state.table.of_rollout(planned.identity.thread, planned.identity.rollout);
        let mut lives: Vec<_> = own.map(|(key, entry)| (key, entry.clone())).collect();
        if let Some(owner) = state.owners.of(&planned.found.place)
            && let Some(entry) = state.table.get(owner)
            && lives.iter().all(|(key, _)| *key != owner)
        {
            lives.push((owner, entry.clone()));
        }
        lives.sort_by_key(|(key, entry)| std::cmp::Reverse((entry.life.clock(), *key)));
        lives
    }

    /// The lives of a thread that are whole and hold all of their history themselves.
    pub(super) fn whole_lives(&self, thread: ThreadId) -> Vec<ThreadKey> {
        let state = lock(&self.state);
        let whole = |entry: &Entry| {
            !entry.damaged && entry.life.created().is_some_and(|created| created.origin.fork().is_none())
        };
        state.table.of_thread(thread).filter(|(_, entry)| whole(entry)).map(|(key, _)| key).collect()
    }

    /// Whether the store knows already that the target has this file, and by a name that tells as much.
    pub(super) fn knows(&self, target: &Target, source: &Source) -> bool {
        let state = lock(&self.state);
        let known = state.table.get(target.key).and_then(|entry| entry.life.source(&source.place));
        let same = |known: &Source| {
            (known.modified_ns, known.bytes, known.blake3) == (source.modified_ns, source.bytes, source.blake3)
                && !source.place.is_wider(&known.place)
        };
        state.owners.of(&source.place) == Some(target.key) && known.is_some_and(|(_, known)| same(known))
    }

    /// Whether a file that lies elsewhere now may be the one that a life has under this name: not if the name went to
    /// another life of its thread.
    pub(super) fn may_move(&self, key: ThreadKey, place: &Place) -> bool {
        lock(&self.state).owners.of(place).is_none_or(|owner| owner == key || owner.thread != key.thread)
    }

    /// Takes in what was appended to a life.
    pub(super) fn learn(&self, key: ThreadKey, items: u64, controls: &[(u64, Control)]) {
        let mut state = lock(&self.state);
        let State { table, owners, unread } = &mut *state;
        if self.bulk.is_some() {
            unread.insert(key);
        }
        let entry = table.entry(key);
        // Less, if the file is only the beginning of what is there.
        entry.items = entry.items.max(items);
        for (clock, control) in controls {
            entry.life.apply(*clock, control);
        }
        owners.learn(key, &entry.life);
    }

    /// Counts an appended batch, and makes everything durable from time to time.
    pub(super) fn appended(&self, appended: Option<Appended>) -> Result<(), Fault> {
        let Some(Appended { ticket: Some(ticket), bytes }) = appended else { return Ok(()) };
        let unsynced = self.unsynced_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if unsynced >= SYNC_BYTES {
            self.unsynced_bytes.store(0, Ordering::Relaxed);
            self.engine.sync(ticket).map_err(Error::from)?;
        }
        Ok(())
    }

    /// Ends a file between two batches if nothing more is wanted. Not behind its last one: then it is done, and counts.
    pub(super) fn pause(&self) -> Result<(), Fault> {
        if self.stopping() { Err(Fault::Stopped) } else { Ok(()) }
    }

    /// Whether the caller wants no more, or something went wrong elsewhere.
    fn stopping(&self) -> bool {
        if self.progress.stop() {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Tells that this many more bytes of files were dealt with.
    pub(super) fn advanced(&self, bytes: u64) {
        self.progress.advanced(bytes);
    }

    /// A number for a new life.
    pub(super) fn random(&self) -> Result<u64> {
        let root = Path::new("the system's random numbers");
        self.fs.random().map_err(Error::io("read", root))
    }

    fn owner(&self, place: &Place) -> Option<ThreadId> {
        lock(&self.state).owners.of(place).map(|key| key.thread)
    }
}

/// Whether other threads can be written all the same: this one is being written by somebody else, or damaged.
fn is_of_one_stream(error: &Error) -> bool {
    matches!(
        error,
        Error::Engine(EngineError::WrongOrdinal { .. } | EngineError::StaleLease { .. } | EngineError::Corrupt { .. })
    )
}
