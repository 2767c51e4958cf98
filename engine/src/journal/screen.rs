//! Passing over records before they are put together.

use crate::error::Result;
use crate::sealed::ValueHash;

/// What a look at a record's own bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not wanted, whatever values it shares.
    PassOver,
    /// It is wanted.
    Take,
    /// Its own bytes say no; it is wanted if one of the values that it shares says yes.
    AskValues,
}

/// Says which records are wanted, by their bytes as they are stored: values that a record shares with others stand elsewhere,
/// and are put in only for those that are wanted. See [`Records::screened`](crate::journal::records::Records::screened).
///
/// Used from several threads, if several readers have it.
pub trait Screen: Send + Sync {
    /// Looks at a record's payload, without the values that it shares.
    fn look(&self, stored: &[u8]) -> Verdict;

    /// Looks at a shared value. The answer is the same for every record that uses it, so it may be remembered by its name;
    /// then `read` need not be called.
    ///
    /// # Errors
    /// Those of `read`.
    fn value(&self, hash: &ValueHash, read: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<bool>;
}
