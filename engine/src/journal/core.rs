//! Group commit: appending under a short lock, one leader that writes and syncs, everybody else waits.

use std::sync::Arc;
use std::task::Waker;

use crate::config::{Background, Config};
use crate::error::Result;
use crate::fs::Fs;
use crate::id::Sequence;
use crate::journal::batch::Batch;
use crate::journal::large;
use crate::journal::mark::MarkPage;
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
    /// The engine's thread, to be woken when it should lead.
    pub committer: RwLock<Option<Thread>>,
}

impl Core {
    #[allow(clippy::too_many_arguments, reason = "the parts of an opened journal, each of its own type")]
    pub fn new(
        fs: Arc<dyn Fs>,
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
        if batch.has_large() {
            // Whatever the disk would say to its file, the answer is this one.
            if let Some(error) = self.state.lock().refusal() {
                return Err(error);
            }
            large::make_directory(&*self.fs, &self.places, &self.large_directory_made)?;
        }
        let large = large::write_all(&*self.fs, &self.places, self.store, &mut batch, &self.counters)?;
        let now_ms = self.config.clock.now_ms();
        let mut state = self.state.lock();
        let checked = match state.refusal() {
            Some(error) => Err(error),
            None => state.check(&mut batch, &self.places.root),
        };
        if let Err(error) = checked {
            drop(state);
            large.remove(&*self.fs);
            return Err(error);
        }
        if !state.has_room(&batch, self.config.arena_bytes) {
            drop(state);
            large.remove(&*self.fs);
            return Ok(Appended::Full(batch));
        }
        let ticket = state.take(&batch, now_ms);
        let wake = std::mem::take(&mut state.dormant);
        drop(state);
        if wake {
            self.wake_committer();
        }
        count(&self.counters.records, wide(batch.len()));
        count(&self.counters.batches, 1);
        Ok(Appended::Done(ticket))
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
        Ticket { sequence: state.next_sequence.before(), generation: state.generation }
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
            let mut state = self.state.lock();
            if state.outcome(ticket, self.durable()).is_some() {
                continue;
            }
            let renewed = waiter.is_some_and(|id| state.waiters.renew(id, waker));
            if !renewed {
                *waiter = Some(state.waiters.add(ticket.sequence, waker.clone(), false));
            }
            let leading = state.leading;
            drop(state);
            if !leading {
                self.wake_committer();
            }
            return None;
        }
    }

    /// Registers a waker for the next group, which makes room in the arena.
    pub fn wait_for_room(&self, waker: &Waker) -> WaiterId {
        if self.config.background == Background::Manual {
            self.try_lead(Goal::Write);
            waker.wake_by_ref();
        }
        let mut state = self.state.lock();
        let id = state.waiters.add(Sequence(0), waker.clone(), false);
        drop(state);
        self.wake_committer();
        id
    }

    /// Takes a waiter out.
    pub fn forget_waiter(&self, id: WaiterId) {
        self.state.lock().waiters.remove(id);
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
        // A closed journal takes nothing more, but what it took must still be settled.
        let is_over = match ticket {
            Some(ticket) => state.outcome(ticket, self.durable()).is_some(),
            None => state.refusal().is_some(),
        };
        if is_over {
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
