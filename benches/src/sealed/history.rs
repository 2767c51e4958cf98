//! Loading a whole history, beside `serde_json` reading the same lines into the same items.

use std::time::Instant;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use threadlog::RolloutItem;
use threadlog::item::{Kind, Timestamp};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{LoadHistoryParams, ThreadStore};
use tokio::runtime::Runtime;

use super::{OneThread, line, one_thread};
use crate::latency::Latency;
use crate::place::Place;
use crate::{Result, machine};

const ITEMS: u32 = 10_000;
const BYTES: u32 = 1024;

/// A line as `serde_json` sees it; the payload stays JSON, as in [`RolloutItem`].
#[derive(Deserialize)]
struct Envelope<'a> {
    timestamp: &'a str,
    ordinal: Option<u64>,
    #[serde(rename = "type")]
    kind: &'a str,
    payload: Box<RawValue>,
    metadata: Option<Box<RawValue>>,
}

/// The same with the payload as a tree, which is what most programs make of it.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Tree<'a> {
    timestamp: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    payload: serde_json::Value,
}

fn items(text: &[u8]) -> Result<Vec<RolloutItem>> {
    let json = |raw: Box<RawValue>| Bytes::from(Box::<str>::from(raw).into_string());
    let mut items = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let Envelope { timestamp, ordinal, kind, payload, metadata } = serde_json::from_slice(line)?;
        let timestamp = timestamp.as_bytes().try_into().ok().and_then(Timestamp::parse).ok_or("no time")?;
        items.push(RolloutItem::Enveloped {
            timestamp,
            ordinal,
            kind: Kind::from_text(kind).into_owned(),
            payload: json(payload),
            metadata: metadata.map(json),
        });
    }
    Ok(items)
}

fn trees(text: &[u8]) -> Result<usize> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let trees: Vec<Tree<'_>> = lines.map(serde_json::from_slice).collect::<std::result::Result<_, _>>()?;
    Ok(trees.len())
}

/// 10 000 lines of 1 KiB, sealed and cached: loaded, and parsed, in turns.
///
/// # Errors
/// Those of the store; items that are not the same.
pub fn run(place: &Place, rounds: u64) -> Result<()> {
    let OneThread { root, id, file } = one_thread(place, ITEMS, BYTES)?;
    let text = std::fs::read(file)?;
    let runtime = Runtime::new()?;
    let mut config = LocalConfig::default();
    config.compaction = None;
    let store = runtime.block_on(LocalThreadStore::open(&root, config))?;
    let load = || runtime.block_on(store.load_history(LoadHistoryParams::new(id)));
    if load()?.items != items(&text)? {
        return Err("what was loaded is not what serde_json reads".into());
    }
    let [mut loads, mut parses, mut tree_parses] = [(); 3].map(|()| Latency::new());
    for _ in 0..rounds {
        let start = Instant::now();
        let history = load()?;
        loads.record(start.elapsed());
        drop(history);
        let start = Instant::now();
        let parsed = items(&text)?;
        parses.record(start.elapsed());
        drop(parsed);
        let start = Instant::now();
        trees(&text)?;
        tree_parses.record(start.elapsed());
    }
    println!("### A history of {ITEMS} lines of {BYTES} bytes, sealed and cached\n\n{}\n", machine::describe());
    println!("| | n | p50 ms | p99 ms |\n|---|---|---|---|");
    println!("{}", line("load_history", &loads));
    println!("{}", line("serde_json, lines in memory, into the same items (payload kept as JSON)", &parses));
    println!("{}", line("serde_json, payload as a tree", &tree_parses));
    let ratio = |other: &Latency| other.quantile_us(0.5) / loads.quantile_us(0.5);
    println!("\nserde_json takes {:.2} and {:.2} times as long (p50).\n", ratio(&parses), ratio(&tree_parses));
    runtime.block_on(store.close())?;
    Ok(())
}
