//! What is sealed: how fast it is made and read, how long it is, and what a busy worker costs those who append.
//!
//! What is set against each other is measured in turns.

pub mod beside;
pub mod corpus;
pub mod files;
pub mod history;
pub mod images;
pub mod tail;

use std::path::{Path, PathBuf};

use threadlog::{ImportOptions, Silent, Store, ThreadId};
use threadlog_engine::Config;
use threadlog_sample::{History, Plan};

use crate::Result;
use crate::latency::Latency;
use crate::place::Place;

/// A store in which one generated thread is sealed, and the thread's rollout file.
pub struct OneThread {
    /// The store's directory; it is closed.
    pub root: PathBuf,
    /// The thread.
    pub id: ThreadId,
    /// The file that it was imported from.
    pub file: PathBuf,
}

/// Generates a thread of so many lines of so many bytes and imports it straight into sealed segments.
///
/// # Errors
/// Those of the files and of the store.
pub fn one_thread(place: &Place, items: u32, bytes: u32) -> Result<OneThread> {
    let folder = place.path(&format!("history-{items}"));
    let plan = Plan { threads: 0, history: Some(History { items, bytes }), ..Plan::default() };
    threadlog_sample::write_tree(&plan, &folder, |_| ())?;
    let sample = plan.files().next().ok_or("the plan has no file")?;
    let (root, id) = (place.path(&format!("store-{items}")), sample.thread.to_string().parse()?);
    let store = Store::open(&root, Config::default())?;
    let options = ImportOptions { bulk_bytes_min: 1, ..ImportOptions::default() };
    store.import(std::slice::from_ref(&folder), &options, &Silent)?;
    store.close()?;
    Ok(OneThread { root, id, file: folder.join(sample.relative_path) })
}

/// Bytes of all files below a folder.
///
/// # Errors
/// Those of reading folders.
pub fn bytes_below(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}

/// A line of a table: how many, and 50 and 99 of 100 in milliseconds.
#[must_use]
pub fn line(name: &str, times: &Latency) -> String {
    let ms = |share| times.quantile_us(share) / 1e3;
    format!("| {name} | {} | {:.2} | {:.2} |", times.count(), ms(0.5), ms(0.99))
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
