//! Backups and bundles, as a user makes them: beside a process that writes, and told what is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;

use common::{Machine, block_on, field, of_type, running, say, text, tree};

#[test]
fn a_backup_beside_a_running_thread_can_be_read_and_becomes_a_store_again() {
    let machine = Machine::with_store();
    let (store, thread) = running(&machine);
    block_on(say(&thread, "before the backup"));
    let id = thread.id().to_string();
    let (code, records) = machine.json(&["backup", "--to", "backup"]);
    let summary = of_type(&records, "summary")[0].clone();
    assert_eq!((code, summary["unchanged"].as_bool()), (0, Some(false)), "{summary}");
    let again = machine.run(&["backup", "--to", "backup"]);
    assert!(again.must_be(0).stdout.contains("up to date"), "{again:?}");
    block_on(say(&thread, "after it"));
    machine.run(&["--store", "backup", "verify"]).must_be(0);
    let shown = machine.run(&["--store", "backup", "show", &id]);
    assert!(shown.must_be(0).stdout.contains("before the backup") && !shown.stdout.contains("after it"));

    machine.run(&["restore", "--from", "backup", "--to", "again"]).must_be(0);
    machine.run(&["--store", "again", "rename", &id, "restored"]).must_be(0);
    machine.run(&["--store", "again", "export", "--to", "out"]).must_be(0);
    for (path, (bytes, _)) in tree(&machine.path("files")) {
        assert!(tree(&machine.path("out")).values().any(|(other, _)| *other == bytes), "{}", path.display());
    }
    machine.run(&["backup", "--to", "again"]).must_be(2).must_say("written to");
    machine.run(&["restore", "--from", "backup", "--to", "again"]).must_be(2);
    machine.run(&["backup", "--to", text(&machine.store())]).must_be(2);
    machine.run(&["restore", "--from", "nowhere", "--to", "new"]).must_be(5);
    drop((thread, store));
}

#[test]
fn a_tree_in_a_bundle_comes_out_in_another_store_once() {
    let machine = Machine::with_store();
    let id = machine.ids()[0].clone();
    machine.run(&["fork", &id]).must_be(0);
    let (code, packed) = machine.json(&["pack", &id, "--tree", "--to", "bundle"]);
    assert_eq!((code, of_type(&packed, "thread").len()), (0, 2), "{packed:?}");
    let (code, checked) = machine.json(&["unpack", "--verify", "bundle"]);
    assert_eq!((code, of_type(&checked, "thread")), (0, of_type(&packed, "thread")));
    for (added, unchanged) in [(2, 0), (0, 2)] {
        let (code, records) = machine.json(&["--store", "other", "unpack", "bundle"]);
        let summary = of_type(&records, "summary")[0].clone();
        assert_eq!((code, &summary["added"], &summary["unchanged"]), (0, &added.into(), &unchanged.into()));
    }
    let of = |store: &str, thread: &str| machine.run(&["--store", store, "show", thread]).must_be(0).stdout.clone();
    for thread in of_type(&packed, "thread") {
        let thread = field(thread, "thread_id");
        assert_eq!(of("other", thread), of(text(&machine.store()), thread));
    }
    machine.run(&["pack", &id, "--to", "bundle"]).must_be(3).must_say("exists");

    let mut bytes = fs::read(machine.path("bundle")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(machine.path("broken"), bytes).unwrap();
    machine.run(&["unpack", "--verify", "broken"]).must_be(4).must_say("damaged");
    machine.run(&["--store", "third", "unpack", "broken"]).must_be(4).must_say("damaged");
    machine.run(&["unpack", "missing"]).must_be(5);
    machine.run(&["pack", "0000", "--to", "new"]).must_be(5);
    machine.run(&["pack", "--to", "new"]).must_be(2);
}
