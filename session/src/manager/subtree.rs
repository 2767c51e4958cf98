//! The threads that a thread's agents started.

use std::collections::HashSet;

use threadlog::ThreadId;
use threadlog::list::{ArchiveFilter, Direction, Edges, ListParams, PAGE_SIZE_MAX, Relation};

use crate::error::Result;
use crate::manager::Shared;

impl Shared {
    pub(super) async fn subtree(&self, id: ThreadId) -> Result<Vec<ThreadId>> {
        let mut found = Found::default();
        found.add(id);
        for archived in [ArchiveFilter::Active, ArchiveFilter::Archived] {
            self.stored_descendants(id, archived, &mut found).await?;
        }
        // Threads that run may have started others of which nothing is stored yet, and so on.
        let running: Vec<(ThreadId, Option<ThreadId>)> = self
            .registry
            .all()
            .iter()
            .map(|thread| (thread.id(), thread.session_configured().config.parent_thread))
            .collect();
        let mut next = 0;
        while let Some(parent) = found.order.get(next).copied() {
            running.iter().filter(|(_, of)| *of == Some(parent)).for_each(|(child, _)| found.add(*child));
            next += 1;
        }
        Ok(found.order)
    }

    async fn stored_descendants(&self, id: ThreadId, archived: ArchiveFilter, found: &mut Found) -> Result<()> {
        let mut params = ListParams::default();
        params.archived = archived;
        params.relation = Some(Relation::descendants(id).by(Edges::Agents));
        params.include_without_preview = true;
        params.direction = Direction::Ascending;
        params.page_size = PAGE_SIZE_MAX;
        loop {
            let page = self.store.list_threads(params.clone()).await?;
            page.threads.iter().for_each(|thread| found.add(thread.id()));
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// Ids in the order in which they were found, each once.
#[derive(Default)]
struct Found {
    order: Vec<ThreadId>,
    known: HashSet<ThreadId>,
}

impl Found {
    fn add(&mut self, id: ThreadId) {
        if self.known.insert(id) {
            self.order.push(id);
        }
    }
}
