//! Reading a history from its end, a few items at a time.

use threadlog_engine::ReadLog;
use threadlog_engine::number::wide;

use crate::error::Result;
use crate::items::{Items, StoredItem};
use crate::lineage::Lineage;

/// How many records the first look takes; each further one takes twice as many, up to the most.
const LOOK_LEAST: u64 = 32;
const LOOK_MOST: u64 = 1024;

/// Items of a history, the newest first. Reads what it gives out, and at most as much again.
///
/// Memory: one look.
pub(crate) struct Backwards<'a> {
    log: &'a dyn ReadLog,
    lineage: &'a Lineage,
    /// Before what was read.
    end: u64,
    look: u64,
    ready: Vec<Result<StoredItem>>,
}

impl<'a> Backwards<'a> {
    /// From before this ordinal.
    pub(crate) fn new(log: &'a dyn ReadLog, lineage: &'a Lineage, end: u64) -> Backwards<'a> {
        Backwards { log, lineage, end, look: LOOK_LEAST, ready: Vec::new() }
    }
}

impl Iterator for Backwards<'_> {
    type Item = Result<StoredItem>;

    fn next(&mut self) -> Option<Result<StoredItem>> {
        while self.ready.is_empty() && self.end > 0 {
            let start = Items::line_start(self.log, self.lineage, self.end.saturating_sub(self.look));
            self.ready = Items::of(self.log, self.lineage, start..self.end).collect();
            debug_assert!(wide(self.ready.len()) <= self.end - start, "items are no more than their records");
            self.end = start;
            self.look = self.look.saturating_mul(2).min(LOOK_MOST);
        }
        self.ready.pop()
    }
}
