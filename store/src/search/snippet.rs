//! A piece of a text around what was found in it.

use std::ops::Range;

use crate::search::Query;

/// A piece of a text around a find, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snippet {
    /// The piece; line ends and other control characters are blanks in it.
    pub text: String,
    /// Where in `text` what was searched for stands, in bytes: rising, and apart.
    pub found: Vec<Range<usize>>,
    /// Whether the item's text begins before it.
    pub cut_before: bool,
    /// Whether it goes on behind it.
    pub cut_after: bool,
}

impl Snippet {
    /// About `bytes` of `text` around `at`.
    pub(super) fn around(text: &str, at: &Range<usize>, query: &Query, bytes: usize) -> Snippet {
        let beside = bytes.saturating_sub(at.len()).checked_div(2).unwrap_or(0);
        let start = text.floor_char_boundary(at.start.saturating_sub(beside));
        // Of a find that is longer than that, the beginning.
        let end = text.floor_char_boundary(at.end.min(at.start.saturating_add(bytes)).saturating_add(beside));
        let piece = text.get(start..end).unwrap_or_default();
        let mut found = query.all_in(piece);
        let in_piece = at.start.saturating_sub(start)..at.end.min(end).saturating_sub(start);
        // What stands at the edge may be found only in the whole text.
        if !found.iter().any(|range| range.start <= in_piece.start && in_piece.end <= range.end) {
            found = vec![in_piece];
        }
        let blank = |c: char| if c.is_ascii_control() { ' ' } else { c };
        Snippet { text: piece.chars().map(blank).collect(), found, cut_before: start > 0, cut_after: end < text.len() }
    }
}
