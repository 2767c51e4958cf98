//! Lines that came in several records.
//!
//! A file imported while its last line was half written ends with a piece; the rest of that line
//! comes as another piece when the file has grown. Here pieces wait until their line is whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::ItemRecord;

/// Pieces kept for gluing; a line longer than this is counted but not looked into.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Lines that are not whole yet, by the ordinal of their first piece so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pieces(BTreeMap<u64, Piece>);

/// Neighbouring pieces of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    /// The ordinal after the last one.
    end: u64,
    has_start: bool,
    has_end: bool,
    /// `None` once it grew beyond [`LINE_BYTES_MAX`].
    bytes: Option<Vec<u8>>,
}

/// A line that became whole.
pub(crate) struct Glued {
    /// Ordinal of its first record.
    pub(crate) ordinal: u64,
    /// Its bytes, unless there are too many.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Pieces {
    /// Adds a record that is not a whole line by itself; returns the line if it is whole now.
    pub(crate) fn add(&mut self, ordinal: u64, record: &ItemRecord<'_>) -> Option<Glued> {
        let bytes = record.verbatim().unwrap_or_default();
        let mut start = ordinal;
        let mut piece = Piece {
            end: ordinal.saturating_add(1),
            has_start: !record.continues(),
            has_end: record.ends_line(),
            bytes: Some(bytes).filter(|bytes| bytes.len() <= LINE_BYTES_MAX).map(<[u8]>::to_vec),
        };
        let before = self.0.range(..ordinal).next_back().filter(|(_, before)| before.joins(&piece, ordinal));
        if let Some(before) = before.map(|(&before, _)| before)
            && let Some(front) = self.0.remove(&before)
        {
            piece = front.join(piece);
            start = before;
        }
        let joins_next = self.0.get(&piece.end).is_some_and(|next| piece.joins(next, piece.end));
        if joins_next && let Some(next) = self.0.remove(&piece.end) {
            piece = piece.join(next);
        }
        if piece.has_start && piece.has_end {
            return Some(Glued { ordinal: start, bytes: piece.bytes });
        }
        self.0.insert(start, piece);
        None
    }

    /// How many lines are not whole.
    pub(crate) fn open(&self) -> usize {
        self.0.len()
    }
}

impl Piece {
    /// Whether `next`, which begins at `ordinal`, is the rest of this line.
    fn joins(&self, next: &Piece, ordinal: u64) -> bool {
        self.end == ordinal && !self.has_end && !next.has_start
    }

    fn join(self, next: Piece) -> Piece {
        let bytes = match (self.bytes, next.bytes) {
            (Some(mut bytes), Some(more)) if bytes.len() + more.len() <= LINE_BYTES_MAX => {
                bytes.extend_from_slice(&more);
                Some(bytes)
            }
            _ => None,
        };
        Piece { end: next.end, has_start: self.has_start, has_end: next.has_end, bytes }
    }
}
