//! Group commit: appending under a short lock, one leader that writes and syncs, everybody else waits.

use std::sync::Arc;
use std::task::Waker;

use crate::config::{Background, Config};
use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::id::Sequence;
use crate::journal::batch::Batch;
use crate::journal::large;
use crate::journal::mark::MarkPage;
use crate::journal::names::Names;
use crate::journal::place::Places;
use crate::journal::shelf::Shelf;
use crate::journal::state::State;
use crate::journal::stats::{Counters, count};
use crate::journal::tail::Tail;
use crate::journal::ticket::Ticket;
use crate::journal::waiters::{Parker, WaiterId};
use crate::number::wide;
use crate::seeded::{Bug, bug};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock, Thread};

/// How many engines this process has opened. The real atomic under a model too: it outlives every run of one.
static ENGINES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

/// What an attempt to append came to.
pub(crate) enum Appended {
    Done(Ticket),
    /// The arena is full; here is the batch back.
    Full(Batch),
}

/// How far a leader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The bytes reach the operating system.
    Write,
    /// The bytes reach the disk.
    Sync,
    /// As `Sync`, and a witness says so if none does yet.
    Witness,
}

/// An open journal, shared by callers and the engine's threads.
pub(crate) struct Core {
    pub fs: Arc<dyn Fs>,
    pub names: Arc<Names>,
    pub places: Places,
    pub store: [u8; 16],
    pub config: Config,
    pub state: Mutex<State>,
    /// Locked only by the leader (see [`State::leading`]).
    pub tail: Mutex<Tail>,
    pub shelf: Shelf,
    pub mark: MarkPage,
    pub counters: Counters,
    /// Every record up to here is durable.
    pub durable_mark: AtomicU64,
    /// Copy of [`State::generation`] that can be read without the lock.
    pub generation: AtomicU64,
    /// `durable_upto` of the last group written: what a witness need not say again.
    pub witnessed: AtomicU64,
    /// Whether this engine has seen the directory of large records onto the disk.
    pub large_directory_made: AtomicBool,
    /// Tells this engine's tickets from those of another one in the process.
    pub number: u64,
    /// The engine's thread, to be woken when it should lead.
    pub committer: RwLock<Option<Thread>>,
}

impl Core {
    #[allow(clippy::too_many_arguments, reason = "the parts of an opened journal, each of its own type")]
    pub fn new(
        fs: Arc<dyn Fs>,
        names: Arc<Names>,
        places: Places,
        store: [u8; 16],
        config: Config,
        state: State,
        tail: Tail,
        shelf: Shelf,
        mark: MarkPage,
    ) -> Core {
        let durable = state.next_sequence.before();
        Core {
            fs,
            names,
            places,
            store,
            config,
            state: Mutex::new(state),
            tail: Mutex::new(tail),
            shelf,
            mark,
            counters: Counters::default(),
            durable_mark: AtomicU64::new(durable.0),
            generation: AtomicU64::new(0),
            witnessed: AtomicU64::new(durable.0),
            large_directory_made: AtomicBool::new(false),
            number: ENGINES.fetch_add(1, Ordering::Relaxed),
            committer: RwLock::new(None),
        }
    }

    /// The durable mark.
    pub fn durable(&self) -> Sequence {
        Sequence(self.durable_mark.load(Ordering::Acquire))
    }

    /// Appends a batch, or hands it back if the arena is full.
    pub fn try_append(&self, mut batch: Batch) -> Result<Appended> {
        if batch.is_empty() {
            return Ok(Appended::Done(self.barrier()));
        }
        let Some(large) = self.write_large(&mut batch)? else { return Ok(Appended::Full(batch)) };
        let now_ms = self.config.clock.ticks_ms();
        let mut state = self.state.lock();
        if let Err(error) = state.admit(&mut batch, &self.places.root) {
            drop(state);
            large.remove(&*self.fs);
            return Err(error);
        }
        if !state.has_room(&batch, self.config.arena_bytes) {
            drop(state);
            large.remove(&*self.fs);
            return Ok(Appended::Full(batch));
        }
        let last = state.take(&batch, now_ms);
        let ticket = self.ticket(&state, last);
        let wake = std::mem::take(&mut state.dormant);
        drop(state);
        if wake {
            self.wake_committer();
        }
        count(&self.counters.records, wide(batch.len()));
        count(&self.counters.batches, 1);
        Ok(Appended::Done(ticket))
    }

    /// Writes the files of a batch's large records, if the batch would be taken now: one that is refused, or has to wait
    /// for room (`None`), must not cost them.
    fn write_large(&self, batch: &mut Batch) -> Result<Option<large::Pending>> {
        if !batch.has_large() {
            return Ok(Some(large::Pending::default()));
        }
        {
            let mut state = self.state.lock();
            state.admit(batch, &self.places.root)?;
            if !state.has_room(batch, self.config.arena_bytes) {
                return Ok(None);
            }
        }
        let (fs, names, places) = (&*self.fs, &*self.names, &self.places);
        let written = large::make_directory(fs, names, places, &self.large_directory_made)
            .and_then(|()| large::write_all(fs, names, places, self.store, batch, &self.counters));
        match (written, names.failure()) {
            (Err(_), Some(failure)) => Err(self.stop(failure)),
            (written, _) => written.map(Some),
        }
    }

    /// Acknowledges nothing more: a sync failed. Gives the error that everybody gets from now on.
    fn stop(&self, source: Error) -> Error {
        let mut woken = Vec::new();
        let mut state = self.state.lock();
        let durable = self.durable();
        let error = state.poison.get_or_insert_with(|| Error::Poisoned { durable, source: Box::new(source) }).clone();
        state.waiters.take_all(&mut woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        self.wake_committer();
        error
    }

    /// Makes the spare that is on order, if any; says whether one was.
    pub fn prepare_spare(&self) -> Result<bool> {
        self.shelf.fulfil(&self.counters).map_err(|error| match self.names.failure() {
            Some(failure) => self.stop(failure),
            None => error,
        })
    }

    /// Makes spares until the engine is closed. On a thread of its own.
    pub fn run_preparer(&self) {
        while self.shelf.wait() {
            // Without a spare the file grows, and the next rollover orders again.
            let _ = self.prepare_spare();
        }
    }

    fn ticket(&self, state: &State, sequence: Sequence) -> Ticket {
        Ticket { sequence, generation: state.generation, engine: self.number }
    }

    /// Appends a batch; leads a write first if the arena is full.
    pub fn append(&self, mut batch: Batch) -> Result<Ticket> {
        loop {
            match self.try_append(batch)? {
                Appended::Done(ticket) => return Ok(ticket),
                Appended::Full(back) => batch = back,
            }
            self.lead_or_wait(None, Goal::Write);
        }
    }

    /// A ticket for everything appended so far.
    pub fn barrier(&self) -> Ticket {
        let state = self.state.lock();
        self.ticket(&state, state.next_sequence.before())
    }

    /// Blocks until everything the ticket covers is durable, leading if nobody does.
    pub fn sync(&self, ticket: Ticket) -> Result<()> {
        loop {
            if let Some(outcome) = self.outcome(ticket) {
                return outcome;
            }
            self.lead_or_wait(Some(ticket), Goal::Sync);
        }
    }

    /// What became of a ticket, if that is settled.
    pub fn outcome(&self, ticket: Ticket) -> Option<Result<()>> {
        if ticket.engine != self.number {
            return Some(Err(Error::StrangeTicket));
        }
        let durable = self.durable();
        // The generation is read second: if a later generation's records moved the mark over a
        // sequence that was given twice, its rise is visible here.
        let generation = self.generation.load(Ordering::Acquire);
        if durable >= ticket.sequence && (generation == ticket.generation || bug(Bug::GenerationIgnored)) {
            return Some(Ok(()));
        }
        self.state.lock().outcome(ticket, self.durable())
    }

    /// Polls for durability; registers the waker and sees to it that somebody leads.
    pub fn poll_durable(&self, ticket: Ticket, waiter: &mut Option<WaiterId>, waker: &Waker) -> Option<Result<()>> {
        loop {
            if let Some(outcome) = self.outcome(ticket) {
                if let Some(id) = waiter.take() {
                    self.forget_waiter(id);
                }
                return Some(outcome);
            }
            if self.config.background == Background::Manual && self.try_lead(Goal::Sync) {
                continue;
            }
            // Wakers are cloned and dropped without the lock: they can be anything.
            let fresh = waker.clone();
            let mut state = self.state.lock();
            if state.outcome(ticket, self.durable()).is_some() {
                continue;
            }
            let renewed = match *waiter {
                Some(id) => state.waiters.renew(id, fresh),
                None => Err(fresh),
            };
            let replaced = match renewed {
                Ok(old) => Some(old),
                Err(fresh) => {
                    *waiter = Some(state.waiters.add(ticket.sequence, fresh, false));
                    None
                }
            };
            let leading = state.leading;
            drop(state);
            drop(replaced);
            if !leading {
                self.wake_committer();
            }
            return None;
        }
    }

    /// Registers a waker for the next group, which makes room in the arena. Wakes it at once if there is nothing to wait for.
    pub fn wait_for_room(&self, batch: &Batch, waker: &Waker) -> Option<WaiterId> {
        if self.config.background == Background::Manual {
            self.try_lead(Goal::Write);
        }
        let fresh = waker.clone();
        let mut state = self.state.lock();
        if state.refusal().is_some() || state.has_room(batch, self.config.arena_bytes) {
            drop(state);
            fresh.wake();
            return None;
        }
        let id = state.waiters.add(Sequence(0), fresh, false);
        drop(state);
        self.wake_committer();
        Some(id)
    }

    /// Takes a waiter out.
    pub fn forget_waiter(&self, id: WaiterId) {
        let removed = self.state.lock().waiters.remove(id);
        drop(removed);
    }

    /// Wakes the engine's thread.
    pub fn wake_committer(&self) {
        if let Some(thread) = self.committer.read().as_ref() {
            thread.unpark();
        }
    }

    /// Leads, or, if somebody does already, blocks until the ticket is settled or it is this thread's turn. Without a
    /// ticket: until the group being written now is done.
    fn lead_or_wait(&self, ticket: Option<Ticket>, goal: Goal) {
        let mut state = self.state.lock();
        // A closed journal is still led: what was appended before must come to an end.
        if ticket.is_some_and(|ticket| state.outcome(ticket, self.durable()).is_some()) || state.poison.is_some() {
            return;
        }
        if !state.leading {
            let assignment = self.begin(&mut state);
            drop(state);
            self.lead(assignment, goal);
            return;
        }
        let parker = Parker::current();
        parker.reset();
        let sequence = ticket.map_or(Sequence(0), |ticket| ticket.sequence);
        let id = state.waiters.add(sequence, Waker::from(Arc::clone(&parker)), ticket.is_some());
        drop(state);
        parker.park();
        // Woken as the next leader, it is still registered.
        if ticket.is_some_and(|ticket| self.durable() < ticket.sequence) {
            self.forget_waiter(id);
        }
    }

    /// Leads if nobody does; says whether it did.
    pub fn try_lead(&self, goal: Goal) -> bool {
        let mut state = self.state.lock();
        if state.leading || state.poison.is_some() {
            return false;
        }
        let assignment = self.begin(&mut state);
        drop(state);
        self.lead(assignment, goal);
        true
    }
}
