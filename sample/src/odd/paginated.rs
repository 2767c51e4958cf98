//! The format of autumn 2026: lines with ordinals and metadata, items reported when complete, a thread in several files
//! of which the later ones begin inside an earlier one.

use super::{OddFile, sound};
use crate::clock;
use crate::json::Json;
use crate::random::{Random, wide};

/// 5 October 2026, milliseconds since 1970.
const START_MS: u64 = 20_731 * 86_400_000;

/// The two files of a paginated thread: the second goes on inside the first, as after an edit of an earlier turn.
pub(super) fn segments(seed: u64) -> [OddFile; 2] {
    let thread = id(seed, 0);
    let first_bytes = segment(&thread, None, 0, &items(seed, 0, 1, 9));
    let kept = first_bytes.split_inclusive(|&byte| byte == b'\n').take(6);
    let base = Base { rollout: thread.clone(), ordinal: 6, bytes: kept.map(|line| wide(line.len())).sum() };
    let rollout = id(seed, 1);
    let second_bytes = segment(&thread, Some(&base), 6, &items(seed, 1, 7, 9));
    [
        file("paginated", &thread, None, first_bytes),
        file("paginated, second segment", &thread, Some(&rollout), second_bytes),
    ]
}

/// Two lines bear the same ordinal.
pub(super) fn duplicate_ordinals(seed: u64) -> OddFile {
    let thread = id(seed, 2);
    let mut lines = items(seed, 2, 1, 5);
    lines.extend(items(seed, 2, 4, 4));
    file("duplicate ordinals", &thread, None, segment(&thread, None, 0, &lines))
}

/// Ordinals jump, and two lines have none.
pub(super) fn missing_ordinals(seed: u64) -> OddFile {
    let thread = id(seed, 3);
    let mut lines = items(seed, 3, 1, 3);
    lines.extend(items(seed, 3, 40, 3));
    for line in lines.iter_mut().skip(1).step_by(3) {
        let ordinal = line.find(",\"ordinal\":").zip(line.find(",\"type\":"));
        if let Some((from, to)) = ordinal {
            line.replace_range(from..to, "");
        }
    }
    file("missing ordinals", &thread, None, segment(&thread, None, 0, &lines))
}

/// Where a segment begins inside another.
struct Base {
    rollout: String,
    ordinal: u64,
    bytes: u64,
}

fn id(seed: u64, number: u64) -> String {
    let mut bytes = [0_u8; 10];
    Random::new(seed, &[12, number]).fill(&mut bytes);
    uuid::Builder::from_unix_timestamp_millis(START_MS + number * 7_000, &bytes).into_uuid().to_string()
}

fn file(name: &'static str, thread: &str, rollout: Option<&str>, bytes: Vec<u8>) -> OddFile {
    let (folder, time) = clock::file_time(START_MS, 120);
    let suffix = rollout.map(|rollout| format!("_{rollout}")).unwrap_or_default();
    let sound_lines = sound(&bytes);
    OddFile {
        name,
        relative_path: format!("sessions/{folder}/rollout-{time}-{thread}{suffix}.jsonl"),
        bytes,
        sound_lines,
    }
}

/// A session line and what follows it.
fn segment(thread: &str, base: Option<&Base>, ordinal: u64, items: &[String]) -> Vec<u8> {
    let mut bytes = line(ordinal, "session_meta", |json| {
        json.text("id", thread);
        json.text("timestamp", &clock::stamped(START_MS));
        json.text("cwd", "/home/dev/paged");
        json.text("originator", "codex-tui");
        json.text("cli_version", "0.159.0");
        json.text("source", "cli");
        json.text("history_mode", "paginated");
        if let Some(base) = base {
            json.object("history_base", |json| {
                json.text("thread_id", &base.rollout);
                json.number("end_ordinal_exclusive", base.ordinal);
                json.number("end_byte_offset", base.bytes);
            });
        }
        json.text("model_provider", "openai");
    })
    .into_bytes();
    items.iter().for_each(|item| bytes.extend_from_slice(item.as_bytes()));
    bytes
}

/// `count` lines from ordinal `first` on.
fn items(seed: u64, number: u64, first: u64, count: u64) -> Vec<String> {
    (first..first + count)
        .map(|ordinal| {
            let text = format!("Step {ordinal} of the paged thread {number}, seed {seed}.");
            match ordinal % 4 {
                1 => response(ordinal, &text),
                2 => completed(ordinal, "UserMessage", &text),
                3 => line(ordinal, "token_usage_record", |json| json.number("total_tokens", ordinal * 900)),
                _ => completed(ordinal, "AgentMessage", &text),
            }
        })
        .collect()
}

/// A message with the metadata that stands beside its payload.
fn response(ordinal: u64, text: &str) -> String {
    let mut line = line(ordinal, "response_item", |json| crate::thread::message(json, "user", text));
    let end = line.trim_end().len().saturating_sub(1);
    line.insert_str(end, &format!(",\"metadata\":{{\"client_authored\":false,\"user_input_order\":{ordinal}}}"));
    line
}

fn completed(ordinal: u64, kind: &str, text: &str) -> String {
    line(ordinal, "event_msg", |json| {
        json.text("type", "item_completed");
        json.object("item", |json| {
            json.text("type", kind);
            json.text("text", text);
        });
    })
}

fn line(ordinal: u64, kind: &str, payload: impl FnOnce(&mut Json)) -> String {
    let mut json = Json::default();
    json.element(|json| {
        json.text("timestamp", &clock::stamped(START_MS + ordinal * 800));
        json.number("ordinal", ordinal);
        json.text("type", kind);
        json.object("payload", payload);
    });
    json.verbatim("\n");
    json.as_str().to_owned()
}
