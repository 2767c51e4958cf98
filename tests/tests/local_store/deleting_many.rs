//! A thread from which very many came, deleted with all of them.

use threadlog::ThreadId;
use threadlog::list::{ListParams, Relation};
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{DeleteThreadParams, ForkThreadParams, ThreadStore, UpdateThreadMetadataParams};
use threadlog_engine::fs::sim::SimFs;

use crate::words::{append, create, current_thread, manual, open};

/// Calls to the disk, locks included, for deleting a thread with so many descendants: half of them forks of it, the others
/// forks of the one before.
fn calls_to_delete(descendants: usize) -> u64 {
    let machine = SimFs::new(3);
    current_thread().block_on(async {
        let store = open(&machine, manual()).await.unwrap();
        let root = create(&store).await;
        append(&store, root, &["a"]).await.unwrap();
        store.shutdown_thread(root.into()).await.unwrap();
        let (mut last, mut among) = (root, vec![root]);
        for number in 0..descendants {
            let fork = ThreadId::generate();
            let source = if number % 2 == 0 { root } else { last };
            store.fork_thread(ForkThreadParams::new(source, fork)).await.unwrap();
            last = fork;
            among.push(fork);
        }
        let other = create(&store).await;
        append(&store, other, &["b"]).await.unwrap();
        store.shutdown_thread(other.into()).await.unwrap();
        let mut params = ListParams::default();
        params.relation = Some(Relation::descendants(root));
        assert_eq!(store.list_threads(params).await.unwrap().total, descendants as u64);

        let before = machine.calls();
        let params = DeleteThreadParams::new(root).with_descendants_among(among);
        let deleted = store.delete_thread(params).await.unwrap();
        let calls = machine.calls() - before;
        assert_eq!((deleted.deleted.len(), deleted.kept.len()), (descendants + 1, 0));
        let left = store.list_threads(ListParams::default()).await.unwrap();
        assert_eq!(left.threads.iter().map(|thread| thread.id()).collect::<Vec<_>>(), [other]);
        store.close().await.unwrap();
        calls
    })
}

#[test]
fn deleting_two_thousand_threads_at_once_asks_the_disk_as_often_for_each_as_deleting_few() {
    let few = calls_to_delete(250);
    let many = calls_to_delete(2_000);
    println!("{few} calls for 250 descendants, {many} for 2 000");
    assert!(many <= few * 8, "{few} calls for 250, {many} for 2 000: more for each");
}

#[test]
fn emptying_the_trash_asks_the_disk_as_often_for_each_thread_however_many_there_are() {
    let calls = |threads: usize| {
        let machine = SimFs::new(4);
        current_thread().block_on(async {
            let store = open(&machine, manual()).await.unwrap();
            let mut ids = Vec::new();
            for _ in 0..threads {
                let id = create(&store).await;
                store.persist_thread(id.into()).await.unwrap();
                store.shutdown_thread(id.into()).await.unwrap();
                let params = UpdateThreadMetadataParams::new(id, MetadataPatch::trash(true));
                store.update_thread_metadata(params).await.unwrap();
                ids.push(id);
            }
            let before = machine.calls();
            for id in ids {
                store.delete_thread(DeleteThreadParams::new(id).if_trashed()).await.unwrap();
            }
            machine.calls() - before
        })
    };
    let (few, many) = (calls(50), calls(400));
    println!("{few} calls for 50 threads, {many} for 400");
    assert!(many <= few * 8 + 16, "{few} calls for 50, {many} for 400: more for each");
}

#[test]
fn what_was_deleted_before_is_not_deleted_again() {
    let machine = SimFs::new(5);
    current_thread().block_on(async {
        let store = open(&machine, manual()).await.unwrap();
        let source = create(&store).await;
        append(&store, source, &["a"]).await.unwrap();
        store.shutdown_thread(source.into()).await.unwrap();
        let again = ThreadId::generate();
        let mut bytes = Vec::new();
        for _ in 0..10 {
            store.fork_thread(ForkThreadParams::new(source, again)).await.unwrap();
            let before = store.stats().unwrap().records;
            store.delete_thread(DeleteThreadParams::new(again)).await.unwrap();
            bytes.push(store.stats().unwrap().records - before);
        }
        assert_eq!(bytes, [1; 10], "one tombstone each");
        store.close().await.unwrap();
    });
}
