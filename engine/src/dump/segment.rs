//! A hot segment: header, groups, frames, gaps.

use crate::dump::small::damaged;
use crate::dump::{Entry, Value};
use crate::format::frame::FRAME_HEADER_BYTES;
use crate::format::group::GroupHeader;
use crate::format::large::LargeReference;
use crate::format::segment::{BLOCK_BYTES_MIN, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::id::SegmentId;
use crate::number::{narrow, wide};
use crate::recover::walk::{Frame, Gap, Group, Piece, walk};

pub(super) fn segment(bytes: &[u8], named: Option<SegmentId>, each: &mut dyn FnMut(Entry)) {
    // A copy under another name still says in its header which segment it is.
    let id = named.unwrap_or_else(|| claimed(bytes));
    let block_bytes = match SegmentHeader::decode(bytes, id) {
        Ok(header) => {
            let unnamed = "the file's name is not a segment's: number and salt are the header's own";
            each(header_entry(&header, named.is_none().then(|| unnamed.to_owned())));
            header.block_bytes
        }
        Err(fault) => {
            each(damaged("segment header", bytes, SEGMENT_HEADER_BYTES, &fault));
            BLOCK_BYTES_MIN
        }
    };
    for piece in walk(bytes, id.salt, block_bytes).pieces {
        match piece {
            Piece::Group(group) => group_entries(bytes, &group, each),
            Piece::Gap(gap) => gap_entries(bytes, &gap, each),
        }
    }
}

fn claimed(bytes: &[u8]) -> SegmentId {
    let word = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).map_or(0, u64::from_le_bytes);
    SegmentId { number: word(40), salt: word(48) }
}

fn header_entry(header: &SegmentHeader, problem: Option<String>) -> Entry {
    let mut fields = vec![
        ("number", Value::Number(header.id.number)),
        ("salt", Value::Word(header.id.salt)),
        ("epoch", Value::Number(header.epoch.0)),
        ("block_bytes", Value::Number(header.block_bytes.into())),
        ("store", Value::Bytes(header.store.to_vec())),
        ("journal", Value::Number(header.journal.into())),
        ("prepared_bytes", Value::Number(header.prepared_bytes)),
        ("created_ms", Value::Number(header.created_ms)),
        ("epoch_start", Value::Flag(header.epoch_start.is_some())),
    ];
    if let Some(start) = header.epoch_start {
        fields.push(("start_sequence", Value::Number(start.start_sequence.0)));
        fields.push(("recovered_upto", Value::Number(start.recovered_upto.0)));
        fields.push(("start_checksum", Value::Checksum(start.start_checksum)));
    }
    let end = u64::from(header.block_bytes);
    Entry { kind: "segment header", offset: 0, end, depth: 0, fields, problem }
}

fn group_fields(header: &GroupHeader, checksum: u32) -> Vec<(&'static str, Value)> {
    vec![
        ("frame_count", Value::Number(header.frame_count.into())),
        ("first_sequence", Value::Number(header.first_sequence.0)),
        ("durable_upto", Value::Number(header.durable_upto.0)),
        ("epoch", Value::Number(header.epoch.0)),
        ("body_bytes", Value::Number(header.body_bytes.into())),
        ("checksum", Value::Checksum(checksum)),
        ("previous_checksum", Value::Checksum(header.previous_checksum)),
        ("frames_checksum", Value::Checksum(header.frames_checksum)),
    ]
}

fn group_entries(bytes: &[u8], group: &Group, each: &mut dyn FnMut(Entry)) {
    let fields = group_fields(&group.header, group.checksum);
    each(Entry { kind: "group", offset: group.offset, end: group.end, depth: 0, fields, problem: None });
    let mut bad = group.bad.iter().peekable();
    for (index, frame) in group.frames.iter().enumerate() {
        let mut entry = frame_entry("frame", bytes, frame);
        entry.fields.insert(0, ("sequence", Value::Number(group.header.first_sequence.plus(wide(index)).0)));
        if let Some(bad) = bad.next_if(|bad| bad.index == index) {
            entry.problem = Some(format!("its payload fails its checksum ({})", verdict(bad.torn_looking)));
        }
        each(entry);
    }
}

fn frame_entry(kind: &'static str, bytes: &[u8], frame: &Frame) -> Entry {
    let header = &frame.header;
    let end = frame.payload_offset.saturating_add(u64::from(header.payload_bytes));
    let mut fields = vec![
        ("stream", Value::Stream(header.stream)),
        ("ordinal", Value::Number(header.ordinal)),
        ("payload_bytes", Value::Number(header.payload_bytes.into())),
        ("payload_checksum", Value::Checksum(header.payload_checksum)),
        ("lease_epoch", Value::Number(header.lease_epoch)),
        ("clock", Value::Word(header.clock)),
        ("codec", Value::Number(header.codec.into())),
    ];
    if header.large {
        let payload =
            narrow(frame.payload_offset).ok().zip(narrow(end).ok()).and_then(|(from, to)| bytes.get(from..to));
        let text = match payload.and_then(LargeReference::decode) {
            Some(reference) => format!("{:032x}, {} bytes", u128::from_be_bytes(reference.id), reference.payload_bytes),
            None => "not a reference".to_owned(),
        };
        fields.push(("large", Value::Text(text)));
    }
    let offset = frame.payload_offset.saturating_sub(wide(FRAME_HEADER_BYTES));
    Entry { kind, offset, end, depth: 1, fields, problem: None }
}

fn gap_entries(bytes: &[u8], gap: &Gap, each: &mut dyn FnMut(Entry)) {
    let mut fields =
        vec![("bytes", Value::Number(gap.end.saturating_sub(gap.offset))), ("zero", Value::Flag(gap.empty))];
    let problem = match &gap.header {
        _ if gap.empty => None,
        Some((header, checksum)) => {
            fields.extend(group_fields(header, *checksum));
            Some(format!("a group's header is sound, its frames are not ({})", verdict(gap.torn_looking)))
        }
        None => Some(format!("no group starts here, and it is not zero ({})", verdict(gap.torn_looking))),
    };
    if !gap.empty && gap.header.is_none() {
        fields.push(("all_frames_found", Value::Flag(gap.vouched)));
    }
    each(Entry { kind: "gap", offset: gap.offset, end: gap.end, depth: 0, fields, problem });
    for frame in &gap.suspects {
        each(frame_entry("suspect", bytes, frame));
    }
}

fn verdict(torn_looking: bool) -> &'static str {
    if torn_looking { "as an interrupted write leaves it" } else { "rotten: no interrupted write leaves this" }
}
