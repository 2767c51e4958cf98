use super::*;

#[test]
fn reading_stops_at_the_last_checkpoint_however_long_the_thread() {
    let tail = "start:c settings:c user:x compacted:short settings:c tokens:5 end:c start:1 settings:1 user:one end:1";
    let mut read = Vec::new();
    for turns in [1, 10, 1000] {
        let old = "start:0 settings:0 user:old answer:old tokens:1 end:0 ".repeat(turns);
        read.push(context(&format!("{old} {tail}")).items_read);
    }
    assert_eq!(read, [11, 11, 11]);
}

#[test]
fn without_a_checkpoint_all_of_it_is_the_context() {
    let words = "start:0 settings:0 user:old answer:old tokens:1 end:0 ".repeat(50);
    let context = context(&words);
    assert_eq!((context.items_read, context.items.len(), context.first_ordinal), (300, 100, 0));
}

#[test]
fn a_checkpoint_taken_back_is_passed_over() {
    let old = "start:0 settings:0 user:old tokens:1 end:0 ".repeat(50);
    let words =
        format!("{old} start:a settings:a user:a condensed end:a start:b settings:b user:b condensed end:b back:1");
    let context = context(&words);
    assert_eq!(seen_of(&context), ["compaction"]);
    assert_eq!(context.items[0].ordinal, 253);
    assert_eq!(context.items_read, 16, "the tokens stand one turn further back");
}

#[test]
fn what_the_thread_cannot_have_is_not_looked_for() {
    let words = format!("{} start:c user:x compacted:short end:c", "start:0 user:old end:0 ".repeat(50));
    let items = thread(&words);
    let mut scan = ContextScan::new(Expected { tokens: false, settings: false });
    let read = backwards(&items).into_iter().take_while(|(ordinal, item)| !scan.take(*ordinal, item)).count();
    assert_eq!(read + 1, 4);
    assert_eq!(seen_of(&scan.finish()), ["short"]);
    assert_eq!(context_of(&items).items_read, 154, "nobody said that it has none");
}

#[test]
fn items_share_the_bytes_they_were_read_from() {
    let items = thread("user:one compacted:short+two");
    let context = context_of(&items);
    let RolloutItem::Enveloped { payload, .. } = &items[1] else { panic!() };
    for item in &context.items {
        assert!(payload.as_ptr_range().contains(&item.payload.as_ptr()), "{item:?}");
    }
}
