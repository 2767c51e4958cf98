//! The catalog through the command: nothing depends on its files, what is wrong with them is told, and is mended.

use std::fs;
use std::path::PathBuf;

mod common;

use common::{Machine, field, of_type};

fn checkpoints(machine: &Machine) -> Vec<PathBuf> {
    let folder = machine.store().join("catalog");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    files
}

fn lists(machine: &Machine) -> Vec<String> {
    let ways: [&[&str]; 4] = [
        &["list"],
        &["list", "--sort", "created", "--ascending"],
        &["list", "--search", "a"],
        &["list", "--source", "cli"],
    ];
    ways.iter().map(|arguments| machine.run(arguments).must_be(0).stdout.clone()).collect()
}

fn findings(machine: &Machine) -> (i32, Vec<String>) {
    let (code, records) = machine.json(&["doctor"]);
    let said = |finding: &&serde_json::Value| format!("{} {}", field(finding, "level"), field(finding, "what"));
    (code, of_type(&records, "finding").iter().map(said).collect())
}

#[test]
fn without_its_files_and_with_harmed_ones_lists_are_the_same_and_repair_makes_it_anew() {
    let machine = Machine::with_store();
    let wanted = lists(&machine);
    assert!(checkpoints(&machine).is_empty(), "so little is not worth one");
    let (code, found) = findings(&machine);
    assert!(code == 0 && found.iter().any(|what| what.starts_with("note there is no checkpoint")), "{found:?}");
    assert!(machine.run(&["rebuild"]).must_be(0).stdout.contains("6 threads"));
    assert_eq!(lists(&machine), wanted);
    assert_eq!(findings(&machine), (0, vec![]));
    let [file] = checkpoints(&machine).try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    let mut rotten = whole.clone();
    let last = rotten.len() - 1;
    rotten[last] ^= 1;
    for harmed in [b"no catalog".to_vec(), whole[..whole.len() / 2].to_vec(), rotten] {
        fs::write(&file, harmed).unwrap();
        assert_eq!(lists(&machine), wanted);
        let (code, found) = findings(&machine);
        assert!(code == 0 && found[0].starts_with("warning ") && found[0].contains("is not used"), "{found:?}");
        assert!(machine.run(&["verify"]).must_be(0).stdout.contains("is not used"));
        machine.run(&["repair", "--yes"]).must_be(0);
        assert_eq!(findings(&machine), (0, vec![]));
        machine.run(&["verify"]).must_be(0);
        let [again] = checkpoints(&machine).try_into().unwrap();
        fs::rename(again, &file).unwrap();
    }
    fs::remove_dir_all(machine.store().join("catalog")).unwrap();
    assert_eq!(lists(&machine), wanted);
}

#[test]
fn changes_are_those_since_the_cursor_and_other_cursors_are_refused() {
    let machine = Machine::with_store();
    let ids = machine.ids();
    let (_, all) = machine.json(&["changes"]);
    assert_eq!(of_type(&all, "thread").len(), ids.len());
    let cursor = field(of_type(&all, "summary")[0], "cursor").to_owned();
    let since = |cursor: &str| {
        let (code, records) = machine.json(&["changes", "--since", cursor]);
        let changed = of_type(&records, "thread");
        (code, changed.iter().map(|one| (field(one, "id").to_owned(), one["deleted"] == true)).collect::<Vec<_>>())
    };
    assert_eq!(since(&cursor), (0, vec![]));
    machine.run(&["rename", &ids[0], "another name"]).must_be(0);
    machine.run(&["rm", &ids[1], "--yes"]).must_be(0);
    let mut wanted = vec![(ids[0].clone(), false), (ids[1].clone(), true)];
    wanted.sort();
    assert_eq!(since(&cursor), (0, wanted));
    machine.run(&["changes", "--since", "yesterday"]).must_be(2);
    let other = Machine::with_store();
    other.run(&["changes", "--since", &cursor]).must_be(2).must_say("another store");
}
