//! Deleting threads: a tombstone for each life.
//!
//! Whoever deletes holds the thread's lease, so that nobody writes it, and the *end of life* of each of its lives, so
//! that nobody forks it or takes it out of the trash, until the tombstones are durable. What it decides by, it reads
//! after it holds them: all that was acknowledged by then. After that nobody finds the thread any more, and no record
//! that comes late brings it back; its bytes go when they are erased.

use std::collections::HashSet;
use std::sync::Arc;

use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Batch, Engine, Error as EngineError, ReadLog};

use crate::event::Control;
use crate::fold::{self, Folded};
use crate::list::Relation;
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::error::from_engine;
use crate::local::lives::HeldLife;
use crate::local::sending::push_control;
use crate::log::Log;
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{Absence, DeleteThreadParams, DeletedThreads, Descendants, Report, Result, refuse};

const OPERATION: &str = "delete_thread";
/// Failed writes until it gives up.
const ATTEMPTS: u32 = 2;
/// Payload of a tombstone, in bytes: a variant's number.
const TOMBSTONE_BYTES: usize = 1;

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
        let failed = |error| from_engine(OPERATION, Some(id), error);
        let mut targets = vec![id];
        if params.descendants == Descendants::Delete {
            targets.extend(self.related(engine, &Relation::descendants(id)));
            params.check(OPERATION, targets.get(1..).unwrap_or_default())?;
        }
        let reserve = |target: &ThreadId| self.live.reserve(OPERATION, *target, self.holder());
        let _reservations = targets.iter().map(reserve).collect::<Result<Vec<_>>>()?;
        let _leases = targets.iter().map(|target| self.lease(OPERATION, *target)).collect::<Result<Vec<_>>>()?;
        // Nobody writes them any more: this is all there is.
        self.take_in_the_dead(engine).map_err(failed)?;
        let lives: Vec<ThreadKey> = targets.iter().flat_map(|target| lives(engine, *target)).collect();
        let early = bug(Bug::TrashSeenEarly).then(|| self.seen(engine, params)).transpose()?;
        let held = lives.iter().filter(|_| !bug(Bug::LifeNotHeldByDelete));
        let _held = held.map(|key| self.end_life(OPERATION, *key)).collect::<Result<Vec<HeldLife>>>()?;
        // Somebody may have deleted it, forked it, or taken it out of the trash, until a moment ago.
        self.look_around(&Log::Writer(engine.clone())).map_err(failed)?;
        early.map_or_else(|| self.seen(engine, params), Ok)?;
        if params.descendants == Descendants::Delete {
            let known: HashSet<ThreadId> = targets.iter().copied().collect();
            let now = self.related(engine, &Relation::descendants(id));
            if let Some(new) = now.iter().find(|now| !known.contains(now)) {
                return Err(refuse::new_descendant(OPERATION, id, *new));
            }
        }
        self.bury(engine, id, &lives)?;
        for target in &targets {
            self.catalog.get(engine, *target).iter().for_each(|entry| entry.touch());
        }
        let kept = match params.descendants {
            Descendants::Keep => self.related(engine, &Relation::children(id)),
            Descendants::Delete => Vec::new(),
        };
        Ok(DeletedThreads::new(targets, kept))
    }

    /// The thread, if it is there, and in the trash if it is to be.
    fn seen(&self, engine: &Engine, params: &DeleteThreadParams) -> Result<Arc<Folded>> {
        let id = params.thread_id;
        let entry = self.catalog.get(engine, id);
        let folded = entry.map(|entry| self.look_well(OPERATION, engine, &entry)).transpose()?;
        let folded = folded.filter(|folded| folded.exists());
        let folded = folded.ok_or_else(|| refuse::absent(OPERATION, id, Absence::Unknown))?;
        if params.only_trashed && !folded.metadata.trashed() {
            return Err(refuse::not_trashed(OPERATION, id));
        }
        Ok(folded)
    }

    /// Writes a tombstone for each life, and waits until they are durable.
    fn bury(&self, engine: &Engine, id: ThreadId, lives: &[ThreadKey]) -> Result<()> {
        let failed = |error| from_engine(OPERATION, Some(id), error);
        let mut attempt = 1;
        loop {
            let mut batch = Batch::new();
            for key in lives {
                if !batch.fits(TOMBSTONE_BYTES) {
                    let what =
                        format!("it and what came from it have {} lives; at most {} fit", lives.len(), batch.len());
                    let report = Report::new(OPERATION, what).of(id);
                    return Err(report.advise("delete some of what came from it before").invalid());
                }
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

/// All lives of a thread but those that were deleted before: revisions of imported files are lives, too.
fn lives(log: &dyn ReadLog, thread: ThreadId) -> Vec<ThreadKey> {
    let incarnations = log.incarnations(thread.uuid().as_bytes());
    let mut lives: Vec<ThreadKey> =
        incarnations.into_iter().map(|incarnation| ThreadKey { thread, incarnation }).collect();
    if lives.len() > 1 {
        lives.retain(|key| !fold::is_deleted(log, *key));
    }
    lives
}
