use uuid::Uuid;

use super::*;
use crate::thread::ThreadId;

mod cursor;
mod filters;
mod paging;

/// A row as its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    id: u128,
    ms: [u64; 3],
    archived: bool,
    source: Option<&'static str>,
    provider: Option<&'static str>,
    cwd: Option<&'static str>,
    name: Option<&'static str>,
    title: Option<&'static str>,
    preview: Option<&'static str>,
    tags: &'static [&'static str],
    pinned: bool,
}

/// A row whose three times are all `ms`.
fn row(id: u128, ms: u64) -> Row {
    Row {
        id,
        ms: [ms; 3],
        archived: false,
        source: None,
        provider: None,
        cwd: None,
        name: None,
        title: None,
        preview: Some("x"),
        tags: &[],
        pinned: false,
    }
}

impl ThreadRow for Row {
    fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(&tag)
    }

    fn pinned(&self) -> bool {
        self.pinned
    }

    fn thread(&self) -> ThreadId {
        ThreadId::from_uuid(Uuid::from_u128(self.id))
    }

    fn time_ms(&self, key: SortKey) -> u64 {
        let [created, updated, recency] = self.ms;
        match key {
            SortKey::Created => created,
            SortKey::Updated => updated,
            SortKey::Recency => recency,
        }
    }

    fn archived(&self) -> bool {
        self.archived
    }

    fn source(&self) -> Option<&str> {
        self.source
    }

    fn model_provider(&self) -> Option<&str> {
        self.provider
    }

    fn cwd(&self) -> Option<&str> {
        self.cwd
    }

    fn name(&self) -> Option<&str> {
        self.name
    }

    fn title(&self) -> Option<&str> {
        self.title
    }

    fn preview(&self) -> Option<&str> {
        self.preview
    }
}

/// The ids that a list of these rows shows.
fn ids(page: &ListPage<&Row>) -> Vec<u128> {
    page.threads.iter().map(|row| row.id).collect()
}
