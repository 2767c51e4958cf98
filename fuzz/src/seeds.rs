//! Small valid inputs to start from, made by the writers' own code. `cargo run --example seeds` writes them anew.

use threadlog::ThreadId;
use threadlog::event::{Control, Created, Origin};
use threadlog::metadata::{MetadataPatch, ThreadMetadata};
use threadlog_engine::format::large::{LargeHeader, LargeName, LargeReference};
use threadlog_engine::format::mark::MarkSlot;
use threadlog_engine::format::segment::EpochStart;
use threadlog_engine::format::store_file::FormatFile;
use threadlog_engine::recover::image::{Image, STORE};
use threadlog_engine::{Epoch, Sequence};
use threadlog_tests::proof::content::mix;

/// Target, name and content of each seed.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    let segment = segment();
    seeds.push(("groups", "as-written", [&[0], segment.as_slice()].concat()));
    seeds.push(("groups", "mended", [&[1], segment.as_slice()].concat()));
    seeds.push(("groups", "cut", [&[0], &segment[..segment.len() - 4000]].concat()));
    seeds.push(("segments", "one-group", vec![1, 0, 9, 6, 0, 0, 0]));
    seeds.push(("segments", "rollover", vec![0, 0, 200, 6, 0, 0, 1, 1, 3, 5, 0, 0, 4, 0, 0, 0]));
    seeds.push(("segments", "torn", vec![0, 0, 200, 6, 1, 255, 3, 0, 0, 0, 0, 3, 0, 36, 0]));
    seeds.push((
        "segments",
        "lost-segment",
        vec![1, 0, 1, 6, 0, 0, 1, 0, 1, 6, 0, 0, 1, 0, 1, 6, 0, 0, 0, 1, 4, 0, 0, 0],
    ));
    seeds.push(("segments", "flip-below-limit", vec![11, 0, 50, 6, 0, 50, 6, 0, 50, 6, 0, 0, 0, 0, 0, 80, 48, 0]));
    structures(&mut seeds, &segment);
    records(&mut seeds);
    for (name, number) in [("short", 40), ("middle", 200), ("long", 600)] {
        // Any bytes are steps.
        seeds.push(("operations", name, (0..number).map(|at| mix(number, at).to_le_bytes()[0]).collect()));
    }
    crate::sealed_seeds::add(&mut seeds);
    let entries = crate::bundle::seed();
    seeds.push(("bundle", "as-written", [&[0], crate::bundle::around(&entries).as_slice()].concat()));
    seeds.push(("bundle", "entries", [&[1], entries.as_slice()].concat()));
    seeds.push(("catalog", "entries", [&[1], crate::catalog::seed().as_slice()].concat()));
    for (name, line) in LINES {
        seeds.push(("lines", name, line.as_bytes().to_vec()));
    }
    seeds
}

fn records(seeds: &mut Vec<(&'static str, &'static str, Vec<u8>)>) {
    let mut control = |name, control: Control| {
        let mut bytes = Vec::new();
        control.encode(&mut bytes);
        seeds.push(("records", name, bytes));
    };
    let created = Created { at_ms: 1_700_000_000_000, id_text: None, rollout: None, origin: Origin::Native };
    control("created", Control::Created(created));
    let patch: MetadataPatch = serde_json::from_str(PATCH).expect("a patch");
    control("patched", Control::Patched(Box::new(patch)));
    control("archived", Control::Archived);
    seeds.push(("records", "state", ThreadMetadata::new(ThreadId::from_path(b"seed")).to_canonical_bytes()));
    seeds.push(("records", "patch", PATCH.as_bytes().to_vec()));
    seeds.push(("records", "cursor", format!("1ub{:016x}{:032x}", 1_700_000_000_000_u64, 7).into_bytes()));
    seeds.push(("records", "thread-id", b"0193b7a0-0000-7000-8000-000000000001".to_vec()));
    let name = b"rollout-2025-11-03T10-00-00-0193b7a0-0000-7000-8000-000000000001.jsonl";
    seeds.push(("records", "file-name", name.to_vec()));
}

const PATCH: &str = r#"{"name":"n","model":null,"tags":{"a":true,"b":false},"pinned":true,"git":{"branch":"main"}}"#;

fn segment() -> Vec<u8> {
    let mut image = Image::new(4096);
    image.start_epoch(EpochStart { start_sequence: Sequence(1), recovered_upto: Sequence(0), start_checksum: 0 });
    image.synced_group(&[(b'a', b"first"), (b'b', b"")]);
    image.group(&[(b'a', &[7; 4200])]);
    image.room(4096);
    image.segments.remove(0).1
}

fn structures(seeds: &mut Vec<(&'static str, &'static str, Vec<u8>)>, segment: &[u8]) {
    let with_mode = |mode: u8, bytes: &[u8]| [&[mode], bytes].concat();
    let id = [5; 16];
    let large = LargeHeader { payload_checksum: 1, payload_bytes: 2 << 20, id, store: STORE };
    let reference = LargeReference { id, payload_bytes: 2 << 20, payload_checksum: 1 };
    let slot = MarkSlot { epoch: Epoch(3), durable: Sequence(42), boot: 7, closed: false };
    let page: Vec<u8> = slot.to_words(&STORE).iter().flat_map(|word| word.to_le_bytes()).collect();
    seeds.push(("structures", "format-file", with_mode(1, &FormatFile::new(STORE, 1_700_000_000_000).encode())));
    seeds.push(("structures", "segment-header", with_mode(2, &segment[..112])));
    seeds.push(("structures", "large-header", with_mode(3, &large.encode())));
    seeds.push(("structures", "large-reference", with_mode(0, &reference.encode())));
    seeds.push(("structures", "mark", with_mode(0, &[STORE.as_slice(), &page].concat())));
    seeds.push(("structures", "large-name", with_mode(0, LargeName { journal: 0, id }.to_string().as_bytes())));
    seeds.push(("structures", "segment-name", with_mode(0, b"0000002a-0123456789abcdef.hot")));
}

const LINES: &[(&str, &str)] = &[
    (
        "meta",
        concat!(
            r#"{"timestamp":"2025-11-03T10:00:00.000Z","type":"session_meta","payload":{"id":"0193b7a0-0000-7000-8000-"#,
            r#"000000000001","cwd":"/tmp","originator":"codex_cli_rs","cli_version":"0.50.0","git":{"branch":"main"}}}"#,
            "\n"
        ),
    ),
    (
        "ordinal-and-metadata",
        concat!(
            r#"{"timestamp":"2025-11-03T10:00:01.250Z","ordinal":7,"type":"response_item","payload":{"type":"message","#,
            r#""role":"user","content":[{"type":"input_text","text":"caf\u00e9 \"x\""}]},"metadata":{"a":1}}"#,
            "\n"
        ),
    ),
    (
        "event",
        concat!(
            r#"{"timestamp":"2025-11-03T10:00:02.000Z","type":"event_msg","payload":{"type":"token_count","info":{"#,
            r#""total_token_usage":{"total_tokens":12}}}}"#,
            "\n"
        ),
    ),
    (
        "compacted",
        "{\"timestamp\":\"2025-11-03T10:00:03.000Z\",\"type\":\"compacted\",\"payload\":{\"message\":\"m\"}}\n",
    ),
    ("other-form", "{ \"type\": \"event_msg\", \"timestamp\": \"2025-11-03T10:00:02Z\", \"payload\": {} }\r\n"),
    ("half-line", "{\"timestamp\":\"2025-11-03T10:00:02.000Z\",\"type\":\"event_msg\",\"payl"),
    (
        "glued",
        concat!(
            r#"{"timestamp":"2025-11-03T10:00:02.000Z","type":"ev{"timestamp":"2025-11-03T10:00:02.000Z","type":"x","#,
            r#""payload":1}"#,
            "\n\0\0\n\u{feff}{}\n\n[1]\n"
        ),
    ),
];
