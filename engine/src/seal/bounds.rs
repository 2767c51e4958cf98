//! How far a journal can be sealed: pure, over its scanned segments.

use crate::id::Epoch;
use crate::id::Sequence;
use crate::number::wide;
use crate::recover::log::{Base, Log, Place, Scan};
use crate::recover::runs;
use crate::recover::walk::{Group, Piece};
use crate::seeded::{Bug, bug};

/// Which segments of a journal nobody writes to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// All of them: nobody writes the journal, and nobody can begin to while its lock is held here.
    All,
    /// Those numbered up to this; what was written to them is durable.
    Upto(u64),
    /// Those before the one that the mark points into: the journal is another process's.
    BeforeMark,
}

/// Where the log begins once all that can be sealed is; `None` if that is where it begins already and there is nothing
/// that could be removed.
///
/// Whole segments only, from the first on: as many as are quiet, stand before any damage, and have `bytes_max` bytes
/// together (one is always taken).
pub(crate) fn base(
    journal: u32,
    before: Option<Base>,
    quiet: Quiet,
    scans: &[Scan],
    log: &Log,
    bytes_max: u64,
) -> Option<Base> {
    let upto = bounded(scans, before_damage(scans, log, quiet_upto(quiet, scans, log)?), bytes_max);
    let nothing = Base { journal, epoch: Epoch(0), upto: Sequence(0), chain: 0, chain_records: 0, segments_upto: 0 };
    let mut base = before.unwrap_or(nothing);
    base.segments_upto = base.segments_upto.max(upto);
    let mut found = before.is_some();
    for (place, group) in groups(scans, log).filter(|(place, _)| number_of(scans, place) <= Some(upto)) {
        found = true;
        base.epoch = group.header.epoch;
        base.upto = group.header.first_sequence.plus(wide(place.frames)).before();
        base.chain = group.checksum;
        if place.frames > 0 {
            base.chain_records = group.checksum;
        }
    }
    // A witness behind the last record is not among the groups if nothing above the mark was to be looked at.
    for group in scans.iter().filter(|scan| scan.id.number <= upto).flat_map(|scan| runs::groups(&scan.walk)) {
        let header = &group.header;
        let follows = header.epoch == base.epoch && header.previous_checksum == base.chain;
        let is_witness = header.frame_count == 0 && header.first_sequence == base.upto.plus(1);
        if follows && is_witness && !bug(Bug::SealedWitnessForgotten) {
            base.chain = group.checksum;
        }
    }
    found.then_some(base)
}

/// The number of the last segment that nobody writes to.
fn quiet_upto(quiet: Quiet, scans: &[Scan], log: &Log) -> Option<u64> {
    let last = scans.iter().map(|scan| scan.id.number).max()?;
    let sealed = scans.first().and_then(|scan| scan.base).map(|base| base.segments_upto);
    match quiet {
        Quiet::All => Some(last),
        // A spare without groups may yet be written to.
        Quiet::Upto(number) => {
            let written = log.groups.last().and_then(|place| number_of(scans, place));
            let written = if bug(Bug::SpareSealed) { Some(last) } else { written };
            written.map(|last| last.min(number)).or(sealed)
        }
        Quiet::BeforeMark => {
            let marked = log.groups.last().and_then(|place| number_of(scans, place));
            marked.map(|number| number.saturating_sub(1)).or(sealed)
        }
    }
}

/// Of these segments, those before the first that has to do with a damage. What is damaged stays where salvage finds it.
fn before_damage(scans: &[Scan], log: &Log, upto: u64) -> u64 {
    let mut upto = upto;
    for damage in &log.damage {
        let hit = groups(scans, log)
            .find(|(place, group)| group.header.first_sequence.plus(wide(place.frames)) > damage.first);
        let hit = hit.and_then(|(place, _)| number_of(scans, place));
        let named = Some(damage.segment.number).filter(|number| *number > 0);
        for number in hit.into_iter().chain(named) {
            upto = upto.min(number.saturating_sub(1));
        }
    }
    upto
}

fn bounded(scans: &[Scan], upto: u64, bytes_max: u64) -> u64 {
    let mut bytes: u64 = 0;
    let mut last = 0;
    for scan in scans.iter().filter(|scan| scan.id.number <= upto) {
        if bytes >= bytes_max {
            break;
        }
        last = scan.id.number;
        bytes = bytes.saturating_add(scan.bytes);
    }
    last
}

fn groups<'a>(scans: &'a [Scan], log: &'a Log) -> impl Iterator<Item = (&'a Place, &'a Group)> {
    log.groups.iter().filter_map(|place| match scans.get(place.scan)?.walk.pieces.get(place.piece)? {
        Piece::Group(group) => Some((place, group)),
        Piece::Gap(_) => None,
    })
}

fn number_of(scans: &[Scan], place: &Place) -> Option<u64> {
    scans.get(place.scan).map(|scan| scan.id.number)
}
