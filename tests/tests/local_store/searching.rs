//! What a search finds, beside a plain scan of the files that the threads are exported as.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use threadlog::list::ArchiveFilter;
use threadlog::local::LocalThreadStore;
use threadlog::maintain::CompactionConfig;
use threadlog::search::{Match, Query, SearchParams, TextKind};
use threadlog::thread_store::ThreadStore;
use threadlog::{ExportOptions, ImportOptions, Silent, Store, ThreadId, ThreadSummary};
use threadlog_sample::Plan;

/// (file, line) of each line that says `term` in a text of the kinds that are searched.
fn scanned(folder: &Path, term: &str) -> BTreeSet<(String, u64)> {
    let mut found = BTreeSet::new();
    for path in below(folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(path).unwrap();
        for (number, line) in (0..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            let Ok(value) = serde_json::from_slice::<Value>(line.trim_ascii()) else { continue };
            let payload = if value["payload"].is_object() { &value["payload"] } else { &value };
            let is_event = value["type"] == "event_msg";
            let text = match payload["type"].as_str().unwrap_or_default() {
                "message" if !is_event => texts(&payload["content"]),
                "function_call" if !is_event => {
                    format!("{}\n{}", payload["name"].as_str().unwrap_or(""), unpacked(&payload["arguments"]))
                }
                "custom_tool_call" if !is_event => {
                    format!("{}\n{}", payload["name"].as_str().unwrap_or(""), unpacked(&payload["input"]))
                }
                "user_message" | "agent_message" if is_event => payload["message"].as_str().unwrap_or("").to_owned(),
                _ => continue,
            };
            if text.to_lowercase().contains(term) {
                found.insert((name.clone(), number));
            }
        }
    }
    found
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

fn texts(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn unpacked(arguments: &Value) -> String {
    fn all(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            // The words of a command, on one line.
            Value::Array(values) => {
                let mut words = Vec::new();
                values.iter().for_each(|value| all(value, &mut words));
                into.push(words.join(" "));
            }
            Value::Object(fields) => fields.values().for_each(|value| all(value, into)),
            _ => {}
        }
    }
    let text = arguments.as_str().unwrap_or_default();
    let mut found = Vec::new();
    match serde_json::from_str::<Value>(text) {
        Ok(value) if !value.is_string() => all(&value, &mut found),
        _ => found.push(text.to_owned()),
    }
    found.join("\n")
}

/// The same by a search, archived threads included.
async fn searched(store: &Store, names: &BTreeMap<ThreadId, String>, term: &str) -> BTreeSet<(String, u64)> {
    let mut found = BTreeSet::new();
    for collection in [ArchiveFilter::Active, ArchiveFilter::Archived] {
        let mut params = SearchParams::new(Query::new([term], Match::Phrase, false).unwrap());
        params.kinds = vec![TextKind::Message, TextKind::Call];
        params.threads.archived = collection;
        let mut search = LocalThreadStore::reading(store).unwrap().search(params).await.unwrap();
        while let Some(one) = search.next().await {
            let one = one.unwrap();
            assert!(found.insert((names[&one.thread.id()].clone(), one.ordinal)), "found twice");
        }
        assert_eq!(search.progress().lost_records, 0);
    }
    found
}

/// The files' names.
fn names(store: &Store) -> BTreeMap<ThreadId, String> {
    let name = |thread: &ThreadSummary| {
        let source = thread.current.facts.life.latest_source().unwrap().place.path.to_string();
        source.rsplit('/').next().unwrap().to_owned()
    };
    store.threads().iter().map(|thread| (thread.thread, name(thread))).collect()
}

#[test]
fn a_search_finds_what_a_scan_of_the_exported_files_finds() {
    let folder = tempfile::tempdir().unwrap();
    let (files, root, out) = (folder.path().join("files"), folder.path().join("store"), folder.path().join("out"));
    let plan = Plan { threads: 40, items: 120, seed: 11, ..Plan::default() };
    threadlog_sample::write_tree(&plan, &files, |_| ()).unwrap();
    let store = Store::open(&root, threadlog_engine::Config::default()).unwrap();
    store.import(&[files], &ImportOptions::default(), &Silent).unwrap();
    store.compact(true, &CompactionConfig::default(), &Silent).unwrap();
    store.close().unwrap();
    let store = Store::open_read(&root).unwrap();
    assert!(store.export(None, &out, &ExportOptions::default(), &Silent).failed.is_empty());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let names = names(&store);
    let mut all = 0;
    for term in ["cargo", "test", "\"", "src/", "the", "备份", "é", "function", "&", "();", "zzzz"] {
        let (wanted, found) = (scanned(&out, term), runtime.block_on(searched(&store, &names, term)));
        // Of a message and the event beside it a search tells the first.
        assert!(found.is_subset(&wanted), "{term}: {:?}", found.difference(&wanted).next());
        let lines = |set: &BTreeSet<(String, u64)>| set.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
        assert_eq!(lines(&found), lines(&wanted), "{term}");
        for (name, line) in wanted.difference(&found) {
            let twin = found.iter().any(|(other, at)| other == name && at.abs_diff(*line) <= 8);
            assert!(twin, "{term}: {name}, line {line} is not found");
        }
        all += found.len();
    }
    assert!(all > 100, "{all}");
}
