//! Where a page begins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::list::SortKey;
use crate::thread::ThreadId;
use uuid::Uuid;

/// A point in an order of threads, between two places. Pages may continue from it in either direction.
///
/// Its text form is printable and opaque: give it back as it is. It stays good whatever happens to the
/// threads on either side, also when the thread it was made from is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(super) key: SortKey,
    pub(super) cut: Cut,
}

/// A point beside a place of the ascending order (time, id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cut {
    pub(super) ms: u64,
    pub(super) id: Uuid,
    pub(super) side: Side,
}

/// On which side of its place a cut is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Side {
    Before,
    After,
}

/// A text that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no cursor: give back the whole text of an earlier page's cursor, or start again without one")]
pub struct CursorError {
    /// The text, shortened.
    pub text: String,
}

/// Longest part of a wrong text to show, in characters.
const SHOWN_MAX: usize = 80;
/// The text form: this version's letter, the sort key's, the side's, then time and id in hexadecimal.
const VERSION: &str = "1";
const MS_DIGITS: usize = 16;
const ID_DIGITS: usize = 32;

impl Cut {
    /// Whether a place lies behind this point in the ascending order.
    pub(super) fn is_before(self, ms: u64, thread: ThreadId) -> bool {
        self < Cut { ms, id: thread.uuid(), side: Side::After }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key {
            SortKey::Created => 'c',
            SortKey::Updated => 'u',
            SortKey::Recency => 'r',
        };
        let side = match self.cut.side {
            Side::Before => 'b',
            Side::After => 'a',
        };
        write!(f, "{VERSION}{key}{side}{:016x}{:032x}", self.cut.ms, self.cut.id.as_u128())
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Cursor, CursorError> {
        parse(text).ok_or_else(|| CursorError { text: text.chars().take(SHOWN_MAX).collect() })
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let mut rest = text.strip_prefix(VERSION)?.chars();
    let key = match rest.next()? {
        'c' => SortKey::Created,
        'u' => SortKey::Updated,
        'r' => SortKey::Recency,
        _ => return None,
    };
    let side = match rest.next()? {
        'b' => Side::Before,
        'a' => Side::After,
        _ => return None,
    };
    let digits = rest.as_str();
    let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !plain || digits.len() != MS_DIGITS + ID_DIGITS {
        return None;
    }
    let (ms, id) = digits.split_at_checked(MS_DIGITS)?;
    let ms = u64::from_str_radix(ms, 16).ok()?;
    let id = Uuid::from_u128(u128::from_str_radix(id, 16).ok()?);
    Some(Cursor { key, cut: Cut { ms, id, side } })
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
