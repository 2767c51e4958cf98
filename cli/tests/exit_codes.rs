//! Every exit code, each with words that help.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;

use common::{Machine, field, of_type, text};

#[test]
fn done_is_0() {
    let machine = Machine::with_store();
    for arguments in [&["list"][..], &["verify"], &["stats"], &["export", "--to", "out"], &["--help"], &["--version"]] {
        machine.run(arguments).must_be(0);
    }
}

#[test]
fn a_refusal_of_the_system_is_1() {
    let machine = Machine::with_sample();
    fs::write(machine.store(), "a file where the store should be").unwrap();
    machine.run(&["import", "files"]).must_be(1).must_say("store");
}

#[test]
fn arguments_that_make_no_sense_are_2() {
    let machine = Machine::new();
    for arguments in [
        &[][..],
        &["fly"],
        &["import"],
        &["gen", "--threads", "x"],
        &["show"],
        &["list", "--limit", "-1"],
        &["list", "--limit", "0"],
        &["list", "--sort", "size"],
        &["list", "--cursor", "page 2"],
        &["list", "--default-provider", "openai"],
        &["rename", "019c"],
        &["rename", "019c", "name", "--clear"],
        &["rename", "019c", "  "],
        &["archive"],
        &["unarchive"],
        &["tail"],
        &["tail", "019c", "-n", "x"],
        &["ps", "019c"],
        &["tag"],
        &["tag", "019c", "plain"],
        &["tag", "019c", "+x", "-x"],
        &["tag", "019c", "+ "],
        &["tag", "019c", "+x", "--json"],
        &["pin"],
        &["unpin"],
        &["relink", "019c"],
        &["relink", "--from", "/old"],
        &["relink", "--from", "/old", "--to", " "],
        &["relink", "--from", "/old", "--to", "/old/"],
        &["fork"],
        &["fork", "019c@middle"],
        &["fork", "019c@user:x"],
        &["fork", "019c", "--new", "no id"],
        &["rollback", "019c"],
        &["rollback", "019c", "0"],
        &["rollback", "019c", "-1"],
        &["tree", "019c", "019d"],
    ] {
        machine.run(arguments).must_be(2);
        assert!(!machine.store().exists(), "{arguments:?} made a store");
    }
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    machine.run(&["archive", &format!("{id}~1")]).must_be(2).must_say("revision");
    machine.run(&["tail", "-f", &format!("{id}~1")]).must_be(2).must_say("--follow");
    let (_, first) = machine.json(&["list", "--limit", "1"]);
    let cursor = field(first.last().expect("a summary"), "next_cursor");
    machine.run(&["list", "--sort", "created", "--cursor", cursor]).must_be(2).must_say("updated");
}

#[test]
fn refused_input_is_3_and_the_rest_is_done() {
    let machine = Machine::with_sample();
    fs::write(machine.path("files/odd.jsonl"), "not a rollout\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", machine.path("files/gone.jsonl")).unwrap();
    let (code, records) = machine.json(&["import", "files", "missing"]);
    assert_eq!(code, 3, "{records:?}");
    let refused = of_type(&records, "refused");
    for (path, reason) in [
        ("missing", "No such file"),
        #[cfg(unix)]
        ("gone.jsonl", "No such file"),
    ] {
        let found = refused.iter().find(|refusal| field(refusal, "path").ends_with(path));
        let refusal = found.unwrap_or_else(|| panic!("{path} is not among {refused:?}"));
        assert!(field(refusal, "reason").contains(reason), "{refusal}");
    }
    assert!(machine.ids().len() >= 6, "the sample was not imported: {records:?}");
}

#[test]
fn damage_is_4_and_what_is_intact_is_handled() {
    let machine = Machine::with_store();
    common::damage(&machine.store());
    let (code, records) = machine.json(&["verify"]);
    assert_eq!(code, 4, "{records:?}");
    assert!(!of_type(&records, "damage").is_empty(), "{records:?}");
    machine.run(&["salvage", "--to", "saved"]).must_be(4);
    assert!(!common::tree(&machine.path("saved")).is_empty());
    assert!(machine.run(&["list"]).must_be(4).stdout.lines().count() > 1);
}

#[test]
fn what_is_not_there_is_5() {
    let machine = Machine::with_store();
    machine.run(&["show", "ffffffff-0000"]).must_be(5).must_say("ffffffff-0000");
    machine.run(&["export", "--to", "out", "ffffffff-0000"]).must_be(5);
    machine.run(&["rename", "ffffffff-0000", "x"]).must_be(5).must_say("ffffffff-0000");
    let id = machine.ids().remove(0);
    for arguments in [
        &["tail", "ffffffff-0000"][..],
        &["tail", "-f", "ffffffff-0000"],
        &["tag", "ffffffff-0000"],
        &["tag", "ffffffff-0000", "+x"],
        &["pin", &id, "ffffffff-0000"],
        &["relink", "--from", "/", "--to", "/x", &id, "ffffffff-0000"],
    ] {
        machine.run(arguments).must_be(5).must_say("ffffffff-0000");
    }
    machine.run(&["ps", "--store", "elsewhere"]).must_be(5).must_say("elsewhere");
    machine.run(&["archive", &id, "ffffffff-0000"]).must_be(5).must_say("ffffffff-0000");
    assert!(machine.ids().contains(&id), "nothing was done");
    machine.run(&["dump", "nothing"]).must_be(5).must_say("nothing");
    machine.run(&["list", "--store", "elsewhere"]).must_be(5).must_say("elsewhere");
    let (code, records) = machine.json(&["show", "ffffffff-0000"]);
    assert_eq!(code, 5);
    let error = records.last().expect("a record");
    assert_eq!((field(error, "type"), field(error, "kind")), ("error", "not_found"));
}

#[test]
fn an_id_that_fits_several_threads_is_5_and_names_them() {
    let machine = Machine::with_store();
    let mut ids = machine.ids();
    ids.sort();
    let shared = (0..36).take_while(|&at| ids[0].as_bytes()[at] == ids[1].as_bytes()[at]).count();
    let ran = machine.run(&["show", &ids[0][..shared]]);
    ran.must_be(5).must_say(&ids[0]).must_say(&ids[1]);
}

#[test]
fn what_another_process_holds_is_6_and_all_else_goes_on_beside_it() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    let config = threadlog_engine::Config::default();
    let holder = threadlog::Store::open(&machine.store(), config).expect("the store opens");
    let leases = holder.engine().expect("for writing").leases().expect("several may write").clone();
    let thread: threadlog::ThreadId = id.parse().expect("an id");
    let live = leases.take(threadlog_engine::LeaseOn::Writer(thread.uuid().as_bytes())).expect("nobody has it");
    machine.run(&["rollback", &id, "1"]).must_be(6).must_say(&std::process::id().to_string());
    machine.run(&["rename", &id, "x"]).must_be(0);
    machine.run(&["archive", &id]).must_be(0);
    machine.run(&["unarchive", &id]).must_be(0);
    drop(live);
    let importing = leases.take(threadlog_engine::LeaseOn::Task("import")).expect("nobody imports");
    let ran = machine.run(&["import", text(&machine.path("files"))]);
    ran.must_be(6).must_say("another import").must_say(&std::process::id().to_string());
    drop(importing);
    machine.run(&["import", "files"]).must_be(0);
    machine.run(&["list"]).must_be(0);
    machine.run(&["show", &id]).must_be(0);
}

#[test]
fn senseless_arguments_are_an_error_record_too() {
    let machine = Machine::with_store();
    let said = |arguments: &[&str]| {
        let ran = machine.run(arguments);
        ran.must_be(2);
        let records: Vec<serde_json::Value> =
            ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let [header, error] = &records[..] else { panic!("{arguments:?}: {records:?}") };
        assert_eq!((field(header, "type"), field(error, "type")), ("header", "error"), "{arguments:?}");
        assert_eq!((error["exit"].as_u64(), field(error, "kind")), (Some(2), "usage"), "{arguments:?}");
        (field(header, "command").to_owned(), field(error, "message").to_owned())
    };
    let (command, message) = said(&["--json", "show"]);
    assert!(command == "show" && message.contains("<ID>"), "{command}: {message}");
    let (command, message) = said(&["--json", "bogus"]);
    assert!(command.is_empty() && message.contains("bogus"), "{command}: {message}");
    let (command, message) = said(&["--json"]);
    assert!(command.is_empty() && message.contains("no command"), "{command}: {message}");
    let (_, message) = said(&["list", "--limit", "x", "--json"]);
    assert!(message.contains("limit") && !message.contains("Usage"), "{message}");
    let (_, message) = said(&["--json", "show", ""]);
    assert!(message.contains("list"), "{message}");
    assert_eq!(machine.run(&["show", "--", "--json"]).must_be(5).stdout, "");
}

#[test]
fn a_lost_large_record_is_4_and_the_next_import_mends_its_thread() {
    let machine = Machine::with_sample();
    let payload = "x".repeat(2 << 20);
    let large =
        format!("{{\"timestamp\":\"2026-01-31T12:34:56.789Z\",\"type\":\"event_msg\",\"payload\":\"{payload}\"}}\n");
    fs::write(machine.path("files/rollout-large.jsonl"), &large).unwrap();
    machine.run(&["import", "files"]).must_be(0);
    machine.run(&["list"]).must_be(0);
    fs::remove_dir_all(machine.store().join("large")).unwrap();
    for arguments in [&["list"][..], &["stats"], &["verify"], &["export", "--to", "out"]] {
        machine.run(arguments).must_be(4);
    }
    machine.run(&["list"]).must_say("1 record is lost");
    let (code, records) = machine.json(&["import", "files"]);
    let summary = records.last().expect("a record");
    assert_eq!((code, summary["repaired"].as_u64()), (0, Some(1)), "{summary}");
    machine.run(&["export", "--to", "again"]);
    assert!(fs::read(machine.path("again/rollout-large.jsonl")).unwrap() == large.as_bytes());
}

#[test]
fn a_target_that_is_no_folder_is_2_and_said_once() {
    let machine = Machine::with_store();
    fs::write(machine.path("file"), "x").unwrap();
    for command in ["export", "salvage"] {
        let ran = machine.run(&[command, "--to", "file"]);
        ran.must_be(2).must_say("no folder");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn a_folder_of_other_things_is_2_in_words() {
    let machine = Machine::with_sample();
    let ran = machine.run(&["import", "files", "--store", "files"]);
    ran.must_be(2).must_say("is no store and holds other things");
    assert!(!ran.stderr.contains("config"), "{}", ran.stderr);
}
