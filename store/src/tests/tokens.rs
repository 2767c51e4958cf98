//! Tokens of forks and of what they were forked from.

use super::forks::{fork_meta, key, plant};
use super::*;

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
