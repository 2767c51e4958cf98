//! What a run is made of.

use threadlog_engine::fs::sim::Fault;

use crate::proof::random::{Dice, Draw, fault};

/// Streams of a run.
pub const STREAMS: u64 = 5;
/// Most writers of a run.
pub const WRITERS: u64 = 3;

/// One deed of one process. All that is random about a run is in its deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Appends a record of about so many bytes to a stream, taking the stream over if another had it.
    Append(u8, u16),
    /// Appends a batch to two streams, as far as they are this writer's.
    Both(u8, u8),
    /// Takes a stream over.
    Take(u8),
    /// Makes durable what this writer appended.
    Sync,
    /// Time passes for this writer.
    Tick(u16),
    /// Prepares the spare that was ordered.
    Spare,
    /// Takes in what others made durable.
    Refresh,
    /// Reads everything.
    Read,
    /// A reader from outside reads everything, and verifies.
    Look,
    /// Closes and opens again.
    Close,
    /// This process dies, and no other.
    Die,
    /// All die.
    Kill,
    /// The power is cut, nothing is left that was not synced.
    PowerCut,
    /// The power is cut, something is left, drawn by this seed.
    Crash(u64),
    /// Some later call to the disk goes wrong, whoever makes it.
    Fault(u8, Fault),
    /// The disk gets so many blocks more, and no further.
    Full(u8),
    /// The disk has room again.
    Room,
}

const DRAWS: &[Draw<Deed>] = &[
    (60, |dice| Deed::Append(dice.below(STREAMS) as u8, bytes(dice))),
    (15, |dice| Deed::Both(dice.below(STREAMS) as u8, dice.below(STREAMS) as u8)),
    (8, |dice| Deed::Take(dice.below(STREAMS) as u8)),
    (30, |_| Deed::Sync),
    (12, |dice| Deed::Tick([15, 60, 1000][dice.below(3) as usize])),
    (6, |_| Deed::Spare),
    (12, |_| Deed::Refresh),
    (5, |_| Deed::Read),
    (3, |_| Deed::Look),
    (3, |_| Deed::Close),
    (4, |_| Deed::Die),
    (1, |_| Deed::Kill),
    (1, |_| Deed::PowerCut),
    (3, |dice| Deed::Crash(dice.below(u64::MAX))),
    (5, |dice| Deed::Fault(dice.below(40) as u8, fault(dice))),
    (1, |dice| Deed::Full(dice.below(20) as u8)),
    (4, |_| Deed::Room),
];

fn bytes(dice: &mut Dice) -> u16 {
    let most = [1, 50, 500, 4000, 9000][dice.below(5) as usize];
    dice.below(most) as u16
}

/// The deeds of a seed, each with the number of who does it.
pub fn deeds(seed: u64, count: usize) -> Vec<(u8, Deed)> {
    let mut dice = Dice::new(seed);
    (0..count).map(|_| (dice.below(WRITERS) as u8, dice.draw(DRAWS))).collect()
}
