//! Where a sealed record stands.

use std::sync::Arc;

use crate::id::StreamId;
use crate::sealed::segment::SealedSegment;

/// A record's place: cheap to find and to copy, nothing of it decompressed.
#[derive(Clone)]
pub struct Place {
    /// The segment.
    pub segment: Arc<SealedSegment>,
    /// The record's stream.
    pub stream: StreamId,
    /// Its ordinal.
    pub ordinal: u64,
    /// The block it stands in.
    pub block: u32,
    /// Which record of its extent it is.
    pub index: u32,
    /// Which extent of the block that is.
    pub extent: u16,
    /// The journal that it came from.
    pub journal: u8,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { segment, stream, ordinal, block, index, extent, journal } = self;
        let segment = segment.id();
        write!(f, "{stream}#{ordinal} in {segment}, block {block}, extent {extent}, {index}, journal {journal}")
    }
}
