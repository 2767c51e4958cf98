//! Turns and items page by page.

use std::ops::Range;
use std::sync::Arc;

use threadlog_engine::ReadLog;
use threadlog_engine::sealed::SealedCache;

use crate::backwards::Backwards;
use crate::context::{self, History};
use crate::event::Events;
use crate::items::{Items, StoredItem};
use crate::lineage::Lineage;
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::cold::damaged;
use crate::thread::ThreadId;
use crate::thread_store::{ItemPage, ListItemsParams, ListTurnsParams, Result, TurnPage};

/// A life's durable items.
struct InLog<'a> {
    log: &'a dyn ReadLog,
    lineage: &'a Lineage,
}

impl Shared {
    pub(super) async fn list_items(self: &Arc<Self>, params: ListItemsParams) -> Result<ItemPage> {
        const OPERATION: &str = "list_items";
        params.check(OPERATION)?;
        let (id, archived) = (params.thread_id, params.include_archived);
        self.paged(OPERATION, id, archived, move |history| context::items(history, &params)).await
    }

    pub(super) async fn list_turns(self: &Arc<Self>, params: ListTurnsParams) -> Result<TurnPage> {
        const OPERATION: &str = "list_turns";
        params.check(OPERATION)?;
        let (id, archived) = (params.thread_id, params.include_archived);
        self.paged(OPERATION, id, archived, move |history| context::turn_page(history, &params)).await
    }

    async fn paged<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        id: ThreadId,
        include_archived: bool,
        page: impl FnOnce(&dyn History) -> crate::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (entry, _) = self.readable(operation, id, include_archived).await?;
        let log = self.log(operation, Some(id))?;
        let read = move || {
            let log = log.read();
            page(&InLog { log, lineage: &entry.lineage(log)? })
        };
        blocking(operation, read).await?.map_err(|error| damaged(operation, id, error))
    }
}

impl History for InLog<'_> {
    fn end(&self) -> u64 {
        self.lineage.end(self.log)
    }

    fn forwards(&self, from: u64) -> Box<dyn Iterator<Item = crate::Result<StoredItem>> + '_> {
        Box::new(Items::of(self.log, self.lineage, from..u64::MAX))
    }

    fn backwards(&self, end: u64) -> Box<dyn Iterator<Item = crate::Result<StoredItem>> + '_> {
        Box::new(Backwards::new(self.log, self.lineage, end))
    }

    fn has_rollback(&self, range: Range<u64>) -> crate::Result<bool> {
        let screen = Arc::new(Events { event: "thread_rolled_back", kind: None });
        let mut cache = SealedCache::new();
        for part in self.lineage.parts(range) {
            let mut items = Items::screened(self.log, &part, screen.clone(), cache);
            for item in &mut items {
                if context::is_rollback(&item?) {
                    return Ok(true);
                }
            }
            cache = items.into_cache();
        }
        Ok(false)
    }
}
