//! What running threads cost above live ones: memory while they are idle, and the time of a turn in which the agent does
//! nothing.

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use threadlog::ThreadId;
use threadlog::item::Kind;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::CreateThreadParams;
use threadlog_session::{Agent, AgentFailure, CodexThread, Op, StartParams, ThreadManager, Turn, TurnHandle};

use crate::latency::Latency;
use crate::many::{Held, held};
use crate::place::Place;
use crate::report::{Row, Table};
use crate::{Failure, Result};

/// Threads that come first and pay for what all share.
const WARM_UP: usize = 100;
/// Threads that talk at the same time.
const TOGETHER: usize = 500;
/// Turns of one thread, before another one takes its place: what the model sees grows with them.
const TURNS_OF_ONE: u64 = 20;

/// What the process held: with the warm-up's threads, with all of them started, and with one turn of each stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Cost {
    threads: u64,
    before: Held,
    started: Held,
    idle: Held,
}

/// Has this program run once more, with nothing but running threads in it.
///
/// # Errors
/// If it cannot be run, or those of the threads.
pub fn table(threads: u64) -> Result<Table> {
    let output = Command::new(std::env::current_exe()?).args(["running", &threads.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let cost: Cost = serde_json::from_slice(&output.stdout)?;
    let row = |name: &str, held: Held| {
        let each = held.memory.saturating_sub(cost.before.memory) / threads.max(1);
        let (now, most) = (held.memory >> 20, held.memory_most >> 20);
        let note =
            format!("{each} bytes resident each ({now} MiB in all, {most} at most); {} file descriptors", held.files);
        Row { name: name.to_owned(), count: threads, note, ..Row::default() }
    };
    let rows = vec![row("started, nothing said", cost.started), row("a turn each, idle", cost.idle)];
    Ok(Table::new(format!("{threads} running threads in one process"), rows))
}

/// Makes so many threads run in this process, and looks at what it holds.
///
/// # Errors
/// Those of the threads; on systems without `/proc`.
pub fn measure(threads: u64) -> Result<Cost> {
    let place = Place::new(1 << 30)?;
    let count = usize::try_from(threads)?;
    runtime()?.block_on(async {
        let store = LocalThreadStore::open(&place.path("store"), LocalConfig::default()).await?;
        let manager = manager(&store);
        let first = start(&manager, WARM_UP).await?;
        talk(&first).await?;
        let before = held()?;
        let running = start(&manager, count).await?;
        let started = held()?;
        talk(&running).await?;
        let idle = held()?;
        manager.shutdown_all(std::time::Duration::from_secs(60)).await;
        store.close().await?;
        Ok(Cost { threads, before, started, idle })
    })
}

/// A turn in which the agent does nothing, beside the same items and flushes of a live thread.
///
/// # Errors
/// Those of the threads.
pub fn turns(rounds: u64) -> Result<Table> {
    let place = Place::new(1 << 30)?;
    let (mut plain, mut running) = (Latency::new(), Latency::new());
    runtime()?.block_on(async {
        let store = LocalThreadStore::open(&place.path("store"), LocalConfig::default()).await?;
        let manager = manager(&store);
        for _ in 0..rounds {
            live_turns(&store, &mut plain).await?;
            running_turns(&manager, &mut running).await?;
        }
        store.close().await?;
        Ok::<(), Failure>(())
    })?;
    let row = |name: &str, latency: &Latency| Row {
        name: name.to_owned(),
        count: latency.count(),
        latency_us: Some([0.5, 0.99, 0.999].map(|share| latency.quantile_us(share))),
        ..Row::default()
    };
    let rows = vec![row("live thread, 5 items, 2 flushes", &plain), row("running thread, an empty turn", &running)];
    Ok(Table::new("a turn, tokio current-thread", rows))
}

/// An agent that says nothing.
struct Silent;

#[async_trait]
impl Agent for Silent {
    async fn run_turn(&self, _: Turn, _: TurnHandle) -> std::result::Result<(), AgentFailure> {
        Ok(())
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn manager(store: &LocalThreadStore) -> ThreadManager {
    ThreadManager::new(Arc::new(store.clone()), Arc::new(Silent))
}

async fn start(manager: &ThreadManager, count: usize) -> Result<Vec<Arc<CodexThread>>> {
    let mut threads = Vec::with_capacity(count);
    for _ in 0..count {
        threads.push(manager.start(StartParams::default()).await?.thread);
    }
    Ok(threads)
}

/// One turn of each thread; every event is read.
async fn talk(threads: &[Arc<CodexThread>]) -> Result<()> {
    for some in threads.chunks(TOGETHER) {
        for thread in some {
            thread.submit(Op::user("Why does it fail?")).await?;
        }
        for thread in some {
            until_turn_ends(thread).await?;
        }
    }
    Ok(())
}

async fn until_turn_ends(thread: &CodexThread) -> Result<()> {
    while let Some(event) = thread.next_event().await {
        if event.msg.ends_turn() {
            return Ok(());
        }
    }
    Err("a thread ended in the middle of its turn".into())
}

async fn running_turns(manager: &ThreadManager, latency: &mut Latency) -> Result<()> {
    let thread = manager.start(StartParams::default()).await?.thread;
    for _ in 0..TURNS_OF_ONE {
        let begun = Instant::now();
        thread.submit(Op::user("Why does it fail?")).await?;
        until_turn_ends(&thread).await?;
        latency.record(begun.elapsed());
    }
    Ok(thread.shutdown().await?)
}

/// What a running thread writes in such a turn.
async fn live_turns(store: &LocalThreadStore, latency: &mut Latency) -> Result<()> {
    let params = CreateThreadParams::new(ThreadId::generate());
    let thread = LiveThread::create(Arc::new(store.clone()), params).await?;
    let content = json!([{"type": "input_text", "text": "Why does it fail?"}]);
    let context = json!({"turn_id": "t", "cwd": "", "approval_policy": "on-request", "model": "", "summary": "auto"});
    for _ in 0..TURNS_OF_ONE {
        let begun = Instant::now();
        let items = vec![
            NewItem::event(&json!({"type": "task_started", "turn_id": "t"}))?,
            NewItem::new(Kind::TurnContext, &context)?,
            NewItem::response(&json!({"type": "message", "role": "user", "content": content}))?,
            NewItem::event(&json!({"type": "user_message", "message": "Why does it fail?"}))?,
        ];
        thread.append(items).await?;
        thread.persist().await?;
        thread.append(vec![NewItem::event(&json!({"type": "task_complete", "turn_id": "t"}))?]).await?;
        thread.flush().await?;
        latency.record(begun.elapsed());
    }
    Ok(thread.shutdown().await?)
}
