//! The names of things: streams, sequences, segments, clocks.

use std::fmt;

/// A channel of a thread: which of its streams a record belongs to.
///
/// The engine gives no meaning to the number; the store uses 0 for items and 1 for control records.
pub type Channel = u8;

/// One ordered sequence of records: a thread, one life of it, one channel of that life.
///
/// 25 bytes in every frame. A deleted and re-created thread has the same `thread` and another
/// `incarnation`, so no late write of the old life can enter the new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The thread's id, as 16 bytes (a UUID in practice; the engine does not care).
    pub thread: [u8; 16],
    /// A random number drawn when this life of the thread began.
    pub incarnation: u64,
    /// Which stream of the thread.
    pub channel: Channel,
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StreamId {
    /// `<32 hex digits of the thread>~<16 of the incarnation>/<channel>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.thread {
            write!(f, "{byte:02x}")?;
        }
        write!(f, "~{:016x}/{}", self.incarnation, self.channel)
    }
}

/// Position of a record in its journal: 1, 2, 3, … over all streams, without holes.
///
/// `Sequence(0)` stands before the first record: a durable mark of 0 means "nothing yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The sequence `count` records later (saturating at the end of 64 bits).
    #[must_use]
    pub fn plus(self, count: u64) -> Sequence {
        Sequence(self.0.saturating_add(count))
    }

    /// The sequence before this one; 0 stays 0.
    #[must_use]
    pub fn before(self) -> Sequence {
        Sequence(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which opening of a journal wrote something: rises at each opening that writes, and whenever a
/// failed write makes the writer start over at its durable mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Name of one hot segment: its number in the journal and the random salt of its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId {
    /// 1, 2, 3, … in the order of creation within a journal.
    pub number: u64,
    /// Random; part of every checksum in the file, of its header and of its name.
    pub salt: u64,
}

impl fmt::Display for SegmentId {
    /// The file's name: `0000002a-0123456789abcdef.hot`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:016x}.hot", self.number, self.salt)
    }
}

impl SegmentId {
    /// Reads a file name back; `None` if it is not a hot segment's.
    #[must_use]
    pub fn parse(name: &str) -> Option<SegmentId> {
        let (number, salt) = name.strip_suffix(".hot")?.split_once('-')?;
        let lower = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if number.len() < 8 || salt.len() != 16 || !lower(number) || !lower(salt) {
            return None;
        }
        let id = SegmentId { number: u64::from_str_radix(number, 16).ok()?, salt: u64::from_str_radix(salt, 16).ok()? };
        (id.to_string() == name).then_some(id)
    }
}
