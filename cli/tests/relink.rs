//! Threads of a project whose folder moved.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;

use common::{Machine, field, of_type};
use serde_json::{Value, json};

/// Threads in these folders, in this order.
fn in_folders(cwds: &[&str]) -> (Machine, Vec<String>) {
    let machine = Machine::new();
    fs::create_dir(machine.path("files")).unwrap();
    let ids = cwds.iter().enumerate().map(|(number, cwd)| {
        let id = format!("019c1a2b-0000-7000-8000-{number:012}");
        let payload = json!({"id": id, "timestamp": "2026-01-31T12:00:00.000Z", "cwd": cwd});
        let line = json!({"timestamp": "2026-01-31T12:00:00.000Z", "type": "session_meta", "payload": payload});
        let name = format!("files/rollout-2026-01-31T12-00-00-{id}.jsonl");
        fs::write(machine.path(&name), format!("{line}\n")).unwrap();
        id
    });
    let ids = ids.collect();
    machine.run(&["import", "files"]).must_be(0);
    (machine, ids)
}

/// Where all threads are, archived or not, by id.
fn cwds(machine: &Machine) -> Vec<String> {
    let of = |arguments: &[&str]| -> Vec<(String, String)> {
        let (_, records) = machine.json(arguments);
        let cwd = |thread: &&Value| (field(thread, "id").to_owned(), field(thread, "cwd").to_owned());
        of_type(&records, "thread").iter().map(cwd).collect()
    };
    let mut all = [of(&["list"]), of(&["list", "--archived"])].concat();
    all.sort();
    all.into_iter().map(|(_, cwd)| cwd).collect()
}

const BEFORE: [&str; 6] = ["/src/old", "/src/old/deep/er", "/src/older", "/elsewhere", "/src/old/", r"C:\src\old\sub"];

#[test]
fn threads_in_the_folder_and_below_it_move_and_no_others() {
    let (machine, ids) = in_folders(&BEFORE);
    machine.run(&["archive", &ids[1]]).must_be(0);
    let relink = ["relink", "--from", "/src/old/", "--to", "/new/place"];
    let (code, records) = machine.json(&[&relink[..], &["--dry-run"]].concat());
    let summary =
        json!({"type": "summary", "threads": 3, "changed": 0, "others": 3, "dry_run": true, "stopped": false});
    assert_eq!((code, records.last().unwrap()), (0, &summary));
    assert!(of_type(&records, "thread").iter().all(|thread| thread["changed"] == false));
    assert_eq!(cwds(&machine), BEFORE, "a preview changes nothing");
    let (code, records) = machine.json(&relink);
    let summary =
        json!({"type": "summary", "threads": 3, "changed": 3, "others": 3, "dry_run": false, "stopped": false});
    assert_eq!((code, records.last().unwrap()), (0, &summary));
    let moved = of_type(&records, "thread")[1];
    let want = json!({
        "type": "thread", "id": ids[1], "cwd": "/new/place/deep/er", "cwd_before": "/src/old/deep/er", "changed": true
    });
    assert_eq!(moved, &want);
    let after = ["/new/place", "/new/place/deep/er", "/src/older", "/elsewhere", "/new/place", r"C:\src\old\sub"];
    assert_eq!(cwds(&machine), after);
    let (_, records) = machine.json(&["list", "--cwd", "/new/place"]);
    assert_eq!(of_type(&records, "thread").len(), 2, "lists of the project show them");
    // Again: there is nothing left to do, and the files come out as they went in.
    assert_eq!(machine.json(&relink).1.last().unwrap()["threads"], 0);
    machine.run(&["import", "files"]).must_be(0);
    assert_eq!(cwds(&machine), after);
    machine.run(&["export", "--to", "out"]).must_be(0);
    assert_eq!(common::tree(&machine.path("out")), common::tree(&machine.path("files")));
}

#[test]
fn only_named_threads_move_and_folders_of_other_machines_too() {
    let (machine, ids) = in_folders(&BEFORE);
    machine.run(&["relink", "--from", "/src", "--to", "/", &ids[0], &ids[3]]).must_be(0);
    machine.run(&["relink", "--from", r"C:\src\old", "--to", "/mnt/old"]).must_be(0);
    let after = ["/old", "/src/old/deep/er", "/src/older", "/elsewhere", "/src/old/", r"/mnt/old\sub"];
    assert_eq!(cwds(&machine), after);
}
