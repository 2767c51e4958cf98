//! After a failed sync: what is refused, and the way back.

use threadlog::list::ListParams;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    ReadThreadParams, ThreadStore, ThreadStoreError, Unavailability, UpdateThreadMetadataParams,
};
use threadlog_engine::fs::sim::{CallKind, EIO, Fault, SimFs};

use crate::words::{append, create, current_thread, manual, open, texts};

fn is_poisoned<T>(result: Result<T, ThreadStoreError>) -> bool {
    matches!(result, Err(ThreadStoreError::Unavailable(_, Unavailability::Poisoned)))
}

fn fail_next_sync(fs: &SimFs) {
    fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1, Fault::FailedSync);
}

async fn rename(store: &LocalThreadStore, id: ThreadId, name: &str) -> Result<(), ThreadStoreError> {
    let params = UpdateThreadMetadataParams::new(id, MetadataPatch::rename(name));
    store.update_thread_metadata(params).await.map(drop)
}

#[test]
fn a_failed_sync_is_told_to_everybody_and_after_reopening_everything_goes_on() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let (a, b, unstored) = (create(&store).await, create(&store).await, create(&store).await);
        for id in [a, b] {
            append(&store, id, &["1"]).await.unwrap();
            store.flush_thread(id.into()).await.unwrap();
        }
        // One sync is everybody's: these come after both.
        for id in [a, b] {
            append(&store, id, &["2"]).await.unwrap();
        }
        append(&store, unstored, &["1"]).await.unwrap();
        fail_next_sync(&fs);
        let failed = store.flush_thread(a.into()).await;
        let told = failed.as_ref().unwrap_err().to_string();
        assert!(told.contains("reopen the store"), "{told}");
        assert!(is_poisoned(failed));
        assert!(is_poisoned(store.flush_thread(b.into()).await));
        assert!(is_poisoned(store.flush_thread(unstored.into()).await));
        assert!(is_poisoned(store.shutdown_thread(a.into()).await), "and it stays live");
        assert!(is_poisoned(rename(&store, b, "no").await));
        append(&store, a, &["3"]).await.unwrap();
        assert_eq!(texts(&store, a).await.unwrap(), ["1"], "what was durable is still read");
        assert_eq!(store.list_threads(ListParams::default()).await.unwrap().total, 2);

        store.reopen().await.unwrap();
        append(&store, a, &["4"]).await.unwrap();
        for id in [a, b, unstored] {
            store.shutdown_thread(id.into()).await.unwrap();
        }
        rename(&store, b, "yes").await.unwrap();
        store.close().await.unwrap();
        let again = open(&fs, manual()).await.unwrap();
        assert_eq!(texts(&again, a).await.unwrap(), ["1", "2", "3", "4"]);
        assert_eq!(texts(&again, b).await.unwrap(), ["1", "2"]);
        assert_eq!(texts(&again, unstored).await.unwrap(), ["1"]);
        let known = again.read_thread(ReadThreadParams::new(b)).await.unwrap().metadata;
        assert_eq!(known.name(), Some("yes"));
    });
}

#[test]
fn a_rename_whose_outcome_was_unknown_can_be_repeated() {
    for survives in [false, true] {
        let fs = SimFs::new(1);
        current_thread().block_on(async {
            let store = open(&fs, manual()).await.unwrap();
            let id = create(&store).await;
            store.persist_thread(id.into()).await.unwrap();
            fail_next_sync(&fs);
            assert!(is_poisoned(rename(&store, id, "first").await));
            store.reopen().await.unwrap();
            if survives {
                let known = store.read_thread(ReadThreadParams::new(id)).await.unwrap().metadata;
                assert_eq!(known.name(), Some("first"), "it was in the page cache, and reopening wrote it again");
            }
            rename(&store, id, "first").await.unwrap();
            rename(&store, id, "second").await.unwrap();
            let known = store.read_thread(ReadThreadParams::new(id)).await.unwrap().metadata;
            assert_eq!(known.name(), Some("second"));
        });
    }
}

#[test]
fn a_reopening_that_fails_can_be_repeated() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["1"]).await.unwrap();
        fail_next_sync(&fs);
        assert!(is_poisoned(store.flush_thread(id.into()).await));
        fs.fail_kind(CallKind::List, fs.calls_of(CallKind::List) + 1, Fault::Error(EIO));
        let failed = store.reopen().await.unwrap_err();
        assert!(matches!(failed, ThreadStoreError::Unavailable(_, Unavailability::Io)), "{failed}");
        let closed = store.flush_thread(id.into()).await.unwrap_err();
        assert!(matches!(closed, ThreadStoreError::Unavailable(_, Unavailability::Closed)), "{closed}");
        store.reopen().await.unwrap();
        store.flush_thread(id.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap(), ["1"]);
    });
}

#[test]
fn reopening_a_healthy_store_changes_nothing() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        for round in 0..4 {
            append(&store, id, &[&round.to_string()]).await.unwrap();
            if round % 2 == 0 {
                store.flush_thread(id.into()).await.unwrap();
            }
            store.reopen().await.unwrap();
        }
        store.shutdown_thread(id.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap(), ["0", "1", "2", "3"]);
    });
}

#[test]
fn a_writer_discarded_with_unsent_records_on_the_way_gets_a_successor_with_a_higher_lease() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["1"]).await.unwrap();
        store.flush_thread(id.into()).await.unwrap();
        for round in 2..6 {
            // Sent to the engine and not durable when its writer goes.
            append(&store, id, &[&round.to_string()]).await.unwrap();
            store.discard_thread(id.into()).await.unwrap();
            store.resume_thread(threadlog::thread_store::ResumeThreadParams::new(id)).await.unwrap();
        }
        append(&store, id, &["last"]).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        assert_eq!(texts(&store, id).await.unwrap(), ["1", "2", "3", "4", "5", "last"]);
    });
}
