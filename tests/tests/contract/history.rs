//! Loading items.

use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, HistoryRange, LoadHistoryParams, ReadThreadParams, StoredHistory};

use crate::cases;
use crate::fixture::{Fixture, is_absent, is_invalid, user};

async fn load(fixture: &Fixture, id: ThreadId, range: HistoryRange) -> StoredHistory {
    fixture.store.load_history(LoadHistoryParams::new(id).only(range)).await.unwrap()
}

async fn history_holds_what_was_flushed_and_nothing_else(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let flushed = fixture.items(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["a"]);
    fixture.append(id, [user("b")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let both = fixture.items(id).await.unwrap();
    assert_eq!(both.len(), 3);
    assert_eq!(both[..2], flushed);
}

async fn history_of_a_resumed_thread_includes_what_was_flushed_since(mut fixture: Fixture) {
    let id = fixture.cold("before").await;
    fixture.restart().await;
    fixture.resume(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["before"]);
    fixture.append(id, [user("after")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["before", "after"]);
}

async fn history_of_an_archived_thread_must_be_asked_for_live_or_cold(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    fixture.store.archive_thread(id.into()).await.unwrap();
    for live in [true, false] {
        let refused = fixture.store.load_history(LoadHistoryParams::new(id)).await;
        assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("is archived")), "live: {live}");
        assert!(is_invalid(refused));
        let both = ReadThreadParams::new(id).with_history();
        assert!(is_invalid(fixture.store.read_thread(both).await));
        assert_eq!(fixture.texts(id).await, ["a"]);
        if live {
            fixture.store.shutdown_thread(id.into()).await.unwrap();
        }
    }
}

async fn history_of_a_thread_that_is_not_there_is_refused(fixture: Fixture) {
    let id = ThreadId::generate();
    assert!(is_absent(fixture.items(id).await, Absence::Unknown));
}

async fn a_range_gives_these_items_and_says_where_it_stands(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, (1..10).map(|number| user(&number.to_string()))).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    let all = load(&fixture, id, HistoryRange::All).await;
    assert_eq!((all.first_ordinal, all.end_ordinal, all.next_ordinal), (0, 10, 10));
    assert_eq!(all.items.len(), 10);
    for (range, first, end) in [
        (HistoryRange::Last(3), 7, 10),
        (HistoryRange::Last(100), 0, 10),
        (HistoryRange::Last(0), 10, 10),
        (HistoryRange::From { ordinal: 2, count_max: 4 }, 2, 6),
        (HistoryRange::From { ordinal: 8, count_max: 100 }, 8, 10),
        (HistoryRange::From { ordinal: 10, count_max: 5 }, 10, 10),
        (HistoryRange::From { ordinal: 99, count_max: 5 }, 10, 10),
        (HistoryRange::From { ordinal: 3, count_max: 0 }, 3, 3),
    ] {
        let some = load(&fixture, id, range).await;
        assert_eq!((some.first_ordinal, some.end_ordinal, some.next_ordinal), (first, end, 10), "{range:?}");
        assert_eq!(some.items, all.items[first as usize..end as usize], "{range:?}");
    }
}

async fn a_long_thread_can_be_read_piece_by_piece(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, (0..100).map(|number| user(&number.to_string()))).await.unwrap();
    fixture.flush(id).await.unwrap();
    let all = fixture.items(id).await.unwrap();
    let (mut ordinal, mut pieces) = (0, Vec::new());
    loop {
        let piece = load(&fixture, id, HistoryRange::From { ordinal, count_max: 7 }).await;
        pieces.extend(piece.items);
        ordinal = piece.end_ordinal;
        if ordinal == piece.next_ordinal {
            break;
        }
    }
    assert_eq!(pieces, all);
}

async fn reading_a_thread_with_its_history_gives_both(fixture: Fixture) {
    let id = fixture.cold("a").await;
    let alone = fixture.store.read_thread(ReadThreadParams::new(id)).await.unwrap();
    assert_eq!(alone.history, None);
    let both = fixture.store.read_thread(ReadThreadParams::new(id).with_history()).await.unwrap();
    assert_eq!(both.history, Some(load(&fixture, id, HistoryRange::All).await));
    assert_eq!((both.key, both.metadata), (alone.key, alone.metadata));
}

cases! {
    history_holds_what_was_flushed_and_nothing_else
    history_of_a_resumed_thread_includes_what_was_flushed_since
    history_of_an_archived_thread_must_be_asked_for_live_or_cold
    history_of_a_thread_that_is_not_there_is_refused
    a_range_gives_these_items_and_says_where_it_stands
    a_long_thread_can_be_read_piece_by_piece
    reading_a_thread_with_its_history_gives_both
}
