//! Searching what was said and done.

use serde_json::json;
use threadlog::live::NewItem;
use threadlog::search::{Found, Match, Query, SearchParams, Speaker, TextKind};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, ArchiveThreadParams, DeleteThreadParams, ForkThreadParams, ListItemsParams};

use crate::cases;
use crate::fixture::{Fixture, agent, is_absent, user};

fn message(role: &str, text: &str) -> NewItem {
    let content = json!([{"type": "input_text", "text": text}]);
    NewItem::response(&json!({"type": "message", "role": role, "content": content})).unwrap()
}

fn call(name: &str, arguments: &str) -> NewItem {
    NewItem::response(&json!({"type": "function_call", "name": name, "arguments": arguments, "call_id": "c"})).unwrap()
}

fn output(text: &str) -> NewItem {
    NewItem::response(&json!({"type": "function_call_output", "call_id": "c", "output": text})).unwrap()
}

fn params(text: &str) -> SearchParams {
    SearchParams::new(Query::new([text], Match::Phrase, false).unwrap())
}

async fn found(fixture: &Fixture, params: SearchParams) -> Vec<Found> {
    let mut search = fixture.store.search(params).await.unwrap();
    let mut all = Vec::new();
    while let Some(found) = search.next().await {
        all.push(found.unwrap());
    }
    let progress = search.progress();
    assert_eq!((progress.threads_done, progress.lost_records), (progress.threads, 0));
    all
}

async fn places(fixture: &Fixture, params: SearchParams) -> Vec<(ThreadId, u64)> {
    found(fixture, params).await.iter().map(|found| (found.thread.id(), found.ordinal)).collect()
}

/// A thread of these items behind its first.
async fn thread(fixture: &Fixture, items: impl IntoIterator<Item = NewItem>) -> ThreadId {
    let id = fixture.create().await;
    fixture.append(id, items).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    id
}

async fn messages_and_calls_are_found_with_their_positions(mut fixture: Fixture) {
    let shell = call("shell", r#"{"command":["bash","-lc","cargo \"test\""]}"#);
    let long = "x".repeat(3000);
    let id = thread(
        &fixture,
        [message("user", "Mend the Parser"), shell, output("the parser ran"), message("assistant", &long)],
    )
    .await;
    fixture.restart().await;
    let [one] = &found(&fixture, params("the parser")).await[..] else { panic!("not one") };
    assert_eq!((one.thread.id(), one.ordinal, one.kind, one.speaker), (id, 1, TextKind::Message, Some(Speaker::User)));
    assert_eq!(&one.snippet.text[one.snippet.found[0].clone()], "the Parser");
    let [two] = &found(&fixture, params("bash -lc cargo \"test\"")).await[..] else { panic!("not one") };
    assert_eq!((two.ordinal, two.kind, two.tool.as_deref()), (2, TextKind::Call, Some("shell")));
    let mut outputs = params("PARSER");
    outputs.kinds = vec![TextKind::Output];
    assert_eq!(places(&fixture, outputs).await, [(id, 3)]);
    assert_eq!(places(&fixture, params("xxxx")).await, [(id, 4)]);
    assert_eq!(places(&fixture, params("nowhere")).await, []);
    // What stands around it.
    let mut around = ListItemsParams::new(id);
    (around.at, around.page_size) = (Some(one.ordinal), 2);
    let page = fixture.store.list_items(around).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.ordinal).collect::<Vec<_>>(), [1, 2]);
}

async fn a_message_and_the_event_beside_it_are_one_find(fixture: Fixture) {
    let said = [message("user", "again"), user("again"), agent("again"), message("assistant", "again"), user("again")];
    let id = thread(&fixture, said).await;
    assert_eq!(places(&fixture, params("again")).await, [(id, 1), (id, 3), (id, 5)]);
}

async fn only_threads_speakers_and_times_that_were_asked_for_are_searched(fixture: Fixture) {
    fixture.at(10);
    let early = thread(&fixture, [message("user", "needle"), message("assistant", "a needle")]).await;
    fixture.at(20);
    let late = thread(&fixture, [message("user", "needle")]).await;
    assert_eq!(places(&fixture, params("needle")).await, [(late, 1), (early, 1), (early, 2)]);
    let mut by = params("needle");
    by.speakers = vec![Speaker::Assistant];
    assert_eq!(places(&fixture, by).await, [(early, 2)]);
    let mut since = params("needle");
    since.since = Some(fixture.now());
    assert_eq!(places(&fixture, since).await, [(late, 1)]);
    let mut until = params("needle");
    until.until = Some(fixture.now());
    assert_eq!(places(&fixture, until).await, [(early, 1), (early, 2)]);
    fixture.store.archive_thread(ArchiveThreadParams::from(late)).await.unwrap();
    assert_eq!(places(&fixture, params("needle")).await, [(early, 1), (early, 2)]);
    let mut one = params("needle");
    one.thread = Some(late);
    assert_eq!(places(&fixture, one).await, [(late, 1)], "a thread that is asked for may be archived");
    let mut none = params("needle");
    none.thread = Some(ThreadId::generate());
    assert!(is_absent(fixture.store.search(none).await, Absence::Unknown));
}

async fn what_a_fork_inherited_is_found_once_also_when_its_source_is_gone(mut fixture: Fixture) {
    fixture.at(1);
    let source = thread(&fixture, [message("user", "needle one"), message("assistant", "needle two")]).await;
    fixture.at(2);
    let (older, newer) = (ThreadId::generate(), ThreadId::generate());
    for (seconds, fork) in [(3, older), (4, newer)] {
        fixture.at(seconds);
        fixture.store.fork_thread(ForkThreadParams::new(source, fork)).await.unwrap();
        fixture.resume(fork).await.unwrap();
        fixture.append(fork, [message("user", "needle of a fork")]).await.unwrap();
        fixture.store.shutdown_thread(fork.into()).await.unwrap();
    }
    fixture.restart().await;
    let all = places(&fixture, params("needle")).await;
    assert_eq!(all.len(), 4, "{all:?}");
    assert_eq!(all[2..], [(source, 1), (source, 2)]);
    let mut whole = params("needle");
    whole.thread = Some(older);
    assert_eq!(places(&fixture, whole).await.iter().map(|(_, at)| *at).collect::<Vec<_>>()[..2], [1, 2]);
    fixture.store.delete_thread(DeleteThreadParams::new(source)).await.unwrap();
    let rest = places(&fixture, params("needle")).await;
    assert_eq!((rest.len(), &rest[..2]), (4, &[(newer, 1), (newer, 2)][..]), "{rest:?}");
}

async fn a_deleted_thread_is_not_found(fixture: Fixture) {
    let id = thread(&fixture, [message("user", "needle")]).await;
    fixture.store.delete_thread(DeleteThreadParams::new(id)).await.unwrap();
    assert_eq!(places(&fixture, params("needle")).await, []);
}

async fn a_search_that_nobody_goes_on_with_ends(fixture: Fixture) {
    let many = (0..3000).map(|number| message("user", &format!("needle {number}")));
    let id = thread(&fixture, many).await;
    let mut search = fixture.store.search(params("needle")).await.unwrap();
    assert_eq!(search.next().await.unwrap().unwrap().ordinal, 1);
    drop(search);
    let all = places(&fixture, params("needle")).await;
    assert_eq!(all, (1..=3000).map(|at| (id, at)).collect::<Vec<_>>(), "in order, each once");
}

cases! {
    messages_and_calls_are_found_with_their_positions
    a_message_and_the_event_beside_it_are_one_find
    only_threads_speakers_and_times_that_were_asked_for_are_searched
    what_a_fork_inherited_is_found_once_also_when_its_source_is_gone
    a_deleted_thread_is_not_found
    a_search_that_nobody_goes_on_with_ends
}
