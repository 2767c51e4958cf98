//! Deleting, the trash, and pruning.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::BTreeSet;

use common::{Live, Machine, field, of_type};
use serde_json::{Value, json};

fn done(machine: &Machine, arguments: &[&str]) -> Vec<Value> {
    let (code, records) = machine.json(arguments);
    assert_eq!(code, 0, "{records:?}");
    records
}

fn ids(records: &[Value], kind: &str) -> BTreeSet<String> {
    of_type(records, kind).iter().map(|record| field(record, "id").to_owned()).collect()
}

fn set<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

fn fork(machine: &Machine, id: &str) -> String {
    field(of_type(&done(machine, &["fork", id]), "thread")[0], "id").to_owned()
}

#[test]
fn a_dry_run_says_what_goes_and_what_stays_and_does_nothing() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    let child = fork(&machine, &id);
    let grandchild = fork(&machine, &child);
    let before = common::tree(&machine.store());
    let records = done(&machine, &["rm", &id, "--dry-run"]);
    assert_eq!((ids(&records, "thread"), ids(&records, "kept")), (set([&id]), set([&child])));
    assert_eq!(of_type(&records, "thread")[0]["deleted"], false);
    let records = done(&machine, &["rm", &id, "--dry-run", "--with-descendants"]);
    assert_eq!((ids(&records, "thread"), ids(&records, "kept")), (set([&id, &child, &grandchild]), set([])));
    let said = machine.run(&["rm", &id, "--dry-run"]).must_be(0).stdout.clone();
    assert!(said.contains(&format!("would delete {id}")) && said.contains(&format!("stays {child}")), "{said}");
    assert!(said.contains("nothing was done"), "{said}");
    assert!(common::tree(&machine.store()) == before, "a preview changes nothing");
}

#[test]
fn deleted_threads_are_gone_and_their_forks_stay_whole() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    let child = fork(&machine, &id);
    let (_, before) = machine.json(&["show", &child]);
    let records = done(&machine, &["rm", &id[..20], &id, "--yes"]);
    let summary = json!({
        "type": "summary", "threads": 1, "deleted": 1, "kept": 1, "failed": 0, "dry_run": false
    });
    assert_eq!(*records.last().unwrap(), summary);
    assert!(!machine.ids().contains(&id));
    machine.run(&["show", &id]).must_be(5);
    machine.run(&["rm", &id, "--yes"]).must_be(5).must_say("no thread");
    assert_eq!(machine.json(&["show", &child]).1, before, "what a fork inherited stays readable for it");

    let records = done(&machine, &["verify", "--deleted", &id]);
    let remains = of_type(&records, "remains")[0];
    assert_eq!(remains["forks"], json!([child]));
    assert!(remains["records"].as_u64().unwrap() > 1 && remains["payload_bytes"].as_u64().unwrap() > 100, "{remains}");
    let said = machine.run(&["verify", "--deleted", &id]).must_be(0).stdout.clone();
    assert!(said.contains("still in the store's files") && said.contains("threadlog erase"), "{said}");
    machine.run(&["verify"]).must_be(0);

    let said = machine.run(&["rm", &child, "--yes"]).must_be(0).stdout.clone();
    assert!(said.contains("1 thread deleted for good") && said.contains("trash put"), "{said}");
    assert_eq!(of_type(&done(&machine, &["verify", "--deleted", &id]), "remains")[0]["forks"], json!([]));
    // Imported again it is another life.
    machine.run(&["import", "files"]).must_be(0);
    assert!(machine.ids().contains(&id));
    assert_eq!(done(&machine, &["verify", "--deleted", &id]).last().unwrap()["is_back"], true);
}

#[test]
fn what_was_not_deleted_is_said_to_be_so() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    let said = machine.run(&["verify", "--deleted", &id]).must_be(0).stdout.clone();
    assert!(said.contains("was not deleted"), "{said}");
    machine.run(&["verify", "--deleted", "ffff"]).must_be(5).must_say("no deleted thread");
    let strange = "019c1a2b-0000-7000-8000-00000000ffff";
    let said = machine.run(&["verify", "--deleted", strange]).must_be(0).stdout.clone();
    assert!(said.contains("nothing of"), "{said}");
}

#[test]
fn descendants_go_along_and_each_thread_goes_once() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    let child = fork(&machine, &id);
    let grandchild = fork(&machine, &child);
    let records = done(&machine, &["rm", &id, &child, "--with-descendants", "--yes"]);
    assert_eq!(ids(&records, "thread"), set([&id, &child, &grandchild]));
    assert_eq!(records.last().unwrap()["deleted"], 3);
    assert_eq!(machine.ids().len(), 5);
}

#[test]
fn a_fork_of_a_deleted_fork_is_known_to_stand_on_both() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    let child = fork(&machine, &id);
    let grandchild = fork(&machine, &child);
    let (_, before) = machine.json(&["show", &grandchild]);
    machine.run(&["rm", &child, &id, "--yes"]).must_be(0);
    for deleted in [&id, &child] {
        let records = done(&machine, &["verify", "--deleted", deleted]);
        assert_eq!(of_type(&records, "remains")[0]["forks"], json!([grandchild]), "{deleted}");
    }
    assert_eq!(machine.json(&["show", &grandchild]).1, before);
}

#[test]
fn a_thread_that_is_being_written_stays() {
    let machine = Machine::with_store();
    let all = machine.ids();
    let live = Live::resume(&machine, &[&all[0], &all[1]]);
    machine.run(&["rm", &all[0], "--yes"]).must_be(6).must_say("another program");
    let (code, records) = machine.json(&["rm", &all[0], &all[2], "--yes"]);
    assert_eq!((code, ids(&records, "failed")), (3, set([&all[0]])));
    assert_eq!(machine.ids().len(), 5);

    machine.run(&["trash", "put", &all[1], &all[3]]).must_be(0);
    let (code, records) = machine.json(&["trash", "empty", "--yes"]);
    assert_eq!((code, ids(&records, "failed")), (3, set([&all[1]])));
    assert_eq!((&records.last().unwrap()["deleted"], &records.last().unwrap()["failed"]), (&json!(1), &json!(1)));
    live.end();
    machine.run(&["trash", "empty", "--yes"]).must_be(0);
    assert_eq!(machine.ids().len(), 3);
}

#[test]
fn the_trash_is_out_of_sight_and_has_an_undo() {
    let machine = Machine::with_store();
    let all = machine.ids();
    machine.run(&["archive", &all[0]]).must_be(0);
    let records = done(&machine, &["trash", "put", &all[0], &all[1]]);
    assert_eq!((ids(&records, "moved"), &records.last().unwrap()["changed"]), (set([&all[0], &all[1]]), &json!(2)));
    assert_eq!(done(&machine, &["trash", "put", &all[0]]).last().unwrap()["changed"], 0);
    assert_eq!(machine.ids().len(), 4);
    assert_eq!(of_type(&done(&machine, &["list", "--archived"]), "thread").len(), 0);
    let records = done(&machine, &["trash", "list"]);
    assert_eq!(ids(&records, "thread"), set([&all[0], &all[1]]));
    machine.run(&["trash", "restore", &all[1]]).must_be(0);
    assert_eq!(machine.ids().len(), 5);
    machine.run(&["trash", "restore", "--all"]).must_be(0);
    assert_eq!(ids(&done(&machine, &["list", "--archived"]), "thread"), set([&all[0]]), "archived as it was");
    assert!(machine.run(&["trash", "restore", "--all"]).must_be(0).stdout.contains("the trash is empty"));
    assert!(machine.run(&["trash", "empty", "--yes"]).must_be(0).stdout.contains("the trash is empty"));

    machine.run(&["trash", "put", &all[0], &all[1]]).must_be(0);
    assert!(machine.run(&["trash", "empty", "--dry-run"]).must_be(0).stdout.contains("nothing was done"));
    assert!(machine.run(&["trash", "empty", "--yes"]).must_be(0).stdout.contains("2 threads deleted for good"));
    machine.run(&["trash", "restore", &all[1]]).must_be(5);
}

#[test]
fn pruning_shows_first_and_then_moves_into_the_trash() {
    let machine = Machine::with_store();
    let all = machine.ids();
    machine.run(&["prune"]).must_be(2).must_say("--older-than");
    machine.run(&["prune", "--yes", "--include-named"]).must_be(2);
    machine.run(&["prune", "--older-than", "30"]).must_be(2).must_say("30d");
    machine.run(&["rename", &all[5], "mine"]).must_be(0);
    machine.run(&["archive", &all[4]]).must_be(0);
    let live = Live::resume(&machine, &[&all[3]]);
    let records = done(&machine, &["prune", "--keep", "1"]);
    assert_eq!(ids(&records, "thread"), set([&all[1], &all[2]]));
    assert_eq!(ids(&records, "protected"), set([&all[3], &all[4], &all[5]]));
    let protections = |id: &str| {
        let found = of_type(&records, "protected").into_iter().find(|record| field(record, "id") == id).unwrap();
        found["protections"].clone()
    };
    assert_eq!(protections(&all[3]), json!(["live"]));
    assert_eq!(protections(&all[4]), json!(["archived"]));
    assert_eq!(protections(&all[5]), json!(["named"]));
    let summary = records.last().unwrap();
    assert_eq!((&summary["preview"], &summary["trashed"]), (&json!(true), &json!(0)));
    let said = machine.run(&["prune", "--keep", "1"]).must_be(0).stdout.clone();
    assert!(
        said.contains("not one of the latest") && said.contains("--include-named") && said.contains("--yes"),
        "{said}"
    );
    assert_eq!(machine.ids().len(), 5, "a preview moves nothing");

    let records = done(&machine, &["prune", "--keep", "1", "--include-named", "--yes"]);
    assert_eq!(records.last().unwrap()["trashed"], 3);
    assert_eq!(ids(&done(&machine, &["trash", "list"]), "thread"), set([&all[1], &all[2], &all[5]]));
    live.end();
    machine.run(&["trash", "restore", "--all"]).must_be(0);
    assert_eq!(machine.ids().len(), 5);
}

#[test]
fn pruning_by_age_size_and_folder() {
    let machine = Machine::with_store();
    let count = |arguments: &[&str]| {
        let records = done(&machine, &[&["prune"], arguments].concat());
        of_type(&records, "thread").len()
    };
    assert_eq!(count(&["--older-than", "100y"]), 0);
    assert_eq!(count(&["--larger-than", "0"]), 6);
    assert_eq!(count(&["--larger-than", "1TB"]), 0);
    assert_eq!(count(&["--max-total", "1TB"]), 0);
    assert_eq!(count(&["--max-total", "0", "--keep", "2"]), 4);
    assert_eq!(count(&["--cwd", "/nowhere"]), 0);
    let (_, list) = machine.json(&["list"]);
    let cwd = field(of_type(&list, "thread")[0], "cwd").to_owned();
    let there = of_type(&list, "thread").into_iter().filter(|thread| thread["cwd"] == *cwd).count();
    assert_eq!(count(&["--cwd", &cwd]), there);
}
