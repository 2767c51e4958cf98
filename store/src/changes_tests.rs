use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use threadlog_engine::fs::sim::SimFs;
use threadlog_engine::{Background, Config};

use super::*;
use crate::Silent;
use crate::import::ImportOptions;
use crate::local::LocalThreadStore;
use crate::maintain::CompactionConfig;
use crate::metadata::MetadataPatch;
use crate::thread_store::{DeleteThreadParams, ThreadStore, UpdateThreadMetadataParams};

fn root() -> PathBuf {
    PathBuf::from("/store")
}

fn config() -> Config {
    Config { background: Background::Manual, ..Config::default() }
}

fn import(disk: &SimFs, numbers: std::ops::Range<u8>) -> BTreeSet<ThreadId> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    let mut ids = BTreeSet::new();
    for number in numbers {
        let id = ThreadId::from_path(&[number]);
        let line = format!(
            "{{\"timestamp\":\"2026-03-01T00:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\"}}}}\n"
        );
        std::fs::write(folder.path().join(format!("rollout-2026-03-01T00-00-00-{id}.jsonl")), line).unwrap();
        ids.insert(id);
    }
    store.import(&[folder.path().to_owned()], &ImportOptions::default(), &Silent).unwrap();
    store.close().unwrap();
    ids
}

fn changed(disk: &SimFs, since: Option<&ChangeCursor>) -> (BTreeSet<ThreadId>, ChangeCursor) {
    let store = Store::open_read_on(Arc::new(disk.clone()), &root()).unwrap();
    let changed = store.changes(since).unwrap();
    let text = changed.cursor.to_string();
    assert_eq!(text.parse::<ChangeCursor>().unwrap(), changed.cursor);
    (changed.threads.into_iter().collect(), changed.cursor)
}

fn maintain(disk: &SimFs, compact: bool) {
    let store = Store::open_on(Arc::new(disk.clone()), &root(), config()).unwrap();
    if compact {
        store.compact(true, &CompactionConfig::default(), &Silent).unwrap();
    } else {
        store.seal(&CompactionConfig::default(), &Silent).unwrap();
    }
    store.close().unwrap();
}

#[test]
fn what_changed_is_named_whatever_was_sealed_meanwhile() {
    let disk = SimFs::new(1);
    let first = import(&disk, 0..6);
    let (all, start) = changed(&disk, None);
    assert_eq!(all, first);
    assert_eq!(changed(&disk, Some(&start)).0, BTreeSet::new());
    let ids: Vec<ThreadId> = first.iter().copied().collect();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let store = LocalThreadStore::open_on(Arc::new(disk.clone()), &root(), config().into()).await.unwrap();
        let rename = UpdateThreadMetadataParams::new(ids[1], MetadataPatch::rename("x"));
        store.update_thread_metadata(rename).await.unwrap();
        store.delete_thread(DeleteThreadParams::new(ids[4])).await.unwrap();
        store.close().await.unwrap();
    });
    let touched = BTreeSet::from([ids[1], ids[4]]);
    let (threads, later) = changed(&disk, Some(&start));
    assert_eq!(threads, touched);
    let more = import(&disk, 6..8);
    assert_eq!(changed(&disk, Some(&later)).0, more);
    maintain(&disk, false);
    // Sealing moves what was new; a segment has what came before too.
    for cursor in [&start, &later] {
        let (threads, _) = changed(&disk, Some(cursor));
        assert!(threads.is_superset(&more), "{threads:?}");
    }
    assert!(changed(&disk, Some(&start)).0.is_superset(&touched));
    let (_, sealed) = changed(&disk, None);
    assert_eq!(changed(&disk, Some(&sealed)).0, BTreeSet::new());
    maintain(&disk, true);
    let last = import(&disk, 8..9);
    assert!(changed(&disk, Some(&sealed)).0.is_superset(&last));
}

#[test]
fn a_cursor_of_another_store_and_what_is_none_are_refused() {
    let (one, other) = (SimFs::new(1), SimFs::new(2));
    import(&one, 0..1);
    import(&other, 0..1);
    let (_, cursor) = changed(&one, None);
    let store = Store::open_read_on(Arc::new(other), &root()).unwrap();
    assert!(matches!(store.changes(Some(&cursor)), Err(Error::ForeignCursor)));
    for text in ["", "1", "2-00000000-0", "1-0-0", "1-00000000-0-x", "1-00000000-0-1.g"] {
        assert!(text.parse::<ChangeCursor>().is_err(), "{text}");
    }
}
