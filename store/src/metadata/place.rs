//! Where an item stands.

use super::register::Latest;
use crate::item::Timestamp;

/// An item's place in its thread, and its times.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) ordinal: u64,
    /// Its record's clock.
    pub(super) clock: u64,
    /// The time that the line states.
    pub(super) time: Option<Timestamp>,
}

impl At {
    /// States what the item here says, if it says anything.
    pub(super) fn state<T>(self, fact: &mut Latest<T>, value: Option<T>) {
        if let Some(value) = value {
            fact.state(self.ordinal, self.clock, value);
        }
    }
}
