//! The catalog against a fold from zero, whatever becomes of its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::fs::{Fs, OpenMode, read_file, write_all_at};
use threadlog_engine::{Background, Config};

use super::checkpoint::Checkpoint;
use super::file::CatalogState;
use crate::clock::HybridClock;
use crate::import::ImportOptions;
use crate::list::{ArchiveFilter, Direction, ListParams, SortKey};
use crate::local::LocalThreadStore;
use crate::maintain::CompactionConfig;
use crate::metadata::MetadataPatch;
use crate::thread::ThreadId;
use crate::thread_store::{DeleteThreadParams, ThreadStore, UpdateThreadMetadataParams};
use crate::{Silent, Store};

mod damage;
mod same;
mod written;

fn config() -> Config {
    Config { background: Background::Manual, ..Config::default() }
}

fn root() -> PathBuf {
    PathBuf::from("/store")
}

/// The line of a message that a user wrote.
fn said(second: u32, text: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-03-0{}T00:00:{:02}.000Z\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"user_message\",\"message\":\"{text}\"}}}}\n",
        1 + second / 60,
        second % 60
    )
}

/// A rollout of one thread.
fn rollout(number: u32) -> (ThreadId, String) {
    let id = ThreadId::from_path(&number.to_le_bytes());
    let (source, cwd) = (if number.is_multiple_of(3) { "cli" } else { "exec" }, number % 4);
    let meta = format!(
        "{{\"timestamp\":\"2026-03-01T00:00:{:02}.000Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\",\"timestamp\":\"2026-03-01T00:00:{:02}.000Z\",\"cwd\":\"/w/{cwd}\",\"originator\":\"t\",\"cli_version\":\"1\",\"source\":\"{source}\",\"model_provider\":\"p{}\"}}}}\n",
        number % 60,
        number % 60,
        number % 2
    );
    (id, meta + &said(number, &format!("words of {number}")) + &said(number + 1, "more"))
}

/// Imports threads with these numbers.
fn import(store: &Store, numbers: std::ops::Range<u32>) -> Vec<ThreadId> {
    let folder = tempfile::tempdir().unwrap();
    let mut ids = Vec::new();
    for number in numbers {
        let (id, text) = rollout(number);
        std::fs::write(folder.path().join(format!("rollout-2026-03-01T00-00-00-{id}.jsonl")), text).unwrap();
        ids.push(id);
    }
    store.import(&[folder.path().to_owned()], &ImportOptions::default(), &Silent).unwrap();
    ids
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn patch(disk: &SimFs, changes: &[(ThreadId, MetadataPatch)]) {
    wait(async {
        let store = LocalThreadStore::open_on(Arc::new(disk.clone()), &root(), config().into()).await.unwrap();
        for (id, patch) in changes {
            store.update_thread_metadata(UpdateThreadMetadataParams::new(*id, patch.clone())).await.unwrap();
        }
        store.close().await.unwrap();
    });
}

fn delete(disk: &SimFs, id: ThreadId) {
    wait(async {
        let store = LocalThreadStore::open_on(Arc::new(disk.clone()), &root(), config().into()).await.unwrap();
        store.delete_thread(DeleteThreadParams::new(id)).await.unwrap();
        store.close().await.unwrap();
    });
}

/// All that lists say, in every collection, order and direction, page by page, with filters and without.
fn answers(disk: &SimFs) -> Vec<String> {
    let store = Store::open_read_on(Arc::new(disk.clone()), &root()).unwrap();
    let threads = LocalThreadStore::reading(&store).unwrap();
    let mut said = Vec::new();
    let keys = [SortKey::Created, SortKey::Updated, SortKey::Recency];
    for (key, archived) in keys.into_iter().flat_map(|key| {
        [ArchiveFilter::Active, ArchiveFilter::Archived, ArchiveFilter::Trashed].map(|archived| (key, archived))
    }) {
        for direction in [Direction::Ascending, Direction::Descending] {
            for filter in 0..5 {
                let mut params =
                    ListParams { page_size: 7, sort_key: key, direction, archived, ..ListParams::default() };
                match filter {
                    1 => params.cwds = Some(vec!["/w/1/".to_owned()]),
                    2 => params.search = Some("WORDS OF 1".to_owned()),
                    3 => params.tags = vec!["red".to_owned()],
                    4 => {
                        (params.sources, params.model_providers) = (vec!["cli".to_owned()], Some(vec!["p1".to_owned()]))
                    }
                    _ => params.include_without_preview = true,
                }
                loop {
                    let page = wait(threads.list_threads(params.clone())).unwrap();
                    said.push(format!("{} {:?} {:?}", page.total, page.hidden, page.backwards_cursor));
                    for thread in &page.threads {
                        said.push(format!("{} {:?}", thread.key, thread.metadata.to_canonical_bytes()));
                    }
                    params.cursor = page.next_cursor;
                    if params.cursor.is_none() {
                        break;
                    }
                }
            }
        }
    }
    said
}

fn remove_catalog(disk: &SimFs) {
    super::file::remove_all(disk, &root()).unwrap();
}

fn catalog_files(disk: &SimFs) -> Vec<(PathBuf, Option<CatalogState>)> {
    let store = Store::open_read_on(Arc::new(disk.clone()), &root()).unwrap();
    store.catalog_files().unwrap().into_iter().map(|file| (file.path, Some(file.state))).collect()
}

fn overwrite(disk: &SimFs, path: &Path, bytes: &[u8]) {
    disk.remove_file(path).unwrap();
    let file = disk.open(path, OpenMode::CreateNew).unwrap();
    write_all_at(&*file, bytes, 0).unwrap();
}
