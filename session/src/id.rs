//! Where ids of new threads come from.

use threadlog::ThreadId;

/// Gives each new thread its id: started ones, forks, and those resumed from a history that the caller supplies. A
/// thread that is resumed by its id keeps it.
pub trait IdGenerator: Send + Sync + 'static {
    /// An id that was never given before. One that is taken makes the start fail with a conflict.
    fn next_id(&self) -> ThreadId;
}

/// Ids of version 7, which sort by the time they were made: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeOrderedIds;

impl IdGenerator for TimeOrderedIds {
    fn next_id(&self) -> ThreadId {
        ThreadId::generate()
    }
}
