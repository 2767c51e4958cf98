//! One life of a bundle, on its way into the store: compared with what is there, and completed.

use std::collections::{BTreeSet, HashSet};

use threadlog_engine::{Batch, Engine, Lease, NewRecord, ReadLog, Records, Ticket};

use crate::bundle::format::{LifeEntry, RecordEntry};
use crate::bundle::unpack::{Outcome, UnpackedLife};
use crate::error::Result;
use crate::event::{CODEC, Control, ITEMS, control_channel, control_channels, has_records};
use crate::lineage::{creation, own_end};
use crate::thread::ThreadKey;

/// A life that is being taken in.
pub(super) struct Taking<'a> {
    engine: &'a Engine,
    life: LifeEntry,
    /// Keeps other processes from writing it.
    lease: Option<Lease>,
    /// Nothing of it was there.
    is_new: bool,
    is_deleted: bool,
    /// The control records that are there, by clock and hash: journals and ordinals differ from store to store.
    known: HashSet<(u64, [u8; 32])>,
    /// Items that are there, and those of them that were not compared yet.
    there: u64,
    own: Records,
    lease_epoch: u64,
    batch: Batch,
    ticket: Option<Ticket>,
    refused: Option<Outcome>,
    items_added: u64,
    controls_added: u64,
    /// That it was deleted: to be said when what stands on it is there.
    deletion: Option<(u64, Vec<u8>)>,
}

/// What came of it.
pub(super) struct Taken {
    pub life: UnpackedLife,
    pub ticket: Option<Ticket>,
    /// Its deletion, by clock.
    pub deletion: Option<(u64, Vec<u8>)>,
}

impl<'a> Taking<'a> {
    /// `lease`: of its thread.
    pub fn begin(engine: &'a Engine, life: LifeEntry, lease: Option<Lease>) -> Result<Taking<'a>> {
        let key = life.key;
        let (mut known, mut is_deleted) = (HashSet::new(), false);
        for channel in control_channels(engine, key) {
            for record in engine.read(&key.stream(channel), 0..u64::MAX) {
                let record = record?;
                is_deleted |= record.codec == CODEC && matches!(Control::decode(&record.payload), Ok(Control::Deleted));
                known.insert((record.clock, *blake3::hash(&record.payload).as_bytes()));
            }
        }
        let there = own_end(engine, key);
        Ok(Taking {
            engine,
            life,
            lease,
            is_new: !has_records(engine, key),
            is_deleted,
            known,
            there,
            own: engine.read(&key.stream(ITEMS), 0..there),
            lease_epoch: engine.head(&key.stream(ITEMS)).map_or(0, |head| head.lease_epoch),
            batch: Batch::new(),
            ticket: None,
            refused: None,
            items_added: 0,
            controls_added: 0,
            deletion: None,
        })
    }

    /// Takes the next record in. `refused`: lives of this bundle that are not as it has them.
    pub fn record(&mut self, entry: RecordEntry, payload: &[u8], refused: &BTreeSet<ThreadKey>) -> Result<()> {
        if self.refused.is_some() {
            return Ok(());
        }
        match (entry.is_control, entry.ordinal) {
            (true, 0) => self.creation(entry, payload, refused),
            (true, _) => self.control(entry, payload),
            (false, _) => self.item(entry, payload),
        }
    }

    fn creation(&mut self, entry: RecordEntry, payload: &[u8], refused: &BTreeSet<ThreadKey>) -> Result<()> {
        let created = match Control::decode(payload) {
            Ok(Control::Created(created)) if entry.codec == CODEC => created,
            _ => {
                self.refuse("it does not say how it began");
                return Ok(());
            }
        };
        if self.is_deleted {
            // What others stand on may be there all the same.
            if !self.life.is_base || self.there < self.life.items {
                self.refused = Some(Outcome::Deleted);
            }
            return Ok(());
        }
        if let Some(base) = created.origin.fork().map(|fork| fork.base) {
            if refused.contains(&base.key()) {
                self.refuse("it stands on a thread that is not here as the bundle has it");
                return Ok(());
            }
            let offset = creation(self.engine, base.key())?;
            let offset = offset.and_then(|created| created.origin.fork().map(|fork| fork.base.end)).unwrap_or(0);
            if offset.saturating_add(self.end_of(base.key())) < base.end {
                self.refuse("what it was forked from is neither here nor in the bundle");
                return Ok(());
            }
        }
        if self.is_new {
            return self.append_control(entry, payload);
        }
        if !self.known.contains(&(entry.clock, *blake3::hash(payload).as_bytes())) {
            self.refuse("the thread here began otherwise");
        }
        Ok(())
    }

    /// How many items a life has, those included that are not durable yet.
    fn end_of(&self, key: ThreadKey) -> u64 {
        self.engine.head(&key.stream(ITEMS)).map_or(0, |head| head.next_ordinal)
    }

    fn control(&mut self, entry: RecordEntry, payload: &[u8]) -> Result<()> {
        if entry.codec == CODEC && matches!(Control::decode(payload), Ok(Control::Deleted)) {
            // Nothing that is here is deleted because it was deleted elsewhere.
            if self.is_new {
                self.deletion = Some((entry.clock, payload.to_vec()));
            }
            return Ok(());
        }
        if self.is_deleted || self.known.contains(&(entry.clock, *blake3::hash(payload).as_bytes())) {
            return Ok(());
        }
        self.append_control(entry, payload)
    }

    fn item(&mut self, entry: RecordEntry, payload: &[u8]) -> Result<()> {
        if entry.ordinal < self.there {
            match self.own.next() {
                Some(Ok(record)) if record.codec == entry.codec && record.payload == payload => {}
                Some(Err(error)) => self.refuse(&error.to_string()),
                _ => self.refused = Some(Outcome::Differs { ordinal: entry.ordinal }),
            }
            return Ok(());
        }
        self.items_added = self.items_added.saturating_add(1);
        let lease_epoch = entry.lease_epoch.max(self.lease_epoch);
        self.append(ITEMS, Some(entry.ordinal), RecordEntry { lease_epoch, ..entry }, payload)
    }

    fn append_control(&mut self, entry: RecordEntry, payload: &[u8]) -> Result<()> {
        self.controls_added = self.controls_added.saturating_add(1);
        // Each journal gives the ordinals of a channel of its own; the clock says what came when.
        let channel = control_channel(self.engine.journal());
        self.append(channel, None, RecordEntry { lease_epoch: 0, ..entry }, payload)
    }

    fn append(&mut self, channel: u8, ordinal: Option<u64>, entry: RecordEntry, payload: &[u8]) -> Result<()> {
        if !self.batch.fits(payload.len()) {
            self.flush()?;
        }
        let RecordEntry { codec, lease_epoch, clock, .. } = entry;
        let stream = self.life.key.stream(channel);
        self.batch.push(NewRecord { stream, ordinal, lease_epoch, clock, codec, payload })?;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            let batch = std::mem::replace(&mut self.batch, Batch::new());
            self.ticket = Some(self.engine.append(batch)?);
        }
        Ok(())
    }

    /// Ends the life.
    pub fn end(mut self) -> Result<Taken> {
        self.flush()?;
        if let Some(lease) = self.lease.take() {
            let ticket = self.ticket.unwrap_or_else(|| self.engine.barrier());
            self.engine.keep_until_settled(ticket, Box::new(lease));
        }
        let added = self.items_added > 0 || self.controls_added > 0;
        let outcome = match self.refused {
            Some(refused) => refused,
            None if self.is_new => Outcome::Added,
            None if added => Outcome::Extended,
            None => Outcome::Unchanged,
        };
        let LifeEntry { key, is_base, .. } = self.life;
        let (items_added, controls_added) = (self.items_added, self.controls_added);
        Ok(Taken {
            life: UnpackedLife { key, is_base, outcome, items_added, controls_added },
            ticket: self.ticket,
            deletion: self.deletion,
        })
    }

    fn refuse(&mut self, why: &str) {
        self.refused = Some(Outcome::Refused { why: why.to_owned() });
    }
}
