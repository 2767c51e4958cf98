//! Sizes and origins of threads, as lists show them.

use threadlog_engine::ReadLog;
use threadlog_engine::sealed::SealedCache;

use crate::local::blocking::blocking;
use crate::local::{LocalThreadStore, Shared};
use crate::summary::{self, Revision, ThreadSummary};
use crate::thread::ThreadId;
use crate::thread_store::Result;

impl LocalThreadStore {
    /// What is known of threads besides their metadata: lines, bytes, where they came from, how many revisions there are.
    /// One that is not there is left out; the others come in this order.
    ///
    /// *Cost:* nothing is read of a thread that the catalog knows, unless it has several revisions, or the log is damaged.
    ///
    /// # Errors
    /// `Unavailable` if the store is closed.
    pub async fn summaries(&self, threads: &[ThreadId]) -> Result<Vec<ThreadSummary>> {
        const OPERATION: &str = "summaries";
        let log = self.shared.fresh(OPERATION, None).await?;
        let (shared, threads) = (std::sync::Arc::clone(&self.shared), threads.to_vec());
        blocking(OPERATION, move || {
            let log = log.read();
            let is_damaged = !log.damage().is_empty();
            let mut cache = SealedCache::new();
            let summaries = threads.into_iter().filter_map(|thread| {
                let known = if is_damaged { None } else { shared.summary(log, thread, &mut cache) };
                known.or_else(|| summary::threads_of(log, &[thread]).pop())
            });
            summaries.collect()
        })
        .await
    }
}

impl Shared {
    /// A thread of one life. Blocks on the disk.
    fn summary(&self, log: &dyn ReadLog, thread: ThreadId, cache: &mut SealedCache) -> Option<ThreadSummary> {
        let entry = self.catalog.get(log, thread)?;
        let [_] = log.incarnations(thread.uuid().as_bytes())[..] else { return None };
        let folded = match entry.known() {
            Some(folded) => folded,
            None => entry.look_reusing(log, &self.clock, cache).0,
        };
        let facts = folded.exists().then(|| folded.facts.clone())?;
        let current = Revision { key: entry.key, number: 1, facts, lost_records: folded.lost };
        Some(ThreadSummary { thread, current, others: Vec::new() })
    }
}
