//! Beside a process that runs a thread: this one does, and the command is another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use common::talk::{Talk, agent, turn};
use common::{Machine, Ran, block_on, field, of_type, running, say, text};
use serde_json::{Value, json};

/// `tail -f`, and what it says line by line.
struct Tail {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Tail {
    fn of(machine: &Machine, arguments: &[&str]) -> Tail {
        let arguments = [&["tail", "-f"], arguments].concat();
        let mut child = machine.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Tail { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    fn record(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    fn message(&mut self) -> (u64, String) {
        let item = self.record();
        assert_eq!(item["type"], "item", "{item}");
        (item["ordinal"].as_u64().unwrap(), field(&item["line"]["payload"], "message").to_owned())
    }
}

#[test]
fn tail_shows_what_another_process_stores_until_it_is_interrupted() {
    let machine = Machine::new();
    let (store, thread) = running(&machine);
    let id = thread.id().to_string();
    let mut tail = Tail::of(&machine, &[&id, "-n", "1", "--json"]);
    assert_eq!(field(&tail.record(), "command"), "tail");
    assert_eq!(tail.message(), (1, "the first words".to_owned()));
    for number in 2..5 {
        let words = format!("message {number}");
        block_on(say(&thread, &words));
        // Each comes by itself, before the next is written.
        assert_eq!(tail.message(), (number, words));
    }
    let sent = Command::new("kill").args(["-INT", &tail.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(tail.record(), json!({"type": "summary", "items": 4, "lost": 0, "stopped": true}));
    assert_eq!(tail.child.wait().unwrap().code(), Some(130));
    block_on(store.close()).unwrap();
}

#[test]
fn tail_ends_quietly_when_nobody_reads_it_and_shows_people_a_conversation() {
    let machine = Machine::new();
    let (store, thread) = running(&machine);
    let id = thread.id().to_string();
    let said = machine.run(&["tail", &id]).must_be(0).stdout.clone();
    assert!(said.contains("you\nthe first words\n"), "{said}");
    let mut tail = Tail::of(&machine, &[&id]);
    while !tail.line().contains("the first words") {}
    let Tail { mut child, lines } = tail;
    drop(lines);
    while child.try_wait().unwrap().is_none() {
        block_on(say(&thread, "into nothing"));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    block_on(store.close()).unwrap();
}

#[test]
fn ps_names_who_writes_and_what_they_hold_as_long_as_they_do() {
    let machine = Machine::with_store();
    let (_, records) = machine.json(&["ps"]);
    assert_eq!(records.last().unwrap(), &json!({"type": "summary", "writers": 0, "threads": 0}));
    let (store, thread) = running(&machine);
    let id = thread.id().to_string();
    machine.run(&["rename", &id, "under way"]).must_be(0);
    let (code, records) = machine.json(&["ps"]);
    let writer = of_type(&records, "writer")[0];
    assert_eq!((code, &writer["pid"], field(writer, "client")), (0, &json!(std::process::id()), "an agent"));
    assert!(field(writer, "since") > "2026" && writer["threads"] == 1, "{writer}");
    let held = of_type(&records, "thread");
    assert_eq!((held.len(), field(held[0], "id"), field(held[0], "name")), (1, &*id, "under way"));
    assert_eq!(held[0]["journal"], writer["journal"]);
    let said = machine.run(&["ps"]).must_be(0).stdout.clone();
    assert!(said.contains(&format!("process {}", std::process::id())) && said.contains("under way"), "{said}");
    block_on(thread.shutdown()).unwrap();
    let (_, records) = machine.json(&["ps"]);
    assert_eq!(records.last().unwrap(), &json!({"type": "summary", "writers": 1, "threads": 0}));
    block_on(store.close()).unwrap();
    let (_, records) = machine.json(&["ps"]);
    assert_eq!(records.last().unwrap(), &json!({"type": "summary", "writers": 0, "threads": 0}));
}

#[test]
fn a_thread_is_tagged_and_pinned_while_it_runs_elsewhere() {
    let machine = Machine::with_store();
    let (store, thread) = running(&machine);
    let id = thread.id().to_string();
    let (code, records) = machine.json(&["tag", "--json", &id, "+ci", "+two words", "-gone"][..]);
    assert_eq!((code, &records[1]["tags"]), (2, &Value::Null), "an option among the tags: {records:?}");
    for blank in ["+", "- "] {
        machine.run(&["tag", &id, blank]).must_be(2).must_say("names no tag");
    }
    let tagged = |arguments: &[&str]| -> Value {
        let ran = machine.run(&[&["--json", "tag", &id], arguments].concat());
        serde_json::from_str(ran.must_be(0).stdout.lines().last().unwrap()).unwrap()
    };
    let want = |tags: &[&str], changed: bool| json!({"type": "thread", "id": id, "tags": tags, "changed": changed});
    assert_eq!(tagged(&["+ci", "+two words", "-gone"]), want(&["ci", "two words"], true));
    assert_eq!(tagged(&["+ci", "-gone"]), want(&["ci", "two words"], false));
    assert_eq!(tagged(&["-ci"]), want(&["two words"], true));
    assert_eq!(tagged(&[]), want(&["two words"], false));
    let (_, records) = machine.json(&["pin", &id, &id]);
    assert_eq!(records[1], json!({"type": "thread", "id": id, "pinned": true, "changed": true}));
    assert_eq!(machine.json(&["pin", &id]).1[2], json!({"type": "summary", "threads": 1, "changed": 0}));
    block_on(say(&thread, "goes on")); // with both
    for filter in [&["--pinned"][..], &["--tag", "two words"], &["--tag", "other", "--tag", "two words", "--pinned"]] {
        let (_, records) = machine.json(&[&["list"], filter].concat());
        let threads = of_type(&records, "thread");
        assert_eq!((threads.len(), field(threads[0], "id")), (1, &*id), "{filter:?}");
        assert_eq!((&threads[0]["pinned"], &threads[0]["tags"]), (&json!(true), &json!(["two words"])));
    }
    assert!(machine.run(&["list", "--pinned"]).stdout.contains("6 that are not pinned"));
    machine.run(&["unpin", &id]).must_be(0);
    assert_eq!(of_type(&machine.json(&["list", "--pinned"]).1, "thread").len(), 0);
    block_on(store.close()).unwrap();
}

/// Runs the command with so few open files allowed, standard ones included, that there is no room for one for each writer.
#[cfg(target_os = "linux")]
fn with_few_files(machine: &Machine, arguments: &[&str]) -> Ran {
    let command = machine.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 20; exec \"$0\" \"$@\""]).arg(command.get_program()).args(arguments);
    shell.env_clear().current_dir(machine.path("")).stdin(Stdio::null()).env("THREADLOG_HOME", machine.store());
    Ran::of(shell.output().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn however_many_processes_write_each_holds_as_many_files_as_one_alone() {
    let Some(agent) = agent() else { return };
    let machine = Machine::with_store();
    let files = |talk: &Talk| std::fs::read_dir(format!("/proc/{}/fd", talk.pid())).unwrap().count();
    let mut talks = Vec::new();
    for _ in 0..24 {
        let mut talk = Talk::start(&machine, &agent, &[], &[]);
        talk.say(&turn("here"));
        assert_eq!(talk.until("turn_complete")["stored"], true);
        talks.push(talk);
    }
    let (_, records) = machine.json(&["ps"]);
    assert_eq!(records.last().unwrap(), &json!({"type": "summary", "writers": 24, "threads": 24}));
    // Each reads the journals of all others, and has one of its own.
    talks.iter_mut().for_each(|talk| talk.say(&turn("again")));
    talks.iter().for_each(|talk| assert_eq!(talk.until("turn_complete")["stored"], true));
    let held: Vec<usize> = talks.iter().map(files).collect();
    assert!(held.iter().all(|held| (1..20).contains(held)), "{held:?}");
    let id = machine.ids().remove(0);
    let sample = machine.path("files");
    for arguments in [
        &["list"][..],
        &["ps"],
        &["show", &id],
        &["fork", &id],
        &["tag", &id, "+seen"],
        &["tree"],
        &["verify"],
        &["import", text(&sample)],
    ] {
        with_few_files(&machine, arguments).must_be(0);
    }
    talks.iter_mut().for_each(Talk::kill);
    with_few_files(&machine, &["fork", &id]).must_be(0);
    assert_eq!(machine.ids().len(), 6 + 24 + 2);
    machine.run(&["verify"]).must_be(0);
}
