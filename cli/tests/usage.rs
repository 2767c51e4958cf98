//! Tokens by day, model, project and thread, each counted once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Machine, field, of_type};
use serde_json::{Value, json};

const A: &str = "019c1a2b-0000-7000-8000-00000000000a";
const B: &str = "019c1a2b-0000-7000-8000-00000000000b";
const C: &str = "019c1a2b-0000-7000-8000-00000000000c";
const D: &str = "019c1a2b-0000-7000-8000-00000000000d";
/// Never imported.
const Z: &str = "019c1a2b-0000-7000-8000-0000000000ff";

fn line(day: u32, kind: &str, payload: &Value) -> String {
    format!("{{\"timestamp\":\"2026-01-{day:02}T12:00:00.000Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
}

fn meta(day: u32, id: &str, cwd: &str, forked_from: Option<&str>) -> String {
    let mut payload = json!({"id": id, "timestamp": format!("2026-01-{day:02}T12:00:00.000Z"), "cwd": cwd});
    if let Some(source) = forked_from {
        payload["forked_from_id"] = json!(source);
    }
    line(day, "session_meta", &payload)
}

fn model(day: u32, model: &str) -> String {
    line(day, "turn_context", &json!({"cwd": "/w", "model": model}))
}

/// All tokens so far; a tenth of them is output.
fn count(day: u32, total: u64) -> String {
    let usage = json!({"total_tokens": total, "input_tokens": total - total / 10, "cached_input_tokens": total / 2,
        "output_tokens": total / 10, "reasoning_output_tokens": 0});
    line(day, "event_msg", &json!({"type": "token_count", "info": {"total_token_usage": usage}}))
}

/// What was said, long enough to be worth a reference.
fn words(day: u32) -> String {
    line(day, "event_msg", &json!({"type": "user_message", "message": "on ".repeat(500)}))
}

fn put(machine: &Machine, id: &str, lines: &[String]) {
    fs::create_dir_all(machine.path("files")).unwrap();
    fs::write(machine.path(&format!("files/rollout-2026-01-01T12-00-00-{id}.jsonl")), lines.concat()).unwrap();
}

/// A thread, a fork of it with a copy of its lines, and two forks of a thread that is not there.
fn with_forks() -> Machine {
    let machine = Machine::new();
    let source = [
        meta(10, A, "/w", None),
        model(10, "one"),
        words(10),
        count(10, 100),
        count(10, 100),
        model(11, "two"),
        count(11, 150),
    ];
    put(&machine, A, &source);
    put(&machine, B, &[&[meta(12, B, "/x", Some(A))], &source[..], &[count(12, 180)]].concat());
    let lost = [meta(5, Z, "/z", None), words(5), model(5, "one"), count(5, 70)];
    put(&machine, C, &[&[meta(6, C, "/z", Some(Z))], &lost[..], &[count(6, 90)]].concat());
    put(&machine, D, &[&[meta(7, D, "/z", Some(Z))], &lost[..], &[model(7, "two"), count(7, 75)]].concat());
    machine.run(&["import", "files"]).must_be(0);
    machine
}

/// Sums by their names, and the sum of all.
fn used(machine: &Machine, arguments: &[&str]) -> (BTreeMap<String, u64>, u64) {
    let (code, records) = machine.json(&[&["usage"], arguments].concat());
    assert_eq!(code, 0, "{records:?}");
    let name = |row: &Value| {
        let parts = ["day", "model", "project", "id"].map(|name| row[name].as_str().unwrap_or("").to_owned());
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let rows: BTreeMap<String, u64> =
        of_type(&records, "usage").iter().map(|row| (name(row), row["total"].as_u64().unwrap())).collect();
    let all = records.last().unwrap()["total"].as_u64().unwrap();
    assert_eq!(rows.values().sum::<u64>(), all, "{arguments:?}");
    (rows, all)
}

fn rows(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
    rows.iter().map(|(name, total)| ((*name).to_owned(), *total)).collect()
}

#[test]
fn tokens_are_summed_by_what_was_asked_for_and_copies_of_a_history_add_nothing() {
    let machine = with_forks();
    let (_, list) = machine.json(&["list"]);
    let inherited = |id: &str| {
        of_type(&list, "thread").iter().find(|thread| field(thread, "id") == id).unwrap()["inherited"].clone()
    };
    assert_eq!(
        (inherited(B), inherited(C)),
        (json!(7), Value::Null),
        "one refers to its source, the other holds a copy"
    );
    machine.run(&["fork", A]).must_be(0);
    let days = [("2026-01-05", 70), ("2026-01-06", 20), ("2026-01-07", 5), ("2026-01-10", 100), ("2026-01-11", 50)];
    let mut by_day = rows(&days);
    by_day.insert("2026-01-12".to_owned(), 30);
    assert_eq!(used(&machine, &[]), (by_day.clone(), 275), "by day unless told otherwise");
    assert_eq!(used(&machine, &["--by", "day"]).0, by_day);
    assert_eq!(used(&machine, &["--by", "model"]).0, rows(&[("one", 190), ("two", 85)]));
    assert_eq!(used(&machine, &["--by", "project"]).0, rows(&[("/w", 150), ("/x", 30), ("/z", 95)]));
    assert_eq!(used(&machine, &["--by", "thread"]).0, rows(&[(A, 150), (B, 30), (C, 90), (D, 5)]));
    let both = rows(&[("one /w", 100), ("two /w", 50), ("two /x", 30), ("one /z", 90), ("two /z", 5)]);
    assert_eq!(used(&machine, &["--by", "model,project"]).0, both);
    assert_eq!(used(&machine, &["--since", "2026-01-07", "--until", "2026-01-11"]), (rows(&[days[2], days[3]]), 105));
    let (_, records) = machine.json(&["usage", "--by", "thread", "--since", "2026-01-11", "--until", "2026-01-12"]);
    let wanted = json!({"type": "usage", "id": A, "total": 50, "input": 45, "cached_input": 25, "output": 5, "reasoning_output": 0});
    assert_eq!(*of_type(&records, "usage")[0], wanted);
    let said = machine.run(&["usage", "--by", "project"]).must_be(0).stdout.clone();
    assert!(said.contains("275 tokens in 4 threads"), "{said}");
}

#[test]
fn what_a_deleted_source_used_is_gone_and_its_forks_count_what_is_theirs() {
    let machine = with_forks();
    machine.run(&["archive", C]).must_be(0);
    assert_eq!(used(&machine, &[]).1, 275, "archived or not");
    machine.run(&["rm", A, "--yes"]).must_be(0);
    assert_eq!(used(&machine, &["--by", "thread"]).0, rows(&[(B, 30), (C, 90), (D, 5)]));
    machine.run(&["rm", C, "--yes"]).must_be(0);
    assert_eq!(
        used(&machine, &["--by", "thread"]).0,
        rows(&[(B, 30), (D, 75)]),
        "the first copy that is left counts it"
    );
    machine.run(&["usage", "--by", "hour"]).must_be(2);
    machine.run(&["usage", "--since", "now"]).must_be(2).must_say("give a day as 2026-01-31");
}
