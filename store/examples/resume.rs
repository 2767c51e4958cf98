//! Goes on with the thread that was active last: what it was about, how it ended, one more turn.
//!
//! `cargo run -p threadlog --example resume -- <store folder>` (run `embed` before)

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use threadlog::list::{ListParams, SortKey};
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{HistoryRange, LoadHistoryParams, ResumeThreadParams, ThreadStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("threadlog-embed"), PathBuf::from);
    let mut out = std::io::stdout();
    let store = LocalThreadStore::open(&root, LocalConfig::default()).await?;

    let mut latest = ListParams::default();
    latest.sort_key = SortKey::Updated;
    latest.page_size = 1;
    let page = store.list_threads(latest).await?;
    let Some(found) = page.threads.first() else {
        writeln!(out, "no threads in {} yet: run the example `embed` first", root.display())?;
        return Ok(store.close().await?);
    };
    writeln!(
        out,
        "the latest of {} threads: {}",
        page.total,
        found.metadata.title().unwrap_or("(nobody wrote to it)")
    )?;

    // The last items only, however long the thread is.
    let tail = LoadHistoryParams::new(found.id()).only(HistoryRange::Last(3));
    for item in store.load_history(tail).await?.items {
        let mut line = Vec::new();
        item.render(&mut line);
        out.write_all(&line)?;
    }

    let thread = LiveThread::resume(Arc::new(store.clone()), ResumeThreadParams::new(found.id())).await?;
    thread.append(vec![NewItem::event(&json!({"type": "user_message", "message": "Where were we?"}))?]).await?;
    thread.shutdown().await?;
    writeln!(out, "now {} items", thread.read().await?.metadata.items())?;
    Ok(store.close().await?)
}
