//! Reads that the system refuses: such a refusal can be over at the next look, while damage stays.

use crate::error::Error;

/// Whether anything was refused during a look.
#[derive(Debug, Default)]
pub(crate) struct Refusals(bool);

impl Refusals {
    /// Takes note of why something could not be read; damage is no refusal.
    pub(crate) fn note(&mut self, error: &Error) {
        self.0 |= !error.is_corruption();
    }
}

/// Looks, and once more if something was refused. What is refused twice counts as damaged: a bad sector, say.
pub(crate) fn look<T>(mut at: impl FnMut(&mut Refusals) -> T) -> T {
    let mut refusals = Refusals::default();
    let seen = at(&mut refusals);
    if refusals.0 { at(&mut Refusals::default()) } else { seen }
}
