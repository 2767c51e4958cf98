//! Following a thread: every item once, in order, when it is durable, whoever appends it.

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use threadlog::local::{Follow, LocalConfig, LocalThreadStore};
use threadlog::thread_store::{
    DeleteThreadParams, FollowFrom, FollowParams, ForkThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError,
    Unavailability,
};
use threadlog::{Store, ThreadId};
use threadlog_engine::fs::sim::SimFs;

use crate::executors::futures_block_on;
use crate::words::{ROOT, append, create, current_thread, manual, open, text};

/// A store in a process of its own, and a thread with some messages.
async fn with_thread(machine: &SimFs, texts: &[&str]) -> (LocalThreadStore, ThreadId) {
    let store = open(&machine.process(), manual()).await.unwrap();
    let id = create(&store).await;
    append(&store, id, texts).await.unwrap();
    store.flush_thread(id.into()).await.unwrap();
    (store, id)
}

/// A look at the store by a process that takes no lock.
fn reader(machine: &SimFs) -> LocalThreadStore {
    LocalThreadStore::reading(&Store::open_read_on(Arc::new(machine.process()), Path::new(ROOT)).unwrap()).unwrap()
}

async fn from(store: &LocalThreadStore, id: ThreadId, from: FollowFrom) -> Follow {
    store.follow(FollowParams::new(id).from(from)).await.unwrap()
}

/// The next messages, with their ordinals.
async fn messages(follow: &mut Follow, count: usize) -> Vec<(u64, String)> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let item = follow.next().await.unwrap();
        messages.extend(text(&item.item).map(|text| (item.ordinal, text)));
    }
    messages
}

/// Whether there is an item now: the call is dropped after a moment.
fn poll_once(follow: &mut Follow) -> Poll<threadlog::thread_store::Result<threadlog::StoredItem>> {
    std::pin::pin!(follow.next()).poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs two at the same time, on this thread.
async fn both<A, B>(one: impl Future<Output = A>, two: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut two) = (std::pin::pin!(one), std::pin::pin!(two));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(move |context| {
        if first.is_none()
            && let Poll::Ready(value) = one.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = two.as_mut().poll(context)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(two)) => Poll::Ready((one, two)),
            (one, two) => {
                (first, second) = (one, two);
                Poll::Pending
            }
        }
    })
    .await
}

fn said(messages: &[(u64, &str)]) -> Vec<(u64, String)> {
    messages.iter().map(|(ordinal, text)| (*ordinal, (*text).to_owned())).collect()
}

#[test]
fn every_start_gives_what_it_says_and_then_what_comes() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (store, id) = with_thread(&machine, &["a", "b"]).await;
        let starts = [
            (FollowFrom::End, vec![]),
            (FollowFrom::Last(1), vec![(2, "b")]),
            (FollowFrom::Last(100), vec![(1, "a"), (2, "b")]),
            (FollowFrom::Ordinal(0), vec![(1, "a"), (2, "b")]),
            (FollowFrom::Ordinal(2), vec![(2, "b")]),
            (FollowFrom::Ordinal(4), vec![]),
        ];
        let mut follows = Vec::new();
        for (start, mut want) in starts {
            want.extend(
                [(3, "c"), (4, "d")].iter().filter(|(ordinal, _)| start != FollowFrom::Ordinal(4) || *ordinal == 4),
            );
            follows.push((from(&store, id, start).await, want));
        }
        append(&store, id, &["c", "d"]).await.unwrap();
        store.flush_thread(id.into()).await.unwrap();
        for (mut follow, want) in follows {
            assert_eq!(messages(&mut follow, want.len()).await, said(&want));
        }
    });
}

#[test]
fn an_item_comes_when_it_is_durable_and_not_before() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (store, id) = with_thread(&machine, &["a"]).await;
        let mut follow = from(&store, id, FollowFrom::End).await;
        append(&store, id, &["b"]).await.unwrap();
        assert!(poll_once(&mut follow).is_pending(), "accepted, and not stored");
        let (next, flushed) = both(follow.next(), store.flush_thread(id.into())).await;
        flushed.unwrap();
        assert_eq!(text(&next.unwrap().item).unwrap(), "b");
    });
}

#[test]
fn readers_and_writers_in_other_processes_follow_across_takeovers() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let dying = machine.process();
        let one = open(&dying, manual()).await.unwrap();
        let id = create(&one).await;
        append(&one, id, &["a"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        let two = open(&machine.process(), manual()).await.unwrap();
        let mut follows = vec![
            from(&two, id, FollowFrom::Last(1)).await,
            from(&reader(&machine), id, FollowFrom::Last(1)).await,
            from(&two, id, FollowFrom::Last(1)).await,
        ];
        for follow in &mut follows {
            assert_eq!(messages(follow, 1).await, said(&[(1, "a")]));
        }
        append(&one, id, &["b"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        for follow in &mut follows {
            assert_eq!(messages(follow, 1).await, said(&[(2, "b")]));
        }
        dying.kill_process();
        two.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
        append(&two, id, &["c"]).await.unwrap();
        two.flush_thread(id.into()).await.unwrap();
        for follow in &mut follows {
            assert_eq!(messages(follow, 1).await, said(&[(3, "c")]));
        }
        drop(one);
    });
}

#[test]
fn what_somebody_else_looked_at_first_still_reaches_the_follower() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (one, id) = with_thread(&machine, &["a"]).await;
        let two = open(&machine.process(), manual()).await.unwrap();
        let mut follow = from(&two, id, FollowFrom::End).await;
        assert!(poll_once(&mut follow).is_pending());
        append(&one, id, &["b"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        assert_eq!(crate::words::texts(&two, id).await.unwrap(), ["a", "b"], "takes the news in");
        assert_eq!(messages(&mut follow, 1).await, said(&[(2, "b")]));
    });
}

#[test]
fn a_fork_is_followed_from_what_it_inherited_on() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (store, source) = with_thread(&machine, &["a", "b"]).await;
        let fork = ThreadId::generate();
        store.fork_thread(ForkThreadParams::new(source, fork)).await.unwrap();
        let mut follow = from(&reader(&machine), fork, FollowFrom::Ordinal(1)).await;
        store.resume_thread(ResumeThreadParams::new(fork)).await.unwrap();
        append(&store, fork, &["c"]).await.unwrap();
        append(&store, source, &["elsewhere"]).await.unwrap();
        store.flush_thread(source.into()).await.unwrap();
        store.flush_thread(fork.into()).await.unwrap();
        let texts: Vec<String> = messages(&mut follow, 3).await.into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["a", "b", "c"]);
    });
}

#[test]
fn calls_that_are_dropped_lose_nothing_and_long_histories_come_whole() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let texts: Vec<String> = (0..700).map(|number| number.to_string()).collect();
        let (store, id) = with_thread(&machine, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut follow = from(&store, id, FollowFrom::Ordinal(1)).await;
        let mut come = Vec::new();
        while come.len() < texts.len() {
            match poll_once(&mut follow) {
                Poll::Ready(item) => come.push(text(&item.unwrap().item).unwrap()),
                Poll::Pending => tokio::task::yield_now().await,
            }
        }
        assert_eq!(come, texts);
    });
}

#[test]
fn closing_ends_it_and_reopening_does_not() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (store, id) = with_thread(&machine, &["a"]).await;
        let (mut follow, mut looking) =
            (from(&store, id, FollowFrom::End).await, from(&reader(&machine), id, FollowFrom::End).await);
        let reopening = async {
            store.reopen().await.unwrap();
            append(&store, id, &["b"]).await.unwrap();
            store.flush_thread(id.into()).await.unwrap();
        };
        let ((next, seen), ()) = both(both(follow.next(), looking.next()), reopening).await;
        assert_eq!((next.unwrap().ordinal, seen.unwrap().ordinal), (2, 2));
        let (next, closed) = both(follow.next(), store.close()).await;
        closed.unwrap();
        for error in [next.unwrap_err(), follow.next().await.unwrap_err()] {
            assert!(matches!(error, ThreadStoreError::Unavailable(_, Unavailability::Closed)), "{error}");
        }
    });
}

#[test]
fn deleting_the_thread_ends_it_here_and_elsewhere() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (store, id) = with_thread(&machine, &["a"]).await;
        let elsewhere = open(&machine.process(), manual()).await.unwrap();
        let looking = reader(&machine);
        for follower in [&store, &elsewhere, &looking] {
            let mut follow = from(follower, id, FollowFrom::Last(1)).await;
            assert_eq!(messages(&mut follow, 1).await, said(&[(1, "a")]));
            assert!(poll_once(&mut follow).is_pending());
        }
        let mut follows = Vec::new();
        for follower in [&store, &elsewhere, &looking] {
            follows.push(from(follower, id, FollowFrom::End).await);
        }
        store.shutdown_thread(id.into()).await.unwrap();
        let deletion = async {
            tokio::task::yield_now().await;
            store.delete_thread(DeleteThreadParams::new(id)).await.unwrap();
        };
        let [one, two, three] = &mut follows[..] else { unreachable!() };
        let (ends, ()) = both(both(both(one.next(), two.next()), three.next()), deletion).await;
        for end in [ends.0.0, ends.0.1, ends.1] {
            let error = end.unwrap_err();
            assert!(matches!(error, ThreadStoreError::ThreadNotFound { .. }), "{error}");
        }
    });
}

#[test]
fn what_cannot_be_followed_is_refused() {
    current_thread().block_on(async {
        let machine = SimFs::new(1);
        let (store, id) = with_thread(&machine, &["a"]).await;
        for unknown in [ThreadId::generate(), create(&store).await] {
            let error = store.follow(FollowParams::new(unknown)).await.unwrap_err();
            assert!(matches!(error, ThreadStoreError::ThreadNotFound { .. }), "{error}");
        }
        store.archive_thread(id.into()).await.unwrap();
        let error = store.follow(FollowParams::new(id)).await.unwrap_err();
        assert!(matches!(error, ThreadStoreError::InvalidRequest(_)), "{error}");
        let mut follow = store.follow(FollowParams::new(id).with_archived().from(FollowFrom::Last(1))).await.unwrap();
        assert_eq!(messages(&mut follow, 1).await, said(&[(1, "a")]));
    });
}

#[test]
fn it_needs_no_runtime_and_no_process_stays_behind() {
    let machine = SimFs::new(1);
    let (one, id) = futures_block_on(with_thread(&machine, &["a"]));
    let two = futures_block_on(open(&machine.process(), LocalConfig::default())).unwrap();
    let mut follow = futures_block_on(from(&two, id, FollowFrom::Last(1)));
    drop(two);
    assert_eq!(futures_block_on(messages(&mut follow, 1)), said(&[(1, "a")]));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            futures_block_on(async {
                append(&one, id, &["b"]).await.unwrap();
                one.flush_thread(id.into()).await.unwrap();
            });
        });
        assert_eq!(futures_block_on(messages(&mut follow, 1)), said(&[(2, "b")]));
    });
    assert!(poll_once(&mut follow).is_pending());
    drop(follow);
    // What it kept open is closed: its journal is the next one's.
    let mut config = LocalConfig::default();
    config.engine.journals_max = 2;
    let third = futures_block_on(open(&machine.process(), config)).unwrap();
    drop((one, third));
}
