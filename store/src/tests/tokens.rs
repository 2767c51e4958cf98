//! Tokens of forks and of what they were forked from.

use super::forks::{fork_meta, key, plant};
use super::*;
use crate::thread::ThreadKey;

fn count(at: u64, total: u64) -> String {
    let usage = format!("{{\"total_token_usage\":{{\"total_tokens\":{total}}}}}");
    line(at, "event_msg", &format!("{{\"type\":\"token_count\",\"info\":{usage}}}"))
}

#[test]
fn what_a_fork_inherited_is_counted_in_its_source_alone() {
    let bench = Bench::new();
    let store = bench.open();
    let source = [meta("00000000-0000-0000-0000-000000000001"), count(1, 100), message(2, "on"), count(3, 150)];
    plant(&store, key(1), None, &source);
    // Cut behind the first count.
    let own = [fork_meta(key(2), key(1)), count(4, 100), count(5, 130)];
    plant(&store, key(2), Some((key(1), 3)), &own);
    let inner = [fork_meta(key(3), key(2)), count(6, 131)];
    plant(&store, key(3), Some((key(2), 6)), &inner);
    let lives = store.tokens(&[key(3), key(1), key(2)], &Silent);
    let totals: Vec<_> = lives.iter().map(|life| life.tokens.sums().map(|(_, sums)| sums.total).sum::<u64>()).collect();
    assert_eq!(totals, [1, 150, 30]);
    assert!(lives.iter().all(|life| life.lost_records == 0));
}

/// A rollout file of a thread that was forked from another, with a copy of its lines behind the first.
fn copy(key: ThreadKey, source: ThreadKey, copied: &[String], own: &[String]) -> Vec<String> {
    [&[fork_meta(key, source)], copied, own].concat()
}

/// What each of these used.
fn totals(store: &Store, keys: &[ThreadKey]) -> Vec<u64> {
    let lives = store.tokens(keys, &Silent);
    lives.iter().map(|life| life.tokens.sums().map(|(_, sums)| sums.total).sum()).collect()
}

#[test]
fn what_a_file_copied_is_counted_once_whether_or_not_its_source_is_there() {
    let source = [meta(&key(1).thread.to_string()), count(1, 100), message(2, "on"), count(3, 150), count(4, 150)];
    // Cut at different places; both go on.
    let long = copy(key(2), key(1), &source, &[count(5, 180), count(6, 190)]);
    let short = copy(key(3), key(1), &source[..2], &[count(5, 107)]);
    // A copy of the long one and of a part of what that added.
    let inner = copy(key(4), key(2), &long[..7], &[count(7, 185)]);
    let of = |lives: &[(ThreadKey, &[String])]| {
        let bench = Bench::new();
        let store = bench.open();
        lives.iter().for_each(|(key, lines)| plant(&store, *key, None, lines));
        totals(&store, &lives.iter().map(|(key, _)| *key).collect::<Vec<_>>())
    };
    let copies = [(key(2), &long[..]), (key(3), &short), (key(4), &inner)];
    assert_eq!(of(&[&[(key(1), &source[..])], &copies[..]].concat()), [150, 40, 7, 5]);
    assert_eq!(of(&copies), [190, 7, 5], "the first of them counts what the source used");
    assert_eq!(of(&copies[1..]), [107, 85], "and so it is with each part of it");
    assert_eq!(of(&copies[2..]), [185]);
    // The source is in the store, but nobody asks for it.
    let bench = Bench::new();
    let store = bench.open();
    plant(&store, key(1), None, &source);
    plant(&store, key(2), None, &long);
    assert_eq!(totals(&store, &[key(2)]), [40]);
}

#[test]
fn a_fork_without_a_copy_and_counts_that_only_look_alike_are_its_own() {
    let bench = Bench::new();
    let store = bench.open();
    let lines = |first: String| vec![first, count(1, 100), count(2, 120)];
    plant(&store, key(1), None, &lines(meta(&key(1).thread.to_string())));
    plant(&store, key(2), None, &lines(fork_meta(key(2), key(1))));
    assert_eq!(totals(&store, &[key(1), key(2)]), [120, 120]);
}
