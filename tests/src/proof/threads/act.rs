//! What a run is made of.

use threadlog_engine::fs::sim::Fault;

use crate::proof::random::{Dice, fault};

/// Threads of a run: few, so that much happens to each.
pub const THREADS: u64 = 5;
/// Processes of a run, at most.
pub const PROCESSES: u64 = 2;

/// One act. All that is random about a run is in its acts, so leaving one out leaves the others as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Creates a thread.
    Create(u8),
    /// Makes a cold thread live; with the flag also an archived one.
    Resume(u8, bool),
    /// Appends so many items of about so many bytes.
    Append(u8, u8, u16),
    /// Makes what was appended durable.
    Flush(u8),
    /// Stores the thread, with items or without.
    Persist(u8),
    /// Ends the thread in order.
    Shutdown(u8),
    /// Ends the thread.
    Discard(u8),
    /// Gives the thread a name.
    Name(u8),
    /// Adds a tag, or takes it away.
    Tag(u8, bool),
    /// Takes the thread out of the lists, or back.
    Archive(u8, bool),
    /// Puts the thread into the trash, or takes it out.
    Trash(u8, bool),
    /// Takes back the last so many turns.
    Rollback(u8, u8),
    /// Makes the second thread out of the first: whole, or at an ordinal.
    Fork(u8, u8, u8),
    /// Deletes the thread.
    Delete(u8),
    /// Deletes the thread and all that came from it.
    DeleteAll(u8, Ending),
    /// Closes the store, imports the thread's file with so many more messages, and opens the store again.
    Import(u8, u8, Ending),
    /// Exports the thread and compares.
    Export(u8),
    /// Reads the thread and compares.
    Read(u8),
    /// Reads a part of the thread.
    Range(u8, u8),
    /// Goes through both lists, so many on a page.
    List(u8),
    /// Several calls at once, drawn from this seed; some of them are dropped half way.
    Together(u64),
    /// Time passes; what is due is done.
    Tick(u16),
    /// Reads everything from outside, as another process would, and compares.
    Look,
    /// Opens the engine anew under the live threads.
    Reopen,
    /// Closes the store and opens it again.
    Close,
    /// Drops the store without closing it and opens it again.
    Forget,
    /// This process dies, and no other; it opens the store again.
    Die,
    /// All processes die; others open the store.
    Kill,
    /// The power is cut, nothing is left that was not synced.
    PowerCut,
    /// The power is cut, something is left, drawn by this seed.
    Crash(u64),
    /// Some later call to the disk goes wrong.
    Fault(u8, Fault),
    /// The disk gets so many blocks more, and no further.
    Full(u8),
    /// The disk has room again.
    Room,
}

/// How an import or a deletion ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its answer.
    InOrder,
    /// Its process dies in the place of this one of its calls that others could see.
    Dies(u8),
    /// The same, and then the power is cut: something is left, drawn by this seed.
    PowerCut(u8, u64),
}

/// How often each kind of act is drawn: a weight, and the act.
type Draw = (u64, fn(&mut Dice) -> Act);

const DRAWS: &[Draw] = &[
    (12, |dice| Act::Create(thread(dice))),
    (12, |dice| Act::Resume(thread(dice), dice.below(4) == 0)),
    (60, |dice| Act::Append(thread(dice), 1 + dice.below(3) as u8, bytes(dice))),
    (30, |dice| Act::Flush(thread(dice))),
    (5, |dice| Act::Persist(thread(dice))),
    (8, |dice| Act::Shutdown(thread(dice))),
    (5, |dice| Act::Discard(thread(dice))),
    (10, |dice| Act::Name(thread(dice))),
    (4, |dice| Act::Tag(thread(dice), dice.below(2) == 0)),
    (6, |dice| Act::Archive(thread(dice), dice.below(2) == 0)),
    (4, |dice| Act::Trash(thread(dice), dice.below(3) == 0)),
    (4, |dice| Act::Rollback(thread(dice), 1 + dice.below(3) as u8)),
    (8, |dice| Act::Fork(thread(dice), thread(dice), dice.below(256) as u8)),
    (6, |dice| Act::Delete(thread(dice))),
    (6, |dice| Act::DeleteAll(thread(dice), ending(dice))),
    (8, |dice| Act::Import(thread(dice), dice.below(4) as u8, ending(dice))),
    (4, |dice| Act::Export(thread(dice))),
    (8, |dice| Act::Read(thread(dice))),
    (5, |dice| Act::Range(thread(dice), dice.below(200) as u8)),
    (5, |dice| Act::List(1 + dice.below(4) as u8)),
    (20, |dice| Act::Together(dice.below(u64::MAX))),
    (12, |dice| Act::Tick([15, 60, 1000][dice.below(3) as usize])),
    (3, |_| Act::Look),
    (2, |_| Act::Reopen),
    (2, |_| Act::Close),
    (1, |_| Act::Forget),
    (3, |_| Act::Die),
    (2, |_| Act::Kill),
    (1, |_| Act::PowerCut),
    (3, |dice| Act::Crash(dice.below(u64::MAX))),
    (7, |dice| Act::Fault(dice.below(40) as u8, fault(dice))),
    (1, |dice| Act::Full(dice.below(20) as u8)),
    (4, |_| Act::Room),
];

fn thread(dice: &mut Dice) -> u8 {
    dice.below(THREADS) as u8
}

fn ending(dice: &mut Dice) -> Ending {
    let (kind, call) = (dice.below(8), dice.below(32) as u8);
    match kind {
        0 | 1 => Ending::Dies(call),
        2 => Ending::PowerCut(call, dice.below(u64::MAX)),
        _ => Ending::InOrder,
    }
}

fn bytes(dice: &mut Dice) -> u16 {
    let most = [1, 50, 500, 4000, 9000][dice.below(5) as usize];
    dice.below(most) as u16
}

/// The acts of a seed, each with the number of the process that does it.
pub fn acts(seed: u64, count: usize) -> Vec<(u8, Act)> {
    let mut dice = Dice::new(seed);
    (0..count).map(|_| (dice.below(PROCESSES) as u8, dice.draw(DRAWS))).collect()
}

/// A call that may be made beside others.
pub fn beside(dice: &mut Dice) -> Act {
    loop {
        let act = dice.draw(DRAWS);
        let is_alone =
            matches!(act, Act::Fork(..) | Act::Delete(_) | Act::DeleteAll(..) | Act::Import(..) | Act::Export(_));
        if (act.thread().is_some() && !is_alone) || matches!(act, Act::List(_)) {
            return act;
        }
    }
}

impl Act {
    /// The thread that it is about, if it is a call about one.
    pub fn thread(self) -> Option<u8> {
        match self {
            Act::Create(thread)
            | Act::Resume(thread, _)
            | Act::Append(thread, ..)
            | Act::Flush(thread)
            | Act::Persist(thread)
            | Act::Shutdown(thread)
            | Act::Discard(thread)
            | Act::Name(thread)
            | Act::Tag(thread, _)
            | Act::Archive(thread, _)
            | Act::Trash(thread, _)
            | Act::Rollback(thread, _)
            | Act::Fork(_, thread, _)
            | Act::Delete(thread)
            | Act::DeleteAll(thread, _)
            | Act::Import(thread, ..)
            | Act::Export(thread)
            | Act::Read(thread)
            | Act::Range(thread, _) => Some(thread),
            _ => None,
        }
    }

    /// Whether it makes a thread live or ends that: such a call is made while no other is under way about the thread.
    pub fn is_of_life(self) -> bool {
        matches!(self, Act::Create(_) | Act::Resume(..) | Act::Shutdown(_) | Act::Discard(_))
    }

    /// Whether it changes what users say of a thread: of two such calls at once nobody knows which comes last.
    pub fn is_of_words(self) -> bool {
        matches!(self, Act::Name(_) | Act::Tag(..) | Act::Archive(..) | Act::Trash(..))
    }
}
