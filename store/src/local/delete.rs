//! Deleting threads: a tombstone for each life.
//!
//! Whoever deletes holds the thread's lease, so that nobody writes it, and the *end of life* of each of its lives, so
//! that nobody forks it, until the tombstones are durable. After that nobody finds it any more, and no record
//! that comes late brings it back; its bytes go when they are erased.

use std::sync::Arc;

use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Batch, Engine, Error as EngineError, Lease, LeaseOn, ReadLog};

use crate::event::Control;
use crate::list::Relation;
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::error::from_engine;
use crate::local::sending::push_control;
use crate::log::Log;
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{
    Absence, DeleteThreadParams, DeletedThreads, Descendants, Holder, Report, Result, ThreadStoreError, refuse,
};

const OPERATION: &str = "delete_thread";
/// Failed writes until it gives up.
const ATTEMPTS: u32 = 2;

/// What keeps a thread from being written or forked while it is deleted.
struct Held {
    _lease: Option<Lease>,
    _lives: Vec<Lease>,
}

impl Shared {
    /// Deletes a thread, and what came from it if that is wanted: all of them or none.
    pub(super) async fn delete(self: &Arc<Self>, params: DeleteThreadParams) -> Result<DeletedThreads> {
        self.settled(OPERATION, params.thread_id).await?;
        let shared = Arc::clone(self);
        blocking(OPERATION, move || shared.delete_now(&params)).await?
    }

    fn delete_now(&self, params: &DeleteThreadParams) -> Result<DeletedThreads> {
        let id = params.thread_id;
        let opened = self.opened(OPERATION, id)?;
        let engine = &opened.engine;
        let mut targets = vec![id];
        if params.descendants == Descendants::Delete {
            targets.extend(self.related(engine, &Relation::descendants(id)));
        }
        let mut reservations = Vec::new();
        for target in &targets {
            reservations.push(self.live.reserve(OPERATION, *target, self.holder())?);
        }
        let leases = targets.iter().map(|target| self.lease(OPERATION, *target)).collect::<Result<Vec<_>>>()?;
        // Nobody writes them any more: this is all there is.
        self.take_in_the_dead(engine).map_err(|error| from_engine(OPERATION, Some(id), error))?;
        let lives = lives(engine, &targets);
        let held = targets.iter().zip(leases).map(|(target, lease)| self.hold(*target, lease, &lives));
        let _held: Vec<Held> = held.collect::<Result<_>>()?;
        // Somebody may have deleted it, or forked it, until a moment ago.
        self.look_around(&Log::Writer(engine.clone())).map_err(|error| from_engine(OPERATION, Some(id), error))?;
        let entry = self.catalog.get(id);
        let folded = entry.map(|entry| self.look_well(OPERATION, engine, &entry)).transpose()?;
        if folded.is_none_or(|folded| !folded.exists()) {
            return Err(refuse::absent(OPERATION, id, Absence::Unknown));
        }
        if params.descendants == Descendants::Delete
            && let Some(new) =
                self.related(engine, &Relation::descendants(id)).iter().find(|new| !targets.contains(new))
        {
            let what = format!("thread {new} came from it a moment ago");
            return Err(Report::new(OPERATION, what).of(id).advise("call again").conflict(None));
        }
        self.bury(engine, id, &lives)?;
        for target in &targets {
            self.catalog.get(*target).iter().for_each(|entry| entry.touch());
        }
        let kept = self.related(engine, &Relation::children(id));
        Ok(DeletedThreads::new(targets, kept))
    }

    /// Keeps everybody from building on the lives of a thread.
    fn hold(&self, target: ThreadId, lease: Option<Lease>, lives: &[ThreadKey]) -> Result<Held> {
        let Some(leases) = self.leases.lock().clone().filter(|_| !bug(Bug::LifeNotHeldByDelete)) else {
            return Ok(Held { _lease: lease, _lives: Vec::new() });
        };
        let end = |key: &ThreadKey| {
            let thread = key.thread.uuid();
            leases.take(LeaseOn::EndOfLife(thread.as_bytes(), key.incarnation)).map_err(|error| match error {
                EngineError::Leased { owner } => forking(target, Holder::from(&*owner)),
                error => from_engine(OPERATION, Some(target), error),
            })
        };
        let lives = lives.iter().filter(|key| key.thread == target).map(end).collect::<Result<Vec<Lease>>>()?;
        Ok(Held { _lease: lease, _lives: lives })
    }

    /// Writes a tombstone for each life, and waits until they are durable.
    fn bury(&self, engine: &Engine, id: ThreadId, lives: &[ThreadKey]) -> Result<()> {
        let failed = |error| from_engine(OPERATION, Some(id), error);
        let mut attempt = 1;
        loop {
            let mut batch = Batch::new();
            for key in lives {
                push_control(&mut batch, (*key, engine.journal()), None, self.clock.tick(), &Control::Deleted)
                    .map_err(failed)?;
                if bug(Bug::TombstonesOneByOne) && lives.last() != Some(key) {
                    engine.append(std::mem::take(&mut batch)).and_then(|ticket| engine.sync(ticket)).map_err(failed)?;
                }
            }
            let ticket = engine.append(batch).map_err(failed)?;
            let synced = if bug(Bug::TombstoneNotSynced) { Ok(()) } else { engine.sync(ticket) };
            match synced {
                Ok(()) => return Ok(()),
                // They are certainly not in the log.
                Err(EngineError::WriteFailed { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// All lives of these threads, also such as were deleted before.
fn lives(log: &dyn ReadLog, threads: &[ThreadId]) -> Vec<ThreadKey> {
    let mut lives: Vec<ThreadKey> = log.streams().iter().map(|info| ThreadKey::of(&info.stream)).collect();
    lives.dedup();
    lives.retain(|key| threads.contains(&key.thread));
    lives
}

fn forking(id: ThreadId, holder: Holder) -> ThreadStoreError {
    Report::new(OPERATION, "it is being forked").of(id).advise("call again when that is done").conflict(Some(holder))
}
