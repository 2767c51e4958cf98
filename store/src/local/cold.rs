//! Reading, listing and changing threads, live or cold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use threadlog_engine::seeded::{Bug, bug};
use threadlog_engine::{Batch, Engine, Error as EngineError, ReadLog};

use crate::error::Error;
use crate::event::{Control, has_records};
use crate::fold::Folded;
use crate::items::Items;
use crate::list::{self, Family, ListPage, ListParams, Relation};
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::catalog::Entry;
use crate::local::error::{from_engine, from_shut};
use crate::local::lives::HeldLife;
use crate::local::sending::push_control;
use crate::log::Log;
use crate::metadata::{MetadataPatch, ThreadMetadata};
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{
    Absence, HistoryRange, Report, Result, StoredHistory, StoredThread, ThreadStoreError, refuse,
};
use crate::workers;

/// How many threads a list looks at before it lets go of the catalog for a moment.
const ENTRIES_AT_ONCE: usize = 4096;

impl Shared {
    /// The log that is open now, for reading.
    pub(super) fn log(&self, operation: &'static str, id: Option<ThreadId>) -> Result<Log> {
        self.slot.log().map_err(|shut| from_shut(operation, id, shut))
    }

    /// A thread of which something is stored, and what that adds up to.
    pub(super) async fn stored(
        self: &Arc<Self>,
        operation: &'static str,
        id: ThreadId,
    ) -> Result<(Arc<Entry>, Arc<Folded>)> {
        let absent = || {
            let live = self.live.find(id).is_some();
            refuse::absent(operation, id, if live { Absence::NotPersisted } else { Absence::Unknown })
        };
        let log = self.fresh(operation, Some(id)).await?;
        let entry = self.catalog.get(id).ok_or_else(absent)?;
        let folded = match entry.known() {
            Some(folded) => folded,
            None => {
                let (shared, entry) = (Arc::clone(self), Arc::clone(&entry));
                blocking(operation, move || shared.look_well(operation, log.read(), &entry)).await??
            }
        };
        if folded.exists() { Ok((entry, folded)) } else { Err(absent()) }
    }

    /// What the durable records of a thread add up to now. Blocks on the disk.
    ///
    /// # Errors
    /// If the system refuses to give one of them.
    pub(super) fn look_well(&self, operation: &'static str, log: &dyn ReadLog, entry: &Entry) -> Result<Arc<Folded>> {
        match entry.look(log, &self.clock) {
            (_, Some(refused)) => Err(from_engine(operation, Some(entry.key.thread), refused)),
            (folded, None) => Ok(folded),
        }
    }

    /// Whether a thread of this id is in the log, durable or not, and was not deleted.
    pub(super) async fn is_taken(
        self: &Arc<Self>,
        operation: &'static str,
        engine: &Engine,
        id: ThreadId,
    ) -> Result<bool> {
        let Some(entry) = self.catalog.get(id).filter(|entry| has_records(engine, entry.key)) else {
            return Ok(false);
        };
        let (shared, engine) = (Arc::clone(self), engine.clone());
        blocking(operation, move || shared.look_well(operation, &engine, &entry).map(|folded| !folded.is_deleted()))
            .await?
    }

    /// As [`Shared::stored`], refusing an archived thread to whoever did not ask for one.
    pub(super) async fn readable(
        self: &Arc<Self>,
        operation: &'static str,
        id: ThreadId,
        include_archived: bool,
    ) -> Result<(Arc<Entry>, Arc<Folded>)> {
        let (entry, folded) = self.stored(operation, id).await?;
        refuse::unless_included(operation, id, &folded.metadata, include_archived)?;
        Ok((entry, folded))
    }

    /// Items of a thread.
    pub(super) async fn history(
        self: &Arc<Self>,
        operation: &'static str,
        entry: Arc<Entry>,
        range: HistoryRange,
    ) -> Result<StoredHistory> {
        let log = self.log(operation, Some(entry.key.thread))?;
        blocking(operation, move || read(log.read(), operation, &entry, range)).await?
    }

    /// A page of threads.
    pub(super) async fn list(self: &Arc<Self>, params: ListParams) -> Result<ListPage<StoredThread>> {
        const OPERATION: &str = "list_threads";
        let log = self.fresh(OPERATION, None).await?;
        let shared = Arc::clone(self);
        // On a blocking thread even if nothing needs reading: going over 100 000 threads takes milliseconds.
        blocking(OPERATION, move || {
            let rows: Vec<(Arc<Entry>, Arc<Folded>)> =
                shared.look_at_all(log.read()).into_iter().filter(|(_, folded)| folded.exists()).collect();
            let page = list::page(rows.iter().map(|(_, folded)| &folded.metadata), &params).map_err(refuse::list)?;
            let keys: HashMap<ThreadId, _> = rows.iter().map(|(entry, _)| (entry.key.thread, entry.key)).collect();
            Ok(page.map(|metadata| {
                let nowhere = ThreadKey { thread: metadata.thread(), incarnation: 0 };
                StoredThread::new(keys.get(&metadata.thread()).copied().unwrap_or(nowhere), metadata.clone())
            }))
        })
        .await?
    }

    /// The threads of a relation that are stored, the nearest first. Blocks on the disk.
    pub(super) fn related(&self, log: &dyn ReadLog, relation: &Relation) -> Vec<ThreadId> {
        let all = self.look_at_all(log);
        let stored = || all.iter().filter(|(_, folded)| folded.exists()).map(|(_, folded)| &folded.metadata);
        let ids: HashSet<ThreadId> = stored().map(ThreadMetadata::thread).collect();
        let mut related = Family::of(stored()).related(relation);
        related.retain(|id| ids.contains(id));
        related
    }

    /// Of a thread whose records the system refuses, what can be read: one bad sector must not keep all threads from
    /// being listed.
    fn look_at_all(&self, log: &dyn ReadLog) -> Vec<(Arc<Entry>, Arc<Folded>)> {
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        loop {
            let more = self.catalog.after(entries.last().map(|entry| entry.key.thread), ENTRIES_AT_ONCE);
            if more.is_empty() {
                break;
            }
            entries.extend(more);
        }
        let unread: Vec<&Arc<Entry>> = entries.iter().filter(|entry| entry.known().is_none()).collect();
        let jobs = if self.fs.reads_ahead() { workers::jobs_default() } else { 1 };
        workers::each(&unread, jobs, |entry| drop(entry.look(log, &self.clock)));
        entries
            .into_iter()
            .map(|entry| {
                let folded = entry.last_known().unwrap_or_else(|| entry.look(log, &self.clock).0);
                (entry, folded)
            })
            .collect()
    }

    /// Changes what users say of a thread, durably.
    pub(super) async fn patch(
        self: &Arc<Self>,
        operation: &'static str,
        id: ThreadId,
        include_archived: bool,
        patch: MetadataPatch,
    ) -> Result<()> {
        let (mut entry, mut folded) = self.readable(operation, id, include_archived).await?;
        let mut life: Option<HeldLife> = None;
        // Who takes a thread out of the trash counts on its going on: who empties the trash decided before, and is seen
        // now, or will see this.
        while patch.trashed == Some(false) && !bug(Bug::LifeNotHeldByRestore) && life.is_none() {
            let key = entry.key;
            let held = self.build_on(operation, key)?;
            (entry, folded) = self.readable(operation, id, include_archived).await?;
            life = Some(held).filter(|_| entry.key == key);
        }
        let patch = patch.of(&folded.metadata);
        self.control(operation, &entry, Control::Patched(Box::new(patch))).await
    }

    /// Adds a control record to a thread, durably.
    pub(super) async fn control(&self, operation: &'static str, entry: &Entry, control: Control) -> Result<()> {
        const ATTEMPTS: u32 = 2;
        let id = entry.key.thread;
        let failed = |error| from_engine(operation, Some(id), error);
        let mut attempt = 1;
        loop {
            let opened = self.opened(operation, id)?;
            let mut batch = Batch::new();
            let place = (entry.key, opened.engine.journal());
            push_control(&mut batch, place, None, self.clock.tick(), &control).map_err(failed)?;
            let ticket = opened.engine.append_async(batch).await.map_err(failed)?;
            entry.touch();
            match opened.engine.durable(ticket).await {
                Ok(()) => return Ok(()),
                // It is certainly not in the log.
                Err(EngineError::WriteFailed { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

fn read(log: &dyn ReadLog, operation: &'static str, entry: &Entry, range: HistoryRange) -> Result<StoredHistory> {
    let id = entry.key.thread;
    let lineage = entry.lineage(log).map_err(|error| damaged(operation, id, error))?;
    let end = lineage.end(log);
    let (items, range_end) = match range {
        HistoryRange::All => (Items::of(log, &lineage, 0..u64::MAX), end),
        HistoryRange::Last(count) => (Items::tail(log, &lineage, count), end),
        HistoryRange::From { ordinal, count_max } => {
            let to = ordinal.saturating_add(count_max).min(end);
            (Items::of(log, &lineage, ordinal.min(to)..to), to)
        }
    };
    let mut history = StoredHistory::empty(id, end);
    history.end_ordinal = range_end;
    history.first_ordinal = range_end;
    for item in items {
        let item = item.map_err(|error| damaged(operation, id, error))?;
        if item.ordinal >= end {
            // Became durable after we looked.
            break;
        }
        if history.items.is_empty() {
            history.first_ordinal = item.ordinal;
        }
        history.items.push(item.item);
    }
    Ok(history)
}

pub(super) fn damaged(operation: &'static str, id: ThreadId, error: Error) -> ThreadStoreError {
    match error {
        Error::Engine(error) => from_engine(operation, Some(id), error),
        error => {
            let report = Report::new(operation, error.to_string()).of(id).because(error);
            report.advise("read around it with a range, or run verify").corrupt()
        }
    }
}
