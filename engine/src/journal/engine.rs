//! The public face of a store that is open for writing.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Background, Config};
use crate::error::{Error, Result};
use crate::fs::{Fs, Lock};
use crate::id::{Channel, Sequence, StreamId};
use crate::journal::batch::Batch;
use crate::journal::changes::Changes;
use crate::journal::claim::{Roster, Signs};
use crate::journal::core::{Appended, Core, Goal};
use crate::journal::index::Conflict;
use crate::journal::opening::{self, Opened};
use crate::journal::parts::{Found, Head, StreamInfo};
use crate::journal::past::DurablePast;
use crate::journal::reader::conflicts_between;
use crate::journal::records::{Lookup, ReadLog, Records};
use crate::journal::stats::Stats;
use crate::journal::ticket::{Append, Durable, Ticket};
use crate::lease::Leases;
use crate::recover::log::Damage;
use crate::sealed::Sealed;
use crate::seeded::{Bug, bug};
use crate::sync::{self, JoinHandle, Mutex};

/// A store that is open for writing. Cheap to clone; all clones are one engine.
///
/// *Durability:* an append is durable once [`Engine::sync`] or the future of [`Engine::durable`] returned
/// `Ok` for its ticket: it then survives power loss. Without either it reaches the operating system within
/// [`Config::write_after`] and the disk within [`Config::sync_after`].
///
/// When the last clone is dropped the store is closed as by [`Engine::close`], errors unseen.
///
/// ```
/// use std::sync::Arc;
/// use threadlog_engine::{Batch, Config, Engine, NewRecord, OsFs, ReadLog, StreamId};
///
/// # let directory = tempfile::tempdir()?;
/// # let root = directory.path().join("store");
/// let engine = Engine::open(Arc::new(OsFs), &root, Config::default())?;
/// let stream = StreamId { thread: [7; 16], incarnation: 1, channel: 0 };
/// let mut batch = Batch::new();
/// batch.push(NewRecord { stream, ordinal: Some(0), lease_epoch: 1, clock: 0, codec: 0, payload: b"hello" })?;
/// let ticket = engine.append(batch)?;
/// engine.sync(ticket)?; // now it survives a power cut
/// assert_eq!(engine.read(&stream, 0..u64::MAX).count(), 1);
/// engine.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) core: Arc<Core>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The signs by which others know that the journal is written, and its lock; freed in this order.
    lock: Mutex<Option<(Signs, Box<dyn Lock>)>>,
    pub(crate) leases: Option<Leases>,
    /// What closing came to.
    closed: Mutex<Option<Result<()>>>,
    /// Held while other journals are read again.
    pub(crate) refreshing: Mutex<Roster>,
}

impl Engine {
    /// Opens the store at `root` for writing, making it if there is none.
    ///
    /// *Cost:* reads the hot segments once, checksums them, and copies what no witness vouches for (after a
    /// crash: what was written in the last second).
    ///
    /// # Errors
    /// [`Error::Locked`] naming the owner, if another process writes; [`Error::Untrusted`] on network mounts;
    /// [`Error::FormatVersion`], [`Error::Corrupt`] if FORMAT cannot be believed; [`Error::Io`]. Damage in
    /// segments is no error here: see [`ReadLog::damage`].
    pub fn open(fs: Arc<dyn Fs>, root: &Path, config: Config) -> Result<Engine> {
        Engine::start(opening::open(fs, root, config, None)?)
    }

    /// As [`Engine::open`], for a process that has leases of the store from an engine which is closed now.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_with(fs: Arc<dyn Fs>, root: &Path, config: Config, leases: Option<Leases>) -> Result<Engine> {
        Engine::start(opening::open(fs, root, config, leases)?)
    }

    fn start(opened: Opened) -> Result<Engine> {
        let Opened { core, lock, signs, leases, roster } = opened;
        let (background, root) = (core.config.background, core.places.root.clone());
        let core = Arc::new(core);
        let inner = Arc::new(Inner {
            core: Arc::clone(&core),
            threads: Mutex::default(),
            lock: Mutex::new(Some((signs, lock))),
            leases,
            closed: Mutex::default(),
            refreshing: Mutex::new(roster),
        });
        if background == Background::Threads {
            let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
                sync::spawn(name, work).map_err(|error| Error::io("start a thread for", &root, error))
            };
            let timers = Arc::clone(&core);
            let committer = spawn("threadlog-commit", Box::new(move || timers.run_timers()))?;
            *core.committer.write() = Some(committer.thread().clone());
            inner.threads.lock().push(committer);
            if core.config.prepare_spares {
                let spares = Arc::clone(&core);
                let preparer = spawn("threadlog-prepare", Box::new(move || spares.run_preparer()))?;
                inner.threads.lock().push(preparer);
            }
        }
        Ok(Engine { inner })
    }

    /// The engine of a journal that is recovered only to be closed.
    pub(crate) fn of_dead(core: Core, lock: Box<dyn Lock>, signs: Signs) -> Engine {
        let inner = Inner {
            core: Arc::new(core),
            threads: Mutex::default(),
            lock: Mutex::new(Some((signs, lock))),
            leases: None,
            closed: Mutex::default(),
            refreshing: Mutex::new(Roster::none()),
        };
        Engine { inner: Arc::new(inner) }
    }

    /// Appends a batch: all of it or nothing. No system call, unless the arena is full (then a write is led
    /// or waited for) or a record needs a file of its own (then that file is written and synced).
    ///
    /// # Errors
    /// [`Error::WrongOrdinal`], [`Error::StaleLease`] (nothing was appended); [`Error::Corrupt`] if a damage
    /// may have taken the stream's end; [`Error::Poisoned`]; [`Error::Closed`]; [`Error::Io`] for a large record.
    pub fn append(&self, batch: Batch) -> Result<Ticket> {
        self.inner.core.append(batch)
    }

    /// As [`Engine::append`], without blocking while the arena is full.
    #[must_use]
    pub fn append_async(&self, batch: Batch) -> Append {
        Append::new(Arc::clone(&self.inner.core), batch)
    }

    /// As [`Engine::append`], but hands the batch back if the arena is full.
    ///
    /// # Errors
    /// As [`Engine::append`].
    pub fn try_append(&self, batch: Batch) -> Result<std::result::Result<Ticket, Batch>> {
        Ok(match self.inner.core.try_append(batch)? {
            Appended::Done(ticket) => Ok(ticket),
            Appended::Full(batch) => Err(batch),
        })
    }

    /// Blocks until everything the ticket covers survives power loss. The caller writes and syncs itself if
    /// nobody does; callers at the same time share one sync.
    ///
    /// # Errors
    /// [`Error::WriteFailed`]: the records were taken back, append them again. [`Error::Poisoned`]: unknown
    /// whether they are in the log; reopen and compare heads. [`Error::StrangeTicket`]: another engine gave it.
    pub fn sync(&self, ticket: Ticket) -> Result<()> {
        self.inner.core.sync(ticket)
    }

    /// As [`Engine::sync`], as a future that never blocks who polls it.
    #[must_use]
    pub fn durable(&self, ticket: Ticket) -> Durable {
        Durable::new(Arc::clone(&self.inner.core), ticket)
    }

    /// Takes in what other processes made durable since the store was opened or refreshed last; says which
    /// streams changed. Appends go on meanwhile.
    ///
    /// *Cost:* when nothing changed, a few loads from a mapped page for each other journal; else what came. A journal
    /// that cannot be read on (its writer was restarted, it is damaged) is read anew.
    ///
    /// # Errors
    /// [`Error::Io`]; what was known stays.
    pub fn refresh(&self) -> Result<Changes> {
        let roster = self.inner.refreshing.lock();
        let mut changes = self.inner.core.refresh(&roster)?;
        changes.add(std::mem::take(&mut self.inner.core.state.lock().found));
        Ok(changes)
    }

    /// Whether [`Engine::refresh`] would find something, or somebody refreshes now. Never blocks on the disk.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let core = &self.inner.core;
        let Some(roster) = self.inner.refreshing.try_lock() else { return true };
        let state = core.state.lock();
        roster.has_more_than(state.foreign.len().saturating_add(1))
            || roster.generation() > state.sealed.generation()
            || !state.found.is_empty()
            || state.foreign.iter().any(|journal| journal.has_changed(&core.store))
    }

    /// Keeps something (a lease) until the ticket's records are durable or certainly not in the log, then drops it. After a
    /// failed sync, or by a ticket of another engine, until this one is closed.
    pub fn keep_until_settled(&self, ticket: Ticket, kept: Box<dyn Send + Sync>) {
        let core = &self.inner.core;
        let gone = {
            let mut state = core.state.lock();
            let Some(waiting) = &mut state.kept else { return };
            if !bug(Bug::LeaseFreedEarly) {
                waiting.push((ticket, kept));
            }
            state.let_go(core.durable())
        };
        drop(gone);
    }

    /// Becomes ready when something behind `past` is durable in this engine's own journal, or the engine is closed. Makes
    /// nobody write or sync.
    #[must_use]
    pub fn durable_past(&self, past: Sequence) -> DurablePast {
        DurablePast::new(Arc::clone(&self.inner.core), past)
    }

    /// A ticket that covers everything appended so far, by anybody.
    #[must_use]
    pub fn barrier(&self) -> Ticket {
        self.inner.core.barrier()
    }

    /// Every record up to this sequence is durable.
    #[must_use]
    pub fn durable_mark(&self) -> Sequence {
        self.inner.core.durable()
    }

    /// Totals since the engine was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.core.counters.read()
    }

    /// The number of the journal that this engine writes.
    #[must_use]
    pub fn journal(&self) -> u32 {
        self.inner.core.places.number
    }

    /// The leases of this process; `None` in a store of one journal, where its lock excludes all other writers.
    #[must_use]
    pub fn leases(&self) -> Option<&Leases> {
        self.inner.leases.as_ref()
    }

    /// The store's random id.
    #[must_use]
    pub fn store_id(&self) -> [u8; 16] {
        self.inner.core.store
    }

    /// Runs the timers once; says whether something was due. For [`Background::Manual`].
    pub fn tick(&self) -> bool {
        self.inner.core.tick()
    }

    /// Makes a spare segment now if one is wanted; says whether it did. For [`Background::Manual`].
    ///
    /// # Errors
    /// [`Error::Io`]; the engine goes on without a spare. [`Error::Poisoned`], if the directory could not be synced.
    pub fn prepare_spare(&self) -> Result<bool> {
        self.inner.core.prepare_spare()
    }

    /// Makes everything durable, writes a witness and the mark, removes the spare, cuts the zeros after the
    /// last group, and frees the lock. Later calls of any clone return [`Error::Closed`].
    ///
    /// # Errors
    /// [`Error::Poisoned`] or [`Error::WriteFailed`] if the last records could not be made durable; the store is closed
    /// all the same. A second call gives what the first one gave.
    pub fn close(&self) -> Result<()> {
        self.inner.close()
    }
}

impl Inner {
    fn close(&self) -> Result<()> {
        // Held to the end: who closes at the same time waits, and learns the same.
        let mut closed = self.closed.lock();
        if let Some(outcome) = &*closed {
            return outcome.clone();
        }
        let mut watching = Vec::new();
        {
            let mut state = self.core.state.lock();
            state.closed = true;
            state.watchers.take_all(&mut watching);
        }
        watching.into_iter().for_each(std::task::Waker::wake);
        // Nothing is appended any more: this settles every ticket.
        let synced = self.core.sync(self.core.barrier());
        self.core.wake_committer();
        let spare_removed = self.core.shelf.close();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // A thread of ours does not panic; if it did, closing goes on.
            let _ = thread.join();
        }
        // Somebody who waits for a ticket may be leading at this moment: the tail is free when they have written.
        while synced.is_ok() && !self.core.try_lead(Goal::Witness) && self.core.state.lock().poison.is_none() {
            drop(self.core.tail.lock());
            sync::yield_now();
        }
        self.core.tidy_up(spare_removed);
        drop(self.lock.lock().take());
        // Only now: whoever gets what was kept finds a journal that nobody writes.
        let kept = self.core.state.lock().kept.take();
        drop(kept);
        *closed = Some(synced.clone());
        synced
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl Core {
    /// The last steps of a clean close. All of them only save time or space later, so failures are let go.
    fn tidy_up(&self, spare_removed: bool) {
        if self.state.lock().poison.is_some() {
            return;
        }
        let durable = self.durable();
        let mut tail = self.tail.lock();
        let names_changed = tail.cut_given_up() || spare_removed;
        if let Some(active) = tail.active.as_ref().filter(|active| active.prepared_bytes > active.offset)
            && active.file.set_len(active.offset).is_ok()
        {
            let _ = active.file.sync_data();
        }
        if names_changed {
            let _ = self.names.sync(&*self.fs, &self.places.journal);
        }
        let _ = self.mark.close(tail.epoch, durable);
    }
}

impl Lookup for Core {
    fn find(&self, stream: &StreamId, from: u64, most: usize) -> (Vec<Found>, Arc<Sealed>) {
        let state = self.state.lock();
        (state.parts(self.durable()).find(stream, from, most), Arc::clone(&state.sealed))
    }

    fn has_moved(&self, seen: &Sealed) -> bool {
        Core::has_moved(self, seen)
    }

    fn damage_error(&self, damage: (usize, usize)) -> Option<Error> {
        self.state.lock().damage(damage).map(|damage| damage.to_error(&self.places.root))
    }

    fn doubt(&self, stream: &StreamId) -> Option<Error> {
        let state = self.state.lock();
        let damage = state.parts(self.durable()).doubt(stream, state.sealed.head(stream))?;
        state.damage(damage).map(|damage| damage.to_error(&self.places.root))
    }

    fn fs(&self) -> &dyn Fs {
        &*self.fs
    }

    fn root(&self) -> &Path {
        &self.places.root
    }
}

impl ReadLog for Engine {
    fn read(&self, stream: &StreamId, range: Range<u64>) -> Records {
        Records::new(self.inner.core.clone(), *stream, range)
    }

    fn head(&self, stream: &StreamId) -> Option<Head> {
        self.inner.core.state.lock().parts(self.inner.core.durable()).head(stream)
    }

    fn channels(&self, thread: &[u8; 16], incarnation: u64) -> Vec<Channel> {
        let core = &self.inner.core;
        core.state.lock().parts(core.durable()).channels(thread, incarnation)
    }

    fn incarnations(&self, thread: &[u8; 16]) -> Vec<u64> {
        let core = &self.inner.core;
        core.state.lock().parts(core.durable()).incarnations(thread)
    }

    fn streams(&self) -> Vec<StreamInfo> {
        self.inner.core.state.lock().parts(self.inner.core.durable()).streams()
    }

    fn streams_as_stored(&self) -> Vec<StreamId> {
        self.inner.core.state.lock().parts(self.inner.core.durable()).streams_as_stored()
    }

    fn journal_numbers(&self) -> Vec<u32> {
        let state = self.inner.core.state.lock();
        state.foreign.iter().map(|journal| journal.places.number).chain([self.journal()]).collect()
    }

    fn damage(&self) -> Vec<Damage> {
        let state = self.inner.core.state.lock();
        let foreign = state.foreign.iter().flat_map(|journal| &journal.index.damage);
        state.index.damage.iter().chain(foreign).cloned().collect()
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let core = &self.inner.core;
        let (mut all, contested, sealed) = {
            let state = core.state.lock();
            let foreign = state.foreign.iter().flat_map(|journal| &journal.index.conflicts);
            let all: Vec<Conflict> = state.index.conflicts.iter().chain(foreign).cloned().collect();
            (all, state.parts(core.durable()).contested(), Arc::clone(&state.sealed))
        };
        all.extend(sealed.conflicts());
        all.extend(conflicts_between(&**core, &sealed, contested));
        all
    }
}
