use std::time::{Duration, Instant};

use super::*;
use crate::local::{LocalConfig, LocalThreadStore};
use crate::thread::ThreadId;
use crate::thread_store::{CreateThreadParams, ThreadStore};

/// Waits for something that comes by itself. Never for a certain time.
fn until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(120), "it does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn checkpoints(root: &Path) -> usize {
    std::fs::read_dir(root.join("catalog")).into_iter().flatten().count()
}

#[test]
fn the_worker_leaves_a_checkpoint_behind_what_it_sealed() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(sealed_by_the_worker());
}

async fn sealed_by_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = LocalConfig::default();
    let mut compaction = CompactionConfig::default();
    (compaction.pause_ms, compaction.idle_ms) = (5, 10);
    config.compaction = Some(compaction);
    let store = LocalThreadStore::open(folder.path(), config).await.unwrap();
    let id = ThreadId::generate();
    store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    store.persist_thread(id.into()).await.unwrap();
    until(|| checkpoints(folder.path()) > 0);
    store.close().await.unwrap();
}
