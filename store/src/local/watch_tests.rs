use std::task::{Context, Poll};

use super::*;
use crate::local::testing::with_thread;
use crate::thread_store::FollowParams;

#[test]
fn the_thread_that_looks_ends_with_the_last_follower() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (store, id) = with_thread().await;
        let watch = &store.shared.watch;
        let alone = Arc::strong_count(watch);
        let mut follows = Vec::new();
        for _ in 0..3 {
            let mut follow = store.follow(FollowParams::new(id)).await.unwrap();
            let polled = std::pin::pin!(follow.next()).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending));
            follows.push(follow);
        }
        assert_eq!(Arc::strong_count(watch), alone + 3 + 1, "one thread for all");
        drop(follows);
        while Arc::strong_count(watch) > alone {
            std::thread::yield_now();
        }
        assert!(watch.state.lock().waiting.is_empty() && !watch.state.lock().looking);
        store.close().await.unwrap();
    });
}
