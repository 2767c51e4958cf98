//! Random work, random crashes: whatever is left must be explained by what was done.
//!
//! The bookkeeping here is as plain as can be (whole contents in lists), to be a second opinion on
//! the simulator's own.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::number::wide;

const FILES: [&str; 3] = ["/d/a", "/d/b", "/d/c"];
const BLOCKS: u64 = 5;

/// What one file (one life of a name) may look like.
#[derive(Clone, Default)]
struct Life {
    now: Vec<u8>,
    /// For each block, every content since it was last synced, the synced one first.
    versions: BTreeMap<u64, Vec<Vec<u8>>>,
    lengths: BTreeSet<usize>,
}

impl Life {
    fn block(&self, index: u64) -> Vec<u8> {
        let start = usize::try_from(index).unwrap() * BLOCK;
        let mut block = vec![0; BLOCK];
        let part = self.now.get(start..self.now.len().min(start + BLOCK)).unwrap_or_default();
        block[..part.len()].copy_from_slice(part);
        block
    }

    fn note(&mut self) {
        for index in 0..BLOCKS {
            let block = self.block(index);
            self.versions.entry(index).or_default().push(block);
        }
        self.lengths.insert(self.now.len());
    }

    /// A cut within a block zeroes the tail of whichever version of it is on the medium.
    fn cut(&mut self, length: usize) {
        let versions = self.versions.get_mut(&wide(length / BLOCK));
        if let Some(versions) = versions {
            let cut = |version: &Vec<u8>| [&version[..length % BLOCK], &vec![0; BLOCK - length % BLOCK]].concat();
            versions.extend(versions.iter().map(cut).collect::<Vec<_>>());
        }
    }

    fn settle(&mut self) {
        self.versions.clear();
        self.lengths.clear();
        self.note();
    }

    fn explains(&self, bytes: &[u8]) -> bool {
        let left = Life { now: bytes.to_vec(), ..Life::default() };
        let explained = |index: u64| {
            let start = usize::try_from(index).unwrap() * BLOCK;
            let inside = bytes.len().saturating_sub(start).min(BLOCK);
            let found = left.block(index);
            // Zeros beyond every length that was written, or the head of some version.
            self.versions[&index].iter().any(|version| version[..inside] == found[..inside])
        };
        self.lengths.contains(&bytes.len()) && (0..BLOCKS).all(explained)
    }
}

/// One random step on file and model.
fn step(random: &mut ChaCha8Rng, fs: &SimFs, names: &mut Model) {
    let name = FILES[random.random_range(0..FILES.len())];
    let Some(number) = names.now.get(name).copied() else {
        let file = create(fs, name);
        let mut life = Life::default();
        life.settle();
        names.lives.push((file, life));
        names.inodes.push(fs.state().disk.lookup(path(name)).unwrap());
        names.change(name, Some(names.lives.len() - 1));
        return;
    };
    let (file, life) = &mut names.lives[number];
    match random.random_range(0..10) {
        0..=4 => {
            let offset = random.random_range(0..=life.now.len().min(BLOCK * 4 - 1));
            let count = random.random_range(1..=(BLOCK * 5 - offset).min(2 * BLOCK));
            let bytes = vec![random.random::<u8>() | 1; count];
            write_all_at(&**file, &bytes, wide(offset)).unwrap();
            life.now.resize(life.now.len().max(offset + count), 0);
            life.now[offset..offset + count].copy_from_slice(&bytes);
            life.note();
        }
        5 => {
            let length = random.random_range(0..=5 * BLOCK);
            file.set_len(wide(length)).unwrap();
            if length < life.now.len() {
                life.cut(length);
            }
            life.now.resize(length, 0);
            life.note();
        }
        6 => {
            file.sync_data().unwrap();
            life.settle();
        }
        7 => {
            fs.sync_dir(path("/d")).unwrap();
            names.safe = names.now.values().copied().collect();
            names.possible = names.now.iter().map(|(name, number)| (name.clone(), vec![Some(*number)])).collect();
        }
        8 => {
            fs.remove_file(path(name)).unwrap();
            names.safe.remove(&number);
            names.change(name, None);
        }
        _ => {
            let to = FILES[random.random_range(0..FILES.len())];
            fs.rename(path(name), path(to)).unwrap();
            if name != to {
                let replaced = names.now.get(to).copied();
                names.safe.retain(|safe| Some(*safe) != replaced);
                names.change(name, None);
                names.change(to, Some(number));
            }
        }
    }
}

#[derive(Default)]
struct Model {
    lives: Vec<(Arc<dyn File>, Life)>,
    inodes: Vec<u64>,
    now: BTreeMap<String, usize>,
    /// Those that had a durable name and were not removed since, nor replaced by another.
    safe: BTreeSet<usize>,
    /// For each name, what it may stand for after a crash.
    possible: BTreeMap<String, Vec<Option<usize>>>,
}

impl Model {
    fn change(&mut self, name: &str, number: Option<usize>) {
        let before = self.now.get(name).copied();
        self.possible.entry(name.to_owned()).or_insert_with(|| vec![before]).push(number);
        match number {
            Some(number) => self.now.insert(name.to_owned(), number),
            None => self.now.remove(name),
        };
    }

    fn check(&self, left: &SimFs) {
        let inodes: Vec<u64> = left.state().disk.tree().map(|(_, inode)| inode).collect();
        assert_eq!(inodes.iter().collect::<BTreeSet<_>>().len(), inodes.len(), "one file, one name");
        for number in &self.safe {
            assert!(inodes.contains(&self.inodes[*number]), "a file that nobody removed is gone");
        }
        for name in FILES {
            let possible = self.possible.get(name).cloned().unwrap_or_else(|| vec![None]);
            match left.read_raw(path(name)) {
                Ok(bytes) => {
                    let mut lives = possible.iter().flatten().map(|number| &self.lives[*number].1);
                    assert!(lives.any(|life| life.explains(&bytes)), "{name}: {} bytes that nobody wrote", bytes.len());
                }
                Err(_) => assert!(possible.contains(&None), "{name} is gone"),
            }
        }
    }
}

#[test]
fn whatever_a_crash_leaves_was_written_and_whatever_was_synced_is_left() {
    for seed in 0..150 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let fs = SimFs::new(seed);
        fs.create_dir(path("/d")).unwrap();
        fs.sync_dir(path("/")).unwrap();
        let mut names = Model::default();
        for _ in 0..40 {
            step(&mut random, &fs, &mut names);
            let (kept, now) = (fs.snapshot().crash(&Choice::KeepAll), fs.state().disk.hash());
            assert_eq!(kept.durable_hash(), now, "keeping all leaves what calls see");
            for choice in fs.crash_points().choices(4, random.random()) {
                let left = fs.snapshot().crash(&choice);
                names.check(&left);
                assert_eq!(left.crash_points().states(), 1, "nothing is pending after a crash");
            }
        }
        for (name, number) in &names.now {
            assert_eq!(fs.read_raw(path(name)).unwrap(), names.lives[*number].1.now);
        }
    }
}
