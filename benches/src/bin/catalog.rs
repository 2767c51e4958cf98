//! The catalog of a large store: opening, lists, rebuilding: `just catalog`. `--threads N` and `--items M` for another size.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use threadlog::list::{ArchiveFilter, Cursor, Direction, ListParams, SortKey};
use threadlog::live::{LiveThread, NewItem};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{ResumeThreadParams, ThreadStore, UpdateThreadMetadataParams};
use threadlog::{Silent, Store};
use threadlog_benches::place::Place;
use threadlog_benches::{Result, files, machine};
use threadlog_engine::Config;
use threadlog_sample::Plan;

/// What to measure on.
#[derive(Parser)]
struct Arguments {
    /// Threads of the store
    #[arg(long, default_value_t = 100_000)]
    threads: u32,
    /// Lines of each, on average
    #[arg(long, default_value_t = 10)]
    items: u32,
    /// Rounds of what is short
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// Opens this store, says what memory that takes, and ends; what a child is told
    #[arg(long, hide = true)]
    memory: Option<PathBuf>,
}

const BYTES_FREE_MIN: u64 = 14 << 30;
/// What is behind the checkpoint when stores are opened.
const TAIL_BYTES: usize = 1 << 20;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(root) = &arguments.memory {
        return memory(root);
    }
    let place = Place::new(BYTES_FREE_MIN)?;
    println!("{}\n", machine::describe());
    let (folder, root) = (place.path("files"), place.path("store"));
    let plan = Plan { threads: arguments.threads, items: arguments.items, seed: 1, ..Plan::default() };
    let generated = threadlog_sample::write_tree(&plan, &folder, |_| ())?;
    println!("{} threads, {} bytes of lines", generated.files, generated.bytes);
    let (bytes, seconds) = files::import(&folder, &root)?;
    println!("import, checkpoint included: {seconds:.1} s, {:.0} MB/s", bytes as f64 / seconds / 1e6);
    std::fs::remove_dir_all(&folder)?;
    rebuild(&root, bytes)?;
    let catalog: u64 = std::fs::read_dir(root.join("catalog"))?
        .flatten()
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .max()
        .unwrap_or(0);
    println!("checkpoint: {catalog} bytes, {} for each thread", catalog / u64::from(arguments.threads.max(1)));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(tail(&root))?;
    opening(&root, &arguments, &runtime)?;
    pages(&root, &arguments, &runtime)
}

/// From nothing but the log, twice; the first reads the files.
fn rebuild(root: &Path, bytes: u64) -> Result<()> {
    let store = Store::open(root, Config::default())?;
    for _ in 0..3 {
        let start = Instant::now();
        let threads = store.rebuild(&Silent)?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "rebuild of {threads:?} threads: {seconds:.2} s, {:.2} GB/s of raw history",
            bytes as f64 / seconds / 1e9
        );
    }
    println!("threads that differ from a fold from zero: {}", store.catalog_drift(&Silent)?.len());
    store.close()?;
    Ok(())
}

/// Without the worker, which would seal what is measured.
fn quiet() -> LocalConfig {
    let mut config = LocalConfig::default();
    config.compaction = None;
    config
}

/// Adds 1 MiB behind the checkpoint: items of a hundred threads, names of a hundred others.
async fn tail(root: &Path) -> Result<()> {
    let store = LocalThreadStore::open(root, quiet()).await?;
    let mut params = ListParams::default();
    params.page_size = 200;
    let ids: Vec<ThreadId> = store.list_threads(params).await?.threads.iter().map(|thread| thread.id()).collect();
    let (grow, name) = ids.split_at(ids.len() / 2);
    let each = TAIL_BYTES / grow.len().max(1) / 1024;
    for id in grow {
        let thread = LiveThread::resume(std::sync::Arc::new(store.clone()), ResumeThreadParams::new(*id)).await?;
        let text = "x".repeat(900);
        let item = serde_json::json!({"type": "agent_message", "message": text});
        let items: std::result::Result<Vec<NewItem>, _> = (0..each.max(1)).map(|_| NewItem::event(&item)).collect();
        thread.append(items?).await?;
        thread.shutdown().await?;
    }
    for id in name {
        store.update_thread_metadata(UpdateThreadMetadataParams::new(*id, MetadataPatch::rename("a name"))).await?;
    }
    store.close().await?;
    Ok(())
}

fn opening(root: &Path, arguments: &Arguments, runtime: &tokio::runtime::Runtime) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..arguments.rounds {
        let start = Instant::now();
        let store = Store::open_read(root)?;
        let threads = LocalThreadStore::reading(&store)?;
        times.push(start.elapsed());
        drop(threads);
    }
    say("open for reading, 1 MiB behind the checkpoint", &mut times);
    for _ in 0..arguments.rounds {
        let start = Instant::now();
        let store = runtime.block_on(LocalThreadStore::open(root, quiet()))?;
        times.push(start.elapsed());
        runtime.block_on(store.close())?;
    }
    say("open for writing", &mut times);
    let program = std::env::current_exe()?.with_file_name("threadlog");
    if program.exists() {
        for _ in 0..arguments.rounds {
            let start = Instant::now();
            let status = Command::new(&program)
                .arg("--store")
                .arg(root)
                .args(["list", "--limit", "50"])
                .stdout(Stdio::null())
                .status()?;
            if !status.success() {
                return Err(format!("list: {status}").into());
            }
            times.push(start.elapsed());
        }
        say("`threadlog list --limit 50` in a fresh process", &mut times);
    } else {
        println!("{} is not built: no list in a fresh process", program.display());
    }
    Command::new(std::env::current_exe()?).arg("--memory").arg(root).status()?;
    Ok(())
}

/// What a list is asked for besides its order.
type Filter<'a> = &'a dyn Fn(&mut ListParams);

/// Pages of a store that stays open.
fn pages(root: &Path, arguments: &Arguments, runtime: &tokio::runtime::Runtime) -> Result<()> {
    let store = Store::open_read(root)?;
    let threads = LocalThreadStore::reading(&store)?;
    let list = |params: ListParams| runtime.block_on(threads.list_threads(params));
    let base = || {
        let mut params = ListParams::default();
        params.page_size = 50;
        params
    };
    let first = list(base())?;
    println!("{} threads listed, {:?}", first.total, first.hidden);
    let mut times = Vec::new();
    for key in [SortKey::Created, SortKey::Updated, SortKey::Recency] {
        for direction in [Direction::Descending, Direction::Ascending] {
            let mut cursor: Option<Cursor> = None;
            for _ in 0..arguments.rounds {
                let mut params = base();
                (params.sort_key, params.direction, params.cursor) = (key, direction, cursor);
                let start = Instant::now();
                let page = list(params)?;
                times.push(start.elapsed());
                cursor = page.next_cursor;
            }
            say(&format!("page of 50, {key:?} {direction:?}"), &mut times);
        }
    }
    let cwd = first.threads.iter().find_map(|thread| thread.metadata.cwd().map(str::to_owned)).unwrap_or_default();
    let filters: [(&str, Filter<'_>); 5] = [
        ("archived", &|params| params.archived = ArchiveFilter::Archived),
        ("one folder", &|params| params.cwds = Some(vec![cwd.clone()])),
        ("source cli", &|params| params.sources = vec!["cli".to_owned()]),
        ("substring that many have", &|params| params.search = Some("the".to_owned())),
        ("substring that none has", &|params| params.search = Some("qzxqzx".to_owned())),
    ];
    for (name, filter) in filters {
        let mut found = 0;
        for _ in 0..arguments.rounds {
            let mut params = base();
            filter(&mut params);
            let start = Instant::now();
            found = list(params)?.total;
            times.push(start.elapsed());
        }
        say(&format!("page of 50, {name} ({found})"), &mut times);
    }
    println!("streams: {}", store.log().streams().len());
    Ok(())
}

fn memory(root: &Path) -> Result<()> {
    let resident = || -> Result<(u64, u64)> {
        let text = std::fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
        };
        Ok((field("RssAnon:"), field("RssFile:")))
    };
    let before = resident()?;
    let store = Store::open_read(root)?;
    let threads = LocalThreadStore::reading(&store)?;
    let after = resident()?;
    println!(
        "memory that opening takes: {} kB of its own, {} kB mapped",
        after.0 - before.0,
        after.1.saturating_sub(before.1)
    );
    drop(threads);
    Ok(())
}

fn say(what: &str, times: &mut Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| {
        times.get(times.len() * part / 100).or(times.last()).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
    times.clear();
}
