//! Searching the threads of this store.

use std::sync::Arc;

use threadlog_engine::ReadLog;

use crate::list::{ListParams, PAGE_SIZE_MAX};
use crate::local::Shared;
use crate::log::Log;
use crate::metadata::ThreadMetadata;
use crate::search::{Plan, Planned, Search, SearchParams, Source, run};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{Report, Result, StoredThread};

const OPERATION: &str = "search";

/// The log of one search, and what is known of its threads.
struct Searched {
    shared: Arc<Shared>,
    log: Log,
}

impl Shared {
    /// Begins a search.
    pub(super) async fn search(self: &Arc<Self>, params: SearchParams) -> Result<Search> {
        let planned = match params.thread {
            Some(id) => self.planned_one(id).await?,
            None => self.planned(params.threads.clone()).await?,
        };
        let log = self.log(OPERATION, params.thread)?;
        let (sender, search) = Search::channel();
        sender.counters.planned(threadlog_engine::number::wide(planned.len()));
        let plan = Plan::new(planned, params.thread.is_some());
        let searched = Searched { shared: Arc::clone(self), log };
        let work = move || run(&searched, plan, &params, &sender);
        // Not one of the runtime's threads: it waits for whoever takes the finds.
        let spawned = std::thread::Builder::new().name("threadlog-search".to_owned()).spawn(work);
        spawned.map_err(|error| {
            Report::new(OPERATION, "no thread could be started").because(error).advise("call again").internal()
        })?;
        Ok(search)
    }

    async fn planned_one(self: &Arc<Self>, id: ThreadId) -> Result<Vec<Planned>> {
        let (entry, folded) = self.stored(OPERATION, id).await?;
        Ok(vec![Planned { key: entry.key, is_fork: folded.metadata.inherited().is_some() }])
    }

    /// The threads of a list, all of it.
    async fn planned(self: &Arc<Self>, mut params: ListParams) -> Result<Vec<Planned>> {
        params.page_size = PAGE_SIZE_MAX;
        let mut planned = Vec::new();
        loop {
            let page = self.list(params.clone()).await?;
            let plan = |StoredThread { key, metadata, .. }: StoredThread| Planned {
                key,
                is_fork: metadata.inherited().is_some(),
            };
            planned.extend(page.threads.into_iter().map(plan));
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                return Ok(planned);
            }
        }
    }
}

impl Source for Searched {
    fn log(&self) -> &dyn ReadLog {
        self.log.read()
    }

    fn is_there(&self, key: ThreadKey) -> bool {
        let Some(entry) = self.shared.catalog.get(self.log.read(), key.thread).filter(|entry| entry.key == key) else {
            return false;
        };
        let folded = entry.last_known().unwrap_or_else(|| entry.look(self.log.read(), &self.shared.clock).0);
        folded.exists()
    }

    fn thread(&self, key: ThreadKey) -> StoredThread {
        let known = self.shared.catalog.get(self.log.read(), key.thread).filter(|entry| entry.key == key);
        let folded =
            known.map(|entry| entry.last_known().unwrap_or_else(|| entry.look(self.log.read(), &self.shared.clock).0));
        let metadata = folded.map_or_else(|| ThreadMetadata::new(key.thread), |folded| folded.metadata.clone());
        StoredThread::new(key, metadata)
    }
}
