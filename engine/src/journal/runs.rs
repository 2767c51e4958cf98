//! Where the records of one stream stand in one journal: runs of consecutive ordinals.
//!
//! A thread that was continued in another journal leaves a hole here, and one that came from there begins late. Holes
//! cost nothing; whether one is a loss is for [`crate::journal::parts`] to say, which knows all journals.

use crate::number::{narrow, wide};

/// Where a record stands: 16 bytes for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Index of the group.
    pub group: u32,
    /// Offset of the frame in the group.
    pub offset: u32,
    /// Length of the frame's payload.
    pub payload_bytes: u32,
    /// Checksum of the frame's header: on disk only the group has one, and that is not read for a single record.
    pub header_checksum: u32,
}

#[derive(Debug)]
struct Run {
    first: u64,
    slots: Vec<Slot>,
}

impl Run {
    fn end(&self) -> u64 {
        self.first.saturating_add(wide(self.slots.len()))
    }
}

/// One stream's part of a journal.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    /// Ordinals known to be lost, and the damage that took each; sorted.
    lost: Vec<(u64, u32)>,
    /// Lease epochs, each from the first ordinal that was written under it; rising.
    leases: Vec<(u64, u64)>,
    /// Payload bytes of all records.
    pub payload_bytes: u64,
    /// Index of a damage after which this stream has no record: its head may have been lost there.
    pub uncertain: Option<usize>,
}

impl Runs {
    /// One past the last ordinal that is here, or known to be lost here.
    pub fn end(&self) -> u64 {
        let lost = self.lost.last().map_or(0, |(ordinal, _)| ordinal.saturating_add(1));
        self.runs.last().map_or(0, Run::end).max(lost)
    }

    /// The first ordinal that is here, or known to be lost here.
    pub fn first(&self) -> Option<u64> {
        let lost = self.lost.first().map(|(ordinal, _)| *ordinal);
        self.runs.first().map(|run| run.first).into_iter().chain(lost).min()
    }

    /// Highest lease epoch seen.
    pub fn lease_epoch(&self) -> u64 {
        self.leases.last().map_or(0, |(_, epoch)| *epoch)
    }

    /// Notes under which lease a record was written.
    pub fn lease(&mut self, ordinal: u64, epoch: u64) {
        if epoch > self.lease_epoch() {
            self.leases.push((ordinal, epoch));
        }
    }

    /// Whether nothing is known here.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.lost.is_empty()
    }

    /// The record at an ordinal.
    pub fn get(&self, ordinal: u64) -> Option<&Slot> {
        let run = self.runs.get(self.run_before(ordinal)?)?;
        run.slots.get(narrow(ordinal.saturating_sub(run.first)).ok()?)
    }

    /// The records at `from` and behind it without a hole, `most` at most.
    pub fn slice(&self, from: u64, most: usize) -> &[Slot] {
        let Some(run) = self.run_before(from).and_then(|at| self.runs.get(at)) else { return &[] };
        let Ok(start) = narrow(from.saturating_sub(run.first)) else { return &[] };
        let slots = run.slots.get(start..).unwrap_or_default();
        slots.get(..most).unwrap_or(slots)
    }

    /// The first record behind an ordinal.
    pub fn after(&self, ordinal: u64) -> Option<&Slot> {
        if let Some(slot) = self.get(ordinal.saturating_add(1)) {
            return Some(slot);
        }
        let next = self.runs.partition_point(|run| run.first <= ordinal);
        self.runs.get(next)?.slots.first()
    }

    /// The last record.
    pub fn last(&self) -> Option<&Slot> {
        self.runs.last()?.slots.last()
    }

    /// The slots from the last one backwards, to the beginning of their run.
    pub fn backwards(&self) -> impl Iterator<Item = &Slot> {
        self.runs.last().into_iter().flat_map(|run| run.slots.iter().rev())
    }

    /// First ordinal and length of each run.
    pub fn spans(&self) -> impl Iterator<Item = std::ops::Range<u64>> {
        self.runs.iter().map(|run| run.first..run.end())
    }

    /// Notes a record; `false` if its place is taken.
    pub fn put(&mut self, ordinal: u64, slot: Slot) -> bool {
        match self.runs.last_mut() {
            Some(last) if ordinal == last.end() => last.slots.push(slot),
            Some(last) if ordinal < last.end() => return self.put_between(ordinal, slot),
            _ => self.runs.push(Run { first: ordinal, slots: vec![slot] }),
        }
        self.count(slot);
        true
    }

    fn put_between(&mut self, ordinal: u64, slot: Slot) -> bool {
        if self.get(ordinal).is_some() {
            return false;
        }
        let at = self.runs.partition_point(|run| run.first < ordinal);
        let before = at.checked_sub(1).and_then(|before| self.runs.get_mut(before));
        match before.filter(|run| run.end() == ordinal) {
            Some(run) => run.slots.push(slot),
            None => self.runs.insert(at, Run { first: ordinal, slots: vec![slot] }),
        }
        self.count(slot);
        true
    }

    /// Puts a record in the place of the one noted before.
    pub fn replace(&mut self, ordinal: u64, slot: Slot) {
        let Some(run) = self.run_before(ordinal).and_then(|at| self.runs.get_mut(at)) else { return };
        let place = narrow(ordinal.saturating_sub(run.first)).ok().and_then(|at| run.slots.get_mut(at));
        let Some(place) = place else { return };
        self.payload_bytes = self.payload_bytes.saturating_sub(u64::from(place.payload_bytes));
        *place = slot;
        self.count(slot);
    }

    /// Notes that a record was lost to a damage; of two damages the later counts.
    pub fn lose(&mut self, ordinal: u64, damage: u32) {
        match self.lost.binary_search_by_key(&ordinal, |(lost, _)| *lost) {
            Ok(at) => {
                if let Some(entry) = self.lost.get_mut(at) {
                    entry.1 = damage;
                }
            }
            Err(at) => self.lost.insert(at, (ordinal, damage)),
        }
    }

    /// The damage that is known to have taken a record.
    pub fn lost_to(&self, ordinal: u64) -> Option<usize> {
        let at = self.lost.binary_search_by_key(&ordinal, |(lost, _)| *lost).ok()?;
        usize::try_from(self.lost.get(at)?.1).ok()
    }

    /// Takes back, from the end, every record of which `stands` says no.
    pub fn cut(&mut self, stands: impl Fn(&Slot) -> bool) {
        while let Some(run) = self.runs.last_mut() {
            while let Some(slot) = run.slots.last().filter(|slot| !stands(slot)) {
                self.payload_bytes = self.payload_bytes.saturating_sub(u64::from(slot.payload_bytes));
                run.slots.pop();
            }
            if !run.slots.is_empty() {
                break;
            }
            self.runs.pop();
        }
        let end = self.end();
        self.leases.retain(|(first, _)| *first < end);
    }

    /// Forgets the records of groups before this one. What is left of a run that began among them goes on.
    pub fn forget(&mut self, first_group: u32) {
        let is_gone = |slot: &&Slot| slot.group < first_group;
        let leading = |run: &Run| run.slots.iter().take_while(is_gone).count();
        // Groups rise with ordinals, but for a record that took another's place.
        let is_sorted = |run: &Run| !run.slots.iter().skip(leading(run)).any(|slot| slot.group < first_group);
        if !self.runs.iter().all(is_sorted) {
            return self.forget_among(first_group);
        }
        let mut gone_bytes: u64 = 0;
        for run in &mut self.runs {
            let gone = leading(run);
            for slot in run.slots.drain(..gone) {
                gone_bytes = gone_bytes.saturating_add(u64::from(slot.payload_bytes));
            }
            run.first = run.first.saturating_add(wide(gone));
        }
        self.runs.retain(|run| !run.slots.is_empty());
        self.payload_bytes = self.payload_bytes.saturating_sub(gone_bytes);
    }

    fn forget_among(&mut self, first_group: u32) {
        let runs = std::mem::take(&mut self.runs);
        self.payload_bytes = 0;
        for Run { first, slots } in runs {
            for (ordinal, slot) in (first..).zip(slots).filter(|(_, slot)| slot.group >= first_group) {
                self.put(ordinal, slot);
            }
        }
    }

    fn count(&mut self, slot: Slot) {
        self.payload_bytes = self.payload_bytes.saturating_add(u64::from(slot.payload_bytes));
    }

    /// The last run that begins at or before an ordinal.
    fn run_before(&self, ordinal: u64) -> Option<usize> {
        self.runs.partition_point(|run| run.first <= ordinal).checked_sub(1)
    }
}
