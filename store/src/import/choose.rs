//! Decides where a file's lines go: into which life of its thread, after how much of it.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::event::Place;
use crate::import::compare::{Prefix, Relation, relate};
use crate::import::file::{Fault, Planned};
use crate::import::input::Input;
use crate::import::report::Outcome;
use crate::import::run::Run;
use crate::import::walk::PACKED;
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

/// What a life remembers of the file.
#[derive(Clone, Debug)]
struct Before {
    /// How long it was; unknown if its import was never completed.
    bytes: Option<u64>,
    /// What it was called, if it is called otherwise now.
    moved_from: Option<Place>,
}

/// Why no life of the thread takes the file.
#[derive(Default)]
struct Unfit {
    /// By the most recent life that knows the file itself.
    known: Option<(Outcome, Option<Place>)>,
    differs: bool,
    shares_lines: bool,
    damaged: bool,
}

impl Unfit {
    fn add(&mut self, relation: &Relation, before: Option<&Before>) {
        let outcome = match (relation, before) {
            // What it had at its last import is its beginning still, and what is stored was continued by others.
            (Relation::Differs(common), Some(before)) if before.bytes.is_some_and(|bytes| bytes <= common.bytes) => {
                Outcome::Diverged
            }
            (Relation::Differs(_), _) => Outcome::Rewritten,
            (Relation::Damaged, _) => Outcome::Repaired,
            (Relation::Holds(_) | Relation::Grows(_), _) => Outcome::Shortened,
        };
        if let (None, Some(before)) = (&self.known, before) {
            self.known = Some((outcome, before.moved_from.clone()));
        }
        match relation {
            Relation::Differs(common) => {
                self.differs = true;
                self.shares_lines |= common.lines > 0;
            }
            Relation::Damaged => self.damaged = true,
            Relation::Holds(_) | Relation::Grows(_) => {}
        }
    }

    fn outcome(self) -> (Outcome, Option<Place>) {
        match self {
            Unfit { known: Some(known), .. } => known,
            Unfit { shares_lines: true, .. } => (Outcome::Diverged, None),
            Unfit { differs: true, .. } => (Outcome::Another, None),
            Unfit { damaged: true, .. } => (Outcome::Repaired, None),
            Unfit { .. } => (Outcome::New, None),
        }
    }
}

impl Run<'_> {
    /// Compares the file with each life it may belong to. A life that has all of it is best, then the one it continues
    /// furthest, else a new life. A life that has more than the file, and knows that the file had more, does not have
    /// the file as it is now: taking it for that would leave no name for what was cut off.
    pub(super) fn choose(&self, planned: &Planned, input: &Input) -> Result<Target, Fault> {
        let mut best: Option<(ThreadKey, Prefix, Option<Before>)> = None;
        let mut unfit = Unfit::default();
        for (key, entry) in self.candidates(planned) {
            self.make_readable(key)?;
            let own = key.thread == planned.identity.thread;
            let before = self.before(key, &entry, &planned.found.place);
            let relation = if entry.damaged { Relation::Damaged } else { relate(self.engine, key, &entry, input)? };
            let was_longer = before.as_ref().and_then(|before| before.bytes).is_some_and(|bytes| bytes > input.bytes());
            match relation {
                // A life of another thread, known by the file's path only: what is stored must vouch for it.
                Relation::Holds(prefix) | Relation::Grows(prefix) if !own && prefix.bytes == 0 => {}
                Relation::Differs(_) | Relation::Damaged if !own => {}
                Relation::Holds(prefix) if !was_longer => {
                    return Ok(existing(key, Outcome::Unchanged, prefix, before));
                }
                Relation::Grows(prefix) => {
                    if best.as_ref().is_none_or(|(_, longest, _)| longest.bytes < prefix.bytes) {
                        best = Some((key, prefix, before));
                    }
                }
                relation => unfit.add(&relation, before.as_ref()),
            }
        }
        if let Some((key, prefix, before)) = best {
            return Ok(existing(key, Outcome::Grown, prefix, before));
        }
        let key = ThreadKey { thread: planned.identity.thread, incarnation: self.random()? };
        let (outcome, moved_from) = unfit.outcome();
        Ok(Target { key, outcome, prefix: Prefix::default(), moved_from })
    }

    /// What a life remembers of the file: under its name; else under one at which there is nothing any more.
    fn before(&self, key: ThreadKey, entry: &Entry, place: &Place) -> Option<Before> {
        if let Some((_, source)) = entry.life.source(place) {
            return Some(Before { bytes: Some(source.bytes), moved_from: None });
        }
        if let Some(begun) = entry.life.created().and_then(|created| created.origin.place())
            && begun.file() == place.file()
            && entry.life.places().next().is_none()
        {
            return Some(Before { bytes: None, moved_from: None });
        }
        let left = entry.life.sources().filter(|(_, source)| self.may_move(key, &source.place) && gone(&source.place));
        let (_, source) = left.max_by_key(|(clock, _)| *clock)?;
        Some(Before { bytes: Some(source.bytes), moved_from: Some(source.place.clone()) })
    }
}

fn existing(key: ThreadKey, outcome: Outcome, prefix: Prefix, before: Option<Before>) -> Target {
    Target { key, outcome, prefix, moved_from: before.and_then(|before| before.moved_from) }
}

/// Whether there is no file of this name any more, compressed or not.
fn gone(old: &Place) -> bool {
    let root = old.root.to_path();
    // With its folder gone too (another disk, say) the file may well exist, only not here.
    let Ok(path) = old.path.below(&root) else { return false };
    let mut packed = path.clone().into_os_string();
    packed.push(PACKED);
    let absent = |path: &PathBuf| matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound);
    root.is_dir() && absent(&path) && absent(&PathBuf::from(packed))
}
