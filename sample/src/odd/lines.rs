//! Files with odd lines, each line's bytes being sound UTF-8.

use super::{Base, OddFile};

/// The first line is gone.
pub(super) fn no_session_meta(seed: u64) -> OddFile {
    Base::new(seed).file("no session meta", |lines| lines.into_iter().skip(1).collect::<Vec<_>>().concat())
}

/// Lines that are no JSON, or no object.
pub(super) fn not_json(seed: u64) -> OddFile {
    with(
        seed,
        "not json",
        &["panicked while writing the next line", "42", "[1,2,3]", "null", "\"text\"", "{\"timestamp\":", "{}"],
    )
}

/// JSON that another program would have spelled otherwise: spaces, escapes that need not be, numbers in odd forms.
pub(super) fn other_spelling(seed: u64) -> OddFile {
    with(
        seed,
        "other spelling",
        &[
            r#"{"timestamp": "2026-03-01T10:00:00.000Z", "type": "event_msg", "payload": {"type": "agent_message", "message": "ok"}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"agent_message","message":"caf\u00e9 \/ \u2192"}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"agent_message","message":"\ud800"}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"token_count","info":1e3,"rate_limits":-0.0}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"token_count","info":18446744073709551616}}"#,
            r#"{"payload":{"type":"agent_message","message":"ok"},"type":"event_msg","timestamp":"2026-03-01T10:00:00.000Z"}"#,
            r#"{"timestamp":"2026-03-01 10:00:00","type":"event_msg","payload":{"type":"agent_message","message":"ok"}}"#,
        ],
    )
}

/// Objects that name a member twice.
pub(super) fn duplicate_keys(seed: u64) -> OddFile {
    with(
        seed,
        "duplicate keys",
        &[
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","type":"response_item","payload":{"type":"agent_message","message":"ok"}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"agent_message","message":"one","message":"two"}}"#,
        ],
    )
}

/// Kinds and members that no version has yet.
pub(super) fn unknown_kind(seed: u64) -> OddFile {
    with(
        seed,
        "unknown kind",
        &[
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"dream","payload":{"depth":3,"scenes":["a","b"]}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"mood_changed","mood":null}}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"response_item","payload":"a text, not an object"}"#,
            r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"event_msg","payload":{"type":"agent_message","message":"ok"},"shade":"green"}"#,
        ],
    )
}

/// A line is older than the one before it.
pub(super) fn time_backwards(seed: u64) -> OddFile {
    with(
        seed,
        "time backwards",
        &[
            r#"{"timestamp":"2019-12-31T23:59:59.999Z","type":"event_msg","payload":{"type":"agent_message","message":"early"}}"#,
        ],
    )
}

/// One line of exactly `bytes` bytes.
pub(super) fn huge_line(seed: u64, bytes: usize) -> OddFile {
    const HEAD: &str = r#"{"timestamp":"2026-03-01T10:00:00.000Z","type":"response_item","payload":{"type":"function_call_output","call_id":"call_huge","output":""#;
    const TAIL: &str = "\"}}\n";
    let room = bytes.saturating_sub(HEAD.len() + TAIL.len());
    let mut line = HEAD.as_bytes().to_vec();
    line.extend(b"0123456789abcdef ".iter().cycle().take(room));
    line.extend_from_slice(TAIL.as_bytes());
    Base::new(seed).file("huge line", |mut lines| {
        lines.insert(lines.len() / 2, line);
        lines.concat()
    })
}

/// A sound thread with `odd` lines among its own.
fn with(seed: u64, name: &'static str, odd: &[&str]) -> OddFile {
    Base::new(seed).file(name, |lines| {
        let mut odd = odd.iter();
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend(line);
            if let Some(odd) = odd.next() {
                bytes.extend_from_slice(odd.as_bytes());
                bytes.push(b'\n');
            }
        }
        bytes
    })
}
