//! What is sealed: segments, dictionaries, MANIFEST. Blocks are listed, not decompressed: that may take a dictionary.

use std::sync::Arc;

use crate::dump::small::damaged;
use crate::dump::{Entry, Value};
use crate::number::{narrow, wide};
use crate::sealed::block_header::{BLOCK_HEADER_BYTES, BlockHeader, BlockKind, block_checksum};
use crate::sealed::dictionary::{DICTIONARY_HEADER_BYTES, Dictionary};
use crate::sealed::footer::{FOOTER_HEADER_BYTES, Footer};
use crate::sealed::header::{SEALED_HEADER_BYTES, SealedHeader, TRAILER_BYTES, Trailer};
use crate::sealed::manifest::{JournalBase, MANIFEST_HEADER_BYTES, Manifest, Tier};
use crate::sealed::rows::Input;
use crate::sealed::{DictionaryId, SealedId};

/// Hands on entries that stand side by side.
struct Rows<'a> {
    at: u64,
    each: &'a mut dyn FnMut(Entry),
}

impl Rows<'_> {
    fn push(&mut self, kind: &'static str, bytes: usize, fields: Vec<(&'static str, Value)>) {
        let end = self.at.saturating_add(wide(bytes));
        (self.each)(Entry { kind, offset: self.at, end, depth: 1, fields, problem: None });
        self.at = end;
    }
}

fn part(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    let range = narrow(from).ok().zip(narrow(to).ok());
    range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default()
}

fn tier(tier: Tier) -> Value {
    Value::Text(if tier == Tier::Archived { "archived" } else { "normal" }.to_owned())
}

fn dictionary_number(id: Option<DictionaryId>) -> Value {
    Value::Number(id.map_or(0, |id| id.0).into())
}

pub(super) fn segment(bytes: &[u8], named: Option<SealedId>, each: &mut dyn FnMut(Entry)) {
    let header = SealedHeader::decode(bytes);
    let id = named.or(header.as_ref().ok().map(|header| header.id)).unwrap_or(SealedId { number: 0, salt: 0 });
    match header {
        Ok(header) => each(header_entry(&header, id)),
        Err(fault) => each(damaged("sealed header", bytes, SEALED_HEADER_BYTES, &fault)),
    }
    let end = wide(bytes.len());
    let trailer_at = end.saturating_sub(wide(TRAILER_BYTES)).max(wide(SEALED_HEADER_BYTES));
    let trailer = Trailer::decode(part(bytes, trailer_at, end));
    let footer_at = trailer.as_ref().map_or(trailer_at, |trailer| trailer.footer_offset.min(trailer_at));
    blocks(bytes, id, footer_at, each);
    if let Ok(trailer) = &trailer {
        footer(part(bytes, footer_at, trailer_at), id, trailer, each);
    }
    match trailer {
        Ok(trailer) => each(Entry {
            kind: "trailer",
            offset: trailer_at,
            end,
            depth: 0,
            fields: vec![
                ("footer_offset", Value::Number(trailer.footer_offset)),
                ("footer_bytes", Value::Number(trailer.footer_bytes)),
                ("footer_checksum", Value::Checksum(trailer.footer_checksum)),
            ],
            problem: (trailer.id != id).then(|| "it is another segment's".to_owned()),
        }),
        Err(fault) => {
            let shown = damaged("trailer", part(bytes, trailer_at, end), TRAILER_BYTES, &fault);
            each(Entry { offset: trailer_at.min(end), end, ..shown });
        }
    }
}

fn header_entry(header: &SealedHeader, id: SealedId) -> Entry {
    Entry {
        kind: "sealed header",
        offset: 0,
        end: wide(SEALED_HEADER_BYTES),
        depth: 0,
        fields: vec![
            ("number", Value::Number(header.id.number)),
            ("salt", Value::Word(header.id.salt)),
            ("tier", tier(header.tier)),
            ("store", Value::Bytes(header.store.to_vec())),
            ("created_ms", Value::Number(header.created_ms)),
        ],
        problem: (header.id != id).then(|| "number and salt are not those of the file's name".to_owned()),
    }
}

fn blocks(bytes: &[u8], id: SealedId, end: u64, each: &mut dyn FnMut(Entry)) {
    let mut at = wide(SEALED_HEADER_BYTES);
    let mut index = 0;
    while at < end {
        let body = at.saturating_add(wide(BLOCK_HEADER_BYTES));
        let Some(header) = BlockHeader::decode(part(bytes, at, body), id.salt, at) else {
            let fields = vec![("bytes", Value::Number(end.saturating_sub(at)))];
            let problem = Some("no block begins here: what follows is not listed".to_owned());
            return each(Entry { kind: "gap", offset: at, end, depth: 0, fields, problem });
        };
        let behind = body.saturating_add(header.compressed_bytes.into());
        let sound = block_checksum(id.salt, at, part(bytes, body, behind)) == header.checksum;
        let kind = if header.kind == BlockKind::Records { "records" } else { "values" };
        each(Entry {
            kind: "block",
            offset: at,
            end: behind,
            depth: 0,
            fields: vec![
                ("block", Value::Number(index)),
                ("holds", Value::Text(kind.to_owned())),
                ("compressed_bytes", Value::Number(header.compressed_bytes.into())),
                ("raw_bytes", Value::Number(header.raw_bytes.into())),
                ("dictionary", dictionary_number(header.dictionary)),
                ("checksum", Value::Checksum(header.checksum)),
            ],
            problem: (!sound).then(|| "its checksum does not match".to_owned()),
        });
        at = behind;
        index = index.saturating_add(1);
    }
}

fn footer(bytes: &[u8], id: SealedId, trailer: &Trailer, each: &mut dyn FnMut(Entry)) {
    let offset = trailer.footer_offset;
    let footer = match Footer::decode(Arc::new(bytes.to_vec()), id) {
        Ok(footer) => footer,
        Err(fault) => {
            let shown = damaged("footer", bytes, FOOTER_HEADER_BYTES, &fault);
            let end = offset.saturating_add(shown.end);
            return each(Entry { offset, end, ..shown });
        }
    };
    let sound = block_checksum(id.salt, offset, bytes) == trailer.footer_checksum;
    let summary = footer.summary();
    let end = offset.saturating_add(wide(FOOTER_HEADER_BYTES));
    each(Entry {
        kind: "footer",
        offset,
        end,
        depth: 0,
        fields: vec![
            ("tier", tier(summary.tier)),
            ("records", Value::Number(summary.records)),
            ("payload_bytes", Value::Number(summary.payload_bytes)),
            ("streams", Value::Number(wide(footer.streams().len()))),
            ("blocks", Value::Number(footer.block_count().into())),
        ],
        problem: (!sound).then(|| "its checksum does not match".to_owned()),
    });
    rows(&footer, Rows { at: end, each });
}

fn rows(footer: &Footer, mut rows: Rows<'_>) {
    for row in footer.streams() {
        let fields = vec![
            ("stream", Value::Stream(row.stream)),
            ("next_ordinal", Value::Number(row.next_ordinal)),
            ("lease_epoch_max", Value::Number(row.lease_epoch_max)),
            ("payload_bytes", Value::Number(row.payload_bytes)),
            ("last_journal", Value::Number(row.last_journal.into())),
            ("extents", Value::Number(row.extent_count.into())),
        ];
        rows.push("stream", 64, fields);
    }
    for row in footer.all_extents() {
        let fields = vec![
            ("first_ordinal", Value::Number(row.first_ordinal)),
            ("count", Value::Number(row.count.into())),
            ("block", Value::Number(row.block.into())),
            ("index", Value::Number(row.index.into())),
            ("journal", Value::Number(row.journal.into())),
        ];
        rows.push("extent", 24, fields);
    }
    for index in 0..footer.block_count() {
        let mut fields = vec![("block", Value::Number(index.into()))];
        if let Some(row) = footer.block(index) {
            fields.push(("offset", Value::Number(row.offset)));
            fields.push(("checksum", Value::Checksum(row.header.checksum)));
        }
        rows.push("block row", 32, fields);
    }
    for row in footer.values() {
        let fields = vec![
            ("hash", Value::Bytes(row.hash.0.to_vec())),
            ("block", Value::Number(row.block.into())),
            ("offset", Value::Number(row.offset.into())),
            ("bytes", Value::Number(row.bytes.into())),
            ("used_here", Value::Flag(row.used_here)),
        ];
        rows.push("value", 32, fields);
    }
    for hash in footer.used() {
        rows.push("used value", 16, vec![("hash", Value::Bytes(hash.0.to_vec()))]);
    }
    for row in footer.conflicts() {
        let fields = vec![
            ("stream", Value::Stream(row.stream)),
            ("ordinal", Value::Number(row.ordinal)),
            ("lost_lease_epoch", Value::Number(row.lost_lease_epoch)),
        ];
        rows.push("conflict", 48, fields);
    }
    for input in footer.inputs() {
        rows.push("input", 48, input_fields(&input));
    }
    let singles = footer.singles().len();
    rows.push("singles", singles.saturating_mul(4), vec![("count", Value::Number(wide(singles)))]);
}

fn input_fields(input: &Input) -> Vec<(&'static str, Value)> {
    match *input {
        Input::Journal(base) => base_fields(&base),
        Input::Sealed(id) => vec![("replaces", Value::Text(id.to_string()))],
        Input::Part { edit, index, count } => vec![
            ("edit", Value::Word(edit)),
            ("index", Value::Number(index.into())),
            ("count", Value::Number(count.into())),
        ],
    }
}

fn base_fields(base: &JournalBase) -> Vec<(&'static str, Value)> {
    vec![
        ("journal", Value::Number(base.journal.into())),
        ("epoch", Value::Number(base.epoch.0)),
        ("upto", Value::Number(base.upto.0)),
        ("chain", Value::Checksum(base.chain)),
        ("chain_records", Value::Checksum(base.chain_records)),
        ("segments_upto", Value::Number(base.segments_upto)),
    ]
}

pub(super) fn manifest(bytes: &[u8], store: Option<&[u8; 16]>, each: &mut dyn FnMut(Entry)) {
    // Without the store's id, the one that the file names.
    let claimed = bytes.get(32..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    let manifest = match Manifest::decode(bytes, store.unwrap_or(&claimed)) {
        Ok(manifest) => manifest,
        Err(fault) => return each(damaged("manifest", bytes, MANIFEST_HEADER_BYTES, &fault)),
    };
    let end = wide(MANIFEST_HEADER_BYTES);
    each(Entry {
        kind: "manifest",
        offset: 0,
        end,
        depth: 0,
        fields: vec![
            ("generation", Value::Number(manifest.generation)),
            ("next_number", Value::Number(manifest.next_number)),
            ("store", Value::Bytes(store.unwrap_or(&claimed).to_vec())),
        ],
        problem: None,
    });
    let mut rows = Rows { at: end, each };
    manifest.journals.iter().for_each(|base| rows.push("journal", 40, base_fields(base)));
    for row in &manifest.segments {
        let fields = vec![
            ("file", Value::Text(row.id.to_string())),
            ("bytes", Value::Number(row.bytes)),
            ("footer_offset", Value::Number(row.footer_offset)),
            ("footer_checksum", Value::Checksum(row.footer_checksum)),
            ("tier", tier(row.tier)),
        ];
        rows.push("segment", 48, fields);
    }
    for row in &manifest.dictionaries {
        let fields = vec![
            ("file", Value::Text(row.id.to_string())),
            ("bytes", Value::Number(row.bytes.into())),
            ("checksum", Value::Checksum(row.checksum)),
        ];
        rows.push("dictionary", 16, fields);
    }
}

pub(super) fn dictionary(bytes: &[u8], id: DictionaryId, store: Option<&[u8; 16]>, each: &mut dyn FnMut(Entry)) {
    let claimed = bytes.get(16..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    match Dictionary::decode(bytes, id, store.unwrap_or(&claimed)) {
        Ok(dictionary) => each(Entry {
            kind: "dictionary",
            offset: 0,
            end: wide(bytes.len()),
            depth: 0,
            fields: vec![
                ("id", Value::Number(id.0.into())),
                ("raw_bytes", Value::Number(wide(dictionary.raw().len()))),
                ("raw_checksum", Value::Checksum(dictionary.checksum())),
            ],
            problem: dictionary.is_mended().then(|| "damaged; mended from its parity".to_owned()),
        }),
        Err(fault) => each(damaged("dictionary", bytes, DICTIONARY_HEADER_BYTES, &fault)),
    }
}
