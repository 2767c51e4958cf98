//! A writer, a disk and their accidents at random, against the rules of format.md 3.5: no acknowledged
//! record is ever missing without damage that says so, and no accident short of rot is called damage.
//!
//! Accidents: power cuts into any subset of unsynced blocks, lengths and names, at any step of writing,
//! syncing and recovering; killed processes; failed writes; failed syncs whose pages pass for clean and
//! are evicted later; a mark that is current, any number of syncs old, or gone; and, apart, one rotten byte. In between, what
//! can be is sealed, by the writer and by others, and files that were sealed come back with a power cut.

mod disk;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::id::Sequence;
use crate::recover::log::{Base, Damage, Log, Mark, Scan};
use crate::recover::model_tests::disk::Disk;
use crate::recover::model_tests::writer::Writer;
use crate::recover::resolve::resolve;
use crate::recover::walk::Piece;
use crate::seal::bounds::{Quiet, base};

struct Model {
    rng: ChaCha8Rng,
    disk: Disk,
    /// Every value the mark had; a power cut goes back to any of them.
    marks: Vec<Option<Mark>>,
    /// What was acknowledged or served, and is still owed.
    owed: BTreeMap<u64, Vec<u8>>,
    /// What rot took, and was reported.
    lost: BTreeSet<u64>,
    /// Each batch ever submitted, by its number.
    batches: Vec<Vec<Vec<u8>>>,
    /// Written and not yet acknowledged.
    waiting: BTreeMap<u64, Vec<u8>>,
    rotten: bool,
    opens: u64,
    seals: u64,
    /// Where the log begins behind what was sealed, and what that was.
    base: Option<Base>,
    sealed: BTreeMap<u64, Vec<u8>>,
}

/// The process died, or the machine did.
struct Crash;

fn covers(damage: &[Damage], sequence: u64) -> bool {
    damage.iter().any(|damage| {
        let end = damage.count.map_or(u64::MAX, |count| damage.first.0.saturating_add(count));
        (damage.first.0..end).contains(&sequence)
    })
}

impl Model {
    fn new(seed: u64) -> Model {
        Model {
            rng: ChaCha8Rng::seed_from_u64(seed),
            disk: Disk::default(),
            marks: vec![None],
            owed: BTreeMap::new(),
            lost: BTreeSet::new(),
            batches: Vec::new(),
            waiting: BTreeMap::new(),
            rotten: false,
            opens: 0,
            seals: 0,
            base: None,
            sealed: BTreeMap::new(),
        }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.rng.random_ratio(1, one_in)
    }

    fn content(&self, scans: &[Scan], log: &Log) -> BTreeMap<u64, Vec<u8>> {
        let mut found = self.sealed.clone();
        for place in &log.groups {
            let Piece::Group(group) = &scans[place.scan].walk.pieces[place.piece] else { panic!("no group") };
            assert_eq!(place.frames, group.frames.len(), "writers cut between groups only");
            let file = self.disk.read(scans[place.scan].id);
            for (index, frame) in group.frames.iter().enumerate() {
                if group.bad.iter().any(|bad| bad.index == index) {
                    continue;
                }
                let start = usize::try_from(frame.payload_offset).unwrap();
                let payload = &file[start..start + usize::try_from(frame.header.payload_bytes).unwrap()];
                let sequence = group.header.first_sequence.0 + u64::try_from(index).unwrap();
                assert!(found.insert(sequence, payload.to_vec()).is_none(), "one sequence, one record");
            }
        }
        found
    }

    /// What recovery reads: of files that were sealed nothing, also of those that a power cut brought back.
    fn scans(&self) -> Vec<Scan> {
        let upto = self.base.map_or(0, |base| base.segments_upto);
        let files = self.disk.scans().into_iter().filter(|scan| scan.id.number > upto);
        self.base.map(Scan::sealed).into_iter().chain(files).collect()
    }

    /// Seals what can be, and removes files. The manifest is replaced in between, durably.
    fn seal(&mut self, quiet: Quiet, limit: Option<Sequence>) {
        let scans = self.scans();
        let log = resolve(&scans, self.mark(), limit);
        let bytes_max = if self.chance(2) { u64::MAX } else { 1 };
        let Some(base) = base(0, self.base, quiet, &scans, &log, bytes_max) else { return };
        let before = self.base.map_or(Sequence(0), |base| base.upto);
        assert!(base.upto >= before, "the base only grows");
        let found = self.content(&scans, &log).into_iter().filter(|(sequence, _)| *sequence <= base.upto.0);
        self.sealed = found.collect();
        if !self.rotten {
            assert!(self.sealed.keys().copied().eq(1..=base.upto.0), "all up to the base is sealed");
        }
        self.base = Some(base);
        self.seals += u64::from(base.upto > before);
        for scan in self.disk.scans().iter().filter(|scan| scan.id.number <= base.segments_upto) {
            if !self.chance(4) {
                self.disk.remove(scan.id);
            }
        }
    }

    /// What holds of every log, whatever happened before.
    fn check(&mut self, scans: &[Scan], log: &Log) -> BTreeMap<u64, Vec<u8>> {
        let found = self.content(scans, log);
        if !self.rotten {
            assert_eq!(log.damage, [], "no accident but rot is damage");
            assert!(found.keys().copied().eq(1..=log.last.0), "no holes: {log:?}");
            self.check_batches(&found);
        }
        for (sequence, payload) in &self.owed {
            match found.get(sequence) {
                Some(read) => assert_eq!(read, payload, "record {sequence} changed"),
                None => {
                    assert!(covers(&log.damage, *sequence), "record {sequence} is gone, and nothing says so: {log:?}")
                }
            }
        }
        for sequence in &self.lost {
            assert!(
                found.contains_key(sequence) || covers(&log.damage, *sequence),
                "{sequence} no longer reported: {log:?}"
            );
        }
        let gone: Vec<u64> = self.owed.keys().filter(|sequence| !found.contains_key(sequence)).copied().collect();
        self.lost.extend(&gone);
        found
    }

    /// A batch is there as a whole or not at all, and nothing else is there.
    fn check_batches(&self, found: &BTreeMap<u64, Vec<u8>>) {
        let mut records = found.values().peekable();
        while let Some(record) = records.next() {
            let batch = self.batches.iter().find(|batch| batch[0] == *record).expect("a batch begins here");
            for rest in &batch[1..] {
                assert_eq!(records.next(), Some(rest), "a batch in part");
            }
        }
    }

    fn batch(&mut self) -> Vec<Vec<u8>> {
        let number = u64::try_from(self.batches.len()).unwrap();
        let batch: Vec<Vec<u8>> = (0..self.rng.random_range(1..4u8))
            .map(|index| {
                let name = format!("{number}.{index} ");
                let bytes = if self.chance(3) { self.rng.random_range(0..9000) } else { self.rng.random_range(0..200) };
                name.bytes().cycle().take(name.len() + bytes).collect()
            })
            .collect();
        self.batches.push(batch.clone());
        batch
    }

    /// Opens for writing; may crash at any step.
    fn open(&mut self) -> Result<Writer, Crash> {
        self.opens += 1;
        let scans = self.scans();
        let log = resolve(&scans, self.mark(), None);
        let found = self.check(&scans, &log);
        if log.last == log.witness && self.chance(3) {
            // Nobody writes it, and all of it is vouched for.
            self.owed.extend(found);
            self.seal(Quiet::All, None);
            return self.open();
        }
        let mut writer = Writer::new(&log);
        if writer.copy_tail(&mut self.disk, &scans, &log) {
            self.crash_in(8)?;
            writer.sync(&mut self.disk, usize::MAX);
            self.crash_in(8)?;
            writer.witness(&mut self.disk);
            self.crash_in(8)?;
            writer.sync(&mut self.disk, usize::MAX);
            self.crash_in(8)?;
        }
        for id in log.left_out {
            if self.chance(2) {
                self.disk.remove(id);
                self.crash_in(16)?;
            }
        }
        // From here on these are served.
        self.owed.extend(found);
        self.marks.push(Some(writer.mark()));
        Ok(writer)
    }

    fn crash_in(&mut self, one_in: u32) -> Result<(), Crash> {
        if self.chance(one_in) { Err(Crash) } else { Ok(()) }
    }

    /// Writes until something happens.
    fn work(&mut self, writer: &mut Writer) -> Result<(), Crash> {
        loop {
            match self.rng.random_range(0..18) {
                16 if writer.has_left_nothing_unsynced() => {
                    let open = writer.open_number().map_or(u64::MAX, |number| number - 1);
                    self.seal(Quiet::Upto(open), Some(writer.durable));
                }
                16 | 17 => self.seal(Quiet::BeforeMark, Some(writer.durable)),
                0..6 => {
                    let batches: Vec<_> = (0..self.rng.random_range(1..3)).flat_map(|_| self.batch()).collect();
                    let first = if writer.is_between_epochs() { writer.durable.plus(1) } else { writer.next };
                    let roll = self.chance(4);
                    writer.append(&mut self.disk, &batches, roll);
                    self.waiting.extend((first.0..).zip(batches));
                }
                6..10 => self.sync(writer)?,
                10 => {
                    let blocks = self.rng.random_range(1..12);
                    writer.prepare(&mut self.disk, blocks);
                }
                11 => writer.witness(&mut self.disk),
                12 => {
                    let batch = self.batch();
                    writer.fail_write(&mut self.disk, &batch, &mut self.rng);
                    self.waiting.clear();
                }
                13 => {
                    self.disk.evict(&mut self.rng);
                    self.read(writer);
                }
                14 => {
                    writer.close(&mut self.disk);
                    self.acknowledge(writer);
                    return Ok(());
                }
                _ => {
                    if self.chance(2) {
                        writer.sync_fails(&mut self.disk, &mut self.rng);
                    }
                    return Err(Crash);
                }
            }
        }
    }

    fn sync(&mut self, writer: &mut Writer) -> Result<(), Crash> {
        if self.chance(12) {
            writer.sync(&mut self.disk, 1);
            return Err(Crash);
        }
        writer.sync(&mut self.disk, usize::MAX);
        self.acknowledge(writer);
        Ok(())
    }

    fn acknowledge(&mut self, writer: &Writer) {
        self.marks.push(Some(writer.mark()));
        for (sequence, payload) in std::mem::take(&mut self.waiting) {
            let before = self.owed.insert(sequence, payload);
            assert!(before.is_none() || self.rotten, "sequence {sequence} given twice");
        }
    }

    /// Another process reads while this one writes.
    fn read(&mut self, writer: &Writer) {
        let scans = self.scans();
        let log = resolve(&scans, self.mark(), Some(writer.durable));
        let found = self.check(&scans, &log);
        assert!(log.torn.is_none() && log.last == writer.durable, "{log:?}");
        assert!(found.keys().all(|sequence| *sequence <= writer.durable.0));
    }

    /// What is left after a crash: of the disk, and of the mark.
    fn crash(&mut self) {
        self.waiting.clear();
        // A killed process leaves all that it wrote, and its mark.
        if !self.chance(3) {
            self.disk.power_cut(&mut self.rng);
            let left = self.rng.random_range(0..self.marks.len());
            self.marks.truncate(left + 1);
        }
    }

    fn mark(&self) -> Option<Mark> {
        self.marks.last().copied().flatten()
    }

    fn run(&mut self, lives: u32, rot: bool) {
        for _ in 0..lives {
            let rots = rot && !self.rotten && self.chance(4);
            let ended = match self.open() {
                Ok(mut writer) => self.work(&mut writer),
                Err(crash) => Err(crash),
            };
            if let Err(Crash) = ended {
                self.crash();
            }
            if rots {
                self.disk.rot(&mut self.rng);
                self.rotten = true;
            }
            if self.chance(4) {
                self.disk.evict(&mut self.rng);
            }
        }
        let scans = self.scans();
        let log = resolve(&scans, self.mark(), None);
        self.check(&scans, &log);
    }
}

/// A failure names its seed, and THREADLOG_SEED=n runs that one alone. THREADLOG_SEEDS=n runs so many.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    match number("THREADLOG_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("THREADLOG_SEEDS").unwrap_or(count),
    }
}

fn run_all(count: u64, rot: bool) {
    let (mut opens, mut seals) = (0, 0);
    for seed in seeds(count) {
        let result = std::panic::catch_unwind(|| {
            let mut model = Model::new(seed);
            model.run(12, rot);
            (model.opens, model.seals)
        });
        let (opened, sealed) =
            result.unwrap_or_else(|_| panic!("seed {seed}, rot {rot}: THREADLOG_SEED={seed} runs it alone"));
        opens += opened;
        seals += sealed;
    }
    assert!(opens >= 12 && seals >= 4, "{opens} recoveries, {seals} times sealed");
}

#[test]
fn no_accident_loses_what_was_acknowledged_or_passes_for_damage() {
    run_all(400, false);
}

#[test]
fn one_rotten_byte_is_reported_for_ever() {
    run_all(400, true);
}
