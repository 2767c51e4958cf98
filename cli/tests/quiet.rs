//! What must not happen: stores made by reading, colours and bars in pipes, a fuss about a closed pipe.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use common::{Machine, text};

#[test]
fn only_import_demo_and_run_make_a_store() {
    let machine = Machine::new();
    fs::write(machine.path("file"), "x").unwrap();
    let commands = [
        &["list"][..],
        &["show", "0"],
        &["rename", "0", "name"],
        &["archive", "0"],
        &["unarchive", "0"],
        &["rm", "0"],
        &["trash", "put", "0"],
        &["trash", "list"],
        &["trash", "restore", "--all"],
        &["trash", "empty"],
        &["prune", "--keep", "1", "--yes"],
        &["verify"],
        &["verify", "--deleted", "0"],
        &["stats"],
        &["export", "--to", "out"],
        &["salvage", "--to", "out"],
    ];
    for arguments in commands {
        machine.run(arguments).must_be(5).must_say("no threadlog store");
        assert!(!machine.store().exists(), "{arguments:?} made a store");
        assert!(!machine.path("out").exists(), "{arguments:?} made a folder");
    }
    machine.run(&["dump", "file"]);
    assert!(!machine.store().exists());
}

#[test]
fn reading_commands_leave_every_byte_of_a_store_as_it_was() {
    let machine = Machine::with_store();
    let before = common::tree(&machine.store());
    let id = machine.ids().remove(0);
    for arguments in [&["list"][..], &["show", &id], &["verify"], &["stats"], &["export", "--to", "out"]] {
        machine.run(arguments).must_be(0);
    }
    machine.run(&["salvage", "--to", "saved"]).must_be(0);
    assert!(common::tree(&machine.store()) == before);
}

#[test]
fn pipes_get_no_colours_and_no_bars() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    fs::remove_dir_all(machine.store()).unwrap();
    for arguments in [&["import", "files"][..], &["list"], &["show", &id], &["verify"], &["stats"], &["--help"]] {
        let ran = machine.run(arguments);
        ran.must_be(0);
        assert!(!ran.stdout.contains('\x1b'), "{arguments:?}: {:?}", ran.stdout);
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
    let ran = machine.run(&["show", "nothing"]);
    assert!(!ran.stderr.contains('\x1b'), "{:?}", ran.stderr);
}

#[test]
fn colours_can_be_asked_for_where_there_is_no_terminal() {
    let machine = Machine::with_store();
    let coloured = |variables: &[(&str, &str)]| {
        let output = machine.command(&["list"]).envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let machine = Machine::with_store();
    let id = machine.ids().remove(0);
    for arguments in [&["show", "--raw", &id][..], &["show", &id], &["list"], &["show", "--json", &id]] {
        let mut child = machine.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn the_store_argument_goes_before_the_variable() {
    let machine = Machine::with_sample();
    let other = machine.path("other");
    machine.run(&["import", "files", "--store", text(&other)]).must_be(0);
    assert!(other.join("FORMAT").exists() && !machine.store().exists());
}
