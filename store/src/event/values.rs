//! Where the long strings of a record stand: the parts that are worth storing once.

use std::ops::Range;

use memchr::memchr;

use crate::event::{CODEC, ItemRecord};

/// Shortest string that is stored once, in bytes as the record has them. A reference costs 20 bytes and a look-up; what is
/// shorter is found by the compression of its block.
pub const VALUE_BYTES_MIN: usize = 1 << 10;

/// Longest one, in bytes: 64 MiB. A longer string is several values.
pub const VALUE_BYTES_MAX: usize = 64 << 20;

/// Adds the places of the long strings of a record's JSON to `found`: rising, apart, each of at least
/// [`VALUE_BYTES_MIN`] bytes and at most [`VALUE_BYTES_MAX`]. The bytes are those between the quotation marks, escapes as
/// they stand.
///
/// A hint, not a parser: where the bytes are not JSON, some ranges come out or none, always the same ones for the same
/// bytes, and storing any of them once is as right as storing another. *Cost:* for records below 1 KiB, a comparison;
/// else a search for quotation marks at memory speed.
pub fn find_values(codec: u8, payload: &[u8], found: &mut Vec<Range<usize>>) {
    if payload.len() < VALUE_BYTES_MIN || codec != CODEC {
        return;
    }
    let Ok((record, behind)) = postcard::take_from_bytes::<ItemRecord<'_>>(payload) else { return };
    let text = match &record {
        ItemRecord::Enveloped { payload, .. } => payload.0,
        ItemRecord::Verbatim { bytes, .. } => bytes.0,
    };
    // The last field; behind it stands what a later version may have added.
    let end = payload.len().saturating_sub(behind.len());
    find_strings(text, end.saturating_sub(text.len()), found);
}

/// Adds the long strings of `text`, which stands at `offset`.
fn find_strings(text: &[u8], offset: usize, found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    // Behind the last place where a long string can begin, nothing is left to find.
    while let Some(rest) = text.get(at..).filter(|rest| rest.len() >= VALUE_BYTES_MIN) {
        let Some(quote) = memchr(b'"', rest) else { return };
        let start = at.saturating_add(quote).saturating_add(1);
        let Some(length) = text.get(start..).and_then(string_length) else { return };
        let end = start.saturating_add(length);
        add(offset.saturating_add(start)..offset.saturating_add(end), found);
        at = end.saturating_add(1);
    }
}

/// Adds a string's range, if it is long; one beyond the limit as several.
fn add(mut range: Range<usize>, found: &mut Vec<Range<usize>>) {
    while range.len() >= VALUE_BYTES_MIN {
        let end = range.end.min(range.start.saturating_add(VALUE_BYTES_MAX));
        found.push(range.start..end);
        range.start = end;
    }
}

/// How long the string is that `rest` begins within; `None` if it does not end.
fn string_length(rest: &[u8]) -> Option<usize> {
    let mut at = 0usize;
    loop {
        let quote = at.saturating_add(memchr(b'"', rest.get(at..)?)?);
        let before = rest.get(..quote)?;
        if before.last() != Some(&b'\\') || !is_escaped(before) {
            return Some(quote);
        }
        at = quote.saturating_add(1);
    }
}

/// Whether what stands behind `before`, all within one string, is escaped: an odd number of backslashes is before it.
fn is_escaped(before: &[u8]) -> bool {
    let other = before.iter().rposition(|byte| *byte != b'\\').map_or(0, |at| at.saturating_add(1));
    before.len().saturating_sub(other) % 2 == 1
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
