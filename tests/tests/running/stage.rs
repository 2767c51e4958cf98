//! The store as running threads see it: in one order that the seed decides, or as it comes.
//!
//! In one order each call is carried out in place, from its beginning to its end, and before and after it the caller gives
//! way to the others as often as the dice say. So whatever waits for the store may be overtaken, and dropped, before
//! the call and behind it; and as nothing runs beside it, the same seed gives the same run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use async_trait::async_trait;
use parking_lot::Mutex;
use threadlog::ThreadId;
use threadlog::context::ModelContext;
use threadlog::list::{ListPage, ListParams};
use threadlog::local::LocalThreadStore;
use threadlog::search::{Search, SearchParams};
use threadlog::thread_store::{
    AppendItemsParams, ArchiveThreadParams, CreateThreadParams, DeleteThreadParams, DeletedThreads, FlushThreadParams,
    ForkThreadParams, ForkedThread, ItemPage, ListItemsParams, ListTurnsParams, LoadHistoryParams,
    LoadModelContextParams, PersistThreadParams, ReadThreadParams, Result, ResumeThreadParams, ShutdownThreadParams,
    StoredHistory, StoredThread, ThreadStore, TurnPage, UnarchiveThreadParams, UpdateThreadMetadataParams,
};
use threadlog_tests::proof::random::Dice;

/// How calls of the store are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after another, in the order that the seed decides.
    OfTheSeed,
    /// At once, on two threads.
    AsItComes,
}

/// A store on whose calls the seed has a say.
pub struct Stage {
    inner: LocalThreadStore,
    order: Order,
    dice: Mutex<Dice>,
    /// Storing these unwinds, as by a fault below.
    pub broken: Mutex<BTreeSet<ThreadId>>,
}

impl Order {
    /// Carries out a call, in place or as it comes.
    pub async fn call<T>(self, call: impl Future<Output = T>) -> T {
        match self {
            Order::AsItComes => call.await,
            Order::OfTheSeed => in_place(call),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread: what the call has others do is done before anybody else comes.
fn in_place<T>(call: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    // The runtime's budget is not renewed before its thread is given back.
    let mut call = pin!(tokio::task::unconstrained(call));
    loop {
        match call.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

impl Stage {
    pub fn new(inner: LocalThreadStore, order: Order, seed: u64) -> Stage {
        Stage { inner, order, dice: Mutex::new(Dice::new(seed)), broken: Mutex::default() }
    }

    async fn call<T>(&self, call: impl Future<Output = T> + Send) -> T {
        if self.order == Order::AsItComes {
            return call.await;
        }
        self.give_way().await;
        let answer = in_place(call);
        self.give_way().await;
        answer
    }

    async fn give_way(&self) {
        let times = self.dice.lock().below(4);
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }

    fn unwind(&self, id: ThreadId) {
        if self.broken.lock().contains(&id) {
            // Without the noise of a real one.
            std::panic::resume_unwind(Box::new("a fault below"));
        }
    }
}

#[async_trait]
impl ThreadStore for Stage {
    async fn create_thread(&self, params: CreateThreadParams) -> Result<()> {
        self.call(self.inner.create_thread(params)).await
    }
    async fn resume_thread(&self, params: ResumeThreadParams) -> Result<()> {
        self.call(self.inner.resume_thread(params)).await
    }
    async fn append_items(&self, params: AppendItemsParams) -> Result<()> {
        self.call(self.inner.append_items(params)).await
    }
    async fn persist_thread(&self, params: PersistThreadParams) -> Result<()> {
        self.unwind(params.thread_id);
        self.call(self.inner.persist_thread(params)).await
    }
    async fn flush_thread(&self, params: FlushThreadParams) -> Result<()> {
        self.unwind(params.thread_id);
        self.call(self.inner.flush_thread(params)).await
    }
    async fn shutdown_thread(&self, params: ShutdownThreadParams) -> Result<()> {
        self.unwind(params.thread_id);
        self.call(self.inner.shutdown_thread(params)).await
    }
    fn discard_now(&self, thread_id: ThreadId) -> bool {
        self.inner.discard_now(thread_id)
    }
    async fn load_history(&self, params: LoadHistoryParams) -> Result<StoredHistory> {
        self.call(self.inner.load_history(params)).await
    }
    async fn read_thread(&self, params: ReadThreadParams) -> Result<StoredThread> {
        self.call(self.inner.read_thread(params)).await
    }
    async fn fork_thread(&self, params: ForkThreadParams) -> Result<ForkedThread> {
        self.call(self.inner.fork_thread(params)).await
    }
    async fn load_model_context(&self, params: LoadModelContextParams) -> Result<ModelContext> {
        self.call(self.inner.load_model_context(params)).await
    }
    async fn list_items(&self, params: ListItemsParams) -> Result<ItemPage> {
        self.call(self.inner.list_items(params)).await
    }
    async fn list_turns(&self, params: ListTurnsParams) -> Result<TurnPage> {
        self.call(self.inner.list_turns(params)).await
    }
    async fn search(&self, params: SearchParams) -> Result<Search> {
        self.call(self.inner.search(params)).await
    }
    async fn list_threads(&self, params: ListParams) -> Result<ListPage<StoredThread>> {
        self.call(self.inner.list_threads(params)).await
    }
    async fn update_thread_metadata(&self, params: UpdateThreadMetadataParams) -> Result<StoredThread> {
        self.call(self.inner.update_thread_metadata(params)).await
    }
    async fn archive_thread(&self, params: ArchiveThreadParams) -> Result<()> {
        self.call(self.inner.archive_thread(params)).await
    }
    async fn unarchive_thread(&self, params: UnarchiveThreadParams) -> Result<StoredThread> {
        self.call(self.inner.unarchive_thread(params)).await
    }
    async fn delete_thread(&self, params: DeleteThreadParams) -> Result<DeletedThreads> {
        self.call(self.inner.delete_thread(params)).await
    }
    fn local_path(&self, thread_id: ThreadId) -> Option<PathBuf> {
        self.inner.local_path(thread_id)
    }
}
