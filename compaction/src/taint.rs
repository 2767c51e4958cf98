//! Whether a compression dictionary holds text that only erased records had.
//!
//! Dictionaries are made of pieces of the records that they were trained from. What stands in one and in an erased record
//! has to go unless a living record has it too.

use std::collections::HashSet;

/// Bytes of a window: text of so many bytes that nobody else has is found, wherever it stands.
const WINDOW_BYTES: usize = 8;

/// Bits of the filter in front of the table.
const FILTER_BITS: usize = 1 << 20;

/// Windows of dictionaries, and which of them are suspected.
pub(crate) struct Taint {
    filter: Vec<u64>,
    windows: HashSet<u64>,
    suspects: HashSet<u64>,
}

impl Taint {
    /// For these dictionaries. *Memory:* about 16 bytes for each of theirs.
    pub fn of<'a>(dictionaries: impl Iterator<Item = &'a [u8]>) -> Taint {
        let mut taint = Taint { filter: vec![0; FILTER_BITS / 64], windows: HashSet::new(), suspects: HashSet::new() };
        for window in dictionaries.flat_map(windows) {
            taint.windows.insert(window);
            let (word, bit) = place(window);
            if let Some(word) = taint.filter.get_mut(word) {
                *word |= bit;
            }
        }
        taint
    }

    fn has(&self, window: u64) -> bool {
        let (word, bit) = place(window);
        self.filter.get(word).is_some_and(|word| word & bit != 0) && self.windows.contains(&window)
    }

    /// Looks at a record that is to be erased.
    pub fn suspect(&mut self, payload: &[u8]) {
        for window in windows(payload) {
            if self.has(window) {
                self.suspects.insert(window);
            }
        }
    }

    /// Looks at a record that lives on: what it has too is no secret of the dead.
    pub fn acquit(&mut self, payload: &[u8]) {
        for window in windows(payload) {
            if self.has(window) {
                self.suspects.remove(&window);
            }
        }
    }

    /// Whether nothing is suspected (any more).
    pub fn is_clean(&self) -> bool {
        self.suspects.is_empty()
    }

    /// Whether a dictionary holds something that is still suspected.
    pub fn taints(&self, dictionary: &[u8]) -> bool {
        windows(dictionary).any(|window| self.suspects.contains(&window))
    }
}

fn windows(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.windows(WINDOW_BYTES).filter_map(|window| window.first_chunk().copied().map(u64::from_le_bytes))
}

/// Word and bit of the filter.
fn place(window: u64) -> (usize, u64) {
    let mixed = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
    let word = usize::try_from(mixed / 64).unwrap_or(0);
    (word, 1 << (mixed % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_only_the_dead_had_taints_and_what_others_have_too_does_not() {
        let dictionary = b"common header, the secret word is xyzzyplugh, common tail";
        let mut taint = Taint::of([&dictionary[..]].into_iter());
        taint.suspect(b"{common header, the secret word is xyzzyplugh, and more}");
        assert!(!taint.is_clean());
        taint.acquit(b"another with a common header, the secret word is unknown, common tail");
        assert!(taint.taints(dictionary), "xyzzyplugh");
        assert!(!taint.taints(b"common header, common tail"));
        taint.acquit(b" the secret word is xyzzyplugh, common");
        assert!(taint.is_clean());
    }

    #[test]
    fn dictionaries_without_text_of_the_dead_are_clean_at_once() {
        let mut taint = Taint::of([&b"nothing of that"[..]].into_iter());
        taint.suspect(b"a record with other words in it");
        assert!(taint.is_clean());
    }
}
