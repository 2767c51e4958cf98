//! What users set, joined entry by entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{self, Key, Value};
use super::patch::MetadataPatch;
use super::register::{Latest, Set, Stamp};

/// Everything that users set: of two values of one entry the one with the greater stamp counts.
///
/// Entries that this version cannot read are joined and kept like all others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserSet {
    entries: BTreeMap<Key, Set<Value>>,
    archived: Set<bool>,
}

/// What a user says of a field.
pub(super) enum Word<'a> {
    /// Nothing.
    Silent,
    /// The field has no value, as of this clock.
    Cleared(u64),
    /// This is its value.
    Set(&'a str),
}

impl UserSet {
    pub(super) fn patch(&mut self, stamp: Stamp, patch: &MetadataPatch) {
        for (key, value) in patch.entries() {
            self.entries.entry(key).or_default().set(stamp, value);
        }
    }

    pub(super) fn archive(&mut self, stamp: Stamp, archived: bool) {
        self.archived.set(stamp, archived);
    }

    pub(super) fn join(&mut self, other: UserSet) {
        for (key, set) in other.entries {
            self.entries.entry(key).or_default().join(set);
        }
        self.archived.join(other.archived);
    }

    pub(super) fn but_the_trash(mut self) -> UserSet {
        self.entries.remove(&entry::key(entry::TRASHED));
        self
    }

    /// Whether the thread is archived, and when that was said.
    pub(super) fn archived(&self) -> Option<(Stamp, bool)> {
        self.archived.get().copied()
    }

    pub(super) fn word(&self, field: u32) -> Word<'_> {
        let Some((stamp, value)) = self.entries.get(&entry::key(field)).and_then(Set::get) else {
            return Word::Silent;
        };
        match value.as_deref().map(str::from_utf8) {
            None => Word::Cleared(stamp.clock),
            Some(Ok(text)) => Word::Set(text),
            // A later version's: not for us to read.
            Some(Err(_)) => Word::Silent,
        }
    }

    /// The user's word, else the items' word.
    pub(super) fn text_or<'a>(&'a self, field: u32, derived: Option<&'a str>) -> Option<&'a str> {
        match self.word(field) {
            Word::Set(text) => Some(text),
            Word::Silent | Word::Cleared(_) => derived,
        }
    }

    /// The user's word, else the items' word; a clearing hides what items said until then.
    pub(super) fn text_or_later<'a, T>(
        &'a self,
        field: u32,
        derived: &'a Latest<T>,
        text: impl Fn(&'a T) -> Option<&'a str>,
    ) -> Option<&'a str> {
        let since = match self.word(field) {
            Word::Set(text) => return Some(text),
            Word::Silent => 0,
            Word::Cleared(clock) => clock.saturating_add(1),
        };
        text(&derived.said().filter(|said| said.clock >= since)?.value)
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        let all = self.entries.range((entry::TAG, Vec::new())..(entry::TAG + 1, Vec::new()));
        all.filter(|(_, set)| is_on(set)).filter_map(|((_, tag), _)| str::from_utf8(tag).ok())
    }

    /// Whether the thread is in the trash, whose items end at this ordinal.
    pub(super) fn trashed(&self, end: u64) -> bool {
        let Some((_, Some(value))) = self.entries.get(&entry::key(entry::TRASHED)).and_then(Set::get) else {
            return false;
        };
        // A later version's word that cannot be read here says at least that it was put there.
        entry::seen(Some(value)).flatten().is_none_or(|seen| end <= seen)
    }

    pub(super) fn pinned(&self) -> bool {
        self.entries.get(&entry::key(entry::PINNED)).is_some_and(is_on)
    }
}

fn is_on(set: &Set<Value>) -> bool {
    set.get().is_some_and(|(_, value)| value.is_some())
}
