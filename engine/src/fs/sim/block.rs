//! One block of a simulated file: immutable, shared between images and crash states.

use std::sync::Arc;

use super::random::Hash;

/// The content of one block.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// Never written: reads as zeros and takes no space.
    Hole,
    /// Zeros that were written.
    Zero,
    /// Anything else.
    Data(Arc<Bytes>),
}

/// Bytes of a block, and their hash (taken once, so that a whole disk is hashed in microseconds).
#[derive(Debug)]
pub(super) struct Bytes {
    bytes: Box<[u8]>,
    hash: u64,
}

impl Block {
    /// The bytes, unless all are zero.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Block::Hole | Block::Zero => None,
            Block::Data(data) => Some(&data.bytes),
        }
    }

    /// The same for equal contents, 0 for zeros.
    pub(super) fn hash(&self) -> u64 {
        match self {
            Block::Hole | Block::Zero => 0,
            Block::Data(data) => data.hash,
        }
    }

    /// Whether it takes space on the disk.
    pub(super) fn is_allocated(&self) -> bool {
        !matches!(self, Block::Hole)
    }

    /// A block of `size` bytes with some of them changed.
    pub(super) fn changed(&self, size: usize, change: impl FnOnce(&mut [u8])) -> Block {
        let mut bytes = match self.bytes() {
            Some(bytes) => Box::from(bytes),
            None => vec![0; size].into_boxed_slice(),
        };
        change(&mut bytes);
        let (words, rest) = bytes.as_chunks::<16>();
        if words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0) {
            return Block::Zero;
        }
        let mut hash = Hash::new();
        hash.bytes(&bytes);
        Block::Data(Arc::new(Bytes { bytes, hash: hash.finish() }))
    }

    /// The block with `part` at `within`.
    pub(super) fn patched(&self, size: usize, within: usize, part: &[u8]) -> Block {
        self.changed(size, |bytes| {
            for (target, source) in bytes.iter_mut().skip(within).zip(part) {
                *target = *source;
            }
        })
    }

    /// The block with zeros after its first `keep` bytes; a hole if nothing is kept.
    pub(super) fn cut(&self, size: usize, keep: usize) -> Block {
        match self {
            _ if keep == 0 => Block::Hole,
            Block::Data(_) => self.changed(size, |bytes| {
                if let Some(tail) = bytes.get_mut(keep..) {
                    tail.fill(0);
                }
            }),
            Block::Hole | Block::Zero => self.clone(),
        }
    }
}
