//! What a look at other writers' journals brought.

use std::collections::BTreeSet;

use crate::id::StreamId;
use crate::journal::index::Index;
use crate::recover::walk::Group;

/// Streams of which other processes made records durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    streams: BTreeSet<StreamId>,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The streams, sorted.
    pub fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.streams.iter()
    }

    /// Takes in another look's.
    pub fn add(&mut self, mut other: Changes) {
        self.streams.append(&mut other.streams);
    }

    pub(crate) fn note(&mut self, stream: StreamId) {
        self.streams.insert(stream);
    }

    pub(crate) fn note_groups<'a>(&mut self, groups: impl Iterator<Item = &'a Group>) {
        self.streams.extend(groups.flat_map(|group| &group.frames).map(|frame| frame.header.stream));
    }

    /// Streams that do not end where they did in the same journal, or are new or gone.
    pub(crate) fn note_difference(&mut self, before: &Index, after: &Index) {
        let moved = after.streams().filter(|(stream, runs)| {
            before.stream(stream).is_none_or(|old| (old.end(), old.lease_epoch()) != (runs.end(), runs.lease_epoch()))
        });
        self.streams.extend(moved.map(|(stream, _)| *stream));
        let gone = before.streams().filter(|(stream, _)| after.stream(stream).is_none());
        self.streams.extend(gone.map(|(stream, _)| *stream));
    }
}
