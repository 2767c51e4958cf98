//! New ids.

use uuid::Uuid;

use crate::thread::ThreadId;

impl ThreadId {
    /// A new id, of version 7 like Codex's: ids made later sort after ids made before.
    ///
    /// ```
    /// use threadlog::thread::ThreadId;
    ///
    /// assert_ne!(ThreadId::generate(), ThreadId::generate());
    /// ```
    #[must_use]
    pub fn generate() -> ThreadId {
        ThreadId::from_uuid(Uuid::now_v7())
    }
}
