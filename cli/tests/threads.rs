//! Naming, archiving, filtering and paging, and reading beside a program that writes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{Machine, field, of_type, text, tree};
use serde_json::{Value, json};
use threadlog::ThreadId;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::CreateThreadParams;

/// Writes a rollout of one message, begun in this second of an hour.
fn rollout(machine: &Machine, second: u32, fields: &str, words: &str) -> String {
    let id = format!("019c1a2b-0000-7000-8000-{second:012}");
    let time = format!("2026-01-31T12:00:{second:02}.000Z");
    let meta = format!(
        "{{\"timestamp\":\"{time}\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\",\"timestamp\":\"{time}\"{fields}}}}}\n"
    );
    let message = format!(
        "{{\"timestamp\":\"{time}\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"user_message\",\"message\":\"{words}\"}}}}\n"
    );
    let folder = machine.path("files");
    fs::create_dir_all(&folder).unwrap();
    let message = if words.is_empty() { String::new() } else { message };
    fs::write(folder.join(format!("rollout-2026-01-31T12-00-{second:02}-{id}.jsonl")), meta + &message).unwrap();
    id
}

fn listed(machine: &Machine, arguments: &[&str]) -> (Vec<String>, Value) {
    let (code, records) = machine.json(&[&["list"], arguments].concat());
    assert_eq!(code, 0, "{records:?}");
    let ids = of_type(&records, "thread").iter().map(|thread| field(thread, "id").to_owned()).collect();
    (ids, records.last().unwrap().clone())
}

/// The thread's record, as `show` gives it.
fn shown(machine: &Machine, id: &str) -> Value {
    let (code, records) = machine.json(&["show", id, "--last", "1"]);
    assert_eq!(code, 0, "{records:?}");
    of_type(&records, "thread")[0].clone()
}

#[test]
fn a_name_is_the_title_until_it_is_cleared() {
    let machine = Machine::new();
    let id = rollout(&machine, 1, "", "mend the build");
    machine.run(&["import", "files"]).must_be(0);
    let prefix = &id[..8];
    let ran = machine.run(&["rename", prefix, "  Broken build "]);
    assert!(ran.must_be(0).stdout.contains("Broken build"), "{}", ran.stdout);
    let thread = shown(&machine, &id);
    assert_eq!((&thread["name"], &thread["title"]), (&json!("Broken build"), &json!("Broken build")));
    assert_eq!(thread["preview"], "mend the build");
    assert!(machine.run(&["show", &id]).stdout.contains("Broken build"));
    assert!(machine.run(&["list"]).stdout.contains("Broken build"));
    let (_, records) = machine.json(&["rename", &id, "Second"]);
    let want = json!({"type": "thread", "id": id, "name": "Second", "name_before": "Broken build"});
    assert_eq!(records[1], want);
    // A second import of the file does not undo what the user said.
    machine.run(&["import", "files"]).must_be(0);
    assert_eq!(shown(&machine, &id)["name"], "Second");
    machine.run(&["rename", prefix, "--clear"]).must_be(0);
    let thread = shown(&machine, &id);
    assert_eq!((thread.get("name"), &thread["title"]), (None, &json!("mend the build")));
}

#[test]
fn archived_threads_leave_the_list_and_are_counted_there() {
    let machine = Machine::new();
    let ids: Vec<String> = (1..=3).map(|second| rollout(&machine, second, "", "words")).collect();
    machine.run(&["import", "files"]).must_be(0);
    let (code, records) = machine.json(&["archive", &ids[0], &ids[2], &ids[0]]);
    assert_eq!((code, records.last().unwrap()), (0, &json!({"type": "summary", "threads": 2, "changed": 2})));
    let (active, summary) = listed(&machine, &[]);
    assert_eq!((active, &summary["threads"]), (vec![ids[1].clone()], &json!(1)));
    assert_eq!(summary["hidden"]["other_collection"], 2);
    assert!(machine.run(&["list"]).stdout.contains("2 archived (--archived lists them)"));
    let (archived, summary) = listed(&machine, &["--archived"]);
    assert_eq!((archived, &summary["hidden"]["other_collection"]), (vec![ids[2].clone(), ids[0].clone()], &json!(1)));
    let thread = shown(&machine, &ids[0]);
    assert_eq!(thread["archived"], true);
    assert!(field(&thread, "archived_at") > "2026", "{thread}");
    assert_eq!(thread["updated"], "2026-01-31T12:00:01.000Z", "archiving is no addition");
    machine.run(&["rename", &ids[0], "named in the archive"]).must_be(0);
    machine.run(&["export", "--to", "out"]).must_be(0);
    assert_eq!(tree(&machine.path("out")), tree(&machine.path("files")), "files stay where they were");

    let (_, records) = machine.json(&["unarchive", &ids[0], &ids[1]]);
    assert_eq!(records.last().unwrap(), &json!({"type": "summary", "threads": 2, "changed": 1}));
    assert_eq!(listed(&machine, &[]).0, [&*ids[1], &ids[0]]);
}

#[test]
fn filters_hide_nothing_silently() {
    let machine = Machine::new();
    let here = machine.path("project");
    fs::create_dir(&here).unwrap();
    let at = |cwd: &str, source: &str| format!(",\"cwd\":\"{cwd}\",\"source\":{source}");
    let spawned = r#"{"subagent":{"other":"helper"}}"#;
    let a = rollout(&machine, 1, &at(text(&here), "\"cli\""), "Find the ÜBERFLUSS");
    let b = rollout(&machine, 2, &(at("/elsewhere", spawned) + ",\"model_provider\":\"local\""), "two");
    let c = rollout(&machine, 3, &at("/elsewhere", "\"exec\""), "");
    machine.run(&["import", "files"]).must_be(0);
    let cases: [(&[&str], &[&str], &str); 9] = [
        (&[], &[&c, &b, &a], "several"),
        (&["--cwd", text(&here)], &[&a], "other_cwd"),
        (&["--cwd", "project/."], &[&a], "other_cwd"),
        (&["--cwd", "/elsewhere", "--cwd", "project"], &[&c, &b, &a], "several"),
        (&["--source", "cli", "--source", "exec"], &[&c, &a], "other_source"),
        (&["--source", "subagent"], &[&b], "other_source"),
        (&["--model-provider", "local"], &[&b], "other_provider"),
        (&["--search", "überfluss"], &[&a], "not_found"),
        (&["--skip-empty"], &[&b, &a], "without_preview"),
    ];
    for (arguments, want, reason) in cases {
        let (ids, summary) = listed(&machine, arguments);
        assert_eq!(ids, want, "{arguments:?}");
        assert_eq!(summary["hidden"][reason], 3 - want.len(), "{arguments:?}: {summary}");
        let said = machine.run(&[&["list"], arguments].concat()).stdout;
        assert_eq!(said.contains("not listed: "), want.len() < 3, "{said}");
    }
    let (ids, summary) = listed(&machine, &["--skip-empty", "--source", "cli"]);
    assert_eq!((ids, &summary["hidden"]["several"]), (vec![a.clone()], &json!(1)), "no words, and from elsewhere");
    let (ids, _) = listed(&machine, &["--model-provider", "local", "--default-provider", "local"]);
    assert_eq!(ids.len(), 3);
}

#[test]
fn pages_meet_every_thread_once_in_every_order() {
    let machine = Machine::with_store();
    let all: BTreeSet<String> = machine.ids().into_iter().collect();
    for order in [&["--sort", "created"][..], &["--sort", "updated", "--ascending"], &["--sort", "recency"]] {
        let whole = listed(&machine, order).0;
        let mut paged = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut arguments = [order, &["--limit", "4"]].concat();
            if let Some(cursor) = &cursor {
                arguments.extend(["--cursor", cursor]);
            }
            let (ids, summary) = listed(&machine, &arguments);
            assert_eq!((&summary["threads"], &summary["shown"]), (&json!(all.len()), &json!(ids.len())));
            paged.extend(ids);
            let Some(next) = summary.get("next_cursor") else { break };
            cursor = Some(next.as_str().unwrap().to_owned());
        }
        assert_eq!(paged, whole, "{order:?}");
        assert_eq!(paged.iter().cloned().collect::<BTreeSet<_>>(), all);
    }
    let said = machine.run(&["list", "--limit", "4", "--ascending"]).stdout;
    let next = said.lines().find_map(|line| line.split("go on with: ").nth(1)).expect("how to go on");
    let next: Vec<&str> = next.split(' ').collect();
    let rest = listed(&machine, &next).0;
    assert_eq!(rest.len(), all.len() - 4, "{next:?}");
}

#[test]
fn an_older_revision_keeps_what_it_said_and_cannot_be_changed() {
    let machine = Machine::new();
    let id = rollout(&machine, 1, "", "before");
    machine.run(&["import", "files"]).must_be(0);
    rollout(&machine, 1, "", "after");
    machine.run(&["import", "files"]).must_be(0);
    assert_eq!(shown(&machine, &id)["preview"], "after");
    assert_eq!(shown(&machine, &format!("{id}~2"))["preview"], "after");
    assert_eq!(shown(&machine, &format!("{id}~1"))["preview"], "before");
    let older = format!("{id}~1");
    for change in [
        &["rename", &older, "one"][..],
        &["archive", &older],
        &["pin", &older],
        &["tag", &older, "+one"],
        &["fork", &older],
        &["rollback", &older, "1"],
        &["relink", "--from", "/src", "--to", "/other", &older],
        &["trash", "put", &older],
        &["rm", "--yes", &older],
        &["tail", "-f", &older],
    ] {
        machine.run(change).must_be(2).must_say("is one revision");
    }
    machine.run(&["rename", &id, "both"]).must_be(0);
    assert_eq!(shown(&machine, &id)["name"], "both");
    assert_eq!(shown(&machine, &id)["preview"], "after", "a name makes no other revision the current one");
}

/// This process holds the store and writes; the command is another process.
#[test]
fn list_and_show_see_what_is_durable_beside_a_writer_and_change_nothing() {
    let machine = Machine::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let event = |words: &str| NewItem::event(&json!({"type": "user_message", "message": words})).unwrap();
    runtime.block_on(async {
        // Nothing is written behind our back between the two looks at the files.
        let mut config = LocalConfig::default();
        config.engine.background = threadlog_engine::Background::Manual;
        let store = LocalThreadStore::open(&machine.store(), config).await.unwrap();
        let params = CreateThreadParams::new(ThreadId::generate());
        let thread = LiveThread::create(std::sync::Arc::new(store.clone()), params).await.unwrap();
        assert_eq!(listed(&machine, &[]).0, Vec::<String>::new(), "created and never used");
        thread.append(vec![event("flushed words")]).await.unwrap();
        thread.flush().await.unwrap();
        let id = thread.id().to_string();
        let before = tree(&machine.store());
        assert_eq!(listed(&machine, &[]).0, [&*id]);
        let record = shown(&machine, &id);
        assert_eq!((&record["title"], &record["lines"]), (&json!("flushed words"), &json!(2)));
        assert!(machine.run(&["show", &id[..13]]).must_be(0).stdout.contains("flushed words"));
        assert!(tree(&machine.store()) == before, "reading wrote");
        thread.append(vec![event("later words")]).await.unwrap();
        thread.shutdown().await.unwrap();
        assert_eq!(shown(&machine, &id)["lines"], 3);
        store.close().await.unwrap();
    });
}

#[test]
fn what_users_said_of_a_thread_holds_for_its_later_revisions() {
    let machine = Machine::new();
    let id = rollout(&machine, 1, "", "before");
    machine.run(&["import", "files"]).must_be(0);
    for arguments in [&["rename", &id, "mine"][..], &["tag", &id, "+t"], &["pin", &id], &["archive", &id]] {
        machine.run(arguments).must_be(0);
    }
    machine.run(&["trash", "put", &id]).must_be(0);
    assert_eq!(rollout(&machine, 1, "", "after"), id);
    machine.run(&["import", "files"]).must_be(0);
    let thread = shown(&machine, &id);
    assert_eq!((&thread["revision"], &thread["first_user_message"]), (&json!(2), &json!("after")));
    assert_eq!((&thread["name"], &thread["tags"], &thread["pinned"]), (&json!("mine"), &json!(["t"]), &json!(true)));
    // What came anew was not put away, so it is where the thread was.
    assert_eq!(listed(&machine, &["--archived"]).0, std::slice::from_ref(&id));
    // The last word counts, whichever revision it was said of.
    machine.run(&["rename", &id, "other"]).must_be(0);
    machine.run(&["unpin", &id]).must_be(0);
    for revision in [1, 2] {
        let thread = shown(&machine, &format!("{id}~{revision}"));
        assert_eq!((&thread["name"], &thread["pinned"]), (&json!("other"), &json!(false)), "{revision}");
    }
    // A thread that was deleted is another one than the one that is imported again.
    machine.run(&["rm", "--yes", &id]).must_be(0);
    machine.run(&["import", "files"]).must_be(0);
    let thread = shown(&machine, &id);
    assert_eq!((thread.get("name"), &thread["tags"], &thread["archived"]), (None, &json!([]), &json!(false)));
}
