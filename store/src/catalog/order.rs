//! Walking a checkpoint's threads in the order of a list.

use threadlog_engine::number::size;
use zerocopy::little_endian::U32;

use crate::list::{Cursor, Direction, SortKey, ThreadRow, is_before};

use super::checkpoint::{Checkpoint, Damaged};
use super::row::Row;

impl Checkpoint {
    /// Gives the rows behind a cursor to `look`, in the list's order, until it returns `false`. *Cost:* of the file only the
    /// pages that have those rows, and some twenty for finding the first.
    pub(crate) fn walk<'a>(
        &'a self,
        key: SortKey,
        direction: Direction,
        cursor: Option<Cursor>,
        mut look: impl FnMut(Row<'a>) -> bool,
    ) -> Result<(), Damaged> {
        let count = self.len();
        let row = |place: usize| {
            let at = match direction {
                Direction::Ascending => place,
                Direction::Descending => count.saturating_sub(place).saturating_sub(1),
            };
            self.row(size(self.one::<U32>(self.order(key), at)?.get()))
        };
        let before = |place| row(place).map(|row| is_before(cursor, direction, row.time_ms(key), row.thread()));
        let first = if cursor.is_some() { Checkpoint::partition(count, before)? } else { 0 };
        for place in first..count {
            if !look(row(place)?) {
                break;
            }
        }
        Ok(())
    }
}
