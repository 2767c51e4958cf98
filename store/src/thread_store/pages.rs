//! Turns and items page by page: what is asked for, and what comes.

use std::ops::Range;
use std::str::FromStr;

use crate::context::{Turn, TurnCounting};
use crate::item::Timestamp;
use crate::items::StoredItem;
use crate::list::Direction;
use crate::thread::ThreadId;
use crate::thread_store::{Report, Result};

/// Items on a page, unless told otherwise.
const ITEMS_DEFAULT: usize = 100;
/// Turns on a page, unless told otherwise.
const TURNS_DEFAULT: usize = 25;
/// Most items or turns on a page.
const PAGE_SIZE_MAX: usize = 10_000;

/// What [`ThreadStore::list_items`](crate::thread_store::ThreadStore::list_items) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListItemsParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived. Default: no.
    pub include_archived: bool,
    /// Most items on the page: 1 to 10 000. Default: 100.
    pub page_size: usize,
    /// A place between two items: ascending, the page begins with the item that has this ordinal; descending, with the one
    /// before it. Default: `None`, which is the end where the order begins.
    pub at: Option<u64>,
    /// Which comes first. Default: the oldest.
    pub direction: Direction,
}

/// A page of items, in the order that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemPage {
    /// The items.
    pub items: Vec<StoredItem>,
    /// Where the next page begins ([`ListItemsParams::at`]); `None` if there is none.
    pub next: Option<u64>,
    /// Which ordinals the page covers. Its ends are where pages begin in either direction.
    pub covers: Range<u64>,
    /// Ordinal behind the thread's last item.
    pub end_ordinal: u64,
}

/// What [`ThreadStore::list_turns`](crate::thread_store::ThreadStore::list_turns) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListTurnsParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived. Default: no.
    pub include_archived: bool,
    /// Most turns on the page: 1 to 10 000. Default: 25.
    pub page_size: usize,
    /// Where the page begins. Default: `None`, which is the end where the order begins.
    pub cursor: Option<TurnCursor>,
    /// Which comes first. Default: the newest.
    pub direction: Direction,
    /// What comes with each turn. Default: a summary.
    pub view: TurnView,
    /// What rollbacks count. Default: user turns.
    pub counting: TurnCounting,
}

/// What comes with a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnView {
    /// Times, the user's words and the last answer.
    #[default]
    Summary,
    /// These, and its items.
    Full,
}

/// A turn as a page has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredTurn {
    /// Where it stands and how it ended.
    pub turn: Turn,
    /// The time of its first item that states one.
    pub started: Option<Timestamp>,
    /// The time of its last item that states one.
    pub last: Option<Timestamp>,
    /// Its first message of its user; the first 1 KiB.
    pub words: Option<String>,
    /// The last message of the model in it; the first 1 KiB.
    pub answer: Option<String>,
    /// Its items ([`Turn::own_ordinals`]), if they were asked for.
    pub items: Option<Vec<StoredItem>>,
}

/// A page of turns, in the order that was asked for. Turns that were taken back are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TurnPage {
    /// The turns.
    pub turns: Vec<StoredTurn>,
    /// Where the next page begins; `None` if there is none.
    pub next_cursor: Option<TurnCursor>,
    /// Where a list in the other direction begins that meets this page's first turn not again; `None` for an empty page. With it,
    /// what came since a first page of the newest turns is found.
    pub backwards_cursor: Option<TurnCursor>,
}

/// A place between the turns of a thread. As text: `AT-END`, two numbers, and perhaps a `+` behind them.
///
/// A list goes on from it whatever came since; turns that were taken back since are not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnCursor {
    /// Turns that start here or later come behind it.
    pub(crate) at: u64,
    /// Where the thread ended when it was made.
    pub(crate) end: u64,
    /// Whether it is known that nothing is taken back between the two.
    pub(crate) settled: bool,
}

impl std::fmt::Display for TurnCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}{}", self.at, self.end, if self.settled { "+" } else { "" })
    }
}

/// The text is no cursor of a list of turns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cursor of a list of turns: it is two numbers, as `12-345`")]
pub struct TurnCursorError(String);

impl FromStr for TurnCursor {
    type Err = TurnCursorError;

    fn from_str(text: &str) -> std::result::Result<TurnCursor, TurnCursorError> {
        let (numbers, settled) = text.strip_suffix('+').map_or((text, false), |numbers| (numbers, true));
        let parts = numbers.split_once('-').and_then(|(at, end)| Some((at.parse().ok()?, end.parse().ok()?)));
        let (at, end) = parts.ok_or_else(|| TurnCursorError(text.to_owned()))?;
        Ok(TurnCursor { at, end, settled })
    }
}

impl ListItemsParams {
    /// The first items of this thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> ListItemsParams {
        ListItemsParams {
            thread_id,
            include_archived: false,
            page_size: ITEMS_DEFAULT,
            at: None,
            direction: Direction::Ascending,
        }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> ListItemsParams {
        self.include_archived = true;
        self
    }

    pub(crate) fn check(&self, operation: &'static str) -> Result<()> {
        check(operation, self.thread_id, self.page_size)
    }
}

impl ListTurnsParams {
    /// The last turns of this thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> ListTurnsParams {
        ListTurnsParams {
            thread_id,
            include_archived: false,
            page_size: TURNS_DEFAULT,
            cursor: None,
            direction: Direction::Descending,
            view: TurnView::default(),
            counting: TurnCounting::default(),
        }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> ListTurnsParams {
        self.include_archived = true;
        self
    }

    pub(crate) fn check(&self, operation: &'static str) -> Result<()> {
        check(operation, self.thread_id, self.page_size)
    }
}

fn check(operation: &'static str, id: ThreadId, page_size: usize) -> Result<()> {
    if (1..=PAGE_SIZE_MAX).contains(&page_size) {
        return Ok(());
    }
    let report = Report::new(operation, format!("a page of {page_size}")).of(id);
    Err(report.advise("ask for 1 to 10 000").invalid())
}

impl ItemPage {
    pub(crate) fn new(items: Vec<StoredItem>, next: Option<u64>, covers: Range<u64>, end_ordinal: u64) -> ItemPage {
        ItemPage { items, next, covers, end_ordinal }
    }
}

impl StoredTurn {
    pub(crate) fn new(turn: Turn) -> StoredTurn {
        StoredTurn { turn, started: None, last: None, words: None, answer: None, items: None }
    }
}

impl TurnPage {
    pub(crate) fn new(
        turns: Vec<StoredTurn>,
        next_cursor: Option<TurnCursor>,
        backwards_cursor: Option<TurnCursor>,
    ) -> TurnPage {
        TurnPage { turns, next_cursor, backwards_cursor }
    }
}
