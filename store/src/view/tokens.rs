//! Tokens used, by day and model.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::item::typed::{EventMsg, TokenCount, Typed};
use crate::item::{RolloutItem, Timestamp};

/// Sums of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenSums {
    /// All.
    pub total: u64,
    /// Input, what was cached included.
    pub input: u64,
    /// Of the input, what was cached.
    pub cached_input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Of the output, reasoning.
    pub reasoning_output: u64,
}

/// When tokens were used, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct TokenKey {
    /// The day, in UTC: `2026-01-31`; `None` if the record states no time.
    pub day: Option<String>,
    /// The model of the turn; `None` if nothing names one.
    pub model: Option<String>,
}

/// Tokens that a thread used, folded from its items in their order.
///
/// Records count the tokens of the whole thread so far. What was used in between is the difference, so a count that is written
/// twice adds nothing; one that is lower than the one before began anew. What a fork inherited is where its
/// counting begins, and no part of its sums: over any number of threads the sums add up to what was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadTokens {
    sums: BTreeMap<TokenKey, TokenSums>,
    last: TokenCount,
    model: Option<String>,
    /// Counts to come that are another thread's.
    copied: usize,
}

impl ThreadTokens {
    /// Of a thread that begins where this was the count, with this model.
    #[must_use]
    pub fn beginning(inherited: TokenCount, model: Option<String>) -> ThreadTokens {
        ThreadTokens { last: inherited, model, ..ThreadTokens::default() }
    }

    /// The next counts, so many, are copies of another thread's: its own counting begins behind them.
    pub fn pass_over(&mut self, counts: usize) {
        self.copied = counts;
    }

    /// Takes in the thread's next own item.
    pub fn apply(&mut self, item: &RolloutItem) {
        match item.typed() {
            Typed::TurnContext(turn) => self.model = turn.model.or(self.model.take()),
            Typed::Event(EventMsg::TokenCount(count)) if count.known => {
                let used = TokenSums::between(&self.last, &count);
                self.last = count;
                if let Some(left) = self.copied.checked_sub(1) {
                    self.copied = left;
                    return;
                }
                if used != TokenSums::default() {
                    let key = TokenKey { day: item.timestamp().map(day), model: self.model.clone() };
                    *self.sums.entry(key).or_default() += used;
                }
            }
            _ => {}
        }
    }

    /// The sums, by day and model.
    pub fn sums(&self) -> impl Iterator<Item = (&TokenKey, &TokenSums)> {
        self.sums.iter()
    }
}

impl TokenSums {
    fn between(before: &TokenCount, now: &TokenCount) -> TokenSums {
        let anew = now.total < before.total;
        let more = |now: u64, before: u64| if anew { now } else { now.saturating_sub(before) };
        TokenSums {
            total: more(now.total, before.total),
            input: more(now.input, before.input),
            cached_input: more(now.cached_input, before.cached_input),
            output: more(now.output, before.output),
            reasoning_output: more(now.reasoning_output, before.reasoning_output),
        }
    }
}

impl AddAssign for TokenSums {
    fn add_assign(&mut self, other: TokenSums) {
        let TokenSums { total, input, cached_input, output, reasoning_output } = other;
        self.total = self.total.saturating_add(total);
        self.input = self.input.saturating_add(input);
        self.cached_input = self.cached_input.saturating_add(cached_input);
        self.output = self.output.saturating_add(output);
        self.reasoning_output = self.reasoning_output.saturating_add(reasoning_output);
    }
}

fn day(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate(10);
    text
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
