//! Each odd file has its oddity, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::HashSet;

use serde_json::Value;
use threadlog_sample::odd::{self, OddFile};

fn all() -> Vec<OddFile> {
    odd::all(4)
}

fn get(name: &str) -> OddFile {
    all().into_iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn objects(file: &OddFile) -> Vec<Value> {
    file.bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[test]
fn names_and_paths_are_distinct() {
    let files = all();
    assert_eq!(files.len(), 22);
    let names: HashSet<&str> = files.iter().map(|file| file.name).collect();
    let paths: HashSet<&str> = files.iter().map(|file| file.relative_path.as_str()).collect();
    assert_eq!((names.len(), paths.len()), (22, 22));
    assert!(paths.iter().all(|path| path.contains("sessions/") && path.ends_with(".jsonl")));
}

#[test]
fn sound_lines_are_counted() {
    let counted: Vec<(&str, u64)> = all().iter().map(|file| (file.name, file.sound_lines)).collect();
    let wanted = [
        ("no envelope", 16),
        ("half last line", 15),
        ("open last line", 16),
        ("glued lines", 12),
        ("zeros in the middle", 15),
        ("zeros at the end", 16),
        ("byte order mark", 15),
        ("carriage returns", 16),
        ("invalid utf-8", 13),
        ("blank lines", 16),
        ("empty", 0),
        ("no session meta", 15),
        ("not json", 17),
        ("other spelling", 23),
        ("duplicate keys", 18),
        ("unknown kind", 20),
        ("time backwards", 17),
        ("huge line", 17),
        ("duplicate ordinals", 10),
        ("missing ordinals", 7),
        ("paginated", 10),
        ("paginated, second segment", 10),
    ];
    assert_eq!(counted, wanted);
}

#[test]
fn bytes_are_as_odd_as_named() {
    let half = get("half last line");
    assert!(!half.bytes.ends_with(b"\n") && !half.bytes.ends_with(b"}"));
    let open = get("open last line");
    assert!(open.bytes.ends_with(b"}}"));
    assert_eq!([half.bytes, open.bytes].concat().iter().filter(|&&byte| byte == 0).count(), 0);
    let middle = get("zeros in the middle").bytes;
    assert_eq!(middle.iter().filter(|&&byte| byte == 0).count(), 4096);
    assert!(middle.ends_with(b"}\n"));
    assert!(get("zeros at the end").bytes.ends_with(&[0; 4096]));
    assert!(get("byte order mark").bytes.starts_with(b"\xef\xbb\xbf{"));
    let returns = get("carriage returns").bytes;
    assert!(returns.split_inclusive(|&byte| byte == b'\n').all(|line| line.ends_with(b"}\r\n")));
    let broken = get("invalid utf-8").bytes;
    let faulty = broken.split(|&byte| byte == b'\n').filter(|line| str::from_utf8(line).is_err()).count();
    assert_eq!(faulty, 3);
    assert!(get("blank lines").bytes.windows(2).any(|pair| pair == b"\n\n"));
    assert!(get("glued lines").bytes.windows(3).any(|three| three == b"}{\""));
    assert!(get("empty").bytes.is_empty());
}

#[test]
fn lines_are_as_odd_as_named() {
    assert!(objects(&get("no session meta")).iter().all(|line| line["type"] != "session_meta"));
    assert!(objects(&get("no envelope")).iter().all(|line| line.get("payload").is_none()));
    assert!(objects(&get("unknown kind")).iter().any(|line| line["type"] == "dream"));
    let times: Vec<Value> = objects(&get("time backwards")).into_iter().map(|line| line["timestamp"].clone()).collect();
    assert!(!times.iter().map(|time| time.as_str().unwrap()).is_sorted());
}

#[test]
fn a_huge_line_is_as_huge_as_asked() {
    for bytes in [200, 70_000, 3 << 20] {
        let file = odd::huge_line(4, bytes);
        let longest = file.bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.len() == bytes).count();
        assert_eq!(longest, 1, "{bytes}");
    }
}

#[test]
fn ordinals_are_as_named() {
    let ordinals =
        |name: &str| -> Vec<Option<u64>> { objects(&get(name)).iter().map(|line| line["ordinal"].as_u64()).collect() };
    let some = |numbers: std::ops::RangeInclusive<u64>| numbers.map(Some).collect::<Vec<_>>();
    assert_eq!(ordinals("paginated"), some(0..=9));
    assert_eq!(ordinals("paginated, second segment"), [some(6..=6), some(7..=15)].concat());
    assert_eq!(ordinals("duplicate ordinals"), [some(0..=5), some(4..=7)].concat());
    assert_eq!(ordinals("missing ordinals"), [Some(0), Some(1), None, Some(3), Some(40), None, Some(42)]);
}

#[test]
fn a_segment_begins_inside_another() {
    let (first, second) = (get("paginated"), get("paginated, second segment"));
    let (head, tail) = (objects(&first), objects(&second));
    assert_eq!(head[0]["payload"]["id"], tail[0]["payload"]["id"]);
    assert!(second.relative_path.contains(&format!("{}_", head[0]["payload"]["id"].as_str().unwrap())));
    let base = &tail[0]["payload"]["history_base"];
    assert_eq!(base["thread_id"], head[0]["payload"]["id"]);
    let end = base["end_byte_offset"].as_u64().unwrap() as usize;
    assert_eq!(first.bytes[end - 1], b'\n');
    let last: Value =
        serde_json::from_slice(first.bytes[..end - 1].rsplit(|&byte| byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(last["ordinal"].as_u64().map(|ordinal| ordinal + 1), base["end_ordinal_exclusive"].as_u64());
    assert!(head.iter().any(|line| line["metadata"]["user_input_order"].is_u64()));
}
