//! One page of a list.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};
use threadlog_engine::number::wide;
use uuid::Uuid;

use crate::list::cursor::{Cut, Side};
use crate::list::filter::Filter;
use crate::list::{Cursor, Direction, Family, ListError, ListParams, PAGE_SIZE_MAX, SortKey, ThreadRow};
use crate::thread::ThreadId;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListPage<T> {
    /// The threads, in order.
    pub threads: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<Cursor>,
    /// For the opposite direction: all threads from this page's first on, those of the same millisecond
    /// included. So a reader that keeps it can ask for what was added since. `None` on an empty page.
    pub backwards_cursor: Option<Cursor>,
    /// How many threads the filters let through, on all pages.
    pub total: u64,
    /// How many they hide.
    pub hidden: Hidden,
}

/// Threads that a list does not show, each counted once: `total` and all of these are all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hidden {
    /// Only for being archived, or for not being so.
    pub other_collection: u64,
    /// Only for having no preview.
    pub without_preview: u64,
    /// Only for their source.
    pub other_source: u64,
    /// Only for their provider.
    pub other_provider: u64,
    /// Only for their working directory.
    pub other_cwd: u64,
    /// Only for not having the tags asked for.
    pub other_tags: u64,
    /// Only for not being pinned.
    pub not_pinned: u64,
    /// Only for not containing the text searched for.
    pub not_found: u64,
    /// Only for having come from elsewhere.
    pub unrelated: u64,
    /// For more than one of these reasons.
    pub several: u64,
}

impl Hidden {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        let Hidden { other_collection, without_preview, other_source, other_provider, .. } = *self;
        let Hidden { other_cwd, other_tags, not_pinned, not_found, unrelated, several, .. } = *self;
        let by_facts = other_collection + without_preview + other_source + other_provider + other_cwd;
        by_facts + other_tags + not_pinned + not_found + unrelated + several
    }
}

impl<T> ListPage<T> {
    /// The only page of a list, of which nothing is hidden.
    #[must_use]
    pub fn new(threads: Vec<T>) -> ListPage<T> {
        let total = wide(threads.len());
        ListPage { threads, next_cursor: None, backwards_cursor: None, total, hidden: Hidden::default() }
    }

    /// The same page with these in the place of its threads.
    pub(crate) fn with<U>(self, threads: Vec<U>) -> ListPage<U> {
        let ListPage { next_cursor, backwards_cursor, total, hidden, .. } = self;
        ListPage { threads, next_cursor, backwards_cursor, total, hidden }
    }

    /// The same page with something else for each thread.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> ListPage<U> {
        let ListPage { threads, next_cursor, backwards_cursor, total, hidden } = self;
        ListPage { threads: threads.into_iter().map(each).collect(), next_cursor, backwards_cursor, total, hidden }
    }
}

/// The page of `rows` that the parameters ask for.
///
/// One pass over the rows, in any order, another one for relations; memory for one page and a word for each row. Between two pages rows may come and go: every
/// row that keeps its place is met exactly once. A row that moves while a list is read (its sort time
/// changed) may be met twice or not at all; the first page's backwards cursor finds it.
///
/// # Errors
/// [`ListError::PageSize`] for a size of 0 or above [`PAGE_SIZE_MAX`]; [`ListError::OtherOrder`] for a
/// cursor of a list by another sort key.
pub fn page<'a, R: ThreadRow + 'a>(
    rows: impl IntoIterator<Item = &'a R>,
    params: &ListParams,
) -> Result<ListPage<&'a R>, ListError> {
    let mut top = Top::new(params)?;
    let rows: Vec<&R> = rows.into_iter().collect();
    let related = params.relation.as_ref().map(|relation| Family::of(rows.iter().copied()).related(relation));
    let filter = Filter::new(params, related);
    let mut hidden = Hidden::default();
    let mut total: usize = 0;
    for row in rows {
        if filter.shows(row, &mut hidden) {
            total += 1;
            top.take(row);
        }
    }
    Ok(top.page(wide(total), hidden))
}

/// The rows of one page, of those that were taken so far.
pub(crate) struct Top<'a, R> {
    size: usize,
    key: SortKey,
    direction: Direction,
    cursor: Option<Cursor>,
    /// The page's rows, and one more to know whether another page follows; the last of them on top.
    best: BinaryHeap<Ranked<'a, R>>,
}

impl<'a, R: ThreadRow> Top<'a, R> {
    /// No rows.
    pub(crate) fn new(params: &ListParams) -> Result<Top<'a, R>, ListError> {
        let ListParams { page_size: size, sort_key: key, direction, cursor, .. } = *params;
        if !(1..=PAGE_SIZE_MAX).contains(&size) {
            return Err(ListError::PageSize(size));
        }
        if let Some(cursor) = cursor.filter(|cursor| cursor.key != key) {
            return Err(ListError::OtherOrder { cursor: cursor.key, list: key });
        }
        Ok(Top { size, key, direction, cursor, best: BinaryHeap::new() })
    }

    /// Takes a row that the filters let through.
    pub(crate) fn take(&mut self, row: &'a R) {
        let ranked = Ranked { ms: row.time_ms(self.key), thread: row.thread(), direction: self.direction, row };
        if self.cursor.is_some_and(|cursor| !ranked.follows(cursor.cut)) {
            return;
        }
        if self.best.len() <= self.size {
            self.best.push(ranked);
        } else if let Some(mut last) = self.best.peek_mut()
            && ranked < *last
        {
            *last = ranked;
        }
    }

    /// The page; the counts are of all rows.
    pub(crate) fn page(self, total: u64, hidden: Hidden) -> ListPage<&'a R> {
        let Top { size, key, best, .. } = self;
        let more = best.len() > size;
        let mut ranked = best.into_sorted_vec();
        ranked.truncate(size);
        ListPage {
            next_cursor: ranked.last().filter(|_| more).map(|last| Cursor { key, cut: last.end() }),
            backwards_cursor: ranked.first().map(|first| Cursor { key, cut: first.end_of_millisecond() }),
            threads: ranked.into_iter().map(|ranked| ranked.row).collect(),
            total,
            hidden,
        }
    }
}

/// A row with its place in the list; the less comes first.
struct Ranked<'a, R> {
    ms: u64,
    thread: ThreadId,
    direction: Direction,
    row: &'a R,
}

impl<R> Ranked<'_, R> {
    /// Whether the row comes after the point, in the list's direction.
    fn follows(&self, cut: Cut) -> bool {
        cut.is_before(self.ms, self.thread) == (self.direction == Direction::Ascending)
    }

    /// The point after this row, in the list's direction.
    fn end(&self) -> Cut {
        let side = match self.direction {
            Direction::Ascending => Side::After,
            Direction::Descending => Side::Before,
        };
        Cut { ms: self.ms, id: self.thread.uuid(), side }
    }

    /// The point after all rows of this millisecond, in the list's direction: going back from there meets them.
    fn end_of_millisecond(&self) -> Cut {
        let (id, side) = match self.direction {
            Direction::Ascending => (Uuid::max(), Side::After),
            Direction::Descending => (Uuid::nil(), Side::Before),
        };
        Cut { ms: self.ms, id, side }
    }
}

impl<R> Ord for Ranked<'_, R> {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = (self.ms, self.thread).cmp(&(other.ms, other.thread));
        match self.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    }
}

impl<R> PartialOrd for Ranked<'_, R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> PartialEq for Ranked<'_, R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R> Eq for Ranked<'_, R> {}
