//! Where the records of one life go: into the journal, or, in a large import, straight into sealed segments.

use std::ops::Range;

use threadlog_compaction::{Bulk, NewSealed};
use threadlog_engine::Engine;
use threadlog_engine::id::Channel;
use threadlog_engine::number::wide;

use crate::clock::HybridClock;
use crate::error::Result;
use crate::event::{CODEC, Control, ITEMS, control_channel, encode_line};
use crate::import::append::{Appended, Appender};
use crate::item::Line;
use crate::thread::ThreadKey;

/// Bytes of records handed over at a time: often enough to stop soon, seldom enough not to wait for each other.
const HAND_OVER_BYTES: usize = 256 << 10;

/// Takes the records of one life, in their order.
pub(crate) enum Sink<'a> {
    /// Of a life that is there, or of a small import.
    Journal(Appender<'a>),
    /// Of a new life in a large import.
    Bulk(Pusher<'a>),
}

impl Sink<'_> {
    /// Adds a line; says what was handed over for that.
    pub(crate) fn line(&mut self, line: &Line<'_>, continues: bool) -> Result<Option<Appended>> {
        match self {
            Sink::Journal(appender) => appender.line(line, continues),
            Sink::Bulk(pusher) => pusher.line(line, continues),
        }
    }

    /// Adds a control record; returns its clock.
    pub(crate) fn control(&mut self, control: &Control) -> Result<u64> {
        match self {
            Sink::Journal(appender) => appender.control(control),
            Sink::Bulk(pusher) => Ok(pusher.control(control)),
        }
    }

    /// Records of the items stream, those included that wait here.
    pub(crate) fn items(&self) -> u64 {
        match self {
            Sink::Journal(appender) => appender.items(),
            Sink::Bulk(pusher) => pusher.next_item,
        }
    }

    /// Hands over what waits here.
    pub(crate) fn flush(&mut self) -> Result<Option<Appended>> {
        match self {
            Sink::Journal(appender) => appender.flush(),
            Sink::Bulk(pusher) => pusher.flush(),
        }
    }
}

/// Gathers the records of a new life for a bulk load. What was not flushed is dropped with it.
pub(crate) struct Pusher<'a> {
    bulk: &'a Bulk,
    clock: &'a HybridClock,
    key: ThreadKey,
    journal: u8,
    controls: Channel,
    next_item: u64,
    next_control: u64,
    bytes: Vec<u8>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    channel: Channel,
    ordinal: u64,
    clock: u64,
    payload: Range<usize>,
}

impl<'a> Pusher<'a> {
    /// For a life of which nothing is in the store yet. The engine's journal is that which gives ordinals to its control
    /// records.
    pub(crate) fn new(bulk: &'a Bulk, clock: &'a HybridClock, engine: &Engine, key: ThreadKey) -> Pusher<'a> {
        Pusher {
            bulk,
            clock,
            key,
            // A store has at most 255 journals.
            journal: u8::try_from(engine.journal()).unwrap_or(u8::MAX),
            controls: control_channel(engine.journal()),
            next_item: 0,
            next_control: 0,
            bytes: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn line(&mut self, line: &Line<'_>, continues: bool) -> Result<Option<Appended>> {
        let start = self.bytes.len();
        encode_line(line, continues, &mut self.bytes);
        let ordinal = self.next_item;
        self.next_item += 1;
        self.add(ITEMS, ordinal, start);
        if self.bytes.len() < HAND_OVER_BYTES { Ok(None) } else { self.flush() }
    }

    fn control(&mut self, control: &Control) -> u64 {
        let start = self.bytes.len();
        control.encode(&mut self.bytes);
        let ordinal = self.next_control;
        self.next_control += 1;
        self.add(self.controls, ordinal, start)
    }

    fn add(&mut self, channel: Channel, ordinal: u64, start: usize) -> u64 {
        let clock = self.clock.tick();
        self.waiting.push(Waiting { channel, ordinal, clock, payload: start..self.bytes.len() });
        clock
    }

    fn flush(&mut self) -> Result<Option<Appended>> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let of_waiting = |waiting: &Waiting| NewSealed {
            stream: self.key.stream(waiting.channel),
            ordinal: waiting.ordinal,
            // Never live.
            lease_epoch: 0,
            clock: waiting.clock,
            codec: CODEC,
            journal: self.journal,
            payload: self.bytes.get(waiting.payload.clone()).unwrap_or_default(),
        };
        let records: Vec<NewSealed<'_>> = self.waiting.iter().map(of_waiting).collect();
        self.bulk.push(&records, None)?;
        let bytes = wide(self.bytes.len());
        self.waiting.clear();
        self.bytes.clear();
        Ok(Some(Appended { ticket: None, bytes }))
    }
}
