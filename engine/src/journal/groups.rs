//! The groups that an index points into, numbered from the first that there ever was in this process.
//!
//! Numbers stay as they are when the first groups are forgotten, because their records were sealed: slots hold them.

use std::collections::VecDeque;

use crate::id::Sequence;

/// Where a group stands. `segment` is `None` until the group is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupPlace {
    pub segment: Option<u32>,
    pub offset: u64,
    pub last_sequence: Sequence,
}

/// The groups, rising by sequence.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Number of the first that is not forgotten.
    first: u32,
    places: VecDeque<GroupPlace>,
}

impl Groups {
    /// The number that the next group gets.
    pub fn next(&self) -> u32 {
        u32::try_from(self.places.len()).map_or(u32::MAX, |count| self.first.saturating_add(count))
    }

    /// The number of the last group.
    pub fn last_number(&self) -> u32 {
        self.next().saturating_sub(1)
    }

    /// Adds one at the end.
    pub fn push(&mut self, place: GroupPlace) {
        self.places.push_back(place);
    }

    /// A group that is not forgotten.
    pub fn get(&self, number: u32) -> Option<&GroupPlace> {
        self.places.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The last group.
    pub fn last_mut(&mut self) -> Option<&mut GroupPlace> {
        self.places.back_mut()
    }

    /// The last sequence of all that are not forgotten.
    pub fn last_sequence(&self) -> Option<Sequence> {
        self.places.back().map(|group| group.last_sequence)
    }

    /// All that are not forgotten.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut GroupPlace> {
        self.places.iter_mut()
    }

    /// Drops those that end above a sequence; gives the number of the first that is gone.
    pub fn cut(&mut self, durable: Sequence) -> u32 {
        let kept = self.places.partition_point(|group| group.last_sequence <= durable);
        self.places.truncate(kept);
        self.next()
    }

    /// Forgets those that end at or below a sequence; gives the number of the first that stays.
    pub fn forget(&mut self, upto: Sequence) -> u32 {
        let gone = self.places.partition_point(|group| group.last_sequence <= upto);
        self.places.drain(..gone);
        self.first = u32::try_from(gone).map_or(u32::MAX, |gone| self.first.saturating_add(gone));
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(last: u64) -> GroupPlace {
        GroupPlace { segment: Some(0), offset: 0, last_sequence: Sequence(last) }
    }

    #[test]
    fn numbers_stay_when_the_first_groups_are_forgotten() {
        let mut groups = Groups::default();
        [3, 5, 9].into_iter().for_each(|last| groups.push(group(last)));
        assert_eq!(groups.forget(Sequence(5)), 2);
        assert!(groups.get(1).is_none());
        assert_eq!(groups.get(2).map(|group| group.last_sequence), Some(Sequence(9)));
        assert_eq!(groups.next(), 3);
        assert_eq!(groups.cut(Sequence(8)), 2);
        assert_eq!(groups.next(), 2);
        assert!(groups.get(2).is_none());
    }
}
