//! Rollout files go in and come out the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;

use common::{Machine, field, of_type, text, tree};

#[test]
fn export_gives_back_every_file_with_its_path_bytes_and_time() {
    let machine = Machine::with_store();
    machine.run(&["export", "--to", "out"]).must_be(0);
    let (before, after) = (tree(&machine.path("files")), tree(&machine.path("out")));
    assert!(before.len() >= 6, "a sample of {} files", before.len());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, (bytes, modified)) in &before {
        assert_eq!(&after[path].0, bytes, "{}", path.display());
        assert_eq!(&after[path].1, modified, "{}", path.display());
    }
}

#[test]
fn a_second_import_adds_nothing() {
    let machine = Machine::with_store();
    let listed = machine.run(&["list"]).stdout;
    let (code, records) = machine.json(&["import", "files"]);
    assert_eq!(code, 0);
    let [summary] = of_type(&records, "summary")[..] else { panic!("one summary in {records:?}") };
    assert_eq!(summary["lines_added"], 0, "{summary}");
    assert_eq!(summary["unchanged"], summary["files"], "{summary}");
    assert_eq!(machine.run(&["list"]).stdout, listed);
}

#[test]
fn a_file_that_grew_is_picked_up_and_one_that_was_rewritten_becomes_a_second_revision() {
    let machine = Machine::with_store();
    let files: Vec<_> = tree(&machine.path("files")).into_keys().collect();
    let line = "{\"timestamp\":\"2026-01-31T12:34:56.789Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"x\"}}\n";
    let grown = machine.path("files").join(&files[0]);
    let mut bytes = fs::read(&grown).unwrap();
    bytes.extend_from_slice(line.as_bytes());
    fs::write(&grown, &bytes).unwrap();
    let rewritten = machine.path("files").join(&files[1]);
    let first_line = fs::read_to_string(&rewritten).unwrap().lines().next().unwrap().to_owned() + "\n";
    fs::write(&rewritten, format!("{first_line}{line}")).unwrap();

    let (code, records) = machine.json(&["import", "files"]);
    assert_eq!(code, 0, "{records:?}");
    let outcome = |path: &std::path::Path| {
        let of_file = |record: &&serde_json::Value| field(record, "path") == text(path);
        let file = *of_type(&records, "file").iter().find(|record| of_file(record)).expect("a record of the file");
        field(file, "outcome").to_owned()
    };
    assert_eq!(outcome(&files[0]), "grown");
    assert_eq!(outcome(&files[1]), "rewritten");
    machine.run(&["export", "--to", "out"]).must_be(0);
    assert_eq!(fs::read(machine.path("out").join(&files[0])).unwrap(), bytes);
    assert_eq!(fs::read_to_string(machine.path("out").join(&files[1])).unwrap(), format!("{first_line}{line}"));
}

#[test]
fn show_raw_prints_the_file() {
    let machine = Machine::with_store();
    let files = tree(&machine.path("files"));
    for id in machine.ids() {
        let shown = machine.command(&["show", "--raw", &id]).output().unwrap();
        assert!(shown.status.success());
        let (_, (bytes, _)) = files.iter().find(|(path, _)| text(path).contains(&id)).expect("the file of the thread");
        assert!(shown.stdout == *bytes, "{id}");
    }
}
