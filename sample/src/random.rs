//! The one source of chance.
//!
//! Everything is drawn from ChaCha8 with integers only: no floating point, no platform's mathematics, no hash of the
//! standard library. So a seed gives the same bytes on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A quantile table: (share in per mille, value), rising, from 0 to 1000; values between are interpolated.
pub(crate) type Table = &'static [(u32, u32)];

/// The unit of shares inside a [`Table`] draw: a millionth, so that the tails of a table are not coarse.
const WHOLE: u32 = 1_000_000;

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The stream named by a seed and a path: different paths give unrelated streams.
    pub(crate) fn new(seed: u64, path: &[u64]) -> Random {
        let mut key = [0_u8; 32];
        let mut state = path.iter().fold(mix(seed), |state, &step| mix(state ^ mix(step)));
        for bytes in key.chunks_exact_mut(8) {
            state = mix(state);
            bytes.copy_from_slice(&state.to_le_bytes());
        }
        Random(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Fills `bytes`.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A number below `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let wide = u64::from(self.0.next_u32()) * u64::from(end);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// A number in `first..=last`.
    pub(crate) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True in `per_mille` of 1000 cases.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `choices`, each as likely.
    pub(crate) fn pick<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        let index = self.below(narrow(choices.len()));
        choices.get(size(index)).copied().unwrap_or_default()
    }

    /// One of `choices`, the earlier ones more often: the smaller of two draws.
    pub(crate) fn pick_early<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        let end = narrow(choices.len());
        let index = self.below(end).min(self.below(end));
        choices.get(size(index)).copied().unwrap_or_default()
    }

    /// One of `choices` by weight.
    pub(crate) fn weighted<T: Copy + Default>(&mut self, choices: &[(u32, T)]) -> T {
        let mut left = self.below(choices.iter().map(|&(weight, _)| weight).sum());
        for &(weight, choice) in choices {
            if left < weight {
                return choice;
            }
            left -= weight;
        }
        T::default()
    }

    /// A value distributed as the table says.
    pub(crate) fn table(&mut self, table: Table) -> u32 {
        let share = self.below(WHOLE);
        quantile(table, share, WHOLE)
    }
}

/// The value of `table` at `share` of `whole`.
pub(crate) fn quantile(table: Table, share: u32, whole: u32) -> u32 {
    let at = u64::from(share) * 1000;
    let whole = u64::from(whole.max(1));
    for (&(from, low), &(to, high)) in table.iter().zip(table.iter().skip(1)) {
        let end = u64::from(to) * whole;
        if at < end {
            let start = u64::from(from) * whole;
            let width = end - start;
            let rise = u64::from(high.saturating_sub(low)) * at.saturating_sub(start) / width.max(1);
            return low.saturating_add(u32::try_from(rise).unwrap_or(u32::MAX));
        }
    }
    table.last().map_or(0, |&(_, value)| value)
}

/// SplitMix64's finisher: every bit of the result depends on every bit of `value`.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A count as an index.
pub(crate) fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A length as a count; lengths here stay far below 4 G.
pub(crate) fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A length as 64 bits.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
