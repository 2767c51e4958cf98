use super::*;
use crate::event::Control;
use crate::local::sending::push_control;
use crate::local::testing::with_thread;
use crate::thread_store::{ThreadStore, ThreadStoreError};

#[test]
fn a_follower_that_sees_a_tombstone_before_the_catalog_is_told_ends_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (store, id) = with_thread().await;
        store.shutdown_thread(id.into()).await.unwrap();
        let mut follow = store.follow(FollowParams::new(id).from(FollowFrom::End)).await.unwrap();
        // As far as deleting is when the tombstone has just become durable.
        let shared = &store.shared;
        let opened = shared.opened("delete", id).unwrap();
        let mut batch = threadlog_engine::Batch::new();
        push_control(&mut batch, (follow.key, opened.engine.journal()), None, shared.clock.tick(), &Control::Deleted)
            .unwrap();
        opened.engine.append(batch).and_then(|ticket| opened.engine.sync(ticket)).unwrap();
        drop(opened);
        assert!(matches!(follow.next().await, Err(ThreadStoreError::ThreadNotFound { .. })));
        store.close().await.unwrap();
    });
}
