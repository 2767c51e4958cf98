//! What an import did.

use std::collections::BTreeSet;

use crate::item::OddityCounts;
use crate::path::PathBytes;
use crate::progress::Refusal;
use crate::thread::ThreadId;

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Its thread was not in the store.
    New,
    /// It had gained lines; they were added.
    Grown,
    /// All of it was in the store already.
    Unchanged,
    /// It differs from what it was at its last import; kept as a further revision.
    Rewritten,
    /// It is the beginning of what it was at its last import; kept as a further revision.
    Shortened,
    /// It and another copy of its thread (another file, or the store's) were both continued, differently; kept as a
    /// further revision.
    Diverged,
    /// It is another file of its thread, and no line of its beginning is that of one that is there; kept as a further
    /// revision.
    Another,
    /// The store's copy is damaged; kept as a further revision.
    Repaired,
}

impl Outcome {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::New => "new",
            Outcome::Grown => "grown",
            Outcome::Unchanged => "unchanged",
            Outcome::Rewritten => "rewritten",
            Outcome::Shortened => "cut down",
            Outcome::Another => "another file of its thread",
            Outcome::Diverged => "continued in both places",
            Outcome::Repaired => "imported again, the stored copy being damaged",
        }
    }

    /// Whether the thread got a further revision.
    #[must_use]
    pub fn is_revision(self) -> bool {
        !matches!(self, Outcome::New | Outcome::Grown | Outcome::Unchanged)
    }
}

/// One imported file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Its path below the folder that was imported.
    pub path: PathBytes,
    /// Its thread.
    pub thread: ThreadId,
    /// What became of it.
    pub outcome: Outcome,
    /// The path it had before, if it was moved.
    pub moved_from: Option<PathBytes>,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Lines that were added to the store; the rest of a half line counts as one.
    pub lines_added: u64,
    /// Bytes that were added to the store.
    pub bytes_added: u64,
    /// What is odd about the lines added.
    pub odd: OddityCounts,
    /// Whether its modification time lies beyond what is kept, and an export gives it another: before 1677, after 2262.
    pub time_cut: bool,
}

/// What an import did. Everything in it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The files that are in the store now, in the order in which they were found.
    pub files: Vec<FileReport>,
    /// What should have been imported and could not be.
    pub refused: Vec<Refusal>,
    /// What looks like something else, and was passed over.
    pub skipped: Vec<Refusal>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl ImportReport {
    /// Files with this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.files.iter().filter(|file| file.outcome == outcome).count()
    }

    /// Files that were moved since their last import.
    #[must_use]
    pub fn moved(&self) -> usize {
        self.files.iter().filter(|file| file.moved_from.is_some()).count()
    }

    /// Threads that those files are of.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.files.iter().map(|file| file.thread).collect::<BTreeSet<_>>().len()
    }

    /// Length of all files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Lines added to the store.
    #[must_use]
    pub fn lines_added(&self) -> u64 {
        self.files.iter().map(|file| file.lines_added).sum()
    }

    /// Bytes added to the store, as the files have them.
    #[must_use]
    pub fn bytes_added(&self) -> u64 {
        self.files.iter().map(|file| file.bytes_added).sum()
    }

    /// What is odd about the lines added.
    #[must_use]
    pub fn odd(&self) -> OddityCounts {
        let mut odd = OddityCounts::default();
        self.files.iter().for_each(|file| odd.merge(&file.odd));
        odd
    }
}
