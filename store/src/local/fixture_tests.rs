//! What tests of this module begin with.

use std::path::Path;
use std::sync::Arc;

use threadlog_engine::fs::sim::SimFs;

use crate::local::{LocalConfig, LocalThreadStore};
use crate::thread::ThreadId;
use crate::thread_store::{CreateThreadParams, ThreadStore};

/// A store on a simulated disk, with a live thread of which something is stored.
pub(super) async fn with_thread() -> (LocalThreadStore, ThreadId) {
    let fs = Arc::new(SimFs::new(1));
    let store = LocalThreadStore::open_on(fs, Path::new("/store"), LocalConfig::default()).await.unwrap();
    let id = ThreadId::generate();
    store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    store.persist_thread(id.into()).await.unwrap();
    (store, id)
}
