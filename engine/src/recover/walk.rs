//! Reading one segment: groups, and what stands where a group should be (format.md 3.4).

use crate::format::frame::{FRAME_HEADER_BYTES, FrameHeader, checksum};
use crate::format::group::{GROUP_HEADER_BYTES, GroupHeader};
use crate::format::is_zero;
use crate::format::segment::{BLOCK_BYTES_MAX, BLOCK_BYTES_MIN};
use crate::number::{narrow, wide};
use crate::recover::judge::{SECTOR_BYTES, torn_looking};
use crate::seeded::{Bug, bug};

/// A segment's content, in order of offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Groups and gaps; the last piece reaches the end of the file, or a group does.
    pub pieces: Vec<Piece>,
}

/// A stretch of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A group whose header and frame headers are sound.
    Group(Group),
    /// No group, where one could start.
    Gap(Gap),
}

/// A group whose header and frame headers are sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// Where the next one may start, after its padding. Can lie past the end of a file that was cut.
    pub end: u64,
    /// Its header.
    pub header: GroupHeader,
    /// The header's checksum, which the next group names.
    pub checksum: u32,
    /// Its frames. Those named in `bad` have a sound header and a wrong payload.
    pub frames: Vec<Frame>,
    /// The frames whose payload fails its checksum, in order.
    pub bad: Vec<BadPayload>,
}

/// A record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its header.
    pub header: FrameHeader,
    /// Where its payload starts in the file, in bytes.
    pub payload_offset: u64,
}

/// A payload that fails its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPayload {
    /// Index of the frame in its group.
    pub index: usize,
    /// Whether an unfinished write can explain it.
    pub torn_looking: bool,
}

/// A stretch that should start with a group and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// Where it ends, in bytes.
    pub end: u64,
    /// Whether all of it is zero: nothing was written, or nothing of it arrived.
    pub empty: bool,
    /// Whether an unfinished write can explain it. True of every empty gap.
    pub torn_looking: bool,
    /// The group header at its start with its checksum, if that is sound and only its frames are not.
    pub header: Option<(GroupHeader, u32)>,
    /// Frames that can be read there and whose payloads pass their checksums. Nothing else vouches
    /// for them: for reports and salvage only.
    pub suspects: Vec<Frame>,
    /// Whether the damaged header still holds the checksum of exactly the suspects' headers: they are
    /// all the frames there were, as they were written.
    pub vouched: bool,
}

/// Reads a segment's bytes, header block included, into groups and gaps. Total: any bytes give a walk.
///
/// `block_bytes` is the segment header's, or 4 096 if that is damaged (as for any impossible value).
/// Reads each byte once at the speed of the checksum, damaged stretches up to twice more; what it
/// allocates is bounded by the bytes present, whatever lengths they claim.
#[must_use]
pub fn walk(bytes: &[u8], salt: u64, block_bytes: u32) -> Walk {
    let sound = block_bytes.is_power_of_two() && (BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(&block_bytes);
    let block = size(if sound { block_bytes } else { BLOCK_BYTES_MIN });
    let segment = Segment { bytes, base: 0, salt, block };
    let mut pieces = Vec::new();
    let mut offset = block;
    let unread = if bug(Bug::OffByOneAtSegmentEnd) { block } else { 0 };
    while offset < bytes.len().saturating_sub(unread) {
        let (piece, next) = match segment.read(offset) {
            Found::Group(group, next) => (Piece::Group(group), next),
            Found::NoGroup => segment.gap(offset, None),
            Found::BadFrames(header) => segment.gap(offset, Some(header)),
        };
        pieces.push(piece);
        offset = next;
    }
    Walk { pieces }
}

/// The group that `bytes` begin with, which stand at `base` (a multiple of the block size) of their segment; `None` if that
/// is none, or one of its payloads fails.
#[must_use]
pub fn group_at(bytes: &[u8], base: u64, salt: u64, block_bytes: u32) -> Option<Group> {
    let segment = Segment { bytes, base, salt, block: size(block_bytes.max(BLOCK_BYTES_MIN)) };
    match segment.read(0) {
        Found::Group(group, _) if group.bad.is_empty() => Some(group),
        _ => None,
    }
}

struct Segment<'a> {
    bytes: &'a [u8],
    /// Where the bytes stand in the file.
    base: u64,
    salt: u64,
    block: usize,
}

enum Found {
    /// A group, and where the next piece starts.
    Group(Group, usize),
    NoGroup,
    BadFrames((GroupHeader, u32)),
}

impl Segment<'_> {
    fn read(&self, offset: usize) -> Found {
        let Some((header, sum)) = self.header(offset) else { return Found::NoGroup };
        let Some((frames, bad)) = self.frames(offset, &header) else { return Found::BadFrames((header, sum)) };
        let next = self.after(offset, &header);
        let group = Group { offset: self.place(offset), end: self.place(next), header, checksum: sum, frames, bad };
        Found::Group(group, next)
    }

    fn header(&self, offset: usize) -> Option<(GroupHeader, u32)> {
        GroupHeader::decode(self.bytes.get(offset..)?, self.salt, self.place(offset))
    }

    /// Where a byte stands in the file.
    fn place(&self, at: usize) -> u64 {
        self.base.saturating_add(wide(at))
    }

    /// The multiple of the block size at or after the group's end.
    fn after(&self, offset: usize, header: &GroupHeader) -> usize {
        end_of(offset, header).checked_next_multiple_of(self.block).unwrap_or(usize::MAX)
    }

    /// The frames behind a sound header, and which of their payloads fail; `None` if they do not fill
    /// the body exactly or their headers are not those that were written.
    fn frames(&self, offset: usize, header: &GroupHeader) -> Option<(Vec<Frame>, Vec<BadPayload>)> {
        let start = offset.checked_add(GROUP_HEADER_BYTES)?;
        // The body is there as a whole, so the header's counts cannot ask for more than is present.
        let body = self.bytes.get(start..end_of(offset, header))?;
        let mut frames = Vec::with_capacity(size(header.frame_count));
        let mut bad = Vec::new();
        let mut headers = crc32fast::Hasher::new();
        let (mut rest, mut at) = (body, start);
        for index in 0..size(header.frame_count) {
            let (raw, after) = rest.split_first_chunk::<FRAME_HEADER_BYTES>()?;
            headers.update(raw);
            let frame = FrameHeader::decode(raw);
            let (payload, after) = after.split_at_checked(size(frame.payload_bytes))?;
            let from = at.saturating_add(FRAME_HEADER_BYTES);
            let to = from.saturating_add(payload.len());
            let unchecked = index.saturating_add(1) == size(header.frame_count) && bug(Bug::ChecksumSkippedOnLastFrame);
            if checksum(payload) != frame.payload_checksum && !unchecked {
                bad.push(BadPayload { index, torn_looking: torn_looking(self.bytes, from, to) });
            }
            frames.push(Frame { header: frame, payload_offset: self.place(from) });
            (rest, at) = (after, to);
        }
        let as_written = headers.finalize() == header.frames_checksum || bug(Bug::FramesChecksumIgnored);
        (rest.is_empty() && as_written).then_some((frames, bad))
    }

    /// The gap at `offset`, and where the next piece starts.
    ///
    /// A sound header vouches for its length, so the search for the next group begins behind its
    /// frames: what a payload holds is never taken for a group, and no byte is tried twice.
    fn gap(&self, offset: usize, header: Option<(GroupHeader, u32)>) -> (Piece, usize) {
        let from = match &header {
            Some((header, _)) => self.after(offset, header),
            None => offset.saturating_add(self.block),
        };
        let end = (from..self.bytes.len())
            .step_by(self.block)
            .find(|next| self.header(*next).is_some())
            .unwrap_or(self.bytes.len());
        let content = self.bytes.get(offset..end).unwrap_or_default();
        let empty = is_zero(content);
        let body = offset.saturating_add(GROUP_HEADER_BYTES);
        let torn_looking = empty
            || match &header {
                Some((header, _)) => torn_looking(self.bytes, body, end_of(offset, header)),
                None => torn_looking(self.bytes, offset, offset.saturating_add(SECTOR_BYTES)),
            };
        let limit = header.as_ref().map_or(end, |(header, _)| end_of(offset, header).min(end));
        let (mut suspects, sum) = if empty { (Vec::new(), None) } else { self.suspects(body, limit) };
        // Without suspects the checksum of nothing would also match a header that is all zero.
        let told = !suspects.is_empty() || (!torn_looking && content.get(8..16).is_some_and(is_zero));
        let vouched = header.is_none() && told && sum.is_some() && sum == frames_checksum_at(content);
        if !vouched {
            // The checksum of an empty payload is zero: it vouches for nothing.
            suspects.retain(|frame| frame.header.payload_bytes > 0);
        }
        let gap = Gap { offset: wide(offset), end: wide(end), empty, torn_looking, header, suspects, vouched };
        (Piece::Gap(gap), end)
    }

    /// Reads frames from `start` for as long as their lengths make sense, keeping those whose payloads
    /// pass; with the checksum of their headers if every one of them passed.
    fn suspects(&self, start: usize, end: usize) -> (Vec<Frame>, Option<u32>) {
        let mut found = Vec::new();
        let mut headers = crc32fast::Hasher::new();
        let mut all = true;
        let mut rest = self.bytes.get(start..end).unwrap_or_default();
        let mut at = start;
        while let Some((raw, after)) = rest.split_first_chunk::<FRAME_HEADER_BYTES>() {
            let header = FrameHeader::decode(raw);
            // Zeros read as an empty frame whose checksum passes; they are padding.
            let Some((payload, after)) = after.split_at_checked(size(header.payload_bytes)) else { break };
            if is_zero(raw) {
                break;
            }
            headers.update(raw);
            let from = at.saturating_add(FRAME_HEADER_BYTES);
            if checksum(payload) == header.payload_checksum {
                found.push(Frame { header, payload_offset: wide(from) });
            } else {
                all = false;
            }
            at = from.saturating_add(payload.len());
            rest = after;
        }
        (found, all.then(|| headers.finalize()))
    }
}

/// Where a group's last frame ends, in the file.
fn end_of(offset: usize, header: &GroupHeader) -> usize {
    offset.saturating_add(narrow(header.bytes()).unwrap_or(usize::MAX))
}

/// What a damaged group header holds where its frames' checksum belongs.
fn frames_checksum_at(group: &[u8]) -> Option<u32> {
    group.get(44..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

fn size(value: u32) -> usize {
    narrow(u64::from(value)).unwrap_or(usize::MAX)
}
