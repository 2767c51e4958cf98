//! Forking, rolling back, and the tree of threads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::fs;

use common::{Machine, field, of_type, tree};
use serde_json::{Value, json};

const ID: &str = "019c1a2b-0000-7000-8000-00000000000a";

/// A rollout of turns without records of their starts.
fn rollout(machine: &Machine, words: &[&str]) {
    let at = |second: usize| format!("2026-01-31T12:00:{second:02}.000Z");
    let mut text = format!(
        "{{\"timestamp\":\"{0}\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{ID}\",\"timestamp\":\"{0}\",\"cwd\":\"/w\"}}}}\n",
        at(0)
    );
    for (place, word) in words.iter().enumerate() {
        let message = format!(
            "{{\"type\":\"message\",\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\"text\":\"{word}\"}}]}}"
        );
        let event = format!("{{\"type\":\"user_message\",\"message\":\"{word}\"}}");
        for (kind, payload) in [("response_item", &message), ("event_msg", &event)] {
            text += &format!("{{\"timestamp\":\"{}\",\"type\":\"{kind}\",\"payload\":{payload}}}\n", at(place + 1));
        }
    }
    fs::create_dir_all(machine.path("files")).unwrap();
    fs::write(machine.path(&format!("files/rollout-2026-01-31T12-00-00-{ID}.jsonl")), text).unwrap();
    machine.run(&["import", "files"]).must_be(0);
}

fn forked(machine: &Machine, arguments: &[&str]) -> Value {
    let (code, records) = machine.json(&[&["fork"], arguments].concat());
    assert_eq!(code, 0, "{records:?}");
    of_type(&records, "thread")[0].clone()
}

fn items(machine: &Machine, id: &str) -> Vec<Value> {
    let (code, records) = machine.json(&["show", id]);
    assert_eq!(code, 0, "{records:?}");
    of_type(&records, "item").into_iter().cloned().collect()
}

#[test]
fn a_fork_shows_what_it_inherited_and_is_exported_with_it() {
    let machine = Machine::new();
    rollout(&machine, &["one", "two", "three"]);
    machine.run(&["rename", ID, "Mine"]).must_be(0);
    let fork = forked(&machine, &[&format!("{}@user:2", &ID[..8]), "--keep-name"]);
    assert_eq!((&fork["inherited"], &fork["name"], &fork["forked_from"]), (&json!(5), &json!("Mine"), &json!(ID)));
    let id = field(&fork, "id").to_owned();
    let (all, inherited) = (items(&machine, &id), items(&machine, ID));
    assert_eq!((all.len(), &all[..5]), (6, &inherited[..5]), "the same items with the same numbers");
    assert!(machine.run(&["list"]).stdout.contains("2 threads"));
    let (_, list) = machine.json(&["list", "--search", "ONE"]);
    let thread = of_type(&list, "thread").into_iter().find(|thread| field(thread, "id") == id).unwrap().clone();
    assert_eq!((&thread["inherited"], &thread["lines"], &thread["preview"]), (&json!(5), &json!(1), &json!("one")));

    machine.run(&["export", &id, "--to", "out"]).must_be(0);
    let files = tree(&machine.path("out"));
    assert_eq!(files.len(), 1);
    let text = String::from_utf8(files.into_values().next().unwrap().0).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["payload"]["forked_from_id"], ID, "its own first item comes first, as Codex has it");
    assert_eq!(lines[1]["payload"]["id"], ID);
    machine.run(&["verify"]).must_be(0);
}

#[test]
fn places_that_a_thread_does_not_have_are_refused() {
    let machine = Machine::new();
    rollout(&machine, &["one"]);
    for (position, words) in [("@9", "no item before ordinal 9"), ("@after:x", "no turn"), ("@before:x", "no turn")] {
        machine.run(&["fork", &format!("{ID}{position}")]).must_be(2).must_say(words);
    }
    machine.run(&["fork", &format!("{ID}~1")]).must_be(2).must_say("revision");
    machine.run(&["fork", "ffff"]).must_be(5);
    machine.run(&["rollback", "ffff", "1"]).must_be(5);
    machine.run(&["tree", "ffff"]).must_be(5);
    let id = "019c1a2b-0000-7000-8000-0000000000ff";
    assert_eq!(field(&forked(&machine, &[&format!("{ID}@0"), "--new", id]), "id"), id);
    machine.run(&["fork", ID, "--new", id]).must_be(2).must_say("in the store already");
}

#[test]
fn turns_are_taken_back_and_nothing_is_removed() {
    let machine = Machine::new();
    rollout(&machine, &["one", "two", "three"]);
    let (code, records) = machine.json(&["rollback", ID, "2"]);
    assert_eq!(code, 0, "{records:?}");
    let expected = json!({"type": "thread", "id": ID, "rolled_back": 2, "context_items": 1});
    assert_eq!(*of_type(&records, "thread")[0], expected);
    let all = items(&machine, ID);
    assert_eq!(all.len(), 8);
    assert_eq!(all[7]["line"]["payload"], json!({"type": "thread_rolled_back", "num_turns": 2}));
    let said = machine.run(&["rollback", ID, "1"]).must_be(0).stdout.clone();
    assert!(said.contains("took back 1 turn of") && said.contains("0 items"), "{said}");
    let before = items(&machine, ID).len();
    machine.run(&["rollback", ID, "1"]).must_be(2).must_say("no turn that could be taken back");
    assert_eq!(items(&machine, ID).len(), before, "nothing was done");
}

#[test]
fn no_more_turns_are_said_to_be_taken_back_than_there_are() {
    let machine = Machine::new();
    rollout(&machine, &["one", "two"]);
    let said = machine.run(&["rollback", ID, "9"]).must_be(0).stdout.clone();
    assert!(said.contains("took back 2 turns, all there were, of") && said.contains("0 items"), "{said}");
    let all = items(&machine, ID);
    assert_eq!(all.last().unwrap()["line"]["payload"], json!({"type": "thread_rolled_back", "num_turns": 2}));
}

#[test]
fn threads_out_of_sight_are_forked_all_the_same() {
    let machine = Machine::new();
    rollout(&machine, &["one"]);
    machine.run(&["archive", ID]).must_be(0);
    forked(&machine, &[ID]);
    machine.run(&["trash", "put", ID]).must_be(0);
    forked(&machine, &[ID]);
    let (_, trash) = machine.json(&["trash", "list"]);
    assert_eq!(of_type(&trash, "thread").len(), 1, "it is where it was");
}

#[test]
fn refusals_are_said_without_the_names_of_operations() {
    let machine = Machine::new();
    rollout(&machine, &["one"]);
    let live = common::Live::resume(&machine, &[ID]);
    let refusals: [&[&str]; 4] =
        [&["fork", &format!("{ID}@9")], &["fork", &format!("{ID}@after:x")], &["rollback", ID, "1"], &["rm", "-y", ID]];
    for arguments in refusals {
        let said = machine.run(arguments).stderr;
        assert!(said.contains(&format!("thread {ID}: ")) && !said.contains("_thread"), "{said}");
    }
    live.end();
}

#[test]
fn the_tree_shows_who_came_from_whom() {
    let machine = Machine::new();
    rollout(&machine, &["one"]);
    assert!(machine.run(&["tree"]).must_be(0).stdout.contains("0 threads shown, 1 thread that came from no other"));
    let first = field(&forked(&machine, &[ID]), "id").to_owned();
    let second = field(&forked(&machine, &[&first]), "id").to_owned();
    let sister = field(&forked(&machine, &[ID]), "id").to_owned();
    for arguments in [&["tree"][..], &["tree", &second]] {
        let (code, records) = machine.json(arguments);
        assert_eq!(code, 0);
        let threads = of_type(&records, "thread");
        let mut shown: Vec<(&str, u64)> =
            threads.iter().map(|thread| (field(thread, "id"), thread["depth"].as_u64().unwrap())).collect();
        assert_eq!(shown[0], (ID, 0));
        assert_eq!(threads[1]["relation"], "fork");
        shown.sort_unstable();
        let mut expected = vec![(ID, 0), (&first, 1), (&second, 2), (&sister, 1)];
        expected.sort_unstable();
        assert_eq!(shown, expected);
    }
    let said = machine.run(&["tree"]).stdout.clone();
    assert!(said.contains("├─ ") && said.contains("└─ "), "{said}");
    machine.run(&["trash", "put", &first]).must_be(0);
    let (_, records) = machine.json(&["tree"]);
    let threads = of_type(&records, "thread");
    let found = threads.iter().find(|thread| field(thread, "id") == first).unwrap();
    assert_eq!((&found["trashed"], &found["missing"], threads.len()), (&json!(true), &json!(false), 4));
    assert!(machine.run(&["tree"]).stdout.contains("(in the trash)"));
}

#[test]
fn threads_that_came_from_one_are_listed_and_its_turns_come_in_pages_from_either_end() {
    let machine = Machine::new();
    rollout(&machine, &["one", "two", "three", "four", "five"]);
    let child = field(&forked(&machine, &[ID]), "id").to_owned();
    let grandchild = field(&forked(&machine, &[&child]), "id").to_owned();
    let listed = |option: &str, id: &str| {
        let (code, records) = machine.json(&["list", option, id]);
        assert_eq!(code, 0, "{records:?}");
        let mut ids: Vec<String> =
            of_type(&records, "thread").iter().map(|thread| field(thread, "id").to_owned()).collect();
        ids.sort();
        (ids, records.last().unwrap()["hidden"]["unrelated"].as_u64().unwrap())
    };
    let mut both = vec![child.clone(), grandchild.clone()];
    both.sort();
    assert_eq!(listed("--children-of", ID), (vec![child.clone()], 2));
    assert_eq!(listed("--descendants-of", ID), (both, 1));
    assert_eq!(listed("--descendants-of", &grandchild), (Vec::new(), 3));
    assert!(machine.run(&["list", "--children-of", ID]).stdout.contains("2 that came from elsewhere"));
    let paged = |order: &[&str]| {
        let (mut words, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let from = cursor.iter().flat_map(|cursor| ["--cursor", cursor]).collect::<Vec<_>>();
            let (code, records) = machine.json(&[&["turns", &child, "--limit", "2"], order, &from].concat());
            assert_eq!(code, 0, "{records:?}");
            words.extend(of_type(&records, "turn").iter().map(|turn| field(turn, "words").to_owned()));
            let Some(next) = records.last().unwrap().get("next_cursor") else { return words };
            cursor = Some(next.as_str().unwrap().to_owned());
        }
    };
    assert_eq!(paged(&["--ascending"]), ["one", "two", "three", "four", "five"]);
    assert_eq!(paged(&[]), ["five", "four", "three", "two", "one"]);
    machine.run(&["rollback", &child, "2"]).must_be(0);
    assert_eq!(paged(&["--ascending"]), ["one", "two", "three"]);
    assert_eq!(paged(&[]), ["three", "two", "one"]);
    machine.run(&["turns", &child, "--cursor", "first"]).must_be(2).must_say("no cursor");
}
