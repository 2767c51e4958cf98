//! Builds journals in memory, byte for byte as a writer would leave them: for tests, here and above.

use std::collections::BTreeMap;

use crate::format::frame::{FRAME_HEADER_BYTES, FrameHeader, checksum};
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
        let frames = records.iter().map(|(letter, payload)| (self.frame(*letter, payload), payload.to_vec())).collect();
        self.group_of(frames);
    }

    /// Adds one group holding these frames as they are.
    pub fn group_of(&mut self, frames: Vec<(FrameHeader, Vec<u8>)>) {
        let segment = self.segments.len().saturating_sub(1);
        let Some((id, bytes)) = self.segments.last_mut() else { return };
        let offset = round_up(wide(bytes.len()), u64::from(self.block_bytes));
        let place = GroupHeader {
            body_bytes: 0,
            frame_count: 0,
            epoch: self.epoch,
            first_sequence: self.next_sequence,
            durable_upto: self.durable_upto,
            previous_checksum: self.chain,
            frames_checksum: 0,
        };
        let (header, encoded, sum) = encode_group(place, &frames, id.salt, offset);
        let offset = narrow(offset).unwrap_or(0);
        bytes.resize(offset, 0);
        bytes.extend_from_slice(&encoded);
        let end = bytes.len();
        bytes.resize(narrow(round_up(wide(end), u64::from(self.block_bytes))).unwrap_or(0), 0);
        self.chain = sum;
        self.next_sequence = header.next_sequence();
        let mut at = offset.saturating_add(GROUP_HEADER_BYTES);
        let frames = frames.into_iter().map(|(frame, payload)| {
            let start = at;
            at = at.saturating_add(FRAME_HEADER_BYTES).saturating_add(payload.len());
            (start, frame, payload)
        });
        self.groups.push(Written { segment, offset, end, header, frames: frames.collect() });
    }

    fn frame(&mut self, letter: u8, payload: &[u8]) -> FrameHeader {
        let stream = stream(letter);
        let next = self.ordinals.entry(stream).or_default();
        let ordinal = *next;
        *next = next.saturating_add(1);
        frame(stream, ordinal, payload)
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

    /// All segments as recovery reads them.
    #[must_use]
    pub fn scans(&self) -> Vec<Scan> {
        self.segments.iter().map(|(id, bytes)| Scan::read(*id, bytes)).collect()
    }
}

/// The start of a journal's first epoch.
#[must_use]
pub fn first_epoch() -> EpochStart {
    EpochStart { start_sequence: Sequence(1), recovered_upto: Sequence(0), start_checksum: 0 }
}

/// The stream that the letter stands for.
#[must_use]
pub fn stream(letter: u8) -> StreamId {
    StreamId { thread: [letter; 16], incarnation: u64::from(letter), channel: 0 }
}

/// A frame header for that payload.
#[must_use]
pub fn frame(stream: StreamId, ordinal: u64, payload: &[u8]) -> FrameHeader {
    FrameHeader {
        payload_checksum: checksum(payload),
        payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        stream,
        ordinal,
        lease_epoch: 1,
        clock: ordinal.saturating_add(1) << 16,
        large: false,
        codec: 0,
    }
}

/// A group's bytes without padding, for `offset` in the segment with that salt, with its header (as
/// given, but for lengths and checksums) and its checksum.
#[must_use]
pub fn encode_group(
    place: GroupHeader,
    frames: &[(FrameHeader, Vec<u8>)],
    salt: u64,
    offset: u64,
) -> (GroupHeader, Vec<u8>, u32) {
    let headers: Vec<u8> = frames.iter().flat_map(|(header, _)| header.encode()).collect();
    let body: Vec<u8> =
        frames.iter().flat_map(|(header, payload)| [&header.encode(), payload.as_slice()].concat()).collect();
    let header = GroupHeader {
        body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        frame_count: u32::try_from(frames.len()).unwrap_or(u32::MAX),
        frames_checksum: checksum(&headers),
        ..place
    };
    let (encoded, sum) = header.encode(salt, offset);
    (header, [encoded.as_slice(), &body].concat(), sum)
}
