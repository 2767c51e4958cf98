//! What an embedder holds in their hands: create, resume, append, read, list and change threads.
//!
//! [`ThreadStore`] says nothing about where threads are kept. Implementations here:
//! `InMemoryThreadStore` for tests and ephemeral use, `LocalThreadStore` over the engine. One contract
//! suite runs against all of them; `docs/contract.md` lists its cases.
//!
//! # The life of a thread
//! A thread is *live* in a store between create or resume and shutdown or discard. While it is live, items
//! are appended to it, by id; [`LiveThread`](crate::live::LiveThread) is the handle that does so. A thread
//! that is not live is *cold*: it can be read, listed, renamed and archived, as a live one can.
//!
//! A thread is *materialised* once anything of it is stored. Creation alone stores nothing, so a thread that
//! was started and never used leaves no trace.
//!
//! | verb | materialises | promise |
//! |---|---|---|
//! | create | no | the id is taken, in this process, until shutdown or discard |
//! | append | no | `Ok`: the items are accepted, in order, once. `Err`: none of them is |
//! | persist | always | `Ok`: as flush, and the thread exists for readers |
//! | flush | if items are pending | `Ok`: all that was appended before survives power loss |
//! | shutdown | if items are pending | `Ok`: as flush, and the thread is cold. `Err`: it is still live |
//! | discard | no | what is not stored yet is gone; what is stored stays; the thread is cold |
//!
//! # When storing fails
//! Accepted items are kept, in order, until the store has them for good. After an error of persist, flush or
//! shutdown the next of these calls goes on where the failed one stopped: nothing is lost and nothing is
//! stored twice. Callers never append again what was accepted.
//!
//! # Cancellation
//! Each operation may be dropped at any await. What was accepted stays accepted, a change that was under way
//! either happens or does not, and the next call finds a consistent state. [`ThreadStore::append_items`]
//! accepts at its first poll.

mod accept;
mod create;
mod delete;
mod error;
mod follow;
mod fork;
mod id;
mod pages;
mod params;
mod read;
pub(crate) mod refuse;
mod source;

use std::path::PathBuf;

use async_trait::async_trait;

pub use accept::{ITEM_BYTES_MAX, accept};
pub use create::CreateThreadParams;
pub use delete::{DeleteThreadParams, DeletedThreads, Descendants};
pub use error::{Absence, Holder, Report, Result, ThreadStoreError, Unavailability};
pub use follow::{FollowFrom, FollowParams};
pub use fork::{ForkPosition, ForkThreadParams, ForkedThread, InterruptMarker};
pub use pages::{
    ItemPage, ListItemsParams, ListTurnsParams, StoredTurn, TurnCursor, TurnCursorError, TurnPage, TurnView,
};
pub use params::{
    AppendItemsParams, ArchiveThreadParams, DiscardThreadParams, FlushThreadParams, PersistThreadParams,
    ResumeThreadParams, ShutdownThreadParams, UnarchiveThreadParams, UpdateThreadMetadataParams,
};
pub use read::{
    HistoryRange, LoadHistoryParams, LoadModelContextParams, ReadThreadParams, StoredHistory, StoredThread,
};
pub use source::{SessionSource, SubAgentSource};

use crate::context::ModelContext;
use crate::list::{ListPage, ListParams};
use crate::search::{Search, SearchParams};
use crate::thread::ThreadId;

/// A place where threads are kept. See the [module](self) for the life of a thread and what the verbs promise.
///
/// Object-safe: programs hold an `Arc<dyn ThreadStore>`.
///
/// ```
/// use std::sync::Arc;
///
/// use threadlog::live::{LiveThread, NewItem};
/// use threadlog::memory::InMemoryThreadStore;
/// use threadlog::thread::ThreadId;
/// use threadlog::thread_store::{CreateThreadParams, LoadHistoryParams, ThreadStore};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store: Arc<dyn ThreadStore> = Arc::new(InMemoryThreadStore::new());
/// let thread = LiveThread::create(Arc::clone(&store), CreateThreadParams::new(ThreadId::generate())).await?;
/// thread.append(vec![NewItem::event(&serde_json::json!({"type": "user_message", "message": "Hello"}))?]).await?;
/// thread.flush().await?;
///
/// let history = store.load_history(LoadHistoryParams::new(thread.id())).await?;
/// assert_eq!(history.items.len(), 2, "what the session began with, and the message");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait ThreadStore: Send + Sync {
    /// Begins a thread: it is live from now on. Nothing is stored until it is persisted, or flushed with items.
    ///
    /// # Errors
    /// `Conflict` if the thread is live, naming who holds it, or if a thread with this id is stored: resume that.
    async fn create_thread(&self, params: CreateThreadParams) -> Result<()>;

    /// Goes on with a stored thread: it is live from now on. Changes nothing, times included.
    ///
    /// # Errors
    /// `ThreadNotFound`; `Conflict` if it is live, naming who holds it; `InvalidRequest` if it is archived and
    /// [`ResumeThreadParams::include_archived`] is not set; `Unsupported` if its history mode is not known here.
    async fn resume_thread(&self, params: ResumeThreadParams) -> Result<()>;

    /// Accepts items of a live thread, in order and together, as far as its policy keeps them.
    ///
    /// `Ok` means that all of them are accepted: they stand behind everything accepted before, and will be stored
    /// once and in this order. They need not be stored yet; flush for that. Items are accepted at the first poll,
    /// unless very much is waiting to be stored: then that is stored first.
    ///
    /// # Errors
    /// In all cases none of the items was accepted. `ThreadNotFound` if the thread is not live;
    /// `InvalidRequest` naming the item that could not be a line of a rollout; `Unavailable` if so much is
    /// waiting to be stored, and cannot be, that no more is accepted.
    async fn append_items(&self, params: AppendItemsParams) -> Result<()>;

    /// Stores the live thread with everything accepted so far; a thread without items then exists for readers.
    /// Repeating it changes nothing.
    ///
    /// *Durability:* on `Ok` all of it survives power loss.
    ///
    /// # Errors
    /// `ThreadNotFound` if the thread is not live; `Unavailable`, `Corrupt`: what was accepted is kept, in
    /// order, and the next call goes on.
    async fn persist_thread(&self, params: PersistThreadParams) -> Result<()>;

    /// Stores everything accepted so far. A thread without anything stored and without items stays so.
    ///
    /// *Durability:* on `Ok` everything that was appended to this thread before the call survives power loss.
    /// Flushes at the same time share a sync.
    ///
    /// # Errors
    /// As [`ThreadStore::persist_thread`].
    async fn flush_thread(&self, params: FlushThreadParams) -> Result<()>;

    /// As flush; then the thread is cold.
    ///
    /// # Errors
    /// As [`ThreadStore::persist_thread`]; the thread is then still live, with everything it has accepted.
    async fn shutdown_thread(&self, params: ShutdownThreadParams) -> Result<()>;

    /// Makes the thread cold at once. Writes nothing and deletes nothing: what was not stored is gone.
    ///
    /// # Errors
    /// `ThreadNotFound` if the thread is not live.
    async fn discard_thread(&self, params: DiscardThreadParams) -> Result<()> {
        let thread_id = params.thread_id;
        if self.discard_now(thread_id) {
            return Ok(());
        }
        Err(ThreadStoreError::ThreadNotFound { operation: "discard_thread", thread_id, absence: Absence::NotLive })
    }

    /// As [`ThreadStore::discard_thread`], for callers that cannot wait: destructors, with or without an
    /// executor. Must not block and must not need an executor. Says whether the thread was live.
    fn discard_now(&self, thread_id: ThreadId) -> bool;

    /// Items of a thread, live or cold, that are stored: flush a live thread before.
    ///
    /// # Errors
    /// `ThreadNotFound`, also for a live thread of which nothing is stored; `InvalidRequest` if the thread is
    /// archived and [`LoadHistoryParams::include_archived`] is not set; `Corrupt` if one of the items asked for is damaged.
    async fn load_history(&self, params: LoadHistoryParams) -> Result<StoredHistory>;

    /// What is known of a thread, live or cold: its stored items and what users set.
    ///
    /// # Errors
    /// As [`ThreadStore::load_history`]; damage only if the history is asked for.
    async fn read_thread(&self, params: ReadThreadParams) -> Result<StoredThread>;

    /// Makes a thread that begins with the items of another, live or cold, up to some point, and goes on by itself. Of a live
    /// source everything appended before the call is stored first. The source is not changed.
    ///
    /// Nothing is copied: the fork names its source, and what it inherited is read from there. The item that has an
    /// ordinal in the source has the same in the fork, and the fork's own items come behind. The fork is cold.
    ///
    /// *Durability:* on `Ok` the fork survives power loss, and what it inherited does. After `Unavailable` the outcome
    /// may be unknown; repeated, the call is answered `Conflict` if the fork was made.
    ///
    /// # Errors
    /// `ThreadNotFound`, also for a live source of which nothing is stored; `Conflict` if the new thread's id is live or
    /// stored; `InvalidRequest` for a position that the source does not have, or if it is archived and
    /// [`ForkThreadParams::include_archived`] is not set; `Corrupt` if the source's end is damaged: then only
    /// [`ForkPosition::AtOrdinal`] can be told for certain; `Unsupported` if its history mode is not known here.
    async fn fork_thread(&self, params: ForkThreadParams) -> Result<ForkedThread>;

    /// What the model sees of a thread, live or cold, by its stored items: flush a live thread before. See
    /// [`crate::context`].
    ///
    /// *Cost:* what follows the last checkpoint that no rollback took back.
    ///
    /// # Errors
    /// As [`ThreadStore::load_history`].
    async fn load_model_context(&self, params: LoadModelContextParams) -> Result<ModelContext>;

    /// A page of a thread's items, live or cold, that are stored, what it inherited included. From either end or from any place.
    ///
    /// *Cost:* what it gives.
    ///
    /// # Errors
    /// As [`ThreadStore::load_history`]; `InvalidRequest` for a page size out of bounds.
    async fn list_items(&self, params: ListItemsParams) -> Result<ItemPage>;

    /// A page of a thread's turns, live or cold, by its stored items: those that no rollback took back, what it inherited
    /// included. See [`crate::context`] for what a turn is.
    ///
    /// *Cost:* what the page's turns are long. Ascending, a rollback behind the page may have taken back what stands in it: the
    /// first page of a list looks for one through all that follows (nothing is parsed for that), the next ones only through
    /// what came since; if there is one, each reads what follows it. Of a thread without records that mark where turns start,
    /// all that stands before too.
    ///
    /// # Errors
    /// As [`ThreadStore::list_items`].
    async fn list_turns(&self, params: ListTurnsParams) -> Result<TurnPage>;

    /// A page of threads.
    ///
    /// # Errors
    /// `InvalidRequest` for a page size out of bounds, or a cursor of a list in another order.
    async fn list_threads(&self, params: ListParams) -> Result<ListPage<StoredThread>>;

    /// Searches what was said and done in threads, live or cold, by their stored items. See [`crate::search`].
    ///
    /// The threads are those of the moment; of what is added meanwhile some may be found. Finds come while it goes on.
    ///
    /// *Cost:* reads what is stored, at about the speed of decompression, on several threads; nothing is parsed that
    /// cannot have the text.
    ///
    /// # Errors
    /// As [`ThreadStore::list_threads`]; `ThreadNotFound` if one thread is asked for that is not stored. Damage is no error
    /// but counted ([`SearchProgress::lost_records`](crate::search::SearchProgress::lost_records)).
    async fn search(&self, params: SearchParams) -> Result<Search>;

    /// Changes what users set of a thread, live or cold; all of the patch or nothing. A live thread of which
    /// nothing is stored is stored first. An empty patch only reads.
    ///
    /// *Durability:* on `Ok` the change survives power loss. After `Unavailable` the outcome may be unknown;
    /// repeating the call is harmless.
    ///
    /// # Errors
    /// `ThreadNotFound`; `InvalidRequest` for a patch that cannot be (a blank name), or if the thread is archived
    /// and [`UpdateThreadMetadataParams::include_archived`] is not set; `Conflict` if it takes the thread out of the trash
    /// and somebody is deleting it, naming who; `Unavailable`.
    async fn update_thread_metadata(&self, params: UpdateThreadMetadataParams) -> Result<StoredThread>;

    /// Takes a thread, live or cold, out of the lists of active threads. It stays where it is and as it is. Of a
    /// thread that is archived nothing changes, so that a call whose outcome was unknown can be repeated.
    ///
    /// *Durability:* as [`ThreadStore::update_thread_metadata`].
    ///
    /// # Errors
    /// `ThreadNotFound`, also for a live thread of which nothing is stored; `Unavailable`.
    async fn archive_thread(&self, params: ArchiveThreadParams) -> Result<()>;

    /// Takes a thread back from the archive. Of a thread that is not archived nothing changes.
    ///
    /// *Durability:* as [`ThreadStore::update_thread_metadata`].
    ///
    /// # Errors
    /// As [`ThreadStore::archive_thread`].
    async fn unarchive_thread(&self, params: UnarchiveThreadParams) -> Result<StoredThread>;

    /// Deletes a thread: nobody finds it any more, here or in another process, and its id can be used again. Threads that came from it stay whole
    /// unless they are to go with it; then all go or none. What imports know of its files is forgotten too: importing one again
    /// makes the thread anew.
    ///
    /// *Durability:* on `Ok` it stays deleted; no record that was on its way brings it back.
    ///
    /// # Errors
    /// `ThreadNotFound`; `Conflict` if it, or one that is to go with it, is live, being forked, or being taken out of the
    /// trash, naming who holds it; `Conflict` without a holder if it is not in the trash and was to be deleted only there
    /// ([`DeleteThreadParams::only_trashed`]), or if something came from it meanwhile; `InvalidRequest` if more than about
    /// 16 000 threads were to go at once.
    async fn delete_thread(&self, params: DeleteThreadParams) -> Result<DeletedThreads>;

    /// The file that holds this thread and nothing else, in a store that has one for each thread. The stores
    /// of this crate have none.
    fn local_path(&self, thread_id: ThreadId) -> Option<PathBuf> {
        let _ = thread_id;
        None
    }
}
