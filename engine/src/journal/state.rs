//! What the short lock guards: the open arena, the index, who waits, what failed.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::group::GROUP_HEADER_BYTES;
use crate::id::{Sequence, StreamId};
use crate::journal::batch::{Batch, Entry};
use crate::journal::changes::Changes;
use crate::journal::foreign::Foreign;
use crate::journal::index::{Index, Note};
use crate::journal::parts::{Part, Parts};
use crate::journal::renew;
use crate::journal::ticket::Ticket;
use crate::journal::waiters::Waiters;
use crate::number::wide;
use crate::recover::log::Damage;
use crate::sealed::{Sealed, SealedHead};
use crate::seeded::{Bug, bug};

/// Frames that wait for the next group, after room for the group's header.
#[derive(Debug)]
pub(crate) struct Arena {
    pub bytes: Vec<u8>,
    pub frame_count: u32,
}

impl Arena {
    /// An empty arena, reusing a buffer.
    pub fn reusing(mut bytes: Vec<u8>) -> Arena {
        bytes.clear();
        bytes.resize(GROUP_HEADER_BYTES, 0);
        Arena { bytes, frame_count: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.frame_count == 0
    }
}

/// Something that somebody wants to have kept; dropping it is all that is done with it.
pub(crate) type Kept = Box<dyn Send + Sync>;

/// A write that failed: what became of the tickets given out before it.
#[derive(Debug)]
struct Failure {
    /// Tickets of these generations…
    first_generation: u64,
    last_generation: u64,
    /// …are durable up to here, and failed above.
    durable: Sequence,
    error: Error,
}

/// How many failures are remembered for tickets that nobody asked about yet; failures at one durable mark, as of a disk that
/// stays full, count once. Tickets older than all of them are answered with an error, whatever became of them.
const FAILURES_MAX: usize = 1024;

/// Up to so many records a batch is searched for a stream's earlier records one by one.
const SHORT_BATCH: usize = 32;

/// The state behind the lock.
pub(crate) struct State {
    pub arena: Arena,
    /// A second buffer, for the arena to come.
    pub other: Vec<u8>,
    pub next_sequence: Sequence,
    /// The number of the journal that is written.
    pub journal: u32,
    /// Its index.
    pub index: Index,
    /// The other journals, as they were read last.
    pub foreign: Vec<Foreign>,
    /// The sealed segments in force, as they are known here.
    pub sealed: Arc<Sealed>,
    /// What they say of the streams that were appended to.
    sealed_heads: HashMap<StreamId, Option<SealedHead>>,
    /// What looks at MANIFEST brought that no refresh has told of yet.
    pub found: Changes,
    /// Whether somebody leads: writes a group.
    pub leading: bool,
    /// How many writes have failed.
    pub generation: u64,
    failures: VecDeque<Failure>,
    /// The failed sync after which nothing more is acknowledged.
    pub poison: Option<Error>,
    pub waiters: Waiters,
    /// Those who want to know what becomes durable, and for whom nobody has to write.
    pub watchers: Waiters,
    pub closed: bool,
    /// What is kept until certain records are settled; `None` when the journal is closed and nothing is kept any more.
    pub kept: Option<Vec<(Ticket, Kept)>>,
    /// When the oldest record in the arena was appended, in milliseconds of the clock that only goes forward.
    pub arena_since_ms: Option<u64>,
    /// When the oldest record not yet durable was appended.
    pub undurable_since_ms: Option<u64>,
    /// When the last record was appended.
    pub appended_ms: u64,
    /// Whether the engine's thread sleeps without a time limit.
    pub dormant: bool,
}

impl State {
    pub fn new(journal: u32, index: Index, next_sequence: Sequence, sealed: Arc<Sealed>) -> State {
        State {
            arena: Arena::reusing(Vec::new()),
            other: Vec::new(),
            next_sequence,
            journal,
            index,
            foreign: Vec::new(),
            sealed,
            sealed_heads: HashMap::new(),
            found: Changes::default(),
            leading: false,
            generation: 0,
            failures: VecDeque::new(),
            poison: None,
            waiters: Waiters::default(),
            watchers: Waiters::default(),
            closed: false,
            kept: Some(Vec::new()),
            arena_since_ms: None,
            undurable_since_ms: None,
            appended_ms: 0,
            dormant: false,
        }
    }

    /// Whether the arena has room for a batch. An empty one always has.
    pub fn has_room(&self, batch: &Batch, arena_bytes: usize) -> bool {
        self.arena.is_empty() || self.arena.bytes.len().saturating_add(batch.bytes()) <= arena_bytes
    }

    /// Why nothing can be appended now, if so.
    pub fn refusal(&self) -> Option<Error> {
        if self.closed {
            return Some(Error::Closed);
        }
        self.poison.clone()
    }

    /// All journals as one log; of the one that is written what is durable.
    pub fn parts(&self, durable: Sequence) -> Parts<'_> {
        let own = Part { journal: self.journal, index: &self.index, durable };
        let parts = std::iter::once(own).chain(self.foreign.iter().map(Foreign::part)).collect();
        Parts::new(parts, &self.sealed)
    }

    /// Takes over other sealed segments, and forgets what they hold, unless newer ones are known.
    pub fn take_over(&mut self, sealed: Arc<Sealed>) {
        if sealed.generation() > self.sealed.generation() {
            self.sealed = sealed;
            self.forget_sealed();
        }
    }

    /// Forgets what the sealed segments in force hold.
    pub fn forget_sealed(&mut self) {
        self.sealed_heads.clear();
        if let Some(base) = self.sealed.base(self.journal) {
            self.index.forget(base.upto);
        }
        renew::forget(&mut self.foreign, &self.sealed);
    }

    /// What the sealed segments say of a stream. Looked up once: appending asks for it under the short lock.
    fn sealed_head(&mut self, stream: &StreamId) -> Option<SealedHead> {
        if self.sealed.is_empty() || bug(Bug::SealedHeadIgnored) {
            return None;
        }
        let sealed = &self.sealed;
        *self.sealed_heads.entry(*stream).or_insert_with(|| sealed.head(stream))
    }

    /// The damage at an index of a part, as [`State::parts`] numbers them.
    pub fn damage(&self, (part, damage): (usize, usize)) -> Option<&Damage> {
        let index = match part.checked_sub(1) {
            None => &self.index,
            Some(at) => &self.foreign.get(at)?.index,
        };
        index.damage.get(damage)
    }

    /// Whether a batch can be appended: to a journal that is open, at the heads it expects.
    pub fn admit(&mut self, batch: &mut Batch, root: &Path) -> Result<()> {
        match self.refusal() {
            Some(error) => Err(error),
            None => self.check(batch, root),
        }
    }

    /// Checks every record of a batch against its stream's head, and settles the ordinals left open.
    /// Changes nothing but the batch.
    fn check(&mut self, batch: &mut Batch, root: &Path) -> Result<()> {
        // The batch's own earlier records count. Most batches are short and of one stream: for those a map costs more.
        let mut heads = (batch.entries.len() > SHORT_BATCH).then(HashMap::new);
        for at in 0..batch.entries.len() {
            let (before, rest) = batch.entries.split_at_mut(at);
            let Some(entry) = rest.first_mut() else { break };
            let stream = entry.header.stream;
            let earlier = match &heads {
                Some(heads) => heads.get(&stream).copied(),
                None => before.iter().rev().find(|other| other.header.stream == stream).map(Entry::head_behind),
            };
            let (actual, lease_epoch) = match earlier {
                Some(head) => head,
                None => {
                    let sealed = self.sealed_head(&stream);
                    let parts = self.parts(Sequence(0));
                    // Ordinals after a lost tail would be given a second time.
                    if let Some(damage) = parts.doubt(&stream, sealed).and_then(|damage| self.damage(damage)) {
                        return Err(damage.to_error(root));
                    }
                    parts.next(&stream, sealed)
                }
            };
            let expected = entry.expected.unwrap_or(actual);
            if expected != actual && !bug(Bug::ExpectedOrdinalIgnored) {
                return Err(Error::WrongOrdinal { stream, expected, actual });
            }
            if entry.header.lease_epoch < lease_epoch && !bug(Bug::StaleLeaseAccepted) {
                let stated = entry.header.lease_epoch;
                return Err(Error::StaleLease { stream, stated, actual: lease_epoch });
            }
            if entry.header.ordinal != actual || entry.large.is_some() {
                entry.header.ordinal = actual;
                batch.refresh(at);
            }
            if let (Some(heads), Some(entry)) = (&mut heads, batch.entries.get(at)) {
                heads.insert(stream, entry.head_behind());
            }
        }
        Ok(())
    }

    /// Copies a checked batch into the arena and notes its records; gives the last one's sequence.
    pub fn take(&mut self, batch: &Batch, now_ms: u64) -> Sequence {
        let group = self.index.groups.next();
        let base = self.arena.bytes.len();
        self.arena.bytes.extend_from_slice(&batch.frames);
        for entry in &batch.entries {
            let _ = self.index.note(Note {
                stream: entry.header.stream,
                ordinal: entry.header.ordinal,
                lease_epoch: entry.header.lease_epoch,
                group,
                offset: u32::try_from(base.saturating_add(entry.start)).unwrap_or(u32::MAX),
                payload_bytes: entry.header.payload_bytes,
                header_checksum: entry.header_checksum,
            });
        }
        let count = batch.entries.len();
        self.arena.frame_count = self.arena.frame_count.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        self.next_sequence = self.next_sequence.plus(wide(count));
        self.index.records_ever = self.next_sequence.before().0;
        self.arena_since_ms.get_or_insert(now_ms);
        self.undurable_since_ms.get_or_insert(now_ms);
        self.appended_ms = now_ms;
        self.next_sequence.before()
    }

    /// What became of a ticket, if that is settled.
    pub fn outcome(&self, ticket: Ticket, durable: Sequence) -> Option<Result<()>> {
        if ticket.generation != self.generation {
            let failure = self.failures.iter().find(|failure| failure.last_generation >= ticket.generation)?;
            let forgotten = failure.first_generation > ticket.generation;
            let failed = (forgotten || ticket.sequence > failure.durable) && !bug(Bug::FailedTicketAcknowledged);
            return Some(if failed { Err(failure.error.clone()) } else { Ok(()) });
        }
        if ticket.sequence <= durable {
            return Some(Ok(()));
        }
        self.poison.clone().map(Err)
    }

    /// Takes out what no longer needs to be kept: its records are durable or certainly not in the log. What became of those
    /// under way when a sync failed is not known; that stays until the journal is closed.
    pub fn let_go(&mut self, durable: Sequence) -> Vec<Kept> {
        if self.poison.is_some() {
            return Vec::new();
        }
        let Some(kept) = self.kept.take_if(|kept| !kept.is_empty()) else { return Vec::new() };
        let (gone, kept): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|(ticket, _)| self.outcome(*ticket, durable).is_some());
        self.kept = Some(kept);
        gone.into_iter().map(|(_, kept)| kept).collect()
    }

    /// After a failed write: every record that is not durable is taken back.
    pub fn give_up(&mut self, durable: Sequence, error: Error) {
        let error = Error::WriteFailed { durable, source: Box::new(error) };
        let generation = self.generation;
        match self.failures.back_mut().filter(|last| last.durable == durable) {
            Some(last) => *last = Failure { last_generation: generation, error, ..*last },
            None => self.failures.push_back(Failure {
                first_generation: generation,
                last_generation: generation,
                durable,
                error,
            }),
        }
        if self.failures.len() > FAILURES_MAX {
            self.failures.pop_front();
        }
        self.generation = self.generation.saturating_add(1);
        let bytes = std::mem::take(&mut self.arena.bytes);
        self.arena = Arena::reusing(bytes);
        if !bug(Bug::HeadsKeptAfterFailedWrite) {
            self.index.cut(durable);
        }
        self.next_sequence = durable.plus(1);
        self.arena_since_ms = None;
        self.undurable_since_ms = None;
    }
}
