//! A writer as format.md 3.6 has it, reduced to its order of writes and syncs.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::format::frame::FrameHeader;
use crate::format::group::GroupHeader;
use crate::format::segment::{EpochStart, SegmentHeader};
use crate::id::{Epoch, SegmentId, Sequence};
use crate::recover::image::{STORE, encode_group, frame, stream};
use crate::recover::log::{Log, Mark, Scan};
use crate::recover::model_tests::disk::{BLOCK, Disk};
use crate::recover::walk::Piece;

pub(super) type Frames = Vec<(FrameHeader, Vec<u8>)>;

pub(super) struct Writer {
    pub(super) epoch: Epoch,
    /// The sequence that the next record gets.
    pub(super) next: Sequence,
    /// Every record up to here was synced.
    pub(super) durable: Sequence,
    /// `durable_upto` of the last group.
    told: Sequence,
    number: u64,
    open: Option<(SegmentId, usize)>,
    /// Set when the next group must begin an epoch.
    start: Option<EpochStart>,
    chain: u32,
    /// First sequence and checksum of the groups so far.
    groups: Vec<(Sequence, u32)>,
    /// Files with writes that no sync has covered.
    touched: Vec<SegmentId>,
    spare: Option<(SegmentId, usize)>,
}

impl Writer {
    /// Opens for writing: what recovery decided, with the epoch's first segment still to be made.
    pub(super) fn new(log: &Log) -> Writer {
        let start = EpochStart {
            start_sequence: log.witness.plus(1),
            recovered_upto: if log.last > log.witness { log.last } else { Sequence(0) },
            start_checksum: log.chain_at_witness,
        };
        Writer {
            epoch: Epoch(log.epoch.0 + 1),
            next: log.witness.plus(1),
            durable: log.witness,
            told: log.witness,
            number: log.number,
            open: None,
            start: Some(start),
            chain: log.chain_at_witness,
            groups: vec![(Sequence(0), log.chain_at_witness)],
            touched: Vec::new(),
            spare: None,
        }
    }

    /// Copies the tail that nothing witnessed; returns whether there was one.
    pub(super) fn copy_tail(&mut self, disk: &mut Disk, scans: &[Scan], log: &Log) -> bool {
        if log.last == log.witness {
            return false;
        }
        self.make_segment(disk);
        for place in &log.groups {
            let Piece::Group(group) = &scans[place.scan].walk.pieces[place.piece] else { continue };
            if group.header.first_sequence <= log.witness || group.frames.is_empty() {
                continue;
            }
            let file = disk.read(scans[place.scan].id);
            let payload = |at: u64, bytes: u32| {
                let at = usize::try_from(at).unwrap();
                file[at..at + usize::try_from(bytes).unwrap()].to_vec()
            };
            let frames: Frames =
                group.frames.iter().map(|f| (f.header, payload(f.payload_offset, f.header.payload_bytes))).collect();
            self.next = group.header.first_sequence;
            self.put(disk, &frames, usize::MAX);
        }
        self.next = log.last.plus(1);
        true
    }

    /// Writes a witness for everything synced.
    pub(super) fn witness(&mut self, disk: &mut Disk) {
        if self.told < self.durable && self.next == self.durable.plus(1) && self.open.is_some() {
            self.put(disk, &Vec::new(), usize::MAX);
        }
    }

    /// Makes the file that the next group goes to, if there is none with room.
    fn make_segment(&mut self, disk: &mut Disk) {
        let (id, at) = match (self.start, self.spare.take()) {
            (None, Some(spare)) => spare,
            _ => self.make_file(disk, 0),
        };
        self.open = Some((id, at));
        self.start = None;
    }

    fn make_file(&mut self, disk: &mut Disk, prepared: usize) -> (SegmentId, usize) {
        self.number += 1;
        let id = SegmentId { number: self.number, salt: self.epoch.0 << 32 | self.number };
        let header = SegmentHeader {
            id,
            epoch: self.epoch,
            block_bytes: 4096,
            store: STORE,
            journal: 0,
            epoch_start: self.start.filter(|_| prepared == 0),
            prepared_bytes: 0,
            created_ms: 1,
        };
        disk.create(id);
        disk.write(id, 0, &header.encode());
        if prepared > 0 {
            disk.write(id, BLOCK, &vec![0; prepared]);
        } else {
            self.touched.push(id);
        }
        (id, BLOCK)
    }

    /// Prepares a spare, durable before it is used.
    pub(super) fn prepare(&mut self, disk: &mut Disk, blocks: usize) {
        if self.spare.is_none() {
            let spare = self.make_file(disk, blocks * BLOCK);
            disk.sync(spare.0);
            disk.sync_dir();
            self.spare = Some(spare);
        }
    }

    /// Writes a group of these payloads.
    pub(super) fn append(&mut self, disk: &mut Disk, payloads: &[Vec<u8>], roll: bool) {
        if self.open.is_none() || self.start.is_some() || roll {
            self.make_segment(disk);
        }
        let frames = self.frames(payloads);
        self.put(disk, &frames, usize::MAX);
    }

    fn frames(&self, payloads: &[Vec<u8>]) -> Frames {
        let ordinals = self.next.0..;
        ordinals.zip(payloads).map(|(ordinal, payload)| (frame(stream(1), ordinal, payload), payload.clone())).collect()
    }

    fn put(&mut self, disk: &mut Disk, frames: &Frames, bytes_max: usize) {
        let (id, offset) = self.open.unwrap();
        let place = GroupHeader {
            body_bytes: 0,
            frame_count: 0,
            epoch: self.epoch,
            first_sequence: self.next,
            durable_upto: self.durable,
            previous_checksum: self.chain,
            frames_checksum: 0,
        };
        let (header, bytes, sum) = encode_group(place, frames, id.salt, u64::try_from(offset).unwrap());
        let cut = bytes.len().min(bytes_max);
        let mut padded = bytes[..cut].to_vec();
        if cut == bytes.len() {
            padded.resize(cut.next_multiple_of(BLOCK), 0);
        }
        disk.write(id, offset, &padded);
        if !self.touched.contains(&id) {
            self.touched.push(id);
        }
        self.open = Some((id, offset + bytes.len().next_multiple_of(BLOCK)));
        (self.chain, self.told) = (sum, self.durable);
        self.groups.push((self.next, sum));
        self.next = header.next_sequence();
    }

    /// A write that fails after some whole blocks: the next group begins an epoch at the durable mark.
    pub(super) fn fail_write(&mut self, disk: &mut Disk, payloads: &[Vec<u8>], rng: &mut ChaCha8Rng) {
        if self.open.is_some() && self.start.is_none() {
            let frames = self.frames(payloads);
            self.put(disk, &frames, rng.random_range(0..4) * BLOCK);
        }
        let before = self.groups.iter().rev().find(|(first, _)| *first <= self.durable);
        self.chain = before.map_or(0, |(_, sum)| *sum);
        self.next = self.durable.plus(1);
        self.start =
            Some(EpochStart { start_sequence: self.next, recovered_upto: Sequence(0), start_checksum: self.chain });
        self.epoch = Epoch(self.epoch.0 + 1);
        self.told = self.durable;
        self.spare = None;
    }

    /// Syncs every file with unsynced writes, or only the first few.
    pub(super) fn sync(&mut self, disk: &mut Disk, files_max: usize) {
        for id in self.touched.iter().take(files_max) {
            disk.sync(*id);
        }
        if files_max >= self.touched.len() {
            disk.sync_dir();
            self.touched.clear();
            self.durable = self.next.before();
        }
    }

    pub(super) fn sync_fails(&mut self, disk: &mut Disk, rng: &mut ChaCha8Rng) {
        for id in &self.touched {
            disk.sync_fails(*id, rng);
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { epoch: self.epoch, durable: self.durable }
    }

    /// The number of the file that groups go to.
    pub(super) fn open_number(&self) -> Option<u64> {
        self.open.map(|(id, _)| id.number)
    }

    /// Whether all files but the open one are synced.
    pub(super) fn has_left_nothing_unsynced(&self) -> bool {
        self.touched.iter().all(|id| self.open.is_some_and(|(open, _)| open == *id))
    }

    /// Whether an epoch's first segment is still to be made.
    pub(super) fn is_between_epochs(&self) -> bool {
        self.start.is_some()
    }

    /// Clean close: no spare, no zeros behind the last group, everything witnessed and synced.
    pub(super) fn close(&mut self, disk: &mut Disk) {
        self.sync(disk, usize::MAX);
        self.witness(disk);
        self.sync(disk, usize::MAX);
        if let Some((id, _)) = self.spare.take() {
            disk.remove(id);
        }
        if let Some((id, used)) = self.open
            && !self.is_between_epochs()
            && used < disk.read(id).len()
        {
            disk.truncate(id, used);
            disk.sync(id);
        }
        disk.sync_dir();
    }
}
