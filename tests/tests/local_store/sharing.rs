//! Threads that flush at the same time share a sync.

use threadlog::local::LocalThreadStore;
use threadlog::thread_store::ThreadStore;
use threadlog_engine::OsFs;

use crate::words::{append, create, current_thread, multi_thread, texts};

const THREADS: usize = 64;
const ROUNDS: usize = 5;

async fn flush_together(store: &LocalThreadStore, flavour: &str) {
    let mut ids = Vec::new();
    for _ in 0..THREADS {
        let id = create(store).await;
        store.persist_thread(id.into()).await.unwrap();
        ids.push(id);
    }
    let before = store.stats().unwrap().syncs;
    for _ in 0..ROUNDS {
        let tasks = ids.iter().map(|id| {
            let (store, id) = (store.clone(), *id);
            tokio::spawn(async move {
                append(&store, id, &["x"]).await.unwrap();
                store.flush_thread(id.into()).await.unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }
    let (syncs, flushes) = (store.stats().unwrap().syncs - before, THREADS * ROUNDS);
    println!(
        "{flavour}: {flushes} flushes of {THREADS} live threads took {syncs} syncs, {:.3} for each",
        syncs as f64 / flushes as f64
    );
    assert!(syncs * 4 <= flushes as u64, "{syncs} syncs for {flushes} flushes");
    for id in ids {
        assert_eq!(texts(store, id).await.unwrap().len(), ROUNDS);
    }
}

#[test]
fn flushes_of_64_live_threads_share_syncs_in_both_flavours() {
    for (flavour, runtime) in [("current_thread", current_thread()), ("multi_thread", multi_thread(4))] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("store");
        runtime.block_on(async {
            let fs = std::sync::Arc::new(OsFs);
            let store = LocalThreadStore::open_on(fs, &root, Default::default()).await.unwrap();
            flush_together(&store, flavour).await;
            store.close().await.unwrap();
        });
    }
}
