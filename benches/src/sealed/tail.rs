//! The end of a very long thread: how soon, and in how much memory.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{HistoryRange, LoadHistoryParams, ThreadStore};
use threadlog::{Store, ThreadId};
use tokio::runtime::Runtime;

use super::{OneThread, bytes_below, line, one_thread};
use crate::latency::Latency;
use crate::place::Place;
use crate::{Result, machine};

const ITEMS: u32 = 170_000;
/// 700 MB in all.
const BYTES: u32 = 4118;
const LAST: u64 = 50;
/// Loads in one process after the first.
const HOT: usize = 20;

/// A number of `/proc/self/status`, in KiB.
fn status(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    Ok(line.trim_start_matches(':').split_whitespace().next().ok_or("no number")?.parse()?)
}

/// What a fresh process does: opens the store and finds the thread, reads its last items, and loads them through the trait;
/// tells how long each took, in microseconds, and by how many KiB its memory grew before the trait, which first learns the
/// thread's metadata.
///
/// # Errors
/// Those of the store.
pub fn child(root: &Path, id: ThreadId) -> Result<()> {
    let runtime = Runtime::new()?;
    let before = status("VmRSS")?;
    let start = Instant::now();
    let store = Store::open_read(root)?;
    let key = store.resolve(&id.to_string())?;
    println!("{}", start.elapsed().as_micros());
    let start = Instant::now();
    let items = store.tail(key, LAST).collect::<std::result::Result<Vec<_>, _>>()?;
    println!("{}", start.elapsed().as_micros());
    if items.len() as u64 != LAST {
        return Err("not the last items".into());
    }
    println!("{}", status("VmHWM")?.saturating_sub(before));
    let local = LocalThreadStore::reading(&store)?;
    let load = || -> Result<Duration> {
        let params = LoadHistoryParams::new(id).only(HistoryRange::Last(LAST));
        let start = Instant::now();
        let history = runtime.block_on(local.load_history(params))?;
        let time = start.elapsed();
        if history.items.len() as u64 != LAST || history.next_ordinal != u64::from(ITEMS) {
            return Err("not the last items".into());
        }
        Ok(time)
    };
    for _ in 0..=HOT {
        println!("{}", load()?.as_micros());
    }
    Ok(())
}

/// Asks the system to forget what it has cached of a store's files.
fn forget(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = std::fs::File::open(&path)?;
            file.sync_all()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// The last 50 items of a thread of 700 MB, by fresh processes: from the disk, from the system's cache, and again.
///
/// # Errors
/// Those of the store.
pub fn run(place: &Place, rounds: u64) -> Result<()> {
    let OneThread { root, id, file } = one_thread(place, ITEMS, BYTES)?;
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(file)?;
    let [mut cold_open, mut cold, mut warm_open, mut warm, mut first, mut hot] = [(); 6].map(|()| Latency::new());
    let mut growth = 0;
    for _ in 0..rounds {
        forget(&root)?;
        for (opens, reads) in [(&mut cold_open, &mut cold), (&mut warm_open, &mut warm)] {
            let output = Command::new(std::env::current_exe()?).arg("child").arg(&root).arg(id.to_string()).output()?;
            let text = String::from_utf8(output.stdout)?;
            let numbers: Vec<u64> = text.lines().map(str::parse).collect::<std::result::Result<_, _>>()?;
            let [open, read, kib, load, again @ ..] = &numbers[..] else {
                return Err(format!("the child said {text:?}, {}", String::from_utf8_lossy(&output.stderr)).into());
            };
            opens.record(Duration::from_micros(*open));
            reads.record(Duration::from_micros(*read));
            first.record(Duration::from_micros(*load));
            again.iter().for_each(|time| hot.record(Duration::from_micros(*time)));
            growth = growth.max(*kib);
        }
    }
    let on_disk = bytes_below(&root)?;
    println!("### The last {LAST} items of a thread of {ITEMS} records, {bytes} bytes ({on_disk} sealed)\n");
    println!("{}\n\n| | n | p50 ms | p99 ms |\n|---|---|---|---|", machine::describe());
    println!("{}", line("opening the store, nothing of it cached", &cold_open));
    println!("{}", line("Store::tail behind that, nothing cached", &cold));
    println!("{}", line("opening the store in a fresh process, cached", &warm_open));
    println!("{}", line("Store::tail behind that", &warm));
    println!("{}", line("load_history, the first of a process (learns the thread's metadata)", &first));
    println!("{}", line("load_history again", &hot));
    println!("\nMemory grew by {:.1} MiB at most by opening and Store::tail.\n", growth as f64 / 1024.0);
    Ok(())
}
