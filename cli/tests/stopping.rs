//! Told to stop by a signal, a command ends in order: nothing half done stays, and what was done is said.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Machine, Ran, text};

/// Files enough to be in the middle of when the signal comes.
const FILES: u64 = 1500;

fn with_many() -> Machine {
    let machine = Machine::new();
    let files = machine.path("files");
    fs::create_dir(&files).unwrap();
    let line = "{\"timestamp\":\"2026-01-31T12:34:56.789Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"x\"}}\n";
    for number in 0..FILES {
        let name = format!("rollout-2026-01-31T12-34-56-019c1a2b-0000-7000-8000-{number:012x}.jsonl");
        fs::write(files.join(name), format!("{line}{number}\n").repeat(20)).unwrap();
    }
    machine
}

/// Runs a command, sends it the signal as soon as `begun`, and waits for its end.
fn stopped(machine: &Machine, arguments: &[&str], signal: &str, begun: impl Fn() -> bool) -> Ran {
    let child = machine.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !begun() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    Ran::of(child.wait_with_output().unwrap())
}

fn count(folder: &Path) -> u64 {
    fs::read_dir(folder).map_or(0, |names| names.map(|_| 1).sum())
}

#[test]
fn an_interrupted_export_leaves_no_leftovers_and_the_same_command_goes_on() {
    let machine = with_many();
    machine.run(&["import", "files"]).must_be(0);
    let to = machine.path("out");
    for signal in ["-INT", "-TERM"] {
        let ran = stopped(&machine, &["export", "--to", text(&to), "--json"], signal, || count(&to) > 5);
        ran.must_be(130).must_say("the same command goes on");
        let summary: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((&summary["type"], &summary["stopped"]), (&"summary".into(), &true.into()));
        let names: Vec<String> =
            fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(count(&to) < FILES && names.iter().all(|name| name.ends_with(".jsonl")), "{} files", names.len());
        assert_eq!(summary["files"].as_u64(), u64::try_from(names.len()).ok());
        fs::remove_dir_all(&to).unwrap();
    }
    machine.run(&["export", "--to", text(&to)]).must_be(0);
    assert_eq!(count(&to), FILES);
}

#[test]
fn an_interrupted_import_says_what_it_did_and_the_same_command_goes_on() {
    let machine = with_many();
    let journal = machine.store().join("journals/000/LOCK");
    let ran = stopped(&machine, &["import", "files", "--json"], "-INT", || {
        journal.exists() && fs::read_dir(machine.store().join("journals/000")).is_ok_and(|names| names.count() > 2)
    });
    ran.must_be(130);
    let summary: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["type"], &summary["stopped"]), (&"summary".into(), &true.into()));
    let done = summary["files"].as_u64().unwrap();
    assert!(done < FILES, "{done}");
    let (code, records) = machine.json(&["import", "files"]);
    let summary = records.last().unwrap();
    assert_eq!((code, summary["unchanged"].as_u64()), (0, Some(done)), "{summary}");
    assert_eq!(summary["files"].as_u64(), Some(FILES));
    machine.run(&["verify"]).must_be(0);
}

#[test]
fn an_interrupted_merge_or_erasure_leaves_what_was_there_and_the_same_command_goes_on() {
    let machine = Machine::new();
    machine.run(&["gen", "--threads", "60", "--to", "files"]).must_be(0);
    machine.run(&["import", "files"]).must_be(0);
    let ids = machine.ids();
    machine.run(&["rm", &ids[0], "--yes"]).must_be(0);
    let sealed = machine.store().join("sealed");
    let shown = machine.run(&["show", &ids[1], "--raw"]).must_be(0).stdout.clone();
    for command in [&["compact", "--full", "--json"][..], &["erase", "--json"]] {
        let before = common::tree(&sealed);
        let begun = || count(&sealed) > u64::try_from(before.len()).unwrap();
        let ran = stopped(&machine, command, "-INT", begun);
        ran.must_be(130).must_say("the same command goes on");
        let summary: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((&summary["type"], &summary["stopped"]), (&"summary".into(), &true.into()));
        assert!(before.keys().all(|path| sealed.join(path).exists()), "{command:?} was given up");
        assert_eq!(machine.run(&["show", &ids[1], "--raw"]).must_be(0).stdout, shown);
        machine.run(&["verify"]).must_be(0);
    }
    machine.run(&["erase"]).must_be(0);
    let (_, records) = machine.json(&["verify", "--deleted", &ids[0]]);
    assert_eq!(records.last().unwrap()["records"], 0);
    machine.run(&["compact", "--full"]).must_be(0);
    assert_eq!(count(&sealed), 1);
    assert_eq!(machine.run(&["show", &ids[1], "--raw"]).must_be(0).stdout, shown);
}
