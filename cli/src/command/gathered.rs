//! What `rm`, `trash` and `prune` know of all threads before anything is done: read without a lock.

use std::collections::BTreeMap;

use serde::Serialize;
use threadlog::list::{ArchiveFilter, Family, Relation};
use threadlog::metadata::ThreadMetadata;
use threadlog::{Store, ThreadId, ThreadSummary};

use crate::command::change::called;
use crate::failure::Failure;
use crate::output::style::{STRONG, paint};
use crate::threads;

/// All threads: those in the lists, archived ones, and those in the trash.
pub struct Gathered {
    threads: BTreeMap<ThreadId, ThreadMetadata>,
    family: Family,
}

/// A thread in a record: what it is called, if anything.
#[derive(Serialize)]
pub struct Named<'a> {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
}

impl Gathered {
    /// Reads the metadata of all threads.
    pub fn of(store: &Store) -> Result<Gathered, Failure> {
        let collections = [ArchiveFilter::Active, ArchiveFilter::Archived, ArchiveFilter::Trashed];
        let threads = threads::within(store, &collections)?;
        Ok(Gathered { family: Family::of(threads.values()), threads })
    }

    /// What is known of a thread.
    pub fn get(&self, thread: ThreadId) -> Option<&ThreadMetadata> {
        self.threads.get(&thread)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ThreadMetadata> {
        self.threads.values()
    }

    /// Those in the trash.
    pub fn trashed(&self) -> Vec<ThreadId> {
        self.threads.values().filter(|metadata| metadata.trashed()).map(ThreadMetadata::thread).collect()
    }

    /// Stored threads that came from this one, as far as the relation reaches, the nearest first.
    pub fn related(&self, relation: &Relation) -> Vec<ThreadId> {
        let mut related = self.family.related(relation);
        related.retain(|thread| self.threads.contains_key(thread));
        related
    }

    /// A thread in a line for people.
    pub fn called(&self, thread: ThreadId) -> String {
        self.get(thread).map_or_else(|| paint(STRONG, thread), called)
    }

    /// A thread in a record for programs.
    pub fn named(&self, thread: ThreadId) -> Named<'_> {
        let title = self.get(thread).and_then(|metadata| metadata.title().or_else(|| metadata.preview()));
        Named { id: thread.to_string(), title }
    }
}

/// Bytes of a thread's own lines, in all its revisions.
pub fn bytes(summary: &ThreadSummary) -> u64 {
    let lives = summary.others.iter().chain([&summary.current]);
    lives.fold(0, |sum, life| sum.saturating_add(life.facts.totals().bytes))
}
