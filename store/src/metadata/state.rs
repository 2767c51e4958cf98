//! The state of the fold, and the events it takes in.

use serde::{Deserialize, Serialize};

use super::derived::Derived;
use super::inherited::Inherited;
use super::patch::MetadataPatch;
use super::register::{First, Set, Stamp};
use super::user::UserSet;
use crate::event::{Created, Source};
use crate::item::{RolloutItem, Timestamp};
use crate::thread::ThreadId;

/// Metadata of one life of a thread.
///
/// Start with [`ThreadMetadata::new`] and [apply](ThreadMetadata::apply) each event once, in any order;
/// or fold parts of the events by themselves and [join](ThreadMetadata::join) the results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadMetadata {
    pub(super) thread: ThreadId,
    /// By clock: there is one creation; of two (a fault elsewhere) the earlier counts.
    pub(super) began: First<Began>,
    pub(super) file: Set<File>,
    pub(super) user: UserSet,
    pub(super) derived: Derived,
    /// Of a fork.
    pub(super) inherited: First<Box<Inherited>>,
}

/// What is kept of the creation, for threads whose items tell nothing better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Began {
    pub(super) at_ms: u64,
    /// The time in the imported file's name, taken for UTC.
    pub(super) name_ms: Option<u64>,
}

/// What is kept of the file imported last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) modified_ms: u64,
    /// Whether it lay among archived sessions.
    pub(super) archived: bool,
}

/// Something that can change a thread's metadata.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum MetadataEvent<'a> {
    /// An item of the thread: a whole line, also if it came in several records. A line whose end has not come
    /// yet is given once it is whole.
    Item {
        /// Its ordinal; of a line in several records, the first one's. No two items have the same.
        ordinal: u64,
        /// Its record's clock.
        clock: u64,
        /// The item. Parsed only if its kind can change anything.
        item: &'a RolloutItem,
    },
    /// The thread was created.
    Created {
        /// The record's clock.
        clock: u64,
        /// All that creation fixed.
        created: &'a Created,
    },
    /// A file whose content is the thread's items, or their beginning, was imported.
    Imported {
        /// When and where.
        stamp: Stamp,
        /// The file.
        source: &'a Source,
    },
    /// A user changed something.
    Patched {
        /// When and where.
        stamp: Stamp,
        /// What.
        patch: &'a MetadataPatch,
    },
    /// A user archived the thread.
    Archived {
        /// When and where.
        stamp: Stamp,
    },
    /// A user took the thread back from the archive.
    Unarchived {
        /// When and where.
        stamp: Stamp,
    },
}

impl ThreadMetadata {
    /// A thread without events.
    #[must_use]
    pub fn new(thread: ThreadId) -> ThreadMetadata {
        ThreadMetadata {
            thread,
            began: First::default(),
            file: Set::default(),
            user: UserSet::default(),
            derived: Derived::default(),
            inherited: First::default(),
        }
    }

    /// Takes one event in. An item that cannot change anything but the counts and times costs a few comparisons.
    pub fn apply(&mut self, event: MetadataEvent<'_>) {
        match event {
            MetadataEvent::Item { ordinal, clock, item } => self.derived.item(self.thread, ordinal, clock, item),
            MetadataEvent::Created { clock, created } => {
                self.began.state(clock, Began::of(created));
                if let Some(fork) = created.origin.fork() {
                    self.inherited.state(clock, Box::new(fork.inherited.clone()));
                }
            }
            MetadataEvent::Imported { stamp, source } => self.file.set(stamp, File::of(source)),
            MetadataEvent::Patched { stamp, patch } => self.user.patch(stamp, patch),
            MetadataEvent::Archived { stamp } => self.user.archive(stamp, true),
            MetadataEvent::Unarchived { stamp } => self.user.archive(stamp, false),
        }
    }

    /// Takes in what was folded from other events of the same life of the same thread.
    pub fn join(&mut self, other: ThreadMetadata) {
        let ThreadMetadata { thread: _, began, file, user, derived, inherited } = other;
        self.began.join(began);
        self.file.join(file);
        self.user.join(user);
        self.derived.join(derived);
        self.inherited.join(inherited);
    }
}

impl ThreadMetadata {
    /// Takes in what users said of another life of the thread, that it is in the trash left out: that is said of what was
    /// there.
    pub(crate) fn hear(&mut self, other: ThreadMetadata) {
        self.user.join(other.user.but_the_trash());
    }
}

impl Began {
    fn of(created: &Created) -> Began {
        let name_ms = created.origin.place().and_then(|place| name_time(place.path.file_name()));
        Began { at_ms: created.at_ms, name_ms: name_ms.map(Timestamp::ms) }
    }
}

impl File {
    fn of(source: &Source) -> File {
        File { modified_ms: u64::try_from(source.modified_ns / 1_000_000).unwrap_or(0), archived: lay_archived(source) }
    }
}

/// Whether a file lay among archived sessions.
pub(crate) fn lay_archived(source: &Source) -> bool {
    const FOLDER: &str = "archived_sessions";
    source.place.root.has_part(FOLDER) || source.place.path.has_part(FOLDER)
}

/// The time in `rollout-2026-02-04T21-29-45-<id>.jsonl`. It is local time without a zone; Codex reads it as UTC.
fn name_time(name: &[u8]) -> Option<Timestamp> {
    let time = name.strip_prefix(b"rollout-")?.first_chunk::<19>()?;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (place, byte) in text.iter_mut().zip(time) {
        if *place != b':' {
            *place = *byte;
        } else if *byte != b'-' {
            return None;
        }
    }
    Timestamp::parse(&text)
}
