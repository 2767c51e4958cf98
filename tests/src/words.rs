//! What the tests of the local store have in common.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use threadlog::RolloutItem;
use threadlog::item::Timestamp;
use threadlog::item::typed::{EventMsg, Typed};
use threadlog::live::NewItem;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{AppendItemsParams, CreateThreadParams, LoadHistoryParams, Result, ThreadStore};
use threadlog_engine::fs::Fs;
use threadlog_engine::{Background, Config};

pub const ROOT: &str = "/store";

pub fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub fn multi_thread(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

/// Settings for tests that count calls: nothing happens but what is asked for.
pub fn manual() -> LocalConfig {
    LocalConfig::from(Config { background: Background::Manual, prepare_spares: false, ..Config::default() })
}

pub async fn open(fs: &(impl Fs + Clone), config: LocalConfig) -> Result<LocalThreadStore> {
    LocalThreadStore::open_on(Arc::new(fs.clone()), Path::new(ROOT), config).await
}

pub fn message(text: &str) -> RolloutItem {
    NewItem::event(&json!({"type": "user_message", "message": text})).unwrap().stamped(Timestamp::default())
}

pub async fn create(store: &LocalThreadStore) -> ThreadId {
    let id = ThreadId::generate();
    let create = || store.create_thread(CreateThreadParams::new(id));
    for _ in 0..5 {
        match create().await {
            // A fault that a test planned; the call can be repeated.
            Err(error) if error.is_retryable() => {}
            result => {
                result.unwrap();
                return id;
            }
        }
    }
    panic!("no thread can be made");
}

pub async fn append(store: &LocalThreadStore, id: ThreadId, texts: &[&str]) -> Result<()> {
    let items = texts.iter().map(|text| message(text)).collect();
    store.append_items(AppendItemsParams::new(id, items)).await
}

/// The user messages among the stored items.
pub async fn texts(store: &LocalThreadStore, id: ThreadId) -> Result<Vec<String>> {
    let history = store.load_history(LoadHistoryParams::new(id).with_archived()).await?;
    Ok(history.items.iter().filter_map(text).collect())
}

pub fn text(item: &RolloutItem) -> Option<String> {
    match item.typed() {
        Typed::Event(EventMsg::UserMessage(message)) => Some(message.text),
        _ => None,
    }
}
