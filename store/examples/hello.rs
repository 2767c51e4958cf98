//! The first thing to try, as it stands in the README: a thread, an item, a flush.

use serde_json::json;
use std::{error::Error, sync::Arc};
use threadlog::ThreadId;
use threadlog::list::ListParams;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{CreateThreadParams, ThreadStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::temp_dir().join(format!("threadlog-readme-{}", std::process::id()));
    let store = LocalThreadStore::open(&root, LocalConfig::default()).await?;

    let thread = LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(ThreadId::generate())).await?;
    thread.append(vec![NewItem::event(&json!({"type": "user_message", "message": "Why does it fail?"}))?]).await?;
    thread.flush().await?; // from here on it survives a power cut
    thread.shutdown().await?;

    assert_eq!(store.list_threads(ListParams::default()).await?.total, 1);
    store.close().await?;
    Ok(std::fs::remove_dir_all(root)?)
}
