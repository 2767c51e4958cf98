//! What people are told: facts in words that help, for one as for many.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Machine, field, of_type, text, tree};

const A: &str = "rollout-2026-01-31T12-34-56-019c1a2b-0000-7000-8000-00000000000a.jsonl";
const B: &str = "rollout-2026-01-31T12-34-56-019c1a2b-0000-7000-8000-00000000000b.jsonl";
const LINE: &str = "{\"timestamp\":\"2026-01-31T12:34:56.789Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"x\"}}\n";

/// A file below `folder`, made with it.
fn put(machine: &Machine, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = machine.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn import_tells_of_what_moved() {
    let machine = Machine::new();
    let old = put(&machine, &format!("m/sessions/{A}"), LINE);
    machine.run(&["import", "m"]).must_be(0);
    fs::create_dir(machine.path("m/archived_sessions")).unwrap();
    fs::rename(old, machine.path("m/archived_sessions").join(A)).unwrap();
    let said = machine.run(&["import", "m"]).must_be(0).stdout.clone();
    assert!(said.contains(&format!("moved archived_sessions/{A}: it was sessions/{A} before")), "{said}");
    assert!(said.contains("1 unchanged, 1 moved"), "{said}");
}

#[test]
fn import_says_which_files_were_cut_down() {
    let machine = Machine::new();
    put(&machine, &format!("m/{A}"), LINE.repeat(3));
    machine.run(&["import", "m"]).must_be(0);
    put(&machine, &format!("m/{A}"), LINE.repeat(2));
    let (code, records) = machine.json(&["import", "m"]);
    assert_eq!((code, field(of_type(&records, "file")[0], "outcome")), (0, "shortened"));
    machine.run(&["export", "--to", "out", "--revisions"]).must_be(0);
    let lengths: Vec<usize> = tree(&machine.path("out")).into_values().map(|(bytes, _)| bytes.len()).collect();
    assert_eq!(lengths, [LINE.len() * 2, LINE.len() * 3]);
}

#[test]
fn one_odd_line_is_said_as_well_as_many() {
    let machine = Machine::new();
    let half = LINE.trim_end();
    put(&machine, &format!("m/{A}"), format!("{half}{LINE}\0\0{LINE}"));
    let said = machine.run(&["import", "m"]).must_be(0).stdout.clone();
    assert!(said.contains("1 glued to the next") && said.contains("1 with NUL bytes"), "{said}");
}

#[test]
fn any_file_of_a_store_can_be_dumped() {
    let machine = Machine::with_store();
    put(&machine, "store/FORMAT.new", fs::read(machine.store().join("FORMAT")).unwrap());
    let files = tree(&machine.store()).into_keys();
    let mut names = Vec::new();
    for path in files {
        machine.run(&["dump", text(&machine.store().join(&path))]).must_be(0);
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in ["FORMAT", "FORMAT.new", "MAINTENANCE", "LOCK", "mark", "roster"] {
        assert!(names.iter().any(|found| found == name), "{name} is not among {names:?}");
    }
    let said = machine.run(&["dump", "store/MAINTENANCE"]).stdout;
    assert!(said.contains("nobody"), "{said}");
    put(&machine, "LOCK", fs::read(machine.store().join("journals/000/LOCK")).unwrap());
    let said = machine.run(&["dump", "LOCK"]).must_be(0).stdout.clone();
    assert!(said.contains("pid") && said.contains("client threadlog"), "{said}");
}

#[test]
fn a_risk_can_be_taken_on_the_command_line() {
    let machine = Machine::with_sample();
    machine.run(&["import", "files", "--allow-untrusted"]).must_be(0);
    let help = machine.run(&["--help"]).stdout;
    assert!(help.contains("--allow-untrusted") && help.contains("cannot be trusted"), "{help}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_store_is_not_made_where_locks_cannot_be_trusted() {
    let machine = Machine::with_sample();
    let ran = machine.run(&["import", "files", "--store", "/proc/threadlog"]);
    ran.must_be(1).must_say("whose locks or syncs cannot be trusted").must_say("--allow-untrusted");
}

#[test]
fn a_demonstration_in_a_store_of_ones_own_does_not_call_it_new() {
    let machine = Machine::with_store();
    let own = machine.run(&["demo", "files", "--store", text(&machine.store())]).must_be(0).stdout.clone();
    assert!(!own.contains("new store") && !own.contains("Delete") && own.contains("They are in your store"), "{own}");
    let new = machine.run(&["demo", "files", "--store", text(&machine.path("other"))]).must_be(0).stdout.clone();
    assert!(new.contains("new store") && new.contains("Delete the folder"), "{new}");
}

#[test]
fn a_file_exported_under_another_name_is_told_of() {
    let machine = Machine::new();
    let meta = |id: &str| {
        let payload = format!("{{\"id\":\"019c1a2b-0000-7000-8000-00000000000{id}\"}}");
        LINE.replace("event_msg", "session_meta").replace("{\"type\":\"x\"}", &payload)
    };
    put(&machine, &format!("one/{A}"), meta("a"));
    put(&machine, &format!("two/{A}"), meta("b"));
    machine.run(&["import", "one", "two"]).must_be(0);
    let said = machine.run(&["export", "--to", "out"]).must_be(0).stdout.clone();
    assert!(said.contains("renamed") && said.contains(&format!("is exported as {A}")), "{said}");
    let (_, records) = machine.json(&["export", "--to", "out"]);
    let renamed: Vec<_> = of_type(&records, "file").into_iter().filter(|file| file["instead_of"] == A).collect();
    assert_eq!(renamed.len(), 1, "{records:?}");
    assert_ne!(field(renamed[0], "path"), A);
}

#[test]
fn a_thread_is_found_by_its_file_and_without_hyphens() {
    let machine = Machine::new();
    put(&machine, &format!("m/{A}"), LINE);
    put(&machine, &format!("m/{B}"), LINE);
    machine.run(&["import", "m"]).must_be(0);
    machine.run(&["show", &format!("somewhere/{A}")]).must_be(0);
    machine.run(&["show", "019c1a2b00007000800000000000000b"]).must_be(0);
    machine.run(&["show", ""]).must_be(2).must_say("`list` shows all");
}

#[test]
fn a_journal_without_segments_is_called_that() {
    let machine = Machine::with_store();
    for (path, _) in tree(&machine.store()) {
        if path.extension().is_some_and(|end| end == "hot") {
            fs::remove_file(machine.store().join(path)).unwrap();
        }
    }
    let said = machine.run(&["verify"]).must_be(4).stdout.clone();
    assert!(said.contains("the journal, which has no segments") && !said.contains(".hot"), "{said}");
}
