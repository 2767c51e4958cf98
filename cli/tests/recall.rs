//! What a search finds beside a plain scan of the exported files, and what it finds in a damaged store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::{Machine, field, of_type, text};
use serde_json::Value;

/// File and line of an item.
type Line = (PathBuf, u64);

/// The lines below a folder that say `term`, in lower case, in a text that is searched.
fn scanned(folder: &Path, term: &str) -> BTreeSet<Line> {
    let mut found = BTreeSet::new();
    for (path, (bytes, _)) in common::tree(folder) {
        for (number, line) in (0..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            let Ok(value) = serde_json::from_slice::<Value>(line) else { continue };
            if texts(&value).iter().any(|text| text.to_lowercase().contains(term)) {
                found.insert((path.clone(), number));
            }
        }
    }
    found
}

/// The texts of a line, whatever sort they are.
fn texts(line: &Value) -> Vec<String> {
    let payload = if line["payload"].is_object() { &line["payload"] } else { line };
    let text = |name: &str| payload[name].as_str().map(str::to_owned).into_iter().collect::<Vec<_>>();
    let parts = |name: &str| {
        let parts = payload[name].as_array().into_iter().flatten();
        parts.filter_map(|part| part["text"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    match (line["type"].as_str().unwrap_or_default(), payload["type"].as_str().unwrap_or_default()) {
        ("compacted", _) => text("message"),
        ("event_msg", "user_message" | "agent_message") => text("message"),
        ("event_msg", "agent_reasoning") => text("text"),
        ("event_msg", _) => Vec::new(),
        (_, "message") => parts("content"),
        (_, "reasoning") if parts("summary").is_empty() => parts("content"),
        (_, "reasoning") => parts("summary"),
        (_, "function_call") => [text("name"), strings(payload["arguments"].as_str().unwrap_or_default())].concat(),
        (_, "custom_tool_call") => [text("name"), strings(payload["input"].as_str().unwrap_or_default())].concat(),
        (_, "function_call_output" | "custom_tool_call_output") => text("output"),
        _ => Vec::new(),
    }
}

/// The strings in a JSON text; the text itself if it is none.
fn strings(json: &str) -> Vec<String> {
    fn gather(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| gather(value, into)),
            Value::Object(fields) => fields.values().for_each(|value| gather(value, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match serde_json::from_str::<Value>(json) {
        Ok(value) if value.is_object() || value.is_array() => gather(&value, &mut found),
        _ => found.push(json.to_owned()),
    }
    found
}

/// The same by the command, archived threads included.
fn searched(machine: &Machine, term: &str) -> BTreeSet<Line> {
    let mut found = BTreeSet::new();
    for collection in [&[][..], &["--archived"]] {
        let (_, list) = machine.json(&[&["list"], collection].concat());
        let path = |thread: &&Value| (field(thread, "id").to_owned(), PathBuf::from(field(thread, "path")));
        let paths: BTreeMap<String, PathBuf> = of_type(&list, "thread").iter().map(path).collect();
        let (code, records) = machine.json(&[&["search", term, "--kind", "all", "--limit", "0"], collection].concat());
        assert_eq!(code, 0);
        for find in of_type(&records, "found") {
            let line = (paths[field(find, "id")].clone(), find["ordinal"].as_u64().unwrap());
            assert!(found.insert(line), "{find} came twice");
        }
    }
    found
}

/// Imports, compacts, exports, and compares; says how many were found.
fn compare(files: &Path, terms: &[&str]) -> usize {
    let machine = Machine::new();
    machine.run(&["import", text(files)]).must_be(0);
    machine.run(&["compact", "--full"]).must_be(0);
    machine.run(&["export", "--to", "out"]).must_be(0);
    let out = machine.path("out");
    let mut all = 0;
    for term in terms {
        let (wanted, found) = (scanned(&out, term), searched(&machine, term));
        for (path, line) in &found {
            let file = fs::read_to_string(out.join(path)).unwrap();
            let value: Value =
                serde_json::from_str(file.lines().nth(usize::try_from(*line).unwrap()).unwrap()).unwrap();
            let said = strings(&value.to_string())
                .iter()
                .flat_map(|text| strings(text))
                .any(|text| text.to_lowercase().contains(term));
            assert!(said, "{term}: line {line} of {} does not say it", path.display());
        }
        for (path, line) in wanted.difference(&found) {
            // Of a message and the event beside it the first is told.
            let twin = found.iter().any(|(other, at)| other == path && at.abs_diff(*line) <= 8);
            assert!(twin, "{term}: line {line} of {} is not found", path.display());
        }
        all += found.len();
    }
    all
}

#[test]
fn every_line_that_a_plain_scan_of_the_exported_files_finds_is_found() {
    let terms = ["cargo", "error", "the", "备份", "zzzz"];
    let machine = Machine::new();
    machine.run(&["gen", "--threads", "25", "--items", "100", "--seed", "3", "--to", "files"]).must_be(0);
    let found = compare(&machine.path("files"), &terms);
    assert!(found > 500, "{found}");
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap().join("shared/corpus");
    let corpus = std::env::var_os("THREADLOG_CORPUS").map_or_else(beside, PathBuf::from);
    if corpus.is_dir() {
        let found = compare(&corpus, &terms);
        assert!(found > 500, "{found}");
    } else {
        eprintln!("SKIPPED: no real rollout files at {}; set THREADLOG_CORPUS", corpus.display());
    }
}

/// Threads and ordinals.
type Places = BTreeSet<(String, u64)>;

/// What is named as not readable: thread and message.
type Lost = BTreeSet<(String, String)>;

/// Thread and ordinal of each find; thread of what is lost, and what is said of it.
fn finds(machine: &Machine) -> (i32, Places, Lost) {
    let (code, records) = machine.json(&["search", "e", "--kind", "all", "--limit", "0"]);
    let place = |find: &&Value| (field(find, "id").to_owned(), find["ordinal"].as_u64().unwrap());
    let lost = of_type(&records, "lost");
    let lost: BTreeSet<(String, String)> =
        lost.iter().map(|lost| (field(lost, "id").to_owned(), field(lost, "message").to_owned())).collect();
    assert_eq!(records.last().unwrap()["lost"].as_u64(), u64::try_from(lost.len()).ok());
    (code, of_type(&records, "found").iter().map(place).collect(), lost)
}

/// Which records `show` cannot read, of all threads.
fn unreadable(machine: &Machine) -> BTreeSet<(String, String)> {
    let mut lost = BTreeSet::new();
    for id in machine.ids() {
        let (_, shown) = machine.json(&["show", &id]);
        lost.extend(of_type(&shown, "lost").iter().map(|lost| (id.clone(), field(lost, "message").to_owned())));
    }
    lost
}

#[test]
fn a_damaged_block_costs_and_names_its_records_and_the_rest_is_found() {
    let machine = Machine::new();
    machine.run(&["gen", "--threads", "12", "--items", "60", "--to", "files"]).must_be(0);
    machine.run(&["import", "files"]).must_be(0);
    for sealed in [false, true] {
        let (code, before, lost) = finds(&machine);
        assert_eq!((code, lost.len()), (0, 0));
        let path = match sealed {
            false => machine.store().join(hot(&machine)),
            true => {
                machine.run(&["seal"]).must_be(0);
                let sealed = fs::read_dir(machine.store().join("sealed")).unwrap().map(|entry| entry.unwrap().path());
                sealed.max().unwrap()
            }
        };
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        // In the journal, what a tool answered: no event says it again.
        let answer = || memchr::memmem::rfind(&bytes, b"function_call_output\",\"call_id").unwrap();
        let place = if sealed { bytes.len() / 3 } else { answer() };
        bytes[place] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (code, after, lost) = finds(&machine);
        assert_eq!((code, &lost), (4, &unreadable(&machine)), "it names what `show` cannot read");
        assert!(!lost.is_empty() && after.len() < before.len());
        for (id, ordinal) in after.difference(&before) {
            // The event beside a message that is lost is told in its place.
            let near = |(other, at): &&(String, u64)| other == id && at.abs_diff(*ordinal) <= 8;
            assert!(before.difference(&after).any(|place| near(&place)), "{id}@{ordinal} is new");
        }
        let missing: Vec<_> = before.difference(&after).collect();
        assert!(missing.len() <= lost.len());
        for (id, ordinal) in missing {
            // In a journal a record is told by its sequence, which is not its place in the thread.
            let named =
                if sealed { format!("record {ordinal} of {}~", id.replace('-', "")) } else { "record ".to_owned() };
            let said = |(thread, message): &(String, String)| thread == id && message.contains(&named);
            assert!(lost.iter().any(said), "{id}@{ordinal} is missing without a word");
        }
        let said = machine.run(&["search", "e", "--kind", "all", "--limit", "0"]).must_be(4).stdout.clone();
        assert!(said.contains("not searched: "), "{said}");
        fs::write(&path, whole).unwrap();
    }
}

/// The largest hot segment.
fn hot(machine: &Machine) -> PathBuf {
    let segments = common::tree(&machine.store()).into_iter().filter(|(path, _)| text(path).ends_with(".hot"));
    segments.max_by_key(|(_, (bytes, _))| bytes.len()).expect("a segment").0
}
