//! What a list must know of a thread.

use crate::list::SortKey;
use crate::metadata::ThreadMetadata;
use crate::thread::ThreadId;

/// A thread, as far as filters and order look at it. Asked of every thread for every page, so it should be cheap.
pub trait ThreadRow {
    /// The thread. Decides between equal times.
    fn thread(&self) -> ThreadId;
    /// The time to sort by, in milliseconds since 1970 (UTC).
    fn time_ms(&self, key: SortKey) -> u64;
    /// Whether it is archived.
    fn archived(&self) -> bool;
    /// Whether it is in the trash. Default: no.
    fn trashed(&self) -> bool {
        false
    }
    /// Where it came from: "cli", "subagent:review"; `None` if it is not known.
    fn source(&self) -> Option<&str>;
    /// The provider of its model; `None` for the embedder's default.
    fn model_provider(&self) -> Option<&str>;
    /// Its working directory.
    fn cwd(&self) -> Option<&str>;
    /// Its name.
    fn name(&self) -> Option<&str>;
    /// Its title.
    fn title(&self) -> Option<&str>;
    /// Its preview.
    fn preview(&self) -> Option<&str>;
    /// Whether it has a preview that is not empty.
    fn has_preview(&self) -> bool {
        self.preview().is_some_and(|preview| !preview.is_empty())
    }
    /// Whether it has this tag. Default: it has none.
    fn has_tag(&self, _tag: &str) -> bool {
        false
    }
    /// Whether it is pinned. Default: it is not.
    fn pinned(&self) -> bool {
        false
    }
    /// The thread that it is a fork of. Default: it is none.
    fn fork_source(&self) -> Option<ThreadId> {
        None
    }
    /// The thread whose agent started it. Default: none did.
    fn parent(&self) -> Option<ThreadId> {
        None
    }
}

/// Enough for some thousands of threads, as each costs some 100 ns: a store of more keeps smaller rows.
impl ThreadRow for ThreadMetadata {
    fn thread(&self) -> ThreadId {
        self.thread()
    }

    fn time_ms(&self, key: SortKey) -> u64 {
        match key {
            SortKey::Created => self.created_ms(),
            SortKey::Updated => self.updated_ms(),
            SortKey::Recency => self.recency_ms(),
        }
    }

    fn archived(&self) -> bool {
        self.archived()
    }

    fn trashed(&self) -> bool {
        self.trashed()
    }

    fn source(&self) -> Option<&str> {
        self.source()
    }

    fn model_provider(&self) -> Option<&str> {
        self.model_provider()
    }

    fn cwd(&self) -> Option<&str> {
        self.cwd()
    }

    fn name(&self) -> Option<&str> {
        self.name()
    }

    fn title(&self) -> Option<&str> {
        self.title()
    }

    fn preview(&self) -> Option<&str> {
        self.preview()
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags().any(|own| own == tag)
    }

    fn pinned(&self) -> bool {
        self.pinned()
    }

    fn fork_source(&self) -> Option<ThreadId> {
        self.forked_from()?.parse().ok()
    }

    fn parent(&self) -> Option<ThreadId> {
        self.parent_thread()?.parse().ok()
    }
}
