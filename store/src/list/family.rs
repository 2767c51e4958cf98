//! Which threads came from which: forks, and threads that agents started.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::list::ThreadRow;
use crate::thread::ThreadId;

/// How a thread came from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// An agent in that thread started it, to do a part of its work.
    Agent,
    /// It is a fork of that thread.
    Fork,
}

/// Which relations count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edges {
    /// Both.
    #[default]
    All,
    /// Forks.
    Forks,
    /// Threads that agents started.
    Agents,
}

/// How far relations reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// To a thread's children.
    Children,
    /// To them, theirs, and so on.
    #[default]
    Descendants,
}

/// Threads that came from a thread. It is not one of them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relation {
    /// The thread that they came from. It need not be in the store.
    pub of: ThreadId,
    /// How far. Default: to all descendants.
    pub reach: Reach,
    /// By which relations. Default: all.
    pub edges: Edges,
}

impl Relation {
    /// All threads that came from this one, and from those.
    #[must_use]
    pub fn descendants(of: ThreadId) -> Relation {
        Relation { of, reach: Reach::Descendants, edges: Edges::All }
    }

    /// The threads that came from this one directly.
    #[must_use]
    pub fn children(of: ThreadId) -> Relation {
        Relation { reach: Reach::Children, ..Relation::descendants(of) }
    }

    /// The same, by these relations only.
    #[must_use]
    pub fn by(mut self, edges: Edges) -> Relation {
        self.edges = edges;
        self
    }
}

impl Edges {
    fn count(self, edge: Edge) -> bool {
        match self {
            Edges::All => true,
            Edges::Forks => edge == Edge::Fork,
            Edges::Agents => edge == Edge::Agent,
        }
    }
}

/// The relations of many threads. Parents that are not among them are known by what their children say.
///
/// ```
/// use threadlog::list::{Edge, Family, Relation};
/// use threadlog::metadata::ThreadMetadata;
/// use threadlog::thread::ThreadId;
///
/// # let thread = ThreadId::generate();
/// let family = Family::of(&[ThreadMetadata::new(thread)]);
/// assert!(family.parents(thread).is_empty());
/// assert!(family.related(&Relation::descendants(thread)).is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    parents: BTreeMap<ThreadId, Vec<(Edge, ThreadId)>>,
    children: BTreeMap<ThreadId, Vec<(Edge, ThreadId)>>,
}

impl Family {
    /// The relations of these threads.
    pub fn of<'a, R: ThreadRow + 'a>(rows: impl IntoIterator<Item = &'a R>) -> Family {
        let mut family = Family::default();
        for row in rows {
            let thread = row.thread();
            let edges = [(Edge::Agent, row.parent()), (Edge::Fork, row.fork_source())];
            for (edge, parent) in edges {
                if let Some(parent) = parent.filter(|parent| *parent != thread) {
                    family.parents.entry(thread).or_default().push((edge, parent));
                    family.children.entry(parent).or_default().push((edge, thread));
                }
            }
        }
        family
    }

    /// What a thread came from: the thread whose agent started it first, then the one that it is a fork of.
    #[must_use]
    pub fn parents(&self, thread: ThreadId) -> &[(Edge, ThreadId)] {
        self.parents.get(&thread).map_or(&[], Vec::as_slice)
    }

    /// What came from a thread directly. A thread that came from it in both ways is there twice.
    #[must_use]
    pub fn children(&self, thread: ThreadId) -> &[(Edge, ThreadId)] {
        self.children.get(&thread).map_or(&[], Vec::as_slice)
    }

    /// Threads that are a child or a parent of another.
    pub fn related_threads(&self) -> impl Iterator<Item = ThreadId> {
        let all: BTreeSet<ThreadId> = self.parents.keys().chain(self.children.keys()).copied().collect();
        all.into_iter()
    }

    /// The threads of a relation, the nearest first, each once, the thread that they came from left out.
    #[must_use]
    pub fn related(&self, relation: &Relation) -> Vec<ThreadId> {
        let (mut met, mut found) = (BTreeSet::from([relation.of]), Vec::new());
        let mut waiting = VecDeque::from([relation.of]);
        while let Some(thread) = waiting.pop_front() {
            for (edge, child) in self.children(thread) {
                if relation.edges.count(*edge) && met.insert(*child) {
                    found.push(*child);
                    waiting.push_back(*child);
                }
            }
            if relation.reach == Reach::Children {
                break;
            }
        }
        found
    }
}
