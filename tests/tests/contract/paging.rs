//! Turns and items page by page.

use serde_json::json;
use threadlog::list::Direction;
use threadlog::live::NewItem;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, ForkThreadParams, ListItemsParams, ListTurnsParams, TurnView};

use crate::cases;
use crate::fixture::{Fixture, agent, event, is_absent, is_invalid, user};

fn turn(id: &str) -> [NewItem; 4] {
    let mark = |kind: &str| event(json!({"type": kind, "turn_id": id}));
    [mark("task_started"), user(&format!("ask {id}")), agent(&format!("answer {id}")), mark("task_complete")]
}

fn rollback(turns: u64) -> NewItem {
    event(json!({"type": "thread_rolled_back", "num_turns": turns}))
}

/// A thread of turns 1 to 3, of which the third was taken back, and 4.
async fn rolled_back(fixture: &Fixture) -> ThreadId {
    let id = fixture.create().await;
    for number in ["1", "2", "3"] {
        fixture.append(id, turn(number)).await.unwrap();
    }
    fixture.append(id, [rollback(1)]).await.unwrap();
    fixture.append(id, turn("4")).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    id
}

/// The ids of all turns, a page of `size` at a time.
async fn ids(fixture: &Fixture, id: ThreadId, size: usize, direction: Direction) -> Vec<String> {
    let mut params = ListTurnsParams::new(id);
    (params.page_size, params.direction) = (size, direction);
    let mut ids = Vec::new();
    loop {
        let page = fixture.store.list_turns(params.clone()).await.unwrap();
        ids.extend(page.turns.into_iter().filter_map(|turn| turn.turn.id));
        params.cursor = page.next_cursor;
        if params.cursor.is_none() {
            return ids;
        }
    }
}

async fn turns_come_in_pages_from_either_end_without_those_taken_back(mut fixture: Fixture) {
    let id = rolled_back(&fixture).await;
    fixture.restart().await;
    for size in [1, 2, 10] {
        assert_eq!(ids(&fixture, id, size, Direction::Descending).await, ["4", "2", "1"]);
        assert_eq!(ids(&fixture, id, size, Direction::Ascending).await, ["1", "2", "4"]);
    }
}

async fn a_turn_comes_with_its_words_and_if_asked_for_its_items(fixture: Fixture) {
    let id = rolled_back(&fixture).await;
    let mut params = ListTurnsParams::new(id);
    (params.page_size, params.view) = (2, TurnView::Full);
    let page = fixture.store.list_turns(params).await.unwrap();
    let two = &page.turns[1];
    assert_eq!((two.words.as_deref(), two.answer.as_deref()), (Some("ask 2"), Some("answer 2")));
    assert_eq!(two.items.as_ref().map(Vec::len), Some(4), "without the turn behind it that was taken back");
    let summary = fixture.store.list_turns(ListTurnsParams::new(id)).await.unwrap();
    assert_eq!((summary.turns[1].words.as_deref(), &summary.turns[1].items), (Some("ask 2"), &None));
}

async fn pages_of_a_fork_hold_what_it_inherited(mut fixture: Fixture) {
    let source = rolled_back(&fixture).await;
    let fork = ThreadId::generate();
    fixture.store.fork_thread(ForkThreadParams::new(source, fork)).await.unwrap();
    fixture.resume(fork).await.unwrap();
    fixture.append(fork, turn("5")).await.unwrap();
    fixture.store.shutdown_thread(fork.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(ids(&fixture, fork, 1, Direction::Descending).await, ["5", "4", "2", "1"]);
    let whole = fixture.items(fork).await.unwrap();
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut params = ListItemsParams::new(fork);
        (params.page_size, params.direction) = (5, direction);
        let mut items = Vec::new();
        loop {
            let page = fixture.store.list_items(params.clone()).await.unwrap();
            assert_eq!(page.end_ordinal, whole.len() as u64);
            items.extend(page.items);
            params.at = page.next;
            if params.at.is_none() {
                break;
            }
        }
        if direction == Direction::Descending {
            items.reverse();
        }
        let ordinals: Vec<u64> = items.iter().map(|item| item.ordinal).collect();
        assert_eq!(ordinals, (0..whole.len() as u64).collect::<Vec<_>>());
        assert_eq!(items.into_iter().map(|item| item.item).collect::<Vec<_>>(), whole);
    }
}

async fn pages_are_refused_as_histories_are(fixture: Fixture) {
    let id = fixture.cold("a").await;
    let mut none = ListItemsParams::new(id);
    none.page_size = 0;
    assert!(is_invalid(fixture.store.list_items(none).await));
    let mut many = ListTurnsParams::new(id);
    many.page_size = usize::MAX;
    assert!(is_invalid(fixture.store.list_turns(many).await));
    fixture.store.archive_thread(id.into()).await.unwrap();
    assert!(is_invalid(fixture.store.list_items(ListItemsParams::new(id)).await));
    assert!(is_invalid(fixture.store.list_turns(ListTurnsParams::new(id)).await));
    assert_eq!(fixture.store.list_items(ListItemsParams::new(id).with_archived()).await.unwrap().items.len(), 2);
    let nobody = ThreadId::generate();
    assert!(is_absent(fixture.store.list_items(ListItemsParams::new(nobody)).await, Absence::Unknown));
    assert!(is_absent(fixture.store.list_turns(ListTurnsParams::new(nobody)).await, Absence::Unknown));
}

cases! {
    turns_come_in_pages_from_either_end_without_those_taken_back
    a_turn_comes_with_its_words_and_if_asked_for_its_items
    pages_of_a_fork_hold_what_it_inherited
    pages_are_refused_as_histories_are
}
