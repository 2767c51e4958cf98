//! Appends records to one life of a thread, in atomic batches.

use threadlog_engine::number::wide;
use threadlog_engine::{Batch, Engine, NewRecord, Ticket};

use crate::clock::HybridClock;
use crate::error::Result;
use crate::event::{CODEC, Control, ITEMS, control_channel, encode_line};
use crate::item::Line;
use crate::thread::ThreadKey;

/// A batch that was appended.
pub(crate) struct Appended {
    /// To make it durable with; `None` of a bulk load, which sees to that itself.
    pub(crate) ticket: Option<Ticket>,
    /// Its length, in bytes of frames or payloads.
    pub(crate) bytes: u64,
}

/// Gathers records into batches. What was not flushed is dropped with it.
pub(crate) struct Appender<'a> {
    engine: &'a Engine,
    clock: &'a HybridClock,
    key: ThreadKey,
    lease_epoch: u64,
    next_item: u64,
    batch: Batch,
    scratch: Vec<u8>,
}

impl<'a> Appender<'a> {
    /// Appends behind the `items` records that the life has.
    pub(crate) fn new(
        engine: &'a Engine,
        clock: &'a HybridClock,
        key: ThreadKey,
        items: u64,
        lease_epoch: u64,
    ) -> Appender<'a> {
        Appender { engine, clock, key, lease_epoch, next_item: items, batch: Batch::new(), scratch: Vec::new() }
    }

    /// Adds a line; returns the batch that had to be appended first, if the batch was full.
    pub(crate) fn line(&mut self, line: &Line<'_>, continues: bool) -> Result<Option<Appended>> {
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        encode_line(line, continues, &mut payload);
        let appended = self.make_room(payload.len())?;
        let (clock, ordinal) = (self.clock.tick(), self.next_item);
        let stream = self.key.stream(ITEMS);
        let record = NewRecord {
            stream,
            ordinal: Some(ordinal),
            lease_epoch: self.lease_epoch,
            clock,
            codec: CODEC,
            payload: &payload,
        };
        self.batch.push(record)?;
        self.next_item += 1;
        self.scratch = payload;
        Ok(appended)
    }

    /// Adds a control record; returns its clock.
    pub(crate) fn control(&mut self, control: &Control) -> Result<u64> {
        let mut payload = Vec::new();
        control.encode(&mut payload);
        self.make_room(payload.len())?;
        let clock = self.clock.tick();
        let stream = self.key.stream(control_channel(self.engine.journal()));
        self.batch.push(NewRecord { stream, ordinal: None, lease_epoch: 0, clock, codec: CODEC, payload: &payload })?;
        Ok(clock)
    }

    /// Records of the items stream, those waiting in the batch included.
    pub(crate) fn items(&self) -> u64 {
        self.next_item
    }

    fn make_room(&mut self, payload_bytes: usize) -> Result<Option<Appended>> {
        if self.batch.fits(payload_bytes) { Ok(None) } else { self.flush() }
    }

    /// Appends what waits, atomically; nothing is durable before the ticket is synced.
    pub(crate) fn flush(&mut self) -> Result<Option<Appended>> {
        if self.batch.is_empty() {
            return Ok(None);
        }
        let batch = std::mem::replace(&mut self.batch, Batch::new());
        let bytes = wide(batch.bytes());
        Ok(Some(Appended { ticket: Some(self.engine.append(batch)?), bytes }))
    }
}
