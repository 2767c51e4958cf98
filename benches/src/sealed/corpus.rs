//! How long a store of real rollout files is, beside what `zstd -19` makes of each file.

use std::io::Write;
use std::path::{Path, PathBuf};

use threadlog::list::{ListParams, PAGE_SIZE_MAX};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{ArchiveThreadParams, ThreadStore};
use threadlog::{ExportOptions, ImportOptions, Silent, Store};
use threadlog_compaction::Config as CompactionConfig;
use threadlog_engine::Config;
use tokio::runtime::Runtime;

use super::bytes_below;
use crate::Result;
use crate::place::Place;

/// Level of the control.
const LEVEL: i32 = 19;

/// The folder that `$THREADLOG_CORPUS` names, else the one beside this repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.parent()?.parent()?.join("shared/corpus");
    Some(std::env::var_os("THREADLOG_CORPUS").map_or(beside, PathBuf::from)).filter(|folder| folder.is_dir())
}

/// All rollout files below a folder.
pub(crate) fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "jsonl") {
            found.push(path);
        }
    }
    Ok(())
}

/// Length of what the command `zstd -19` makes of a file, its checksum included.
fn control(bytes: &[u8]) -> Result<u64> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

fn compact(root: &Path) -> Result<u64> {
    let store = Store::open(root, Config::default())?;
    store.compact(true, &CompactionConfig::default(), &Silent)?;
    store.close()?;
    bytes_below(root)
}

/// All threads into the archive.
fn archive(root: &Path) -> Result<usize> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut config = LocalConfig::default();
        config.compaction = None;
        let store = LocalThreadStore::open(root, config).await?;
        let mut archived = 0;
        loop {
            let mut params = ListParams::default();
            (params.page_size, params.include_without_preview) = (PAGE_SIZE_MAX, true);
            let page = store.list_threads(params).await?;
            if page.threads.is_empty() {
                break;
            }
            for thread in page.threads {
                store.archive_thread(ArchiveThreadParams::new(thread.id())).await?;
                archived += 1;
            }
        }
        store.close().await?;
        Ok(archived)
    })
}

/// Exports everything and compares each file with the one it was imported from.
fn exported(root: &Path, to: &Path, folder: &Path, files: &[PathBuf]) -> Result<()> {
    let report = Store::open_read(root)?.export(None, to, &ExportOptions::default(), &Silent);
    if let Some(failed) = report.failed.first() {
        return Err(failed.reason.clone().into());
    }
    for file in files {
        let back = to.join(file.strip_prefix(folder)?);
        if std::fs::read(file)? != std::fs::read(&back)? {
            return Err(format!("{} is not what it was", back.display()).into());
        }
    }
    std::fs::remove_dir_all(to)?;
    Ok(())
}

/// The corpus imported and compacted, and once more with all threads archived; exported and compared from either.
///
/// # Errors
/// Those of the store; a file that is exported with other bytes.
pub fn run(place: &Place) -> Result<()> {
    let Some(folder) = folder() else {
        println!("### Real rollout files\n\nSKIPPED: there are none; set THREADLOG_CORPUS.\n");
        return Ok(());
    };
    let folder = folder.canonicalize()?;
    let mut all = Vec::new();
    files(&folder, &mut all)?;
    let root = place.path("corpus-store");
    let store = Store::open(&root, Config::default())?;
    let report = store.import(std::slice::from_ref(&folder), &ImportOptions::default(), &Silent)?;
    store.close()?;
    let (mut bytes, mut zstd) = (0, 0);
    for file in &all {
        let content = std::fs::read(file)?;
        bytes += content.len() as u64;
        zstd += control(&content)?;
    }
    if report.bytes() != bytes || !report.refused.is_empty() {
        return Err(format!("{} bytes imported of {bytes}", report.bytes()).into());
    }
    let normal = compact(&root)?;
    exported(&root, &place.path("corpus-export"), &folder, &all)?;
    let archived = archive(&root)?;
    let small = compact(&root)?;
    exported(&root, &place.path("corpus-export"), &folder, &all)?;
    println!("### {} real rollout files, {bytes} bytes; zstd -{LEVEL} of each: {zstd} bytes\n", all.len());
    println!("| store, all files of it | bytes | of zstd -{LEVEL} | of the files |\n|---|---|---|---|");
    for (name, length) in [
        ("import, then compact --full".to_owned(), normal),
        (format!("the same, {archived} threads archived, then compact --full"), small),
    ] {
        let of = |whole: u64| length as f64 / whole as f64;
        println!("| {name} | {length} | {:.3} | {:.3} |", of(zstd), of(bytes));
    }
    println!("\nExported from either, all files are identical.\n");
    Ok(())
}
