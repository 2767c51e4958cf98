//! A block of values: their lengths, then their bytes (format.md 8.5). A value's name is derived from its bytes.

use crate::number::{short, size};

/// A block of values, decompressed. Its lengths fit its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct ValuesBlock {
    raw: Vec<u8>,
    count: u32,
}

const WORD: usize = size_of::<u32>();

impl ValuesBlock {
    /// Reads a block's raw bytes. Any bytes end in a block whose values lie side by side up to its end, or in what is
    /// wrong.
    ///
    /// # Errors
    /// What is wrong.
    pub fn decode(raw: Vec<u8>) -> Result<ValuesBlock, &'static str> {
        let cut = "a block's list of values is cut off";
        let (count, rest) = raw.split_first_chunk::<WORD>().ok_or(cut)?;
        let count = u32::from_le_bytes(*count);
        let (lengths, values) = rest.split_at_checked(size(count).saturating_mul(WORD)).ok_or(cut)?;
        let (lengths, _) = lengths.as_chunks::<WORD>();
        let total: u64 = lengths.iter().map(|length| u64::from(u32::from_le_bytes(*length))).sum();
        if u64::try_from(values.len()) != Ok(total) {
            return Err("a block's values do not end where it ends");
        }
        Ok(ValuesBlock { raw, count })
    }

    /// The values in order: the offset of each in the raw bytes, and its bytes.
    pub fn values(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let (lengths, _) = self.raw.get(WORD..).unwrap_or_default().as_chunks::<WORD>();
        let lengths = lengths.get(..size(self.count)).unwrap_or_default();
        let mut at = WORD.saturating_add(lengths.len().saturating_mul(WORD));
        lengths.iter().map(move |length| {
            let from = at;
            at = at.saturating_add(size(u32::from_le_bytes(*length)));
            (short(from), self.raw.get(from..at).unwrap_or_default())
        })
    }

    /// The bytes at an offset, if they are there.
    #[must_use]
    pub fn get(&self, offset: u32, bytes: u32) -> Option<&[u8]> {
        let from = size(offset);
        self.raw.get(from..from.saturating_add(size(bytes)))
    }

    /// Length of the raw bytes.
    #[must_use]
    pub fn raw_bytes(&self) -> usize {
        self.raw.len()
    }
}

/// A block's raw bytes, of values with these lengths that stand one after another.
pub(crate) fn encode(lengths: &[u32], values: &[u8]) -> Vec<u8> {
    let room = lengths.len().saturating_mul(WORD).saturating_add(WORD).saturating_add(values.len());
    let mut raw = Vec::with_capacity(room);
    raw.extend_from_slice(&short(lengths.len()).to_le_bytes());
    for length in lengths {
        raw.extend_from_slice(&length.to_le_bytes());
    }
    raw.extend_from_slice(values);
    raw
}
