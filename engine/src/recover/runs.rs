//! Which segments belong together, and which epochs count (format.md 3.5, rules 1 to 3).

use std::collections::BTreeMap;

use crate::format::frame::FrameHeader;
use crate::format::group::GroupHeader;
use crate::format::segment::{BLOCK_BYTES_MIN, EpochStart, HeaderFault};
use crate::id::{Epoch, SegmentId, Sequence};
use crate::recover::log::{Damage, DamageKind, Mark, Scan};
use crate::recover::walk::{Group, Piece, Walk};
use crate::seeded::{Bug, bug};

/// The segments that one epoch wrote, and that count.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) epoch: Epoch,
    /// Indices of the scans, in order of number.
    pub(crate) scans: Vec<usize>,
    pub(crate) start: Start,
    /// What this run holds at or above this sequence is superseded by a later one.
    pub(crate) until: Sequence,
}

/// Where an epoch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// As its first segment's header says.
    Known(EpochStart),
    /// That header is damaged, or was never written: taken from the run's first group.
    Inferred { first: Sequence, absent: bool },
    /// That segment is missing: taken from the run's first group, if it has any.
    Missing(Option<Sequence>),
}

impl Start {
    /// The first sequence of the epoch, as far as it is known.
    fn sequence(self) -> Option<Sequence> {
        match self {
            Start::Known(start) => Some(start.start_sequence),
            Start::Inferred { first, .. } => Some(first),
            Start::Missing(first) => first,
        }
    }
}

/// The runs that count, in order of epoch, and what became of the other segments.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) counted: Vec<Run>,
    pub(crate) left_out: Vec<SegmentId>,
    /// Rotten headers among the segments that are left out.
    pub(crate) damage: Vec<Damage>,
}

/// Every sound group header of a walk. Where only the frames behind it are bad, a header still proves
/// that its epoch wrote it and that its `durable_upto` was true.
pub(crate) fn headers(walk: &Walk) -> impl Iterator<Item = &GroupHeader> {
    walk.pieces.iter().filter_map(|piece| match piece {
        Piece::Group(group) => Some(&group.header),
        Piece::Gap(gap) => gap.header.as_ref().map(|(header, _)| header),
    })
}

/// Every group of a walk.
pub(crate) fn groups(walk: &Walk) -> impl Iterator<Item = &Group> {
    walk.pieces.iter().filter_map(|piece| match piece {
        Piece::Group(group) => Some(group),
        Piece::Gap(_) => None,
    })
}

/// Sorts the scans (in order of number) into runs and decides which count.
pub(crate) fn runs(scans: &[Scan], mark: Option<Mark>) -> Runs {
    let mut runs = Runs::default();
    for (epoch, members) in by_epoch(scans, &mut runs.left_out) {
        let start = start_of(scans, &members);
        let run = Run { epoch, scans: members, start, until: Sequence(u64::MAX) };
        if counts(scans, &run, mark, &runs.counted) {
            runs.counted.push(run);
        } else {
            leave_out(scans, &run, &mut runs);
        }
    }
    // A run ends before the start of any later run that counts, not only of the next: starts never fall.
    let mut until = Sequence(u64::MAX);
    for run in runs.counted.iter_mut().rev() {
        // What a writer gave up or a recovery did not find stays gone, whether or not a later epoch has begun on the disk.
        let ended = mark.filter(|mark| run.epoch < mark.epoch).map(|mark| mark.durable.plus(1));
        run.until = ended.map_or(until, |ended| until.min(ended));
        until = run.start.sequence().map_or(until, |start| until.min(start));
    }
    runs
}

/// The scans of each epoch. By epoch rather than by neighbourhood, as a spare that was being prepared
/// when a write failed can get a number above the next epoch's first.
fn by_epoch(scans: &[Scan], left_out: &mut Vec<SegmentId>) -> BTreeMap<Epoch, Vec<usize>> {
    let mut known: Vec<(usize, Option<Epoch>)> = Vec::with_capacity(scans.len());
    for (index, scan) in scans.iter().enumerate() {
        if is_blank(scan) { left_out.push(scan.id) } else { known.push((index, epoch_of(scan))) }
    }
    // Nothing readable tells the epoch: the one of the segment before, or else of the first that tells.
    let mut last = known.iter().find_map(|(_, epoch)| *epoch).unwrap_or_default();
    let mut runs: BTreeMap<Epoch, Vec<usize>> = BTreeMap::new();
    for (index, epoch) in known {
        last = epoch.unwrap_or(last);
        runs.entry(last).or_default().push(index);
    }
    runs
}

/// Nothing was ever written here, but perhaps a header that says nothing: an unused spare, or a file
/// whose making was interrupted.
fn is_blank(scan: &Scan) -> bool {
    let says_nothing = match &scan.header {
        Ok(header) => header.epoch_start.is_none(),
        Err(fault) => *fault == HeaderFault::Absent,
    };
    says_nothing && scan.walk.pieces.iter().all(|piece| matches!(piece, Piece::Gap(gap) if gap.empty))
}

/// A segment's epoch, from its header or else from its groups.
fn epoch_of(scan: &Scan) -> Option<Epoch> {
    match &scan.header {
        Ok(header) => Some(header.epoch),
        Err(_) => headers(&scan.walk).next().map(|header| header.epoch),
    }
}

fn start_of(scans: &[Scan], members: &[usize]) -> Start {
    let segments = || members.iter().filter_map(|index| scans.get(*index));
    let known = segments().find_map(|scan| scan.header.as_ref().ok()?.epoch_start);
    let first = segments().flat_map(|scan| headers(&scan.walk)).map(|header| header.first_sequence).next();
    let fault = segments().next().and_then(|scan| scan.header.as_ref().err());
    match (known, first, fault) {
        (Some(start), _, _) => Start::Known(start),
        (None, Some(first), Some(fault)) => Start::Inferred { first, absent: *fault == HeaderFault::Absent },
        (None, first, _) => Start::Missing(first),
    }
}

/// Whether a run is part of the log's history (rule 2).
fn counts(scans: &[Scan], run: &Run, mark: Option<Mark>, before: &[Run]) -> bool {
    let proved = |upto: Sequence| {
        mark.is_some_and(|mark| mark.epoch == run.epoch && mark.durable >= upto)
            || members(scans, run).flat_map(|scan| headers(&scan.walk)).any(|header| header.durable_upto >= upto)
    };
    // Where the header of the first segment does not say where the epoch begins, one of its records was
    // durable if a group says so of a sequence that no run before has, or that the run itself begins with.
    let end = end_of(scans, before);
    let began =
        |first: Option<Sequence>| proved(first.map_or(end, |first| first.min(end))) || is_built_upon(scans, run);
    match run.start {
        Start::Known(start) if start.recovered_upto > Sequence(0) => {
            proved(start.recovered_upto) || has_rotten_witness(scans, run, start) || bug(Bug::UnfinishedRecoveryCounts)
        }
        Start::Known(_) => true,
        // No sync ever covered the first segment, or its header (or name) would be there: if no record of
        // the epoch is known to have been durable, none was. Its groups may be the unfinished copies of a
        // recovery, or begin anywhere: taken for an epoch like others, they would supersede the originals.
        Start::Inferred { first, absent: true } => began(Some(first)),
        Start::Missing(first) => began(first),
        // The header was there. It may have been a recovery that did not finish: if all that the run holds
        // stands in the runs before too, leaving it out loses nothing. Otherwise it was none.
        Start::Inferred { first, absent: false } => began(Some(first)) || !is_copy(scans, run, before),
    }
}

/// Whether an epoch begins with the checksum of one of this run's groups. Such a checksum is only ever taken of what was
/// known to be durable.
fn is_built_upon(scans: &[Scan], run: &Run) -> bool {
    let starts = scans.iter().filter_map(|scan| scan.header.as_ref().ok()?.epoch_start);
    if bug(Bug::BuiltUponIgnored) {
        return false;
    }
    let mut named = starts.map(|start| start.start_checksum).filter(|checksum| *checksum != 0);
    named.any(|named| members(scans, run).flat_map(|scan| groups(&scan.walk)).any(|group| group.checksum == named))
}

/// Whether every record of a run stands in the runs before too, with the same frame header.
fn is_copy(scans: &[Scan], run: &Run, before: &[Run]) -> bool {
    let originals: BTreeMap<_, _> = before.iter().flat_map(|run| records(scans, run)).collect();
    records(scans, run).all(|(sequence, header)| originals.get(&sequence) == Some(&header))
}

/// The records of a run, by sequence.
fn records<'a>(scans: &'a [Scan], run: &'a Run) -> impl Iterator<Item = (Sequence, &'a FrameHeader)> {
    members(scans, run).flat_map(|scan| groups(&scan.walk)).flat_map(|group| {
        let sequences = (0u64..).map(|index| group.header.first_sequence.plus(index));
        sequences.zip(group.frames.iter().map(|frame| &frame.header))
    })
}

/// The sequence after the last record of these runs.
fn end_of(scans: &[Scan], runs: &[Run]) -> Sequence {
    let groups = runs.iter().flat_map(|run| members(scans, run)).flat_map(|scan| headers(&scan.walk));
    let sealed = scans.first().and_then(|scan| scan.base).map_or(Sequence(1), |base| base.upto.plus(1));
    groups.map(GroupHeader::next_sequence).max().unwrap_or_default().max(sealed)
}

/// Whether all copies of a recovery are there, and behind them something that was written and is wrong
/// now. Only the witness is ever written there, and only after the copies were synced.
fn has_rotten_witness(scans: &[Scan], run: &Run, start: EpochStart) -> bool {
    let mut copied = false;
    for piece in members(scans, run).flat_map(|scan| &scan.walk.pieces) {
        match piece {
            Piece::Group(group) => copied |= group.header.next_sequence() > start.recovered_upto,
            Piece::Gap(gap) if copied && !gap.torn_looking => return true,
            Piece::Gap(_) => {}
        }
    }
    false
}

pub(crate) fn members<'a>(scans: &'a [Scan], run: &'a Run) -> impl Iterator<Item = &'a Scan> {
    run.scans.iter().filter_map(|index| scans.get(*index))
}

/// A recovery that did not finish leaves nothing to miss. Where a header is rotten, that is reported and
/// the file is kept, as nothing but its groups tells what it was.
fn leave_out(scans: &[Scan], run: &Run, runs: &mut Runs) {
    for scan in members(scans, run) {
        match &scan.header {
            Ok(_) | Err(HeaderFault::Absent) => runs.left_out.push(scan.id),
            Err(_) => {
                let first = headers(&scan.walk).next().map_or(Sequence(0), |header| header.first_sequence);
                runs.damage.push(header_damage(scan, first));
            }
        }
    }
}

/// Damage to a segment's header, which costs no record.
pub(crate) fn header_damage(scan: &Scan, first: Sequence) -> Damage {
    Damage {
        journal: 0,
        segment: scan.id,
        offset: 0,
        end: scan.bytes.min(u64::from(BLOCK_BYTES_MIN)),
        kind: DamageKind::Header,
        first,
        count: Some(0),
        records: Vec::new(),
        complete: true,
    }
}
