//! Decides where a file's lines go: into which life of its thread, after how much of it.

use std::fs::{self, File};
use std::io;

use crate::event::Place;
use crate::import::compare::{Prefix, Relation, relate};
use crate::import::file::{Fault, Planned};
use crate::import::report::Outcome;
use crate::import::run::Run;
use crate::table::Entry;
use crate::thread::ThreadKey;

/// Where a file's lines go.
#[derive(Debug)]
pub(super) struct Target {
    /// The life.
    pub(super) key: ThreadKey,
    /// What will have become of the file.
    pub(super) outcome: Outcome,
    /// What of the file is there already.
    pub(super) prefix: Prefix,
    /// The name the file had before.
    pub(super) moved_from: Option<Place>,
}

impl Target {
    /// Whether the life has to be created.
    pub(super) fn is_new(&self) -> bool {
        self.outcome == Outcome::New || self.outcome.is_revision()
    }
}

/// Why no life of the thread takes the file.
#[derive(Default)]
struct Unfit {
    differs: bool,
    continued: bool,
    damaged: bool,
}

impl Unfit {
    fn outcome(&self) -> Outcome {
        match self {
            Unfit { continued: true, .. } => Outcome::Diverged,
            Unfit { differs: true, .. } => Outcome::Rewritten,
            Unfit { damaged: true, .. } => Outcome::Repaired,
            _ => Outcome::New,
        }
    }
}

impl Run<'_> {
    /// Compares the first `length` bytes of the file with each life it may belong to. A life that has all of
    /// it is best, then the one it continues furthest, else a new life.
    pub(super) fn choose(&self, planned: &Planned, file: &File, length: u64) -> Result<Target, Fault> {
        let mut best: Option<(ThreadKey, Prefix, Entry)> = None;
        let mut unfit = Unfit::default();
        for (key, entry) in self.candidates(planned) {
            let own = key.thread == planned.identity.thread;
            let relation =
                if entry.damaged { Relation::Damaged } else { relate(self.engine, key, &entry, file, length)? };
            match relation {
                // A life of another thread, known by the file's path only: what is stored must vouch for it.
                Relation::Holds(prefix) | Relation::Grows(prefix) if !own && prefix.bytes == 0 => {}
                Relation::Differs | Relation::Damaged if !own => {}
                Relation::Holds(prefix) => return Ok(existing(key, Outcome::Unchanged, prefix, &entry, planned)),
                Relation::Grows(prefix) => {
                    if best.as_ref().is_none_or(|(_, longest, _)| longest.bytes < prefix.bytes) {
                        best = Some((key, prefix, entry));
                    }
                }
                Relation::Differs => {
                    unfit.differs = true;
                    unfit.continued |= entry.live;
                }
                Relation::Damaged => unfit.damaged = true,
            }
        }
        if let Some((key, prefix, entry)) = best {
            return Ok(existing(key, Outcome::Grown, prefix, &entry, planned));
        }
        let key = ThreadKey { thread: planned.identity.thread, incarnation: self.random()? };
        Ok(Target { key, outcome: unfit.outcome(), prefix: Prefix::default(), moved_from: None })
    }
}

fn existing(key: ThreadKey, outcome: Outcome, prefix: Prefix, entry: &Entry, planned: &Planned) -> Target {
    Target { key, outcome, prefix, moved_from: name_before(entry, &planned.found.place) }
}

/// The name that a file new to this life had before: one at which there is nothing any more.
fn name_before(entry: &Entry, place: &Place) -> Option<Place> {
    if entry.life.source(place).is_some() {
        return None;
    }
    let gone = |old: &Place| {
        let root = old.root.to_path();
        // With its folder gone too (another disk, say) the file may well exist, only not here.
        let Ok(path) = old.path.below(&root) else { return false };
        root.is_dir() && matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
    };
    let left = entry.life.sources().filter(|(_, source)| gone(&source.place)).max_by_key(|(clock, _)| *clock);
    left.map(|(_, source)| source.place.clone())
}
