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
        self.stored_descendants(id, &mut found).await?;
        // Threads that run may have started others of which nothing is stored yet, and so on.
        let running: Vec<(ThreadId, Option<ThreadId>)> = self
            .registry
            .all()
            .iter()
            .map(|thread| (thread.id(), thread.session_configured().config.parent_thread))
            .collect();
        let mut next = 0;
        while let Some(parent) = found.order.get(next).copied() {
            for (child, _) in running.iter().filter(|(_, of)| *of == Some(parent)) {
                if found.add(*child) {
                    // The store does not know whose it is, so it has not led to what that one started.
                    self.stored_descendants(*child, &mut found).await?;
                }
            }
            next += 1;
        }
        Ok(found.order)
    }

    async fn stored_descendants(&self, id: ThreadId, found: &mut Found) -> Result<()> {
        for archived in [ArchiveFilter::Active, ArchiveFilter::Archived] {
            let mut params = ListParams::default();
            params.archived = archived;
            params.relation = Some(Relation::descendants(id).by(Edges::Agents));
            params.include_without_preview = true;
            params.direction = Direction::Ascending;
            params.page_size = PAGE_SIZE_MAX;
            loop {
                let page = self.store.list_threads(params.clone()).await?;
                for thread in &page.threads {
                    found.add(thread.id());
                }
                params.cursor = page.next_cursor;
                if params.cursor.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Ids in the order in which they were found, each once.
#[derive(Default)]
struct Found {
    order: Vec<ThreadId>,
    known: HashSet<ThreadId>,
}

impl Found {
    /// Adds an id; says whether it was new.
    fn add(&mut self, id: ThreadId) -> bool {
        let new = self.known.insert(id);
        if new {
            self.order.push(id);
        }
        new
    }
}
