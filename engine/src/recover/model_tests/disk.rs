//! A disk for the model: what is durable, what the page cache shows, and what a power cut makes of the
//! difference.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::id::SegmentId;
use crate::recover::log::Scan;

pub(super) const BLOCK: usize = 4096;

#[derive(Clone, Default)]
struct FileState {
    /// What a power cut leaves at least.
    durable: Vec<u8>,
    /// What a read gives.
    current: Vec<u8>,
    /// Blocks that the kernel still means to write.
    dirty: BTreeSet<usize>,
    name_is_durable: bool,
    removed: bool,
}

impl FileState {
    fn keep(&mut self, block: usize) {
        let start = block * BLOCK;
        let end = (start + BLOCK).min(self.current.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.current[start..end]);
    }
}

#[derive(Clone, Default)]
pub(super) struct Disk {
    files: BTreeMap<SegmentId, FileState>,
}

impl Disk {
    pub(super) fn create(&mut self, id: SegmentId) {
        assert!(self.files.insert(id, FileState::default()).is_none_or(|file| file.removed));
    }

    pub(super) fn write(&mut self, id: SegmentId, offset: usize, bytes: &[u8]) {
        let file = self.files.get_mut(&id).unwrap();
        let end = offset + bytes.len();
        if file.current.len() < end {
            file.current.resize(end, 0);
        }
        let clean = file.current[offset..end].iter().all(|byte| *byte == 0);
        assert!(clean, "no offset is written twice, but for the zeros of its preparation");
        file.current[offset..end].copy_from_slice(bytes);
        file.dirty.extend(offset / BLOCK..end.div_ceil(BLOCK));
    }

    pub(super) fn sync(&mut self, id: SegmentId) {
        let file = self.files.get_mut(&id).unwrap();
        for block in std::mem::take(&mut file.dirty) {
            file.keep(block);
        }
        file.durable.resize(file.current.len(), 0);
    }

    /// A sync that failed: the kernel wrote some of the blocks, and holds all of them for clean.
    pub(super) fn sync_fails(&mut self, id: SegmentId, rng: &mut ChaCha8Rng) {
        let file = self.files.get_mut(&id).unwrap();
        for block in std::mem::take(&mut file.dirty) {
            if rng.random() {
                file.keep(block);
            }
        }
    }

    pub(super) fn sync_dir(&mut self) {
        self.files.retain(|_, file| !file.removed);
        self.files.values_mut().for_each(|file| file.name_is_durable = true);
    }

    pub(super) fn remove(&mut self, id: SegmentId) {
        self.files.get_mut(&id).unwrap().removed = true;
    }

    pub(super) fn truncate(&mut self, id: SegmentId, bytes: usize) {
        let file = self.files.get_mut(&id).unwrap();
        assert!(file.current[bytes..].iter().all(|byte| *byte == 0));
        file.current.truncate(bytes);
        file.dirty.retain(|block| block * BLOCK < bytes);
    }

    /// Memory gets scarce: clean pages are dropped and read again from the disk.
    pub(super) fn evict(&mut self, rng: &mut ChaCha8Rng) {
        for file in self.files.values_mut() {
            for block in 0..file.current.len().div_ceil(BLOCK) {
                if !file.dirty.contains(&block) && rng.random_ratio(1, 4) {
                    let (start, end) = (block * BLOCK, ((block + 1) * BLOCK).min(file.current.len()));
                    for at in start..end {
                        file.current[at] = file.durable.get(at).copied().unwrap_or(0);
                    }
                }
            }
        }
    }

    /// Any subset of what was not synced is on disk afterwards: blocks, lengths and names.
    pub(super) fn power_cut(&mut self, rng: &mut ChaCha8Rng) {
        let mut survivors = BTreeMap::new();
        for (id, mut file) in std::mem::take(&mut self.files) {
            if (!file.name_is_durable || file.removed) && rng.random() {
                continue;
            }
            let synced = file.durable.len();
            for block in std::mem::take(&mut file.dirty) {
                if rng.random() {
                    file.keep(block);
                }
            }
            match rng.random_range(0..3) {
                0 => file.durable.truncate(synced),
                1 => file.durable.resize(file.durable.len().max(file.current.len()), 0),
                _ => {}
            }
            file.current = file.durable.clone();
            (file.name_is_durable, file.removed) = (true, false);
            survivors.insert(id, file);
        }
        self.files = survivors;
    }

    /// Changes one byte that is not zero to another that is not zero, if there is one in what is durable.
    pub(super) fn rot(&mut self, rng: &mut ChaCha8Rng) {
        let places: Vec<(SegmentId, usize)> = self
            .files
            .iter()
            .flat_map(|(id, file)| file.durable.iter().enumerate().map(move |(at, byte)| (*id, at, *byte)))
            .filter_map(|(id, at, byte)| (byte != 0).then_some((id, at)))
            .collect();
        if places.is_empty() {
            return;
        }
        let (id, at) = places[rng.random_range(0..places.len())];
        let file = self.files.get_mut(&id).unwrap();
        let old = file.durable[at];
        let new = (1..=255).cycle().skip(rng.random_range(0..255)).find(|new| *new != old).unwrap();
        file.durable[at] = new;
        if at < file.current.len() && file.current[at] == old {
            file.current[at] = new;
        }
    }

    pub(super) fn read(&self, id: SegmentId) -> &[u8] {
        &self.files[&id].current
    }

    pub(super) fn scans(&self) -> Vec<Scan> {
        let present = self.files.iter().filter(|(_, file)| !file.removed);
        present.map(|(id, file)| Scan::read(*id, &file.current)).collect()
    }
}
