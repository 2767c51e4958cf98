//! Who may open a store, and what closing does.

use std::path::Path;
use std::sync::Arc;

use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::thread_store::{CreateThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError, Unavailability};
use threadlog_engine::fs::sim::{CallKind, EIO, Fault, SimFs};
use threadlog_engine::{Config, OsFs};

use crate::words::{append, create, current_thread, manual, open, texts};

#[test]
fn a_store_of_one_journal_has_one_writer_and_names_it_to_the_second() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("store");
    let config =
        |client: &str| LocalConfig::from(Config { client: client.to_owned(), journals_max: 1, ..Config::default() });
    current_thread().block_on(async {
        let first = LocalThreadStore::open_on(Arc::new(OsFs), &root, config("the first agent")).await.unwrap();
        let id = create(&first).await;
        append(&first, id, &["a"]).await.unwrap();
        first.flush_thread(id.into()).await.unwrap();
        let error = LocalThreadStore::open(&root, config("the second")).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Unavailable(_, Unavailability::Locked)), "{error}");
        let text = error.to_string();
        assert!(text.contains("the first agent") && text.contains(&std::process::id().to_string()), "{text}");
        first.close().await.unwrap();
        let second = LocalThreadStore::open(&root, config("the second")).await.unwrap();
        second.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
        append(&second, id, &["b"]).await.unwrap();
        second.shutdown_thread(id.into()).await.unwrap();
        assert_eq!(texts(&second, id).await.unwrap(), ["a", "b"]);
        second.close().await.unwrap();
    });
}

#[test]
fn closing_flushes_live_threads_and_then_refuses_everything() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let (used, unused) = (create(&store).await, create(&store).await);
        append(&store, used, &["a"]).await.unwrap();
        store.close().await.unwrap();
        store.close().await.unwrap();
        let closed = |result: Result<(), ThreadStoreError>| {
            matches!(result, Err(ThreadStoreError::Unavailable(_, Unavailability::Closed)))
        };
        assert!(closed(store.flush_thread(used.into()).await));
        assert!(closed(store.create_thread(CreateThreadParams::new(threadlog::ThreadId::generate())).await));
        assert!(closed(store.list_threads(Default::default()).await.map(drop)));
        assert!(closed(texts(&store, used).await.map(drop)));
        assert_eq!(store.stats(), None);
        assert!(store.discard_now(unused), "letting go works on a closed store");

        let again = open(&fs, manual()).await.unwrap();
        assert_eq!(texts(&again, used).await.unwrap(), ["a"]);
        assert_eq!(again.list_threads(Default::default()).await.unwrap().total, 1);
    });
}

#[test]
fn a_store_that_cannot_flush_its_threads_stays_open_and_loses_nothing() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let ids = [create(&store).await, create(&store).await];
        for id in ids {
            append(&store, id, &["a"]).await.unwrap();
        }
        for later in 1..=8 {
            fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + later, Fault::Error(EIO));
        }
        let error = store.close().await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::Unavailable(_, Unavailability::Io)), "{error}");
        assert!(error.to_string().contains("2 threads"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
        fs.clear_faults();
        store.close().await.unwrap();
        let again = open(&fs, manual()).await.unwrap();
        for id in ids {
            assert_eq!(texts(&again, id).await.unwrap(), ["a"]);
        }
    });
}

#[test]
fn a_store_that_was_never_used_is_an_empty_store() {
    let fs = SimFs::new(1);
    current_thread().block_on(async {
        let store = open(&fs, manual()).await.unwrap();
        let before = fs.paths();
        for _ in 0..10 {
            let id = create(&store).await;
            append(&store, id, &["a"]).await.unwrap();
            store.discard_thread(id.into()).await.unwrap();
            let id = create(&store).await;
            store.shutdown_thread(id.into()).await.unwrap();
        }
        assert_eq!(fs.paths(), before, "a thread started and never used leaves no file, of whatever kind");
        assert!(store.root() == Path::new(crate::words::ROOT));
        let stats = store.stats().unwrap();
        assert_eq!((stats.records, stats.syncs), (0, stats.syncs));
    });
}
