//! What holds inside a thread, and between threads, whatever the seed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;
use threadlog_sample::{Plan, SampleFile};

struct Thread {
    file: SampleFile,
    bytes: Vec<u8>,
    lines: Vec<Value>,
}

impl Thread {
    fn meta(&self) -> &Value {
        &self.lines[0]["payload"]
    }

    fn items(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().map(|line| &line["payload"]).filter(move |payload| payload["type"] == kind)
    }
}

/// Threads of all eras, enough for forks and children.
fn threads() -> &'static [Thread] {
    static THREADS: OnceLock<Vec<Thread>> = OnceLock::new();
    THREADS.get_or_init(|| {
        let plan = Plan { threads: 240, items: 90, seed: 3, legacy_percent: 10, ..Plan::default() };
        plan.files()
            .map(|file| {
                let mut bytes = Vec::new();
                let totals = file.write_to(&mut bytes).unwrap();
                let lines: Vec<Value> = bytes
                    .split_inclusive(|&byte| byte == b'\n')
                    .map(|line| serde_json::from_slice(line).unwrap())
                    .collect();
                assert_eq!((totals.lines, totals.bytes), (lines.len() as u64, bytes.len() as u64));
                Thread { file, bytes, lines }
            })
            .collect()
    })
}

fn enveloped() -> impl Iterator<Item = &'static Thread> {
    threads().iter().filter(|thread| !thread.file.is_legacy())
}

#[test]
fn a_plan_gets_the_lines_it_asks_for() {
    let lines: usize = threads().iter().map(|thread| thread.lines.len()).sum();
    assert!(lines.abs_diff(240 * 90) <= 240, "{lines}");
    for items in [1, 7, 500] {
        let plan = Plan { threads: 1, items, ..Plan::default() };
        let totals = plan.files().next().unwrap().write_to(&mut std::io::sink()).unwrap();
        assert_eq!(totals.lines, u64::from(items));
    }
    assert_eq!(Plan { threads: 0, ..Plan::default() }.files().count(), 0);
}

#[test]
fn names_tell_the_thread_and_its_time() {
    let mut paths = HashSet::new();
    for thread in threads() {
        let path = &thread.file.relative_path;
        assert!(paths.insert(path.clone()), "{path} twice");
        let name = path.rsplit('/').next().unwrap();
        let id = thread.file.thread.to_string();
        assert!(name.starts_with("rollout-202") && name.ends_with(&format!("-{id}.jsonl")), "{name}");
        match path.strip_suffix(name).unwrap() {
            "archived_sessions/" => {}
            folder => assert_eq!(folder, format!("sessions/{}/", name["rollout-".len()..][..10].replace('-', "/"))),
        }
        let meta = if thread.file.is_legacy() { &thread.lines[0] } else { thread.meta() };
        assert_eq!(meta["id"], id.as_str());
    }
    assert!(paths.iter().any(|path| path.starts_with("archived_sessions/")));
}

#[test]
fn every_line_is_spelled_as_codex_spells_it() {
    for thread in enveloped() {
        for (line, value) in thread.bytes.split(|&byte| byte == b'\n').zip(&thread.lines) {
            let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
            assert_eq!(keys.len(), 3, "{keys:?}");
            assert!(line.starts_with(b"{\"timestamp\":\"20"));
            // serde_json keeps no order of keys here, so only sizes can be compared.
            assert_eq!(serde_json::to_string(value).unwrap().len(), line.len());
        }
    }
}

#[test]
fn the_old_format_has_no_envelope() {
    let old: Vec<&Thread> = threads().iter().filter(|thread| thread.file.is_legacy()).collect();
    assert_eq!(old.len(), 24);
    for thread in old {
        assert!(thread.lines.iter().all(|line| line.get("payload").is_none()));
        assert!(thread.lines[0].get("type").is_none());
        for line in &thread.lines[1..] {
            assert!(line["type"].is_string() || line["record_type"] == "state");
        }
    }
}

#[test]
fn outputs_answer_calls() {
    for thread in enveloped() {
        let mut open = HashMap::new();
        for line in &thread.lines {
            let payload = &line["payload"];
            let id = payload["call_id"].as_str().unwrap_or_default();
            match payload["type"].as_str() {
                Some("function_call") => {
                    serde_json::from_str::<Value>(payload["arguments"].as_str().unwrap()).unwrap();
                    assert!(open.insert(id, "function_call_output").is_none());
                }
                Some("custom_tool_call") => assert!(open.insert(id, "custom_tool_call_output").is_none()),
                Some(kind @ ("function_call_output" | "custom_tool_call_output")) => {
                    assert_eq!(open.remove(id), Some(kind));
                    let output = &payload["output"];
                    assert!(output.is_string() || output.is_array());
                }
                _ => {}
            }
        }
        // Calls without an output can only be those that a file's end cut off.
        assert!(open.len() <= 3, "{} open calls in {}", open.len(), thread.file.relative_path);
    }
}

#[test]
fn time_and_tokens_grow() {
    for thread in enveloped() {
        let times: Vec<&str> = thread.lines.iter().map(|line| line["timestamp"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{}", thread.file.relative_path);
        if thread.meta()["forked_from_id"].is_string() {
            continue;
        }
        let totals: Vec<u64> = thread
            .items("token_count")
            .filter_map(|count| count["info"]["total_token_usage"]["total_tokens"].as_u64())
            .collect();
        assert!(totals.is_sorted());
        assert!(thread.items("token_count").all(|count| count["rate_limits"]["primary"]["used_percent"].is_f64()));
    }
}

#[test]
fn what_is_said_stands_there_twice() {
    for thread in enveloped() {
        let said: Vec<&Value> = thread.items("message").map(|message| &message["content"][0]["text"]).collect();
        for event in thread.items("user_message") {
            assert!(said.contains(&&event["message"]));
        }
        for event in thread.items("task_complete") {
            assert!(said.contains(&&event["last_agent_message"]));
        }
    }
}

#[test]
fn turns_start_and_end() {
    let mut ended = 0;
    for thread in enveloped() {
        let mut open = None;
        for line in &thread.lines {
            let payload = &line["payload"];
            match payload["type"].as_str() {
                Some("task_started") => open = payload["turn_id"].as_str(),
                Some("task_complete") => {
                    assert_eq!(open.take(), payload["turn_id"].as_str());
                    ended += 1;
                }
                _ if line["type"] == "turn_context" && open.is_some() => assert_eq!(open, payload["turn_id"].as_str()),
                _ => {}
            }
        }
    }
    assert!(ended > 200, "{ended}");
}

#[test]
fn forks_begin_with_a_copy() {
    let by_id: HashMap<&str, &Thread> =
        enveloped().map(|thread| (thread.meta()["id"].as_str().unwrap(), thread)).collect();
    let mut forks = 0;
    for thread in enveloped() {
        let Some(source) = thread.meta()["forked_from_id"].as_str() else { continue };
        let source = by_id[source];
        forks += 1;
        let copied =
            thread.lines[1..].iter().zip(&source.lines).take_while(|(copy, line)| copy["payload"] == line["payload"]);
        let copied = copied.count();
        assert!(
            copied > 0 && copied * 10 >= source.lines.len().min(thread.lines.len()) * 3,
            "{copied} of {}",
            source.lines.len()
        );
        assert_eq!(thread.lines[1]["payload"]["id"], source.meta()["id"]);
        assert!(thread.lines[1]["timestamp"].as_str() > source.lines[0]["timestamp"].as_str());
    }
    assert!(forks > 0);
}

#[test]
fn children_name_their_parents() {
    let starts: HashMap<&str, &str> = enveloped()
        .map(|thread| (thread.meta()["id"].as_str().unwrap(), thread.meta()["timestamp"].as_str().unwrap()))
        .collect();
    let spawned: HashSet<String> = enveloped()
        .flat_map(|thread| thread.items("function_call_output"))
        .filter_map(|output| {
            serde_json::from_str::<Value>(output["output"].as_str()?).ok()?["agent_id"].as_str().map(str::to_owned)
        })
        .collect();
    let mut children = HashSet::new();
    for thread in enveloped() {
        let spawn = &thread.meta()["source"]["subagent"]["thread_spawn"];
        if let Some(parent) = spawn["parent_thread_id"].as_str() {
            assert!(starts[parent] < thread.meta()["timestamp"].as_str().unwrap());
            assert_eq!(spawn["depth"], 1);
            children.insert(thread.meta()["id"].as_str().unwrap().to_owned());
        }
    }
    assert!(children.len() > 3, "{}", children.len());
    assert!(spawned.is_subset(&children) && !spawned.is_empty());
}
