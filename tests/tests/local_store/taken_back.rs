//! A writer resumes behind items of a writer before it that are in the log and not on the disk yet; then a write fails
//! and takes them back. Found by random runs of whole stores: the log seemed to have lost what was durable.

use threadlog::thread_store::{ResumeThreadParams, ThreadStore};
use threadlog_engine::fs::sim::{CallKind, EIO, ENOSPC, Fault, SimFs};

use crate::words::{append, create, current_thread, manual, open, texts};

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
