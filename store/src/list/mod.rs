//! Lists of threads: filters, order, pages.
//!
//! Pure functions over rows, shared by all stores. A page is found by place, not by number: the cursor
//! is a point between two places of the order (time, id), so that rows with equal times are neither
//! skipped nor repeated, and rows that come and go between two pages disturb none of the others.

mod class;
mod cursor;
mod family;
mod filter;
mod page;
mod params;
mod row;
mod search;

pub use cursor::{Cursor, CursorError};
pub use family::{Edge, Edges, Family, Reach, Relation};
pub use page::{Hidden, ListPage, page};
pub use params::{ArchiveFilter, Direction, ListError, ListParams, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, SortKey};
pub use row::ThreadRow;

pub(crate) use class::{ByClass, CLASSES, class_of, is_before};
pub(crate) use filter::plain as plain_cwd;
pub(crate) use page::Top;

#[cfg(test)]
mod tests;
