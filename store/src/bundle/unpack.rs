//! From a bundle into the store.

use std::collections::BTreeSet;
use std::path::Path;

use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Batch, Changes, Engine, Error as EngineError, LeaseOn, NewRecord};

use crate::bundle::format::{Entry, LifeEntry};
use crate::bundle::read::{Reader, verify};
use crate::bundle::take::{Taken, Taking};
use crate::clock::HybridClock;
use crate::error::{Error, Result};
use crate::event::{CODEC, control_channel};
use crate::progress::Progress;
use crate::thread::ThreadKey;

/// What came of a life of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not here.
    Added,
    /// A part of it was here.
    Extended,
    /// All of it was here.
    Unchanged,
    /// It is here with other items, and was left as it is.
    Differs {
        /// The first of its own items that is another.
        ordinal: u64,
    },
    /// It was deleted here, and stays so.
    Deleted,
    /// It was not taken in.
    Refused {
        /// Why, for people.
        why: String,
    },
}

impl Outcome {
    /// Whether the store has the life now as the bundle has it.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(self, Outcome::Added | Outcome::Extended | Outcome::Unchanged)
    }
}

/// A life of a bundle, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnpackedLife {
    /// The life.
    pub key: ThreadKey,
    /// Whether it is there because others stand on it.
    pub is_base: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// Items that were added.
    pub items_added: u64,
    /// Control records that were added.
    pub controls_added: u64,
}

/// What was taken in.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Unpacked {
    /// The lives of the bundle, in its order.
    pub lives: Vec<UnpackedLife>,
}

pub(super) fn unpack(engine: &Engine, clock: &HybridClock, file: &Path, progress: &dyn Progress) -> Result<Unpacked> {
    verify(file, progress)?;
    // What two of them have of the same threads would be stored twice.
    let _task = match engine.leases().map(|leases| leases.take(LeaseOn::Task("import"))) {
        Some(Err(EngineError::Leased { owner })) => return Err(Error::Importing { owner }),
        task => task.transpose()?,
    };
    engine.recover_dead(&mut Changes::default())?;
    engine.refresh()?;
    let mut unpacking = Unpacking { engine, refused: BTreeSet::new(), deletions: Vec::new() };
    let mut unpacked = Unpacked::default();
    let outcome = unpacking.all(file, clock, progress, &mut unpacked);
    // What was appended stays, whatever came then.
    if !bug(Bug::BundleNotSynced) {
        engine.sync(engine.barrier())?;
    }
    outcome.map(|()| unpacked)
}

struct Unpacking<'a> {
    engine: &'a Engine,
    /// Lives that are not here as the bundle has them.
    refused: BTreeSet<ThreadKey>,
    /// Lives that were deleted where the bundle was made, by the clock of that.
    deletions: Vec<(ThreadKey, u64, Vec<u8>)>,
}

impl<'a> Unpacking<'a> {
    fn all(
        &mut self,
        file: &Path,
        clock: &HybridClock,
        progress: &dyn Progress,
        unpacked: &mut Unpacked,
    ) -> Result<()> {
        let mut reader = Reader::open(file)?;
        let mut open: Option<Taking<'a>> = None;
        loop {
            let entry = reader.next()?;
            if !matches!(entry, Entry::Record(_)) {
                if let Some(taking) = open.take() {
                    unpacked.lives.push(self.end(taking.end()?)?);
                }
                if progress.stop() {
                    return Err(Error::Stopped);
                }
            }
            match entry {
                Entry::End => break,
                Entry::Life(life) => match self.begin(life)? {
                    Ok(taking) => open = Some(taking),
                    Err(refused) => unpacked.lives.push(refused),
                },
                Entry::Record(record) => {
                    if let Some(taking) = &mut open {
                        clock.observe(record.clock);
                        taking.record(record, &reader.payload, &self.refused)?;
                    }
                }
            }
        }
        // Last, so that nothing that is needed is taken for needless.
        for (key, clock, payload) in std::mem::take(&mut self.deletions) {
            let mut batch = Batch::new();
            let stream = key.stream(control_channel(self.engine.journal()));
            batch.push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock, codec: CODEC, payload: &payload })?;
            self.engine.append(batch)?;
        }
        Ok(())
    }

    /// Begins a life; in the inner error, why not.
    fn begin(&mut self, life: LifeEntry) -> Result<Result<Taking<'a>, UnpackedLife>> {
        let thread = life.key.thread.uuid();
        let take = || self.engine.leases().map(|leases| leases.take(LeaseOn::Writer(thread.as_bytes())));
        let mut lease = take();
        if matches!(lease, Some(Err(EngineError::Leased { .. }))) {
            // Perhaps it is kept for another life of the same thread, until that is durable.
            self.engine.sync(self.engine.barrier())?;
            lease = take();
        }
        match lease {
            Some(Err(EngineError::Leased { owner })) => {
                self.refused.insert(life.key);
                let why = format!("it is being written by {owner}: unpack again when that is done");
                let LifeEntry { key, is_base, .. } = life;
                let outcome = Outcome::Refused { why };
                Ok(Err(UnpackedLife { key, is_base, outcome, items_added: 0, controls_added: 0 }))
            }
            lease => {
                let lease = lease.transpose()?;
                self.engine.recover_dead(&mut Changes::default())?;
                Ok(Ok(Taking::begin(self.engine, life, lease)?))
            }
        }
    }

    fn end(&mut self, taken: Taken) -> Result<UnpackedLife> {
        let Taken { life, ticket, deletion } = taken;
        if !life.outcome.is_here() {
            self.refused.insert(life.key);
        }
        if let Some((clock, payload)) = deletion {
            self.deletions.push((life.key, clock, payload));
        }
        // What stands on it is compared with what is durable.
        if let Some(ticket) = ticket.filter(|_| !bug(Bug::BundleNotSynced)) {
            self.engine.sync(ticket)?;
        }
        Ok(life)
    }
}
