//! Files that hold a copy of another thread's items: how many of their token counts are that thread's.
//!
//! A file that was imported before its source, or without it, or that copies a copy, is stored as a whole. Its first line says
//! that it was forked; the first lines of those whose items it holds follow behind it. As the agent's count goes on from the
//! source's, the copied counts are the beginning that both have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use threadlog_engine::ReadLog;
use threadlog_engine::sealed::SealedCache;

use crate::event::Events;
use crate::item::Kind;
use crate::item::typed::{EventMsg, TokenCount, Typed};
use crate::items::Items;
use crate::lineage::Lineage;
use crate::store::Store;
use crate::thread::{ThreadId, ThreadKey};

/// The counts in a history, and whose first lines are among its items.
#[derive(Default)]
struct Counted {
    counts: Vec<TokenCount>,
    sessions: BTreeSet<ThreadId>,
}

/// Whether a life that inherited nothing says that it was forked.
pub(crate) fn says_forked(log: &dyn ReadLog, key: ThreadKey) -> bool {
    let first = Items::within(log, key, 0..1).next();
    first.is_some_and(
        |item| matches!(item.map(|item| item.item.typed()), Ok(Typed::SessionMeta(meta)) if meta.forked_from.is_some()),
    )
}

/// Of each of these lives, which say that they were forked, how many of its counts stand in the thread that they were copied
/// from; or, if that is not in the store, in another of these lives that comes before it. *Cost:* reads them and those
/// threads once more, and keeps their counts in memory.
pub(crate) fn copied(store: &Store, lives: &[ThreadKey]) -> BTreeMap<ThreadKey, usize> {
    let log = store.log();
    let copies: Vec<(ThreadKey, Counted)> = lives.iter().map(|key| (*key, Counted::of(log, *key))).collect();
    let named: BTreeSet<ThreadId> = copies.iter().flat_map(|(_, counted)| counted.sessions.iter().copied()).collect();
    let named: Vec<ThreadId> = named.into_iter().collect();
    let sources: BTreeMap<ThreadId, Counted> = store
        .threads_of(&named)
        .into_iter()
        .map(|source| (source.thread, Counted::of(log, source.current.key)))
        .collect();
    let mut found = BTreeMap::new();
    for (at, (key, counted)) in copies.iter().enumerate() {
        let there = counted.sessions.iter().filter_map(|id| sources.get(id));
        let before = copies.iter().take(at).map(|(_, other)| other);
        let siblings = before.filter(|other| !other.sessions.is_disjoint(&counted.sessions));
        let shared = there.chain(siblings).map(|other| counted.shared(other)).max().unwrap_or(0);
        if shared > 0 {
            found.insert(*key, shared);
        }
    }
    found
}

impl Counted {
    fn of(log: &dyn ReadLog, key: ThreadKey) -> Counted {
        let mut counted = Counted::default();
        let Ok(lineage) = Lineage::of(log, key) else { return counted };
        let screen = Arc::new(Events { event: "token_count", kind: Some(Kind::SessionMeta) });
        for part in lineage.parts(0..lineage.end(log)) {
            // What is lost is counted by whoever sums.
            for item in Items::screened(log, &part, screen.clone(), SealedCache::new()).flatten() {
                match item.item.typed() {
                    Typed::Event(EventMsg::TokenCount(count)) if count.known => counted.counts.push(count),
                    Typed::SessionMeta(meta) => {
                        counted.sessions.extend(meta.id.and_then(|id| id.parse::<ThreadId>().ok()))
                    }
                    _ => {}
                }
            }
        }
        counted.sessions.remove(&key.thread);
        counted
    }

    /// How many counts both begin with.
    fn shared(&self, other: &Counted) -> usize {
        self.counts.iter().zip(&other.counts).take_while(|(one, other)| one == other).count()
    }
}
