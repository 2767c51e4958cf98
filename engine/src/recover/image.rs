//! Builds journals in memory, byte for byte as a writer would leave them: for tests, here and above.

use std::collections::BTreeMap;

use crate::format::frame::{FrameHeader, checksum};
use crate::format::group::{GROUP_HEADER_BYTES, GroupHeader};
use crate::format::segment::{EpochStart, SegmentHeader};
use crate::id::{Epoch, SegmentId, Sequence, StreamId};
use crate::number::{narrow, round_up, wide};
use crate::recover::log::Scan;

/// A journal being built: its segments, and the state of the writer that fills them.
#[derive(Clone, Debug)]
pub struct Image {
    /// The files, in order of number.
    pub segments: Vec<(SegmentId, Vec<u8>)>,
    /// The groups written so far, in the order of writing.
    pub groups: Vec<Written>,
    /// The distance between groups, in bytes.
    pub block_bytes: u32,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// What the next group says about the records before it.
    pub durable_upto: Sequence,
    /// The sequence that the next record gets.
    pub next_sequence: Sequence,
    /// The checksum of the last group.
    pub chain: u32,
    ordinals: BTreeMap<StreamId, u64>,
}

/// Where a group was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Index of its segment in the image.
    pub segment: usize,
    /// Its first byte in the file.
    pub offset: usize,
    /// The end of its last frame.
    pub end: usize,
    /// Its header.
    pub header: GroupHeader,
    /// Its frames: where each one's header begins, that header, and the payload.
    pub frames: Vec<(usize, FrameHeader, Vec<u8>)>,
}

/// The store id of every image.
pub const STORE: [u8; 16] = *b"a store of tests";

impl Image {
    /// An empty journal whose groups start on multiples of `block_bytes`.
    #[must_use]
    pub fn new(block_bytes: u32) -> Image {
        Image {
            segments: Vec::new(),
            groups: Vec::new(),
            block_bytes,
            epoch: Epoch(0),
            durable_upto: Sequence(0),
            next_sequence: Sequence(1),
            chain: 0,
            ordinals: BTreeMap::new(),
        }
    }

    /// Begins the next epoch, with its first segment. The writer goes on from what `start` says.
    pub fn start_epoch(&mut self, start: EpochStart) {
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        self.next_sequence = start.start_sequence;
        self.chain = start.start_checksum;
        self.durable_upto = start.start_sequence.before();
        self.segment(Some(start));
    }

    /// Begins the next segment: growing, the header only.
    pub fn segment(&mut self, epoch_start: Option<EpochStart>) {
        let number = wide(self.segments.len()).saturating_add(1);
        let id = SegmentId { number, salt: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        let header = SegmentHeader {
            id,
            epoch: self.epoch,
            block_bytes: self.block_bytes,
            store: STORE,
            journal: 0,
            epoch_start,
            prepared_bytes: 0,
            created_ms: 1_700_000_000_000,
        };
        self.segments.push((id, header.encode()));
    }

    /// Adds one group holding these records, in the streams with these letters.
    pub fn group(&mut self, records: &[(u8, &[u8])]) {
        let segment = self.segments.len().saturating_sub(1);
        let Some((id, bytes)) = self.segments.last_mut() else { return };
        let block = u64::from(self.block_bytes);
        let offset = round_up(wide(bytes.len()), block);
        let body_at = narrow(offset).unwrap_or(0).saturating_add(GROUP_HEADER_BYTES);
        let (mut body, mut headers, mut frames) = (Vec::new(), Vec::new(), Vec::new());
        for (letter, payload) in records {
            let stream = stream(*letter);
            let ordinal = self.ordinals.entry(stream).or_default();
            let header = FrameHeader {
                payload_checksum: checksum(payload),
                payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
                stream,
                ordinal: *ordinal,
                lease_epoch: 1,
                clock: ordinal.saturating_add(1) << 16,
                large: false,
                codec: 0,
            };
            *ordinal = ordinal.saturating_add(1);
            frames.push((body_at.saturating_add(body.len()), header, payload.to_vec()));
            headers.extend_from_slice(&header.encode());
            body.extend_from_slice(&header.encode());
            body.extend_from_slice(payload);
        }
        let header = GroupHeader {
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            frame_count: u32::try_from(records.len()).unwrap_or(u32::MAX),
            epoch: self.epoch,
            first_sequence: self.next_sequence,
            durable_upto: self.durable_upto,
            previous_checksum: self.chain,
            frames_checksum: checksum(&headers),
        };
        let (encoded, sum) = header.encode(id.salt, offset);
        bytes.resize(narrow(offset).unwrap_or(0), 0);
        bytes.extend_from_slice(&encoded);
        bytes.extend_from_slice(&body);
        let end = bytes.len();
        bytes.resize(narrow(round_up(wide(end), block)).unwrap_or(0), 0);
        self.chain = sum;
        self.next_sequence = header.next_sequence();
        self.groups.push(Written { segment, offset: narrow(offset).unwrap_or(0), end, header, frames });
    }

    /// Adds a group and says of it, in the groups to come, that it is durable.
    pub fn synced_group(&mut self, records: &[(u8, &[u8])]) {
        self.group(records);
        self.durable_upto = self.next_sequence.before();
    }

    /// Adds `bytes` zeros to the last segment, as preparation leaves them behind the last group.
    pub fn room(&mut self, bytes: usize) {
        if let Some((_, file)) = self.segments.last_mut() {
            file.resize(file.len().saturating_add(bytes), 0);
        }
    }

    /// The ordinal that the next record of a stream gets: for writers that start over below what was written.
    pub fn set_ordinal(&mut self, letter: u8, next: u64) {
        self.ordinals.insert(stream(letter), next);
    }

    /// All segments as recovery reads them.
    #[must_use]
    pub fn scans(&self) -> Vec<Scan> {
        self.segments.iter().map(|(id, bytes)| Scan::read(*id, bytes)).collect()
    }
}

/// The stream that the letter stands for.
#[must_use]
pub fn stream(letter: u8) -> StreamId {
    StreamId { thread: [letter; 16], incarnation: u64::from(letter), channel: 0 }
}
