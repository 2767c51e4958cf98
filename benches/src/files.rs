//! Rollout files in and out of a store, beside the disk's own speed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use threadlog::list::{ListParams, PAGE_SIZE_MAX};
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{StoredThread, ThreadStore};
use threadlog::{ExportOptions, ImportOptions, Silent, Store, ThreadId};
use threadlog_engine::Config;

use crate::Result;
use crate::latency::Latency;
use crate::place::Place;
use crate::plan::Plan;
use crate::raw::bandwidth;
use crate::report::{Row, Table};

/// Threads of the sample that stands in for real files: some 190 MB.
const SAMPLE_THREADS: u32 = 400;

/// The folder of rollout files that `$THREADLOG_CORPUS` names; without it, a generated sample.
///
/// # Errors
/// If there is no such folder, or the sample cannot be written.
pub fn corpus(place: &Place) -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("THREADLOG_CORPUS") {
        return Ok(Path::new(&folder).canonicalize()?);
    }
    let folder = place.path("sample");
    let plan = threadlog_sample::Plan { threads: SAMPLE_THREADS, ..Default::default() };
    threadlog_sample::write_tree(&plan, &folder, |_| ())?;
    Ok(folder)
}

/// One import into a new store; bytes of lines, and seconds until they are durable and the store is closed.
///
/// # Errors
/// Those of the store.
pub fn import(from: &Path, root: &Path) -> Result<(u64, f64)> {
    let start = Instant::now();
    let store = Store::open(root, Config::default())?;
    let report = store.import(&[from.to_owned()], &ImportOptions::default(), &Silent)?;
    store.close()?;
    Ok((report.bytes(), start.elapsed().as_secs_f64()))
}

/// One export of everything; bytes of lines, and seconds.
///
/// # Errors
/// Those of the store.
pub fn export(root: &Path, to: &Path) -> Result<(u64, f64)> {
    let start = Instant::now();
    let store = Store::open_read(root)?;
    let report = store.export(None, to, &ExportOptions::default(), &Silent);
    if let Some(failed) = report.failed.first() {
        return Err(failed.reason.clone().into());
    }
    Ok((report.bytes(), start.elapsed().as_secs_f64()))
}

/// Import, export and list in turns with the disk's sequential bandwidth.
///
/// # Errors
/// Those of the store, and an export that is not as long as what was imported.
pub fn table(plan: &Plan) -> Result<Table> {
    let place = Place::new(plan.room_bytes())?;
    let corpus = corpus(&place)?;
    let (mut raw, mut imports, mut exports) = (Vec::new(), Vec::new(), Vec::new());
    let mut list = Latency::new();
    let mut threads = 0;
    for round in 0..plan.files_rounds {
        raw.push(bandwidth(&place.path("raw"), plan.bandwidth_bytes)?);
        let (root, to) = (place.path(&format!("store{round}")), place.path(&format!("export{round}")));
        let (bytes, seconds) = import(&corpus, &root)?;
        imports.push(bytes as f64 / seconds);
        let (exported, seconds) = export(&root, &to)?;
        if exported != bytes {
            return Err(format!("{bytes} bytes imported, {exported} exported").into());
        }
        exports.push(exported as f64 / seconds);
        for _ in 0..3 {
            let start = Instant::now();
            threads = list_all(&root)?;
            list.record(start.elapsed());
        }
        std::fs::remove_dir_all(to)?;
        std::fs::remove_dir_all(root)?;
    }
    let disk = median(&mut raw);
    let speed = |name: &str, mut all: Vec<f64>| {
        let median = median(&mut all);
        let note = format!("MB/s; {:.2} of the disk", median / disk);
        Row { name: name.to_owned(), count: all.len() as u64, per_second: Some(median / 1e6), note, ..Row::default() }
    };
    let rows = vec![
        speed("raw, sequential write", raw),
        speed("import", imports),
        speed("export", exports),
        Row {
            name: format!("list of {threads} threads, open included"),
            count: list.count(),
            latency_us: Some([0.5, 0.99, 0.999].map(|share| list.quantile_us(share))),
            ..Row::default()
        },
    ];
    Ok(Table::new("rollout files", rows))
}

/// What the command `list` does: open, fold the metadata of all threads, then the sizes of those on the page.
fn list_all(root: &Path) -> Result<usize> {
    let store = Store::open_read(root)?;
    let mut params = ListParams::default();
    (params.page_size, params.include_without_preview) = (PAGE_SIZE_MAX, true);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let page = runtime.block_on(LocalThreadStore::reading(&store)?.list_threads(params))?;
    let ids: Vec<ThreadId> = page.threads.iter().map(StoredThread::id).collect();
    Ok(store.threads_of(&ids).len())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
