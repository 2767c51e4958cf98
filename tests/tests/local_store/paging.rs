//! Pages of a long thread cost what they are long, wherever they are and whichever way they go.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use threadlog::item::Timestamp;
use threadlog::list::Direction;
use threadlog::live::NewItem;
use threadlog::local::LocalThreadStore;
use threadlog::maintain::CompactionConfig;
use threadlog::thread_store::{
    AppendItemsParams, ListItemsParams, ListTurnsParams, LoadHistoryParams, ThreadStore, TurnCursor,
};
use threadlog::{RolloutItem, Silent, Store, ThreadId};
use threadlog_engine::fs::sim::{CallKind, SimFs};

use crate::words::{ROOT, create, current_thread, manual, open};

const TURNS: u64 = 5000;

/// Four items.
fn turn(number: u64) -> Vec<RolloutItem> {
    let id = number.to_string();
    let answer = format!("{number} ").repeat(500);
    [
        json!({"type": "task_started", "turn_id": id}),
        json!({"type": "user_message", "message": format!("ask {number}")}),
        json!({"type": "agent_message", "message": answer}),
        json!({"type": "task_complete", "turn_id": id}),
    ]
    .iter()
    .map(|event| NewItem::event(event).unwrap().stamped(Timestamp::default()))
    .collect()
}

/// How often the disk was read for some work.
async fn reads<T>(fs: &SimFs, work: impl Future<Output = T>) -> (T, u64) {
    let before = fs.calls_of(CallKind::Read);
    let result = work.await;
    (result, fs.calls_of(CallKind::Read) - before)
}

/// Looks at pages in the middle of the thread and at its ends; none may read more than a fifth of what the whole takes.
async fn look(fs: &SimFs, store: &LocalThreadStore, id: ThreadId) {
    let (whole, all) = reads(fs, store.load_history(LoadHistoryParams::new(id))).await;
    assert_eq!(whole.unwrap().items.len() as u64, 1 + 4 * TURNS);
    let few = |what: &str, read: u64| assert!(read * 5 < all, "{what}: {read} reads of {all}");
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut params = ListItemsParams::new(id);
        (params.direction, params.page_size) = (direction, 20);
        for at in [None, Some(2 * TURNS), Some(3 * TURNS)] {
            params.at = at;
            let (page, read) = reads(fs, store.list_items(params.clone())).await;
            assert_eq!(page.unwrap().items.len(), 20);
            few("items", read);
        }
    }
    let turns = async |direction: Direction, cursor: Option<TurnCursor>| {
        let mut params = ListTurnsParams::new(id);
        (params.direction, params.page_size, params.cursor) = (direction, 5, cursor);
        let (page, read) = reads(fs, store.list_turns(params)).await;
        let page = page.unwrap();
        let ids: Vec<String> = page.turns.iter().filter_map(|turn| turn.turn.id.clone()).collect();
        (ids, page.next_cursor, read)
    };
    let (newest, next, read) = turns(Direction::Descending, None).await;
    assert_eq!(newest, ["4999", "4998", "4997", "4996", "4995"]);
    few("the newest turns", read);
    let (older, _, read) = turns(Direction::Descending, next).await;
    assert_eq!(older, ["4994", "4993", "4992", "4991", "4990"]);
    few("those before them", read);
    // Rollbacks are looked for once.
    let (oldest, mut next, _) = turns(Direction::Ascending, None).await;
    assert_eq!(oldest, ["0", "1", "2", "3", "4"]);
    for page in 1..4 {
        let (newer, cursor, read) = turns(Direction::Ascending, next).await;
        assert_eq!(newer, (page * 5..page * 5 + 5).map(|number| number.to_string()).collect::<Vec<_>>());
        few("those behind them", read);
        next = cursor;
    }
}

#[test]
fn pages_of_a_long_thread_read_no_more_than_they_are_long_hot_and_sealed() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let mut config = manual();
        config.compaction = None;
        let store = open(&fs, config.clone()).await.unwrap();
        let id = create(&store).await;
        for number in 0..TURNS {
            store.append_items(AppendItemsParams::new(id, turn(number))).await.unwrap();
            if number % 50 == 0 {
                store.flush_thread(id.into()).await.unwrap();
            }
        }
        store.shutdown_thread(id.into()).await.unwrap();
        look(&fs, &store, id).await;
        store.close().await.unwrap();
        let sealing = Store::open_on(Arc::new(fs.clone()), Path::new(ROOT), config.engine.clone()).unwrap();
        sealing.seal(&CompactionConfig::default(), &Silent).unwrap();
        sealing.close().unwrap();
        let store = open(&fs, config).await.unwrap();
        look(&fs, &store, id).await;
        store.close().await.unwrap();
    });
}
