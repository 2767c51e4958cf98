//! What a step reads and changes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// A hash of whatever is told apart.
pub fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A thing that a step can read or change; files by a number that they keep when they are renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thing<'a> {
    /// What a path names.
    Name(&'a Path),
    /// Which names are in a directory.
    Names(&'a Path),
    /// How long the files of a directory are.
    Lengths(&'a Path),
    /// How long a file is.
    Length(u64),
    /// 4 096 bytes of a file.
    Block(u64, u64),
    /// A shared page.
    Page(u64),
    /// The lock of a file.
    Lock(u64),
    /// A place among a file's ranges.
    Range(u64, u64),
}

/// That a thing is read, or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Which thing, hashed.
    pub thing: u64,
    /// Whether it may be changed.
    pub changes: bool,
}

/// What one step may touch.
pub type Touches = Vec<Touch>;

/// Reads a thing.
pub fn reads(thing: Thing<'_>) -> Touch {
    Touch { thing: hash_of(thing), changes: false }
}

/// Changes it.
pub fn changes(thing: Thing<'_>) -> Touch {
    Touch { thing: hash_of(thing), changes: true }
}

/// The blocks of a range of bytes.
pub fn blocks(file: u64, offset: u64, bytes: usize) -> impl Iterator<Item = Thing<'static>> {
    let end = offset + bytes as u64;
    (offset / 4096..end.div_ceil(4096)).map(move |block| Thing::Block(file, block))
}

/// Whether two steps lead to the same in either order.
pub fn commute(one: &[Touch], other: &[Touch]) -> bool {
    one.iter().all(|a| other.iter().all(|b| a.thing != b.thing || !(a.changes || b.changes)))
}

/// Up to which of its steps a process reads and changes things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    last: HashMap<u64, Last>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Last {
    read: Option<u32>,
    changed: Option<u32>,
}

impl Learned {
    /// Notes what the process touches at a step.
    pub fn note(&mut self, step: u32, touches: &[Touch]) {
        for touch in touches {
            let last = self.last.entry(touch.thing).or_default();
            let last = if touch.changes { &mut last.changed } else { &mut last.read };
            *last = (*last).max(Some(step));
        }
    }

    /// Whether, as far as is known, nothing that it does from `step` on is in the way of these touches.
    pub fn is_past(&self, step: u32, touches: &[Touch]) -> bool {
        touches.iter().all(|touch| {
            let Some(last) = self.last.get(&touch.thing) else { return true };
            let is_before = |at: Option<u32>| at.is_none_or(|at| at < step);
            is_before(last.changed) && (!touch.changes || is_before(last.read))
        })
    }

    /// Whether all that the other knows is known here.
    pub fn covers(&self, other: &Learned) -> bool {
        other.last.iter().all(|(thing, new)| {
            self.last.get(thing).is_some_and(|known| known.read >= new.read && known.changed >= new.changed)
        })
    }

    /// Takes in what the other knows.
    pub fn join(&mut self, other: &Learned) {
        for (thing, new) in &other.last {
            let known = self.last.entry(*thing).or_default();
            known.read = known.read.max(new.read);
            known.changed = known.changed.max(new.changed);
        }
    }
}
