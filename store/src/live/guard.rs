//! Starting up with a live thread, where that can fail.

use crate::live::LiveThread;
use crate::thread_store::Result;

/// Holds a live thread while whatever uses it is being set up, and lets go of it if that fails.
///
/// Dropped without [`LiveThreadInitGuard::commit`] it discards the thread, at once, wherever it is dropped:
/// inside or outside a runtime, during a panic, when a future is cancelled. Nothing stays live behind.
///
/// ```
/// use std::sync::Arc;
///
/// use threadlog::live::{LiveThread, LiveThreadInitGuard};
/// use threadlog::memory::InMemoryThreadStore;
/// use threadlog::thread::ThreadId;
/// use threadlog::thread_store::{CreateThreadParams, ThreadStore};
///
/// fn connect_tools() -> Result<(), &'static str> {
///     Err("a required tool does not answer")
/// }
///
/// async fn start(store: Arc<dyn ThreadStore>, id: ThreadId) -> Result<LiveThread, Box<dyn std::error::Error>> {
///     let guard = LiveThreadInitGuard::new(Some(LiveThread::create(store, CreateThreadParams::new(id)).await?));
///     connect_tools()?; // returns, and the guard lets go of the thread
///     Ok(guard.commit().ok_or("an ephemeral thread")?)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (store, id) = (Arc::new(InMemoryThreadStore::new()), ThreadId::generate());
/// assert!(start(store.clone(), id).await.is_err());
/// assert!(store.create_thread(CreateThreadParams::new(id)).await.is_ok(), "the id is free again");
/// # });
/// ```
#[derive(Debug)]
#[must_use = "dropped at once it discards the thread at once"]
pub struct LiveThreadInitGuard {
    thread: Option<LiveThread>,
}

impl LiveThreadInitGuard {
    /// Guards this thread; `None` for a session that keeps no thread.
    pub fn new(thread: Option<LiveThread>) -> LiveThreadInitGuard {
        LiveThreadInitGuard { thread }
    }

    /// The guarded thread.
    #[must_use]
    pub fn thread(&self) -> Option<&LiveThread> {
        self.thread.as_ref()
    }

    /// Set-up succeeded: gives the thread out, still live.
    #[must_use = "this is the thread"]
    pub fn commit(mut self) -> Option<LiveThread> {
        self.thread.take()
    }

    /// Set-up failed: discards the thread and says how that went. Dropping the guard does the same, silently.
    ///
    /// # Errors
    /// As [`ThreadStore::discard_thread`](crate::thread_store::ThreadStore::discard_thread).
    pub async fn discard(self) -> Result<()> {
        // The thread stays in the guard meanwhile: a future dropped half-way still lets go of it.
        match &self.thread {
            Some(thread) => thread.discard().await,
            None => Ok(()),
        }
    }
}

impl Drop for LiveThreadInitGuard {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.discard_now();
        }
    }
}
