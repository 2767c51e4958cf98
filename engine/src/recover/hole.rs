//! A break in the log: is anything lost, and where (format.md 3.5, rule 4).

use crate::format::segment::BLOCK_BYTES_MIN;
use crate::id::{SegmentId, Sequence};
use crate::number::wide;
use crate::recover::log::{Damage, DamageKind, Scan};
use crate::recover::runs::groups;
use crate::recover::walk::Gap;

/// A gap met since the last group of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending<'a> {
    pub(crate) segment: SegmentId,
    pub(crate) gap: &'a Gap,
    /// Whether it reaches to the end of its segment. If it is empty, it is then nothing but room that
    /// was not used.
    pub(crate) is_last: bool,
    /// Whether a later epoch that counts began after it: whatever was there has been decided upon.
    pub(crate) settled: bool,
}

/// What comes after the break.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) scan: usize,
    pub(crate) offset: u64,
    /// The sequence with which the log goes on.
    pub(crate) first: Sequence,
    /// Whether a group, or the header of an epoch's first segment, stands right before it.
    pub(crate) follows_directly: bool,
}

/// A break in the log.
pub(crate) struct Hole<'a> {
    pub(crate) scans: &'a [Scan],
    pub(crate) expected: Sequence,
    pub(crate) witness: Sequence,
    /// Scan of the last group, and where in it that group ends.
    pub(crate) previous: Option<(usize, u64)>,
    pub(crate) pending: &'a [Pending<'a>],
    /// What comes after it; `None` at the end of all segments.
    pub(crate) next: Option<Next>,
}

/// How many records were in a gap, if something vouches for that.
pub(crate) fn known_records(gap: &Gap) -> Option<u64> {
    match &gap.header {
        Some((header, _)) => Some(u64::from(header.frame_count)),
        None => gap.vouched.then(|| wide(gap.suspects.len())),
    }
}

impl Hole<'_> {
    /// Whether the break is damage. Otherwise it is a torn tail, or simply the end.
    pub(crate) fn is_damage(&self) -> bool {
        if self.expected <= self.witness {
            return true;
        }
        match self.decisive() {
            Some(pending) => !pending.gap.torn_looking,
            // Two sound groups side by side that do not follow each other: no tear does that.
            None => self.next.is_some_and(|next| next.follows_directly),
        }
    }

    /// The gap that decides: the first one that is more than unused room at a segment's end. A rotten gap
    /// behind such room counts, as the room may never have held anything.
    fn decisive(&self) -> Option<&Pending<'_>> {
        self.pending.iter().find(|pending| !(pending.settled || (pending.gap.empty && pending.is_last)))
    }

    /// Where a torn tail begins; `None` if nothing was dropped.
    pub(crate) fn torn_at(&self) -> Option<(SegmentId, u64)> {
        if let Some(pending) = self.decisive() {
            return Some((pending.segment, pending.gap.offset));
        }
        // Only unused room, or nothing, before a group that does not follow: a group between them,
        // probably at the end of the segment before, never arrived.
        let next = self.next?;
        let (scan, end) = self.previous.unwrap_or((next.scan, next.offset));
        Some((self.scans.get(scan)?.id, end))
    }

    /// Records seen in the gaps of a torn tail.
    pub(crate) fn records_dropped(&self) -> u64 {
        let open = self.pending.iter().filter(|pending| !pending.settled);
        open.map(|pending| known_records(pending.gap).unwrap_or(wide(pending.gap.suspects.len()))).sum()
    }

    /// What is lost, and the sequence with which the log goes on.
    pub(crate) fn damage(&self) -> (Vec<Damage>, Sequence) {
        let written: Vec<&Pending<'_>> = self.pending.iter().filter(|pending| !pending.gap.empty).collect();
        match written.as_slice() {
            [] => self.nothing_there(),
            [pending] => self.one_gap(pending),
            several => self.several_gaps(several),
        }
    }

    /// How many records must be missing: up to the next group, or at the end up to the witness.
    fn missing(&self) -> u64 {
        let next = self.next.map_or(self.witness.plus(1), |next| next.first);
        next.0.saturating_sub(self.expected.0)
    }

    fn one_gap(&self, pending: &Pending<'_>) -> (Vec<Damage>, Sequence) {
        let missing = self.missing();
        if self.next.is_some() {
            return (vec![gap_damage(pending, self.expected, Some(missing))], self.expected.plus(missing));
        }
        let (count, given) = extent(pending.gap);
        let count = count.map(|count| count.max(missing));
        (vec![gap_damage(pending, self.expected, count)], self.expected.plus(given.max(missing)))
    }

    fn several_gaps(&self, gaps: &[&Pending<'_>]) -> (Vec<Damage>, Sequence) {
        let mut first = self.expected;
        let mut damage = Vec::with_capacity(gaps.len());
        for pending in gaps {
            let (count, given) = extent(pending.gap);
            first = pending.gap.header.as_ref().map_or(first, |(header, _)| header.first_sequence.max(first));
            damage.push(gap_damage(pending, first, count));
            first = first.plus(given);
        }
        let least = self.expected.plus(self.missing());
        (damage, if self.next.is_some() { least } else { first.max(least) })
    }

    /// Nothing stands where the lost records were: names the place that shows it best.
    fn nothing_there(&self) -> (Vec<Damage>, Sequence) {
        let missing = self.missing();
        let (kind, segment, offset, end) = self.place();
        let damage = Damage {
            journal: 0,
            segment,
            offset,
            end,
            kind,
            first: self.expected,
            count: Some(missing),
            records: Vec::new(),
            complete: missing == 0,
        };
        (vec![damage], self.expected.plus(missing))
    }

    fn place(&self) -> (DamageKind, SegmentId, u64, u64) {
        let next = self.next.and_then(|next| Some((next, self.scans.get(next.scan)?)));
        if let Some((next, scan)) = next
            && self.number_is_missing(&next)
        {
            return (DamageKind::MissingSegment, scan.id, next.offset, next.offset);
        }
        if let Some(pending) = self.pending.iter().find(|pending| !pending.is_last) {
            return (DamageKind::Gap, pending.segment, pending.gap.offset, pending.gap.end);
        }
        match next {
            Some((next, scan)) if next.follows_directly => (DamageKind::Chain, scan.id, next.offset, next.offset),
            _ => self.cut_off(),
        }
    }

    /// A segment ends too early: the last one that is shorter than a header; or else, if others follow or the one that
    /// the log reached has no room left, the last one without any group; or else the one that the log reached.
    fn cut_off(&self) -> (DamageKind, SegmentId, u64, u64) {
        let kind = DamageKind::TailLost;
        let reached = self.previous.and_then(|(index, end)| Some((index, end, self.scans.get(index)?)));
        let from = reached.map_or(0, |(index, _, _)| index.saturating_add(1));
        let is_full = reached.is_none_or(|(_, end, scan)| end >= scan.bytes);
        let to = self.next.map_or(self.scans.len(), |next| next.scan);
        let after = self.scans.get(from..to).unwrap_or_default();
        let follows = is_full || self.next.is_some();
        let stub = after.iter().rfind(|scan| scan.bytes < u64::from(block_of(scan)));
        let empty = || after.iter().filter(|scan| groups(&scan.walk).next().is_none());
        // A spare has the length it was prepared with, so of several it is not the one that was cut.
        let blank = |scan: &&Scan| block_of(scan) < u32::try_from(scan.bytes).unwrap_or(u32::MAX) && !is_spare(scan);
        let cut = || empty().rfind(blank).or_else(|| empty().rfind(|scan| !is_spare(scan))).or_else(|| empty().next());
        match (stub.or_else(|| follows.then(cut).flatten()), reached) {
            (Some(scan), _) => (kind, scan.id, u64::from(block_of(scan)).min(scan.bytes), scan.bytes),
            (None, Some((_, end, scan))) => (kind, scan.id, end, scan.bytes.max(end)),
            (None, None) => (kind, self.scans.first().map_or(SegmentId { number: 0, salt: 0 }, |scan| scan.id), 0, 0),
        }
    }

    /// Whether the numbers between the last group's segment and the next one's are not all there. Numbers
    /// begin at 1 and are given in order, so this says why records are missing (never that they are:
    /// removed spares leave holes in the numbers too).
    fn number_is_missing(&self, next: &Next) -> bool {
        let number = |scan: usize| self.scans.get(scan).map_or(0, |scan| scan.id.number);
        let (number_before, steps) = match self.previous {
            Some((scan, _)) => (number(scan), next.scan.saturating_sub(scan)),
            None => (0, next.scan.saturating_add(1)),
        };
        number(next.scan).saturating_sub(number_before) > wide(steps)
    }
}

/// The distance between a segment's groups, and the length of its header.
fn block_of(scan: &Scan) -> u32 {
    scan.header.as_ref().map_or(BLOCK_BYTES_MIN, |header| header.block_bytes)
}

fn is_spare(scan: &Scan) -> bool {
    scan.header.as_ref().is_ok_and(|header| header.prepared_bytes > 0 && scan.bytes >= header.prepared_bytes)
}

/// How many records a gap at the log's end has cost, if that can be told, and how many sequences are given
/// up for it. At least one if it cannot be told: the sequence after it must not be given again, or the next
/// epoch would cover up the loss. (A lost witness group costs nothing.)
fn extent(gap: &Gap) -> (Option<u64>, u64) {
    match known_records(gap) {
        Some(count) => (Some(count), count),
        None => (None, wide(gap.suspects.len()).max(1)),
    }
}

fn gap_damage(pending: &Pending<'_>, first: Sequence, count: Option<u64>) -> Damage {
    let gap = pending.gap;
    let records: Vec<_> = gap.suspects.iter().map(|frame| (frame.header.stream, frame.header.ordinal)).collect();
    Damage {
        journal: 0,
        segment: pending.segment,
        offset: gap.offset,
        end: gap.end,
        kind: DamageKind::Gap,
        first,
        count,
        complete: count == Some(0) || (gap.vouched && count == Some(wide(records.len()))),
        records,
    }
}
