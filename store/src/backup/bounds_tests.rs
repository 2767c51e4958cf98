use super::*;
use crate::tests::forks::{fork_meta, key, plant};
use crate::tests::{Bench, message, meta};

#[test]
fn what_a_fork_stands_on_is_within_the_bounds_however_late_it_was_seen() {
    let bench = Bench::new();
    let store = bench.open();
    let id = key(1).thread.to_string();
    plant(&store, key(1), None, &[meta(&id), message(1, "one"), message(2, "two")]);
    plant(&store, key(2), Some((key(1), 2)), &[fork_meta(key(2), key(1)), message(3, "its own")]);
    plant(&store, key(3), Some((key(2), 4)), &[fork_meta(key(3), key(2))]);
    plant(&store, key(4), None, &[meta(&id)]);
    let whole: Bounds =
        store.log().streams().iter().map(|info| (info.stream, end(store.log(), &info.stream))).collect();
    // As if the first look had passed the journal of the others before these were written.
    let mut seen = whole.clone();
    seen.retain(|stream, _| ThreadKey::of(stream) == key(3));
    complete(store.log(), &mut seen);
    let mut expected = whole.clone();
    expected.retain(|stream, _| ThreadKey::of(stream) != key(4));
    assert_eq!(seen, expected);
    // Or in the middle of a base.
    let mut seen = whole.clone();
    seen.insert(key(1).stream(ITEMS), 1);
    complete(store.log(), &mut seen);
    assert_eq!(seen, whole);
}

#[test]
fn what_no_segment_has_is_hot() {
    let sealed = Sealed::default();
    let stream = key(1).stream(ITEMS);
    assert_eq!(unsealed(&sealed, &stream, 3).first(), Some(&(0..3)));
    assert!(unsealed(&sealed, &stream, 0).is_empty());
}
