//! Moves a Codex home into a store, and out again: every file comes back byte for byte.
//!
//! `cargo run -p threadlog --example migrate -- <Codex home> <store folder> [<export folder>]`

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use threadlog::list::{ArchiveFilter, ListParams};
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::ThreadStore;
use threadlog::{ExportOptions, ImportOptions, Silent, Store};
use threadlog_engine::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(home), Some(root)) = (arguments.next(), arguments.next()) else {
        return Err("usage: migrate <Codex home> <store folder> [<export folder>]".into());
    };
    let mut out = std::io::stdout();

    // Importing again later takes in what was added since; nothing is ever overwritten.
    let store = Store::open(&root, Config::default())?;
    let report = store.import(&[home], &ImportOptions::default(), &Silent)?;
    for left_out in report.refused.iter().chain(&report.skipped) {
        writeln!(out, "left out: {}: {}", left_out.path, left_out.reason)?;
    }
    store.close()?;

    // From now on the agent uses the store.
    let store = LocalThreadStore::open(&root, LocalConfig::default()).await?;
    for archived in [ArchiveFilter::Active, ArchiveFilter::Archived] {
        let mut params = ListParams::default();
        params.archived = archived;
        params.include_without_preview = true;
        let page = store.list_threads(params).await?;
        writeln!(out, "{archived:?}: {} threads", page.total)?;
        for thread in &page.threads {
            writeln!(out, "  {} {}", thread.id(), thread.metadata.title().unwrap_or_default())?;
        }
    }
    store.close().await?;

    // And back, whenever you like.
    if let Some(to) = arguments.next() {
        let report = Store::open_read(&root)?.export(None, &to, &ExportOptions::default(), &Silent);
        writeln!(out, "{} files written to {}", report.files.len(), to.display())?;
    }
    Ok(())
}
