//! Damage to sealed files at rest: MANIFEST and sealed segments, flipped, cut, overwritten, gone.
//!
//! Each outcome is the exact content, or an error that names the file in the place of what it took; never a wrong byte.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Batch, Engine, Error, Reader, verify};

use super::content::{Line, print, stream};
use super::found::Found;
use super::invariants::{Checked, I1, I3, I9, Violation};
use super::model::Duty;
use super::probe::Recorder;
use super::step::Step;
use super::world::{ROOT, World, config};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It is cut to so many bytes.
    Cut(u64),
    /// One bit at this byte is another.
    Flip(u64, u8),
    /// So many bytes from this one on are zero.
    Zero(u64, u64),
    /// It is gone.
    Removed,
}

/// A closed store of which most is sealed, in two segments, and the rest hot.
pub struct Base {
    disk: SimFs,
    duty: Duty,
    /// The sealed files and their lengths.
    pub targets: Vec<(PathBuf, u64)>,
}

const SEGMENT_BYTES: u64 = 16 << 10;

const STORY: &[Step] = &[
    Step::Batch,
    Step::Blocks,
    Step::Sync,
    Step::Seal,
    Step::Blocks,
    Step::Batch,
    Step::Sync,
    Step::Seal,
    Step::Small,
    Step::Sync,
];

impl Base {
    /// Makes it.
    ///
    /// # Errors
    /// An invariant that does not hold meanwhile.
    pub fn new() -> Checked<Base> {
        let mut world = World::new(SimFs::new(1), SEGMENT_BYTES, Recorder::default());
        world.reopen()?;
        STORY.iter().try_for_each(|step| world.apply(*step))?;
        world.close()?;
        let disk = world.disk().snapshot();
        let is_sealed =
            |path: &PathBuf| path.ends_with("MANIFEST") || path.parent().is_some_and(|at| at.ends_with("sealed"));
        let length = |path: PathBuf| {
            let bytes = disk.read_raw(&path).map_or(0, |bytes| bytes.len() as u64);
            (path, bytes)
        };
        let targets: Vec<_> = disk.paths().into_iter().filter(is_sealed).map(length).collect();
        Ok(Base { disk, duty: world.duty(), targets })
    }

    /// Harms a file and looks at the store. Says whether anything is lost.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn harm(&self, (path, bytes): &(PathBuf, u64), harm: Harm) -> Checked<bool> {
        let name = format!("{harm:?} of {} of {bytes} bytes", path.display());
        self.look(path, harm).map_err(|broken| broken.after(name))
    }

    fn look(&self, path: &Path, harm: Harm) -> Checked<bool> {
        let disk = self.disk.snapshot();
        let early = self.open(&disk)?;
        let done = match harm {
            Harm::Cut(bytes) => disk.truncate(path, bytes),
            Harm::Flip(byte, bit) => disk.flip_bit(path, byte, bit),
            Harm::Zero(from, count) => disk.overwrite(path, from, &vec![0; count as usize]),
            Harm::Removed => disk.remove_file(path),
        };
        done.map_err(|error| Violation::new(I9, format!("the harm is refused: {error}")))?;
        // Who opened it before has the rows of the footers, not the blocks.
        self.compare(&Found::gather(&early, false), path)?;
        let lost = match Reader::open(Arc::new(disk.clone()), Path::new(ROOT)) {
            Err(error) => {
                named(path, &error)?;
                true
            }
            Ok(reader) => {
                let lost = self.compare(&Found::gather(&reader, false), path)?;
                let told = verify(Arc::new(disk.clone()), Path::new(ROOT), &mut |_| ());
                let told = told.map_err(|error| Violation::new(I9, format!("verify: {error}")))?;
                if lost && told.is_sound() {
                    return Err(Violation::new(I9, "records are lost, and verify says that the store is sound"));
                }
                lost
            }
        };
        self.salvaged(&disk)?;
        self.go_on(&disk, path)?;
        Ok(lost)
    }

    fn open(&self, disk: &SimFs) -> Checked<Reader> {
        Reader::open(Arc::new(disk.clone()), Path::new(ROOT))
            .map_err(|error| Violation::new(I9, format!("the sound store does not open: {error}")))
    }

    fn acknowledged(&self) -> impl Iterator<Item = &Line> {
        self.duty.chains[0].lines().take(self.duty.durable as usize)
    }

    /// Every record shown is right, every other is an error that names the file, or its stream's place is told as lost.
    fn compare(&self, found: &Found, path: &Path) -> Checked<bool> {
        self.known(found)?;
        let mut lost = false;
        for line in self.acknowledged() {
            let shown = found.records().any(|record| print(record) == line.print);
            if shown {
                continue;
            }
            lost = true;
            let entry = found.stream(&stream(line.stream)).and_then(|found| found.records.get(line.ordinal as usize));
            match entry {
                Some(Err(Error::Corrupt { path: told, .. } | Error::Io { path: told, .. })) if told == path => {}
                // A segment that is gone: nothing but the hole tells, and MANIFEST.
                Some(Err(Error::Corrupt { .. })) | None if !found.is_whole() || entry.is_none() => {}
                other => return Err(Violation::new(I1, format!("{line:?} is lost: {other:?}"))),
            }
        }
        Ok(lost)
    }

    fn known(&self, found: &Found) -> Checked {
        let lines = || self.duty.chains.iter().flat_map(|chain| chain.lines());
        let wrong = found.records().find(|record| !lines().any(|line| line.print == print(record)));
        wrong.map_or(Ok(()), |record| {
            Err(Violation::new(I3, format!("record {} of {} is wrong", record.ordinal, record.stream)))
        })
    }

    fn salvaged(&self, disk: &SimFs) -> Checked {
        let reader = Reader::open_lenient(Arc::new(disk.clone()), Path::new(ROOT))
            .map_err(|error| Violation::new(I9, format!("salvage: {error}")))?;
        self.known(&Found::gather(&reader, false))
    }

    /// Opening for writing says which file it is, or takes appends.
    fn go_on(&self, disk: &SimFs, path: &Path) -> Checked {
        let fs = Arc::new(disk.clone());
        let engine = match Engine::open(fs, Path::new(ROOT), config(SEGMENT_BYTES, &Arc::default())) {
            Ok(engine) => engine,
            Err(error) => return named(path, &error),
        };
        self.known(&Found::gather(&engine, false))?;
        let failed = |error: Error| Violation::new(I9, format!("not writable: {error}"));
        let fresh = Line::new(9, 0, 1, 50);
        let payload = fresh.payload();
        let mut batch = Batch::new();
        batch.push(fresh.new_record(&payload)).map_err(failed)?;
        engine.append(batch).and_then(|ticket| engine.sync(ticket)).map_err(failed)?;
        engine.close().map_err(failed)
    }
}

fn named(path: &Path, error: &Error) -> Checked {
    match error {
        Error::Corrupt { path: told, .. } | Error::FormatVersion { path: told, .. } if told == path => Ok(()),
        other => Err(Violation::new(I9, format!("refused with the wrong reason: {other}"))),
    }
}

/// Harms every sealed file: removed; cut, flipped and zeroed at one byte in `every`. Says how many stores that were, and in how
/// many of them something was lost.
///
/// # Errors
/// The invariant that does not hold.
pub fn every_harm(every: u64) -> Checked<(u64, u64)> {
    let base = Base::new()?;
    let (mut harmed, mut lossy) = (0, 0);
    for target in &base.targets {
        let steps = (0..target.1).step_by(every as usize);
        let flips = steps.clone().flat_map(|byte| [Harm::Flip(byte, (byte % 8) as u8), Harm::Cut(byte)]);
        let zeros = (0..target.1).step_by(every as usize * 8).map(|byte| Harm::Zero(byte, 64.min(target.1 - byte)));
        for harm in [Harm::Removed].into_iter().chain(flips).chain(zeros) {
            harmed += 1;
            lossy += u64::from(base.harm(target, harm)?);
        }
    }
    Ok((harmed, lossy))
}
