//! The index of a log, from its scanned segments.

use crate::format::frame::FRAME_HEADER_BYTES;
use crate::format::frame::FrameHeader;
use crate::id::Sequence;
use crate::journal::groups::GroupPlace;
use crate::journal::index::{Conflict, Index, Note, Noted};
use crate::journal::place::Places;
use crate::number::wide;
use crate::recover::log::{Damage, Log, Scan};
use crate::recover::walk::{Frame, Group, Piece};

/// Builds the index. With `suspects`, intact frames from damaged groups stand in for what is lost: for salvage only.
pub(crate) fn index(scans: &[Scan], log: &Log, places: &Places, suspects: bool) -> Index {
    let mut index = Index::new(log.last.0);
    index.damage.clone_from(&log.damage);
    index.damage.iter_mut().for_each(|damage| damage.journal = places.number);
    for scan in scans {
        index.segments.push(places.segment_place(scan.id));
    }
    let mut known: Vec<&Group> = Vec::new();
    for place in &log.groups {
        let Some(Piece::Group(group)) = scans.get(place.scan).and_then(|scan| scan.walk.pieces.get(place.piece)) else {
            continue;
        };
        let frames = group.frames.get(..place.frames).unwrap_or(&group.frames);
        if frames.is_empty() {
            continue;
        }
        let last_sequence = group.header.next_sequence().before();
        index.groups.push(GroupPlace { segment: u32::try_from(place.scan).ok(), offset: group.offset, last_sequence });
        known.push(group);
        note_group(&mut index, &known, group, frames);
    }
    let damage = index.damage.clone();
    for (at, damaged) in damage.iter().enumerate() {
        if suspects {
            note_suspects(&mut index, scans, damaged);
        }
        for (stream, ordinal) in &damaged.records {
            if damaged.complete || index.is_plausible(stream, *ordinal) {
                index.lose(*stream, *ordinal, at);
            }
        }
        if !damaged.complete {
            index.doubt(last_of(damaged), at);
        }
    }
    index
}

/// Notes the records of one more group, which stands in the last segment; `false` if one of their places is taken.
pub(crate) fn extend(index: &mut Index, group: &Group) -> bool {
    if group.frames.is_empty() {
        return true;
    }
    let segment = u32::try_from(index.segments.len().saturating_sub(1)).ok();
    let last_sequence = group.header.next_sequence().before();
    index.groups.push(GroupPlace { segment, offset: group.offset, last_sequence });
    index.records_ever = index.records_ever.max(last_sequence.0);
    let number = index.groups.last_number();
    group.frames.iter().all(|frame| index.note(note_of(frame, number, group.offset)) == Noted::Fresh)
}

/// The last sequence that a damage may have taken.
pub(crate) fn last_of(damage: &Damage) -> Sequence {
    damage.first.plus(damage.count.unwrap_or(1)).before()
}

fn note_group(index: &mut Index, known: &[&Group], group: &Group, frames: &[Frame]) {
    let number = index.groups.last_number();
    let mut bad = group.bad.iter().map(|bad| bad.index).peekable();
    for (at, frame) in frames.iter().enumerate() {
        if bad.next_if_eq(&at).is_some() {
            continue;
        }
        let note = note_of(frame, number, group.offset);
        if index.note(note) == Noted::Fresh {
            continue;
        }
        settle(index, known, note, &frame.header);
    }
}

/// Two records claim one ordinal: equal ones are one; else the higher lease epoch wins, at equal epochs the later record.
fn settle(index: &mut Index, known: &[&Group], note: Note, header: &FrameHeader) {
    let Some(other) = index.noted(&note.stream, note.ordinal).and_then(|(group, offset)| {
        let group = known.get(usize::try_from(group).ok()?)?;
        let start = group.offset.checked_add(u64::from(offset))?.checked_add(wide(FRAME_HEADER_BYTES))?;
        let at = group.frames.binary_search_by_key(&start, |frame| frame.payload_offset).ok()?;
        group.frames.get(at).map(|frame| frame.header)
    }) else {
        return;
    };
    let same_bytes = other.payload_checksum == header.payload_checksum && other.payload_bytes == header.payload_bytes;
    if same_bytes && other.lease_epoch == header.lease_epoch {
        return;
    }
    let newer = header.lease_epoch >= other.lease_epoch;
    let lost_lease_epoch = if newer { other.lease_epoch } else { header.lease_epoch };
    if newer {
        index.replace(note);
    }
    if !same_bytes {
        index.conflicts.push(Conflict { stream: note.stream, ordinal: note.ordinal, lost_lease_epoch });
    }
}

/// Puts frames that still verify, though nothing vouches for their group, in the places of lost records.
fn note_suspects(index: &mut Index, scans: &[Scan], damage: &Damage) {
    let Some((segment, scan)) = scans.iter().enumerate().find(|(_, scan)| scan.id == damage.segment) else { return };
    for piece in &scan.walk.pieces {
        let Piece::Gap(gap) = piece else { continue };
        if gap.offset < damage.offset || gap.end > damage.end || gap.suspects.is_empty() {
            continue;
        }
        index.groups.push(GroupPlace {
            segment: u32::try_from(segment).ok(),
            offset: gap.offset,
            last_sequence: damage.first,
        });
        let number = index.groups.last_number();
        for frame in &gap.suspects {
            let note = note_of(frame, number, gap.offset);
            if index.is_plausible(&note.stream, note.ordinal) {
                // Taken places stay as they are: a vouched-for record beats a suspect.
                let _ = index.note(note);
            }
        }
    }
}

fn note_of(frame: &Frame, group: u32, group_offset: u64) -> Note {
    let offset = frame.payload_offset.saturating_sub(wide(FRAME_HEADER_BYTES)).saturating_sub(group_offset);
    Note {
        stream: frame.header.stream,
        ordinal: frame.header.ordinal,
        lease_epoch: frame.header.lease_epoch,
        group,
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
        payload_bytes: frame.header.payload_bytes,
        header_checksum: frame.header.checksum(),
    }
}
