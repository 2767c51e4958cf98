//! The mark: how far a journal is durable, in a page that its writer shares with every reader of the
//! machine (format.md 5).

use crate::id::{Epoch, Sequence};

/// Words (of 8 bytes) of a slot.
pub const MARK_SLOT_WORDS: usize = 5;

/// Where the two slots begin, in words of 8 bytes.
pub const MARK_SLOTS: [usize; 2] = [0, 8];

/// Length of the file, in bytes.
pub const MARK_FILE_BYTES: u64 = 4096;

const FLAG_CLOSED: u64 = 1;

/// One slot of the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkSlot {
    /// The writer's epoch.
    pub epoch: Epoch,
    /// Every record up to here is durable.
    pub durable: Sequence,
    /// First 8 bytes of the id of the boot that wrote it.
    pub boot: u64,
    /// Whether the writer closed the journal cleanly.
    pub closed: bool,
}

impl MarkSlot {
    /// The slot's words, to be stored in this order: until the last one is there, the check fails and
    /// the other slot counts.
    #[must_use]
    pub fn to_words(&self, store: &[u8; 16]) -> [u64; MARK_SLOT_WORDS] {
        let flags = if self.closed { FLAG_CLOSED } else { 0 };
        let fields = [self.epoch.0, self.durable.0, self.boot, flags];
        let [epoch, durable, boot, flags] = fields;
        [epoch, durable, boot, flags, u64::from(check(fields, store))]
    }

    /// Reads a slot from its first five words; `None` if they are fewer, were never written, or are
    /// being written just now.
    #[must_use]
    pub fn from_words(words: &[u64], store: &[u8; 16]) -> Option<MarkSlot> {
        let [epoch, durable, boot, flags, stored] = *words.first_chunk::<MARK_SLOT_WORDS>()?;
        let fields = [epoch, durable, boot, flags];
        // Only the low four bytes hold the check.
        (stored & u64::from(u32::MAX) == u64::from(check(fields, store))).then_some(MarkSlot {
            epoch: Epoch(epoch),
            durable: Sequence(durable),
            boot,
            closed: flags & FLAG_CLOSED != 0,
        })
    }
}

/// The slot that counts in a page of words: of the valid ones the greatest by (epoch, durable), and
/// at a tie the closed one, as closing changes nothing else.
#[must_use]
pub fn newest(words: &[u64], store: &[u8; 16]) -> Option<MarkSlot> {
    let slot = |start: usize| MarkSlot::from_words(words.get(start..)?, store);
    MARK_SLOTS.into_iter().filter_map(slot).max_by_key(|slot| (slot.epoch, slot.durable, slot.closed))
}

/// A mark file's bytes as the words of its page; a cut-off last word is left out.
#[must_use]
pub fn page_words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

fn check(fields: [u64; 4], store: &[u8; 16]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(store);
    for field in fields {
        hasher.update(&field.to_le_bytes());
    }
    hasher.finalize()
}
