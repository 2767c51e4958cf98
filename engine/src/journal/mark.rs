//! The writer's mark page: the durable mark, for readers in other processes and for the next opening.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::format::mark::{MARK_FILE_BYTES, MARK_SLOT_WORDS, MARK_SLOTS, MarkSlot, newest};
use crate::fs::{Fs, SharedPage};
use crate::id::{Epoch, Sequence};
use crate::journal::place::Places;

/// How often a page in which nothing is sound is looked at.
const LOOKS: u32 = 100;

/// The page, mapped for writing. What counts is never written over: a writer that dies half way through a slot leaves the
/// other one, which says what was said last.
pub(crate) struct MarkPage {
    page: Arc<dyn SharedPage>,
    store: [u8; 16],
    boot: u64,
    turn: AtomicUsize,
}

impl MarkPage {
    /// Maps the page, making the file if it is missing; and what it says now.
    pub fn open(fs: &dyn Fs, places: &Places, store: [u8; 16]) -> Result<(MarkPage, Option<MarkSlot>)> {
        let path = places.mark();
        let page = fs.shared_page(&path, MARK_FILE_BYTES).map_err(|error| Error::io("map", &path, error))?;
        let boot = boot_word(fs)?;
        let words = words(&*page);
        let slot = newest(&words, &store);
        let is_newest = |at: &usize| words.get(*at..).and_then(|words| MarkSlot::from_words(words, &store)) == slot;
        let turn = MARK_SLOTS.iter().position(is_newest).map_or(0, |newest| newest.saturating_add(1));
        Ok((MarkPage { page, store, boot, turn: AtomicUsize::new(turn) }, slot))
    }

    /// Publishes a durable mark. Costs a checksum of 48 bytes and five stores; no system call.
    pub fn publish(&self, epoch: Epoch, durable: Sequence) {
        self.write(&MarkSlot { epoch, durable, boot: self.boot, closed: false });
    }

    /// Makes what was published durable.
    pub fn sync(&self) -> std::io::Result<()> {
        self.page.sync()
    }

    /// Says in both slots that the journal was closed cleanly, and writes the page to disk.
    pub fn close(&self, epoch: Epoch, durable: Sequence) -> std::io::Result<()> {
        for _ in MARK_SLOTS {
            self.write(&MarkSlot { epoch, durable, boot: self.boot, closed: true });
        }
        self.page.sync()
    }

    /// Writes the slot whose turn it is.
    fn write(&self, slot: &MarkSlot) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let at = MARK_SLOTS.get(turn % MARK_SLOTS.len()).copied().unwrap_or(0);
        for (word, value) in slot.to_words(&self.store).into_iter().enumerate() {
            self.page.store(at.saturating_add(word), value);
        }
    }
}

/// The page as a reader maps it; `None` if there is none yet. One that is there and cannot be looked at is an error: without
/// a mark a reader would believe what nobody acknowledged.
pub(crate) fn map(fs: &dyn Fs, places: &Places) -> Result<Option<Arc<dyn SharedPage>>> {
    let path = places.mark();
    match fs.shared_page_read(&path) {
        Ok(page) => Ok(Some(page)),
        // It is being made, or was lost.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(None),
        Err(error) => Err(Error::io("map", &path, error)),
    }
}

/// What a page says now: `None` if nothing in it is sound.
pub(crate) fn newest_of(page: &dyn SharedPage, store: &[u8; 16]) -> Option<MarkSlot> {
    for _ in 0..LOOKS {
        let found = newest(&words(page), store);
        if found.is_some() || MARK_SLOTS.iter().all(|at| page.load(*at) == 0) {
            return found;
        }
        // Both slots can be caught half written, if this thread was stopped for long enough in between.
        std::thread::yield_now();
    }
    None
}

/// The first word of the boot's id.
pub(crate) fn boot_word(fs: &dyn Fs) -> Result<u64> {
    let id = fs.boot_id().map_err(|error| Error::io("tell the boot id for", std::path::Path::new("mark"), error))?;
    let [a, b, c, d, e, f, g, h, ..] = id;
    Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// The page as far as there are slots in it.
fn words(page: &dyn SharedPage) -> Vec<u64> {
    let end = MARK_SLOTS.into_iter().max().unwrap_or(0).saturating_add(MARK_SLOT_WORDS);
    (0..end.min(page.words())).map(|index| page.load(index)).collect()
}

#[cfg(test)]
#[path = "mark_tests.rs"]
mod tests;
