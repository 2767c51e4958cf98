//! Lists of threads.

use threadlog::list::{ArchiveFilter, Direction, ListPage, ListParams, PAGE_SIZE_MAX, SortKey};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{CreateThreadParams, SessionSource, StoredThread, SubAgentSource, ThreadStoreError};

use crate::cases;
use crate::fixture::{Fixture, agent, patch, turn_started, user};

fn params(change: impl FnOnce(&mut ListParams)) -> ListParams {
    let mut params = ListParams::default();
    change(&mut params);
    params
}

fn ids(page: &ListPage<StoredThread>) -> Vec<ThreadId> {
    page.threads.iter().map(StoredThread::id).collect()
}

/// A thread with a user message, created at this second.
async fn thread(fixture: &Fixture, second: u64, change: impl FnOnce(&mut CreateThreadParams)) -> ThreadId {
    fixture.at(second);
    let mut params = CreateThreadParams::new(ThreadId::generate());
    change(&mut params);
    let id = params.thread_id;
    fixture.store.create_thread(params).await.unwrap();
    fixture.append(id, [user(&format!("message {second}"))]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    id
}

async fn an_empty_store_lists_nothing(fixture: Fixture) {
    let page = fixture.list(&ListParams::default()).await;
    assert_eq!((page.threads.len(), page.total, page.next_cursor), (0, 0, None));
}

async fn a_list_shows_what_reading_each_thread_shows(mut fixture: Fixture) {
    let (a, b) = (thread(&fixture, 1, |_| {}).await, thread(&fixture, 2, |_| {}).await);
    fixture.patch(a, MetadataPatch::rename("named")).await.unwrap();
    for _ in 0..2 {
        let page = fixture.list(&ListParams::default()).await;
        assert_eq!(page.threads, [fixture.read(b).await.unwrap(), fixture.read(a).await.unwrap()]);
        assert_eq!((page.total, page.next_cursor), (2, None), "no cursor on a single page");
        fixture.restart().await;
    }
}

async fn lists_sort_by_creation_update_and_recency_in_both_directions(fixture: Fixture) {
    let (a, b, c) =
        (thread(&fixture, 1, |_| {}).await, thread(&fixture, 2, |_| {}).await, thread(&fixture, 3, |_| {}).await);
    for (id, second, item) in [(b, 10, turn_started()), (a, 20, agent("x"))] {
        fixture.resume(id).await.unwrap();
        fixture.at(second);
        fixture.append(id, [item]).await.unwrap();
        fixture.store.shutdown_thread(id.into()).await.unwrap();
    }
    let by = async |key, direction| {
        ids(&fixture.list(&params(|params| (params.sort_key, params.direction) = (key, direction))).await)
    };
    for (key, mut expected) in
        [(SortKey::Created, [c, b, a]), (SortKey::Updated, [a, b, c]), (SortKey::Recency, [b, c, a])]
    {
        assert_eq!(by(key, Direction::Descending).await, expected, "{key}");
        expected.reverse();
        assert_eq!(by(key, Direction::Ascending).await, expected, "{key}");
    }
}

async fn pages_meet_every_thread_once_ties_included(fixture: Fixture) {
    let mut all = Vec::new();
    for second in [1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 4] {
        all.push((second, thread(&fixture, second, |_| {}).await));
    }
    all.sort_unstable();
    for direction in [Direction::Ascending, Direction::Descending] {
        for size in [1, 2, 5, 12, 50] {
            let mut params = params(|params| (params.page_size, params.direction) = (size, direction));
            let mut met = Vec::new();
            loop {
                let page = fixture.list(&params).await;
                assert_eq!(page.total, 12, "the total is that of the list, not of the page");
                met.extend(ids(&page));
                params.cursor = page.next_cursor;
                if params.cursor.is_none() {
                    break;
                }
            }
            let mut expected: Vec<ThreadId> = all.iter().map(|(_, id)| *id).collect();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(met, expected, "{size} {direction:?}");
        }
    }
}

async fn a_cursor_survives_a_restart_and_threads_that_come_in_between(mut fixture: Fixture) {
    let mut all = Vec::new();
    for second in 1..=6 {
        all.push(thread(&fixture, second, |_| {}).await);
    }
    let mut params = params(|params| params.page_size = 3);
    let first = fixture.list(&params).await;
    fixture.restart().await;
    thread(&fixture, 7, |_| {}).await;
    params.cursor = Some(first.next_cursor.unwrap().to_string().parse().unwrap());
    let second = fixture.list(&params).await;
    all.reverse();
    assert_eq!([ids(&first), ids(&second)].concat(), all);
}

async fn the_way_back_finds_what_was_added_since(fixture: Fixture) {
    let old = thread(&fixture, 1, |_| {}).await;
    let seen = thread(&fixture, 2, |_| {}).await;
    let first = fixture.list(&ListParams::default()).await;
    let new = thread(&fixture, 3, |_| {}).await;
    let back = params(|params| {
        params.direction = Direction::Ascending;
        params.cursor = first.backwards_cursor;
    });
    let since = ids(&fixture.list(&back).await);
    assert_eq!(since, [seen, new]);
    assert!(!since.contains(&old));
}

async fn a_page_that_cannot_be_is_refused(fixture: Fixture) {
    thread(&fixture, 1, |_| {}).await;
    thread(&fixture, 2, |_| {}).await;
    let refused = async |params: ListParams| {
        matches!(fixture.store.list_threads(params).await, Err(ThreadStoreError::InvalidRequest(_)))
    };
    assert!(refused(params(|params| params.page_size = 0)).await);
    assert!(refused(params(|params| params.page_size = PAGE_SIZE_MAX + 1)).await);
    let cursor = fixture.list(&params(|params| params.page_size = 1)).await.next_cursor;
    assert!(cursor.is_some());
    let other = params(|params| (params.sort_key, params.cursor) = (SortKey::Updated, cursor));
    assert!(refused(other).await, "a cursor of another order");
    assert!("2026-02-04T20:29:45Z".parse::<threadlog::list::Cursor>().is_err());
}

async fn a_list_shows_the_active_or_the_archived_threads_never_both(fixture: Fixture) {
    let (a, b) = (thread(&fixture, 1, |_| {}).await, thread(&fixture, 2, |_| {}).await);
    fixture.store.archive_thread(a.into()).await.unwrap();
    let active = fixture.list(&ListParams::default()).await;
    assert_eq!((ids(&active), active.total, active.hidden.other_collection), (vec![b], 1, 1));
    let archived = fixture.list(&params(|params| params.archived = ArchiveFilter::Archived)).await;
    assert_eq!((ids(&archived), archived.total), (vec![a], 1));
}

async fn threads_that_nobody_wrote_to_are_listed_when_asked_for(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.store.persist_thread(id.into()).await.unwrap();
    let page = fixture.list(&ListParams::default()).await;
    assert_eq!((page.total, page.hidden.without_preview), (0, 1), "left out, and said so");
    assert_eq!(ids(&fixture.list(&params(|params| params.include_without_preview = true)).await), [id]);
}

async fn lists_filter_by_source(fixture: Fixture) {
    let cli = thread(&fixture, 1, |params| params.source = SessionSource::Cli).await;
    let review = thread(&fixture, 2, |params| params.source = SessionSource::SubAgent(SubAgentSource::Review)).await;
    let compact = thread(&fixture, 3, |params| params.source = SessionSource::SubAgent(SubAgentSource::Compact)).await;
    let of = async |sources: &[&str]| {
        let sources = sources.iter().map(|source| source.to_string()).collect();
        ids(&fixture.list(&params(|params| params.sources = sources)).await)
    };
    assert_eq!(of(&[]).await, [compact, review, cli]);
    assert_eq!(of(&["cli"]).await, [cli]);
    assert_eq!(of(&["subagent"]).await, [compact, review]);
    assert_eq!(of(&["subagent:review", "cli"]).await, [review, cli]);
    assert_eq!(of(&["exec"]).await, []);
}

async fn lists_filter_by_provider_and_a_thread_without_one_counts_as_the_default(fixture: Fixture) {
    let silent = thread(&fixture, 1, |_| {}).await;
    let openai = thread(&fixture, 2, |params| params.model_provider = Some("openai".to_owned())).await;
    let of = async |wanted: Option<&[&str]>, default: Option<&str>| {
        let wanted = wanted.map(|wanted| wanted.iter().map(|name| name.to_string()).collect());
        let default = default.map(str::to_owned);
        let params = params(|params| (params.model_providers, params.default_provider) = (wanted, default));
        ids(&fixture.list(&params).await)
    };
    assert_eq!(of(None, None).await, [openai, silent]);
    assert_eq!(of(Some(&["openai"]), None).await, [openai]);
    assert_eq!(of(Some(&["openai"]), Some("openai")).await, [openai, silent]);
    assert_eq!(of(Some(&["local"]), Some("local")).await, [silent]);
    assert_eq!(of(Some(&[]), None).await, []);
}

async fn lists_filter_by_working_directory(fixture: Fixture) {
    let a = thread(&fixture, 1, |params| params.cwd = Some("/w/a".to_owned())).await;
    let b = thread(&fixture, 2, |params| params.cwd = Some("/w/b/".to_owned())).await;
    let of = async |wanted: Option<&[&str]>| {
        let wanted = wanted.map(|wanted| wanted.iter().map(|name| name.to_string()).collect());
        ids(&fixture.list(&params(|params| params.cwds = wanted)).await)
    };
    assert_eq!(of(None).await, [b, a]);
    assert_eq!(of(Some(&["/w/a/"])).await, [a]);
    assert_eq!(of(Some(&["/w/b", "/w/a"])).await, [b, a]);
    assert_eq!(of(Some(&["/w"])).await, []);
    assert_eq!(of(Some(&[])).await, []);
    fixture.patch(a, patch(|patch| patch.cwd = Some(Some("/w/b".to_owned())))).await.unwrap();
    assert_eq!(of(Some(&["/w/b"])).await, [b, a], "linked to another project");
}

async fn lists_search_in_names_and_messages(mut fixture: Fixture) {
    let (a, b) = (thread(&fixture, 1, |_| {}).await, thread(&fixture, 2, |_| {}).await);
    fixture.patch(a, MetadataPatch::rename("Fix the Build")).await.unwrap();
    fixture.restart().await;
    let of = async |text: &str| ids(&fixture.list(&params(|params| params.search = Some(text.to_owned()))).await);
    assert_eq!(of("build").await, [a]);
    assert_eq!(of("message 2").await, [b]);
    assert_eq!(of("message").await, [b, a]);
    assert_eq!(of("elsewhere").await, []);
}

async fn a_list_follows_a_live_thread(fixture: Fixture) {
    let id = fixture.create().await;
    fixture.append(id, [user("a")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    assert_eq!(fixture.list(&ListParams::default()).await.threads[0].metadata.items(), 2);
    fixture.at(9);
    fixture.append(id, [agent("b")]).await.unwrap();
    fixture.flush(id).await.unwrap();
    let known = &fixture.list(&ListParams::default()).await.threads[0].metadata;
    assert_eq!((known.items(), known.updated_ms()), (3, 1_700_000_009_000));
}

cases! {
    an_empty_store_lists_nothing
    a_list_shows_what_reading_each_thread_shows
    lists_sort_by_creation_update_and_recency_in_both_directions
    pages_meet_every_thread_once_ties_included
    a_cursor_survives_a_restart_and_threads_that_come_in_between
    the_way_back_finds_what_was_added_since
    a_page_that_cannot_be_is_refused
    a_list_shows_the_active_or_the_archived_threads_never_both
    threads_that_nobody_wrote_to_are_listed_when_asked_for
    lists_filter_by_source
    lists_filter_by_provider_and_a_thread_without_one_counts_as_the_default
    lists_filter_by_working_directory
    lists_search_in_names_and_messages
    a_list_follows_a_live_thread
}
