//! The files of a store that hold one thing each.

use crate::dump::{Entry, Value};
use crate::format::HeaderFault;
use crate::format::frame::checksum;
use crate::format::large::{LARGE_HEADER_BYTES, LargeHeader, LargeName};
use crate::format::mark::{MARK_SLOT_WORDS, MARK_SLOTS, MarkSlot, newest, page_words};
use crate::format::store_file::{FORMAT_FILE_BYTES, FormatFile};
use crate::lock::Owner;
use crate::number::wide;

/// How many bytes of something unreadable are shown.
const SHOWN_BYTES: usize = 64;

/// An entry for bytes that are not what they should be: the bytes themselves, and why.
pub(super) fn damaged(kind: &'static str, bytes: &[u8], shown: usize, fault: &HeaderFault) -> Entry {
    let shown = bytes.get(..shown).unwrap_or(bytes);
    Entry {
        kind,
        offset: 0,
        end: wide(shown.len()),
        depth: 0,
        fields: vec![("bytes", Value::Bytes(shown.to_vec()))],
        problem: Some(fault.to_string()),
    }
}

pub(super) fn format(bytes: &[u8], each: &mut dyn FnMut(Entry)) {
    let file = match FormatFile::decode(bytes) {
        Ok(file) => file,
        Err(fault) => return each(damaged("format", bytes, FORMAT_FILE_BYTES, &fault)),
    };
    let unknown = file.unknown_for_writing();
    each(Entry {
        kind: "format",
        offset: 0,
        end: wide(FORMAT_FILE_BYTES),
        depth: 0,
        fields: vec![
            ("version", Value::Number(file.version.into())),
            ("compatible", Value::Checksum(file.compatible)),
            ("read_only_compatible", Value::Checksum(file.read_only_compatible)),
            ("incompatible", Value::Checksum(file.incompatible)),
            ("store", Value::Bytes(file.store.to_vec())),
            ("created_ms", Value::Number(file.created_ms)),
        ],
        problem: (unknown != 0).then(|| format!("flags {unknown:#010x} are unknown: this program cannot write here")),
    });
}

pub(super) fn mark(bytes: &[u8], store: Option<&[u8; 16]>, each: &mut dyn FnMut(Entry)) {
    let words = page_words(bytes);
    let counts = store.and_then(|store| newest(&words, store));
    for start in MARK_SLOTS {
        let offset = wide(start).saturating_mul(8);
        let end = offset.saturating_add(wide(MARK_SLOT_WORDS).saturating_mul(8));
        let mut entry = Entry { kind: "slot", offset, end, depth: 0, fields: Vec::new(), problem: None };
        let raw = words.get(start..).and_then(|words| words.first_chunk::<MARK_SLOT_WORDS>());
        let Some([epoch, durable, boot, flags, check]) = raw else {
            entry.problem = Some("the file ends before it".to_owned());
            each(entry);
            continue;
        };
        entry.fields = vec![
            ("epoch", Value::Number(*epoch)),
            ("durable", Value::Number(*durable)),
            ("boot", Value::Word(*boot)),
            ("flags", Value::Word(*flags)),
            ("check", Value::Word(*check)),
        ];
        let slot = store.and_then(|store| MarkSlot::from_words(&[*epoch, *durable, *boot, *flags, *check], store));
        match (store, slot) {
            (None, _) => entry.fields.push(("verified", Value::Text("no, the store's id is not known".to_owned()))),
            (Some(_), None) if [epoch, durable, boot, flags, check] == [&0; MARK_SLOT_WORDS] => {
                entry.fields.push(("written", Value::Flag(false)));
            }
            (Some(_), None) => entry.problem = Some("its check does not match".to_owned()),
            (Some(_), Some(slot)) => {
                entry.fields.push(("closed", Value::Flag(slot.closed)));
                entry.fields.push(("counts", Value::Flag(counts == Some(slot))));
            }
        }
        each(entry);
    }
}

pub(super) fn lock(bytes: &[u8], each: &mut dyn FnMut(Entry)) {
    if bytes.is_empty() {
        let nobody = Value::Text("nobody: the file is only locked, not written".to_owned());
        return each(Entry {
            kind: "owner",
            offset: 0,
            end: 0,
            depth: 0,
            fields: vec![("written_by", nobody)],
            problem: None,
        });
    }
    let owner = Owner::from_text(&String::from_utf8_lossy(bytes));
    each(Entry {
        kind: "owner",
        offset: 0,
        end: wide(bytes.len()),
        depth: 0,
        fields: vec![
            ("pid", Value::Number(owner.pid.into())),
            ("host", Value::Text(owner.host)),
            ("client", Value::Text(owner.client)),
            ("since_ms", Value::Number(owner.since_ms)),
            ("boot", Value::Text(owner.boot)),
        ],
        problem: None,
    });
}

pub(super) fn large(name: &str, bytes: &[u8], each: &mut dyn FnMut(Entry)) {
    let header = match LargeHeader::decode(bytes) {
        Ok(header) => header,
        Err(fault) => return each(damaged("large header", bytes, LARGE_HEADER_BYTES, &fault)),
    };
    let named = LargeName::parse(name).is_some_and(|name| name.id == header.id);
    each(Entry {
        kind: "large header",
        offset: 0,
        end: wide(LARGE_HEADER_BYTES),
        depth: 0,
        fields: vec![
            ("payload_checksum", Value::Checksum(header.payload_checksum)),
            ("payload_bytes", Value::Number(header.payload_bytes)),
            ("id", Value::Bytes(header.id.to_vec())),
            ("store", Value::Bytes(header.store.to_vec())),
        ],
        problem: (!named).then(|| "its id is not the one in the file's name".to_owned()),
    });
    let payload = bytes.get(LARGE_HEADER_BYTES..).unwrap_or_default();
    let found = wide(payload.len());
    let problem = if found != header.payload_bytes {
        Some(format!("{found} bytes instead of {}", header.payload_bytes))
    } else {
        (checksum(payload) != header.payload_checksum).then(|| "its checksum does not match".to_owned())
    };
    each(Entry {
        kind: "payload",
        offset: wide(LARGE_HEADER_BYTES),
        end: wide(bytes.len()),
        depth: 0,
        fields: vec![("bytes", Value::Number(found))],
        problem,
    });
}

pub(super) fn roster(bytes: &[u8], each: &mut dyn FnMut(Entry)) {
    let entered = bytes.chunks_exact(8).zip(0_u32..).filter(|(word, _)| word.iter().any(|byte| *byte != 0));
    let numbers: Vec<String> = entered.map(|(_, number)| format!("{number:03}")).collect();
    each(Entry {
        kind: "journals",
        offset: 0,
        end: wide(bytes.len()),
        depth: 0,
        fields: vec![("entered", Value::Text(numbers.join(" ")))],
        problem: None,
    });
}

pub(super) fn unknown(bytes: &[u8], each: &mut dyn FnMut(Entry)) {
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    each(Entry {
        kind: "unknown",
        offset: 0,
        end: wide(bytes.len()),
        depth: 0,
        fields: vec![("begins", Value::Bytes(shown.to_vec()))],
        problem: Some("its name is not one of a store's files".to_owned()),
    });
}
