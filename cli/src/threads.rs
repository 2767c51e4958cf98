//! Threads through the trait that embedders use, from a program that has nothing else to do meanwhile.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use threadlog::list::{ArchiveFilter, Direction, ListParams, PAGE_SIZE_MAX};
use threadlog::local::LocalThreadStore;
use threadlog::metadata::ThreadMetadata;
use threadlog::thread_store::{StoredThread, ThreadStore, ThreadStoreError, Unavailability};
use threadlog::{Store, ThreadId, ThreadKey};

use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::interrupt;

/// How often it is looked whether somebody asked to stop.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Waits until it is done.
pub fn wait<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
    runtime.block_on(work).map_err(Into::into)
}

/// Waits until it is done, or until somebody asks to stop: then it is nothing.
pub fn wait_unless_asked<T>(work: impl Future<Output = T>) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut work = pin!(work);
    loop {
        if interrupt::asked() {
            return None;
        }
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(done);
        }
        std::thread::park_timeout(ASKED_EVERY);
    }
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// All threads of the store, archived or not; those in the trash are not among them.
pub fn all(store: &Store) -> Result<BTreeMap<ThreadId, ThreadMetadata>, Failure> {
    within(store, &[ArchiveFilter::Active, ArchiveFilter::Archived])
}

/// As [`all`], with the life of each that counts.
pub fn all_keys(store: &Store) -> Result<BTreeMap<ThreadId, (ThreadKey, ThreadMetadata)>, Failure> {
    lives(store, &[ArchiveFilter::Active, ArchiveFilter::Archived])
}

/// All threads that are in one of these collections.
pub fn within(store: &Store, collections: &[ArchiveFilter]) -> Result<BTreeMap<ThreadId, ThreadMetadata>, Failure> {
    Ok(lives(store, collections)?.into_iter().map(|(id, (_, metadata))| (id, metadata)).collect())
}

fn lives(
    store: &Store,
    collections: &[ArchiveFilter],
) -> Result<BTreeMap<ThreadId, (ThreadKey, ThreadMetadata)>, Failure> {
    let store = LocalThreadStore::reading(store)?;
    let mut threads = BTreeMap::new();
    for collection in collections {
        let mut params = ListParams::default();
        params.archived = *collection;
        params.direction = Direction::Ascending;
        params.include_without_preview = true;
        params.page_size = PAGE_SIZE_MAX;
        loop {
            let page = wait(store.list_threads(params.clone()))?;
            threads.extend(
                page.threads.into_iter().map(|StoredThread { key, metadata, .. }| (key.thread, (key, metadata))),
            );
            params.cursor = page.next_cursor;
            if params.cursor.is_none() {
                break;
            }
        }
    }
    Ok(threads)
}

impl From<ThreadStoreError> for Failure {
    fn from(error: ThreadStoreError) -> Failure {
        let exit = match &error {
            ThreadStoreError::ThreadNotFound { .. } => Exit::NotFound,
            ThreadStoreError::InvalidRequest(_) => Exit::Usage,
            ThreadStoreError::Corrupt(_) => Exit::Damaged,
            ThreadStoreError::Unavailable(_, Unavailability::Locked) | ThreadStoreError::Conflict(..) => Exit::Locked,
            _ => Exit::Failed,
        };
        Failure::new(exit, said(&error))
    }
}

/// What happened, without the name of the operation: that is a word for programmers.
fn said(error: &ThreadStoreError) -> String {
    let sentence = failure::sentence(error);
    let plain = sentence.strip_prefix(error.operation()).and_then(|rest| {
        let thread = rest.strip_prefix(" of thread ").map(|rest| format!("thread {rest}"));
        thread.or_else(|| rest.strip_prefix(": ").map(str::to_owned))
    });
    plain.unwrap_or(sentence)
}
