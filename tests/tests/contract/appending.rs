//! Order, atomicity and acceptance of items.

use std::sync::Arc;

use threadlog::item::{Kind, RolloutItem, Timestamp};
use threadlog::live::NewItem;
use threadlog::thread_store::AppendItemsParams;

use crate::cases;
use crate::fixture::{Fixture, agent, event, is_invalid, user};

async fn items_keep_their_order_across_appends_flushes_and_resumes(mut fixture: Fixture) {
    let id = fixture.create().await;
    let mut expected = Vec::new();
    for round in 0..5 {
        for number in 0..7 {
            let text = format!("{round}.{number}");
            fixture.append(id, [user(&text), agent(&text)]).await.unwrap();
            expected.extend([text.clone(), text]);
        }
        fixture.flush(id).await.unwrap();
        if round == 2 {
            fixture.store.shutdown_thread(id.into()).await.unwrap();
            fixture.restart().await;
            fixture.resume(id).await.unwrap();
        }
    }
    assert_eq!(fixture.texts(id).await, expected);
}

async fn concurrent_appends_to_one_thread_stay_whole_and_each_in_order(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.store.persist_thread(id.into()).await.unwrap();
    let fixture = Arc::new(fixture);
    let tasks = (0..8).map(|task| {
        let fixture = fixture.clone();
        async move {
            for round in 0..20 {
                let items = (0..3).map(|part| user(&format!("{task}/{round}/{part}")));
                fixture.append(id, items).await.unwrap();
                tokio::task::yield_now().await;
                if round % 7 == task {
                    fixture.flush(id).await.unwrap();
                }
            }
        }
    });
    join_all(tasks).await;
    fixture.flush(id).await.unwrap();
    let texts = fixture.texts(id).await;
    assert_eq!(texts.len(), 8 * 20 * 3);
    let mut rounds = [0; 8];
    for append in texts.chunks(3) {
        let parts: Vec<Vec<usize>> =
            append.iter().map(|text| text.split('/').map(|part| part.parse().unwrap()).collect()).collect();
        let (task, round) = (parts[0][0], parts[0][1]);
        assert_eq!(
            parts,
            (0..3).map(|part| vec![task, round, part]).collect::<Vec<_>>(),
            "items of one call stay together"
        );
        assert_eq!(rounds[task], round, "calls of one task stay in order");
        rounds[task] += 1;
    }
}

/// Polls all futures in turn, in this one task.
async fn join_all<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

async fn threads_do_not_see_each_others_items(fixture: Fixture) {
    let ids = [fixture.create().await, fixture.create().await, fixture.create().await];
    for round in 0..10 {
        for (number, id) in ids.iter().enumerate() {
            fixture.append(*id, [user(&format!("{number}: {round}"))]).await.unwrap();
        }
    }
    for (number, id) in ids.iter().enumerate() {
        fixture.flush(*id).await.unwrap();
        let expected: Vec<String> = (0..10).map(|round| format!("{number}: {round}")).collect();
        assert_eq!(fixture.texts(*id).await, expected);
    }
}

async fn an_append_without_items_does_nothing(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, []).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert!(fixture.read(id).await.is_err(), "still not stored");
}

async fn items_come_back_as_they_were_appended(mut fixture: Fixture) {
    let id = fixture.create().await;
    let time = Timestamp::from_ms(1_234_567_890_123).unwrap();
    let enveloped = |kind, json: &'static str| NewItem::from_json(kind, json).unwrap().stamped(time);
    let mut items = vec![
        enveloped(Kind::EventMsg, r#"{"type":"agent_message","message":"\u00e9\n","z":1,"a":1.50}"#),
        enveloped(Kind::Other("of_next_year".into()), r#"[1, 2,   {"b":null}]"#),
        enveloped(Kind::Compacted, r#"{"message":"","replacement_history":[]}"#),
        NewItem::response(&serde_json::json!({"type": "message"})).unwrap().with_metadata(&7).unwrap().stamped(time),
        RolloutItem::from_line("{\"role\":\"user\",\"type\":\"message\"}\n".into()),
        RolloutItem::from_line("\u{feff}not JSON at all\r\n".into()),
    ];
    if let RolloutItem::Enveloped { ordinal, .. } = &mut items[0] {
        *ordinal = Some(99);
    }
    fixture.store.append_items(AppendItemsParams::new(id, items.clone())).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.items(id).await.unwrap()[1..], items);
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.items(id).await.unwrap()[1..], items);
}

async fn an_item_that_is_no_line_is_refused_with_all_of_its_call(fixture: Fixture) {
    let id = fixture.create().await;
    let broken = RolloutItem::Enveloped {
        timestamp: fixture.now(),
        ordinal: None,
        kind: Kind::EventMsg,
        payload: "{\n}".into(),
        metadata: None,
    };
    let items = vec![user("a").stamped(fixture.now()), broken];
    assert!(is_invalid(fixture.store.append_items(AppendItemsParams::new(id, items)).await));
    fixture.append(id, [user("b")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["b"]);
}

async fn a_line_without_its_newline_does_not_swallow_the_next_one(fixture: Fixture) {
    let id = fixture.create().await;
    let half = RolloutItem::from_line("{\"half\":".into());
    fixture.store.append_items(AppendItemsParams::new(id, vec![half])).await.unwrap();
    fixture.append(id, [user("whole")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.items(id).await.unwrap().len(), 3);
    assert_eq!(fixture.texts(id).await, ["whole"]);
}

async fn long_items_and_long_appends_come_back_whole(mut fixture: Fixture) {
    let id = fixture.create().await;
    let long = "x".repeat(3 << 20);
    fixture.append(id, [user("before"), user(&long), user("between"), user(&long), user("after")]).await.unwrap();
    let many: Vec<NewItem> = (0..3000).map(|number| user(&format!("{number} {}", "y".repeat(700)))).collect();
    fixture.append(id, many).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    let texts = fixture.texts(id).await;
    assert_eq!(texts.len(), 3005);
    assert!(texts[1] == long && texts[3] == long);
    assert_eq!([&texts[0], &texts[2], &texts[4]], ["before", "between", "after"]);
    assert!(texts[5..].iter().enumerate().all(|(number, text)| text.starts_with(&format!("{number} "))));
}

async fn a_stored_thread_takes_further_items_before_they_are_flushed(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    fixture.append(id, [event(serde_json::json!({"type": "agent_message", "message": "b"}))]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["a", "b"]);
}

cases! {
    items_keep_their_order_across_appends_flushes_and_resumes
    concurrent_appends_to_one_thread_stay_whole_and_each_in_order
    threads_do_not_see_each_others_items
    an_append_without_items_does_nothing
    items_come_back_as_they_were_appended
    an_item_that_is_no_line_is_refused_with_all_of_its_call
    a_line_without_its_newline_does_not_swallow_the_next_one
    long_items_and_long_appends_come_back_whole
    a_stored_thread_takes_further_items_before_they_are_flushed
}
