//! Searching, and reading around what was found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;

use common::{Machine, Ran, field, of_type};
use serde_json::{Value, json};

const A: &str = "019c1a2b-0000-7000-8000-00000000000a";
const B: &str = "019c1a2b-0000-7000-8000-00000000000b";

fn said(role: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})
}

fn called(name: &str, arguments: &Value) -> Value {
    json!({"type": "function_call", "name": name, "arguments": arguments.to_string(), "call_id": "c"})
}

fn answered(text: &str) -> Value {
    json!({"type": "function_call_output", "call_id": "c", "output": text})
}

fn line(time: &str, kind: &str, payload: &Value) -> String {
    format!("{{\"timestamp\":\"{time}\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
}

/// Writes a rollout of these items behind its first line, a minute apart, from `day` of January 2026 on.
fn rollout(machine: &Machine, id: &str, day: u32, fields: &Value, items: &[Value]) {
    let at = |minute: usize| format!("2026-01-{day:02}T12:{minute:02}:00.000Z");
    let mut meta = json!({"id": id, "timestamp": at(0), "cwd": "/w"});
    meta.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut text = line(&at(0), "session_meta", &meta);
    for (number, item) in items.iter().enumerate() {
        text += &line(&at(number + 1), "response_item", item);
    }
    fs::create_dir_all(machine.path("files")).unwrap();
    fs::write(machine.path(&format!("files/rollout-2026-01-{day:02}T12-00-00-{id}.jsonl")), text).unwrap();
}

/// Two threads that talk of needles.
fn with_needles() -> Machine {
    let machine = Machine::new();
    let items = [
        said("user", "Where is the Needle?"),
        called("shell", &json!({"command": ["bash", "-lc", "grep -r needle ."]})),
        answered("hay.txt: a needle"),
        said("assistant", "In the hay.\nThe needle is in hay.txt, needless to say."),
    ];
    rollout(&machine, A, 10, &json!({"source": "cli"}), &items);
    let fields = json!({"source": "exec", "cwd": "/elsewhere", "model_provider": "local"});
    rollout(&machine, B, 20, &fields, &[said("user", "no hay"), said("assistant", "one needle")]);
    machine.run(&["import", "files"]).must_be(0);
    machine
}

/// Where finds are: the last character of the thread's id, and the ordinal.
fn found(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let (code, records) = machine.json(&[&["search"], arguments].concat());
    assert_eq!(code, 0, "{records:?}");
    let finds = of_type(&records, "found");
    let summary = records.last().unwrap();
    assert_eq!((&summary["type"], summary["found"].as_u64()), (&json!("summary"), u64::try_from(finds.len()).ok()));
    finds.iter().map(|find| format!("{}{}", &field(find, "id")[35..], find["ordinal"])).collect()
}

#[test]
fn text_is_found_in_messages_and_calls_and_elsewhere_if_asked_for() {
    let machine = with_needles();
    let cases: [(&[&str], &[&str]); 17] = [
        (&["needle"], &["b2", "a1", "a2", "a4"]),
        (&["NEEDLE"], &["b2", "a1", "a2", "a4"]),
        (&["Needle", "-s"], &["a1"]),
        (&["needles", "--word"], &[]),
        (&["needle", "hay.txt", "--word"], &["a4"]),
        (&["needle", "hay"], &["a4"]),
        (&["hay. The  needle"], &["a4"]),
        (&["bash -lc grep"], &["a2"]),
        (&["-e", "^the (needle|pin)\\b"], &["a4"]),
        (&["-e", "needle$"], &["b2"]),
        (&["needle", "--kind", "message"], &["b2", "a1", "a4"]),
        (&["needle", "--kind", "call"], &["a2"]),
        (&["needle", "--kind", "output"], &["a3"]),
        (&["needle", "--kind", "all"], &["b2", "a1", "a2", "a3", "a4"]),
        (&["needle", "--role", "assistant"], &["b2", "a2", "a4"]),
        (&["needle", "--role", "assistant", "--kind", "message"], &["b2", "a4"]),
        (&["thimble"], &[]),
    ];
    for (arguments, wanted) in cases {
        assert_eq!(found(&machine, arguments), wanted, "{arguments:?}");
    }
}

#[test]
fn only_the_threads_and_times_that_were_asked_for_are_searched() {
    let machine = with_needles();
    machine.run(&["tag", B, "+mine"]).must_be(0);
    machine.run(&["pin", A]).must_be(0);
    let fork = field(of_type(&machine.json(&["fork", A]).1, "thread")[0], "id").to_owned();
    let a = &["a1", "a2", "a4"][..];
    let cases: [(&[&str], &[&str]); 15] = [
        (&["--cwd", "/elsewhere"], &["b2"]),
        (&["--source", "cli"], a),
        (&["--source", "exec", "--source", "cli"], &["b2", "a1", "a2", "a4"]),
        (&["--model-provider", "local"], &["b2"]),
        (&["--model-provider", "none"], &[]),
        (&["--model-provider", "x", "--default-provider", "x"], a),
        (&["--tag", "mine"], &["b2"]),
        (&["--pinned"], a),
        (&["--children-of", B], &[]),
        (&["--thread", B], &["b2"]),
        (&["--since", "2026-01-11"], &["b2"]),
        (&["--until", "2026-01-20T12:02:00Z"], a),
        (&["--since", "2026-01-10T12:02:00Z", "--until", "2026-01-10T12:04:00Z"], &["a2"]),
        (&["--limit", "2"], &["b2", "a1"]),
        (&["--limit", "0"], &["b2", "a1", "a2", "a4"]),
    ];
    for (arguments, wanted) in cases {
        assert_eq!(found(&machine, &[&["needle"], arguments].concat()), wanted, "{arguments:?}");
    }
    // What it inherited is found in its source, unless it alone is asked for.
    assert_eq!(found(&machine, &["needle", "--descendants-of", A]), [""; 0]);
    assert_eq!(found(&machine, &["needle", "--thread", &fork]).len(), 3);
    machine.run(&["archive", A]).must_be(0);
    assert_eq!(found(&machine, &["needle"]), ["b2"]);
    assert_eq!(found(&machine, &["needle", "--archived"]), a);
    assert_eq!(found(&machine, &["needle", "--thread", A]), a, "archived or not");
}

#[test]
fn a_find_shows_the_text_around_it_and_a_position_that_context_reads() {
    let machine = with_needles();
    machine.run(&["rename", A, "Haystacks"]).must_be(0);
    let (_, records) = machine.json(&["search", "needle", "--limit", "2", "--role", "assistant"]);
    let [_, find] = of_type(&records, "found")[..] else { panic!("{records:?}") };
    let wanted = json!({
        "type": "found", "id": A, "ordinal": 2, "position": format!("{A}@2"), "time": "2026-01-10T12:02:00.000Z",
        "kind": "call", "tool": "shell", "snippet": "shell bash -lc grep -r needle .", "matches": [[23, 29]],
        "cut_before": false, "cut_after": false, "title": "Haystacks",
    });
    assert_eq!(*find, wanted);
    let wanted = json!({
        "type": "summary", "found": 2, "threads": 2, "searched": 2, "of": 2, "more": true, "lost": 0, "stopped": false,
    });
    let summary = records.last().unwrap();
    assert_eq!(with(summary, "searched", 2), wanted, "it may be searching ahead");
    let said = machine.run(&["search", "needle", "--limit", "2"]).must_be(0).stdout.clone();
    assert!(said.contains(&format!("  {B}@2  2026-01-20 12:02  assistant\n    one needle\n")), "{said}");
    assert!(said.contains("there are more: --limit 0 shows all"), "{said}");

    let (code, around) = machine.json(&["context", field(find, "position"), "-B", "1", "-A", "2"]);
    let items = of_type(&around, "item");
    assert_eq!((code, ordinals(&around)), (0, vec![1, 2, 3, 4]));
    assert_eq!(items[1]["line"]["payload"], called("shell", &json!({"command": ["bash", "-lc", "grep -r needle ."]})));
    let (_, alone) = machine.json(&["context", &format!("{}@2", &A[30..35]), "-B", "0", "-A", "0"]);
    assert_eq!(alone.last().unwrap()["items"], Value::Null, "no thread's id begins so: {alone:?}");
    let (_, alone) = machine.json(&["context", &format!("{A}@2"), "-B", "0", "-A", "0"]);
    assert_eq!(alone.last().unwrap(), &json!({"type": "summary", "items": 1, "lost": 0}));
    let (_, whole) = machine.json(&["context", &format!("{A}@2")]);
    assert_eq!(whole.last().unwrap(), &json!({"type": "summary", "items": 5, "lost": 0}), "as many as there are");
    let said = machine.run(&["context", &format!("{A}@2")]).must_be(0).stdout.clone();
    assert!(said.contains(&format!("→ {A}@2")), "{said}");
}

/// Where items stand.
fn ordinals(records: &[Value]) -> Vec<u64> {
    of_type(records, "item").iter().map(|item| item["ordinal"].as_u64().unwrap()).collect()
}

fn with(record: &Value, name: &str, value: u64) -> Value {
    let mut record = record.clone();
    record[name] = json!(value);
    record
}

#[test]
fn long_texts_are_cut_around_a_find_between_characters() {
    let machine = Machine::new();
    let text = format!("{}\u{7}needle\n{}", "ä".repeat(500), "字".repeat(500));
    rollout(&machine, A, 1, &json!({}), &[said("user", &text)]);
    machine.run(&["import", "files"]).must_be(0);
    let (_, records) = machine.json(&["search", "needle"]);
    let find = of_type(&records, "found")[0];
    let snippet = field(find, "snippet");
    assert_eq!((&find["cut_before"], &find["cut_after"]), (&json!(true), &json!(true)));
    assert!((100..220).contains(&snippet.len()) && !snippet.contains(char::is_control), "{snippet:?}");
    let [from, to] = [0, 1].map(|end| usize::try_from(find["matches"][0][end].as_u64().unwrap()).unwrap());
    assert_eq!(&snippet[from..to], "needle");
    let said = machine.run(&["search", "needle"]).must_be(0).stdout.clone();
    assert!(said.contains("    …ä") && said.contains("字…\n"), "{said}");
}

#[test]
fn a_position_in_a_fork_has_what_it_inherited_around_it() {
    let machine = with_needles();
    let fork = field(of_type(&machine.json(&["fork", &format!("{A}@3")]).1, "thread")[0], "id").to_owned();
    let live = common::Live::resume(&machine, &[]);
    live.end();
    let (code, records) = machine.json(&["context", &format!("{fork}@3"), "-B", "2", "-A", "9"]);
    let ordinals = ordinals(&records);
    assert_eq!((code, &ordinals[..3]), (0, &[1, 2, 3][..]), "{records:?}");
    assert_eq!(ordinals[2..], (3..3 + u64::try_from(ordinals.len()).unwrap() - 2).collect::<Vec<_>>());
    let own = of_type(&records, "item")[2];
    assert_eq!((&own["kind"], &own["line"]["payload"]["id"]), (&json!("session_meta"), &json!(fork)));
}

#[test]
fn what_cannot_be_searched_for_or_read_is_refused_with_the_reason() {
    let machine = with_needles();
    machine.run(&["search", " "]).must_be(2).must_say("give a text that is not blank");
    machine
        .run(&["search", "-e", "a(b"])
        .must_be(2)
        .must_say("\"a(b\" cannot be searched for")
        .must_say("unclosed group");
    machine.run(&["search", "-e", "(a{1000}){1000}"]).must_be(2).must_say("cannot be searched for");
    machine.run(&["search", "x", "--since", "yesterday"]).must_be(2).must_say("give a day as 2026-01-31");
    machine.run(&["search", "x", "--word", "-e"]).must_be(2);
    machine.run(&["search", "x", "--thread", "ffffffff-0000"]).must_be(5).must_say("ffffffff-0000");
    machine.run(&["search", "x", "--children-of", "ffffffff-0000"]).must_be(5).must_say("ffffffff-0000");
    machine.run(&["search", "x", "--store", "elsewhere"]).must_be(5).must_say("elsewhere");
    machine.run(&["search", "nothing of the kind"]).must_be(0);
    machine.run(&["context", A]).must_be(2).must_say("ID@POS");
    machine.run(&["context", &format!("{A}@first")]).must_be(2).must_say("ID@POS");
    machine.run(&["context", &format!("{A}~1@2")]).must_be(2).must_say("is one revision");
    machine.run(&["context", &format!("{A}@5")]).must_be(5).must_say("numbers below 5");
    machine.run(&["context", "ffffffff-0000@1"]).must_be(5).must_say("ffffffff-0000");
}

#[test]
#[cfg(unix)]
fn a_search_is_ended_by_a_signal_and_by_a_reader_that_has_enough() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    const FINDS: usize = 20_000;
    let machine = Machine::new();
    let items: Vec<Value> = (0..FINDS).map(|number| said("user", &format!("needle {number}"))).collect();
    rollout(&machine, A, 1, &json!({}), &items[..40]);
    let path = machine.path(&format!("files/rollout-2026-01-01T12-00-00-{A}.jsonl"));
    let mut text = fs::read_to_string(&path).unwrap();
    for item in &items[40..] {
        text += &line("2026-01-01T13:00:00.000Z", "response_item", item);
    }
    fs::write(&path, text).unwrap();
    machine.run(&["import", "files"]).must_be(0);
    let begin = || {
        let mut command = machine.command(&["search", "needle", "--limit", "0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        // More than a pipe holds is to come: it is in the middle of its work from here on.
        while !line_of(&mut output).contains("\"found\"") {}
        (child, output)
    };
    fn line_of(output: &mut impl BufRead) -> String {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line
    }
    let (child, mut output) = begin();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    Ran::of(child.wait_with_output().unwrap()).must_be(130);
    let summary: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["type"], &summary["stopped"]), (&json!("summary"), &json!(true)));
    assert!((1..FINDS).contains(&usize::try_from(summary["found"].as_u64().unwrap()).unwrap()), "{summary}");
    let (child, output) = begin();
    drop(output);
    Ran::of(child.wait_with_output().unwrap()).must_be(0);
    assert_eq!(found(&machine, &["needle", "--limit", "0"]).len(), FINDS);
}
