//! Odd lines, in words and in JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use threadlog::item::{Oddity, OddityCounts};

use crate::output::human;

/// How many lines are odd in which way; in JSON an object from the word to the count. A line odd in two ways counts twice.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// These counts, by their words in JSON.
    pub fn new(counts: &OddityCounts) -> Counts {
        Counts(counts.iter().map(|(oddity, lines)| (word(oddity), lines)).collect())
    }
}

/// The word in JSON.
pub fn word(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::NoEnvelope => "no_envelope",
        Oddity::OtherForm => "other_form",
        Oddity::HalfLine => "half_line",
        Oddity::Glued => "glued",
        Oddity::Nul => "nul",
        Oddity::ByteOrderMark => "byte_order_mark",
        Oddity::CarriageReturn => "crlf",
        Oddity::InvalidUtf8 => "invalid_utf8",
        Oddity::Blank => "blank",
        Oddity::NotObject => "not_object",
        Oddity::NotJson => "not_json",
    }
}

/// The counts for people, the most frequent first; nothing if no line is odd.
pub fn sentence(counts: &OddityCounts) -> Option<String> {
    let mut counts: Vec<(Oddity, u64)> = counts.iter().collect();
    counts.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    let parts = counts.iter().map(|(oddity, lines)| format!("{} {}", human::count(*lines), phrase(*oddity)));
    (!counts.is_empty()).then(|| parts.collect::<Vec<_>>().join(", "))
}

/// After a number of lines, of one as of many: `3 with NUL bytes`.
fn phrase(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::NoEnvelope => "without an envelope",
        Oddity::OtherForm => "in another form",
        Oddity::HalfLine => "half written",
        Oddity::Glued => "glued to the next",
        Oddity::Nul => "with NUL bytes",
        Oddity::ByteOrderMark => "with a byte-order mark",
        Oddity::CarriageReturn => "ending in CRLF",
        Oddity::InvalidUtf8 => "not UTF-8",
        Oddity::Blank => "blank",
        Oddity::NotObject => "not an object",
        Oddity::NotJson => "not JSON",
    }
}
