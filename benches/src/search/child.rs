//! One search, in a process that does nothing else.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use threadlog::Store;
use threadlog::list::{ArchiveFilter, ListParams};
use threadlog::local::LocalThreadStore;
use threadlog::search::{Match, Query, SearchParams, TextKind};
use threadlog::thread_store::ThreadStore;

use super::{TERMS, Term};
use crate::Result;

/// What a search cost, in seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Opening the store.
    pub open: f64,
    /// A list of one thread, which learns what each thread is.
    pub list: f64,
    /// The search, to its end.
    pub wall: f64,
    /// Until its first find.
    pub first: Option<f64>,
    /// Time of all its threads on processors.
    pub processor: f64,
    /// How many were found.
    pub finds: u64,
    /// Most resident memory that the process ever had, in KiB.
    pub peak_kib: u64,
}

/// Time that this process has had on processors, in seconds.
fn processor() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Searches for the term of this number, writes thread and ordinal of each find to a file, and prints the cost.
///
/// # Errors
/// Those of the store and of the file; a record that cannot be read.
pub fn run(root: &Path, term: usize, to: &Path) -> Result<()> {
    let Term { text, regex, everywhere } = *TERMS.get(term).ok_or("no such term")?;
    let start = Instant::now();
    let store = Store::open_read(root)?;
    let threads = LocalThreadStore::reading(&store)?;
    let open = start.elapsed().as_secs_f64();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let start = Instant::now();
    let mut params = ListParams::default();
    params.page_size = 1;
    runtime.block_on(threads.list_threads(params))?;
    let list = start.elapsed().as_secs_f64();
    let query = Query::new([text], if regex { Match::Regex } else { Match::Phrase }, false)?;
    let mut params = SearchParams::new(query);
    if everywhere {
        params.kinds = TextKind::ALL.to_vec();
    }
    let mut places = Vec::new();
    let (start, before, mut first) = (Instant::now(), processor(), None);
    let lost = runtime.block_on(async {
        let mut lost = 0;
        for collection in [ArchiveFilter::Active, ArchiveFilter::Archived] {
            params.threads.archived = collection;
            let mut search = threads.search(params.clone()).await?;
            while let Some(found) = search.next().await {
                let found = found?;
                first.get_or_insert_with(|| start.elapsed().as_secs_f64());
                places.push((found.thread.id(), found.ordinal));
            }
            lost += search.progress().lost_records;
        }
        Result::Ok(lost)
    })?;
    let (wall, processor) = (start.elapsed().as_secs_f64(), processor() - before);
    if lost > 0 {
        return Err(format!("{lost} records cannot be read").into());
    }
    let mut file = std::io::BufWriter::new(std::fs::File::create(to)?);
    for (id, ordinal) in &places {
        writeln!(file, "{id} {ordinal}")?;
    }
    file.flush()?;
    let cost = Cost { open, list, wall, first, processor, finds: places.len() as u64, peak_kib: peak_kib()? };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}
