//! Which sealed segments to merge next: a pure function of their sizes.

use std::collections::BTreeMap;

use threadlog_engine::sealed::{SealedId, SegmentRow, Tier};

use crate::config::Config;

/// Segments up to this length are of the first class: what is merged of them may still belong to it, and costs next to
/// nothing.
const FIRST_CLASS_BYTES: u64 = 64 << 10;

/// Segments to merge into one: all of a size class that has as many as [`Config::fan_in`], the smallest class first.
/// `None` if there is no such class.
///
/// A class holds what is up to `fan_in` times as long as what the class before holds. So a byte is written again once for
/// each class it passes through, and there are never more than `fan_in - 1` segments of a class when nothing is left to do.
pub(crate) fn next(rows: &[SegmentRow], config: &Config) -> Option<Vec<SealedId>> {
    let mut classes: BTreeMap<(u32, u32), Vec<&SegmentRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.bytes <= config.segment_bytes_max) {
        let tier = u32::from(row.tier == Tier::Archived);
        classes.entry((class(row.bytes, config.fan_in), tier)).or_default().push(row);
    }
    let mut full = classes.into_values().find(|rows| rows.len() >= config.fan_in)?;
    full.sort_by_key(|row| row.id);
    Some(full.into_iter().map(|row| row.id).collect())
}

/// The size class of a segment.
fn class(bytes: u64, fan_in: usize) -> u32 {
    let factor = u64::try_from(fan_in).unwrap_or(4).max(2);
    let (mut class, mut most) = (0_u32, FIRST_CLASS_BYTES);
    while bytes > most {
        most = most.saturating_mul(factor);
        class = class.saturating_add(1);
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use threadlog_engine::number::wide;

    fn row(number: u64, bytes: u64, tier: Tier) -> SegmentRow {
        SegmentRow { id: SealedId { number, salt: 0 }, bytes, footer_offset: 0, footer_checksum: 0, tier }
    }

    fn numbers(picked: Option<Vec<SealedId>>) -> Vec<u64> {
        picked.unwrap_or_default().into_iter().map(|id| id.number).collect()
    }

    #[test]
    fn as_many_of_one_size_as_the_fan_in_are_merged_and_fewer_are_not() {
        let config = Config::default();
        let mut rows: Vec<_> = (1..4).map(|number| row(number, 1000 * number, Tier::Normal)).collect();
        rows.push(row(4, 500 << 20, Tier::Normal));
        rows.push(row(5, 10, Tier::Archived));
        assert_eq!(next(&rows, &config), None);
        rows.push(row(6, 64 << 10, Tier::Normal));
        assert_eq!(numbers(next(&rows, &config)), [1, 2, 3, 6]);
    }

    #[test]
    fn segments_beyond_the_limit_are_left() {
        let config = Config { segment_bytes_max: 1 << 20, ..Config::default() };
        let rows: Vec<_> = (1..9).map(|number| row(number, 2 << 20, Tier::Normal)).collect();
        assert_eq!(next(&rows, &config), None);
    }

    proptest! {
        /// However segments come, when nothing is left to merge there are few of them, and no byte was written often.
        #[test]
        fn segments_stay_few_and_bytes_are_seldom_written_again(
            sizes in proptest::collection::vec(prop_oneof![1_u64..5_000, 1_u64..(64 << 20)], 1..300),
            fan_in in 2_usize..6,
        ) {
            let config = Config { fan_in, segment_bytes_max: u64::MAX, ..Config::default() };
            let (mut rows, mut number, mut rewritten) = (Vec::new(), 0, 0_u64);
            for bytes in &sizes {
                number += 1;
                rows.push(row(number, *bytes, Tier::Normal));
                while let Some(picked) = next(&rows, &config) {
                    let merged: u64 = rows.iter().filter(|row| picked.contains(&row.id)).map(|row| row.bytes).sum();
                    rows.retain(|row| !picked.contains(&row.id));
                    rewritten += merged;
                    number += 1;
                    rows.push(row(number, merged, Tier::Normal));
                }
            }
            let total: u64 = sizes.iter().sum();
            let classes = u64::from(class(total, fan_in)) + 1;
            prop_assert!(wide(rows.len()) <= classes * (wide(fan_in) - 1));
            prop_assert!(rewritten <= total * classes + FIRST_CLASS_BYTES * number);
        }
    }
}
