//! How threads are stored: sealing, compacting, erasing, and what takes the room.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use common::{Machine, field, of_type};
use serde_json::Value;

fn done(machine: &Machine, arguments: &[&str]) -> Vec<Value> {
    let (code, records) = machine.json(arguments);
    assert_eq!(code, 0, "{records:?}");
    records
}

fn summary(records: &[Value]) -> &Value {
    of_type(records, "summary")[0]
}

/// What every thread has, as a program reads it.
fn all(machine: &Machine) -> Vec<Vec<Value>> {
    machine.ids().iter().map(|id| done(machine, &["show", id])).collect()
}

#[test]
fn sealing_and_compacting_make_a_store_small_and_change_nothing_else() {
    let machine = Machine::with_store();
    let before = all(&machine);
    let hot = summary(&done(&machine, &["stats"]))["disk_bytes"].as_u64().unwrap();
    let said = machine.run(&["seal"]).must_be(0).stdout.clone();
    assert!(said.contains("sealed") && said.contains("removed"), "{said}");
    machine.run(&["seal"]).must_be(0);
    for arguments in [&["compact"][..], &["compact", "--full"], &["seal"]] {
        let records = done(&machine, arguments);
        assert_eq!(summary(&records)["stopped"], false);
        assert_eq!(all(&machine), before, "{arguments:?}");
    }
    let cold = summary(&done(&machine, &["stats"]))["disk_bytes"].as_u64().unwrap();
    assert!(cold * 2 < hot, "{hot} to {cold}");
    machine.run(&["verify"]).must_be(0);
}

#[test]
fn an_erased_thread_is_nowhere_and_its_absence_can_be_shown() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    done(&machine, &["seal"]);
    done(&machine, &["rm", &id, "--yes"]);
    assert!(summary(&done(&machine, &["verify", "--deleted", &id]))["records"].as_u64().unwrap() > 1);
    let said = machine.run(&["erase"]).must_be(0).stdout.clone();
    assert!(said.contains("erased"), "{said}");
    let remains = done(&machine, &["verify", "--deleted", &id]);
    assert_eq!(summary(&remains)["records"], 0);
    assert_eq!(summary(&remains)["payload_bytes"], 0);
    let said = machine.run(&["verify", "--deleted", &id]).must_be(0).stdout.clone();
    assert!(said.contains("nothing of") && said.contains("but that it was deleted"), "{said}");
    machine.run(&["verify"]).must_be(0);
    assert!(machine.run(&["erase"]).must_be(0).stdout.contains("nothing to erase"));
}

#[test]
fn what_a_running_process_holds_is_named_and_erased_when_it_has_ended() {
    let machine = Machine::with_store();
    let (store, thread) = common::running(&machine);
    let id = common::block_on(async {
        thread.shutdown().await.unwrap();
        thread.id().to_string()
    });
    machine.run(&["rm", &id, "--yes"]).must_be(0);
    let (code, records) = machine.json(&["erase"]);
    let pending = of_type(&records, "pending");
    assert_eq!((code, pending.len()), (3, 1), "{records:?}");
    assert_eq!(field(pending[0], "thread_id"), id);
    assert!(pending[0]["holders"][0].as_str().unwrap().contains("an agent"), "{records:?}");
    common::block_on(store.close()).unwrap();
    assert_eq!(of_type(&done(&machine, &["erase"]), "pending").len(), 0);
    assert_eq!(summary(&done(&machine, &["verify", "--deleted", &id]))["records"], 0);
}

#[test]
fn du_says_what_takes_the_room() {
    let machine = Machine::with_store();
    let hot = done(&machine, &["du"]);
    assert!(summary(&hot)["hot_bytes"].as_u64().unwrap() > 0);
    done(&machine, &["seal"]);
    let records = done(&machine, &["du", "-n", "3"]);
    let kinds: Vec<&str> = of_type(&records, "kind").iter().map(|kind| field(kind, "kind")).collect();
    assert_eq!(kinds, ["messages", "tool_output", "images", "reasoning", "compaction", "other"]);
    assert_eq!(of_type(&records, "thread").len(), 3);
    let summary = summary(&records);
    assert_eq!(summary["hot_bytes"], 0);
    assert!(summary["record_bytes"].as_u64() < summary["logical_bytes"].as_u64());
    let said = machine.run(&["du"]).must_be(0).stdout.clone();
    assert!(said.contains("tool output") && said.contains("largest threads") && said.contains("together"), "{said}");
}

#[test]
fn a_thread_that_repeats_its_images_in_compactions_and_forks_takes_the_room_of_one_copy() {
    let machine = Machine::new();
    let files = machine.path("images");
    let plan = ["--images", "6", "--image-bytes", "20000", "--compactions", "30", "--forks", "9"];
    let to = ["gen", "--threads", "0", "--to", common::text(&files)];
    let written = done(&machine, &[&to[..], &plan[..]].concat());
    let (bytes, distinct) = (summary(&written)["bytes"].as_u64().unwrap(), 6 * 20_000);
    assert!(bytes > 30 * distinct && summary(&written)["files"] == 10, "{written:?}");
    done(&machine, &["import", common::text(&files)]);
    done(&machine, &["compact", "--full"]);
    let taken = summary(&done(&machine, &["stats"]))["disk_bytes"].as_u64().unwrap();
    assert!(taken < distinct * 5 / 4, "{taken} bytes for {distinct} of images");
    let back = machine.path("back");
    done(&machine, &["export", "--to", common::text(&back)]);
    let content = |root: &std::path::Path| -> Vec<(std::path::PathBuf, Vec<u8>)> {
        common::tree(root).into_iter().map(|(path, (bytes, _))| (path, bytes)).collect()
    };
    assert!(content(&files) == content(&back), "byte for byte");
}

#[test]
fn a_lost_manifest_is_repaired_when_that_is_confirmed() {
    let machine = Machine::with_store();
    let dead = machine.ids().remove(0);
    done(&machine, &["seal"]);
    assert!(machine.run(&["repair"]).must_be(0).stdout.contains("nothing to repair"));
    done(&machine, &["rm", &dead, "--yes"]);
    done(&machine, &["erase"]);
    let before = all(&machine);
    let manifest = machine.store().join("MANIFEST");
    let sound = std::fs::read(&manifest).unwrap();
    for spoilt in [None, Some(Vec::new()), Some(vec![0; sound.len()]), Some(sound[..sound.len() - 1].to_vec())] {
        std::fs::remove_file(&manifest).unwrap();
        if let Some(bytes) = &spoilt {
            std::fs::write(&manifest, bytes).unwrap();
        }
        machine.run(&["compact"]).must_be(4);
        let (code, records) = machine.json(&["repair", "--dry-run"]);
        assert_eq!((code, of_type(&records, "repair").len()), (0, 1), "{records:?}");
        assert_eq!(field(of_type(&records, "repair")[0], "what"), "manifest");
        machine.run(&["repair"]).must_be(7);
        assert_eq!(std::fs::read(&manifest).ok(), spoilt, "nothing was done");
        let said = machine.run(&["repair", "--yes"]).must_be(0).stdout.clone();
        assert!(said.contains("cannot be believed") && said.contains("repaired"), "{said}");
        assert_eq!(all(&machine), before);
        machine.run(&["verify"]).must_be(0);
        assert_eq!(summary(&done(&machine, &["verify", "--deleted", &dead]))["records"], 0);
    }
    done(&machine, &["rename", &machine.ids()[0], "still writable"]);
    done(&machine, &["compact", "--full"]);
    machine.run(&["verify"]).must_be(0);
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let machine = Machine::new();
    for command in ["seal", "compact", "erase", "du", "repair"] {
        machine.run(&[command]).must_be(5);
    }
    assert!(!machine.store().exists());
}
