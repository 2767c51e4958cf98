//! What a fork costs, and what a chain of forks costs to read: `just forks`.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use threadlog::ThreadId;
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{
    CreateThreadParams, ForkPosition, ForkThreadParams, LoadHistoryParams, LoadModelContextParams, ThreadStore,
};

const ITEMS: u64 = 10_000;
const DEPTH: u64 = 1_000;
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir_in("target")?;
    let store = LocalThreadStore::open(folder.path(), LocalConfig::default()).await?;
    println!("| fork of a {ITEMS}-item thread | bytes of records | median time |\n|---|---|---|");
    let source = thread(&store, ITEMS).await?;
    for (name, position) in [
        ("whole", ForkPosition::Whole),
        ("at ordinal 10", ForkPosition::AtOrdinal(10)),
        ("at ordinal 5 000", ForkPosition::AtOrdinal(5_000)),
        ("interrupted", ForkPosition::Interrupted),
        ("before user message 1 000", ForkPosition::BeforeUserMessage(1_000)),
    ] {
        let mut times = Vec::new();
        let before = payload_bytes(&store);
        for _ in 0..ROUNDS {
            let params = ForkThreadParams::new(source, ThreadId::generate()).at(position.clone());
            let start = Instant::now();
            store.fork_thread(params).await?;
            times.push(start.elapsed());
        }
        let bytes = (payload_bytes(&store) - before) / ROUNDS as u64;
        println!("| {name} | {bytes} | {:.3} ms |", ms(median(times)));
    }

    let (mut last, each) = (thread(&store, 10).await?, 9);
    for _ in 0..DEPTH {
        let params = ForkThreadParams::new(last, ThreadId::generate()).at(ForkPosition::Whole);
        let live = LiveThread::fork(Arc::new(store.clone()), params).await?;
        live.append(items(each)).await?;
        live.shutdown().await?;
        last = live.id();
    }
    let length = store.load_history(LoadHistoryParams::new(last)).await?.items.len() as u64;
    let single = thread(&store, length - 1).await?;
    println!("\n| {length} items | load of all | what the model sees |\n|---|---|---|");
    for (name, id) in [("in one thread", single), (&*format!("in a chain of {DEPTH} forks"), last)] {
        let (mut loads, mut contexts) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            assert_eq!(store.load_history(LoadHistoryParams::new(id)).await?.next_ordinal, length);
            loads.push(start.elapsed());
            let start = Instant::now();
            store.load_model_context(LoadModelContextParams::new(id)).await?;
            contexts.push(start.elapsed());
        }
        println!("| {name} | {:.2} ms | {:.2} ms |", ms(median(loads)), ms(median(contexts)));
    }
    let cold = LocalThreadStore::reading(&threadlog::Store::open_read(folder.path())?)?;
    let start = Instant::now();
    cold.load_history(LoadHistoryParams::new(last)).await?;
    println!("\nthe chain, for the first time in a store just opened: {:.2} ms", ms(start.elapsed()));
    Ok(store.close().await?)
}

/// A cold thread with so many items besides its first.
async fn thread(store: &LocalThreadStore, count: u64) -> Result<ThreadId, Box<dyn Error>> {
    let live = LiveThread::create(Arc::new(store.clone()), CreateThreadParams::new(ThreadId::generate())).await?;
    live.append(items(count)).await?;
    live.shutdown().await?;
    Ok(live.id())
}

/// Messages and answers of about 1 KiB.
fn items(count: u64) -> Vec<NewItem> {
    let item = |number: u64| {
        let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
        let text = format!("{number} {}", "something that somebody said ".repeat(32));
        let content = json!([{"type": "input_text", "text": text}]);
        NewItem::response(&json!({"type": "message", "role": role, "content": content}))
    };
    (0..count).filter_map(|number| item(number).ok()).collect()
}

fn payload_bytes(store: &LocalThreadStore) -> u64 {
    store.stats().map_or(0, |stats| stats.payload_bytes)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
