//! What a live thread has accepted and the log does not hold for good yet.
//!
//! A pure state machine: no lock, no log, no clock. Items enter at the back when they are accepted and
//! leave at the front when they are durable; in between they are *sent*, that is handed to the engine. What
//! was sent can be taken back by a failed write, and after a failed sync nobody knows what became of it; so
//! items wait until the stream's head says that they are durable, and after a failure the head says where to go on.

use std::collections::VecDeque;

use threadlog_engine::number::{narrow, wide};
use threadlog_engine::{Head, Ticket};

use crate::item::RolloutItem;

/// One record to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An item.
    Item(RolloutItem),
    /// The newline that the line before lacks: an import ended in the middle of it.
    LineEnd,
}

/// An accepted record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) content: Content,
    pub(super) clock: u64,
}

impl Pending {
    /// Length of its payload, roughly, in bytes.
    pub(super) fn bytes(&self) -> usize {
        const FIXED: usize = 32;
        let content = match &self.content {
            Content::Item(item) => item.bytes(),
            Content::LineEnd => 1,
        };
        content.saturating_add(FIXED)
    }
}

/// What to do next for everything before a certain ordinal to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it is.
    Settled,
    /// Compare with the stream's head.
    Compare,
    /// Hand records to the engine.
    Send,
    /// Wait for this ticket; then everything before `end` is durable.
    Wait { ticket: Ticket, end: u64 },
}

/// Why the log and the queue cannot be brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// A writer with a higher lease epoch has appended.
    TakenOver,
    /// The log ends before what was durable.
    Shorter,
}

/// Accepted records of one live thread.
#[derive(Debug)]
pub(super) struct Queue {
    records: VecDeque<Pending>,
    bytes: usize,
    /// Ordinal of the first of them.
    base: u64,
    /// How many of them, from the front, were sent.
    sent: usize,
    /// Covers all that were sent.
    ticket: Option<Ticket>,
    /// The opening of the engine that `sent` and `ticket` are of; another one knows nothing of them.
    opening: u64,
    /// Whether something of the thread is in the log, or sent. Until then the first record is the `session_meta`.
    begun: bool,
    /// Whether the thread is to be stored whatever is accepted.
    wanted: bool,
    /// Whether the line before the queue lacks its newline.
    mend: bool,
    /// Whether the thread is no longer live.
    ended: bool,
    /// How many sent records start a look at the head.
    trim_at: usize,
}

/// How many sent records are let be before the head is asked which of them are durable.
const TRIM_LEAST: usize = 64;

/// No opening has this number.
const NO_OPENING: u64 = 0;

impl Queue {
    /// Of a new thread: only its first item, and that waits for something to make it worth storing.
    pub(super) fn of_new(header: Pending, opening: u64) -> Queue {
        let mut queue = Queue::of_stored(0, false, opening);
        queue.begun = false;
        queue.bytes = header.bytes();
        queue.records.push_back(header);
        queue
    }

    /// Of a stored thread whose next record gets the ordinal `base`; `mend` says that its last line lacks the newline.
    pub(super) fn of_stored(base: u64, mend: bool, opening: u64) -> Queue {
        Queue {
            records: VecDeque::new(),
            bytes: 0,
            base,
            sent: 0,
            ticket: None,
            opening,
            begun: true,
            wanted: false,
            mend,
            ended: false,
            trim_at: TRIM_LEAST,
        }
    }

    /// Whether the thread is no longer live.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Ends the thread and forgets what was not sent. Gives the ticket of what was, if that is not known to be durable.
    pub(super) fn end(&mut self) -> Option<Ticket> {
        let ticket = self.ticket.filter(|_| self.sent > 0);
        *self = Queue { ended: true, ..Queue::of_stored(self.base, false, NO_OPENING) };
        ticket
    }

    /// Whether something of the thread is in the log, or sent.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Whether something of the thread is known to be durable.
    pub(super) fn is_stored(&self) -> bool {
        self.base > 0
    }

    /// Whether what is accepted is to be sent at once.
    pub(super) fn flows(&self) -> bool {
        self.begun || self.wanted
    }

    /// Asks for the thread to be stored, even without items; until then every call tries.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether nothing waits that a flush would store.
    pub(super) fn is_idle(&self) -> bool {
        if self.begun { self.records.is_empty() } else { !self.wanted && self.records.len() <= 1 }
    }

    /// The ordinal up to which a flush at this moment stores.
    pub(super) fn target(&self) -> u64 {
        if self.is_idle() { self.base } else { self.base.saturating_add(wide(self.records.len())) }
    }

    /// Whether more bytes can be accepted without passing `bytes_max`. Into an empty queue anything can.
    pub(super) fn has_room(&self, bytes: usize, bytes_max: usize) -> bool {
        self.is_idle() || self.bytes.saturating_add(bytes) <= bytes_max
    }

    /// Accepts items.
    pub(super) fn accept(&mut self, items: Vec<RolloutItem>, mut tick: impl FnMut() -> u64) {
        let newline = (self.mend && !items.is_empty()).then_some(Content::LineEnd);
        self.mend &= items.is_empty();
        for content in newline.into_iter().chain(items.into_iter().map(Content::Item)) {
            let pending = Pending { content, clock: tick() };
            self.bytes = self.bytes.saturating_add(pending.bytes());
            self.records.push_back(pending);
        }
    }

    /// What to do for everything before `target` to be durable in this opening of the engine.
    pub(super) fn step(&self, target: u64, opening: u64) -> Step {
        let end = self.base.saturating_add(wide(self.sent));
        if self.base >= target {
            Step::Settled
        } else if self.opening != opening {
            Step::Compare
        } else if let Some(ticket) = self.ticket.filter(|_| end >= target) {
            Step::Wait { ticket, end }
        } else {
            Step::Send
        }
    }

    /// Records to send, with the ordinal of the first: as many as come to `bytes_max`, at least one if there is any.
    pub(super) fn unsent(&self, bytes_max: usize) -> (u64, Vec<Pending>) {
        let mut bytes: usize = 0;
        let waiting = self.records.iter().skip(self.sent);
        let chosen = waiting.take_while(|pending| {
            let first = bytes == 0;
            bytes = bytes.saturating_add(pending.bytes());
            first || bytes <= bytes_max
        });
        (self.base.saturating_add(wide(self.sent)), chosen.cloned().collect())
    }

    /// Notes that the next `count` records were sent; `false` if the thread was ended meanwhile.
    pub(super) fn sent(&mut self, count: usize, ticket: Ticket) -> bool {
        if !self.ended {
            self.sent = self.sent.saturating_add(count).min(self.records.len());
            self.ticket = Some(ticket);
            self.begun = true;
        }
        !self.ended
    }

    /// Drops what is before `end`: it is durable.
    pub(super) fn settle(&mut self, end: u64) {
        let durable = narrow(end.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.sent);
        for pending in self.records.drain(..durable) {
            self.bytes = self.bytes.saturating_sub(pending.bytes());
        }
        self.base = self.base.saturating_add(wide(durable));
        self.sent = self.sent.saturating_sub(durable);
        if self.records.is_empty() {
            // An idle thread holds no buffer: there can be thousands.
            self.records = VecDeque::new();
        }
        self.trim_at = self.sent.saturating_mul(2).max(TRIM_LEAST);
    }

    /// Whether so much was sent that the head should be asked what of it is durable.
    pub(super) fn wants_trim(&self, opening: u64) -> bool {
        self.opening == opening && self.sent >= self.trim_at
    }

    /// Distrusts what was sent: the head decides.
    pub(super) fn distrust(&mut self) {
        self.opening = NO_OPENING;
    }

    /// Brings the queue together with the stream's head in this opening of the engine. `epoch` is this
    /// writer's lease epoch, and `ticket` covers everything in the log.
    ///
    /// Lease epochs are given out once, and the log takes none below one that it has; so the last record's
    /// epoch tells whose records stand from `base` on.
    pub(super) fn compare(
        &mut self,
        head: Option<Head>,
        epoch: u64,
        ticket: Ticket,
        opening: u64,
    ) -> Result<(), Misfit> {
        let (next, durable, last_epoch) =
            head.map_or((0, 0, 0), |head| (head.next_ordinal, head.durable_ordinal, head.lease_epoch));
        if last_epoch > epoch {
            return Err(Misfit::TakenOver);
        }
        if next < self.base {
            return Err(Misfit::Shorter);
        }
        self.sent = 0;
        if last_epoch == epoch && head.is_some() {
            self.sent = narrow(next.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.records.len());
            self.settle(durable);
        } else {
            self.rebase(next);
        }
        self.begun = head.is_some();
        self.ticket = Some(ticket);
        self.opening = opening;
        Ok(())
    }

    /// A predecessor's last records came in after this writer began: its own go behind them.
    fn rebase(&mut self, next: u64) {
        let moved = next > self.base;
        self.base = next;
        // The predecessor had to end the line first.
        if moved && let Some(end) = self.records.pop_front_if(|pending| pending.content == Content::LineEnd) {
            self.bytes = self.bytes.saturating_sub(end.bytes());
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
