//! Which threads came from which.

use threadlog::list::{ArchiveFilter, Edges, ListParams, Reach, Relation};
use threadlog::thread::ThreadId;
use threadlog::thread_store::{
    CreateThreadParams, ForkPosition, ForkThreadParams, SessionSource, StoredThread, SubAgentSource,
};

use crate::cases;
use crate::fixture::Fixture;

async fn fork(fixture: &Fixture, source: ThreadId) -> ThreadId {
    let params = ForkThreadParams::new(source, ThreadId::generate()).at(ForkPosition::Whole);
    fixture.store.fork_thread(params).await.unwrap().thread.id()
}

/// A thread that an agent started, to which nobody wrote.
async fn agent(fixture: &Fixture, parent: ThreadId) -> ThreadId {
    let id = ThreadId::generate();
    let mut params = CreateThreadParams::new(id);
    params.source = SessionSource::SubAgent(SubAgentSource::ThreadSpawn {
        parent_thread_id: parent,
        depth: 1,
        agent_path: None,
        agent_nickname: None,
        agent_role: None,
    });
    fixture.store.create_thread(params).await.unwrap();
    fixture.store.persist_thread(id.into()).await.unwrap();
    fixture.store.shutdown_thread(id.into()).await.unwrap();
    id
}

async fn related(fixture: &Fixture, relation: Relation) -> Vec<ThreadId> {
    let mut params = ListParams::default();
    params.relation = Some(relation);
    let page = fixture.list(&params).await;
    assert_eq!(page.total + page.hidden.all(), 6, "every thread is counted once");
    let mut ids: Vec<ThreadId> = page.threads.iter().map(StoredThread::id).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(mut ids: [ThreadId; N]) -> Vec<ThreadId> {
    ids.sort();
    ids.to_vec()
}

async fn children_and_descendants_are_listed_without_their_ancestor(mut fixture: Fixture) {
    let root = fixture.cold("root").await;
    let other = fixture.cold("other").await;
    let forked = fork(&fixture, root).await;
    let helper = agent(&fixture, forked).await;
    let inner = fork(&fixture, helper).await;
    let direct = agent(&fixture, root).await;
    fixture.restart().await;
    let all = Relation::descendants(root);
    assert_eq!(related(&fixture, Relation::children(root)).await, sorted([forked, direct]));
    assert_eq!(related(&fixture, all).await, sorted([forked, helper, inner, direct]));
    assert_eq!(related(&fixture, all.by(Edges::Forks)).await, [forked]);
    assert_eq!(related(&fixture, all.by(Edges::Agents)).await, [direct]);
    assert_eq!(related(&fixture, Relation::descendants(helper)).await, [inner]);
    assert_eq!(related(&fixture, Relation::descendants(other)).await, []);
    assert_eq!(all.reach, Reach::Descendants);
    // The archive is a collection of its own here too.
    fixture.store.archive_thread(inner.into()).await.unwrap();
    assert_eq!(related(&fixture, all).await, sorted([forked, helper, direct]));
    let mut params = ListParams::default();
    (params.relation, params.archived) = (Some(all), ArchiveFilter::Archived);
    assert_eq!(fixture.list(&params).await.threads.iter().map(StoredThread::id).collect::<Vec<_>>(), [inner]);
}

async fn parents_that_are_not_stored_have_their_children(fixture: Fixture) {
    let gone = ThreadId::generate();
    let child = agent(&fixture, gone).await;
    let mut params = ListParams::default();
    params.relation = Some(Relation::descendants(gone));
    let page = fixture.list(&params).await;
    assert_eq!(page.threads.iter().map(StoredThread::id).collect::<Vec<_>>(), [child]);
    assert_eq!(page.threads[0].metadata.parent_thread(), Some(gone.to_string().as_str()));
}

cases! {
    children_and_descendants_are_listed_without_their_ancestor
    parents_that_are_not_stored_have_their_children
}
