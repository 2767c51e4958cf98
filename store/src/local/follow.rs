//! Following a thread: its items as they become durable, by this process or another.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use threadlog_engine::{Engine, ReadLog, Sequence};

use crate::event::control_channels;
use crate::items::{Items, StoredItem};
use crate::lineage::Lineage;
use crate::local::blocking::blocking;
use crate::local::catalog::Entry;
use crate::local::cold::damaged;
use crate::local::watch::Follower;
use crate::local::{LocalThreadStore, Shared};
use crate::log::Log;
use crate::thread::ThreadKey;
use crate::thread_store::{Absence, FollowFrom, FollowParams, Report, Result, refuse};

const OPERATION: &str = "follow";
/// How many items are read at once.
const ITEMS_AT_ONCE: usize = 256;

/// A thread's items as they come. See [`LocalThreadStore::follow`].
///
/// It keeps the store open as a clone of it does. Dropping it leaves nothing behind.
pub struct Follow {
    /// Goes before what keeps the store alive.
    follower: Follower,
    shared: Arc<Shared>,
    key: ThreadKey,
    lineage: Lineage,
    /// Records from this ordinal on are not being read yet.
    next: u64,
    /// How many control records were there when it was last seen that the thread exists.
    controls: u64,
    ready: VecDeque<Result<StoredItem>>,
    /// Kept here and not by the call that waits for it: a call that is dropped loses nothing.
    reading: Option<Reading>,
}

type Reading = Pin<Box<dyn Future<Output = Result<Chunk>> + Send>>;

/// Items that were read, and where to read on.
struct Chunk {
    items: Vec<crate::Result<StoredItem>>,
    rest: Option<Items>,
}

impl LocalThreadStore {
    /// Follows a thread: gives its items as they become durable, whichever process appends them, and what it inherited
    /// before them if that is asked for. Of a store that is open for writing, or for reading. The thread need not be live.
    ///
    /// Items of this process come as soon as they are durable; those of others within
    /// [`LocalConfig::follow_every`](crate::local::LocalConfig::follow_every) of that. Following makes nobody write or sync.
    ///
    /// *Cost:* what it gives. While nothing comes: one thread for all followers of the store, and some loads from mapped
    /// pages every `follow_every`.
    ///
    /// ```
    /// use threadlog::live::{LiveThread, NewItem};
    /// use threadlog::local::{LocalConfig, LocalThreadStore};
    /// use threadlog::thread::ThreadId;
    /// use threadlog::thread_store::{CreateThreadParams, FollowFrom, FollowParams};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let root = directory.path().join("store");
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let store = LocalThreadStore::open(&root, LocalConfig::default()).await?;
    /// let params = CreateThreadParams::new(ThreadId::generate());
    /// let thread = LiveThread::create(std::sync::Arc::new(store.clone()), params).await?;
    /// thread.persist().await?;
    ///
    /// // Perhaps in another task, or another process.
    /// let mut follow = store.follow(FollowParams::new(thread.id()).from(FollowFrom::Last(1))).await?;
    /// assert_eq!(follow.next().await?.ordinal, 0, "what the session began with");
    ///
    /// let hello = serde_json::json!({"type": "user_message", "message": "Hello"});
    /// thread.append(vec![NewItem::event(&hello)?]).await?;
    /// thread.flush().await?;
    /// assert_eq!(follow.next().await?.ordinal, 1);
    /// # thread.shutdown().await?;
    /// # store.close().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `ThreadNotFound`, also for a live thread of which nothing is stored; `InvalidRequest` if the thread is archived and
    /// [`FollowParams::include_archived`] is not set; `Corrupt` if it cannot be told what the thread inherited.
    pub async fn follow(&self, params: FollowParams) -> Result<Follow> {
        let (shared, id) = (&self.shared, params.thread_id);
        let log = shared.fresh(OPERATION, Some(id)).await?;
        // Before it is seen that the thread exists: what comes after that makes a difference.
        let before =
            shared.entry(OPERATION, &log, id).await?.map(|entry| (entry.key, count_of_controls(log.read(), entry.key)));
        let (entry, _) = shared.readable(OPERATION, id, params.include_archived).await?;
        let key = entry.key;
        let controls = before.filter(|(known, _)| *known == key).map_or(0, |(_, count)| count);
        let start = blocking(OPERATION, move || start(log.read(), &entry, params.from)).await?;
        let (lineage, next) = start.map_err(|error| damaged(OPERATION, id, error))?;
        Ok(Follow {
            follower: Follower::new(&shared.watch),
            shared: Arc::clone(shared),
            key,
            lineage,
            next,
            controls,
            ready: VecDeque::new(),
            reading: None,
        })
    }
}

/// What the thread's history is made of, and the ordinal to begin with.
fn start(log: &dyn ReadLog, entry: &Entry, from: FollowFrom) -> crate::Result<(Lineage, u64)> {
    let lineage = entry.lineage(log)?;
    let end = lineage.end(log);
    let next = match from {
        FollowFrom::End => end,
        FollowFrom::Last(count) => Items::tail_start(log, &lineage, end, count),
        FollowFrom::Ordinal(ordinal) => ordinal,
    };
    Ok((lineage, next))
}

/// How many control records of a life are durable.
fn count_of_controls(log: &dyn ReadLog, key: ThreadKey) -> u64 {
    let count = |channel| log.head(&key.stream(channel)).map_or(0, |head| head.durable_ordinal);
    control_channels(log, key).map(count).fold(0, u64::saturating_add)
}

impl Follow {
    /// The next item, as soon as it is durable; waits until there is one. A call that is dropped before it is done loses
    /// nothing.
    ///
    /// An imported line whose end came with a later import comes in two if its beginning was given already.
    ///
    /// # Errors
    /// `Unavailable` when the store is closed (reopening it in place is no end); `Corrupt` for a damaged item: the next
    /// call goes on behind it; `ThreadNotFound` when the thread is deleted; `Conflict` if another life has taken its place:
    /// follow that one. After any other error the next call tries again.
    pub async fn next(&mut self) -> Result<StoredItem> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            if self.reading.is_some() {
                self.read_on().await?;
                continue;
            }
            // Before it is looked at what there is: what comes after that makes a difference.
            let version = self.shared.watch.version();
            let log = self.log().await?;
            let durable = log.engine().map(Engine::durable_mark);
            self.stands(&log).await?;
            let end = self.lineage.end(log.read());
            if end > self.next {
                let items = Items::of(log.read(), &self.lineage, self.next..end);
                self.next = end;
                self.read(items);
                continue;
            }
            self.wait(version, log, durable).await?;
        }
    }

    /// The log as it is now, with what others made durable.
    async fn log(&self) -> Result<Log> {
        let id = Some(self.key.thread);
        match self.shared.fresh(OPERATION, id).await {
            Err(_) if self.shared.slot.log().is_err() => {
                // Whoever took it away may be opening it anew.
                drop(self.shared.changing.lock().await);
                self.shared.fresh(OPERATION, id).await
            }
            log => log,
        }
    }

    /// Refuses to wait for items of a life that was deleted or superseded.
    async fn stands(&mut self, log: &Log) -> Result<()> {
        let id = self.key.thread;
        let Some(entry) = self.shared.entry(OPERATION, log, id).await? else { return Ok(()) };
        if entry.key != self.key {
            let report = Report::new(OPERATION, "another life of it has taken the place of the one that was followed");
            return Err(report.of(id).advise("follow the thread again").conflict(None));
        }
        let controls = count_of_controls(log.read(), self.key);
        if controls == self.controls {
            return Ok(());
        }
        let (shared, log) = (Arc::clone(&self.shared), log.clone());
        // Whoever made them durable may be about to tell the catalog, and what was folded before would pass for the newest.
        entry.touch();
        let folded = blocking(OPERATION, move || shared.look_well(OPERATION, log.read(), &entry)).await??;
        if folded.is_deleted() {
            return Err(refuse::absent(OPERATION, id, Absence::Unknown));
        }
        self.controls = controls;
        Ok(())
    }

    fn read(&mut self, mut items: Items) {
        self.reading = Some(Box::pin(blocking(OPERATION, move || {
            let read: Vec<_> = items.by_ref().take(ITEMS_AT_ONCE).collect();
            let rest = (read.len() == ITEMS_AT_ONCE).then_some(items);
            Chunk { items: read, rest }
        })));
    }

    async fn read_on(&mut self) -> Result<()> {
        let Some(reading) = &mut self.reading else { return Ok(()) };
        let chunk = reading.await;
        self.reading = None;
        let Chunk { items, rest } = chunk?;
        let id = self.key.thread;
        self.ready.extend(items.into_iter().map(|item| item.map_err(|error| damaged(OPERATION, id, error))));
        if let Some(rest) = rest {
            self.read(rest);
        }
        Ok(())
    }

    /// Waits until there may be something new.
    async fn wait(&self, version: u64, log: Log, durable: Option<Sequence>) -> Result<()> {
        let mut past = log.engine().zip(durable).map(|(engine, durable)| engine.durable_past(durable));
        // Only the store itself keeps its engine open.
        drop(log);
        let failed = |error| {
            let report = Report::new(OPERATION, "no thread could be started that looks for news").of(self.key.thread);
            report.because(error).advise("call again").internal()
        };
        poll_fn(|context| {
            let stored = past.as_mut().is_some_and(|past| Pin::new(past).poll(context).is_ready());
            if stored {
                return Poll::Ready(Ok(()));
            }
            match self.follower.is_past(version, context.waker(), &self.shared) {
                Ok(true) => Poll::Ready(Ok(())),
                Ok(false) => Poll::Pending,
                Err(error) => Poll::Ready(Err(failed(error))),
            }
        })
        .await
    }
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow").field("key", &self.key).field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
