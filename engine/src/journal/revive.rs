//! Copying the tail that no witness vouches for.
//!
//! What was read back may stand in the page cache only: a failed sync leaves pages that read well, count as
//! clean, and were never written. So records above the witness are written again, to a fresh segment,
//! and synced, before anything builds on them. The segment counts only once its own witness is
//! there; a crash on the way leaves the old tail in force, and the next opening begins again.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::format::frame::{self, FRAME_HEADER_BYTES};
use crate::format::group::GROUP_HEADER_BYTES;
use crate::fs::{OpenMode, read_exact_at};
use crate::id::Sequence;
use crate::journal::shelf::Shelf;
use crate::journal::stats::{Counters, count};
use crate::journal::tail::{NewGroup, Tail};
use crate::number::{narrow, wide};
use crate::recover::log::{Log, Scan};
use crate::recover::walk::{Group, Piece};
use crate::seeded::{Bug, bug};

/// A group of the old tail.
struct Old<'a> {
    path: PathBuf,
    group: &'a Group,
}

/// Copies every group above `log.witness` into the epoch's first segment, syncs it, then writes and syncs the witness that
/// makes the copy count. Returns for each copied group, in order, the offset it has now.
pub(crate) fn copy_tail(
    tail: &mut Tail,
    scans: &[Scan],
    log: &Log,
    recovered_upto: Sequence,
    shelf: &Shelf,
    counters: &Counters,
) -> Result<Vec<u64>> {
    let mut offsets = Vec::new();
    tail.grow(shelf, counters)?;
    for place in &log.groups {
        let Some(scan) = scans.get(place.scan) else { continue };
        let Some(Piece::Group(group)) = scan.walk.pieces.get(place.piece) else { continue };
        if group.header.first_sequence <= log.witness || group.frames.is_empty() {
            continue;
        }
        let old = Old { path: tail.places.segment(scan.id), group };
        let mut bytes = load(tail, &old)?;
        let copy = NewGroup {
            frame_count: group.header.frame_count,
            frames_checksum: group.header.frames_checksum,
            first_sequence: group.header.first_sequence,
            durable_upto: log.witness,
            bytes: &mut bytes,
        };
        offsets.push(tail.put(copy, counters)?.offset);
        count(&counters.recovered_bytes, wide(bytes.len()));
    }
    if !bug(Bug::RecoveryWitnessTooEarly) {
        tail.sync(counters)?;
    }
    let mut bytes = vec![0; GROUP_HEADER_BYTES];
    let witness = NewGroup {
        bytes: &mut bytes,
        frame_count: 0,
        frames_checksum: frame::checksum(&[]),
        first_sequence: recovered_upto.plus(1),
        durable_upto: recovered_upto,
    };
    tail.put(witness, counters)?;
    tail.sync(counters)?;
    Ok(offsets)
}

/// Reads a group again and checks that it still says what the walk saw.
fn load(tail: &Tail, old: &Old<'_>) -> Result<Vec<u8>> {
    let io = |op, error| Error::io(op, &old.path, error);
    let file = tail.fs.open(&old.path, OpenMode::Read).map_err(|error| io("open", error))?;
    let length = narrow(old.group.header.bytes()).map_err(|error| io("read", error))?;
    let mut bytes = vec![0; length];
    read_exact_at(&*file, &mut bytes, old.group.offset).map_err(|error| io("read", error))?;
    let mut bad = old.group.bad.iter().map(|bad| bad.index).peekable();
    for (at, frame) in old.group.frames.iter().enumerate() {
        let known_bad = bad.next_if_eq(&at).is_some();
        let start = narrow(frame.payload_offset.saturating_sub(old.group.offset)).unwrap_or(usize::MAX);
        let end = start.saturating_add(narrow(u64::from(frame.header.payload_bytes)).unwrap_or(usize::MAX));
        let header = bytes.get(start.saturating_sub(FRAME_HEADER_BYTES)..start).unwrap_or_default();
        let payload = bytes.get(start..end).unwrap_or_default();
        let sound = header == frame.header.encode() && frame::checksum(payload) == frame.header.payload_checksum;
        if !sound && !known_bad {
            let what = "the tail changed while it was being recovered".to_owned();
            let streams = vec![frame.header.stream];
            return Err(Error::Corrupt { path: old.path.clone(), offset: frame.payload_offset, what, streams });
        }
    }
    Ok(bytes)
}
