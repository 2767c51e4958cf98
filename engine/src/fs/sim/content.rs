//! The content of one simulated file: what reads see, and what a crash may leave of it.
//!
//! What reads see (the page cache) is kept whole. Of what a crash may leave, only the difference is
//! kept: for each block changed since it was last known to be durable, its durable version and every
//! version written since. A block without such an entry is durable as it stands.
//!
//! Lengths and cuts are metadata, and metadata reaches the disk in order: of all lengths that the
//! file had since its durable one, a crash keeps one, and with it every cut up to then and none
//! after. So a block that was cut off and written again never shows its old life in the new length,
//! nor its new life in the old one. Overwriting a block in place needs no metadata, so its versions
//! are free.

use std::collections::BTreeMap;

use super::block::Block;
use super::crash::Picker;
use super::random::Hash;
use crate::number::wide;

/// So many versions of one block are kept apart. Beyond, old ones are thinned out (the oldest stays):
/// fewer states then, but all of them legal.
const VERSIONS_MAX: usize = 64;

/// A file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    size: usize,
    bytes: u64,
    blocks: BTreeMap<u64, Block>,
    durable: Length,
    /// Every length since, oldest first.
    lengths: Vec<Length>,
    /// Whether the next sync writes the length (after a failed one it does not).
    length_dirty: bool,
    pending: BTreeMap<u64, Pending>,
    /// Counts changes: which came first.
    order: u64,
}

#[derive(Clone, Copy, Debug)]
struct Length {
    bytes: u64,
    order: u64,
}

/// A block that is not known to be durable as it stands.
#[derive(Clone, Debug)]
struct Pending {
    durable: Block,
    versions: Vec<Version>,
    /// Whether the next sync writes it (after a failed one it does not: the kernel thinks it clean).
    dirty: bool,
}

#[derive(Clone, Debug)]
struct Version {
    order: u64,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Write(Block),
    /// Everything after so many bytes of the block was cut off.
    Cut(usize),
}

/// What becomes of a write on its way to the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for the next sync.
    Pending,
    /// The drive acknowledges it and forgets it: reads see it until the crash.
    Lost,
}

impl Content {
    pub(super) fn new(size: usize) -> Content {
        Content {
            size,
            bytes: 0,
            blocks: BTreeMap::new(),
            durable: Length { bytes: 0, order: 0 },
            lengths: Vec::new(),
            length_dirty: false,
            pending: BTreeMap::new(),
            order: 0,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    /// Blocks that take space.
    pub(super) fn allocated(&self) -> u64 {
        wide(self.blocks.values().filter(|block| block.is_allocated()).count())
    }

    pub(super) fn is_allocated(&self, index: u64) -> bool {
        self.blocks.get(&index).is_some_and(Block::is_allocated)
    }

    /// Nothing here could differ after a crash.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.lengths.is_empty()
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        for (index, within, range) in pieces(self.size, offset, count) {
            let Some(target) = buffer.get_mut(range) else { break };
            let source = self.blocks.get(&index).and_then(Block::bytes);
            match source.and_then(|bytes| bytes.get(within..within.saturating_add(target.len()))) {
                Some(bytes) => target.copy_from_slice(bytes),
                None => target.fill(0),
            }
        }
        count
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], fate: Fate) {
        self.order = self.order.saturating_add(1);
        for (index, within, range) in pieces(self.size, offset, bytes.len()) {
            let Some(part) = bytes.get(range) else { break };
            let old = self.block(index);
            let new = old.patched(self.size, within, part);
            let version = Version { order: self.order, change: Change::Write(new.clone()) };
            let pending = self.pending.entry(index).or_insert_with(|| Pending::new(old));
            match fate {
                Fate::Pending => pending.push(version),
                Fate::Lost => pending.dirty = false,
            }
            self.blocks.insert(index, new);
        }
        let end = offset.saturating_add(wide(bytes.len()));
        if !bytes.is_empty() && end > self.bytes {
            self.change_length(end);
        }
    }

    /// What the drive wrote in the wrong place: on the medium there are other bytes now, in the cache not.
    pub(super) fn misdirect(&mut self, offset: u64, bytes: &[u8]) {
        for (index, within, range) in pieces(self.size, offset, bytes.len()) {
            let Some(part) = bytes.get(range) else { break };
            let old = self.block(index);
            let pending = self.pending.entry(index).or_insert_with(|| Pending::new(old));
            pending.durable = pending.durable.patched(self.size, within, part);
        }
    }

    pub(super) fn set_len(&mut self, bytes: u64) {
        if bytes == self.bytes {
            return;
        }
        self.order = self.order.saturating_add(1);
        let (first, within) = split(self.size, bytes);
        let cut = bytes < self.bytes;
        let beyond: Vec<u64> = self.blocks.range(first..).map(|(index, _)| *index).collect();
        for index in beyond.into_iter().filter(|_| cut) {
            let keep = if index == first { within } else { 0 };
            let old = self.block(index);
            let new = old.cut(self.size, keep);
            let version = Version { order: self.order, change: Change::Cut(keep) };
            self.pending.entry(index).or_insert_with(|| Pending::new(old)).push(version);
            set(&mut self.blocks, index, new);
        }
        self.change_length(bytes);
    }

    /// `fdatasync`: everything dirty is durable, and nothing else.
    pub(super) fn sync(&mut self) {
        // Writing back a block beyond the durable length carries the length with it.
        let (last, _) = split(self.size, self.durable.bytes);
        let grown = self.pending.range(last..).any(|(_, pending)| pending.dirty);
        self.pending.retain(|_, pending| !pending.dirty);
        if self.length_dirty || (grown && !self.lengths.is_empty()) {
            self.durable = Length { bytes: self.bytes, order: self.order };
            self.lengths.clear();
            self.length_dirty = false;
        }
    }

    /// A sync that failed: the kernel marks the pages clean, whether or not they were written.
    pub(super) fn fail_sync(&mut self) {
        for pending in self.pending.values_mut() {
            pending.dirty = false;
        }
        self.length_dirty = false;
    }

    /// The file after a power cut.
    pub(super) fn crash(&self, picker: &mut Picker<'_>) -> Content {
        let pick = picker.pick(self.lengths.len());
        let length = pick.checked_sub(1).and_then(|index| self.lengths.get(index)).unwrap_or(&self.durable);
        let mut blocks = self.blocks.clone();
        for (index, pending) in &self.pending {
            let pick = picker.pick(pending.versions.len());
            set(&mut blocks, *index, pending.outcome(pick, length.order, self.size));
        }
        cut_blocks(&mut blocks, self.size, length.bytes);
        let durable = Length { bytes: length.bytes, order: 0 };
        Content { bytes: length.bytes, blocks, durable, ..Content::new(self.size) }
    }

    /// Changes bytes behind everybody's back: in the cache, on the medium, in all that is pending.
    pub(super) fn damage(&mut self, offset: u64, count: usize, change: impl Fn(usize, &mut u8)) {
        let size = self.size;
        let count = count.min(usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX));
        for (index, within, range) in pieces(size, offset, count) {
            let scar = |block: &Block| {
                block.changed(size, |bytes| {
                    for (place, byte) in range.clone().zip(bytes.iter_mut().skip(within)) {
                        change(place, byte);
                    }
                })
            };
            let scarred = scar(&self.block(index));
            self.blocks.insert(index, scarred);
            let Some(pending) = self.pending.get_mut(&index) else { continue };
            pending.durable = scar(&pending.durable);
            for version in &mut pending.versions {
                if let Change::Write(block) = &mut version.change {
                    *block = scar(block);
                }
            }
        }
    }

    /// Cuts the file behind everybody's back, likewise.
    pub(super) fn damage_length(&mut self, bytes: u64) {
        self.bytes = self.bytes.min(bytes);
        for length in self.lengths.iter_mut().chain([&mut self.durable]) {
            length.bytes = length.bytes.min(bytes);
        }
        let size = self.size;
        cut_blocks(&mut self.blocks, size, bytes);
        let (first, within) = split(size, bytes);
        let _ = self.pending.split_off(&first.saturating_add(u64::from(within > 0)));
        let Some(pending) = self.pending.get_mut(&first) else { return };
        pending.durable = pending.durable.cut(size, within);
        for version in &mut pending.versions {
            if let Change::Write(block) = &mut version.change {
                *block = block.cut(size, within);
            }
        }
    }

    /// Length and contents, as reads see them.
    pub(super) fn hash(&self, hash: &mut Hash) {
        hash.number(self.bytes);
        for (index, block) in &self.blocks {
            if block.bytes().is_some() {
                hash.number(*index);
                hash.number(block.hash());
            }
        }
    }

    fn block(&self, index: u64) -> Block {
        self.blocks.get(&index).cloned().unwrap_or(Block::Hole)
    }

    fn change_length(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.lengths.push(Length { bytes, order: self.order });
        self.length_dirty = true;
    }
}

impl Pending {
    fn new(durable: Block) -> Pending {
        Pending { durable, versions: Vec::new(), dirty: false }
    }

    fn push(&mut self, version: Version) {
        self.dirty = true;
        self.versions.push(version);
        let is_write = |version: &Version| matches!(version.change, Change::Write(_));
        if self.versions.len() > VERSIONS_MAX && self.versions.iter().all(is_write) {
            let mut index = 0_usize;
            self.versions.retain(|_| {
                index = index.saturating_add(1);
                index > VERSIONS_MAX / 2 || !index.is_multiple_of(2)
            });
        }
    }

    /// The block after a crash that kept the length of `order`: version `pick` (0 is the durable
    /// one), or the nearest one that is legal with that length.
    fn outcome(&self, pick: usize, order: u64, size: usize) -> Block {
        let is_whole_cut = |version: &Version| matches!(version.change, Change::Cut(0));
        let made = |version: &Version| is_whole_cut(version) && version.order <= order;
        let unmade = |version: &Version| is_whole_cut(version) && version.order > order;
        let low = self.versions.iter().rposition(made).map_or(0, |index| index.saturating_add(1));
        let high = self.versions.iter().position(unmade).unwrap_or(self.versions.len());
        let pick = pick.clamp(low, high);
        let mut block = self.durable.clone();
        for (number, version) in (1_usize..).zip(&self.versions) {
            match &version.change {
                Change::Write(written) if number <= pick => block = written.clone(),
                // A cut within the block, durable with the length, cuts whichever version is there.
                Change::Cut(keep) if number <= pick || version.order <= order => block = block.cut(size, *keep),
                Change::Write(_) | Change::Cut(_) => {}
            }
        }
        block
    }
}

/// Block and place in it of an offset.
fn split(size: usize, offset: u64) -> (u64, usize) {
    let size = wide(size).max(1);
    (offset / size, usize::try_from(offset % size).unwrap_or(0))
}

/// The parts of `count` bytes at `offset`, block by block: block, place in it, place in the bytes.
fn pieces(size: usize, offset: u64, count: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0_usize;
    std::iter::from_fn(move || {
        let (index, within) = split(size, offset.saturating_add(wide(done)));
        let end = done.saturating_add(size.saturating_sub(within)).min(count);
        let range = done..end;
        done = end;
        (!range.is_empty()).then_some((index, within, range))
    })
}

fn set(blocks: &mut BTreeMap<u64, Block>, index: u64, block: Block) {
    if block.is_allocated() {
        blocks.insert(index, block);
    } else {
        blocks.remove(&index);
    }
}

/// Drops what lies beyond a length, and zeros the rest of its last block.
fn cut_blocks(blocks: &mut BTreeMap<u64, Block>, size: usize, bytes: u64) {
    let (first, within) = split(size, bytes);
    let beyond = blocks.split_off(&first);
    if let Some(block) = beyond.get(&first) {
        set(blocks, first, block.cut(size, within));
    }
}
