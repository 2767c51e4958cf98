//! An agent's loop over a thread store: one live thread, flushed at the end of each turn.
//!
//! `cargo run -p threadlog --example embed -- <store folder>`

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use threadlog::ThreadId;
use threadlog::live::{LiveThread, LiveThreadInitGuard, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{CreateThreadParams, SessionSource};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("threadlog-embed"), PathBuf::from);
    let store = LocalThreadStore::open(&root, LocalConfig::default()).await?;
    let thread = start(&store).await?;
    for prompt in ["Why does the build fail?", "Then fix it."] {
        let answer = turn(&thread, prompt).await?;
        writeln!(std::io::stdout(), "{prompt}\n  {answer}")?;
    }
    let named = thread.update_metadata(MetadataPatch::rename("fix the build")).await?;
    thread.shutdown().await?;
    store.close().await?;
    let (id, known) = (thread.id(), named.metadata);
    writeln!(std::io::stdout(), "{id}: {:?}, {} items", known.title().unwrap_or_default(), known.items())?;
    Ok(())
}

/// Starts a thread. Until everything else is up, the guard sees to it that a failure leaves nothing behind.
async fn start(store: &LocalThreadStore) -> Result<LiveThread, Box<dyn Error>> {
    let mut params = CreateThreadParams::new(ThreadId::generate());
    params.source = SessionSource::Cli;
    params.originator = Some("example".to_owned());
    params.cwd = Some(std::env::current_dir()?.display().to_string());
    let guard = LiveThreadInitGuard::new(Some(LiveThread::create(Arc::new(store.clone()), params).await?));
    connect_tools().await?;
    guard.commit().ok_or_else(|| "an ephemeral session keeps no thread".into())
}

/// What else an agent needs before it can begin, and what can fail.
async fn connect_tools() -> Result<(), Box<dyn Error>> {
    Ok(())
}

/// One turn: what the user said, what the model did, and then the barrier.
async fn turn(thread: &LiveThread, prompt: &str) -> Result<String, Box<dyn Error>> {
    thread
        .append(vec![
            NewItem::event(&json!({"type": "task_started"}))?,
            NewItem::event(&json!({"type": "user_message", "message": prompt}))?,
        ])
        .await?;
    let answer = format!("An answer to \"{prompt}\".");
    thread
        .append(vec![
            NewItem::response(
                &json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": answer}]}),
            )?,
            NewItem::event(&json!({"type": "agent_message", "message": answer}))?,
            NewItem::event(&json!({"type": "task_complete", "last_agent_message": answer}))?,
        ])
        .await?;
    // From here on the turn survives a power cut.
    thread.flush().await?;
    Ok(answer)
}
