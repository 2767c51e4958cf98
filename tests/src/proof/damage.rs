//! Damage to a store at rest: every truncation and every flipped bit of every file.
//!
//! The outcome must be the exact content, the loss of what was not acknowledged, or an error that names the place; never
//! a wrong byte, a panic, or memory beyond the size of a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::Fs;
use threadlog_engine::fs::sim::{Choice, SimFs};
use threadlog_engine::recover::walk::{Piece, walk};
use threadlog_engine::{Batch, Damage, DamageKind, Engine, Error, Reader, SegmentId, verify};

use super::content::{Line, print, stream};
use super::found::Found;
use super::invariants::{Checked, I1, I3, I6, I8, I9, Violation};
use super::model::Duty;
use super::probe::{Recorder, class};
use super::step::Step;
use super::stories::{End, Story};
use super::world::{ROOT, World, config};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It is cut to so many bytes.
    Cut(u64),
    /// One bit at this byte is another.
    Flip(u64, u8),
    /// The block that begins at this byte holds nothing but this.
    Block(u64, u8),
    /// The block that begins at `to` holds what stands in another place: at `from`, in the same file or in another segment.
    Copied {
        /// Where the bytes come from.
        from: u64,
        /// Where they stand now.
        to: u64,
        /// Whether they come from another segment.
        other: bool,
    },
    /// The block that begins at this byte is the one of a twin: the same store, told other things.
    Twin(u64),
    /// The file is gone.
    Removed,
}

impl Harm {
    /// The bytes that may be wrong now.
    fn range(self) -> Range<u64> {
        match self {
            Harm::Cut(bytes) => bytes..u64::MAX,
            Harm::Flip(byte, _) => byte..byte + 1,
            Harm::Block(start, _) | Harm::Twin(start) | Harm::Copied { to: start, .. } => start..start + BLOCK_BYTES,
            Harm::Removed => 0..u64::MAX,
        }
    }

    /// Whether the file ends earlier than it did: then nothing in it may be left to tell.
    fn shortens(self) -> bool {
        matches!(self, Harm::Cut(_) | Harm::Removed)
    }
}

/// Records by stream and ordinal.
type Key = (u8, u64);

/// A group as it stands in a file: where it is, and what is lost with it.
#[derive(Clone, Debug)]
struct GroupPlace {
    all: Range<u64>,
    /// Each record with the place of its payload.
    records: Vec<(Key, Range<u64>)>,
}

/// A file to be harmed.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    groups: Vec<GroupPlace>,
}

/// A sound store at rest, and what is known of it.
pub struct Base {
    /// How it came about.
    pub name: &'static str,
    end: End,
    disk: SimFs,
    /// The same store on the same disk, with other records of the same lengths.
    twin: SimFs,
    duty: Duty,
    /// Its files.
    pub targets: Vec<Target>,
    /// Length of the longest.
    pub longest: u64,
}

const SEGMENT_BYTES: u64 = 16 << 10;
const BLOCK_BYTES: u64 = 4096;

/// Tells a story; what is appended depends on `life` too, and nothing else does.
fn tell(name: &str, steps: &[Step], end: End, life: u64) -> Checked<(SimFs, Duty)> {
    let mut world = World::new(SimFs::new(1), SEGMENT_BYTES, Recorder::default());
    world.live_again(life);
    world.reopen()?;
    steps.iter().try_for_each(|step| world.apply(*step)).map_err(|broken| broken.after(name))?;
    let disk = match end {
        End::Closed | End::ClosedWithoutMark => {
            world.close()?;
            world.disk().snapshot()
        }
        End::Killed => world.disk().snapshot(),
        End::PowerCut => world.disk().snapshot().crash(&Choice::KeepAll),
    };
    if end == End::ClosedWithoutMark {
        disk.remove_file(&Path::new(ROOT).join("journals/000/mark")).expect("a closed store has a mark");
    }
    Ok((disk, world.duty()))
}

impl Base {
    pub(super) fn new((name, steps, end): &Story) -> Checked<Base> {
        let (disk, duty) = tell(name, steps, *end, 0)?;
        let (twin, _) = tell(name, steps, *end, 100)?;
        let targets: Vec<Target> = disk.paths().into_iter().map(|path| Target::new(&disk, path)).collect();
        let longest = targets.iter().map(|target| target.bytes).max().unwrap_or(0);
        Ok(Base { name, end: *end, disk, twin, duty, targets, longest })
    }

    /// Whether more than the log itself tells where it ends: then a segment may be cut or removed, and that is told.
    pub fn tells_its_end(&self) -> bool {
        self.end != End::ClosedWithoutMark
    }

    /// Harms a file, and looks at the store in every way. Says what it came to, for counting.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn harm(&self, target: &Target, harm: Harm, thorough: bool) -> Checked<&'static str> {
        let name = format!("{harm:?} of {} of {} bytes, in a store {}", target.path.display(), target.bytes, self.name);
        self.look(target, harm, thorough).map_err(|broken| broken.after(name))
    }

    fn inflict(&self, disk: &SimFs, target: &Target, harm: Harm) {
        let path = &target.path;
        let done = match harm {
            Harm::Cut(bytes) => disk.truncate(path, bytes),
            Harm::Flip(byte, bit) => disk.flip_bit(path, byte, bit),
            Harm::Block(start, fill) => disk.overwrite(path, start, &[fill; BLOCK_BYTES as usize]),
            Harm::Copied { from, to, other } => {
                let source = self.targets.iter().find(|file| file.is_segment() && (file.path != *path) == other);
                let bytes = source.map(|source| disk.read_raw(&source.path)).transpose();
                bytes.and_then(|bytes| {
                    let from = from as usize..from as usize + BLOCK_BYTES as usize;
                    disk.overwrite(path, to, bytes.unwrap_or_default().get(from).unwrap_or_default())
                })
            }
            Harm::Twin(start) => self
                .twin
                .read_raw(path)
                .and_then(|bytes| disk.overwrite(path, start, &bytes[start as usize..(start + BLOCK_BYTES) as usize])),
            Harm::Removed => disk.remove_file(path),
        };
        done.expect("the target is one of the disk's files");
    }

    fn look(&self, target: &Target, harm: Harm, thorough: bool) -> Checked<&'static str> {
        let disk = self.disk.snapshot();
        self.inflict(&disk, target, harm);
        let reader = match Reader::open(Arc::new(disk.clone()), Path::new(ROOT)) {
            Ok(reader) => reader,
            Err(error) => return refused(target, &error).map(|()| "refused, naming the file"),
        };
        let found = Found::gather(&reader, false);
        if matches!(harm, Harm::Twin(_)) {
            return self.told(&disk, &found);
        }
        let mut lost = self.compare(&found)?;
        if self.is_one_mark_behind(target, &found) {
            lost.clear();
        }
        self.named(target, harm, &found, &lost)?;
        if thorough {
            self.late(target, harm).map_err(|broken| broken.after("opening before the harm"))?;
            self.verified(&disk, &found)?;
            self.salvaged(&disk, &found)?;
            self.go_on(disk, &lost, &found).map_err(|broken| broken.after("opening for writing"))?;
        }
        Ok(match (lost.is_empty(), found.damage.is_empty()) {
            (false, _) => "records lost, each of them told",
            (true, false) => "no record lost, damage told",
            (true, true) if found.total().0 < self.duty.chains[0].lines().count() as u64 => "unacknowledged tail lost",
            (true, true) => "exact content",
        })
    }

    /// The newest slot of a mark that nobody closed is the only thing that tells a reader of the last acknowledgement. Without
    /// it the one before counts, until the next writer looks: named as undecidable in docs/durability.md.
    fn is_one_mark_behind(&self, target: &Target, found: &Found) -> bool {
        class(&target.path) == "mark"
            && self.end == End::Killed
            && found.is_whole()
            && self.duty.chains[0].sums.contains(&found.total())
    }

    /// A block of a twin is sound in itself: which of two groups that do not follow each other is the right one cannot be
    /// told, but that they do not must be.
    fn told(&self, disk: &SimFs, found: &Found) -> Checked<&'static str> {
        self.verified(disk, found)?;
        if found.damage.is_empty() && !self.compare(found)?.is_empty() {
            return Err(Violation::new(I9, "the log is told to be sound, and is not what was written"));
        }
        Ok(if found.damage.is_empty() { "exact content" } else { "damage told, records of a twin perhaps shown" })
    }

    fn acknowledged(&self) -> impl Iterator<Item = &Line> {
        self.duty.chains[0].lines().take(self.duty.durable as usize)
    }

    /// Every record shown is one that was written there. Gives the acknowledged ones that are not shown.
    fn compare(&self, found: &Found) -> Checked<Vec<Line>> {
        let mut shown: BTreeMap<u64, Key> = BTreeMap::new();
        for record in found.records() {
            let print = print(record);
            if !self.duty.chains.iter().flat_map(|chain| chain.lines()).any(|line| line.print == print) {
                return Err(Violation::new(I3, format!("record {} of {} is wrong", record.ordinal, record.stream)));
            }
            shown.insert(print, (record.stream.thread[0], record.ordinal));
        }
        Ok(self.acknowledged().filter(|line| !shown.contains_key(&line.print)).copied().collect())
    }

    /// What is lost was hit, and the place is named.
    fn named(&self, target: &Target, harm: Harm, found: &Found, lost: &[Line]) -> Checked {
        let hit = target.hit(harm, self);
        for line in lost {
            if !hit.contains(&(line.stream, line.ordinal)) {
                return Err(Violation::new(I1, format!("{line:?} is lost, and was not hit: {:?}", found.damage)));
            }
            let entry = found.stream(&stream(line.stream)).and_then(|found| found.records.get(line.ordinal as usize));
            let told = match entry {
                Some(Err(error)) => refused_at(target, harm, error),
                // Nothing is known of the stream, or of its end: then the damage must say so.
                _ => found.damage.iter().any(|damage| is_at(damage, target, harm)),
            };
            if !told {
                return Err(Violation::new(I9, format!("{line:?} is lost: {entry:?}, {:?}", found.damage)));
            }
        }
        let foreign = found.damage.iter().find(|damage| !is_at(damage, target, harm));
        foreign.map_or(Ok(()), |damage| Err(Violation::new(I9, format!("damage elsewhere: {damage:?}"))))
    }

    /// A reader that opened the sound store, and reads after the harm: each record is right, or an error that names the file.
    fn late(&self, target: &Target, harm: Harm) -> Checked {
        let disk = self.disk.snapshot();
        let reader = Reader::open(Arc::new(disk.clone()), Path::new(ROOT))
            .map_err(|error| Violation::new(I9, format!("the sound store does not open: {error}")))?;
        self.inflict(&disk, target, harm);
        let found = Found::gather(&reader, false);
        let hit = target.hit(harm, self);
        for line in self.compare(&found)? {
            let entry = found.stream(&stream(line.stream)).and_then(|found| found.records.get(line.ordinal as usize));
            let told = match entry {
                Some(Err(Error::Corrupt { path, .. } | Error::Io { path, .. })) => *path == target.path,
                _ => false,
            };
            // Of a store that was killed a reader shows only what the mark vouches for.
            if !told || !hit.contains(&(line.stream, line.ordinal)) {
                return Err(Violation::new(I9, format!("{line:?} is lost: {entry:?}")));
            }
        }
        Ok(())
    }

    /// `verify` counts what can be read and names what cannot.
    fn verified(&self, disk: &SimFs, found: &Found) -> Checked {
        let report = verify(Arc::new(disk.clone()), Path::new(ROOT), &mut |_| ())
            .map_err(|error| Violation::new(I9, format!("verify: {error}")))?;
        let unread = found.streams.iter().flat_map(|stream| &stream.records).filter(|record| record.is_err()).count();
        let right = report.records == found.total().0
            && report.lost.len() == unread
            && report.damage == found.damage
            && report.is_sound() == (found.damage.is_empty() && unread == 0);
        if right { Ok(()) } else { Err(Violation::new(I9, format!("verify differs from reading: {report:?}"))) }
    }

    /// Salvage gives at least what can be read, and no payload that nobody wrote.
    fn salvaged(&self, disk: &SimFs, found: &Found) -> Checked {
        let reader = Reader::open_lenient(Arc::new(disk.clone()), Path::new(ROOT))
            .map_err(|error| Violation::new(I9, format!("salvage: {error}")))?;
        let saved = Found::gather(&reader, false);
        let prints: Vec<u64> = saved.records().map(print).collect();
        if let Some(record) = found.records().find(|record| !prints.contains(&print(record))) {
            return Err(Violation::new(I6, format!("salvage misses record {} of {}", record.ordinal, record.stream)));
        }
        let lines = || self.duty.chains.iter().flat_map(|chain| chain.lines());
        let known = |payload: &[u8]| lines().any(|line| line.bytes == payload.len() && line.payload() == payload);
        let unknown = saved.records().find(|record| !known(&record.payload));
        unknown.map_or(Ok(()), |record| Err(Violation::new(I3, format!("salvage gives {record:?}"))))
    }

    /// Opening for writing shows the same, forgets no loss, and takes appends to what is sound.
    fn go_on(&self, disk: SimFs, lost: &[Line], seen: &Found) -> Checked {
        let failed = |error: Error| Violation::new(I9, format!("not writable: {error}"));
        let engine = Engine::open(Arc::new(disk.clone()), Path::new(ROOT), config(SEGMENT_BYTES, &Arc::default()))
            .map_err(failed)?;
        let found = Found::gather(&engine, false);
        let now = self.compare(&found)?;
        if now != lost {
            return Err(Violation::new(I8, format!("a reader misses {lost:?}, the writer {now:?}")));
        }
        let costs = |found: &Found| found.damage.iter().any(|damage| damage.count != Some(0));
        if costs(seen) && !costs(&found) {
            return Err(Violation::new(I9, format!("a reader tells {:?}, the writer nothing", seen.damage)));
        }
        let fresh = Line::new(9, 0, 1, 50);
        let payload = fresh.payload();
        let mut batch = Batch::new();
        batch.push(fresh.new_record(&payload)).map_err(failed)?;
        engine.append(batch).and_then(|ticket| engine.sync(ticket)).map_err(failed)?;
        engine.close().map_err(failed)?;
        let after = Found::gather(&Reader::open(Arc::new(disk), Path::new(ROOT)).map_err(failed)?, false);
        if after.total().0 != found.total().0 + 1 {
            return Err(Violation::new(I1, format!("then {} records, before {}", after.total().0, found.total().0)));
        }
        // What cost nothing may be forgotten.
        if costs(&found) != costs(&after) {
            return Err(Violation::new(I9, format!("told before: {:?}; told then: {:?}", found.damage, after.damage)));
        }
        Ok(())
    }
}

impl Target {
    fn new(disk: &SimFs, path: PathBuf) -> Target {
        let bytes = disk.read_raw(&path).expect("the path is one of the disk's");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let groups = SegmentId::parse(&name).map_or_else(Vec::new, |id| groups_of(&bytes, id));
        Target { path, bytes: bytes.len() as u64, groups }
    }

    /// Whether this is a segment.
    pub fn is_segment(&self) -> bool {
        class(&self.path) == "segment"
    }

    /// Whether the block at this byte holds the first group of an epoch (or the header, which is a twin's too).
    pub fn begins_history(&self, start: u64) -> bool {
        let first = self.groups.first();
        start < BLOCK_BYTES || first.is_some_and(|group| group.all.contains(&start))
    }

    /// The records that may be lost by this harm.
    fn hit(&self, harm: Harm, base: &Base) -> Vec<Key> {
        if class(&self.path) == "large record" {
            return base
                .acknowledged()
                .filter(|line| line.stream == 3)
                .map(|line| (line.stream, line.ordinal))
                .collect();
        }
        let all = |group: &GroupPlace| group.records.iter().map(|(key, _)| *key).collect::<Vec<Key>>();
        let range = harm.range();
        let hit = |group: &GroupPlace| {
            if group.all.end <= range.start || range.end <= group.all.start {
                return Vec::new();
            }
            let inside = |payload: &Range<u64>| payload.start <= range.start && range.end <= payload.end;
            let one = group.records.iter().find(|(_, payload)| inside(payload));
            one.map_or_else(|| all(group), |(key, _)| vec![*key])
        };
        self.groups.iter().flat_map(hit).collect()
    }
}

fn groups_of(bytes: &[u8], id: SegmentId) -> Vec<GroupPlace> {
    let groups = walk(bytes, id.salt, 4096).pieces.into_iter().filter_map(|piece| match piece {
        Piece::Group(group) => Some(group),
        Piece::Gap(_) => None,
    });
    let place = |group: threadlog_engine::recover::walk::Group| {
        let record = |frame: &threadlog_engine::recover::walk::Frame| {
            let key = (frame.header.stream.thread[0], frame.header.ordinal);
            (key, frame.payload_offset..frame.payload_offset + u64::from(frame.header.payload_bytes))
        };
        let all = group.offset..group.offset + group.header.bytes();
        GroupPlace { all, records: group.frames.iter().map(record).collect() }
    };
    groups.map(place).collect()
}

/// A store that does not open says which file it is.
fn refused(target: &Target, error: &Error) -> Checked {
    match error {
        Error::Corrupt { path, .. } | Error::FormatVersion { path, .. } if *path == target.path => Ok(()),
        other => Err(Violation::new(I9, format!("refused with the wrong reason: {other}"))),
    }
}

/// Whether an error in the place of a record names the harm.
fn refused_at(target: &Target, harm: Harm, error: &Error) -> bool {
    let Error::Corrupt { path, .. } = error else { return false };
    // Of a segment that was cut, or is gone, the next one may have to tell.
    *path == target.path || (harm.shortens() && target.is_segment())
}

/// Whether a damage names the harm: the file, and a stretch around the place.
fn is_at(damage: &Damage, target: &Target, harm: Harm) -> bool {
    let here = target.path.ends_with(damage.segment.to_string());
    let range = harm.range();
    let first = damage.offset / BLOCK_BYTES * BLOCK_BYTES;
    let last = damage.end.next_multiple_of(BLOCK_BYTES).max(damage.offset + 1);
    match harm {
        // A segment cut to its header looks like one that a failed write left so.
        Harm::Cut(BLOCK_BYTES) if damage.kind == DamageKind::TailLost => true,
        Harm::Cut(bytes) => (here && damage.end + BLOCK_BYTES >= bytes) || damage.kind == DamageKind::MissingSegment,
        Harm::Removed => target.is_segment(),
        // Bytes of another place are no group here, however sound they were there.
        Harm::Copied { .. } if damage.kind == DamageKind::Chain => false,
        _ => here && (damage.kind == DamageKind::Header || (first < range.end && range.start < last)),
    }
}
