//! Conversations with the example agent, through the real binary.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::talk::{Talk, agent, talked, turn};
use common::{Machine, field, of_type};
use serde_json::{Value, json};

fn texts(machine: &Machine, id: &str) -> Vec<String> {
    let (_, records) = machine.json(&["show", id]);
    let text = |record: &&Value| record["line"]["payload"]["message"].as_str().map(str::to_owned);
    of_type(&records, "item").iter().filter_map(text).collect()
}

fn signal(talk: &Talk, name: &str) {
    assert!(Command::new("kill").args([name, &talk.pid().to_string()]).status().unwrap().success());
}

#[test]
fn what_people_say_is_answered_and_stored() {
    let Some(agent) = agent() else { return };
    let machine = Machine::new();
    let ran = talked(
        &machine,
        &["run", "--exec", &agent[0], "--", &agent[1]],
        "Why does it fail?\n\n//name it\n/name fix it\n",
    );
    ran.must_be(0);
    assert!(ran.stdout.contains("You said 4 words; before that you had spoken to me 0 times."), "{}", ran.stdout);
    assert!(ran.stdout.contains("You said 2 words; before that you had spoken to me 1 times."), "{}", ran.stdout);
    assert!(ran.stdout.contains("the thread's name: fix it") && !ran.stdout.contains('\x1b'), "{}", ran.stdout);
    let id = machine.ids().remove(0);
    assert_eq!(texts(&machine, &id).len(), 4);
    let (_, list) = machine.json(&["list"]);
    let thread = &of_type(&list, "thread")[0];
    assert_eq!(
        (&thread["title"], &thread["source"], &thread["tokens_used"]),
        (&json!("fix it"), &json!("cli"), &json!(6))
    );
    machine.run(&["verify"]).must_be(0);
}

#[test]
fn a_conversation_goes_on_and_is_forked() {
    let Some(agent) = agent() else { return };
    let machine = Machine::new();
    let run = |more: &[&str], text: &str| {
        let arguments = [&["run", "--exec", &agent[0]], more, &["--", &agent[1]]].concat();
        talked(&machine, &arguments, text).must_be(0).stdout.clone()
    };
    run(&[], "one\ntwo\n");
    let id = machine.ids().remove(0);
    assert!(run(&["--resume", &id[..13]], "three\n").contains("spoken to me 2 times"));
    assert!(run(&["--fork", &format!("{id}@user:1")], "its\n").contains("spoken to me 1 times"));
    let forked = machine.ids().into_iter().find(|found| *found != id).unwrap();
    assert_eq!(texts(&machine, &id).len(), 6);
    assert_eq!(texts(&machine, &forked).len(), 4);
    assert!(run(&["--resume", &id], "/rollback 2\nfour\n").contains("spoken to me 1 times"));
    let said = run(&["--resume", &id], "/compact\nfive\n");
    assert!(said.contains("spoken to me 1 times"), "{said}");
    assert!(run(&["--fork", &id, "--ephemeral"], "secret\n").contains("of which nothing is stored"));
    assert_eq!(machine.ids().len(), 2);
}

#[test]
fn programs_talk_in_json() {
    let Some(agent) = agent() else { return };
    let machine = Machine::new();
    let mut talk = Talk::start(&machine, &agent, &[], &[]);
    let thread = talk.until("thread");
    assert_eq!((field(&thread, "origin"), &thread["context_items"]), ("started", &json!(0)));
    talk.say(&turn("one two"));
    let complete = talk.until("turn_complete");
    assert_eq!(complete["stored"], json!(true));
    assert!(field(&complete, "last_agent_message").starts_with("You said 2 words"));
    talk.say(&json!({"op": "rollback", "num_turns": 1}));
    assert_eq!(talk.until("rolled_back")["context_items"], json!(0));
    talk.say(&json!({"op": "set_memory_mode", "mode": "disabled"}));
    assert_eq!(talk.until("memory_mode")["mode"], json!("disabled"));
    talk.say(&json!({"op": "fly"}));
    assert!(field(&talk.until("refused"), "message").contains("no operation"));
    talk.say(&json!({"op": "rollback", "num_turns": 0}));
    assert!(talk.until("refused")["submission"].is_u64());
    talk.say(&json!({"op": "shutdown"}));
    let summary = talk.until("summary");
    let counts = (&summary["completed"], &summary["refused"], &summary["stopped"]);
    assert_eq!(counts, (&json!(1), &json!(2), &json!(false)));
    assert_eq!(talk.end(), Some(3), "something was refused");
}

#[test]
fn an_interrupt_ends_the_turn_and_the_next_signal_the_conversation() {
    let Some(agent) = agent() else { return };
    let machine = Machine::new();
    let mut talk = Talk::start(&machine, &agent, &[], &["--pause", "100"]);
    let id = field(&talk.until("thread"), "id").to_owned();
    talk.say(&turn("one"));
    // The agent has said something and pauses now.
    while talk.until("item")["line"]["payload"]["type"] != "reasoning" {}
    let began = Instant::now();
    signal(&talk, "-INT");
    let aborted = talk.until("turn_aborted");
    assert_eq!((field(&aborted, "reason"), &aborted["stored"]), ("interrupted", &json!(true)));
    assert_eq!(talk.until("interrupted")["turns"], json!(1));
    signal(&talk, "-INT");
    assert_eq!(talk.until("summary")["stopped"], json!(true));
    assert_eq!(talk.end(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(20), "it waited for the agent");
    let (_, records) = machine.json(&["show", &id]);
    let last = of_type(&records, "item").pop().unwrap()["line"]["payload"]["type"].clone();
    assert_eq!(last, json!("turn_aborted"));
}

#[test]
fn a_failing_agent_is_3_and_what_was_said_is_stored() {
    let machine = Machine::new();
    let ran = talked(&machine, &["run", "--exec", "/no/such/agent"], "one\n");
    ran.must_be(3).must_say("cannot start \"/no/such/agent\"");
    assert_eq!(texts(&machine, &machine.ids()[0]), ["one"]);
    let script = "read -r turn; echo 'no model here' >&2; exit 7";
    let ran = talked(&machine, &["run", "--exec", "/bin/sh", "--", "-c", script], "one\n");
    ran.must_be(3).must_say("exit code 7").must_say("no model here");
    assert!(!ran.stdout.contains("interrupted"), "nobody did: {}", ran.stdout);
}

#[test]
fn what_makes_no_sense_or_is_not_there_is_refused_before_anything_is_done() {
    let machine = Machine::new();
    let id = "019c1a2b-0000-7000-8000-00000000abcd";
    for arguments in [
        &["run"][..],
        &["run", "--exec", "x", "--resume", id, "--fork", id],
        &["run", "--exec", "x", "--resume", id, "--ephemeral"],
        &["run", "--exec", "x", "--fork", "019c@middle"],
        &["run", "--exec", "x", "extra"],
    ] {
        machine.run(arguments).must_be(2);
        assert!(!machine.store().exists(), "{arguments:?} made a store");
    }
    machine.run(&["run", "--exec", "x", "--resume", id]).must_be(5).must_say("no threadlog store");
    machine.run(&["run", "--exec", "x", "--cwd", "nowhere"]).must_be(5).must_say("no such folder");
    assert!(!machine.store().exists());
    let machine = Machine::with_store();
    machine.run(&["run", "--exec", "x", "--resume", "ffffffff-0000"]).must_be(5).must_say("ffffffff-0000");
    let ids = machine.ids();
    let _live = common::Live::resume(&machine, &[&ids[0]]);
    machine.run(&["run", "--exec", "x", "--resume", &ids[0]]).must_be(6).must_say("another program");
}

#[test]
fn a_conversation_in_which_nothing_was_said_leaves_no_thread() {
    let machine = Machine::new();
    talked(&machine, &["run", "--exec", "x"], "\n \n").must_be(0);
    assert!(machine.ids().is_empty());
}

/// An agent that takes a moment for each turn, and says what it was told.
const SLOW: &str = r#"read -r turn; sleep 0.3
    case "$turn" in *'"kind":"user"'*)
        text=$(printf '%s' "$turn" | sed 's/.*"input":\[{"type":"text","text":"\([^"]*\)".*/\1/')
        echo "{\"type\":\"message\",\"text\":\"re $text\"}"
    esac
    echo '{"type":"turn_complete"}'"#;

fn slow(machine: &Machine, more: &[&str], text: &str) -> common::Ran {
    talked(machine, &[&["run", "--exec", "/bin/sh"], more, &["--", "-c", SLOW]].concat(), text)
}

#[test]
fn each_line_of_a_pipe_is_done_before_the_next_one() {
    let machine = Machine::new();
    // Neither a rollback nor a name comes while a turn runs; behind the end nothing is read.
    let ran = slow(&machine, &[], "one\n/rollback 1\ntwo\n/name both\n/compact\nthree\n/quit\nfour\n");
    ran.must_be(3).must_say("the agent returned without compacting");
    let id = machine.ids().remove(0);
    assert_eq!(texts(&machine, &id), ["one", "re one", "two", "re two", "three", "re three"]);
    let (_, records) = machine.json(&["show", &id]);
    let kinds: Vec<&str> = of_type(&records, "item")
        .iter()
        .filter_map(|item| item["line"]["payload"]["type"].as_str())
        .map(name)
        .collect();
    let end = kinds.iter().position(|kind| *kind == "task_complete").unwrap();
    assert_eq!(kinds[end + 1], "thread_rolled_back");
    assert!(
        ran.stdout.contains("rolled back by 1 turn\nthe model sees 0 items now")
            && ran.stdout.contains("the thread's name: both"),
        "{}",
        ran.stdout
    );
}

fn name(kind: &str) -> &'static str {
    ["task_complete", "thread_rolled_back"].into_iter().find(|name| *name == kind).unwrap_or("other")
}

#[test]
fn a_quit_or_the_end_of_the_input_waits_for_the_turn_and_an_interrupt_does_not() {
    for (text, said) in [("one\n/quit\n", true), ("one\n", true), ("one", true), ("one\ntwo\n/interrupt\n", false)] {
        let machine = Machine::new();
        let ran = slow(&machine, &[], text);
        ran.must_be(0);
        assert_eq!(ran.stdout.contains("re one"), said, "{text:?}: {}", ran.stdout);
        assert_eq!(ran.stdout.contains("the turn was interrupted"), !said, "{text:?}: {}", ran.stdout);
        if !said {
            assert!(ran.stdout.contains("1 turn that waited was not begun"), "{}", ran.stdout);
        }
        assert!(!ran.stdout.contains("re two"));
    }
}

#[test]
fn a_shutdown_that_a_program_gives_interrupts_and_the_end_of_its_input_waits() {
    for (end, reason) in [(true, "turn_aborted"), (false, "turn_complete")] {
        let machine = Machine::new();
        let mut text = format!("{}\n", turn("one"));
        if end {
            text += "{\"op\":\"shutdown\"}\n";
        }
        let ran = slow(&machine, &["--json"], &text);
        ran.must_be(0);
        assert!(ran.stdout.contains(&format!("\"type\":\"{reason}\"")), "{}", ran.stdout);
    }
}

#[test]
fn a_program_is_meant_from_here_wherever_the_agent_works() {
    let machine = Machine::new();
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("agent"), "#!/bin/sh\necho '{\"type\":\"turn_complete\"}'\n").unwrap();
    let run = || {
        let mut command = machine.command(&["run", "--exec", "./agent", "--cwd", "/"]);
        command.current_dir(here.path()).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"one\n").unwrap();
        common::Ran::of(child.wait_with_output().unwrap())
    };
    run().must_be(3).must_say("Permission denied").must_say("may it be run?");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(here.path().join("agent"), mode).unwrap();
    run().must_be(0);
}

#[test]
fn a_terminal_that_is_gone_ends_the_conversation_in_order() {
    let Some(agent) = agent() else { return };
    let machine = Machine::new();
    let mut talk = Talk::start(&machine, &agent, &[], &["--pause", "100"]);
    let id = field(&talk.until("thread"), "id").to_owned();
    talk.say(&turn("one"));
    while talk.until("item")["line"]["payload"]["type"] != "reasoning" {}
    // A shell that ends sends it as well as the system.
    signal(&talk, "-HUP");
    signal(&talk, "-HUP");
    assert_eq!(talk.until("turn_aborted")["stored"], json!(true));
    assert_eq!(talk.until("summary")["stopped"], json!(true));
    assert_eq!(talk.end(), Some(130));
    let (_, records) = machine.json(&["show", &id]);
    let last = of_type(&records, "item").pop().unwrap()["line"]["payload"]["type"].clone();
    assert_eq!(last, json!("turn_aborted"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let machine = Machine::new();
    let mut command = machine.command(&["run", "--exec", "/bin/sh", "--", "-c", SLOW]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"one\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
