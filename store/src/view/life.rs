//! What the control records of one life of a thread add up to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Control, Created, Place, Source};

/// A value and when it was set; of two the later counts.
type Stamped<T> = (u64, T);

/// Creation and sources of one life of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    created: Option<Stamped<Created>>,
    sources: BTreeMap<Place, Stamped<Source>>,
    /// Names that a file no longer has, and since when.
    left: BTreeMap<Place, u64>,
    /// The latest clock seen.
    clock: u64,
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
                match self.sources.get(&source.place) {
                    Some((before, _)) if *before >= clock => {}
                    _ => drop(self.sources.insert(source.place.clone(), (clock, source.clone()))),
                }
                if let Some(old) = &source.replaces {
                    let since = self.left.entry(old.clone()).or_default();
                    *since = clock.max(*since);
                }
            }
            // Facts of the metadata, not of the life.
            Control::Patched(_) | Control::Archived | Control::Unarchived => {}
        }
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
            .values()
            .filter(|(clock, source)| self.left.get(&source.place).is_none_or(|since| since < clock))
            .map(|(clock, source)| (*clock, source))
    }

    /// The file of this name, with the clock of its import.
    #[must_use]
    pub fn source(&self, place: &Place) -> Option<(u64, &Source)> {
        self.sources().find(|(_, source)| source.place == *place)
    }

    /// The file imported last.
    #[must_use]
    pub fn latest_source(&self) -> Option<&Source> {
        self.sources().max_by_key(|(clock, _)| *clock).map(|(_, source)| source)
    }
}
