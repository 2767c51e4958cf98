//! Records of the control stream: facts about a thread.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Unreadable;
use crate::metadata::{Inherited, MetadataPatch};
use crate::path::PathBytes;
use crate::thread::{ThreadId, ThreadKey};

/// A fact about one life of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// The first record of every life, in one batch with its first items.
    Created(Created),
    /// A file whose content is this life's items, or their beginning, was imported completely.
    Source(Source),
    /// A user changed the metadata.
    Patched(Box<MetadataPatch>),
    /// A user archived the thread.
    Archived,
    /// A user took the thread back from the archive.
    Unarchived,
    /// This life of the thread was deleted. No record of any process, however late, undoes it.
    Deleted,
}

/// All that creation fixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// When, in milliseconds since 1970 (UTC), by the clock of the machine that did it.
    pub at_ms: u64,
    /// The thread's id as its file writes it, if that is not how this program writes it.
    pub id_text: Option<String>,
    /// Which of a thread's several files this is (`…-<thread id>_<rollout id>.jsonl`).
    pub rollout: Option<Uuid>,
    /// Where it came from.
    pub origin: Origin,
}

/// How a life of a thread began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// By an agent, in this store.
    Native,
    /// By importing a file.
    Imported(Place),
    /// As a fork of another thread, in this store.
    Forked(Box<Fork>),
    /// By importing a file that begins with its own first line and then repeats what another thread of this store has.
    ImportedFork(Place, Box<Fork>),
}

impl Origin {
    /// What its history begins with, if that is another thread's.
    #[must_use]
    pub fn fork(&self) -> Option<&Fork> {
        match self {
            Origin::Forked(fork) | Origin::ImportedFork(_, fork) => Some(fork),
            Origin::Native | Origin::Imported(_) => None,
        }
    }

    /// The file that it began with.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Origin::Imported(place) | Origin::ImportedFork(place, _) => Some(place),
            Origin::Native | Origin::Forked(_) => None,
        }
    }
}

/// What a fork has of another thread. Nothing is copied: its history is the base's items, and then its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Whose items come first, and how many.
    pub base: Base,
    /// The thread that was forked, if that is another than the base's: it was cut inside what it had inherited itself.
    pub source: Option<ThreadId>,
    /// What is known of the inherited part, so that lists need not read it.
    pub inherited: Inherited,
}

/// The beginning of one life of a thread. The life stays readable as long as a fork stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The thread.
    pub thread: ThreadId,
    /// Which of its lives.
    pub incarnation: u64,
    /// The ordinal behind the last item of it, what it inherited itself included; the fork's own items begin there.
    pub end: u64,
}

impl Base {
    /// The life.
    #[must_use]
    pub fn key(&self) -> ThreadKey {
        ThreadKey { thread: self.thread, incarnation: self.incarnation }
    }
}

impl Fork {
    /// The thread that was forked.
    #[must_use]
    pub fn source(&self) -> ThreadId {
        self.source.unwrap_or(self.base.thread)
    }
}

/// A rollout file's name: the folder that was imported, and the path below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The imported folder, absolute.
    pub root: PathBytes,
    /// The file below it, `/` between its parts. Untrusted: see [`PathBytes::below`].
    pub path: PathBytes,
}

impl Place {
    /// The file's whole path. Two places with the same one are the same file, reached from two folders.
    #[must_use]
    pub fn file(&self) -> PathBytes {
        let root = self.root.as_bytes();
        let root = root.strip_suffix(b"/").unwrap_or(root);
        PathBytes::new([root, b"/", self.path.as_bytes()].concat())
    }

    /// Whether its folder holds the other's: of two names of one file the wider tells more.
    #[must_use]
    pub fn is_wider(&self, other: &Place) -> bool {
        self.root.as_bytes().len() < other.root.as_bytes().len()
    }
}

/// One imported file, as it was when all of it was in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name. The latest record for a file ([`Place::file`]) counts.
    pub place: Place,
    /// Its modification time, in nanoseconds since 1970 (UTC).
    pub modified_ns: i64,
    /// Its length. Exports of this file are the first `bytes` bytes of the items' rendering.
    pub bytes: u64,
    /// BLAKE3 of its bytes.
    pub blake3: [u8; 32],
    /// How many records of the items stream it covers whole.
    pub records: u64,
    /// How many lines it has, an unfinished last one included.
    pub lines: u64,
    /// A name that the file had before: it was moved.
    pub replaces: Option<Place>,
}

impl Control {
    /// Appends the record's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail, and nothing here is of unknown length.
        let _ = postcard::to_io(self, out);
    }

    /// Reads a record's bytes, ignoring what a later version may have added behind.
    ///
    /// # Errors
    /// [`Unreadable::Content`] if the bytes are not such a record.
    pub fn decode(bytes: &[u8]) -> Result<Control, Unreadable> {
        postcard::take_from_bytes(bytes).map(|(control, _)| control).map_err(|_| Unreadable::Content)
    }
}
