//! Forking threads.

use serde_json::json;
use threadlog::item::RolloutItem;
use threadlog::item::typed::{ResponseItem, Typed};
use threadlog::list::{ArchiveFilter, ListParams};
use threadlog::live::{LiveThread, NewItem};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    Absence, CreateThreadParams, ForkPosition, ForkThreadParams, ForkedThread, HistoryRange, InterruptMarker,
    LoadHistoryParams, LoadModelContextParams, Result, ThreadStoreError,
};

use crate::cases;
use crate::fixture::{Fixture, agent, event, is_absent, is_invalid, tokens, turn_context, user};

fn message(role: &str, text: &str) -> NewItem {
    let value = json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    NewItem::response(&value).unwrap()
}

fn started(id: &str) -> NewItem {
    event(json!({"type": "task_started", "turn_id": id}))
}

fn ended(id: &str) -> NewItem {
    event(json!({"type": "task_complete", "turn_id": id}))
}

/// A whole turn: five items, the message of the model's API the second of them.
fn turn(id: &str) -> [NewItem; 5] {
    [started(id), message("user", id), user(id), message("assistant", &format!("re {id}")), ended(id)]
}

fn position(source: ThreadId, position: ForkPosition) -> ForkThreadParams {
    ForkThreadParams::new(source, ThreadId::generate()).at(position)
}

async fn fork(fixture: &Fixture, source: ThreadId, at: ForkPosition) -> Result<ForkedThread> {
    fixture.store.fork_thread(position(source, at)).await
}

/// A cold thread with these turns.
async fn with_turns(fixture: &Fixture, turns: &[&str]) -> ThreadId {
    let id = fixture.create().await;
    for name in turns {
        fixture.append(id, turn(name)).await.unwrap();
    }
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    id
}

async fn goes_on(fixture: &Fixture, id: ThreadId, items: impl IntoIterator<Item = NewItem>) {
    fixture.resume(id).await.unwrap();
    fixture.append(id, items).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
}

/// What the model sees, as texts.
async fn seen(fixture: &Fixture, id: ThreadId) -> Vec<String> {
    let params = LoadModelContextParams::new(id).with_archived();
    let context = fixture.store.load_model_context(params).await.unwrap();
    let text = |typed| match typed {
        Typed::Response(ResponseItem::Message { text, .. }) => text,
        other => panic!("{other:?}"),
    };
    context.items.iter().map(|item| text(item.typed())).collect()
}

async fn a_fork_has_what_its_source_has_and_both_go_on_by_themselves(mut fixture: Fixture) {
    let source = with_turns(&fixture, &["one"]).await;
    let before = fixture.items(source).await.unwrap();
    let forked = fork(&fixture, source, ForkPosition::Whole).await.unwrap();
    let id = forked.thread.id();
    assert_eq!((before.len(), forked.inherited), (6, 6));
    goes_on(&fixture, source, turn("mine")).await;
    goes_on(&fixture, id, turn("its")).await;
    fixture.restart().await;
    assert_eq!(fixture.texts(source).await, ["one", "mine"]);
    assert_eq!(fixture.texts(id).await, ["one", "its"]);
    let items = fixture.items(id).await.unwrap();
    assert_eq!(items[..6], before, "the same items at the same ordinals, times included");
    let Typed::SessionMeta(meta) = items[6].typed() else { panic!("{:?}", items[6]) };
    assert_eq!((meta.id, meta.forked_from), (Some(id.to_string()), Some(source.to_string())));
    let read = fixture.read(id).await.unwrap();
    assert_eq!(read.metadata.forked_from(), Some(source.to_string().as_str()));
    assert_eq!((read.metadata.items(), read.metadata.turns(), read.metadata.user_messages()), (12, 2, 2));
}

async fn ranges_reach_over_the_border_between_inherited_and_own(fixture: Fixture) {
    let source = with_turns(&fixture, &["one", "two"]).await;
    let id = fork(&fixture, source, ForkPosition::AtOrdinal(4)).await.unwrap().thread.id();
    goes_on(&fixture, id, turn("its")).await;
    let load = async |range| fixture.store.load_history(LoadHistoryParams::new(id).only(range)).await.unwrap();
    let all = load(HistoryRange::All).await;
    assert_eq!((all.first_ordinal, all.end_ordinal, all.next_ordinal, all.items.len()), (0, 10, 10, 10));
    assert_eq!(all.items[..4], fixture.items(source).await.unwrap()[..4]);
    for (range, first, end) in [
        (HistoryRange::Last(3), 7, 10),
        (HistoryRange::Last(8), 2, 10),
        (HistoryRange::Last(99), 0, 10),
        (HistoryRange::From { ordinal: 1, count_max: 2 }, 1, 3),
        (HistoryRange::From { ordinal: 3, count_max: 2 }, 3, 5),
        (HistoryRange::From { ordinal: 4, count_max: 99 }, 4, 10),
        (HistoryRange::From { ordinal: 10, count_max: 1 }, 10, 10),
    ] {
        let some = load(range).await;
        assert_eq!((some.first_ordinal, some.end_ordinal, some.next_ordinal), (first, end, 10), "{range:?}");
        assert_eq!(some.items, all.items[first as usize..end as usize], "{range:?}");
    }
}

async fn a_fork_is_cut_exactly_before_a_message(fixture: Fixture) {
    let source = fixture.create().await;
    fixture.append(source, [message("developer", "rules"), message("user", "<environment_context>")]).await.unwrap();
    for name in ["one", "two", "three"] {
        fixture.append(source, turn(name)).await.unwrap();
    }
    fixture.append(source, [event(json!({"type": "thread_rolled_back", "num_turns": 1}))]).await.unwrap();
    fixture.append(source, turn("four")).await.unwrap();
    fixture.store.shutdown_thread(source.into()).await.unwrap();
    let end = fixture.items(source).await.unwrap().len() as u64;
    for (number, inherited) in [(0, 4), (1, 9), (2, 20), (3, end), (u64::MAX, end)] {
        let forked = fork(&fixture, source, ForkPosition::BeforeUserMessage(number)).await.unwrap();
        assert_eq!(forked.inherited, inherited, "{number}");
    }
    let forked = fork(&fixture, source, ForkPosition::BeforeUserMessage(2)).await.unwrap();
    assert_eq!(
        seen(&fixture, forked.thread.id()).await,
        ["rules", "<environment_context>", "one", "re one", "two", "re two"]
    );
}

async fn beyond_the_last_message_only_a_running_turn_is_left_out(fixture: Fixture) {
    let marked = fixture.create().await;
    fixture.append(marked, turn("one")).await.unwrap();
    fixture.append(marked, [started("two"), message("user", "two"), message("assistant", "half")]).await.unwrap();
    let unmarked = fixture.create().await;
    fixture.append(unmarked, [message("user", "one"), agent("1"), message("user", "two")]).await.unwrap();
    for (source, inherited) in [(marked, 6), (unmarked, 3)] {
        let forked = fork(&fixture, source, ForkPosition::BeforeUserMessage(9)).await.unwrap();
        assert_eq!(forked.inherited, inherited);
    }
}

async fn a_fork_is_cut_before_or_behind_a_turn(fixture: Fixture) {
    let source = with_turns(&fixture, &["a", "b", "c"]).await;
    goes_on(&fixture, source, [event(json!({"type": "thread_rolled_back", "num_turns": 1})), started("d")]).await;
    let at = async |at| fork(&fixture, source, at).await.map(|forked| forked.inherited);
    assert_eq!(at(ForkPosition::BeforeTurn("a".to_owned())).await.unwrap(), 1);
    assert_eq!(at(ForkPosition::AfterTurn("a".to_owned())).await.unwrap(), 6);
    assert_eq!(at(ForkPosition::BeforeTurn("b".to_owned())).await.unwrap(), 6);
    assert_eq!(at(ForkPosition::BeforeTurn("d".to_owned())).await.unwrap(), 17);
    for (refused, why) in [
        (ForkPosition::AfterTurn("d".to_owned()), "has not ended"),
        (ForkPosition::AfterTurn("c".to_owned()), "no turn \"c\""),
        (ForkPosition::BeforeTurn("never".to_owned()), "no turn \"never\""),
        (ForkPosition::AtOrdinal(19), "no item before ordinal 19"),
    ] {
        let error = at(refused.clone()).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(is_invalid::<()>(Err(error)), "{refused:?}");
    }
}

async fn a_fork_of_a_running_turn_shows_it_as_interrupted(fixture: Fixture) {
    let source = fixture.create().await;
    fixture.append(source, turn("one")).await.unwrap();
    fixture.append(source, [started("two"), message("user", "two"), message("assistant", "half")]).await.unwrap();
    let forked = fork(&fixture, source, ForkPosition::Interrupted).await.unwrap();
    let items = fixture.items(forked.thread.id()).await.unwrap();
    assert_eq!((forked.inherited, items.len()), (9, 12));
    let payload = |item: &RolloutItem| match item {
        RolloutItem::Enveloped { payload, .. } => serde_json::from_slice::<serde_json::Value>(payload).unwrap(),
        RolloutItem::Verbatim(..) => panic!(),
    };
    assert_eq!(payload(&items[10])["role"], "user");
    assert_eq!(payload(&items[11]), json!({"type": "turn_aborted", "turn_id": "two", "reason": "interrupted"}));
    let context = fixture.store.load_model_context(LoadModelContextParams::new(forked.thread.id())).await.unwrap();
    assert_eq!(context.open_turn, None);

    let mut params = position(source, ForkPosition::Interrupted);
    params.interrupt_marker = InterruptMarker::Developer;
    let developer = fixture.store.fork_thread(params.clone()).await.unwrap().thread.id();
    assert_eq!(payload(&fixture.items(developer).await.unwrap()[10])["role"], "developer");
    params.new = CreateThreadParams::new(ThreadId::generate());
    params.interrupt_marker = InterruptMarker::None;
    let silent = fixture.store.fork_thread(params).await.unwrap().thread.id();
    assert_eq!(payload(&fixture.items(silent).await.unwrap()[10])["type"], "turn_aborted");

    let whole = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    assert_eq!(fixture.items(whole).await.unwrap().len(), 10, "as it is");
    let again = fork(&fixture, forked.thread.id(), ForkPosition::Interrupted).await.unwrap();
    assert_eq!(fixture.items(again.thread.id()).await.unwrap().len(), 13, "that fork ends at a boundary");
}

async fn an_interrupted_turn_without_an_id_gets_none(fixture: Fixture) {
    let source = fixture.create().await;
    fixture.append(source, [message("user", "one"), message("assistant", "half")]).await.unwrap();
    let id = fork(&fixture, source, ForkPosition::Interrupted).await.unwrap().thread.id();
    let items = fixture.items(id).await.unwrap();
    let RolloutItem::Enveloped { payload, .. } = &items[5] else { panic!() };
    assert_eq!(&payload[..], br#"{"reason":"interrupted","type":"turn_aborted"}"#);
}

async fn a_live_source_is_stored_first_and_stays_live(fixture: Fixture) {
    let source = fixture.create().await;
    fixture.append(source, turn("one")).await.unwrap();
    let id = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    assert_eq!(fixture.texts(id).await, ["one"], "nobody flushed it");
    fixture.append(source, turn("two")).await.unwrap();
    fixture.flush(source).await.unwrap();
    assert_eq!(fixture.texts(source).await, ["one", "two"]);
    assert_eq!(fixture.texts(id).await, ["one"]);
}

async fn what_is_not_stored_cannot_be_forked(fixture: Fixture) {
    let never = fork(&fixture, ThreadId::generate(), ForkPosition::Whole).await;
    assert!(is_absent(never, Absence::Unknown));
    let empty = fixture.create().await;
    assert!(is_absent(fork(&fixture, empty, ForkPosition::Whole).await, Absence::NotPersisted));
    fixture.store.persist_thread(empty.into()).await.unwrap();
    assert_eq!(fork(&fixture, empty, ForkPosition::Whole).await.unwrap().inherited, 1);
}

async fn an_id_that_is_taken_is_refused(fixture: Fixture) {
    let source = with_turns(&fixture, &["one"]).await;
    let live = fixture.create().await;
    for taken in [source, live] {
        let refused = fixture.store.fork_thread(ForkThreadParams::new(source, taken)).await;
        assert!(matches!(refused, Err(ThreadStoreError::Conflict(..))), "{refused:?}");
    }
    let id = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    let again = fixture.store.fork_thread(ForkThreadParams::new(source, id)).await;
    assert!(matches!(again, Err(ThreadStoreError::Conflict(..))));
    assert!(matches!(
        fixture.store.create_thread(CreateThreadParams::new(id)).await,
        Err(ThreadStoreError::Conflict(..))
    ));
}

async fn an_archived_source_is_forked_and_the_fork_is_not_archived(fixture: Fixture) {
    let source = with_turns(&fixture, &["one"]).await;
    fixture.store.archive_thread(source.into()).await.unwrap();
    let id = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, [id]);
    let mut params = position(source, ForkPosition::Whole);
    params.include_archived = false;
    assert!(is_invalid(fixture.store.fork_thread(params).await));
}

async fn what_users_said_of_the_source_is_not_inherited_unless_asked_for(mut fixture: Fixture) {
    let source = with_turns(&fixture, &["one"]).await;
    let mut patch = MetadataPatch::rename("Mine");
    patch.pinned = Some(true);
    patch.tags.insert("tag".to_owned(), true);
    fixture.patch(source, patch).await.unwrap();
    let plain = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread;
    assert_eq!((plain.metadata.name(), plain.metadata.pinned(), plain.metadata.tags().count()), (None, false, 0));
    let named = fixture.store.fork_thread(position(source, ForkPosition::Whole).with_name()).await.unwrap().thread;
    fixture.restart().await;
    let named = fixture.read(named.id()).await.unwrap();
    assert_eq!((named.metadata.name(), named.metadata.pinned()), (Some("Mine"), false));
}

async fn a_fork_shows_in_lists_what_it_inherited(mut fixture: Fixture) {
    let source = fixture.create().await;
    let long = "x".repeat(5_000);
    fixture.append(source, [turn_context("m1", "/w"), user("the needle"), tokens(100)]).await.unwrap();
    fixture.append(source, [user(&long), turn_context("m2", "/w"), tokens(250)]).await.unwrap();
    fixture.store.shutdown_thread(source.into()).await.unwrap();
    let all = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    let early = fork(&fixture, source, ForkPosition::AtOrdinal(4)).await.unwrap().thread.id();
    let nothing = fork(&fixture, source, ForkPosition::AtOrdinal(0)).await.unwrap().thread.id();
    fixture.restart().await;
    let read = async |id| fixture.read(id).await.unwrap().metadata;
    let (all, early, nothing) = (read(all).await, read(early).await, read(nothing).await);
    assert_eq!((all.preview(), all.title(), all.model()), (Some("the needle"), Some("the needle"), Some("m2")));
    assert_eq!((all.tokens_used(), all.own_tokens(), all.user_messages()), (Some(250), None, 2));
    assert_eq!((early.preview(), early.model(), early.tokens_used()), (Some("the needle"), Some("m1"), Some(100)));
    assert_eq!((early.cwd(), early.approval_policy()), (Some("/w"), Some("never")));
    assert_eq!((nothing.preview(), nothing.model(), nothing.tokens_used()), (None, None, None));
    let mut params = ListParams::default();
    params.search = Some("NEEDLE".to_owned());
    assert_eq!(fixture.list(&params).await.total, 3);
}

async fn inherited_tokens_are_counted_once(fixture: Fixture) {
    let source = fixture.create().await;
    fixture.append(source, [user("a"), tokens(100)]).await.unwrap();
    fixture.store.shutdown_thread(source.into()).await.unwrap();
    let first = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    goes_on(&fixture, first, [tokens(130)]).await;
    let second = fork(&fixture, first, ForkPosition::Whole).await.unwrap().thread.id();
    goes_on(&fixture, second, [tokens(135)]).await;
    let fresh = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    goes_on(&fixture, fresh, [tokens(7)]).await;
    let mut sum = 0;
    for (id, used, own) in [(source, 100, 100), (first, 130, 30), (second, 135, 5), (fresh, 7, 7)] {
        let metadata = fixture.read(id).await.unwrap().metadata;
        assert_eq!((metadata.tokens_used(), metadata.own_tokens()), (Some(used), Some(own)));
        sum += own;
    }
    assert_eq!(sum, 142);
}

async fn forks_of_forks_have_all_that_came_before(mut fixture: Fixture) {
    let mut ids = vec![with_turns(&fixture, &["0"]).await];
    let mut expected = vec!["0".to_owned()];
    for depth in 1..20 {
        let id = fork(&fixture, ids[depth - 1], ForkPosition::Whole).await.unwrap().thread.id();
        goes_on(&fixture, id, turn(&depth.to_string())).await;
        ids.push(id);
        expected.push(depth.to_string());
    }
    fixture.restart().await;
    let last = ids[19];
    assert_eq!(fixture.texts(last).await, expected);
    let metadata = fixture.read(last).await.unwrap().metadata;
    assert_eq!((metadata.turns(), metadata.preview()), (20, Some("0")));
    // Cut inside what it inherited: the fork has as much of the first threads.
    let early = fork(&fixture, last, ForkPosition::AfterTurn("2".to_owned())).await.unwrap();
    let early = fixture.read(early.thread.id()).await.unwrap();
    assert_eq!(fixture.texts(early.id()).await, expected[..3]);
    assert_eq!(early.metadata.forked_from(), Some(last.to_string().as_str()));
    let history = fixture.items(last).await.unwrap();
    for ordinal in [0, 1, 5, 6, 7, 30, history.len()] {
        let id = fork(&fixture, last, ForkPosition::AtOrdinal(ordinal as u64)).await.unwrap().thread.id();
        assert_eq!(fixture.items(id).await.unwrap()[..ordinal], history[..ordinal]);
    }
}

async fn the_model_sees_what_a_fork_inherited_and_rollbacks_reach_into_it(fixture: Fixture) {
    let source = with_turns(&fixture, &["one", "two"]).await;
    let id = fork(&fixture, source, ForkPosition::Whole).await.unwrap().thread.id();
    goes_on(&fixture, id, turn("three")).await;
    assert_eq!(seen(&fixture, id).await, ["one", "re one", "two", "re two", "three", "re three"]);
    goes_on(&fixture, id, [event(json!({"type": "thread_rolled_back", "num_turns": 2}))]).await;
    assert_eq!(seen(&fixture, id).await, ["one", "re one"]);
    assert_eq!(seen(&fixture, source).await, ["one", "re one", "two", "re two"]);
}

async fn a_fork_can_be_made_live_at_once(fixture: Fixture) {
    let source = with_turns(&fixture, &["one"]).await;
    let params = position(source, ForkPosition::Whole);
    let live = LiveThread::fork(fixture.store.clone(), params).await.unwrap();
    live.append(turn("two").to_vec()).await.unwrap();
    live.shutdown().await.unwrap();
    assert_eq!(fixture.texts(live.id()).await, ["one", "two"]);
}

async fn instructions_are_inherited_and_not_repeated(fixture: Fixture) {
    let source = ThreadId::generate();
    let mut params = CreateThreadParams::new(source);
    params.base_instructions = Some("y".repeat(20_000));
    params.cwd = Some("/project".to_owned());
    params.originator = Some("agent".to_owned());
    fixture.store.create_thread(params).await.unwrap();
    fixture.append(source, turn("one")).await.unwrap();
    let forked = fork(&fixture, source, ForkPosition::Whole).await.unwrap();
    let items = fixture.items(forked.thread.id()).await.unwrap();
    assert!(items[0].bytes() > 20_000 && items[6].bytes() < 400, "{}", items[6].bytes());
    assert_eq!((forked.thread.metadata.cwd(), forked.thread.metadata.originator()), (Some("/project"), Some("agent")));
}

cases! {
    a_fork_has_what_its_source_has_and_both_go_on_by_themselves
    ranges_reach_over_the_border_between_inherited_and_own
    a_fork_is_cut_exactly_before_a_message
    beyond_the_last_message_only_a_running_turn_is_left_out
    a_fork_is_cut_before_or_behind_a_turn
    a_fork_of_a_running_turn_shows_it_as_interrupted
    an_interrupted_turn_without_an_id_gets_none
    a_live_source_is_stored_first_and_stays_live
    what_is_not_stored_cannot_be_forked
    an_id_that_is_taken_is_refused
    an_archived_source_is_forked_and_the_fork_is_not_archived
    what_users_said_of_the_source_is_not_inherited_unless_asked_for
    a_fork_shows_in_lists_what_it_inherited
    inherited_tokens_are_counted_once
    forks_of_forks_have_all_that_came_before
    the_model_sees_what_a_fork_inherited_and_rollbacks_reach_into_it
    a_fork_can_be_made_live_at_once
    instructions_are_inherited_and_not_repeated
}
