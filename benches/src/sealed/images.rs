//! A thread whose images are copied by every compaction and every fork.

use std::time::Instant;

use threadlog::{ExportOptions, ImportOptions, Silent, Store};
use threadlog_compaction::Config as CompactionConfig;
use threadlog_engine::Config;
use threadlog_sample::{Images, Plan};

use super::bytes_below;
use crate::place::Place;
use crate::{Result, machine};

/// 57 images, 1 052 compactions, 169 forks: how much of them is on the disk.
///
/// # Errors
/// Those of the files and of the store.
pub fn run(place: &Place, images: Images) -> Result<()> {
    let (folder, root) = (place.path("images"), place.path("images-store"));
    let plan = Plan { threads: 0, images: Some(images), ..Plan::default() };
    let written = threadlog_sample::write_tree(&plan, &folder, |_| ())?;
    let store = Store::open(&root, Config::default())?;
    let start = Instant::now();
    store.import(std::slice::from_ref(&folder), &ImportOptions::default(), &Silent)?;
    let import = start.elapsed().as_secs_f64();
    store.compact(true, &CompactionConfig::default(), &Silent)?;
    let usage = store.usage(&Silent)?;
    store.close()?;
    std::fs::remove_dir_all(&folder)?;
    let (on_disk, distinct) = (bytes_below(&root)?, u64::from(images.images) * u64::from(images.image_bytes));
    let Images { images, compactions, forks, .. } = images;
    println!("### {images} images, {compactions} compactions, {forks} forks\n\n{}\n", machine::describe());
    println!("| | bytes |\n|---|---|");
    println!("| rollout files ({}) | {} |", written.files, written.bytes);
    println!("| the distinct images | {distinct} |");
    println!("| the store, imported and compacted, all files | {on_disk} |");
    println!("| of that, shared values | {} |", usage.shared.physical);
    println!(
        "\nThe store takes {:.2} times the distinct images, the files {:.0} times; imported at {:.0} MB/s.\n",
        on_disk as f64 / distinct as f64,
        written.bytes as f64 / distinct as f64,
        written.bytes as f64 / import / 1e6
    );
    let export = place.path("images-export");
    let start = Instant::now();
    let report = Store::open_read(&root)?.export(None, &export, &ExportOptions::default(), &Silent);
    if report.bytes() != written.bytes || !report.failed.is_empty() {
        return Err(format!("{} bytes exported of {}", report.bytes(), written.bytes).into());
    }
    println!("Exported whole at {:.0} MB/s.\n", written.bytes as f64 / start.elapsed().as_secs_f64() / 1e6);
    std::fs::remove_dir_all(export)?;
    std::fs::remove_dir_all(root)?;
    Ok(())
}
