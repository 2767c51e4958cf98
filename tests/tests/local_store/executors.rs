//! No executor thread ever waits for the disk.
//!
//! Every call to the file system waits until another task of the same one-threaded runtime lets it through. If the
//! runtime's thread made such a call, or waited for somebody who makes one, nobody would ever let it through.

use std::sync::Arc;
use std::time::Duration;

use threadlog::list::ListParams;
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    ForkPosition, ForkThreadParams, HistoryRange, LoadHistoryParams, LoadModelContextParams, ReadThreadParams,
    ResumeThreadParams, ThreadStore, UpdateThreadMetadataParams,
};
use threadlog_engine::fs::sim::SimFs;

use crate::gate::{Gate, GateFs};
use crate::words::{append, create, current_thread, message, open, texts};

/// Ends the process if the test does not end: a hang must not hang the whole run.
fn watchdog(what: &'static str) -> impl Drop {
    struct Done(Option<std::sync::mpsc::Sender<()>>);
    impl Drop for Done {
        fn drop(&mut self) {
            self.0.take();
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        if receiver.recv_timeout(Duration::from_secs(120)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{what}: an executor thread waits for the disk");
            std::process::exit(101);
        }
    });
    Done(Some(sender))
}

/// Lets calls through, from within the runtime; says how many there were.
async fn let_through(gate: Arc<Gate>) -> u64 {
    let mut calls = 0;
    loop {
        calls += gate.release_waiting();
        tokio::task::yield_now().await;
        if Arc::strong_count(&gate) == 1 {
            return calls;
        }
    }
}

#[test]
fn no_operation_blocks_the_only_executor_thread_on_the_disk() {
    let _watchdog = watchdog("no_operation_blocks");
    current_thread().block_on(async {
        let (fs, gate) = GateFs::new(SimFs::new(3));
        gate.shut();
        let released = tokio::spawn(let_through(gate));
        let store = open(&fs, Default::default()).await.unwrap();
        let (id, other) = (create(&store).await, create(&store).await);
        let large = "x".repeat(2 << 20);
        append(&store, id, &["a"]).await.unwrap();
        store.persist_thread(id.into()).await.unwrap();
        append(&store, id, &["b", &large]).await.unwrap();
        store.flush_thread(id.into()).await.unwrap();
        append(&store, other, &[&large]).await.unwrap();
        store.shutdown_thread(other.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap().len(), 3);
        store.load_history(LoadHistoryParams::new(id).only(HistoryRange::Last(1))).await.unwrap();
        store.read_thread(ReadThreadParams::new(id).with_history()).await.unwrap();
        store.list_threads(ListParams::default()).await.unwrap();
        let rename = MetadataPatch::rename("name");
        store.update_thread_metadata(UpdateThreadMetadataParams::new(id, rename)).await.unwrap();
        let fork = ForkThreadParams::new(id, ThreadId::generate()).at(ForkPosition::BeforeUserMessage(0));
        store.fork_thread(fork).await.unwrap();
        store.load_model_context(LoadModelContextParams::new(id)).await.unwrap();
        store.archive_thread(id.into()).await.unwrap();
        store.unarchive_thread(id.into()).await.unwrap();
        store.resume_thread(ResumeThreadParams::new(other)).await.unwrap();
        append(&store, other, &["c"]).await.unwrap();
        store.discard_thread(other.into()).await.unwrap();
        store.reopen().await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap().len(), 3);
        append(&store, id, &["d"]).await.unwrap();
        store.close().await.unwrap();
        drop((store, fs));
        let calls = released.await.unwrap();
        assert!(calls > 50, "{calls} calls passed the gate: the test tests nothing");
    });
}

#[test]
fn a_full_arena_makes_the_caller_wait_and_not_the_executor() {
    let _watchdog = watchdog("a_full_arena");
    current_thread().block_on(async {
        let (fs, gate) = GateFs::new(SimFs::new(3));
        let store = open(&fs, Default::default()).await.unwrap();
        let id = create(&store).await;
        store.persist_thread(id.into()).await.unwrap();
        gate.shut();
        let released = tokio::spawn(let_through(gate));
        // More than twice what the arena holds.
        let text = "y".repeat(100 << 10);
        for _ in 0..100 {
            append(&store, id, &[&text]).await.unwrap();
        }
        store.close().await.unwrap();
        drop((store, fs));
        released.await.unwrap();
    });
}

#[test]
fn a_slow_disk_under_one_thread_does_not_hold_up_what_needs_no_disk() {
    let _watchdog = watchdog("a_slow_disk");
    current_thread().block_on(async {
        let (fs, gate) = GateFs::new(SimFs::new(3));
        let store = open(&fs, Default::default()).await.unwrap();
        let (slow, other) = (create(&store).await, create(&store).await);
        store.persist_thread(other.into()).await.unwrap();
        gate.shut();
        append(&store, slow, &[&"z".repeat(2 << 20)]).await.unwrap();
        let flushing = {
            let store = store.clone();
            tokio::spawn(async move { store.flush_thread(slow.into()).await })
        };
        while gate.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        // The disk stands still: others are created, take items, are looked up and end.
        let third = create(&store).await;
        append(&store, third, &["a"]).await.unwrap();
        append(&store, other, &["b"]).await.unwrap();
        append(&store, slow, &[]).await.unwrap();
        store.flush_thread(create(&store).await.into()).await.unwrap();
        store.discard_thread(third.into()).await.unwrap();
        assert!(!flushing.is_finished());
        gate.open();
        flushing.await.unwrap().unwrap();
        store.flush_thread(other.into()).await.unwrap();
        assert_eq!(texts(&store, other).await.unwrap(), ["b"]);
        store.close().await.unwrap();
    });
}

#[test]
fn the_store_works_without_any_runtime() {
    let (fs, _) = GateFs::new(SimFs::new(3));
    futures_block_on(async {
        let store = open(&fs, Default::default()).await.unwrap();
        let id = create(&store).await;
        store
            .append_items(threadlog::thread_store::AppendItemsParams::new(id, vec![message(&"x".repeat(2 << 20))]))
            .await
            .unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap().len(), 1);
        store.close().await.unwrap();
    });
}

/// Polls a future on this thread, sleeping in between: the least executor there is.
pub fn futures_block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park_timeout(Duration::from_millis(50)),
        }
    }
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
