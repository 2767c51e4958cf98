//! Into the archive and back.

use threadlog::list::ArchiveFilter;
use threadlog::thread::ThreadId;
use threadlog::thread_store::Absence;

use crate::cases;
use crate::fixture::{Fixture, is_absent, user};

async fn an_archived_thread_moves_to_the_other_list_and_keeps_all_it_has(mut fixture: Fixture) {
    let (id, other) = (fixture.cold("a").await, fixture.cold("b").await);
    let before = (fixture.items(id).await.unwrap(), fixture.read(id).await.unwrap().metadata);
    fixture.at(500);
    fixture.store.archive_thread(id.into()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(fixture.listed(ArchiveFilter::Archived).await, [id]);
        assert_eq!(fixture.listed(ArchiveFilter::Active).await, [other]);
        let known = fixture.read(id).await.unwrap().metadata;
        assert_eq!(known.archived_ms(), Some(1_700_000_500_000));
        assert_eq!((known.updated_ms(), known.preview()), (before.1.updated_ms(), Some("a")));
        assert_eq!(fixture.items(id).await.unwrap(), before.0);
        fixture.restart().await;
    }
}

async fn unarchive_gives_the_thread_back_as_it_was(mut fixture: Fixture) {
    let id = fixture.cold("a").await;
    let before = fixture.read(id).await.unwrap();
    fixture.at(500);
    fixture.store.archive_thread(id.into()).await.unwrap();
    fixture.restart().await;
    let after = fixture.store.unarchive_thread(id.into()).await.unwrap();
    assert_eq!((after.metadata.archived_ms(), after.metadata.preview()), (None, Some("a")));
    assert_eq!(after.metadata.updated_ms(), before.metadata.updated_ms());
    fixture.restart().await;
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, [id]);
    assert_eq!(fixture.listed(ArchiveFilter::Archived).await, []);
    assert_eq!(fixture.read(id).await.unwrap(), after);
}

async fn archiving_twice_and_unarchiving_twice_change_nothing_more(fixture: Fixture) {
    let id = fixture.cold("a").await;
    let never_archived = fixture.store.unarchive_thread(id.into()).await.unwrap();
    assert_eq!(never_archived, fixture.read(id).await.unwrap());
    fixture.store.archive_thread(id.into()).await.unwrap();
    let archived = fixture.read(id).await.unwrap();
    fixture.at(10);
    fixture.store.archive_thread(id.into()).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap(), archived, "the time of the first counts");
    let back = fixture.store.unarchive_thread(id.into()).await.unwrap();
    assert_eq!(fixture.store.unarchive_thread(id.into()).await.unwrap(), back);
}

async fn a_live_thread_is_archived_and_goes_on(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    fixture.store.archive_thread(id.into()).await.unwrap();
    fixture.append(id, [user("b")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.texts(id).await, ["a", "b"]);
    assert_eq!(fixture.listed(ArchiveFilter::Archived).await, [id]);
    let back = fixture.store.unarchive_thread(id.into()).await.unwrap();
    assert!(!back.metadata.archived());
    fixture.append(id, [user("c")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.texts(id).await, ["a", "b", "c"]);
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, [id]);
}

async fn archiving_a_thread_that_is_not_there_is_refused(fixture: Fixture) {
    let id = ThreadId::generate();
    assert!(is_absent(fixture.store.archive_thread(id.into()).await, Absence::Unknown));
    assert!(is_absent(fixture.store.unarchive_thread(id.into()).await, Absence::Unknown));
}

async fn the_latest_of_archive_and_unarchive_counts(mut fixture: Fixture) {
    let id = fixture.cold("a").await;
    for round in 0..5 {
        fixture.store.archive_thread(id.into()).await.unwrap();
        if round % 2 == 0 {
            fixture.restart().await;
        }
        fixture.store.unarchive_thread(id.into()).await.unwrap();
    }
    fixture.store.archive_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.listed(ArchiveFilter::Archived).await, [id]);
}

cases! {
    an_archived_thread_moves_to_the_other_list_and_keeps_all_it_has
    unarchive_gives_the_thread_back_as_it_was
    archiving_twice_and_unarchiving_twice_change_nothing_more
    a_live_thread_is_archived_and_goes_on
    archiving_a_thread_that_is_not_there_is_refused
    the_latest_of_archive_and_unarchive_counts
}
