use serde_json::json;

use super::*;

fn at(day: u32, kind: &str, payload: serde_json::Value) -> RolloutItem {
    let line =
        format!("{{\"timestamp\":\"2026-02-{day:02}T20:29:45.576Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n");
    RolloutItem::from_line(line.into())
}

fn count(day: u32, total: u64) -> RolloutItem {
    let usage = json!({"total_tokens": total, "input_tokens": total / 2, "output_tokens": total / 4});
    at(day, "event_msg", json!({"type": "token_count", "info": {"total_token_usage": usage}}))
}

fn model(name: &str) -> RolloutItem {
    at(1, "turn_context", json!({"model": name}))
}

fn totals(tokens: &ThreadTokens) -> Vec<(&str, &str, u64)> {
    tokens
        .sums()
        .map(|(key, sums)| (key.day.as_deref().unwrap_or("-"), key.model.as_deref().unwrap_or("-"), sums.total))
        .collect()
}

fn folded(mut tokens: ThreadTokens, items: &[RolloutItem]) -> ThreadTokens {
    items.iter().for_each(|item| tokens.apply(item));
    tokens
}

#[test]
fn what_was_used_between_two_counts_is_their_difference_by_day_and_model() {
    let items = [count(1, 10), model("a"), count(1, 40), count(1, 40), model("b"), count(2, 100), count(3, 104)];
    let tokens = folded(ThreadTokens::default(), &items);
    let wanted = [("2026-02-01", "-", 10), ("2026-02-01", "a", 30), ("2026-02-02", "b", 60), ("2026-02-03", "b", 4)];
    assert_eq!(totals(&tokens), wanted);
    let all = tokens.sums().fold(TokenSums::default(), |mut all, (_, sums)| {
        all += *sums;
        all
    });
    assert_eq!((all.total, all.input, all.output), (104, 52, 26));
}

#[test]
fn a_count_that_is_lower_than_the_one_before_began_anew() {
    assert_eq!(totals(&folded(ThreadTokens::default(), &[count(1, 50), count(1, 20)])), [("2026-02-01", "-", 70)]);
}

#[test]
fn a_fork_counts_from_where_its_source_was() {
    let inherited = TokenCount { known: true, total: 100, input: 50, output: 25, ..TokenCount::default() };
    let tokens = folded(ThreadTokens::beginning(inherited, Some("a".to_owned())), &[count(1, 100), count(1, 130)]);
    assert_eq!(totals(&tokens), [("2026-02-01", "a", 30)]);
}

#[test]
fn an_event_without_counts_says_nothing() {
    let limits = at(1, "event_msg", json!({"type": "token_count", "info": null}));
    assert_eq!(totals(&folded(ThreadTokens::default(), &[count(1, 5), limits, count(1, 8)])), [("2026-02-01", "-", 8)]);
}
