//! What to list, and how.

use serde::{Deserialize, Serialize};

use crate::list::{Cursor, CursorError, Relation};

/// Threads on a page, unless told otherwise.
pub const PAGE_SIZE_DEFAULT: usize = 25;
/// Most threads on a page.
pub const PAGE_SIZE_MAX: usize = 10_000;

/// Which threads to list, in which order, and from where.
///
/// ```
/// use threadlog::list::{ListParams, SortKey};
///
/// let mut params = ListParams::default();
/// params.sort_key = SortKey::Updated;
/// params.cwds = Some(vec!["/projects/mine".to_owned()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListParams {
    /// Most threads on the page: 1 to [`PAGE_SIZE_MAX`]. Default: 25.
    pub page_size: usize,
    /// Where the page begins. Default: at the start of the order.
    pub cursor: Option<Cursor>,
    /// What to sort by. Default: creation.
    pub sort_key: SortKey,
    /// Which end comes first. Default: the latest.
    pub direction: Direction,
    /// Which of the collections. Default: threads that are not archived.
    pub archived: ArchiveFilter,
    /// Whether threads without a preview are listed: nobody wrote to them yet. Default: no.
    pub include_without_preview: bool,
    /// Sources to list, as [`ThreadRow::source`](crate::list::ThreadRow::source) gives them; a whole family by the
    /// part before the colon ("subagent" is every "subagent:…"). "unknown" is a thread without source.
    /// Default: empty, which means all.
    pub sources: Vec<String>,
    /// Providers to list. Default: `None`, which means all; an empty list means none.
    pub model_providers: Option<Vec<String>>,
    /// What a thread without provider counts as. Default: `None`: it is of no provider.
    pub default_provider: Option<String>,
    /// Working directories to list: those same directories, not what is below them. Trailing and doubled
    /// slashes and `.` make no difference. Default: `None`, which means all; an empty list means none.
    pub cwds: Option<Vec<String>>,
    /// Text that name, title or preview must contain; case makes no difference. Default: `None`.
    pub search: Option<String>,
    /// Tags to list: threads that have any of them. Default: empty, which means all threads.
    pub tags: Vec<String>,
    /// Whether only pinned threads are listed. Default: no.
    pub pinned_only: bool,
    /// Only threads that came from this one; also those that nobody wrote to. Default: `None`, which means all.
    pub relation: Option<Relation>,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SortKey {
    /// When threads began. Never changes.
    #[default]
    Created,
    /// When something was last added.
    Updated,
    /// When the last turn began.
    Recency,
}

/// Which end of the order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The earliest.
    Ascending,
    /// The latest.
    #[default]
    Descending,
}

/// Which of the collections to list. Never several: what is archived or in the trash is out of sight until asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArchiveFilter {
    /// Threads that are not archived.
    #[default]
    Active,
    /// Archived threads.
    Archived,
    /// Threads in the trash, archived or not.
    Trashed,
}

impl Default for ListParams {
    fn default() -> ListParams {
        ListParams {
            page_size: PAGE_SIZE_DEFAULT,
            cursor: None,
            sort_key: SortKey::default(),
            direction: Direction::default(),
            archived: ArchiveFilter::default(),
            include_without_preview: false,
            sources: Vec::new(),
            model_providers: None,
            default_provider: None,
            cwds: None,
            search: None,
            tags: Vec::new(),
            pinned_only: false,
            relation: None,
        }
    }
}

/// Why a list cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The page size is out of bounds.
    #[error("a page of {0} threads: ask for 1 to {PAGE_SIZE_MAX}")]
    PageSize(usize),
    /// The cursor is of a list in another order.
    #[error(
        "the cursor is of a list by {cursor}, this list is by {list}: list by {cursor}, or start again without cursor"
    )]
    OtherOrder {
        /// What the cursor's list was sorted by.
        cursor: SortKey,
        /// What this list is sorted by.
        list: SortKey,
    },
    /// The text is no cursor.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl std::fmt::Display for SortKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            SortKey::Created => "created",
            SortKey::Updated => "updated",
            SortKey::Recency => "recency",
        })
    }
}
