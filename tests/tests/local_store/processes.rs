//! Several processes on one store: each a store of its own on the same simulated machine.

use threadlog::ThreadId;
use threadlog::list::ListParams;
use threadlog::local::{LocalConfig, LocalThreadStore};
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{
    CreateThreadParams, Holder, ReadThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError, Unavailability,
    UpdateThreadMetadataParams,
};
use threadlog_engine::Config;
use threadlog_engine::fs::sim::{CallKind, EIO, Fault, SimFs};

use crate::words::{append, create, current_thread, manual, open, texts};

fn named(client: &str) -> LocalConfig {
    let mut config = manual();
    config.engine = Config { client: client.to_owned(), ..config.engine };
    config
}

async fn two(machine: &SimFs) -> (LocalThreadStore, LocalThreadStore) {
    let store = async |client: &str| open(&machine.process(), named(client)).await.unwrap();
    (store("the first agent").await, store("the second").await)
}

fn holder(result: threadlog::thread_store::Result<()>) -> Holder {
    match result {
        Err(ThreadStoreError::Conflict(_, Some(holder))) => *holder,
        other => panic!("{other:?}"),
    }
}

async fn patch(store: &LocalThreadStore, id: ThreadId, patch: MetadataPatch) {
    store.update_thread_metadata(UpdateThreadMetadataParams::new(id, patch)).await.unwrap();
}

async fn name(store: &LocalThreadStore, id: ThreadId) -> Option<String> {
    let thread = store.read_thread(ReadThreadParams::new(id).with_archived()).await.unwrap();
    thread.metadata.name().map(str::to_owned)
}

async fn listed(store: &LocalThreadStore) -> u64 {
    let mut params = ListParams::default();
    params.include_without_preview = true;
    store.list_threads(params).await.unwrap().total
}

#[test]
fn a_thread_has_one_writer_and_the_second_is_told_who_until_the_first_is_done() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let id = create(&one).await;
        let who = holder(two.create_thread(CreateThreadParams::new(id)).await);
        assert_eq!((who.client.as_str(), who.process), ("the first agent", std::process::id()));
        append(&one, id, &["a"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        let resume = || two.resume_thread(ResumeThreadParams::new(id));
        assert_eq!(holder(resume().await).client, "the first agent");
        assert_eq!(texts(&two, id).await.unwrap(), ["a"], "reading is never refused");
        one.shutdown_thread(id.into()).await.unwrap();
        let stored = two.create_thread(CreateThreadParams::new(id)).await.unwrap_err();
        assert!(matches!(stored, ThreadStoreError::Conflict(_, None)), "{stored}");
        resume().await.unwrap();
        append(&two, id, &["b"]).await.unwrap();
        two.flush_thread(id.into()).await.unwrap();
        assert_eq!(texts(&one, id).await.unwrap(), ["a", "b"], "seen without being told");
        assert_eq!(holder(one.resume_thread(ResumeThreadParams::new(id)).await).client, "the second");
        two.close().await.unwrap();
        one.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
        append(&one, id, &["c"]).await.unwrap();
        one.close().await.unwrap();
        let three = open(&machine.process(), manual()).await.unwrap();
        assert_eq!(texts(&three, id).await.unwrap(), ["a", "b", "c"]);
        assert_eq!(listed(&three).await, 1);
    });
}

#[test]
fn a_thread_that_was_never_used_leaves_nothing_behind_and_can_be_made_elsewhere() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let id = create(&one).await;
        one.shutdown_thread(id.into()).await.unwrap();
        two.create_thread(CreateThreadParams::new(id)).await.unwrap();
        assert!(two.discard_now(id));
        one.create_thread(CreateThreadParams::new(id)).await.unwrap();
        assert_eq!((listed(&one).await, listed(&two).await), (0, 0));
    });
}

#[test]
fn after_the_death_of_its_process_a_thread_goes_on_with_all_that_was_handed_to_the_system() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let dying = machine.process();
        let one = open(&dying, named("the dying")).await.unwrap();
        let two = open(&machine.process(), named("the next")).await.unwrap();
        let id = create(&one).await;
        append(&one, id, &["a"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        assert_eq!(texts(&two, id).await.unwrap(), ["a"]);
        dying.kill_process();
        two.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
        append(&two, id, &["b"]).await.unwrap();
        two.flush_thread(id.into()).await.unwrap();
        assert_eq!(texts(&two, id).await.unwrap(), ["a", "b"]);
        drop(one);
        let all = machine.crash(&threadlog_engine::fs::sim::Choice::LoseAll);
        let after = open(&all, manual()).await.unwrap();
        assert_eq!(texts(&after, id).await.unwrap(), ["a", "b"]);
    });
}

#[test]
fn any_process_renames_archives_and_pins_a_thread_that_another_runs_and_the_last_word_counts() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let id = create(&one).await;
        append(&one, id, &["a"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        for round in 0..20 {
            let (this, other) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            patch(this, id, MetadataPatch::rename(format!("name {round}"))).await;
            assert_eq!(name(other, id).await.unwrap(), format!("name {round}"));
            if round % 3 == 0 {
                other.archive_thread(id.into()).await.unwrap();
                this.unarchive_thread(id.into()).await.unwrap();
                let thread = other.read_thread(ReadThreadParams::new(id)).await.unwrap();
                assert!(!thread.metadata.archived());
            }
            append(&one, id, &["more"]).await.unwrap();
        }
        one.close().await.unwrap();
        two.close().await.unwrap();
        let three = open(&machine.process(), manual()).await.unwrap();
        assert_eq!(name(&three, id).await.unwrap(), "name 19");
        assert_eq!(texts(&three, id).await.unwrap().len(), 21);
    });
}

#[test]
fn what_two_processes_change_at_the_same_time_is_all_kept() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let id = create(&one).await;
        one.persist_thread(id.into()).await.unwrap();
        let mut pin = MetadataPatch::default();
        pin.pinned = Some(true);
        let (rename, pin) = (MetadataPatch::rename("both"), pin);
        std::thread::scope(|scope| {
            scope.spawn(|| current_thread().block_on(patch(&one, id, rename)));
            scope.spawn(|| current_thread().block_on(patch(&two, id, pin)));
        });
        for store in [&one, &two] {
            let thread = store.read_thread(ReadThreadParams::new(id)).await.unwrap();
            assert_eq!((thread.metadata.name(), thread.metadata.pinned()), (Some("both"), true));
        }
    });
}

#[test]
fn nobody_goes_on_with_a_thread_while_records_of_its_discarded_writer_are_on_their_way() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let id = create(&one).await;
        append(&one, id, &["a"]).await.unwrap();
        one.flush_thread(id.into()).await.unwrap();
        append(&one, id, &["on its way"]).await.unwrap();
        assert!(one.discard_now(id));
        let resume = || two.resume_thread(ResumeThreadParams::new(id));
        assert_eq!(holder(resume().await).client, "the first agent");
        let other = create(&one).await;
        one.persist_thread(other.into()).await.unwrap();
        resume().await.unwrap();
        append(&two, id, &["b"]).await.unwrap();
        two.flush_thread(id.into()).await.unwrap();
        assert_eq!(texts(&one, id).await.unwrap(), ["a", "on its way", "b"]);
    });
}

#[test]
fn a_store_that_comes_back_from_a_failed_sync_has_its_threads_though_another_took_its_journal() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let id = create(&two).await;
        append(&two, id, &["a"]).await.unwrap();
        two.flush_thread(id.into()).await.unwrap();
        append(&two, id, &["b"]).await.unwrap();
        one.close().await.unwrap();
        machine.fail_kind(CallKind::Sync, machine.calls_of(CallKind::Sync) + 1, Fault::FailedSync);
        two.flush_thread(id.into()).await.unwrap_err();
        let three = open(&machine.process(), named("the third")).await.unwrap();
        assert_eq!(holder(three.resume_thread(ResumeThreadParams::new(id)).await).client, "the second");
        three.close().await.unwrap();
        two.reopen().await.unwrap();
        let three = open(&machine.process(), named("the third")).await.unwrap();
        assert_eq!(holder(three.resume_thread(ResumeThreadParams::new(id)).await).client, "the second");
        append(&two, id, &["c"]).await.unwrap();
        two.flush_thread(id.into()).await.unwrap();
        assert_eq!(texts(&three, id).await.unwrap(), ["a", "b", "c"]);
    });
}

#[test]
fn a_thread_taken_over_while_its_store_was_closed_is_not_live_there_any_more() {
    let machine = SimFs::new(1);
    current_thread().block_on(async {
        let (one, two) = two(&machine).await;
        let (taken, kept) = (create(&one).await, create(&one).await);
        for id in [taken, kept] {
            append(&one, id, &["a"]).await.unwrap();
        }
        one.close().await.unwrap();
        let refused = append(&one, taken, &["into no log"]).await.unwrap_err();
        assert!(matches!(refused, ThreadStoreError::Unavailable(_, Unavailability::Closed)), "{refused}");
        two.resume_thread(ResumeThreadParams::new(taken)).await.unwrap();
        one.reopen().await.unwrap();
        assert_eq!(one.live_threads(), 1);
        append(&one, kept, &["b"]).await.unwrap();
        one.flush_thread(kept.into()).await.unwrap();
        let gone = append(&one, taken, &["b"]).await.unwrap_err();
        assert!(matches!(gone, ThreadStoreError::ThreadNotFound { .. }), "{gone}");
        append(&two, taken, &["c"]).await.unwrap();
        two.flush_thread(taken.into()).await.unwrap();
        assert_eq!(texts(&one, taken).await.unwrap(), ["a", "c"]);
    });
}

#[test]
fn six_first_runs_at_once_on_a_fresh_folder_are_six_threads() {
    for round in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let root = &directory.path().join("store");
        std::thread::scope(|scope| {
            for number in 0..6 {
                scope.spawn(move || {
                    current_thread().block_on(async {
                        let store = LocalThreadStore::open(root, LocalConfig::default()).await.unwrap();
                        let id = create(&store).await;
                        append(&store, id, &[&format!("{round} {number}")]).await.unwrap();
                        store.flush_thread(id.into()).await.unwrap();
                        store.close().await.unwrap();
                    });
                });
            }
        });
        current_thread().block_on(async {
            let store = LocalThreadStore::open(root, LocalConfig::default()).await.unwrap();
            assert_eq!(listed(&store).await, 6);
            store.close().await.unwrap();
        });
    }
}

#[test]
fn whichever_call_fails_a_takeover_can_be_repeated() {
    current_thread().block_on(async {
        for call in 1.. {
            let machine = SimFs::new(1);
            let dying = machine.process();
            let one = open(&dying, manual()).await.unwrap();
            let two = open(&machine.process(), manual()).await.unwrap();
            let id = create(&one).await;
            append(&one, id, &["a"]).await.unwrap();
            one.flush_thread(id.into()).await.unwrap();
            dying.kill_process();
            machine.fail_call(machine.calls() + call, Fault::Error(EIO));
            let first = two.resume_thread(ResumeThreadParams::new(id)).await;
            machine.clear_faults();
            if first.is_err() {
                two.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
            }
            append(&two, id, &["b"]).await.unwrap();
            two.flush_thread(id.into()).await.unwrap();
            assert_eq!(texts(&two, id).await.unwrap(), ["a", "b"], "call {call}");
            drop(one);
            if first.is_ok() && call > 60 {
                return;
            }
        }
    });
}
