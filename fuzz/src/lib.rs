//! What the fuzz targets share: each is a function from bytes to nothing that panics when an invariant is broken, so
//! that a seed or a finding can be run without libFuzzer too.

pub mod bundle;
pub mod catalog;
pub mod groups;
pub mod lines;
pub mod operations;
pub mod records;
pub mod sealed;
pub mod sealed_seeds;
pub mod seeds;
pub mod segments;
pub mod structures;

/// Takes numbers off the front of an input; zeros once it has ended.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next three bytes as a number.
    pub fn number(&mut self) -> usize {
        let [low, middle, high] = [self.byte(), self.byte(), self.byte()];
        usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
