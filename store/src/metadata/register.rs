//! Values that remember where they came from, so that the order in which they arrive does not matter.

use serde::{Deserialize, Serialize};

/// When and where a control record was written: of two statements about one field the greater counts.
///
/// No two records have the same stamp: a journal has one writer, whose clock only rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The record's hybrid logical clock ([`crate::clock`]).
    pub clock: u64,
    /// The journal that holds it; decides between equal clocks of two writers.
    pub journal: u32,
}

/// A value stated by items, of which the first counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct First<T>(Option<(u64, T)>);

/// A value stated by items, of which the latest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latest<T>(Option<Said<T>>);

/// What an item said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said<T> {
    pub(super) ordinal: u64,
    /// The item's clock, by which it compares with what users did.
    pub(super) clock: u64,
    pub(super) value: T,
}

/// A value that control records set, of which the one with the greatest stamp counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Set<T>(Option<(Stamp, T)>);

// Not derived, as that would ask for `T: Default`.
impl<T> Default for First<T> {
    fn default() -> First<T> {
        First(None)
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Latest<T> {
        Latest(None)
    }
}

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set(None)
    }
}

impl<T> First<T> {
    /// Whether an item of this ordinal could change the value.
    pub(super) fn is_open(&self, ordinal: u64) -> bool {
        self.0.as_ref().is_none_or(|(before, _)| ordinal < *before)
    }

    pub(super) fn state(&mut self, ordinal: u64, value: T) {
        if self.is_open(ordinal) {
            self.0 = Some((ordinal, value));
        }
    }

    /// The value, if an item before this ordinal stated it.
    pub(super) fn until(&self, end: u64) -> First<T>
    where
        T: Clone,
    {
        First(self.0.clone().filter(|(ordinal, _)| *ordinal < end))
    }

    pub(super) fn join(&mut self, other: First<T>) {
        if let Some((ordinal, value)) = other.0 {
            self.state(ordinal, value);
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    /// The ordinal of the item that stated it.
    pub(super) fn ordinal(&self) -> Option<u64> {
        self.0.as_ref().map(|(ordinal, _)| *ordinal)
    }
}

impl<T> Latest<T> {
    /// Whether an item of this ordinal could change the value.
    pub(super) fn is_open(&self, ordinal: u64) -> bool {
        self.0.as_ref().is_none_or(|said| ordinal > said.ordinal)
    }

    pub(super) fn state(&mut self, ordinal: u64, clock: u64, value: T) {
        self.take(Said { ordinal, clock, value });
    }

    pub(super) fn join(&mut self, other: Latest<T>) {
        if let Some(said) = other.0 {
            self.take(said);
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|said| &said.value)
    }

    pub(super) fn said(&self) -> Option<&Said<T>> {
        self.0.as_ref()
    }

    fn take(&mut self, said: Said<T>) {
        if self.is_open(said.ordinal) {
            self.0 = Some(said);
        }
    }
}

impl<T: Ord> Set<T> {
    /// Equal stamps are a fault elsewhere; even then the result must not depend on the order.
    pub(super) fn set(&mut self, stamp: Stamp, value: T) {
        let new = (stamp, value);
        if self.0.as_ref().is_none_or(|old| new > *old) {
            self.0 = Some(new);
        }
    }

    pub(super) fn join(&mut self, other: Set<T>) {
        if let Some((stamp, value)) = other.0 {
            self.set(stamp, value);
        }
    }
}

impl<T> Set<T> {
    pub(super) fn get(&self) -> Option<&(Stamp, T)> {
        self.0.as_ref()
    }
}
