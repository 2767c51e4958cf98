//! What the segments of a journal amount to.

use crate::format::segment::{BLOCK_BYTES_MIN, EpochStart, HeaderFault, SegmentHeader};
use crate::id::{Epoch, SegmentId, Sequence, StreamId};
use crate::number::wide;
use crate::recover::walk::{Walk, walk};

/// Where a journal's log begins once what came before is in sealed segments (format.md 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The journal.
    pub journal: u32,
    /// Epoch of the last group that was sealed.
    pub epoch: Epoch,
    /// Every record up to this sequence is in sealed segments.
    pub upto: Sequence,
    /// Checksum of the last group that was sealed, witnesses included: what the next group names as the one before it.
    pub chain: u32,
    /// Checksum of the last group with records that was sealed: what a new epoch names, as a witness at the end of an epoch
    /// is not part of the log that goes on.
    pub chain_records: u32,
    /// Hot segments up to this number are of no account any more.
    pub segments_upto: u64,
}

/// One segment as it was read, or what sealed segments stand for.
#[derive(Clone, Debug)]
pub struct Scan {
    /// From the file's name.
    pub id: SegmentId,
    /// Its header, or what is wrong with it.
    pub header: Result<SegmentHeader, HeaderFault>,
    /// What stands behind the header. With a damaged header, walked in steps of 4 096 bytes.
    pub walk: Walk,
    /// Length of the file, in bytes.
    pub bytes: u64,
    /// Where the log begins, if this is no file but stands, before all files, for what was sealed.
    pub base: Option<Base>,
}

impl Scan {
    /// Reads a whole segment file.
    #[must_use]
    pub fn read(id: SegmentId, bytes: &[u8]) -> Scan {
        let header = SegmentHeader::decode(bytes, id);
        let block_bytes = header.as_ref().map_or(BLOCK_BYTES_MIN, |header| header.block_bytes);
        Scan { id, header, walk: walk(bytes, id.salt, block_bytes), bytes: wide(bytes.len()), base: None }
    }

    /// What stands before the files of a journal that was sealed: an epoch that begins where the sealed records end. The
    /// epoch's own first segment may be gone.
    #[must_use]
    pub fn sealed(base: Base) -> Scan {
        let id = SegmentId { number: base.segments_upto, salt: 0 };
        let start = EpochStart {
            start_sequence: base.upto.plus(1),
            recovered_upto: Sequence(0),
            start_checksum: base.chain_records,
        };
        let header = SegmentHeader {
            id,
            epoch: base.epoch,
            block_bytes: BLOCK_BYTES_MIN,
            store: [0; 16],
            journal: base.journal,
            epoch_start: Some(start),
            prepared_bytes: 0,
            created_ms: 0,
        };
        Scan { id, header: Ok(header), walk: Walk::default(), bytes: 0, base: Some(base) }
    }
}

/// What a journal's mark promises (format.md 5). To be loaded before the segments are read: records
/// up to `durable` are then in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The epoch that wrote it.
    pub epoch: Epoch,
    /// Every record up to here is durable, and of the epochs before this one nothing above counts.
    pub durable: Sequence,
}

/// A group of the log: where it stands in the scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the scan.
    pub scan: usize,
    /// Index of the group among the pieces of that scan's walk.
    pub piece: usize,
    /// How many of its frames, from the first, belong to the log. All of them, except in a group cut
    /// by a later epoch's start or by the reader's limit (writers cut between groups only).
    pub frames: usize,
}

/// A journal's log, and all that is known to be wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The groups, in order of sequence; witnesses included.
    pub groups: Vec<Place>,
    /// The last sequence that was given to a record, lost ones included; the next record gets the one
    /// after. Never below `witness`.
    pub last: Sequence,
    /// Every record up to here is known to have been durable.
    pub witness: Sequence,
    /// Checksum of the last group; 0 if there is none.
    pub chain: u32,
    /// Checksum of the last group whose `first_sequence` is not above `witness`; 0 if there is none.
    /// What a recovering writer puts into `start_checksum`.
    pub chain_at_witness: u32,
    /// The highest epoch seen anywhere, left-out runs and the mark included; 0 if none.
    pub epoch: Epoch,
    /// The highest segment number seen; 0 if none.
    pub number: u64,
    /// What is lost or wrong, in order of the log.
    pub damage: Vec<Damage>,
    /// Where an unfinished write was dropped.
    pub torn: Option<Torn>,
    /// Segments that hold nothing of the log and never will: recoveries that did not finish, unused
    /// spares, files without a header. A writer may remove them.
    pub left_out: Vec<SegmentId>,
}

/// An unfinished write at the end of the log. Not an error: nobody was told that it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment in which the log ends.
    pub segment: SegmentId,
    /// Where in it, in bytes.
    pub offset: u64,
    /// Records seen in what was dropped; there may have been more.
    pub records_dropped_at_least: u64,
}

/// Something acknowledged, or that may have been, cannot be read as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The journal it is in; 0 until whoever knows has said so.
    pub journal: u32,
    /// The segment; for a missing one, the segment that shows the hole. Number 0 if no segment is left.
    pub segment: SegmentId,
    /// Where the damage begins, in bytes.
    pub offset: u64,
    /// Where it ends, in bytes.
    pub end: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// The first sequence that is lost, or would be if anything is.
    pub first: Sequence,
    /// How many records are lost; `None` if that cannot be told.
    pub count: Option<u64>,
    /// Stream and ordinal of the records that are lost, as far as their headers can still be read.
    pub records: Vec<(StreamId, u64)>,
    /// Whether `records` is known to name all of them, correctly.
    pub complete: bool,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DamageKind {
    /// Bytes that should be a group are none.
    Gap,
    /// A record's payload fails its checksum.
    Payload,
    /// A whole segment is not there.
    MissingSegment,
    /// A segment's header is damaged. Its groups are read all the same.
    Header,
    /// Two groups stand side by side that do not follow each other.
    Chain,
    /// The log ends before a sequence that was promised durable.
    TailLost,
}
