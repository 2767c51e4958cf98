//! Reading on where a journal was left: only what its writer added since.
//!
//! The way is narrow on purpose: the next group must stand right behind the last, or first in the next segment, and
//! carry on its epoch, its sequence and its chain. For anything else (a damage, a new epoch, a file that is gone) the journal is read
//! anew, which judges all cases.

use crate::error::Result;
use crate::format::group::{GROUP_HEADER_BYTES, GroupHeader};
use crate::format::mark::MarkSlot;
use crate::format::segment::{BLOCK_BYTES_MIN, SegmentHeader};
use crate::fs::{File, Fs, OpenMode, read_at_most};
use crate::id::{Epoch, SegmentId, Sequence};
use crate::journal::place::Places;
use crate::journal::scan;
use crate::number::{narrow, wide};
use crate::recover::log::{Log, Scan};
use crate::recover::walk::{Group, Piece, group_at};
use crate::seeded::{Bug, bug};

/// Where the next group must stand, and what it must say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    segment: SegmentId,
    block_bytes: u32,
    offset: u64,
    epoch: Epoch,
    next: Sequence,
    chain: u32,
}

/// A group that came, and its segment.
pub(crate) struct Came {
    pub segment: SegmentId,
    pub group: Group,
}

impl End {
    /// The end of a log; `None` if it cannot be read on from there.
    pub fn of(scans: &[Scan], log: &Log) -> Option<End> {
        if !log.damage.is_empty() {
            return None;
        }
        let place = log.groups.last()?;
        let scan = scans.get(place.scan)?;
        let Some(Piece::Group(group)) = scan.walk.pieces.get(place.piece) else { return None };
        if place.frames < group.frames.len() {
            return None;
        }
        let block_bytes = scan.header.as_ref().ok()?.block_bytes;
        Some(End { segment: scan.id, block_bytes, ..End::behind(scan.id, block_bytes, group) })
    }

    fn behind(segment: SegmentId, block_bytes: u32, group: &Group) -> End {
        let (epoch, next) = (group.header.epoch, group.header.next_sequence());
        End { segment, block_bytes, offset: group.end, epoch, next, chain: group.checksum }
    }

    /// The groups behind this end up to what the mark says is durable, and the new end. `None` if that much cannot be read
    /// on from here.
    pub fn read_on(mut self, fs: &dyn Fs, places: &Places, mark: &MarkSlot) -> Result<Option<(Vec<Came>, End)>> {
        let durable = mark.durable.plus(u64::from(bug(Bug::FollowerIgnoresMark)));
        let mut came = Vec::new();
        if mark.epoch != self.epoch && !bug(Bug::FollowerIgnoresEpoch) {
            // A write failed since: what stands here unsynced was given up, and its sequences were given again.
            return Ok(None);
        }
        while self.next <= durable {
            let Some(group) = self.next_group(fs, places)? else { return Ok(None) };
            if group.header.next_sequence().before() > durable {
                // A reader's limit falls between groups; this is none.
                return Ok(None);
            }
            self = End::behind(self.segment, self.block_bytes, &group);
            came.push(Came { segment: self.segment, group });
        }
        Ok(Some((came, self)))
    }

    fn next_group(&mut self, fs: &dyn Fs, places: &Places) -> Result<Option<Group>> {
        if let Some(group) = self.group_here(fs, places) {
            return Ok(Some(group));
        }
        let Some(next) = self.next_segment(fs, places)? else { return Ok(None) };
        *self = next;
        Ok(self.group_here(fs, places))
    }

    /// The group at the end's place, if it carries on what was there. What cannot be read is no group.
    fn group_here(&self, fs: &dyn Fs, places: &Places) -> Option<Group> {
        let file = fs.open(&places.segment(self.segment), OpenMode::Read).ok()?;
        let mut bytes = vec![0; GROUP_HEADER_BYTES];
        let (header, _) = match read_at_most(&*file, &mut bytes, self.offset) {
            Ok(GROUP_HEADER_BYTES) => GroupHeader::decode(&bytes, self.segment.salt, self.offset)?,
            _ => return None,
        };
        let follows =
            header.epoch == self.epoch && header.first_sequence == self.next && header.previous_checksum == self.chain;
        if !follows {
            return None;
        }
        read_whole(&*file, &header, self.offset, &mut bytes)?;
        group_at(&bytes, self.offset, self.segment.salt, self.block_bytes)
    }

    /// The beginning of the segment behind this one, if the epoch goes on in it.
    fn next_segment(&self, fs: &dyn Fs, places: &Places) -> Result<Option<End>> {
        let segments = scan::segments(fs, places)?;
        let behind = segments.into_iter().map(|(id, _)| id).filter(|id| id.number > self.segment.number);
        for id in behind {
            let Some(header) = header_of(fs, places, id) else { continue };
            let block_bytes = header.block_bytes;
            let begin = End { segment: id, block_bytes, offset: u64::from(block_bytes), ..*self };
            if header.epoch == self.epoch && begin.group_here(fs, places).is_some() {
                return Ok(Some(begin));
            }
        }
        Ok(None)
    }
}

/// Reads the whole group; never asks for more memory than the file can fill.
fn read_whole(file: &dyn File, header: &GroupHeader, offset: u64, bytes: &mut Vec<u8>) -> Option<()> {
    if header.bytes() > file.len().ok()?.saturating_sub(offset) {
        return None;
    }
    bytes.resize(narrow(header.bytes()).ok()?, 0);
    (read_at_most(file, bytes, offset).ok()? == bytes.len()).then_some(())
}

fn header_of(fs: &dyn Fs, places: &Places, id: SegmentId) -> Option<SegmentHeader> {
    let file = fs.open(&places.segment(id), OpenMode::Read).ok()?;
    let mut bytes = vec![0; narrow(u64::from(BLOCK_BYTES_MIN)).ok()?];
    let read = read_at_most(&*file, &mut bytes, 0).ok()?;
    (wide(read) == u64::from(BLOCK_BYTES_MIN)).then(|| SegmentHeader::decode(&bytes, id).ok()).flatten()
}
