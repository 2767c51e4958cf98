//! What the operations on live threads and on the archive are told.

use crate::item::RolloutItem;
use crate::metadata::MetadataPatch;
use crate::policy::PersistencePolicy;
use crate::thread::ThreadId;

/// What [`ThreadStore::resume_thread`](crate::thread_store::ThreadStore::resume_thread) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResumeThreadParams {
    /// The thread to go on with.
    pub thread_id: ThreadId,
    /// Whether it may be archived. It stays archived. Default: no.
    pub include_archived: bool,
    /// Which items this live thread keeps. Default: as the thread's history mode says.
    pub policy: PersistencePolicy,
}

impl ResumeThreadParams {
    /// Resumes this thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> ResumeThreadParams {
        ResumeThreadParams { thread_id, include_archived: false, policy: PersistencePolicy::default() }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> ResumeThreadParams {
        self.include_archived = true;
        self
    }
}

/// What [`ThreadStore::append_items`](crate::thread_store::ThreadStore::append_items) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AppendItemsParams {
    /// The live thread.
    pub thread_id: ThreadId,
    /// The items, in order, stamped. They stay together.
    pub items: Vec<RolloutItem>,
}

impl AppendItemsParams {
    /// Appends these items to this thread.
    #[must_use]
    pub fn new(thread_id: ThreadId, items: Vec<RolloutItem>) -> AppendItemsParams {
        AppendItemsParams { thread_id, items }
    }
}

/// What [`ThreadStore::update_thread_metadata`](crate::thread_store::ThreadStore::update_thread_metadata) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpdateThreadMetadataParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// What to change.
    pub patch: MetadataPatch,
    /// Whether it may be archived. It stays archived. Default: no.
    pub include_archived: bool,
}

impl UpdateThreadMetadataParams {
    /// Changes this of this thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId, patch: MetadataPatch) -> UpdateThreadMetadataParams {
        UpdateThreadMetadataParams { thread_id, patch, include_archived: false }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> UpdateThreadMetadataParams {
        self.include_archived = true;
        self
    }
}

macro_rules! about_one_thread {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct $name {
            /// The thread.
            pub thread_id: ThreadId,
        }

        impl $name {
            /// About this thread.
            #[must_use]
            pub fn new(thread_id: ThreadId) -> $name {
                $name { thread_id }
            }
        }

        impl From<ThreadId> for $name {
            fn from(thread_id: ThreadId) -> $name {
                $name::new(thread_id)
            }
        }
    )*};
}

about_one_thread! {
    /// What [`ThreadStore::persist_thread`](crate::thread_store::ThreadStore::persist_thread) is told.
    PersistThreadParams;
    /// What [`ThreadStore::flush_thread`](crate::thread_store::ThreadStore::flush_thread) is told.
    FlushThreadParams;
    /// What [`ThreadStore::shutdown_thread`](crate::thread_store::ThreadStore::shutdown_thread) is told.
    ShutdownThreadParams;
    /// What [`ThreadStore::discard_thread`](crate::thread_store::ThreadStore::discard_thread) is told.
    DiscardThreadParams;
    /// What [`ThreadStore::archive_thread`](crate::thread_store::ThreadStore::archive_thread) is told.
    ArchiveThreadParams;
    /// What [`ThreadStore::unarchive_thread`](crate::thread_store::ThreadStore::unarchive_thread) is told.
    UnarchiveThreadParams;
}
