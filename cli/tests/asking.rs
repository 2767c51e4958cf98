//! What cannot be undone is asked for first.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::process::Stdio;

use common::terminal::answered;
use common::{Machine, field, of_type, tree};
use serde_json::json;

#[test]
fn people_are_shown_what_goes_and_asked() {
    let machine = Machine::with_store();
    let all = machine.ids();
    let before = tree(&machine.store());
    for answer in ["n\n", "\n", "yess\n", "\u{4}"] {
        let (code, shown) = answered(&mut machine.command(&["rm", &all[0], &all[1]]), answer);
        assert_eq!(code, 7, "{answer:?}: {shown}");
        assert!(shown.contains(&all[0]) && shown.contains("Delete 2 threads for good? [y/N]"), "{shown}");
        assert!(shown.contains("nothing was done"), "{shown}");
        assert!(tree(&machine.store()) == before, "{answer:?}: not even a lock was taken");
    }
    let (code, shown) = answered(&mut machine.command(&["rm", &all[0], &all[1]]), "y\n");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("2 threads") && shown.contains("deleted for good"), "{shown}");

    machine.run(&["trash", "put", &all[2]]).must_be(0);
    let (code, shown) = answered(&mut machine.command(&["trash", "empty"]), "no\n");
    assert!(code == 7 && shown.contains("Delete 1 thread for good? [y/N]"), "{code}: {shown}");
    let (code, shown) = answered(&mut machine.command(&["trash", "empty"]), "YES\n");
    assert_eq!(code, 0, "{shown}");
    let (code, shown) = answered(&mut machine.command(&["trash", "empty"]), "");
    assert!(code == 0 && !shown.contains("[y/N]"), "of an empty trash nobody is asked: {shown}");
    assert_eq!(machine.ids(), all[3..]);
}

#[test]
fn where_nobody_can_be_asked_nothing_goes_without_yes() {
    let machine = Machine::with_store();
    let all = machine.ids();
    machine.run(&["fork", &all[0]]).must_be(0);
    machine.run(&["trash", "put", &all[1]]).must_be(0);
    let before = tree(&machine.store());
    for arguments in [&["rm", &all[0]][..], &["rm", "--with-descendants", &all[0]], &["trash", "empty"]] {
        let ran = machine.run(arguments);
        ran.must_be(7).must_say("--yes").must_say("nothing was done");
        assert!(ran.stdout.contains("to delete"), "it says what would go: {}", ran.stdout);
        let (code, records) = machine.json(arguments);
        let goes = [of_type(&records, "thread"), of_type(&records, "to_delete")].concat();
        assert!(!goes.is_empty() && goes.iter().all(|thread| thread["deleted"] == false), "{records:?}");
        let error = records.last().unwrap();
        assert_eq!((code, &error["exit"], field(error, "kind")), (7, &json!(7), "unconfirmed"));
    }
    // A program at a terminal reads records: it is not asked either.
    let (code, shown) = answered(&mut machine.command(&["rm", "--json", &all[0]]), "y\n");
    assert!(code == 7 && !shown.contains("[y/N]"), "{code}: {shown}");
    machine.run(&["rm", &all[0], "--yes", "--dry-run"]).must_be(2);
    machine.run(&["trash", "empty", "-y", "--dry-run"]).must_be(2);
    assert!(tree(&machine.store()) == before);
    machine.run(&["rm", "-y", &all[0]]).must_be(0);
    machine.run(&["trash", "empty", "-y"]).must_be(0);
}

#[test]
fn who_puts_a_running_thread_into_the_trash_is_told_and_sees_it_come_back() {
    let machine = Machine::with_store();
    let (store, thread) = common::running(&machine);
    let id = thread.id().to_string();
    let (code, records) = machine.json(&["trash", "put", &id]);
    assert_eq!((code, &of_type(&records, "moved")[0]["live"]), (0, &json!(true)));
    assert!(!machine.ids().contains(&id));
    common::block_on(common::say(&thread, "more"));
    assert!(machine.ids().contains(&id), "what was added is not hidden");
    let said = machine.run(&["trash", "put", &id]).must_be(0).stdout.clone();
    assert!(said.contains("somebody writes it"), "{said}");
    common::block_on(async {
        common::say(&thread, "and more").await;
        thread.shutdown().await.unwrap();
        store.close().await.unwrap();
    });
    machine.run(&["trash", "empty", "--yes"]).must_be(0);
    assert!(machine.ids().contains(&id), "nor is it deleted");
    let (code, records) = machine.json(&["trash", "put", &id]);
    assert_eq!((code, &of_type(&records, "moved")[0]["live"]), (0, &json!(false)));
}

#[test]
fn a_reader_that_goes_away_keeps_no_change_from_being_made() {
    let machine = Machine::with_store();
    let all = machine.ids();
    let runs: [(&[&str], usize); 4] = [
        (&["trash", "put", &all[0]], 5),
        (&["trash", "empty", "--yes"], 5),
        (&["rm", "--yes", &all[1], &all[2]], 3),
        (&["prune", "--keep", "1", "--yes"], 1),
    ];
    for (arguments, left) in runs {
        let mut child = machine.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
        assert_eq!(machine.ids().len(), left, "{arguments:?}");
    }
    let (_, trash) = machine.json(&["trash", "list"]);
    assert_eq!(of_type(&trash, "thread").len(), 2, "what was in it before is deleted");
}
