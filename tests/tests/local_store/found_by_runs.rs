//! Stories that random runs of whole stores found, told as short as they can be.

use threadlog::thread_store::{ReadThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError, Unavailability};
use threadlog_engine::fs::sim::{CallKind, EIO, ENOSPC, Fault, SimFs};

use crate::words::{append, create, current_thread, manual, open, texts};

/// The log seemed to have lost what was durable: a writer resumes behind items of the writer before it that are in the
/// log and not on the disk yet, and then a write fails and takes them back.
#[test]
fn a_successor_does_not_count_on_items_that_a_failed_write_takes_back() {
    for fault in [Fault::Error(ENOSPC), Fault::Error(EIO), Fault::ShortWriteThenError { bytes: 512, errno: ENOSPC }] {
        for resume_meets_it in [false, true] {
            current_thread().block_on(async {
                let fs = SimFs::new(1);
                let store = open(&fs, manual()).await.unwrap();
                let id = create(&store).await;
                append(&store, id, &["1"]).await.unwrap();
                store.flush_thread(id.into()).await.unwrap();
                append(&store, id, &["2, never flushed"]).await.unwrap();
                store.discard_thread(id.into()).await.unwrap();

                let fail = || fs.fail_kind(CallKind::Write, fs.calls_of(CallKind::Write) + 1, fault);
                if resume_meets_it {
                    fail();
                }
                store.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
                append(&store, id, &["3"]).await.unwrap();
                fail();
                store.flush_thread(id.into()).await.unwrap();
                let expected: &[&str] = if resume_meets_it { &["1", "3"] } else { &["1", "2, never flushed", "3"] };
                assert_eq!(texts(&store, id).await.unwrap(), expected);
                store.close().await.unwrap();
            });
        }
    }
}

/// The change came back after its opposite had been acknowledged: that an archiving failed says nothing about whether its
/// record is on the disk.
#[test]
fn a_change_whose_outcome_is_unknown_is_not_taken_for_one_that_did_not_happen() {
    current_thread().block_on(async {
        let fs = SimFs::new(1);
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["1"]).await.unwrap();
        store.shutdown_thread(id.into()).await.unwrap();
        fs.fail_kind(CallKind::Sync, fs.calls_of(CallKind::Sync) + 1, Fault::Error(EIO));
        store.archive_thread(id.into()).await.unwrap_err();
        let told = store.unarchive_thread(id.into()).await.map(|thread| thread.metadata.archived());
        assert!(matches!(told, Err(ThreadStoreError::Unavailable(_, Unavailability::Poisoned))), "{told:?}");
        store.reopen().await.unwrap();
        store.unarchive_thread(id.into()).await.unwrap();
        store.reopen().await.unwrap();
        let thread = store.read_thread(ReadThreadParams::new(id)).await.unwrap();
        assert!(!thread.metadata.archived());
    });
}

/// Closing said that all was well, and what threads had accepted was gone: there was no log to put it into.
#[test]
fn a_store_that_could_not_be_reopened_does_not_close_over_items_that_wait() {
    current_thread().block_on(async {
        let fs = SimFs::new(1);
        let store = open(&fs, manual()).await.unwrap();
        let id = create(&store).await;
        append(&store, id, &["1"]).await.unwrap();
        fs.fail_kind(CallKind::List, fs.calls_of(CallKind::List) + 1, Fault::Error(EIO));
        store.reopen().await.unwrap_err();
        let told = store.close().await;
        assert!(matches!(told, Err(ThreadStoreError::Unavailable(_, Unavailability::Closed))), "{told:?}");
        store.reopen().await.unwrap();
        store.close().await.unwrap();
        store.close().await.unwrap();
        let again = open(&fs, manual()).await.unwrap();
        assert_eq!(texts(&again, id).await.unwrap(), ["1"]);
    });
}
