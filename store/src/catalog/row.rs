//! One thread of a checkpoint, as lists look at it.

use threadlog_engine::number::size;
use uuid::Uuid;

use crate::list::{SortKey, ThreadRow};
use crate::metadata::ThreadMetadata;
use crate::thread::{ThreadId, ThreadKey};

use super::checkpoint::{Checkpoint, Damaged};
use super::rows::{NO_TEXT, RowBytes, flag};

/// A thread's row. Its texts must have been verified: [`Checkpoint::rows`] does that.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    checkpoint: &'a Checkpoint,
    row: &'a RowBytes,
}

impl<'a> Row<'a> {
    pub(super) fn new(checkpoint: &'a Checkpoint, row: &'a RowBytes) -> Row<'a> {
        Row { checkpoint, row }
    }

    pub(super) fn bytes(&self) -> &'a RowBytes {
        self.row
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.row.has(flag)
    }

    /// The thread's current life.
    pub fn key(&self) -> ThreadKey {
        let thread = ThreadId::from_uuid(Uuid::from_bytes(self.row.thread));
        ThreadKey { thread, incarnation: self.row.incarnation.get() }
    }

    /// Its class; `None` if there is no such thread.
    pub fn class(&self) -> Option<usize> {
        self.row.class()
    }

    /// Whether there is such a thread.
    pub fn exists(&self) -> bool {
        self.has(flag::EXISTS)
    }

    /// All that is known of it.
    pub fn metadata(&self) -> Result<ThreadMetadata, Damaged> {
        self.checkpoint.metadata(self.row)
    }

    fn interned(&self, number: u32) -> Option<&'a str> {
        if number == NO_TEXT {
            return None;
        }
        let strings = self.checkpoint.or_doubt(self.checkpoint.strings())?;
        self.checkpoint.or_doubt(strings.get(size(number)).map(String::as_str).ok_or(Damaged::Row))
    }

    fn text(&self, skipped: usize, bytes: usize) -> Option<&'a str> {
        let at = usize::try_from(self.row.text_at.get()).ok()?.checked_add(skipped)?;
        self.checkpoint.text(at, bytes)
    }

    fn lengths(&self) -> [usize; 3] {
        let RowBytes { name_bytes, title_bytes, preview_bytes, .. } = self.row;
        [name_bytes, title_bytes, preview_bytes].map(|bytes| size(bytes.get()))
    }
}

impl ThreadRow for Row<'_> {
    fn thread(&self) -> ThreadId {
        self.key().thread
    }

    fn time_ms(&self, key: SortKey) -> u64 {
        match key {
            SortKey::Created => self.row.created_ms,
            SortKey::Updated => self.row.updated_ms,
            SortKey::Recency => self.row.recency_ms,
        }
        .get()
    }

    fn archived(&self) -> bool {
        self.has(flag::ARCHIVED)
    }

    fn trashed(&self) -> bool {
        self.has(flag::TRASHED)
    }

    fn source(&self) -> Option<&str> {
        self.interned(self.row.source.get())
    }

    fn model_provider(&self) -> Option<&str> {
        self.interned(self.row.provider.get())
    }

    fn cwd(&self) -> Option<&str> {
        self.interned(self.row.cwd.get())
    }

    fn name(&self) -> Option<&str> {
        let [name, ..] = self.lengths();
        self.text(0, name).filter(|_| self.has(flag::NAME))
    }

    fn title(&self) -> Option<&str> {
        if self.has(flag::TITLE_IS_NAME) {
            return self.name();
        }
        if self.has(flag::TITLE_IS_PREVIEW) {
            return self.preview();
        }
        let [name, title, _] = self.lengths();
        self.text(name, title).filter(|_| self.has(flag::TITLE))
    }

    fn preview(&self) -> Option<&str> {
        let [name, title, preview] = self.lengths();
        self.text(name.checked_add(title)?, preview).filter(|_| self.has(flag::PREVIEW))
    }

    fn has_preview(&self) -> bool {
        self.has(flag::PREVIEW) && self.row.preview_bytes.get() > 0
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.has(flag::TAGGED)
            && self.checkpoint.or_doubt(self.metadata()).is_some_and(|metadata| metadata.has_tag(tag))
    }

    fn pinned(&self) -> bool {
        self.has(flag::PINNED)
    }

    fn fork_source(&self) -> Option<ThreadId> {
        self.has(flag::FORK).then(|| ThreadId::from_uuid(Uuid::from_bytes(self.row.fork_source)))
    }

    fn parent(&self) -> Option<ThreadId> {
        self.has(flag::PARENT).then(|| ThreadId::from_uuid(Uuid::from_bytes(self.row.parent)))
    }
}
