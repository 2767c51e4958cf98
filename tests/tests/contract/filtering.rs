//! Filters of lists together, in every order, page by page: what they let through comes once, what they hide is counted.

use threadlog::list::{ArchiveFilter, Direction, Hidden, ListParams, Relation, SortKey, ThreadRow};
use threadlog::metadata::MetadataPatch;
use threadlog::thread::ThreadId;
use threadlog::thread_store::{CreateThreadParams, ForkPosition, ForkThreadParams, SessionSource, StoredThread};

use crate::cases;
use crate::fixture::{Fixture, patch, turn_started, user};

/// A thread of this project with a message, created at this second.
async fn thread(fixture: &Fixture, second: u64, cwd: &str) -> ThreadId {
    fixture.at(second);
    let id = ThreadId::generate();
    let mut params = CreateThreadParams::new(id);
    params.cwd = Some(cwd.to_owned());
    params.model_provider = Some("local".to_owned());
    params.source = SessionSource::Cli;
    fixture.store.create_thread(params).await.unwrap();
    fixture.append(id, [turn_started(), user(&format!("needle {second}"))]).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    id
}

async fn tag(fixture: &Fixture, id: ThreadId, name: &str) {
    let tagged = patch(|patch| patch.tags = [(name.to_owned(), true)].into());
    fixture.patch(id, tagged).await.unwrap();
}

async fn pin(fixture: &Fixture, id: ThreadId) {
    fixture.patch(id, patch(|patch| patch.pinned = Some(true))).await.unwrap();
}

async fn listed(fixture: &Fixture, change: impl FnOnce(&mut ListParams)) -> (Vec<ThreadId>, Hidden) {
    let mut params = ListParams::default();
    change(&mut params);
    let page = fixture.list(&params).await;
    (page.threads.iter().map(StoredThread::id).collect(), page.hidden)
}

async fn lists_filter_by_tags_and_by_the_pin(mut fixture: Fixture) {
    let (a, b, c) = (thread(&fixture, 1, "/w").await, thread(&fixture, 2, "/w").await, thread(&fixture, 3, "/w").await);
    tag(&fixture, a, "one").await;
    tag(&fixture, b, "two").await;
    pin(&fixture, b).await;
    pin(&fixture, c).await;
    fixture.restart().await;
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(&fixture, |params| params.tags = tags(&["one", "two"])).await.0, [b, a]);
    let (found, hidden) = listed(&fixture, |params| params.tags = tags(&["one"])).await;
    assert_eq!((found, hidden.other_tags, hidden.all()), (vec![a], 2, 2));
    let (found, hidden) = listed(&fixture, |params| params.pinned_only = true).await;
    assert_eq!((found, hidden.not_pinned, hidden.all()), (vec![c, b], 1, 1));
    let both = |params: &mut ListParams| (params.tags, params.pinned_only) = (tags(&["one", "two"]), true);
    let (found, hidden) = listed(&fixture, both).await;
    assert_eq!((found, hidden.other_tags, hidden.not_pinned, hidden.several), (vec![b], 1, 1, 0));
    fixture.patch(b, patch(|patch| patch.tags = [("two".to_owned(), false)].into())).await.unwrap();
    assert_eq!(listed(&fixture, |params| params.tags = tags(&["two"])).await.0, []);
}

async fn a_thread_that_does_not_say_where_it_came_from_is_of_unknown_source(fixture: Fixture) {
    fixture.at(1);
    let (known, unknown) = (thread(&fixture, 1, "/w").await, ThreadId::generate());
    let mut params = CreateThreadParams::new(unknown);
    params.source = SessionSource::Unknown;
    fixture.store.create_thread(params).await.unwrap();
    fixture.append(unknown, [user("x")]).await.unwrap();
    fixture.store.shutdown_thread(unknown.into()).await.unwrap();
    let of = async |source: &str| listed(&fixture, |params| params.sources = vec![source.to_owned()]).await.0;
    assert_eq!((of("unknown").await, of("cli").await), (vec![unknown], vec![known]));
}

/// One thread that every filter lets through, and for each filter others that only it hides.
async fn what_each_filter_hides_is_counted_for_it_alone(mut fixture: Fixture) {
    let mut params = ListParams::default();
    let root = thread(&fixture, 1, "/w").await;
    let fork = async |second: u64| {
        fixture.at(second);
        let params = ForkThreadParams::new(root, ThreadId::generate()).at(ForkPosition::Whole);
        let id = fixture.store.fork_thread(params).await.unwrap().thread.id();
        pin(&fixture, id).await;
        tag(&fixture, id, "t").await;
        let mut here = MetadataPatch::rename("a needle");
        here.cwd = Some(Some("/w".to_owned()));
        fixture.patch(id, here).await.unwrap();
        id
    };
    let mut forks = Vec::new();
    for second in 2..9 {
        forks.push(fork(second).await);
    }
    let [hit, archived, elsewhere, elsewhere_too, untagged, unpinned, hay] = forks[..] else { panic!("{forks:?}") };
    fixture.store.archive_thread(archived.into()).await.unwrap();
    for id in [elsewhere, elsewhere_too] {
        fixture.patch(id, patch(|patch| patch.cwd = Some(Some("/other".to_owned())))).await.unwrap();
    }
    fixture.patch(untagged, patch(|patch| patch.tags = [("t".to_owned(), false)].into())).await.unwrap();
    fixture.patch(unpinned, patch(|patch| patch.pinned = Some(false))).await.unwrap();
    fixture.patch(hay, MetadataPatch::rename("hay")).await.unwrap();
    fixture.restart().await;
    params.cwds = Some(vec!["/w".to_owned()]);
    params.tags = vec!["t".to_owned()];
    params.pinned_only = true;
    params.search = Some("A NEEDLE".to_owned());
    params.sources = vec!["cli".to_owned(), "vscode".to_owned()];
    params.relation = Some(Relation::children(root));
    let page = fixture.list(&params).await;
    assert_eq!(page.threads.iter().map(StoredThread::id).collect::<Vec<_>>(), [hit]);
    assert_eq!((page.total, page.total + page.hidden.all()), (1, 8), "every thread is counted once");
    let Hidden { other_collection, other_cwd, other_tags, not_pinned, not_found, several, .. } = page.hidden;
    assert_eq!((other_collection, other_cwd, other_tags, not_pinned, not_found), (1, 2, 1, 1, 1));
    assert_eq!(several, 1, "the thread that they came from");
    // So many more in other projects, and they are there.
    params.cwds = None;
    assert_eq!(fixture.list(&params).await.total, 3);
}

async fn pages_of_filtered_lists_meet_every_thread_once_in_every_order(fixture: Fixture) {
    let mut all = Vec::new();
    for second in [1, 1, 1, 2, 2, 3, 3, 3, 3, 4] {
        for cwd in ["/w", "/other"] {
            all.push(thread(&fixture, second, cwd).await);
        }
    }
    for (number, id) in (0..).zip(&all) {
        // The orders differ, and each has threads of one time.
        fixture.resume(*id).await.unwrap();
        fixture.at(10 + number % 3);
        fixture.append(*id, [user("more")]).await.unwrap();
        if number % 2 == 0 {
            fixture.at(20 + number % 5);
            fixture.append(*id, [turn_started()]).await.unwrap();
        }
        fixture.store.shutdown_thread((*id).into()).await.unwrap();
        if number % 7 == 0 {
            fixture.store.archive_thread((*id).into()).await.unwrap();
        }
    }
    for key in [SortKey::Created, SortKey::Updated, SortKey::Recency] {
        for direction in [Direction::Ascending, Direction::Descending] {
            for archived in [ArchiveFilter::Active, ArchiveFilter::Archived] {
                let mut params = ListParams::default();
                (params.sort_key, params.direction, params.archived) = (key, direction, archived);
                params.cwds = Some(vec!["/w".to_owned()]);
                let whole = fixture.list(&params).await;
                let mut sorted = whole.threads.clone();
                sorted.sort_by_key(|thread| (thread.metadata.time_ms(key), thread.id()));
                if direction == Direction::Descending {
                    sorted.reverse();
                }
                assert_eq!(whole.threads, sorted, "{key} {direction:?}");
                assert!(!sorted.is_empty() && sorted.iter().all(|thread| thread.metadata.cwd() == Some("/w")));
                params.page_size = 3;
                let mut met = Vec::new();
                loop {
                    let page = fixture.list(&params).await;
                    assert_eq!((page.total, page.hidden), (whole.total, whole.hidden));
                    met.extend(page.threads);
                    params.cursor = page.next_cursor;
                    if params.cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(met, sorted, "{key} {direction:?} {archived:?}");
            }
        }
    }
}

cases! {
    lists_filter_by_tags_and_by_the_pin
    a_thread_that_does_not_say_where_it_came_from_is_of_unknown_source
    what_each_filter_hides_is_counted_for_it_alone
    pages_of_filtered_lists_meet_every_thread_once_in_every_order
}
