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
    let script = "read -r turn; echo 'no model here' >&2; sleep 0.2; exit 7";
    let ran = talked(&machine, &["run", "--exec", "/bin/sh", "--", "-c", script], "one\n");
    ran.must_be(3).must_say("exit code 7").must_say("no model here");
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
