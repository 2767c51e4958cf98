//! As `cancelling`, where more is going on: changes of threads on their way, a full backlog, a disk that fails.

use std::cell::Cell;

use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    AppendItemsParams, CreateThreadParams, ReadThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError,
    Unavailability, UpdateThreadMetadataParams,
};
use threadlog_engine::fs::sim::{CallKind, ENOSPC, Fault};

use crate::cancelling::{Scene, at_every_await_in, goes_on};
use crate::words::{append, message, texts};

fn scene() -> Scene {
    Scene::new(LocalConfig::default())
}

#[test]
fn a_dropped_unarchive_happens_or_does_not() {
    at_every_await_in(
        scene,
        "archive and unarchive",
        async |store: LocalThreadStore, _, cold: ThreadId| {
            store.archive_thread(cold.into()).await?;
            store.unarchive_thread(cold.into()).await
        },
        async |scene, done| {
            let params = ReadThreadParams::new(scene.cold).with_archived();
            let archived = scene.store.read_thread(params).await.unwrap().metadata.archived();
            assert!(!(done && archived));
            assert_eq!(texts(&scene.store, scene.cold).await.unwrap(), ["cold"]);
            scene.store.unarchive_thread(scene.cold.into()).await.unwrap();
            scene.store.resume_thread(ResumeThreadParams::new(scene.cold)).await.unwrap();
        },
    );
}

#[test]
fn a_dropped_rename_of_a_thread_that_was_never_stored_leaves_it_live_and_whole() {
    let id = Cell::new(ThreadId::generate());
    at_every_await_in(
        scene,
        "rename before anything is stored",
        |store: LocalThreadStore, _, _| {
            id.set(ThreadId::generate());
            let id = id.get();
            async move {
                store.create_thread(CreateThreadParams::new(id)).await?;
                store.append_items(AppendItemsParams::new(id, vec![message("a")])).await?;
                let rename = MetadataPatch::rename("name");
                store.update_thread_metadata(UpdateThreadMetadataParams::new(id, rename)).await
            }
        },
        async |scene, _| {
            if scene.store.live_threads() == 1 {
                return; // not even created
            }
            append(&scene.store, id.get(), &["b"]).await.unwrap();
            scene.store.shutdown_thread(id.get().into()).await.unwrap();
            assert_eq!(texts(&scene.store, id.get()).await.unwrap(), ["a", "b"]);
            let thread = scene.store.read_thread(ReadThreadParams::new(id.get())).await.unwrap();
            assert!([None, Some("name")].contains(&thread.metadata.name()));
        },
    );
}

/// Only then does an append wait before it accepts: for what is waiting already to be stored.
#[test]
fn a_dropped_append_to_a_full_backlog_has_accepted_all_of_its_items_or_none() {
    let small = || {
        let mut config = LocalConfig::default();
        config.backlog_bytes_max = 1;
        Scene::new(config)
    };
    at_every_await_in(
        small,
        "append to a full backlog",
        async |store: LocalThreadStore, live: ThreadId, _| {
            store.append_items(AppendItemsParams::new(live, vec![message("3"), message("4")])).await
        },
        async |scene, done| {
            scene.store.flush_thread(scene.live.into()).await.unwrap();
            let found = texts(&scene.store, scene.live).await.unwrap();
            assert!(found == ["1", "2", "3", "4"] || (!done && found == ["1", "2"]), "{found:?}");
            let expected: Vec<&str> = found.iter().map(String::as_str).collect();
            goes_on(scene, &expected).await;
        },
    );
}

/// The next write fails; within the same call what the log took back is found out and sent again.
#[test]
fn a_dropped_flush_on_a_disk_that_fails_a_write_loses_and_repeats_nothing() {
    let failing = || {
        let scene = scene();
        let next = scene.disk.calls_of(CallKind::Write) + 1;
        scene.disk.fail_kind(CallKind::Write, next, Fault::Error(ENOSPC));
        scene
    };
    let fired = Cell::new(0);
    at_every_await_in(
        failing,
        "flush over a failed write",
        async |store: LocalThreadStore, live: ThreadId, _| store.flush_thread(live.into()).await,
        async |scene, _| {
            goes_on(scene, &["1", "2"]).await;
            fired.set(fired.get() + scene.disk.faults_fired());
        },
    );
    assert!(fired.get() > 0, "no write failed: the test tests nothing");
}

/// After a failed sync nobody knows what is stored, and the store must be reopened; that may be dropped as well.
#[test]
fn a_dropped_way_back_from_a_failed_sync_can_be_gone_again() {
    let failing = || {
        let scene = scene();
        let next = scene.disk.calls_of(CallKind::Sync) + 1;
        scene.disk.fail_kind(CallKind::Sync, next, Fault::FailedSync);
        scene
    };
    async fn flush(store: &LocalThreadStore, id: ThreadId) -> Result<(), ThreadStoreError> {
        match store.flush_thread(id.into()).await {
            Err(ThreadStoreError::Unavailable(_, Unavailability::Poisoned | Unavailability::Closed)) => {
                store.reopen().await?;
                store.flush_thread(id.into()).await
            }
            answer => answer,
        }
    }
    let fired = Cell::new(0);
    at_every_await_in(
        failing,
        "flush and reopen over a failed sync",
        async |store: LocalThreadStore, live: ThreadId, _| flush(&store, live).await,
        async |scene, _| {
            flush(&scene.store, scene.live).await.unwrap();
            assert_eq!(texts(&scene.store, scene.live).await.unwrap(), ["1", "2"]);
            // The fault may have waited until now, for a call of the background's.
            append(&scene.store, scene.live, &["3"]).await.unwrap();
            flush(&scene.store, scene.live).await.unwrap();
            assert_eq!(texts(&scene.store, scene.live).await.unwrap(), ["1", "2", "3"]);
            fired.set(fired.get() + scene.disk.faults_fired());
            scene.disk.clear_faults();
            flush(&scene.store, scene.live).await.unwrap();
        },
    );
    assert!(fired.get() > 0, "no sync failed: the test tests nothing");
}
