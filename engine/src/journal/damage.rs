//! Damage in words, and as an error.

use std::fmt;
use std::path::Path;

use crate::error::Error;
use crate::journal::place;
use crate::recover::log::{Damage, DamageKind};

impl Damage {
    /// The typed error for this damage in the store at `root`.
    #[must_use]
    pub fn to_error(&self, root: &Path) -> Error {
        let mut streams: Vec<_> = self.records.iter().map(|(stream, _)| *stream).collect();
        streams.sort_unstable();
        streams.dedup();
        let path = place::journal(root, self.journal).join(self.segment.to_string());
        Error::Corrupt { path, offset: self.offset, what: self.to_string(), streams }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DamageKind::Gap => "a commit group is damaged",
            DamageKind::Payload => "a payload fails its checksum",
            DamageKind::MissingSegment => "a segment before this one is missing",
            DamageKind::Header => "the segment's header is damaged",
            DamageKind::Chain => "a commit group does not follow the one before it",
            DamageKind::TailLost => "the log ends before records that were acknowledged",
        };
        match self.count {
            Some(0) => write!(f, "{what}; no record is lost"),
            Some(1) => write!(f, "{what}; record {} is lost", self.first),
            Some(count) => write!(f, "{what}; {count} records from sequence {} are lost", self.first),
            None => write!(f, "{what}; records from sequence {} are lost, it cannot be told how many", self.first),
        }
    }
}
