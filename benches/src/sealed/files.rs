//! Import, export, sealing and merging, beside the disk's own speed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use threadlog::{ImportOptions, Silent, Store};
use threadlog_compaction::Config as CompactionConfig;
use threadlog_engine::Config;
use threadlog_sample::Plan;

use super::median;
use crate::files::{export, import};
use crate::place::Place;
use crate::raw::bandwidth;
use crate::{Result, machine};

/// Threads of a part; a part is some 24 MB.
const PART_THREADS: u32 = 50;
/// Written to learn the disk's bandwidth.
const BANDWIDTH_BYTES: u64 = 512 << 20;

/// Sealing and merging of parts that come one after the other through the journal.
#[derive(Default)]
struct Sealing {
    payload_bytes: u64,
    hot_bytes: u64,
    sealed_bytes: u64,
    merged_bytes: u64,
    seal_seconds: f64,
    merge_seconds: f64,
    left_bytes: u64,
}

/// Imports each part into the journal, seals it, and merges what is due.
fn seal(parts: &[PathBuf], root: &Path) -> Result<Sealing> {
    let mut sum = Sealing::default();
    let store = Store::open(root, Config::default())?;
    let (into_journal, config) =
        (ImportOptions { bulk_bytes_min: u64::MAX, ..ImportOptions::default() }, CompactionConfig::default());
    for part in parts {
        store.import(std::slice::from_ref(part), &into_journal, &Silent)?;
        let start = Instant::now();
        let sealed = store.seal(&config, &Silent)?;
        sum.seal_seconds += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let merged = store.compact(false, &config, &Silent)?.written;
        sum.merge_seconds += start.elapsed().as_secs_f64();
        sum.payload_bytes += sealed.payload_bytes;
        sum.hot_bytes += sealed.replaced_bytes;
        sum.sealed_bytes += sealed.file_bytes;
        sum.merged_bytes += merged.file_bytes;
    }
    store.close()?;
    sum.left_bytes = super::bytes_below(&root.join("sealed"))?;
    Ok(sum)
}

/// Each round: the disk's bandwidth, an import, an export, and the same files by parts through the journal.
///
/// # Errors
/// Those of the files and of the store.
pub fn run(place: &Place, rounds: usize, parts: u32) -> Result<()> {
    let folder = place.path("files");
    let folders: Vec<PathBuf> = (0..parts).map(|part| folder.join(format!("{part}"))).collect();
    let mut bytes = 0;
    for (seed, part) in (1..).zip(&folders) {
        let plan = Plan { threads: PART_THREADS, seed, ..Plan::default() };
        bytes += threadlog_sample::write_tree(&plan, part, |_| ())?.bytes;
    }
    let (mut raw, mut imports, mut exports, mut seals, mut merges) = (vec![], vec![], vec![], vec![], vec![]);
    let mut last = Sealing::default();
    for round in 0..rounds {
        raw.push(bandwidth(&place.path("raw"), BANDWIDTH_BYTES)?);
        let (root, to) = (place.path(&format!("store{round}")), place.path("export"));
        let (imported, seconds) = import(&folder, &root)?;
        imports.push(imported as f64 / seconds);
        let (exported, seconds) = export(&root, &to)?;
        if exported != imported || imported != bytes {
            return Err(format!("{bytes} bytes generated, {imported} imported, {exported} exported").into());
        }
        exports.push(exported as f64 / seconds);
        std::fs::remove_dir_all(to)?;
        std::fs::remove_dir_all(&root)?;
        last = seal(&folders, &root)?;
        seals.push(last.payload_bytes as f64 / last.seal_seconds);
        merges.push(last.merged_bytes as f64 / last.merge_seconds);
        std::fs::remove_dir_all(root)?;
    }
    println!(
        "### {bytes} bytes of rollout files, {parts} parts, {rounds} rounds in turns\n\n{}\n",
        machine::describe()
    );
    println!("| | MB/s (median) | of the disk |\n|---|---|---|");
    let disk = median(raw.clone());
    let rows = [
        ("the disk, sequential writes, synced", raw),
        ("import, straight into sealed segments", imports),
        ("export", exports),
        ("seal, of payload", seals),
        ("merge, of what it writes", merges),
    ];
    for (name, values) in rows {
        let value = median(values);
        println!("| {name} | {:.0} | {:.2} |", value / 1e6, value / disk);
    }
    let Sealing { payload_bytes, hot_bytes, sealed_bytes, merged_bytes, left_bytes, .. } = last;
    println!("\n| by parts through the journal | bytes | of the payload |\n|---|---|---|");
    let of = |bytes: u64| bytes as f64 / payload_bytes as f64;
    for (name, bytes) in [
        ("payload in the journal", payload_bytes),
        ("its hot segments", hot_bytes),
        ("written by sealing", sealed_bytes),
        ("written by merging", merged_bytes),
        ("sealed segments at the end", left_bytes),
    ] {
        println!("| {name} | {bytes} | {:.3} |", of(bytes));
    }
    let amplification = of(sealed_bytes.saturating_add(merged_bytes));
    println!("\nWrite amplification of sealing and merging: {amplification:.3} bytes per byte of the log's payload.\n");
    Ok(())
}
