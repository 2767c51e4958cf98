//! The ten invariants, each a function under its name.

use std::fmt;

use super::content::{print, stream};
use super::found::Found;
use super::model::{Duty, Sent};

/// An invariant that does not hold, and how it shows.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// How it shows, then the way there, innermost first.
    pub story: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.story.join("\n  after "))
    }
}

impl Violation {
    /// An invariant broken outside the functions below.
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation { invariant, story: vec![what.into()] }
    }

    /// Adds what led there.
    #[must_use]
    pub fn after(mut self, what: impl fmt::Display) -> Violation {
        self.story.push(what.to_string());
        self
    }
}

/// Result of a check.
pub type Checked<T = ()> = Result<T, Violation>;

/// What is known about one state of the disk.
pub struct Evidence<'a> {
    /// What was owed when it came about.
    pub duty: &'a Duty,
    /// What is found in it.
    pub found: &'a Found,
    /// What a look at the same log found before: records and sum of prints.
    pub before: Option<(u64, u64)>,
    /// What a reader found in the same state of the disk, before the recovery wrote anything.
    pub read: Option<(u64, u64)>,
    /// So many records were shown to readers beside the running writer.
    pub shown: u64,
}

impl<'a> Evidence<'a> {
    /// What is found, measured by what was owed.
    pub fn new(duty: &'a Duty, found: &'a Found) -> Evidence<'a> {
        Evidence { duty, found, before: None, read: None, shown: 0 }
    }
}

/// An invariant: how it is broken, if it is.
pub type Invariant = fn(&Evidence<'_>) -> Result<(), String>;

/// All of them, by name.
pub const INVARIANTS: [(&str, Invariant); 10] = [
    (I1, acknowledged_records_are_present),
    (I2, sequences_have_no_holes),
    (I3, nothing_is_invented),
    (I4, batches_are_whole),
    (I5, derived_equals_rebuilt),
    (I6, read_paths_agree),
    (I7, recovery_is_idempotent),
    (I8, rewriting_changes_no_answer),
    (I9, errors_are_honest),
    (I10, readers_see_only_what_is_durable),
];

/// Every acknowledged record is present, byte for byte, in its place.
pub const I1: &str = "I1 acknowledged records are present";
/// Ordinals run from 0, sequences from 1, without holes.
pub const I2: &str = "I2 sequences have no holes";
/// Nothing appears that was never submitted.
pub const I3: &str = "I3 nothing is invented";
/// A batch that was not acknowledged is there wholly or not at all, and so is all before it.
pub const I4: &str = "I4 batches are whole";
/// Heads, totals and lists are those of the records.
pub const I5: &str = "I5 derived equals rebuilt";
/// Every way of reading gives the same.
pub const I6: &str = "I6 read paths agree";
/// Recovering twice, and after a crash during recovery, gives the same.
pub const I7: &str = "I7 recovery is idempotent";
/// What is rewritten (the copy of an unwitnessed tail, leftovers removed) answers as before.
pub const I8: &str = "I8 rewriting changes no answer";
/// Either the right answer or an error; no error without a cause.
pub const I9: &str = "I9 errors are honest";
/// A reader is shown nothing that a power cut could take.
pub const I10: &str = "I10 readers see only what is durable";

/// Checks all ten; the common case, that what is found was owed, by two numbers.
pub fn judge(evidence: &Evidence<'_>) -> Checked {
    let total = evidence.found.total();
    let plain = evidence.found.is_whole()
        && evidence.found.quarrel.is_none()
        && evidence.found.streams.iter().all(super::found::FoundStream::totals_agree)
        && evidence.duty.allows(total.0, total.1)
        && evidence.before.is_none_or(|before| before == total)
        && evidence.read.is_none_or(|read| read == total)
        && evidence.shown <= total.0;
    if plain {
        return Ok(());
    }
    for (invariant, check) in INVARIANTS {
        check(evidence).map_err(|what| Violation::new(invariant, what))?;
    }
    Err(Violation::new(
        I4,
        format!("{} records found, which is none of the logs that may be: {}", total.0, describe(evidence)),
    ))
}

fn describe(evidence: &Evidence<'_>) -> String {
    let logs: Vec<String> = evidence.duty.chains.iter().map(|chain| format!("{:?}", chain.sums)).collect();
    format!("at least {} of {}; found {:?}", evidence.duty.durable, logs.join(" or "), evidence.found.total())
}

fn acknowledged_records_are_present(evidence: &Evidence<'_>) -> Result<(), String> {
    let Some(chain) = evidence.duty.chains.first() else { return Ok(()) };
    for line in chain.lines().take(evidence.duty.durable as usize) {
        let place = evidence.found.stream(&stream(line.stream));
        let Some(found) = place.and_then(|found| found.records.get(line.ordinal as usize)) else {
            return Err(format!("record {} of stream {} is gone", line.ordinal, line.stream));
        };
        match found {
            Ok(record) if print(record) == line.print => {}
            Ok(record) => {
                let (ordinal, life) = (record.ordinal, record.clock & 0xFFFF);
                return Err(format!("{line:?} was acknowledged; there stands ordinal {ordinal} of life {life}"));
            }
            Err(error) => return Err(format!("{line:?} was acknowledged; reading it gives: {error}")),
        }
    }
    // Without the records' own story only their number tells.
    let (records, _) = evidence.found.total();
    if records < evidence.duty.durable {
        return Err(format!("{} records were acknowledged, {records} are found", evidence.duty.durable));
    }
    Ok(())
}

fn sequences_have_no_holes(evidence: &Evidence<'_>) -> Result<(), String> {
    for found in &evidence.found.streams {
        let wrong =
            found.records.iter().zip(0_u64..).find(|(record, at)| record.as_ref().is_ok_and(|r| r.ordinal != *at));
        if let Some((record, at)) = wrong {
            return Err(format!("{} has {record:?} at ordinal {at}", found.info.stream));
        }
    }
    Ok(())
}

fn nothing_is_invented(evidence: &Evidence<'_>) -> Result<(), String> {
    let chains = &evidence.duty.chains;
    if chains.iter().all(|chain| chain.batches.is_empty() && chain.sums.last().is_some_and(|sum| sum.0 > 0)) {
        return Ok(());
    }
    for record in evidence.found.records() {
        let print = print(record);
        if !chains.iter().flat_map(|chain| chain.lines()).any(|line| line.print == print) {
            let (stream, ordinal, life) = (record.stream, record.ordinal, record.clock & 0xFFFF);
            return Err(format!("record {ordinal} of {stream}, life {life}, was never submitted, or was withdrawn"));
        }
    }
    Ok(())
}

fn batches_are_whole(evidence: &Evidence<'_>) -> Result<(), String> {
    let prints: std::collections::HashSet<u64> = evidence.found.records().map(print).collect();
    let is_whole = |sent: &Sent| {
        let there = sent.lines.iter().filter(|line| prints.contains(&line.print)).count();
        there == 0 || there == sent.lines.len()
    };
    let halves = evidence.duty.chains.iter().flat_map(|chain| &chain.batches).find(|sent| !is_whole(sent));
    halves.map_or(Ok(()), |sent| Err(format!("a part of {:?} is there, the rest is not", sent.lines)))
}

fn derived_equals_rebuilt(evidence: &Evidence<'_>) -> Result<(), String> {
    let wrong = evidence.found.streams.iter().find(|found| !found.totals_agree());
    wrong.map_or(Ok(()), |found| Err(format!("{:?} is said of {} records", found.info, found.records.len())))
}

fn read_paths_agree(evidence: &Evidence<'_>) -> Result<(), String> {
    evidence.found.quarrel.clone().map_or(Ok(()), Err)
}

fn recovery_is_idempotent(evidence: &Evidence<'_>) -> Result<(), String> {
    let total = evidence.found.total();
    let before = evidence.before.filter(|before| *before != total);
    before.map_or(Ok(()), |before| Err(format!("first {} records were found, then {}", before.0, total.0)))
}

fn rewriting_changes_no_answer(evidence: &Evidence<'_>) -> Result<(), String> {
    let total = evidence.found.total();
    let read = evidence.read.filter(|read| *read != total);
    read.map_or(Ok(()), |read| Err(format!("a reader found {} records, the recovery {}", read.0, total.0)))
}

fn errors_are_honest(evidence: &Evidence<'_>) -> Result<(), String> {
    if let Some(error) = evidence.found.error() {
        return Err(format!("nothing is damaged, and reading says: {error}"));
    }
    if let Some(damage) = evidence.found.damage.first() {
        return Err(format!("nothing is damaged, and this is reported: {damage:?}"));
    }
    let conflict = evidence.found.conflicts.first();
    conflict.map_or(Ok(()), |conflict| Err(format!("no ordinal was given twice, and this is reported: {conflict:?}")))
}

fn readers_see_only_what_is_durable(evidence: &Evidence<'_>) -> Result<(), String> {
    let (records, _) = evidence.found.total();
    if records < evidence.shown {
        return Err(format!("a reader was shown {} records, a power cut left {records}", evidence.shown));
    }
    Ok(())
}
