//! From segments to a log (format.md 3.5): what is in it, what is lost, what was never finished.
//!
//! The rule in one sentence: the log is the longest history that the groups tell by sequence and chain;
//! where it breaks off, what was ever known durable (the *witness*) or cannot be a power cut's doing is
//! *damage*, reported and passed over, and anything else is a *torn tail*, which ends the log.

use crate::format::segment::HeaderFault;
use crate::id::Sequence;
use crate::number::wide;
use crate::recover::hole::{Hole, Next, Pending, known_records};
pub use crate::recover::log::{Damage, DamageKind, Log, Mark, Place, Scan, Torn};
use crate::recover::runs::{Run, Runs, Start, header_damage, headers, members, runs};
use crate::recover::walk::{BadPayload, Gap, Group, Piece};
use crate::seeded::{Bug, bug};

/// Puts the segments of one journal together. `scans` are in order of number, behind [`Scan::sealed`] if the journal was
/// sealed; `mark` is the journal's,
/// if it has a valid one; `limit` is what a reader must not look beyond while a writer is at work:
/// nothing above it is shown, judged, or awaited.
///
/// Total and deterministic. Time and memory are linear in the pieces of the scans.
#[must_use]
pub fn resolve(scans: &[Scan], mark: Option<Mark>, limit: Option<Sequence>) -> Log {
    let Runs { counted, left_out, damage } = runs(scans, mark);
    let limit = limit.unwrap_or(Sequence(u64::MAX));
    let witness = witness(scans, &counted, mark).min(limit);
    let settled = settled(scans, &counted, mark);
    let base = scans.first().and_then(|scan| scan.base);
    let (chain, chain_at_witness) = base.map_or((0, 0), |base| (base.chain, base.chain_records));
    let mut fold = Fold {
        scans,
        limit,
        witness,
        expected: base.map_or(Sequence(0), |base| base.upto).plus(1),
        chain,
        previous: None,
        pending: Vec::new(),
        state: State::Reading,
        superseded: false,
        log: Log { witness: witness.min(settled), left_out, chain, chain_at_witness, ..Log::default() },
    };
    fold.log.damage = damage.into_iter().filter(|damage| damage.first <= limit).collect();
    for run in &counted {
        fold.run(run);
    }
    fold.finish();
    let mut log = fold.log;
    log.epoch = scans.iter().flat_map(epochs).chain(mark.map(|mark| mark.epoch)).max().unwrap_or_default();
    log.number = scans.iter().map(|scan| scan.id.number).max().unwrap_or(0);
    log.damage.sort_by_key(|damage| damage.first);
    log
}

/// The greatest sequence known to have been durable: by any sound group header (its frames sound or not),
/// by the start of an epoch, which is never set above what was durable, and by the mark. An inferred
/// start proves nothing: what it was taken from may itself be unfinished.
fn witness(scans: &[Scan], counted: &[Run], mark: Option<Mark>) -> Sequence {
    let groups = counted.iter().flat_map(|run| members(scans, run)).flat_map(|scan| headers(&scan.walk));
    let starts = counted.iter().filter_map(|run| match run.start {
        // If a recovery counts, its copies were synced.
        Start::Known(start) => Some(start.start_sequence.before().max(start.recovered_upto)),
        Start::Inferred { .. } | Start::Missing(_) => None,
    });
    groups
        .map(|header| header.durable_upto)
        .chain(starts)
        .chain(mark.map(|mark| mark.durable))
        .max()
        .unwrap_or_default()
}

/// The sequence above which records stand in an epoch that may yet stop counting (all of them: none).
///
/// A recovery counts by its witness, but that witness may stand in the page cache only: written by a
/// process that died, or whose sync failed, before it was durable. If a power cut then takes it, the run
/// is left out again. So what such a run holds is treated as a tail that the next epoch copies, until it
/// is known that the recovery was finished: a record was appended after it, or a mark was set after it.
fn settled(scans: &[Scan], counted: &[Run], mark: Option<Mark>) -> Sequence {
    let Some(run) = counted.last().filter(|_| !bug(Bug::RecoveryWitnessTrusted)) else { return Sequence(u64::MAX) };
    let start = match run.start {
        Start::Known(start) if start.recovered_upto > Sequence(0) => start.start_sequence,
        Start::Inferred { first, .. } => first,
        Start::Known(_) | Start::Missing(_) => return Sequence(u64::MAX),
    };
    // Copies say that only what is below the start was durable; witnesses hold no records.
    let mut groups = members(scans, run).flat_map(|scan| headers(&scan.walk));
    let served = groups.any(|header| header.frame_count > 0 && header.durable_upto >= start);
    if served || mark.is_some_and(|mark| mark.epoch >= run.epoch) { Sequence(u64::MAX) } else { start.before() }
}

fn epochs(scan: &Scan) -> impl Iterator<Item = crate::id::Epoch> {
    let header = scan.header.as_ref().ok().map(|header| header.epoch);
    headers(&scan.walk).map(|header| header.epoch).chain(header)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// A torn tail ended the log; what follows is only counted.
    Torn,
    /// The reader's limit ended it; what follows is not looked at.
    Limit,
}

/// The log so far.
struct Fold<'a> {
    scans: &'a [Scan],
    limit: Sequence,
    /// What was durable when it was written: below it nothing can be torn.
    witness: Sequence,
    /// The sequence that continues the log.
    expected: Sequence,
    /// Checksum of the last group.
    chain: u32,
    /// Scan of the last group, and where in it that group ends.
    previous: Option<(usize, u64)>,
    /// The gaps since the last group.
    pending: Vec<Pending<'a>>,
    state: State,
    /// Within a run: whether the part has begun that a later run supersedes.
    superseded: bool,
    log: Log,
}

impl<'a> Fold<'a> {
    fn run(&mut self, run: &Run) {
        self.superseded = false;
        for pending in &mut self.pending {
            // Left-overs of an epoch that ended: they can name a loss, but never decide that there is one.
            pending.settled = true;
        }
        // What was sealed may end with a witness. That is part of the log only as long as its epoch goes on.
        let sealed = self.scans.first().and_then(|scan| scan.base).filter(|_| self.log.groups.is_empty());
        if let Some(base) = sealed.filter(|base| run.epoch > base.epoch && !bug(Bug::SealedEpochMisjudged)) {
            self.chain = base.chain_records;
        }
        if let Start::Known(start) = run.start {
            let first = start.start_sequence.min(run.until);
            if first > self.limit && self.state == State::Reading {
                self.state = State::Limit;
            }
            if self.expected < first
                && self.state == State::Reading
                && let Some(scan) = run.scans.first()
            {
                // The epoch before was durable up to here, and is not all there.
                self.hole(Some(Next { scan: *scan, offset: 0, first, follows_directly: false }));
                self.chain = start.start_checksum;
            }
        }
        for index in &run.scans {
            let Some(scan) = self.scans.get(*index) else { continue };
            self.header(run, scan);
            self.segment(run, *index, scan);
        }
    }

    /// Reports a damaged segment header, unless it can be one that was never finished: that is so if no
    /// record of the segment was ever durable. A reader judges it only if it is meant to see into the segment.
    fn header(&mut self, run: &Run, scan: &Scan) {
        let Err(fault) = &scan.header else { return };
        let first = headers(&scan.walk).map(|header| header.first_sequence).find(|first| *first < run.until);
        let needed = match fault {
            HeaderFault::Absent => first.is_some_and(|first| first <= self.witness),
            _ => first.is_some_and(|first| first <= self.limit) || self.limit == Sequence(u64::MAX),
        };
        if needed && self.state == State::Reading {
            self.log.damage.push(header_damage(scan, first.unwrap_or(self.expected)));
        }
    }

    fn segment(&mut self, run: &Run, index: usize, scan: &'a Scan) {
        // Right behind the header that starts an epoch stands the epoch's first group, or nothing.
        let mut follows_directly = scan.header.as_ref().is_ok_and(|header| header.epoch_start.is_some());
        for (piece_index, piece) in scan.walk.pieces.iter().enumerate() {
            let header = match piece {
                Piece::Group(group) => Some(&group.header),
                Piece::Gap(gap) => gap.header.as_ref().map(|(header, _)| header),
            };
            self.superseded |= header.is_some_and(|header| header.first_sequence >= run.until);
            match piece {
                _ if self.superseded => {}
                Piece::Group(group) => {
                    let place = Place { scan: index, piece: piece_index, frames: 0 };
                    self.group(run, place, group, follows_directly);
                }
                Piece::Gap(gap) => self.gap(scan, gap, piece_index.saturating_add(1) == scan.walk.pieces.len()),
            }
            follows_directly = matches!(piece, Piece::Group(_));
        }
    }

    fn gap(&mut self, scan: &'a Scan, gap: &'a Gap, is_last: bool) {
        match self.state {
            State::Reading => self.pending.push(Pending { segment: scan.id, gap, is_last, settled: false }),
            State::Torn => self.dropped(known_records(gap).unwrap_or(wide(gap.suspects.len()))),
            State::Limit => {}
        }
    }

    fn group(&mut self, run: &Run, place: Place, group: &Group, follows_directly: bool) {
        let first = group.header.first_sequence;
        match self.state {
            State::Reading => {}
            State::Torn => return self.dropped(wide(group.frames.len())),
            State::Limit => return,
        }
        if first > self.limit {
            self.state = State::Limit;
            return;
        }
        if first < self.expected || group.header.epoch != run.epoch {
            return self.out_of_place(place.scan, group);
        }
        let follows = group.header.previous_checksum == self.chain || bug(Bug::ChainNotChecked);
        if first != self.expected || !follows {
            self.hole(Some(Next { scan: place.scan, offset: group.offset, first, follows_directly }));
        }
        if self.state == State::Torn {
            return self.dropped(wide(group.frames.len()));
        }
        self.pending.clear();
        let end = run.until.min(self.limit.plus(1));
        let frames = group.frames.len().min(usize::try_from(end.0.saturating_sub(first.0)).unwrap_or(usize::MAX));
        let bad = || group.bad.iter().filter(|bad| bad.index < frames);
        if first > self.witness && bad().any(|bad| bad.torn_looking) && !bug(Bug::TornPayloadAccepted) {
            // An atomic batch may reach from an intact frame to the torn one: the group goes as a whole.
            return self.tear(place.scan, group.offset, wide(group.frames.len()));
        }
        for bad in bad() {
            self.bad_payload(place.scan, group, *bad);
        }
        self.take(Place { frames, ..place }, group);
    }

    fn take(&mut self, place: Place, group: &Group) {
        self.chain = group.checksum;
        self.log.chain = group.checksum;
        if group.header.first_sequence <= self.log.witness {
            self.log.chain_at_witness = group.checksum;
        }
        self.expected = group.header.first_sequence.plus(wide(place.frames));
        self.previous = Some((place.scan, group.end));
        self.log.groups.push(place);
    }

    /// The log does not go on as expected before `next` (or, with none, before its end): decides whether
    /// something is lost, and reports it, or whether a torn tail ends the log here.
    fn hole(&mut self, next: Option<Next>) {
        if self.expected > self.limit {
            return;
        }
        let hole = Hole {
            scans: self.scans,
            expected: self.expected,
            witness: self.witness,
            previous: self.previous,
            pending: &self.pending,
            next,
        };
        if hole.is_damage() {
            let (damage, expected) = hole.damage();
            self.log.damage.extend(damage);
            self.expected = expected;
            self.pending.clear();
        } else if let Some((segment, offset)) = hole.torn_at() {
            let dropped = hole.records_dropped();
            self.state = State::Torn;
            self.log.torn = Some(Torn { segment, offset, records_dropped_at_least: dropped });
        }
    }

    fn finish(&mut self) {
        if self.state != State::Torn {
            self.hole(None);
        }
        self.log.last = self.expected.before().max(self.witness);
    }

    fn tear(&mut self, scan: usize, offset: u64, dropped: u64) {
        let Some(scan) = self.scans.get(scan) else { return };
        self.state = State::Torn;
        self.log.torn = Some(Torn { segment: scan.id, offset, records_dropped_at_least: dropped });
    }

    fn dropped(&mut self, records: u64) {
        if let Some(torn) = &mut self.log.torn {
            torn.records_dropped_at_least = torn.records_dropped_at_least.saturating_add(records);
        }
    }

    fn bad_payload(&mut self, scan: usize, group: &Group, bad: BadPayload) {
        let (Some(scan), Some(frame)) = (self.scans.get(scan), group.frames.get(bad.index)) else { return };
        self.log.damage.push(Damage {
            journal: 0,
            segment: scan.id,
            offset: frame.payload_offset,
            end: frame.payload_offset.saturating_add(u64::from(frame.header.payload_bytes)),
            kind: DamageKind::Payload,
            first: group.header.first_sequence.plus(wide(bad.index)),
            count: Some(1),
            records: vec![(frame.header.stream, frame.header.ordinal)],
            complete: true,
        });
    }

    /// A sound group that repeats sequences of the log, or is of an epoch that this segment is not. No
    /// crash leaves that. Its records are not taken: the ones that the log has came first.
    fn out_of_place(&mut self, scan: usize, group: &Group) {
        let Some(scan) = self.scans.get(scan) else { return };
        self.log.damage.push(Damage {
            journal: 0,
            segment: scan.id,
            offset: group.offset,
            end: group.end,
            kind: DamageKind::Chain,
            first: group.header.first_sequence,
            count: Some(wide(group.frames.len())),
            records: group.frames.iter().map(|frame| (frame.header.stream, frame.header.ordinal)).collect(),
            complete: true,
        });
    }
}
