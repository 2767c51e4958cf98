//! What the control records of one life of a thread add up to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Control, Created, Place, Source};
use crate::path::PathBytes;

/// A value and when it was set; of two the later counts.
type Stamped<T> = (u64, T);

/// Creation and sources of one life of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    created: Option<Stamped<Created>>,
    /// By the file's whole path; the place is the one with the widest folder it was imported from.
    sources: BTreeMap<PathBytes, Stamped<Source>>,
    /// Whole paths that a file no longer has, and since when.
    left: BTreeMap<PathBytes, u64>,
    /// The latest clock seen.
    clock: u64,
    /// When it was deleted.
    deleted: Option<u64>,
}

impl Life {
    /// Takes one control record in.
    pub fn apply(&mut self, clock: u64, control: &Control) {
        self.clock = self.clock.max(clock);
        match control {
            // There is one; of two (a fault elsewhere) the earlier counts.
            Control::Created(created) => match &self.created {
                Some((before, _)) if *before <= clock => {}
                _ => self.created = Some((clock, created.clone())),
            },
            Control::Source(source) => {
                let known = self.sources.entry(source.place.file()).or_insert_with(|| (clock, source.clone()));
                let wider = if source.place.is_wider(&known.1.place) { &source.place } else { &known.1.place };
                let place = wider.clone();
                if known.0 < clock {
                    *known = (clock, source.clone());
                }
                known.1.place = place;
                if let Some(old) = &source.replaces {
                    let since = self.left.entry(old.file()).or_default();
                    *since = clock.max(*since);
                }
            }
            Control::Deleted => self.deleted = Some(self.deleted.map_or(clock, |before| before.min(clock))),
            // Facts of the metadata, not of the life.
            Control::Patched(_) | Control::Archived | Control::Unarchived => {}
        }
    }

    /// When it was deleted, by the clock of that record.
    #[must_use]
    pub fn deleted(&self) -> Option<u64> {
        self.deleted
    }

    /// What creation fixed; `None` if the record is lost.
    #[must_use]
    pub fn created(&self) -> Option<&Created> {
        self.created.as_ref().map(|(_, created)| created)
    }

    /// Clock of the creation; 0 if the record is lost.
    #[must_use]
    pub fn created_clock(&self) -> u64 {
        self.created.as_ref().map_or(0, |(clock, _)| *clock)
    }

    /// Clock of the latest control record; 0 without any.
    #[must_use]
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// The files that are, or were at their last import, this life's, with the clock of that import.
    pub fn sources(&self) -> impl Iterator<Item = (u64, &Source)> {
        self.sources
            .iter()
            .filter(|(file, (clock, _))| self.left.get(*file).is_none_or(|since| since < clock))
            .map(|(_, (clock, source))| (*clock, source))
    }

    /// The file of this name, with the clock of its import.
    #[must_use]
    pub fn source(&self, place: &Place) -> Option<(u64, &Source)> {
        let file = place.file();
        self.sources().find(|(_, source)| source.place.file() == file)
    }

    /// Every place that a file of this life ever had.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.sources.values().map(|(_, source)| &source.place)
    }

    /// Whole paths that a file of this life had and gave up by moving, with the clock of the move.
    pub fn left(&self) -> impl Iterator<Item = (u64, &PathBytes)> {
        self.left.iter().map(|(file, since)| (*since, file))
    }

    /// The file imported last.
    #[must_use]
    pub fn latest_source(&self) -> Option<&Source> {
        self.sources().max_by_key(|(clock, _)| *clock).map(|(_, source)| source)
    }
}
