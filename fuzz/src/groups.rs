//! The walk over one segment: any bytes, and bytes whose checksums were made to fit.

use threadlog_engine::format::frame::{FRAME_HEADER_BYTES, checksum};
use threadlog_engine::format::group::GROUP_HEADER_BYTES;
use threadlog_engine::recover::walk::{Group, Piece, walk};
use threadlog_engine::{SegmentId, dump};

const BLOCK_BYTES: usize = 4096;
/// The salt of every segment here.
pub const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first byte says whether checksums are mended, so that mutations of lengths and sequences are not all stopped by
/// them; the rest is a segment.
pub fn run(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if mode & 1 == 1 {
        for offset in (BLOCK_BYTES..bytes.len()).step_by(BLOCK_BYTES) {
            mend(&mut bytes, offset);
        }
    }
    let found = walk(&bytes, SALT, BLOCK_BYTES as u32);
    let mut behind = BLOCK_BYTES as u64;
    let mut frames = 0;
    for piece in &found.pieces {
        let (offset, end, seen) = match piece {
            Piece::Group(group) => {
                check_group(group, &bytes);
                (group.offset, group.end, group.frames.len())
            }
            Piece::Gap(gap) => (gap.offset, gap.end, gap.suspects.len()),
        };
        assert_eq!(offset, behind, "pieces lie side by side");
        assert!(end > offset, "a piece of nothing");
        behind = end;
        frames += seen;
    }
    assert!(behind >= bytes.len() as u64 || bytes.len() <= BLOCK_BYTES, "the walk ends before the file");
    assert!(frames * FRAME_HEADER_BYTES <= bytes.len(), "more frames than bytes");
    let name = SegmentId { number: 1, salt: SALT }.to_string();
    // Only writing to `out` can fail, and this one takes everything.
    let _ = dump::write(&name, &bytes, None, &mut std::io::sink());
    assert_eq!(found, walk(&bytes, SALT, BLOCK_BYTES as u32), "the same bytes give the same walk");
}

fn check_group(group: &Group, bytes: &[u8]) {
    assert_eq!(group.frames.len(), group.header.frame_count as usize);
    for (index, frame) in group.frames.iter().enumerate() {
        let start = frame.payload_offset as usize;
        let payload = bytes.get(start..start + frame.header.payload_bytes as usize);
        let sound = payload.is_some_and(|payload| checksum(payload) == frame.header.payload_checksum);
        assert_eq!(sound, !group.bad.iter().any(|bad| bad.index == index), "frame {index} of {group:?}");
    }
}

/// Makes all checksums of the group at `offset` fit its bytes, if something with its magic stands there.
pub fn mend(bytes: &mut [u8], offset: usize) {
    let Some(group) = bytes.get_mut(offset..) else { return };
    let Some((header, mut body)) = group.split_first_chunk_mut::<GROUP_HEADER_BYTES>() else { return };
    if header[..4] != *magic() {
        return;
    }
    let mut frames = crc32fast::Hasher::new();
    for _ in 0..word(header, 12) {
        let Some((frame, rest)) = body.split_first_chunk_mut::<FRAME_HEADER_BYTES>() else { break };
        let length = (word(frame, 4) as usize).min(rest.len());
        let (payload, rest) = rest.split_at_mut(length);
        frame[..4].copy_from_slice(&checksum(payload).to_le_bytes());
        frames.update(frame);
        body = rest;
    }
    header[44..48].copy_from_slice(&frames.finalize().to_le_bytes());
    let mut seal = crc32fast::Hasher::new();
    seal.update(&SALT.to_le_bytes());
    seal.update(&(offset as u64).to_le_bytes());
    seal.update(&header[8..]);
    header[4..8].copy_from_slice(&seal.finalize().to_le_bytes());
}

/// A group's magic, as the encoder writes it.
fn magic() -> &'static [u8; 4] {
    use std::sync::LazyLock;
    use threadlog_engine::format::group::GroupHeader;
    use threadlog_engine::{Epoch, Sequence};
    static MAGIC: LazyLock<[u8; 4]> = LazyLock::new(|| {
        let header = GroupHeader {
            body_bytes: 0,
            frame_count: 0,
            epoch: Epoch(1),
            first_sequence: Sequence(1),
            durable_upto: Sequence(0),
            previous_checksum: 0,
            frames_checksum: 0,
        };
        let (bytes, _) = header.encode(SALT, 0);
        [bytes[0], bytes[1], bytes[2], bytes[3]]
    });
    &MAGIC
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
