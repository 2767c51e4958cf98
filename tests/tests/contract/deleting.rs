//! Deleting threads, and the trash.

use threadlog::list::{ArchiveFilter, ListParams};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    Absence, CreateThreadParams, DeleteThreadParams, ForkPosition, ForkThreadParams, ReadThreadParams,
    ResumeThreadParams, ThreadStoreError, UpdateThreadMetadataParams,
};

use crate::cases;
use crate::fixture::{Fixture, is_absent, is_invalid, user};

async fn fork(fixture: &Fixture, source: ThreadId) -> ThreadId {
    let id = ThreadId::generate();
    fixture.store.fork_thread(ForkThreadParams::new(source, id)).await.unwrap();
    id
}

async fn everything(fixture: &Fixture) -> Vec<ThreadId> {
    let mut all = Vec::new();
    for archived in [ArchiveFilter::Active, ArchiveFilter::Archived, ArchiveFilter::Trashed] {
        let mut params = ListParams::default();
        (params.archived, params.include_without_preview) = (archived, true);
        all.extend(fixture.list(&params).await.threads.iter().map(|thread| thread.metadata.thread()));
    }
    all
}

async fn a_deleted_thread_is_found_by_nobody_and_its_id_can_be_used_again(mut fixture: Fixture) {
    let (id, other) = (fixture.cold("one").await, fixture.cold("other").await);
    let deleted = fixture.store.delete_thread(DeleteThreadParams::new(id)).await.unwrap();
    assert_eq!((deleted.deleted, deleted.kept), (vec![id], vec![]));
    for _ in 0..2 {
        assert!(is_absent(fixture.read(id).await, Absence::Unknown));
        assert!(is_absent(fixture.items(id).await, Absence::Unknown));
        assert!(is_absent(fixture.resume(id).await, Absence::Unknown));
        assert!(is_absent(fixture.patch(id, MetadataPatch::rename("x")).await, Absence::Unknown));
        assert!(is_absent(fixture.store.archive_thread(id.into()).await, Absence::Unknown));
        let fork = ForkThreadParams::new(id, ThreadId::generate());
        assert!(is_absent(fixture.store.fork_thread(fork).await, Absence::Unknown));
        assert!(is_absent(fixture.store.delete_thread(DeleteThreadParams::new(id)).await, Absence::Unknown));
        assert_eq!(everything(&fixture).await, [other]);
        fixture.restart().await;
    }
    fixture.store.create_thread(CreateThreadParams::new(id)).await.unwrap();
    fixture.append(id, [user("again")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(fixture.texts(id).await, ["again"]);
        assert_eq!(fixture.read(id).await.unwrap().metadata.first_user_message(), Some("again"));
        fixture.restart().await;
    }
    fixture.store.delete_thread(DeleteThreadParams::new(id)).await.unwrap();
    fixture.restart().await;
    assert_eq!(everything(&fixture).await, [other]);
}

async fn a_live_thread_is_not_deleted_and_the_refusal_names_its_holder(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("one")]).await.unwrap();
    for _ in 0..2 {
        match fixture.store.delete_thread(DeleteThreadParams::new(id)).await {
            Err(ThreadStoreError::Conflict(_, Some(holder))) => assert_eq!(holder.process, std::process::id()),
            other => panic!("{other:?}"),
        }
        fixture.flush(id).await.unwrap();
    }
    fixture.append(id, [user("two")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["one", "two"]);
    fixture.store.delete_thread(DeleteThreadParams::new(id)).await.unwrap();
    assert!(is_absent(fixture.read(id).await, Absence::Unknown));
}

async fn forks_of_a_deleted_thread_stay_whole(mut fixture: Fixture) {
    let source = fixture.cold("inherited").await;
    let (one, two) = (fork(&fixture, source).await, fork(&fixture, source).await);
    let grandchild = fork(&fixture, one).await;
    let deleted = fixture.store.delete_thread(DeleteThreadParams::new(source)).await.unwrap();
    let mut kept = deleted.kept;
    kept.sort_unstable();
    let mut wanted = [one, two];
    wanted.sort_unstable();
    // A fork that added nothing is forked at its own base.
    assert!(wanted.iter().all(|wanted| kept.contains(wanted)));
    for _ in 0..2 {
        for id in [one, two, grandchild] {
            assert_eq!(fixture.texts(id).await, ["inherited"]);
        }
        fixture.restart().await;
    }
    // Of a fork that shows nothing of its own another is made: what both inherited is the deleted thread's.
    let late = ThreadId::generate();
    let params = ForkThreadParams::new(two, late).at(ForkPosition::AtOrdinal(2));
    let forked = fixture.store.fork_thread(params).await.unwrap();
    assert_eq!(forked.thread.metadata.preview(), Some("inherited"));
    fixture.restart().await;
    assert_eq!(fixture.texts(late).await, ["inherited"]);
    assert_eq!(fixture.read(late).await.unwrap().metadata.preview(), Some("inherited"));
    fixture.resume(one).await.unwrap();
    fixture.append(one, [user("own")]).await.unwrap();
    fixture.store.shutdown_thread(one.into()).await.unwrap();
    assert_eq!(fixture.texts(one).await, ["inherited", "own"]);
    let of_fork = fork(&fixture, one).await;
    assert_eq!(fixture.texts(of_fork).await, ["inherited", "own"]);
}

async fn what_came_from_a_thread_can_go_with_it_all_or_none(fixture: Fixture) {
    let source = fixture.cold("a").await;
    let child = fork(&fixture, source).await;
    fixture.resume(child).await.unwrap();
    fixture.append(child, [user("b")]).await.unwrap();
    fixture.flush(child).await.unwrap();
    let grandchild = fork(&fixture, child).await;
    let other = fixture.cold("other").await;
    let all = || fixture.store.delete_thread(DeleteThreadParams::new(source).with_descendants());
    assert!(matches!(all().await, Err(ThreadStoreError::Conflict(_, Some(_)))), "a child is live");
    assert_eq!(everything(&fixture).await.len(), 4);
    fixture.store.shutdown_thread(child.into()).await.unwrap();
    let deleted = all().await.unwrap();
    assert_eq!(deleted.deleted[0], source);
    assert_eq!(deleted.deleted.len(), 3);
    assert!(deleted.deleted.contains(&grandchild) && deleted.kept.is_empty());
    assert_eq!(everything(&fixture).await, [other]);
}

async fn what_was_never_stored_cannot_be_deleted(fixture: Fixture) {
    let unknown = DeleteThreadParams::new(ThreadId::generate());
    assert!(is_absent(fixture.store.delete_thread(unknown).await, Absence::Unknown));
    let unused = fixture.create().await;
    assert!(fixture.store.delete_thread(DeleteThreadParams::new(unused)).await.is_err());
    assert!(fixture.store.discard_now(unused));
}

async fn a_thread_in_the_trash_is_out_of_sight_until_it_is_taken_out(mut fixture: Fixture) {
    let (id, archived) = (fixture.cold("one").await, fixture.cold("two").await);
    fixture.store.archive_thread(archived.into()).await.unwrap();
    let trash = async |fixture: &Fixture, id: ThreadId, trashed: bool| {
        let params = UpdateThreadMetadataParams::new(id, MetadataPatch::trash(trashed)).with_archived();
        fixture.store.update_thread_metadata(params).await.unwrap()
    };
    for id in [id, archived] {
        assert!(trash(&fixture, id, true).await.metadata.trashed());
    }
    for _ in 0..2 {
        assert_eq!(fixture.listed(ArchiveFilter::Active).await, []);
        assert_eq!(fixture.listed(ArchiveFilter::Archived).await, []);
        assert_eq!(fixture.listed(ArchiveFilter::Trashed).await.len(), 2);
        assert!(is_invalid(fixture.resume(id).await));
        assert!(is_invalid(fixture.store.read_thread(ReadThreadParams::new(id)).await));
        assert!(fixture.store.read_thread(ReadThreadParams::new(id).with_archived()).await.is_ok());
        fixture.restart().await;
    }
    trash(&fixture, archived, false).await;
    assert_eq!(fixture.listed(ArchiveFilter::Archived).await, [archived], "it is where it was");
    trash(&fixture, id, false).await;
    fixture.store.resume_thread(ResumeThreadParams::new(id)).await.unwrap();
    fixture.append(id, [user("more")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["one", "more"]);
}

/// A thread in the trash, put there by its store's own word.
async fn trashed(fixture: &Fixture, message: &str) -> ThreadId {
    let id = fixture.cold(message).await;
    assert!(fixture.patch(id, MetadataPatch::trash(true)).await.unwrap().metadata.trashed());
    id
}

async fn what_is_added_to_a_thread_in_the_trash_brings_it_back(mut fixture: Fixture) {
    // Somebody goes on with it, knowing where it is.
    let resumed = trashed(&fixture, "one").await;
    fixture.store.resume_thread(ResumeThreadParams::new(resumed).with_archived()).await.unwrap();
    assert!(fixture.read(resumed).await.unwrap().metadata.trashed(), "to resume adds nothing");
    fixture.append(resumed, [user("more")]).await.unwrap();
    fixture.store.shutdown_thread(resumed.into()).await.unwrap();
    // Somebody writes it all the time.
    let live = fixture.create().await;
    fixture.append(live, [user("one")]).await.unwrap();
    fixture.flush(live).await.unwrap();
    assert!(fixture.patch(live, MetadataPatch::trash(true)).await.unwrap().metadata.trashed());
    fixture.append(live, [user("more")]).await.unwrap();
    fixture.store.shutdown_thread(live.into()).await.unwrap();
    // An archived one is where it was.
    let archived = trashed(&fixture, "one").await;
    fixture.store.archive_thread(archived.into()).await.unwrap();
    fixture.store.resume_thread(ResumeThreadParams::new(archived).with_archived()).await.unwrap();
    fixture.append(archived, [user("more")]).await.unwrap();
    fixture.store.shutdown_thread(archived.into()).await.unwrap();
    // What users say, and what came from it, is nothing added to it.
    let left = trashed(&fixture, "one").await;
    fixture.patch(left, MetadataPatch::rename("name")).await.unwrap();
    let forked = ThreadId::generate();
    let mut fork = ForkThreadParams::new(left, forked);
    fork.include_archived = true;
    fixture.store.fork_thread(fork).await.unwrap();
    for _ in 0..2 {
        let mut active = vec![resumed, live, forked];
        active.sort_unstable();
        let mut listed = fixture.listed(ArchiveFilter::Active).await;
        listed.sort_unstable();
        assert_eq!(listed, active);
        assert_eq!(fixture.listed(ArchiveFilter::Archived).await, [archived]);
        assert_eq!(fixture.listed(ArchiveFilter::Trashed).await, [left]);
        assert_eq!(fixture.texts(live).await, ["one", "more"]);
        fixture.restart().await;
    }
    // It can be put there again, and what it has now stays there.
    assert!(fixture.patch(resumed, MetadataPatch::trash(true)).await.unwrap().metadata.trashed());
    assert!(is_invalid(fixture.resume(resumed).await));
}

async fn only_what_is_still_in_the_trash_is_deleted_by_who_empties_it(mut fixture: Fixture) {
    let (stays, grown) = (trashed(&fixture, "stays").await, trashed(&fixture, "grown").await);
    let (restored, never) = (trashed(&fixture, "restored").await, fixture.cold("never").await);
    fixture.patch(restored, MetadataPatch::trash(false)).await.unwrap();
    fixture.store.resume_thread(ResumeThreadParams::new(grown).with_archived()).await.unwrap();
    fixture.append(grown, [user("more")]).await.unwrap();
    fixture.store.shutdown_thread(grown.into()).await.unwrap();
    for _ in 0..2 {
        for id in [restored, grown, never] {
            let refused = fixture.store.delete_thread(DeleteThreadParams::new(id).if_trashed()).await;
            assert!(matches!(refused, Err(ThreadStoreError::Conflict(_, None))), "{refused:?}");
            assert!(fixture.read(id).await.is_ok());
        }
        fixture.restart().await;
    }
    fixture.store.delete_thread(DeleteThreadParams::new(stays).if_trashed()).await.unwrap();
    assert!(is_absent(fixture.patch(stays, MetadataPatch::trash(false)).await, Absence::Unknown));
    assert!(is_absent(
        fixture.store.delete_thread(DeleteThreadParams::new(stays).if_trashed()).await,
        Absence::Unknown
    ));
    assert_eq!(everything(&fixture).await.len(), 3);
}

async fn what_was_not_meant_to_go_with_a_thread_keeps_it(fixture: Fixture) {
    let source = fixture.cold("a").await;
    let shown = fork(&fixture, source).await;
    let later = fork(&fixture, shown).await;
    let refused = fixture.store.delete_thread(DeleteThreadParams::new(source).with_descendants_among([shown])).await;
    assert!(matches!(refused, Err(ThreadStoreError::Conflict(_, None))), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains(&later.to_string()));
    assert_eq!(everything(&fixture).await.len(), 3);
    let among = DeleteThreadParams::new(source).with_descendants_among([shown, later]);
    assert_eq!(fixture.store.delete_thread(among).await.unwrap().deleted.len(), 3);
}

cases! {
    what_is_added_to_a_thread_in_the_trash_brings_it_back
    only_what_is_still_in_the_trash_is_deleted_by_who_empties_it
    what_was_not_meant_to_go_with_a_thread_keeps_it
    a_deleted_thread_is_found_by_nobody_and_its_id_can_be_used_again
    a_live_thread_is_not_deleted_and_the_refusal_names_its_holder
    forks_of_a_deleted_thread_stay_whole
    what_came_from_a_thread_can_go_with_it_all_or_none
    what_was_never_stored_cannot_be_deleted
    a_thread_in_the_trash_is_out_of_sight_until_it_is_taken_out
}
