//! The live writer of one thread: moves what was accepted into the log, and waits until it is durable.
//!
//! Two locks, both the thread's own. The queue's is held for moments, never across an await. The *turn* is held
//! while records go to the engine, across awaits and disk writes, so that they go in order; whoever waits for it
//! waits for its own thread's disk writes and for nobody else's. Waiting for durability holds neither.
//!
//! A future that is dropped leaves nothing half done: work on a blocking thread owns the turn and finishes
//! without its caller, and all else changes the queue between two awaits.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use threadlog_engine::{BATCH_BYTES_MAX, Error as EngineError, Lease, ReadLog, Ticket};
use tokio::sync::OwnedMutexGuard;

use crate::event::ITEMS;
use crate::item::RolloutItem;
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::catalog::Entry;
use crate::local::error::from_engine;
use crate::local::queue::{Misfit, Queue, Step};
use crate::local::sending::{Chunk, Sent};
use crate::local::slot::Opened;
use crate::policy::{HistoryMode, PersistencePolicy};
use crate::thread::ThreadId;
use crate::thread_store::{Absence, AppendItemsParams, Holder, Report, Result, Unavailability, accept, refuse};

/// A live thread.
pub(super) struct Writer {
    pub(super) entry: Arc<Entry>,
    pub(super) holder: Holder,
    pub(super) epoch: u64,
    policy: PersistencePolicy,
    mode: HistoryMode,
    queue: Mutex<Queue>,
    /// Keeps other processes from writing the thread. Freed when nothing of this writer can reach the log any more.
    lease: Mutex<Option<Lease>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Up to so many bytes of records are encoded, checksummed and copied on the caller's thread: some 50 µs.
const INLINE_BYTES_MAX: usize = 128 << 10;
/// Bytes of records in one batch, so that their headers fit too.
const CHUNK_BYTES_MAX: usize = BATCH_BYTES_MAX / 2;
/// Failed writes in one call until it gives up; the next call tries again.
const ATTEMPTS: u32 = 2;
/// Comparisons with the head in one call until something must be wrong.
const COMPARISONS: u32 = 16;

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// The engine has it.
    Sent,
    /// The disk has it.
    Durable,
}

impl Writer {
    pub(super) fn new(
        entry: Arc<Entry>,
        holder: Holder,
        epoch: u64,
        (policy, mode): (PersistencePolicy, HistoryMode),
        queue: Queue,
        lease: Option<Lease>,
    ) -> Writer {
        let (queue, lease, turn) = (Mutex::new(queue), Mutex::new(lease), Arc::default());
        Writer { entry, holder, epoch, policy, mode, queue, lease, turn }
    }

    pub(super) fn id(&self) -> ThreadId {
        self.entry.key.thread
    }

    /// Accepts items, and sends them on if the thread is stored already.
    pub(super) async fn append(self: &Arc<Self>, shared: &Arc<Shared>, params: AppendItemsParams) -> Result<()> {
        const OPERATION: &str = "append_items";
        let items = accept(self.policy, self.mode, params)?;
        if items.is_empty() {
            return Ok(());
        }
        // What is accepted when there is no log may find no way into one: others may take the thread.
        shared.opened(OPERATION, self.id())?;
        let mut refused = self.try_accept(shared, items)?;
        while let Some(items) = refused {
            self.store(shared, OPERATION, false).await.map_err(|error| backlog(self.id(), error))?;
            refused = self.try_accept(shared, items)?;
        }
        // From here on the items are accepted: what fails now, the next flush tells.
        if self.queue.lock().flows() {
            let _ = self.advance(shared, OPERATION, Goal::Sent).await;
        }
        Ok(())
    }

    /// Accepts items, or gives them back if too much waits to be stored.
    fn try_accept(&self, shared: &Shared, items: Vec<RolloutItem>) -> Result<Option<Vec<RolloutItem>>> {
        let bytes = items.iter().map(RolloutItem::bytes).fold(0, usize::saturating_add);
        let mut queue = self.queue("append_items")?;
        if !queue.has_room(bytes, shared.backlog_bytes_max) {
            return Ok(Some(items));
        }
        queue.accept(items, || shared.clock.tick());
        Ok(None)
    }

    /// Makes everything accepted so far durable; `wanted` also a thread without items.
    pub(super) async fn store(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        operation: &'static str,
        wanted: bool,
    ) -> Result<()> {
        {
            let mut queue = self.queue(operation)?;
            if wanted || !queue.is_idle() {
                queue.want();
            }
        }
        self.advance(shared, operation, Goal::Durable).await
    }

    /// Ends the thread if nothing waits to be stored; says whether it did.
    pub(super) fn end_if_idle(&self, operation: &'static str) -> Result<bool> {
        let mut queue = self.queue(operation)?;
        let idle = queue.is_idle();
        if idle {
            queue.end();
            drop(self.release());
        }
        Ok(idle)
    }

    /// Ends the thread; what was not sent is gone. Gives the ticket of what was, if that is not settled.
    pub(super) fn end(&self) -> Option<Ticket> {
        self.queue.lock().end()
    }

    /// Gives the lease away.
    pub(super) fn release(&self) -> Option<Lease> {
        self.lease.lock().take()
    }

    /// Holds a lease from now on.
    pub(super) fn hold(&self, lease: Option<Lease>) {
        *self.lease.lock() = lease;
    }

    /// Whether something waits that a flush would store.
    pub(super) fn has_waiting(&self) -> bool {
        !self.queue.lock().is_idle()
    }

    /// Whether something of the thread is known to be durable.
    pub(super) fn is_stored(&self) -> bool {
        self.queue.lock().is_stored()
    }

    fn queue(&self, operation: &'static str) -> Result<MutexGuard<'_, Queue>> {
        let queue = self.queue.lock();
        if queue.ended() { Err(refuse::absent(operation, self.id(), Absence::NotLive)) } else { Ok(queue) }
    }

    async fn advance(self: &Arc<Self>, shared: &Arc<Shared>, operation: &'static str, goal: Goal) -> Result<()> {
        let target = self.queue(operation)?.target();
        let (mut failures, mut comparisons) = (0, 0);
        loop {
            let opened = shared.opened(operation, self.id())?;
            let step = self.queue(operation)?.step(target, opened.opening);
            let error = match step {
                Step::Settled => return Ok(()),
                Step::Wait { .. } if goal == Goal::Sent => {
                    self.trim(&opened);
                    return Ok(());
                }
                Step::Wait { ticket, end } => match opened.engine.durable(ticket).await {
                    Ok(()) => {
                        self.queue.lock().settle(end);
                        continue;
                    }
                    Err(error) => error,
                },
                Step::Compare if comparisons == COMPARISONS => {
                    let report = Report::new(operation, "what was sent and what the log has cannot be matched");
                    return Err(report.of(self.id()).internal());
                }
                Step::Compare => {
                    comparisons += 1;
                    let turn = Arc::clone(&self.turn).lock_owned().await;
                    self.compare(operation, &opened, &turn)?;
                    continue;
                }
                Step::Send => match self.send(shared, operation, &opened, target).await? {
                    Ok(()) => continue,
                    Err(error) => error,
                },
            };
            self.queue.lock().distrust();
            if shared.slot.is_past(opened.opening) {
                continue;
            }
            match error {
                // Nothing is wrong yet: a failed write took records back, and the head says which.
                EngineError::WrongOrdinal { .. } => {}
                EngineError::WriteFailed { .. } | EngineError::Io { .. } if failures + 1 < ATTEMPTS => failures += 1,
                error => return Err(from_engine(operation, Some(self.id()), error)),
            }
        }
    }

    /// Sends the next records. The outer error is the call's, the inner one the engine's.
    async fn send(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        operation: &'static str,
        opened: &Opened,
        target: u64,
    ) -> Result<std::result::Result<(), EngineError>> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let chunk = {
            let queue = self.queue(operation)?;
            if queue.step(target, opened.opening) != Step::Send {
                return Ok(Ok(()));
            }
            let creation = !queue.begun();
            let (first, records) = queue.unsent(CHUNK_BYTES_MAX);
            Chunk { key: self.entry.key, epoch: self.epoch, creation, first, records }
        };
        if chunk.bytes() > INLINE_BYTES_MAX {
            let (writer, shared, opened) = (Arc::clone(self), Arc::clone(shared), opened.clone());
            return blocking(operation, move || {
                let (batch, sent) = chunk.batch(&shared.clock, opened.engine.journal())?;
                let ticket = opened.engine.append(batch)?;
                writer.note(&shared, &opened, sent, ticket, &turn);
                Ok(())
            })
            .await;
        }
        let appended = match chunk.batch(&shared.clock, opened.engine.journal()) {
            Ok((batch, sent)) => opened.engine.append_async(batch).await.map(|ticket| (ticket, sent)),
            Err(error) => Err(error),
        };
        Ok(appended.map(|(ticket, sent)| self.note(shared, opened, sent, ticket, &turn)))
    }

    /// Notes what the engine took. Only with the turn.
    fn note(&self, shared: &Shared, opened: &Opened, sent: Sent, ticket: Ticket, _: &OwnedMutexGuard<()>) {
        self.entry.touch();
        if sent.creation {
            shared.catalog.add(&self.entry);
        }
        if self.queue.lock().sent(sent.records, ticket) {
            return;
        }
        // It was discarded while they were on their way.
        if let Some(lease) = self.release() {
            opened.engine.keep_until_settled(ticket, Box::new(lease));
        }
    }

    /// Brings the queue together with the log. Only with the turn.
    fn compare(&self, operation: &'static str, opened: &Opened, _: &OwnedMutexGuard<()>) -> Result<()> {
        let head = opened.engine.head(&self.entry.key.stream(ITEMS));
        let ticket = opened.engine.barrier();
        let compared = self.queue(operation)?.compare(head, self.epoch, ticket, opened.opening);
        compared.map_err(|misfit| match misfit {
            Misfit::TakenOver => Report::new(operation, "somebody else has taken the thread over")
                .of(self.id())
                .advise("discard it here and resume it again")
                .conflict(None),
            Misfit::Shorter => Report::new(operation, "the log has lost records of it that were durable")
                .of(self.id())
                .advise("run verify; what is intact can be read, and exported with salvage")
                .corrupt(),
        })
    }

    /// Lets go of what became durable without a flush.
    fn trim(&self, opened: &Opened) {
        if !self.queue.lock().wants_trim(opened.opening) {
            return;
        }
        let Some(head) = opened.engine.head(&self.entry.key.stream(ITEMS)) else { return };
        let mut queue = self.queue.lock();
        if head.lease_epoch == self.epoch && queue.wants_trim(opened.opening) {
            queue.settle(head.durable_ordinal);
        }
    }
}

fn backlog(id: ThreadId, error: crate::thread_store::ThreadStoreError) -> crate::thread_store::ThreadStoreError {
    if matches!(error, crate::thread_store::ThreadStoreError::ThreadNotFound { .. }) {
        return error;
    }
    Report::new("append_items", "too much waits to be stored; these items were not accepted")
        .of(id)
        .advise("see to what the cause says, flush, and append them again")
        .because(error)
        .unavailable(Unavailability::Backlog)
}
