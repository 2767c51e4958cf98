//! Ten thousand live threads in one process.

use threadlog::list::ListParams;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::ThreadStore;
use threadlog_engine::OsFs;

use crate::words::{append, create, current_thread, texts};

const THREADS: usize = 10_000;

/// Resident memory of this process, in bytes.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_live_threads_cost_little_memory_and_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("store");
    current_thread().block_on(async {
        let store = LocalThreadStore::open_on(std::sync::Arc::new(OsFs), &root, Default::default()).await.unwrap();
        // The first ones pay for what all share.
        for _ in 0..100 {
            let id = create(&store).await;
            append(&store, id, &["warm"]).await.unwrap();
            store.flush_thread(id.into()).await.unwrap();
        }
        let (files, memory) = (open_files(), resident_bytes());
        let mut ids = Vec::new();
        for _ in 0..THREADS {
            ids.push(create(&store).await);
        }
        let created = resident_bytes().saturating_sub(memory) / THREADS as u64;
        for chunk in ids.chunks(500) {
            for id in chunk {
                append(&store, *id, &["hello"]).await.unwrap();
            }
            let flushes = chunk.iter().map(|id| {
                let (store, id) = (store.clone(), *id);
                tokio::spawn(async move { store.flush_thread(id.into()).await.unwrap() })
            });
            for flush in flushes.collect::<Vec<_>>() {
                flush.await.unwrap();
            }
        }
        let idle = resident_bytes().saturating_sub(memory) / THREADS as u64;
        println!("{THREADS} live threads: {created} bytes each when created, {idle} bytes each when flushed and idle (the engine's index of their records included)");
        assert_eq!(store.live_threads(), THREADS + 100);
        assert!(open_files() <= files + 4, "{files} files before, {} now: none may belong to a thread", open_files());
        assert!(idle < 8192, "{idle} bytes for each live thread");
        assert_eq!(store.list_threads(ListParams::default()).await.unwrap().total, THREADS as u64 + 100);
        assert_eq!(texts(&store, ids[THREADS / 2]).await.unwrap(), ["hello"]);
        store.close().await.unwrap();
    });
}
