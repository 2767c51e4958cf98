//! Leading: one thread writes the arena as a group, syncs it, moves the durable mark, wakes the rest.
//!
//! The acknowledgement is the store to `durable_mark` in [`Core::finish`]; it happens only after
//! `Tail::sync` returned `Ok`.

use std::sync::atomic::Ordering;
use std::task::Waker;

use crate::error::{Error, Result};
use crate::format::frame::{FRAME_HEADER_BYTES, FrameHeader};
use crate::format::group::GROUP_HEADER_BYTES;
use crate::id::Sequence;
use crate::journal::core::{Core, Goal};
use crate::journal::groups::GroupPlace;
use crate::journal::place::Places;
use crate::journal::shelf::Order;
use crate::journal::state::{Arena, State};
use crate::journal::stats::count;
use crate::journal::tail::{NewGroup, Tail, Written};
use crate::seeded::{Bug, bug};

/// What a leader took from the state: the arena to write.
pub(crate) struct Assignment {
    bytes: Vec<u8>,
    frame_count: u32,
    first_sequence: Sequence,
}

impl Assignment {
    /// Sequence of the last record in it.
    fn last(&self) -> Sequence {
        self.first_sequence.plus(u64::from(self.frame_count)).before()
    }
}

/// What became of it.
enum Outcome {
    /// Durable up to here now.
    Done(Sequence),
    /// The write failed: nothing that was not durable stays.
    Failed(Error),
    /// The sync failed: nothing more is acknowledged.
    Poisoned(Error),
}

impl Core {
    /// Takes the lead and the arena. The caller must go on to [`Core::lead`].
    pub(crate) fn begin(&self, state: &mut State) -> Assignment {
        state.leading = true;
        let other = std::mem::take(&mut state.other);
        let arena = std::mem::replace(&mut state.arena, Arena::reusing(other));
        let last_sequence = state.next_sequence.before();
        if arena.frame_count > 0 {
            state.index.groups.push(GroupPlace { segment: None, offset: 0, last_sequence });
        }
        state.arena_since_ms = None;
        let first = state.next_sequence.0.saturating_sub(u64::from(arena.frame_count));
        Assignment { bytes: arena.bytes, frame_count: arena.frame_count, first_sequence: Sequence(first) }
    }

    /// Writes what was taken, as far as `goal` says, then hands on the lead.
    pub(crate) fn lead(&self, mut assignment: Assignment, goal: Goal) {
        let mut tail = self.tail.lock();
        tail.created_ms = self.config.clock.now_ms();
        let durable = self.durable();
        let (outcome, written) = self.carry_out(&mut tail, &mut assignment, goal, durable);
        match &outcome {
            Outcome::Done(upto) if *upto > durable => self.mark.publish(tail.epoch, *upto),
            Outcome::Failed(_) => {
                tail.start_over(durable);
                count(&self.counters.failed_writes, 1);
            }
            _ => {}
        }
        self.witnessed.store(tail.witnessed.0, Ordering::Release);
        if !matches!(outcome, Outcome::Poisoned(_)) {
            self.order_spare(&tail);
        }
        drop(tail);
        self.finish(assignment, outcome, written, goal);
    }

    fn carry_out(
        &self,
        tail: &mut Tail,
        assignment: &mut Assignment,
        goal: Goal,
        durable: Sequence,
    ) -> (Outcome, Option<Written>) {
        let mut written = None;
        if assignment.frame_count > 0 {
            let frames = assignment.bytes.get(GROUP_HEADER_BYTES..).unwrap_or_default();
            let frames_checksum = frames_checksum(frames);
            let group = NewGroup {
                frame_count: assignment.frame_count,
                frames_checksum,
                first_sequence: assignment.first_sequence,
                durable_upto: if bug(Bug::DurableUptoTooHigh) { assignment.last() } else { durable },
                bytes: &mut assignment.bytes,
            };
            match tail.write(group, &self.shelf, &self.counters) {
                Ok(place) => written = Some(place),
                Err(error) => return (Outcome::Failed(error), None),
            }
        }
        if bug(Bug::MarkPublishedEarly) {
            self.mark.publish(tail.epoch, tail.written);
        }
        if goal == Goal::Write {
            return (Outcome::Done(durable), written);
        }
        if tail.is_dirty()
            && !bug(Bug::AcknowledgeBeforeSync)
            && let Err(error) = self.sync_tail(tail)
        {
            return (Outcome::Poisoned(error), written);
        }
        // Somebody else's failed sync of the directory covered our names too.
        if let Some(error) = self.names.failure() {
            return (Outcome::Poisoned(error), written);
        }
        let durable = durable.max(tail.written);
        if goal == Goal::Witness
            && let Err(error) = self.write_witness(tail, durable)
        {
            return (Outcome::Poisoned(error), written);
        }
        (Outcome::Done(durable), written)
    }

    /// The sync on which everything rests. Never tried again: a second one would succeed and mean nothing.
    fn sync_tail(&self, tail: &mut Tail) -> Result<()> {
        match tail.sync(&self.counters) {
            Err(_) if bug(Bug::RetryAfterFailedSync) => tail.sync(&self.counters),
            other => other,
        }
    }

    /// Writes and syncs an empty group that vouches for `durable`, unless one does already.
    fn write_witness(&self, tail: &mut Tail, durable: Sequence) -> Result<()> {
        if tail.active.is_none() || tail.witnessed >= durable || bug(Bug::WitnessOmitted) {
            return Ok(());
        }
        let mut bytes = vec![0; GROUP_HEADER_BYTES];
        let witness = NewGroup {
            bytes: &mut bytes,
            frame_count: 0,
            frames_checksum: frames_checksum(&[]),
            first_sequence: durable.plus(1),
            durable_upto: durable,
        };
        if tail.write(witness, &self.shelf, &self.counters).is_err() {
            // No room for it. What it would vouch for is durable all the same; begin anew behind it.
            tail.start_over(durable);
            return Ok(());
        }
        tail.sync(&self.counters)
    }

    fn order_spare(&self, tail: &Tail) {
        let wanted = self.config.prepare_spares && tail.start.is_none() && tail.active.is_some();
        if !wanted || self.shelf.is_ready(tail.epoch) {
            return;
        }
        let ordered_ms = self.config.clock.ticks_ms();
        let (epoch, prepared_bytes, created_ms) = (tail.epoch, tail.next_prepared_bytes, tail.created_ms);
        self.shelf.order(Order { epoch, prepared_bytes, created_ms, ordered_ms });
    }

    /// Makes the outcome known: places, mark, poison or failure; then wakes whom it concerns.
    fn finish(&self, assignment: Assignment, outcome: Outcome, written: Option<Written>, goal: Goal) {
        let mut woken: Vec<Waker> = Vec::new();
        let mut state = self.state.lock();
        if let Some(place) = written {
            note_place(&mut state, &self.places, &place, &assignment);
        }
        state.other = assignment.bytes;
        match outcome {
            Outcome::Done(durable) => {
                if goal != Goal::Write {
                    state.undurable_since_ms = state.arena_since_ms;
                }
                // THE ACKNOWLEDGEMENT: everything up to here has been synced.
                self.durable_mark.store(durable.0, Ordering::Release);
                state.waiters.take_upto(durable, &mut woken);
                state.watchers.take_upto(durable, &mut woken);
            }
            Outcome::Failed(error) => {
                state.give_up(self.durable(), error);
                self.generation.store(state.generation, Ordering::Release);
                state.waiters.take_all(&mut woken);
            }
            Outcome::Poisoned(source) => {
                state.poison = Some(Error::Poisoned { durable: self.durable(), source: Box::new(source) });
                state.waiters.take_all(&mut woken);
            }
        }
        state.leading = false;
        let gone = state.let_go(self.durable());
        // The next leader is woken last: while it writes, the others append what its successor will write.
        let next = state.waiters.leader();
        let tasks_wait = next.is_none() && !state.waiters.is_empty();
        drop(state);
        drop(gone);
        for waker in woken {
            waker.wake();
        }
        if let Some(next) = next {
            next.wake();
        }
        if tasks_wait {
            self.wake_committer();
        }
    }
}

fn note_place(state: &mut State, places: &Places, place: &Written, assignment: &Assignment) {
    let index = &mut state.index;
    if index.segments.last().is_none_or(|last| last.id != place.id) {
        index.segments.push(places.segment_place(place.id));
    }
    let segment = u32::try_from(index.segments.len().saturating_sub(1)).ok();
    let last_sequence = assignment.last();
    // The open arena has no entry yet, so this group's is the last.
    if let Some(group) = index.groups.last_mut()
        && group.last_sequence == last_sequence
    {
        group.segment = segment;
        group.offset = place.offset;
    }
}

/// Checksum of all frame headers in a run of frames.
fn frames_checksum(mut frames: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    while let Some((header, rest)) = frames.split_first_chunk::<FRAME_HEADER_BYTES>() {
        hasher.update(header);
        let payload_bytes = FrameHeader::decode(header).payload_bytes;
        frames = rest.get(usize::try_from(payload_bytes).unwrap_or(usize::MAX)..).unwrap_or_default();
    }
    hasher.finalize()
}
