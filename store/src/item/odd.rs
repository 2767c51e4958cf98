//! What is unusual about a line that cannot be told from its envelope.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A way in which a line differs from `{"timestamp":…,"type":…,"payload":…}\n`. The number is its
/// bit in stored records: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Oddity {
    /// A JSON object that is not an envelope: the format of 2025 and before, or something else.
    NoEnvelope,
    /// An envelope, written differently: spaces, other key order, other keys, other time format.
    OtherForm,
    /// No newline at the end.
    HalfLine,
    /// Two lines run together.
    Glued,
    /// NUL bytes, as a power cut leaves them.
    Nul,
    /// A byte-order mark at the start.
    ByteOrderMark,
    /// The line ends with a carriage return and a newline.
    CarriageReturn,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// Nothing, or only white space.
    Blank,
    /// JSON, but not an object.
    NotObject,
    /// Not JSON.
    NotJson,
}

impl Oddity {
    /// All of them, in the order of their bits.
    pub const ALL: [Oddity; 11] = [
        Oddity::NoEnvelope,
        Oddity::OtherForm,
        Oddity::HalfLine,
        Oddity::Glued,
        Oddity::Nul,
        Oddity::ByteOrderMark,
        Oddity::CarriageReturn,
        Oddity::InvalidUtf8,
        Oddity::Blank,
        Oddity::NotObject,
        Oddity::NotJson,
    ];

    /// For people: "no envelope", "half a line".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Oddity::NoEnvelope => "no envelope",
            Oddity::OtherForm => "envelope in another form",
            Oddity::HalfLine => "half a line",
            Oddity::Glued => "lines glued",
            Oddity::Nul => "NUL bytes",
            Oddity::ByteOrderMark => "byte-order mark",
            Oddity::CarriageReturn => "CRLF",
            Oddity::InvalidUtf8 => "invalid UTF-8",
            Oddity::Blank => "blank",
            Oddity::NotObject => "not an object",
            Oddity::NotJson => "not JSON",
        }
    }

    fn bit(self) -> u16 {
        Oddity::ALL.iter().position(|&other| other == self).map_or(0, |position| 1 << position)
    }
}

/// The oddities of one line.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Oddities(u16);

impl Oddities {
    /// The same with one more.
    #[must_use]
    pub fn with(self, oddity: Oddity) -> Oddities {
        Oddities(self.0 | oddity.bit())
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, oddity: Oddity) -> bool {
        self.0 & oddity.bit() != 0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`Oddity::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Oddity> {
        Oddity::ALL.into_iter().filter(move |&oddity| self.contains(oddity))
    }
}

impl fmt::Debug for Oddities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// How many lines have each oddity; a line with two counts under both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddityCounts(BTreeMap<Oddity, u64>);

impl OddityCounts {
    /// Counts one line.
    pub fn add(&mut self, line: Oddities) {
        for oddity in line.iter() {
            *self.0.entry(oddity).or_default() += 1;
        }
    }

    /// Counts `lines` more lines with one oddity.
    pub fn add_many(&mut self, oddity: Oddity, lines: u64) {
        if lines > 0 {
            *self.0.entry(oddity).or_default() += lines;
        }
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &OddityCounts) {
        for (oddity, lines) in other.iter() {
            self.add_many(oddity, lines);
        }
    }

    /// Lines with this oddity.
    #[must_use]
    pub fn get(&self, oddity: Oddity) -> u64 {
        self.0.get(&oddity).copied().unwrap_or(0)
    }

    /// Each oddity that occurs, with its number of lines.
    pub fn iter(&self) -> impl Iterator<Item = (Oddity, u64)> {
        self.0.iter().map(|(&oddity, &lines)| (oddity, lines))
    }

    /// Whether no line was odd.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
