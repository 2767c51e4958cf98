//! What programs read: every record is documented, and every documented record is written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{Live, Machine, damage, field, of_type, text};
use serde_json::{Value, json};

/// Field name → whether it may be absent.
type Fields = BTreeMap<String, bool>;
/// (command, type of record) → its fields.
type Records = BTreeMap<(String, String), Fields>;

/// The tables of docs/cli.md.
fn documented() -> Records {
    let mut records = Records::new();
    let mut commands: Vec<String> = Vec::new();
    for line in include_str!("../../docs/cli.md").lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            commands = heading.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, kinds, fields, _] = cells[..] else { continue };
        if commands.is_empty() || !kinds.starts_with('`') {
            continue;
        }
        for (command, kind) in
            commands.iter().flat_map(|command| names(kinds).into_keys().map(move |kind| (command, kind)))
        {
            let same_as = fields.strip_prefix("as in `").and_then(|rest| rest.split('`').next());
            let fields = match same_as {
                Some(other) => records[&(other.to_owned(), kind.clone())].clone(),
                None => names(fields),
            };
            let known: &mut Fields = records.entry((command.clone(), kind)).or_default();
            // Of two kinds of one name what only one has is optional.
            if known.is_empty() {
                *known = fields;
            } else {
                known.extend(
                    fields
                        .into_iter()
                        .filter(|(name, _)| !known.contains_key(name))
                        .map(|(name, _)| (name, false))
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
    records
}

/// The names in a cell, without what stands in parentheses or behind a colon.
fn names(cell: &str) -> Fields {
    let mut depth = 0;
    let outside: String = cell
        .chars()
        .filter(|c| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0 && *c != ')'
        })
        .collect();
    let outside = outside.split(": ").next().unwrap_or("");
    let parts: Vec<&str> = outside.split('`').collect();
    let names = parts.iter().enumerate().filter(|(index, _)| index % 2 == 1);
    names.map(|(index, name)| ((*name).to_owned(), parts[index + 1].starts_with('?'))).collect()
}

/// Compares one run with the documents; notes which records were seen.
fn compare(command: &str, written: &[Value], documented: &Records, seen: &mut BTreeSet<(String, String)>) {
    // `demo` writes what two other commands write.
    let places: &[&str] =
        if command == "demo" { &["demo", "any command", "import", "list"] } else { &[command, "any command"] };
    for record in written {
        let kind = field(record, "type");
        let keys = places.iter().map(|place| ((*place).to_owned(), kind.to_owned()));
        let faults: Vec<String> = keys
            .filter_map(|key| {
                let fault = fault(record, documented.get(&key)?);
                if fault.is_none() {
                    seen.insert(key);
                }
                Some(fault.unwrap_or_default())
            })
            .collect();
        assert!(faults.iter().any(String::is_empty), "{command}, {kind}: {faults:?} in {record}");
    }
}

/// How a record differs from its documents.
fn fault(record: &Value, fields: &Fields) -> Option<String> {
    let object = record.as_object().expect("an object");
    let unknown = object.keys().find(|name| *name != "type" && !fields.contains_key(*name));
    let absent = fields.iter().find(|(name, optional)| !**optional && !object.contains_key(*name));
    let unknown = unknown.map(|name| format!("{name} is not documented"));
    unknown.or_else(|| absent.map(|(name, _)| format!("{name} is documented and absent")))
}

const COMMANDS: [&str; 44] = [
    "repair",
    "doctor",
    "rebuild",
    "changes",
    "seal",
    "compact",
    "erase",
    "du",
    "backup",
    "restore",
    "pack",
    "unpack --verify",
    "unpack",
    "import",
    "export",
    "list",
    "show",
    "search",
    "context",
    "turns",
    "tail",
    "ps",
    "rename",
    "archive",
    "unarchive",
    "tag",
    "pin",
    "unpin",
    "relink",
    "fork",
    "rollback",
    "tree",
    "rm",
    "prune",
    "trash",
    "verify --deleted",
    "verify",
    "stats",
    "usage",
    "salvage",
    "dump",
    "gen",
    "demo",
    "run",
];

/// An agent that says a word in each turn and compacts nothing.
#[cfg(unix)]
const AGENT: &str = r#"read -r turn
    echo '{"type":"show","payload":{"type":"agent_message_delta"}}'
    echo '{"type":"message","text":"hello"}'
    echo '{"type":"turn_complete"}'"#;

/// Conversations: (command, records).
#[cfg(unix)]
fn conversations(machine: &Machine) -> Vec<(&'static str, Vec<Value>)> {
    let run = |options: &[&str], ops: &[Value]| {
        let arguments = [&["run", "--json", "--exec", "/bin/sh"], options, &["--", "-c", AGENT]].concat();
        let lines: String = ops.iter().map(|op| format!("{op}\n")).collect();
        let ran = common::talk::talked(machine, &arguments, &lines);
        ("run", ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect::<Vec<Value>>())
    };
    let ops = [
        common::talk::turn("Why?"),
        json!({"op": "compact"}),
        json!({"op": "set_name", "name": "a name"}),
        json!({"op": "set_memory_mode", "mode": "disabled"}),
        json!({"op": "never_heard_of"}),
    ];
    let first = run(&["--cwd", ".", "--model", "m"], &ops);
    let id = field(&first.1[1], "id").to_owned();
    let second = run(&["--resume", &id], &[json!({"op": "rollback", "num_turns": 1}), json!({"op": "interrupt"})]);
    let third = run(&["--fork", &id], &[]);
    vec![first, second, third]
}

/// Runs of the commands that look at or change one thread.
fn on_a_thread(id: &str) -> Vec<Vec<&str>> {
    let runs: &[&[&str]] = &[
        &["rename", id, "a name"],
        &["rename", id, "--clear"],
        &["archive", id],
        &["list", "--archived"],
        &["unarchive", id],
        &["list", "--limit", "1"],
        &["tag", "--json", id, "+a", "-b"],
        &["tag", id],
        &["pin", id],
        &["unpin", id],
        &["relink", "--from", "/", "--to", "/moved", "--dry-run"],
        &["relink", "--from", "/", "--to", "/moved"],
        &["tail", id],
        &["fork", id],
        &["rollback", id, "1"],
        &["tree"],
        &["tree", id],
    ];
    runs.iter().map(|arguments| arguments.to_vec()).collect()
}

/// Runs of every command, sound and unsound: (command, records).
fn runs() -> Vec<(&'static str, Vec<Value>)> {
    let machine = Machine::with_sample();
    fs::write(machine.path("files/numbers.jsonl"), "1\n2\n").unwrap();
    let large = format!(
        "{{\"timestamp\":\"2026-01-31T12:34:56.789Z\",\"type\":\"event_msg\",\"payload\":\"{}\"}}\n",
        "x".repeat(2 << 20)
    );
    fs::write(machine.path("files/rollout-large.jsonl"), large).unwrap();
    let mut runs = Vec::new();
    let mut run = |machine: &Machine, arguments: &[&str]| {
        let (_, records) = machine.json(arguments);
        let header = &records[0];
        assert_eq!((field(header, "type"), &header["schema_version"]), ("header", &json!(1)), "{arguments:?}");
        let command = COMMANDS.into_iter().find(|name| *name == field(header, "command")).expect("a command");
        assert!(command.split(' ').eq(arguments[..command.split(' ').count()].iter().copied()), "{arguments:?}");
        runs.push((command, records));
    };
    run(&machine, &["import", "files", "missing"]);
    for arguments in
        [&["list"][..], &["verify"], &["stats"], &["gen", "--threads", "1", "--to", "more"], &["demo", "files"]]
    {
        run(&machine, arguments);
    }
    let ids = machine.ids();
    for id in &ids {
        run(&machine, &["show", id]);
        run(&machine, &["turns", id, "--limit", "1"]);
    }
    run(&machine, &["usage", "--by", "day,model,project,thread"]);
    run(&machine, &["search", "--kind", "all", "e"]);
    run(&machine, &["search", "no such words"]);
    run(&machine, &["context", &format!("{}@2", ids[0])]);
    for arguments in on_a_thread(&ids[0]) {
        run(&machine, &arguments);
    }
    let (store, _) = common::running(&machine);
    run(&machine, &["ps"]);
    run(&machine, &["doctor"]);
    drop(store);
    fs::create_dir(machine.path("out")).unwrap();
    fs::write(machine.path("out/rollout-large.jsonl"), "something else").unwrap();
    run(&machine, &["export", "--to", "out"]);
    for (path, _) in common::tree(&machine.store()) {
        run(&machine, &["dump", text(&machine.store().join(path))]);
    }
    let segment = machine.store().join(damage(&machine.store()));
    run(&machine, &["verify"]);
    run(&machine, &["search", "--kind", "all", "--limit", "0", "e"]);
    let whole = fs::read(machine.path("out/rollout-large.jsonl")).unwrap();
    fs::create_dir(machine.path("saved")).unwrap();
    fs::write(machine.path("saved/rollout-large.jsonl"), whole).unwrap();
    run(&machine, &["salvage", "--to", "saved"]);
    for id in machine.ids() {
        run(&machine, &["show", &id]);
        run(&machine, &["tail", &id, "-n", "1000"]);
    }
    let mut bytes = fs::read(&segment).unwrap();
    bytes[4096] ^= 1;
    fs::write(machine.path("renamed"), bytes).unwrap();
    run(&machine, &["dump", "renamed"]);
    fs::write(machine.path("FORMAT"), [7; 64]).unwrap();
    run(&machine, &["dump", "FORMAT"]);
    run(&machine, &["dump", "files"]);
    end_of_life(&mut run);
    sealing(&mut run);
    copies(&mut run);
    #[cfg(unix)]
    runs.extend(conversations(&Machine::new()));
    runs
}

/// Runs of what takes threads away, also while somebody writes them.
fn end_of_life(run: &mut impl FnMut(&Machine, &[&str])) {
    let machine = Machine::with_store();
    let ids = machine.ids();
    machine.run(&["fork", &ids[0]]).must_be(0);
    machine.run(&["fork", &ids[1]]).must_be(0);
    for arguments in [
        &["prune", "--keep", "1"][..],
        &["rm", &ids[0], "--dry-run"],
        &["trash", "put", &ids[1]],
        &["trash", "list"],
        &["trash", "restore", "--all"],
        &["trash", "put", &ids[1]],
    ] {
        run(&machine, arguments);
    }
    let _live = Live::resume(&machine, &[&ids[1], &ids[2]]);
    for arguments in [
        &["trash", "empty", "--dry-run"][..],
        &["trash", "empty"],
        &["trash", "empty", "--yes"],
        &["rm", &ids[0]],
        &["rm", &ids[0], &ids[2], "--yes"],
        &["trash", "put", &ids[3]],
        &["prune", "--keep", "0", "--yes"],
        &["trash", "empty", "--yes"],
        &["verify", "--deleted", &ids[0]],
    ] {
        run(&machine, arguments);
    }
}

/// Runs of what seals, merges and erases, also over a damaged segment and beside a program that still writes.
fn sealing(run: &mut impl FnMut(&Machine, &[&str])) {
    let machine = Machine::with_store();
    let ids = machine.ids();
    for arguments in [&["seal"][..], &["compact"], &["compact", "--full"], &["du"], &["rm", &ids[0], "--yes"]] {
        run(&machine, arguments);
    }
    let (store, thread) = common::running(&machine);
    let id = common::block_on(async {
        thread.shutdown().await.unwrap();
        thread.id().to_string()
    });
    run(&machine, &["rm", &id, "--yes"]);
    let sealed =
        common::tree(&machine.store()).into_keys().find(|path| path.extension().is_some_and(|name| name == "seal"));
    let sealed = fs::File::open(machine.store().join(sealed.expect("a sealed segment"))).unwrap();
    let mut holding = std::process::Command::new("sleep").arg("60").stdin(sealed).spawn().unwrap();
    run(&machine, &["erase"]);
    holding.kill().unwrap();
    holding.wait().unwrap();
    common::block_on(store.close()).unwrap();
    run(&machine, &["seal"]);
    let catalogs = machine.store().join("catalog");
    for arguments in [&["doctor"][..], &["rebuild"], &["changes"], &["verify"]] {
        run(&machine, arguments);
    }
    for (path, _) in common::tree(&machine.store()) {
        run(&machine, &["dump", text(&machine.store().join(path))]);
    }
    for file in fs::read_dir(&catalogs).unwrap() {
        fs::write(file.unwrap().path(), "no catalog").unwrap();
    }
    for arguments in [&["doctor"][..], &["repair", "--yes"], &["verify"]] {
        run(&machine, arguments);
    }
    let sealed = common::tree(&machine.store()).into_keys().map(|path| machine.store().join(path));
    let sealed = sealed.filter(|path| path.extension().is_some_and(|name| name == "seal"));
    for path in sealed.collect::<Vec<_>>() {
        let mut bytes = fs::read(&path).unwrap();
        // The first block, behind its header.
        bytes[100] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    for arguments in [&["verify"][..], &["compact", "--full"], &["rm", &ids[1], "--yes"], &["erase"], &["du"]] {
        run(&machine, arguments);
    }
}

/// Runs of what takes threads and whole stores elsewhere, damage included.
fn copies(run: &mut impl FnMut(&Machine, &[&str])) {
    let machine = Machine::with_store();
    let id = machine.ids()[0].clone();
    run(&machine, &["pack", &id, "--to", "bundle"]);
    run(&machine, &["unpack", "--verify", "bundle"]);
    run(&machine, &["unpack", "bundle", "--store", "other"]);
    machine.run(&["rm", &id, "--yes"]).must_be(0);
    run(&machine, &["unpack", "bundle"]);
    machine.run(&["seal"]).must_be(0);
    let is_sealed = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "seal");
    let sealed = common::tree(&machine.store()).into_keys().find(is_sealed).expect("a sealed segment");
    let sealed = machine.store().join(sealed);
    let mut bytes = fs::read(&sealed).unwrap();
    bytes[200] ^= 1;
    fs::write(&sealed, bytes).unwrap();
    run(&machine, &["backup", "--to", "backup"]);
    run(&machine, &["restore", "--from", "backup", "--to", "again"]);
    // The end of the segment is damaged too, and MANIFEST is lost.
    let mut bytes = fs::read(&sealed).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    fs::write(&sealed, bytes).unwrap();
    fs::remove_file(machine.store().join("MANIFEST")).unwrap();
    run(&machine, &["repair", "--yes"]);
}

#[test]
fn every_record_is_documented_and_every_documented_record_is_written() {
    let documented = documented();
    let mut seen = BTreeSet::new();
    for (command, records) in runs() {
        compare(command, &records, &documented, &mut seen);
    }
    let mut missing: BTreeSet<_> = documented.keys().cloned().collect();
    missing.retain(|key| !seen.contains(key));
    // A checkpoint that is well-formed and wrong: the store's tests make one.
    missing.remove(&("verify".to_owned(), "drift".to_owned()));
    // Two writers of one stream: several journals are to come.
    missing.remove(&("verify".to_owned(), "conflict".to_owned()));
    // Of a larger store; the engine's tests of dumps have these.
    for row in ["conflict", "dictionary", "used_value"] {
        missing.remove(&("dump".to_owned(), row.to_owned()));
    }
    // A disk that fails in the middle of a conversation.
    missing.remove(&("run".to_owned(), "storing".to_owned()));
    assert!(missing.is_empty(), "documented and never written: {missing:?}");
}

const ROLLOUT: &str = concat!(
    r#"{"timestamp":"2026-01-31T12:34:56.789Z","type":"session_meta","payload":{"id":"019c1a2b-0000-7000-8000-00000000abcd","timestamp":"2026-01-31T12:34:56.700Z","cwd":"/src/engine","originator":"codex_cli_rs","cli_version":"0.99.0","source":"cli","model_provider":"openai","git":{"branch":"main"}}}"#,
    "\n",
    r#"{"timestamp":"2026-01-31T12:35:00.000Z","type":"event_msg","payload":{"type":"user_message","message":"mend it"}}"#,
    "\n",
    r#"{"timestamp":"2026-01-31T12:36:00.000Z","type":"later_kind","payload":{}}"#,
    "\r\n",
);

#[test]
fn the_records_of_a_thread_are_these() {
    let machine = Machine::new();
    let name = "rollout-2026-01-31T12-34-56-019c1a2b-0000-7000-8000-00000000abcd.jsonl";
    fs::create_dir(machine.path("files")).unwrap();
    fs::write(machine.path("files").join(name), ROLLOUT).unwrap();
    machine.run(&["import", "files"]).must_be(0);

    let (_, list) = machine.json(&["list"]);
    let thread = json!({
        "type": "thread", "id": "019c1a2b-0000-7000-8000-00000000abcd", "revision": 1, "revisions": 1,
        "title": "mend it", "preview": "mend it", "first_user_message": "mend it",
        "created": "2026-01-31T12:34:56.700Z", "updated": "2026-01-31T12:36:00.000Z",
        "recency": "2026-01-31T12:35:00.000Z", "archived": false, "pinned": false, "tags": [], "turns": 1,
        "user_messages": 1, "lines": 3, "bytes": ROLLOUT.len(), "odd_lines": {"crlf": 1}, "lost_records": 0,
        "path": name, "cwd": "/src/engine", "git": {"branch": "main"}, "model_provider": "openai",
        "memory_mode": "enabled", "history_mode": "legacy", "source": "cli", "originator": "codex_cli_rs",
        "cli_version": "0.99.0",
    });
    assert_eq!(*of_type(&list, "thread")[0], thread);
    let nothing = json!({
        "other_collection": 0, "without_preview": 0, "other_source": 0, "other_provider": 0, "other_cwd": 0,
        "other_tags": 0, "not_pinned": 0, "not_found": 0, "unrelated": 0, "several": 0,
    });
    let total = list.last().unwrap();
    assert_eq!((&total["threads"], &total["shown"], &total["bytes"]), (&json!(1), &json!(1), &json!(ROLLOUT.len())));
    assert_eq!((&total["hidden"], total.get("next_cursor")), (&nothing, None));

    let (_, show) = machine.json(&["show", "019c"]);
    let lines: Vec<&str> = ROLLOUT.split_inclusive('\n').collect();
    let item = json!({
        "type": "item", "ordinal": 2, "time": "2026-01-31T12:36:00.000Z", "kind": "later_kind",
        "bytes": lines[2].len(), "odd": ["crlf"], "line": serde_json::from_str::<Value>(lines[2]).unwrap(),
    });
    assert_eq!(*of_type(&show, "item")[2], item);
}

#[test]
fn a_failure_is_the_last_record() {
    let machine = Machine::new();
    let (code, records) = machine.json(&["list"]);
    assert_eq!(code, 5);
    assert_eq!(records.len(), 2, "{records:?}");
    let error = &records[1];
    assert_eq!((&error["type"], &error["exit"], &error["kind"]), (&json!("error"), &json!(5), &json!("not_found")));
    assert!(field(error, "message").contains("no threadlog store"), "{error}");
}
