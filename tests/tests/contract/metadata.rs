//! What users change of a thread.

use threadlog::list::ArchiveFilter;
use threadlog::metadata::{MemoryMode, MetadataPatch};
use threadlog::policy::HistoryMode;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{Absence, CreateThreadParams, UpdateThreadMetadataParams};

use crate::cases;
use crate::fixture::{Fixture, is_absent, is_invalid, patch, turn_context, user};

async fn a_name_is_set_changed_and_cleared(mut fixture: Fixture) {
    let id = fixture.cold("hello").await;
    let named = fixture.patch(id, MetadataPatch::rename("  first  ")).await.unwrap();
    assert_eq!((named.metadata.name(), named.metadata.title()), (Some("first"), Some("first")));
    assert_eq!(named.metadata.preview(), Some("hello"));
    fixture.patch(id, MetadataPatch::rename("second")).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.read(id).await.unwrap().metadata.name(), Some("second"));
    fixture.patch(id, patch(|patch| patch.name = Some(None))).await.unwrap();
    fixture.restart().await;
    let known = fixture.read(id).await.unwrap().metadata;
    assert_eq!((known.name(), known.title()), (None, Some("hello")));
}

async fn the_latest_change_wins_even_if_the_clock_goes_back(mut fixture: Fixture) {
    let id = fixture.cold("hello").await;
    fixture.at(1000);
    fixture.patch(id, MetadataPatch::rename("before")).await.unwrap();
    fixture.restart().await;
    fixture.at(1);
    fixture.patch(id, MetadataPatch::rename("after")).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.read(id).await.unwrap().metadata.name(), Some("after"));
}

async fn a_patch_that_cannot_be_changes_nothing(fixture: Fixture) {
    let id = fixture.cold("hello").await;
    let before = fixture.read(id).await.unwrap();
    let both = patch(|patch| {
        patch.memory_mode = Some(Some(MemoryMode::Disabled));
        patch.name = Some(Some("  ".to_owned()));
    });
    assert!(is_invalid(fixture.patch(id, both).await));
    assert_eq!(fixture.read(id).await.unwrap(), before);
}

async fn several_fields_change_at_once(mut fixture: Fixture) {
    let id = fixture.cold("hello").await;
    let all = patch(|patch| {
        patch.name = Some(Some("name".to_owned()));
        patch.memory_mode = Some(Some(MemoryMode::Polluted));
        patch.git.branch = Some(Some("dev".to_owned()));
        patch.cwd = Some(Some("/moved".to_owned()));
        patch.model = Some(Some("other".to_owned()));
        patch.model_provider = Some(Some("elsewhere".to_owned()));
        patch.reasoning_effort = Some(Some("low".to_owned()));
        patch.approval_policy = Some(Some("on-request".to_owned()));
        patch.sandbox = Some(Some("danger".to_owned()));
        patch.tags.insert("ci".to_owned(), true);
        patch.pinned = Some(true);
    });
    let changed = fixture.patch(id, all).await.unwrap();
    fixture.restart().await;
    let thread = fixture.read(id).await.unwrap();
    assert_eq!(thread, changed);
    let known = thread.metadata;
    assert_eq!((known.name(), known.memory_mode()), (Some("name"), MemoryMode::Polluted));
    assert_eq!((known.cwd(), known.model()), (Some("/moved"), Some("other")));
    assert_eq!((known.model_provider(), known.reasoning_effort()), (Some("elsewhere"), Some("low")));
    assert_eq!((known.approval_policy(), known.sandbox()), (Some("on-request"), Some("danger")));
    assert_eq!((known.tags().collect::<Vec<_>>(), known.pinned()), (vec!["ci"], true));
    assert_eq!(known.git().unwrap().branch.as_deref(), Some("dev"));
}

async fn git_fields_are_kept_cleared_and_set_one_by_one(fixture: Fixture) {
    let id = fixture.cold("hello").await;
    let first = patch(|patch| {
        patch.git.sha = Some(Some("abc".to_owned()));
        patch.git.branch = Some(Some("main".to_owned()));
        patch.memory_mode = Some(Some(MemoryMode::Disabled));
    });
    fixture.patch(id, first).await.unwrap();
    let second = patch(|patch| {
        patch.git.branch = Some(None);
        patch.git.origin_url = Some(Some("url".to_owned()));
    });
    let known = fixture.patch(id, second).await.unwrap().metadata;
    let git = known.git().unwrap();
    assert_eq!(
        (git.commit_hash.as_deref(), git.branch, git.repository_url.as_deref()),
        (Some("abc"), None, Some("url"))
    );
    assert_eq!(known.memory_mode(), MemoryMode::Disabled, "other fields stay");
}

async fn an_empty_patch_only_reads(fixture: Fixture) {
    let id = fixture.cold("hello").await;
    let before = fixture.read(id).await.unwrap();
    assert_eq!(fixture.patch(id, MetadataPatch::default()).await.unwrap(), before);
    let live = fixture.create().await;
    assert!(is_absent(fixture.patch(live, MetadataPatch::default()).await, Absence::NotPersisted));
    assert!(is_absent(fixture.patch(ThreadId::generate(), MetadataPatch::default()).await, Absence::Unknown));
}

async fn a_change_to_a_thread_that_is_not_there_is_refused(fixture: Fixture) {
    let id = ThreadId::generate();
    assert!(is_absent(fixture.patch(id, MetadataPatch::rename("x")).await, Absence::Unknown));
    assert_eq!(fixture.listed(ArchiveFilter::Active).await, []);
}

async fn a_live_thread_is_renamed_while_items_come_in(mut fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    fixture.append(id, [user("b")]).await.unwrap();
    fixture.patch(id, MetadataPatch::rename("name")).await.unwrap();
    fixture.append(id, [user("c")]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.texts(id).await, ["a", "b", "c"]);
    assert_eq!(fixture.read(id).await.unwrap().metadata.name(), Some("name"));
}

async fn a_change_before_anything_is_stored_stores_the_thread_first(mut fixture: Fixture) {
    let id = ThreadId::generate();
    let mut params = CreateThreadParams::new(id);
    params.history_mode = HistoryMode::Paginated;
    fixture.store.create_thread(params).await.unwrap();
    let changed = patch(|patch| patch.memory_mode = Some(Some(MemoryMode::Disabled)));
    let thread = fixture.patch(id, changed).await.unwrap();
    assert_eq!((thread.metadata.memory_mode(), thread.metadata.history_mode()), (MemoryMode::Disabled, "paginated"));
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    fixture.restart().await;
    assert_eq!(fixture.read(id).await.unwrap(), thread);
    assert_eq!(fixture.items(id).await.unwrap().len(), 1);
}

async fn an_archived_thread_is_changed_only_when_asked_for_and_stays_archived(fixture: Fixture) {
    for live in [false, true] {
        let id = fixture.cold("a").await;
        if live {
            fixture.resume(id).await.unwrap();
        }
        fixture.store.archive_thread(id.into()).await.unwrap();
        let rename = || MetadataPatch::rename("name");
        let refused = UpdateThreadMetadataParams::new(id, rename());
        assert!(is_invalid(fixture.store.update_thread_metadata(refused).await));
        assert_eq!(fixture.read(id).await.unwrap().metadata.name(), None);
        let known = fixture.patch(id, rename()).await.unwrap().metadata;
        assert_eq!((known.name(), known.archived()), (Some("name"), true));
    }
}

async fn what_the_user_set_wins_over_later_items_until_it_is_cleared(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [turn_context("first", "/w")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    fixture.patch(id, patch(|patch| patch.model = Some(Some("mine".to_owned())))).await.unwrap();
    fixture.append(id, [turn_context("second", "/w")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.read(id).await.unwrap().metadata.model(), Some("mine"));
    let cleared = fixture.patch(id, patch(|patch| patch.model = Some(None))).await.unwrap();
    assert_eq!(cleared.metadata.model(), Some("second"));
}

async fn changes_do_not_make_an_old_thread_new(fixture: Fixture) {
    let id = fixture.cold("a").await;
    let before = fixture.read(id).await.unwrap().metadata;
    fixture.at(1000);
    let after = fixture.patch(id, MetadataPatch::rename("name")).await.unwrap().metadata;
    let times =
        |known: &threadlog::metadata::ThreadMetadata| (known.created_ms(), known.updated_ms(), known.recency_ms());
    assert_eq!(times(&after), times(&before));
}

async fn changes_leave_the_items_as_they_are(fixture: Fixture) {
    let id = fixture.cold("a").await;
    let before = fixture.items(id).await.unwrap();
    fixture.patch(id, MetadataPatch::rename("name")).await.unwrap();
    fixture.store.archive_thread(id.into()).await.unwrap();
    fixture.store.unarchive_thread(id.into()).await.unwrap();
    assert_eq!(fixture.items(id).await.unwrap(), before);
}

cases! {
    a_name_is_set_changed_and_cleared
    the_latest_change_wins_even_if_the_clock_goes_back
    a_patch_that_cannot_be_changes_nothing
    several_fields_change_at_once
    git_fields_are_kept_cleared_and_set_one_by_one
    an_empty_patch_only_reads
    a_change_to_a_thread_that_is_not_there_is_refused
    a_live_thread_is_renamed_while_items_come_in
    a_change_before_anything_is_stored_stores_the_thread_first
    an_archived_thread_is_changed_only_when_asked_for_and_stays_archived
    what_the_user_set_wins_over_later_items_until_it_is_cleared
    changes_do_not_make_an_old_thread_new
    changes_leave_the_items_as_they_are
}
