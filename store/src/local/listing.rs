//! Lists: what the checkpoint says of most threads, and what was folded since of the others.

use std::collections::HashSet;
use std::sync::Arc;

use threadlog_engine::ReadLog;
use threadlog_engine::sealed::SealedCache;

use crate::catalog::{self, Checkpoint, Damaged, Row};
use crate::fold::Folded;
use crate::list::{self, ByClass, CLASSES, Family, ListPage, ListParams, Relation, SortKey, ThreadRow, Top, class_of};
use crate::local::Shared;
use crate::local::blocking::blocking;
use crate::local::catalog::Entry;
use crate::metadata::ThreadMetadata;
use crate::reading::TOGETHER;
use crate::thread::{ThreadId, ThreadKey};
use crate::thread_store::{Result, StoredThread, refuse};
use crate::workers;

/// A thread in a list, wherever it is known from.
enum Listed<'a> {
    /// In memory.
    Known(ThreadKey, &'a ThreadMetadata),
    /// In the checkpoint.
    Row(Row<'a>),
}

impl Shared {
    /// A page of threads.
    pub(super) async fn list(self: &Arc<Self>, params: ListParams) -> Result<ListPage<StoredThread>> {
        const OPERATION: &str = "list_threads";
        let log = self.fresh(OPERATION, None).await?;
        let shared = Arc::clone(self);
        // On a blocking thread even if nothing needs reading: going over 100 000 threads takes milliseconds.
        blocking(OPERATION, move || {
            let log = log.read();
            if let Some(by_class) = ByClass::of(&params)
                && let Some(page) = shared.page_by_class(log, &params, &by_class).map_err(refuse::list)?
            {
                return Ok(page);
            }
            let texts = params.search.is_some();
            let page = shared.with_all(log, texts, ListPage::new(Vec::new()), |all| {
                let page = list::page(all, &params)?;
                let threads = page.threads.iter().map(|listed| listed.stored()).collect::<Option<Vec<_>>>();
                Ok(threads.map(|threads| page.with(threads)))
            });
            page.map_err(refuse::list)
        })
        .await?
    }

    /// A page of a list that asks for no more than the class: of the checkpoint only the page's own rows are looked at.
    /// `None` without a checkpoint, or if it turns out to be damaged.
    fn page_by_class(
        &self,
        log: &dyn ReadLog,
        params: &ListParams,
        by_class: &ByClass,
    ) -> std::result::Result<Option<ListPage<StoredThread>>, list::ListError> {
        // First the checkpoint: a thread that goes from there into memory is then met in both.
        let Some(checkpoint) = self.catalog.checkpoint() else { return Ok(None) };
        let known = self.look_at_all(log);
        let mut top = Top::new(params)?;
        let Ok((rows, classes)) = rows_by_class(&checkpoint, &known, params, by_class) else { return Ok(None) };
        rows.iter().for_each(|row| top.take(row));
        let (total, hidden) = by_class.counts(&classes);
        let page = top.page(total, hidden);
        let threads = page.threads.iter().map(|listed| listed.stored()).collect::<Option<Vec<_>>>();
        Ok(threads.filter(|_| !checkpoint.is_doubted()).map(|threads| page.with(threads)))
    }

    /// The threads of a relation that are stored, the nearest first. Blocks on the disk.
    pub(super) fn related(&self, log: &dyn ReadLog, relation: &Relation) -> Vec<ThreadId> {
        let related: Result<Vec<ThreadId>, list::ListError> = self.with_all(log, false, Vec::new(), |all| {
            let ids: HashSet<ThreadId> = all.iter().map(ThreadRow::thread).collect();
            let mut related = Family::of(all).related(relation);
            related.retain(|id| ids.contains(id));
            Ok(Some(related))
        });
        related.unwrap_or_default()
    }

    /// Gives all threads that are stored to `look`; if a row of the checkpoint turns out not to be readable (`None`), all of
    /// them once more with the one before it, or without any. Without one there is no such row, and `nothing` is never given.
    /// `texts`: names, titles and previews are asked for.
    fn with_all<T, E>(
        &self,
        log: &dyn ReadLog,
        texts: bool,
        nothing: T,
        look: impl Fn(&[Listed<'_>]) -> std::result::Result<Option<T>, E>,
    ) -> std::result::Result<T, E> {
        loop {
            // First the checkpoint: a thread that goes from there into memory is then met in both.
            let checkpoint = self.catalog.checkpoint();
            let known = self.look_at_all(log);
            let all = all(checkpoint.as_deref(), texts, &known);
            let found = match &all {
                Some(all) => look(all)?,
                None => None,
            };
            let is_doubted = checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.is_doubted());
            match (found, &checkpoint) {
                (Some(found), _) if !is_doubted => return Ok(found),
                (_, None) => return Ok(nothing),
                (_, Some(damaged)) => self.without(damaged, log),
            }
        }
    }

    /// Goes on with the checkpoint before a damaged one, or without any.
    fn without(&self, damaged: &Arc<Checkpoint>, log: &dyn ReadLog) {
        let older = self.slot.log().ok().and_then(|log| {
            let usable = catalog::older(&*self.fs, &self.root, &log.store(&*self.fs, &self.root)?, &log, damaged)?;
            Some((log, usable))
        });
        match older {
            Some((log, usable)) => self.catalog.renew(&log, &self.clock, Some(usable)),
            None => self.catalog.give_up(log, damaged),
        }
    }

    /// Those in memory. Of a thread whose records the system refuses, what can be read: one bad sector must not keep all
    /// threads from being listed.
    fn look_at_all(&self, log: &dyn ReadLog) -> Vec<(Arc<Entry>, Arc<Folded>)> {
        let entries = self.catalog.in_memory();
        let unread: Vec<&Arc<Entry>> = entries.iter().filter(|entry| entry.known().is_none()).collect();
        let together: Vec<&[&Arc<Entry>]> = unread.chunks(TOGETHER).collect();
        // On a simulated disk in one order only, which is the seed's to say.
        let jobs = if self.fs.reads_ahead() { workers::jobs_default() } else { 1 };
        workers::each(&together, jobs, |entries| {
            let mut cache = SealedCache::new();
            entries.iter().for_each(|entry| drop(entry.look_reusing(log, &self.clock, &mut cache)));
        });
        entries
            .into_iter()
            .map(|entry| {
                let folded = entry.last_known().unwrap_or_else(|| entry.look(log, &self.clock).0);
                (entry, folded)
            })
            .collect()
    }
}

/// The rows that a page may have, and how many threads of each class there are.
fn rows_by_class<'a>(
    checkpoint: &'a Checkpoint,
    known: &'a [(Arc<Entry>, Arc<Folded>)],
    params: &ListParams,
    by_class: &ByClass,
) -> std::result::Result<(Vec<Listed<'a>>, [u64; CLASSES]), Damaged> {
    let mut in_file = checkpoint.classes();
    for (entry, _) in known {
        let before = checkpoint.find(entry.key.thread)?.and_then(|row| row.class());
        if let Some(count) = before.and_then(|class| in_file.get_mut(class)) {
            *count = count.saturating_sub(1);
        }
    }
    let mut classes = in_file;
    for (_, folded) in known {
        if let Some(count) = classes.get_mut(class_of(&folded.metadata)).filter(|_| folded.exists()) {
            *count = count.saturating_add(1);
        }
    }
    let is_known = |thread| known.binary_search_by_key(&thread, |(entry, _)| entry.key.thread).is_ok();
    let mut rows = Vec::new();
    // Of those that are shown so many are not in memory: behind the last of them there is nothing to look for.
    let there = (0..)
        .zip(&in_file)
        .filter(|(class, _)| by_class.shows(*class))
        .fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let mut met: u64 = 0;
    if there == 0 {
        return Ok((in_memory(known, by_class), classes));
    }
    checkpoint.walk(params.sort_key, params.direction, params.cursor, |row| {
        if row.class().is_some_and(|class| by_class.shows(class)) && !is_known(row.thread()) {
            rows.push(Listed::Row(row));
            met = met.saturating_add(1);
        }
        rows.len() <= params.page_size && met < there
    })?;
    rows.extend(in_memory(known, by_class));
    Ok((rows, classes))
}

/// Those in memory that a list shows.
fn in_memory<'a>(known: &'a [(Arc<Entry>, Arc<Folded>)], by_class: &ByClass) -> Vec<Listed<'a>> {
    let shown = |folded: &Folded| folded.exists() && by_class.shows(class_of(&folded.metadata));
    let shown = known.iter().filter(|(_, folded)| shown(folded));
    shown.map(|(entry, folded)| Listed::Known(entry.key, &folded.metadata)).collect()
}

/// The threads of the checkpoint that are not in memory, and those that are; `None` if the checkpoint is damaged.
fn all<'a>(
    checkpoint: Option<&'a Checkpoint>,
    texts: bool,
    known: &'a [(Arc<Entry>, Arc<Folded>)],
) -> Option<Vec<Listed<'a>>> {
    let mut all = Vec::with_capacity(known.len().saturating_add(checkpoint.map_or(0, Checkpoint::len)));
    let mut in_memory = known.iter().map(|(entry, _)| entry.key.thread).peekable();
    for rows in checkpoint.into_iter().map(|checkpoint| checkpoint.rows(texts)) {
        for row in rows.ok()? {
            let thread = row.thread();
            while in_memory.next_if(|known| *known < thread).is_some() {}
            if row.exists() && in_memory.peek() != Some(&thread) {
                all.push(Listed::Row(row));
            }
        }
    }
    let stored = known.iter().filter(|(_, folded)| folded.exists());
    all.extend(stored.map(|(entry, folded)| Listed::Known(entry.key, &folded.metadata)));
    Some(all)
}

impl Listed<'_> {
    /// `None` if it cannot be read.
    fn stored(&self) -> Option<StoredThread> {
        match self {
            Listed::Known(key, metadata) => Some(StoredThread::new(*key, (*metadata).clone())),
            Listed::Row(row) => Some(StoredThread::new(row.key(), row.metadata().ok()?)),
        }
    }

    /// The row, wherever it is.
    fn row(&self) -> &dyn ThreadRow {
        match self {
            Listed::Known(_, metadata) => *metadata,
            Listed::Row(row) => row,
        }
    }
}

impl ThreadRow for Listed<'_> {
    fn thread(&self) -> ThreadId {
        self.row().thread()
    }

    fn time_ms(&self, key: SortKey) -> u64 {
        self.row().time_ms(key)
    }

    fn archived(&self) -> bool {
        self.row().archived()
    }

    fn trashed(&self) -> bool {
        self.row().trashed()
    }

    fn source(&self) -> Option<&str> {
        self.row().source()
    }

    fn model_provider(&self) -> Option<&str> {
        self.row().model_provider()
    }

    fn cwd(&self) -> Option<&str> {
        self.row().cwd()
    }

    fn name(&self) -> Option<&str> {
        self.row().name()
    }

    fn title(&self) -> Option<&str> {
        self.row().title()
    }

    fn preview(&self) -> Option<&str> {
        self.row().preview()
    }

    fn has_preview(&self) -> bool {
        self.row().has_preview()
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.row().has_tag(tag)
    }

    fn pinned(&self) -> bool {
        self.row().pinned()
    }

    fn fork_source(&self) -> Option<ThreadId> {
        self.row().fork_source()
    }

    fn parent(&self) -> Option<ThreadId> {
        self.row().parent()
    }
}
