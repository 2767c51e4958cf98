//! Searching the threads of this store.

use std::sync::Arc;

use threadlog_engine::number::wide;

use crate::items::StoredItem;
use crate::list::{ListParams, PAGE_SIZE_MAX};
use crate::memory::InMemoryThreadStore;
use crate::memory::thread::Stored;
use crate::search::{Claims, Copies, Raw, Search, SearchParams};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{Absence, Report, Result, StoredThread, ThreadStore, refuse};

const OPERATION: &str = "search";

/// A thread, and those of its items that are found in it.
struct Searched {
    thread: Arc<StoredThread>,
    items: Vec<StoredItem>,
}

impl InMemoryThreadStore {
    pub(super) async fn search_now(&self, params: SearchParams) -> Result<Search> {
        let threads = match params.thread {
            Some(id) => vec![id],
            None => self.listed(params.threads.clone()).await?,
        };
        let searched = self.snapshot(&threads, params.thread)?;
        let (sender, search) = Search::channel();
        sender.counters.planned(wide(searched.len()));
        let work = move || {
            let mut copies = Copies::default();
            for Searched { thread, items } in searched {
                for raw in items.iter().filter_map(|item| Raw::of(item, &params, || Arc::clone(&thread))) {
                    if raw.is_new(&mut copies) && !sender.send(Ok(raw.into_found())) {
                        return;
                    }
                }
                sender.counters.thread_done();
            }
        };
        // It waits for whoever takes the finds.
        let spawned = std::thread::Builder::new().name("threadlog-search".to_owned()).spawn(work);
        spawned.map_err(|error| {
            Report::new(OPERATION, "no thread could be started").because(error).advise("call again").internal()
        })?;
        Ok(search)
    }

    async fn listed(&self, mut params: ListParams) -> Result<Vec<ThreadId>> {
        params.page_size = PAGE_SIZE_MAX;
        let mut threads = Vec::new();
        loop {
            let page = self.list_threads(params.clone()).await?;
            threads.extend(page.threads.iter().map(StoredThread::id));
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                return Ok(threads);
            }
        }
    }

    /// The items as they are now; they share their bytes with the store.
    fn snapshot(&self, ids: &[ThreadId], only: Option<ThreadId>) -> Result<Vec<Searched>> {
        let threads = self.inner.threads.lock();
        let stored = |id: &ThreadId| threads.get(id).and_then(|thread| thread.stored.as_ref());
        let is_there = |key: ThreadKey| stored(&key.thread).is_some_and(|stored| stored.key == key);
        if let Some(id) = only.filter(|id| stored(id).is_none()) {
            let live = threads.contains_key(&id);
            return Err(refuse::absent(OPERATION, id, if live { Absence::NotPersisted } else { Absence::Unknown }));
        }
        let mut claims = Claims::default();
        let searched = ids.iter().filter_map(stored).map(|stored: &Stored| {
            let parts = stored.parts();
            let parts = if only.is_some() { parts.collect() } else { claims.of(stored.key, parts, is_there) };
            let items = parts.into_iter().flat_map(|part| stored.stored_items(part.range)).collect();
            Searched { thread: Arc::new(stored.thread()), items }
        });
        Ok(searched.collect())
    }
}
