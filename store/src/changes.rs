//! Which threads changed since an earlier look.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use threadlog_engine::id::Sequence;

use crate::error::{Error, Result};
use crate::store::Store;
use crate::thread::{ThreadId, ThreadKey};

/// How much of a store somebody has seen. Its text is printable and opaque: give it back as it is.
///
/// It is made of places in the log, not of times: what other processes wrote meanwhile, whatever their clocks said, is behind
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeCursor {
    store: u32,
    /// The highest number of a sealed segment.
    sealed: u64,
    journals: BTreeMap<u32, Sequence>,
}

/// A text that is no cursor of changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no cursor of changes: give back the whole text that `changes` gave, or start again without one")]
pub struct ChangeCursorError {
    /// The text, shortened.
    pub text: String,
}

/// What changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChangedThreads {
    /// The threads, by id: new ones, those with new items or other facts, deleted ones. Merging segments can name some of
    /// which nothing changed; none is left out.
    pub threads: Vec<ThreadId>,
    /// For the next look.
    pub cursor: ChangeCursor,
}

impl Store {
    /// The threads that were added to since an earlier look; without one, all. Only what is durable counts.
    ///
    /// *Cost:* a pass over what is not sealed, and over the footers of segments that are new since.
    ///
    /// # Errors
    /// [`Error::ForeignCursor`] for another store's cursor; an I/O error.
    pub fn changes(&self, since: Option<&ChangeCursor>) -> Result<ChangedThreads> {
        let store = self.store_id()?;
        let mut short = [0; 4];
        short.copy_from_slice(store.get(..4).unwrap_or_default());
        let store = u32::from_le_bytes(short);
        if since.is_some_and(|since| since.store != store) {
            return Err(Error::ForeignCursor);
        }
        // The places first: what comes in between is met again.
        let journals = self.log.positions().into_iter().collect();
        let (none, seen) = (BTreeMap::new(), since.map_or(0, |since| since.sealed));
        let hot = self.log.hot_streams_since(since.map_or(&none, |since| &since.journals));
        let sealed = self.log.sealed();
        let new = sealed.segments().iter().filter(|segment| segment.id().number > seen || since.is_none());
        let sealed_streams = new.flat_map(|segment| segment.footer().streams()).map(|row| row.stream);
        let mut threads: Vec<ThreadId> =
            hot.into_iter().chain(sealed_streams).map(|stream| ThreadKey::of(&stream).thread).collect();
        threads.sort_unstable();
        threads.dedup();
        let numbers = sealed.segments().iter().map(|segment| segment.id().number);
        let sealed = numbers.max().unwrap_or(0).max(seen);
        Ok(ChangedThreads { threads, cursor: ChangeCursor { store, sealed, journals } })
    }
}

impl fmt::Display for ChangeCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1-{:08x}-{:x}", self.store, self.sealed)?;
        self.journals.iter().try_for_each(|(journal, position)| write!(f, "-{journal:x}.{:x}", position.0))
    }
}

impl FromStr for ChangeCursor {
    type Err = ChangeCursorError;

    fn from_str(text: &str) -> std::result::Result<ChangeCursor, ChangeCursorError> {
        const SHOWN_MAX: usize = 80;
        parse(text).ok_or_else(|| ChangeCursorError { text: text.chars().take(SHOWN_MAX).collect() })
    }
}

fn parse(text: &str) -> Option<ChangeCursor> {
    let mut parts = text.split('-');
    if parts.next()? != "1" {
        return None;
    }
    let store = u32::from_str_radix(parts.next().filter(|part| part.len() == 8)?, 16).ok()?;
    let sealed = u64::from_str_radix(parts.next()?, 16).ok()?;
    let place = |part: &str| {
        let (journal, position) = part.split_once('.')?;
        let position = Sequence(u64::from_str_radix(position, 16).ok()?);
        Some((u32::from_str_radix(journal, 16).ok()?, position))
    };
    let journals = parts.map(place).collect::<Option<BTreeMap<u32, Sequence>>>()?;
    Some(ChangeCursor { store, sealed, journals })
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
