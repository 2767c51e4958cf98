//! Which threads are live in this process, and who holds them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::local::writer::Writer;
use crate::thread::ThreadId;
use crate::thread_store::{Absence, Holder, Result, refuse};

/// Live threads by id. Its lock is held for moments.
#[derive(Default)]
pub(super) struct LiveMap {
    threads: Mutex<HashMap<ThreadId, Place>>,
}

enum Place {
    /// Somebody is making it live.
    Reserved(Holder),
    Live(Arc<Writer>),
}

impl LiveMap {
    /// Takes an id, so that nobody else makes it live. Dropped without [`Reservation::fill`], the id is free again.
    pub(super) fn reserve(&self, operation: &'static str, id: ThreadId, holder: Holder) -> Result<Reservation<'_>> {
        let mut threads = self.threads.lock();
        match threads.get(&id) {
            Some(Place::Reserved(holder)) => Err(refuse::live(operation, id, holder.clone())),
            Some(Place::Live(writer)) => Err(refuse::live(operation, id, writer.holder.clone())),
            None => {
                threads.insert(id, Place::Reserved(holder));
                Ok(Reservation { map: self, id, filled: false })
            }
        }
    }

    /// The writer of a live thread.
    pub(super) fn get(&self, operation: &'static str, id: ThreadId) -> Result<Arc<Writer>> {
        self.find(id).ok_or_else(|| refuse::absent(operation, id, Absence::NotLive))
    }

    /// The writer of a thread, if it is live.
    pub(super) fn find(&self, id: ThreadId) -> Option<Arc<Writer>> {
        match self.threads.lock().get(&id) {
            Some(Place::Live(writer)) => Some(Arc::clone(writer)),
            _ => None,
        }
    }

    /// Takes a thread out; it is then cold. Gives its writer, if it was live.
    pub(super) fn remove(&self, id: ThreadId) -> Option<Arc<Writer>> {
        let mut threads = self.threads.lock();
        if !matches!(threads.get(&id), Some(Place::Live(_))) {
            return None;
        }
        match threads.remove(&id) {
            Some(Place::Live(writer)) => Some(writer),
            _ => None,
        }
    }

    /// Takes this writer out, unless another has taken its place.
    pub(super) fn remove_this(&self, writer: &Arc<Writer>) {
        let mut threads = self.threads.lock();
        if let Some(Place::Live(held)) = threads.get(&writer.id())
            && Arc::ptr_eq(held, writer)
        {
            threads.remove(&writer.id());
        }
    }

    /// All writers.
    pub(super) fn all(&self) -> Vec<Arc<Writer>> {
        let threads = self.threads.lock();
        let writer = |place: &Place| if let Place::Live(writer) = place { Some(Arc::clone(writer)) } else { None };
        threads.values().filter_map(writer).collect()
    }

    /// How many threads are live.
    pub(super) fn len(&self) -> usize {
        self.threads.lock().len()
    }
}

/// An id taken by somebody who makes its thread live.
pub(super) struct Reservation<'a> {
    map: &'a LiveMap,
    id: ThreadId,
    filled: bool,
}

impl Reservation<'_> {
    /// Makes the thread live.
    pub(super) fn fill(mut self, writer: Writer) {
        self.filled = true;
        self.map.threads.lock().insert(self.id, Place::Live(Arc::new(writer)));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.filled {
            self.map.threads.lock().remove(&self.id);
        }
    }
}
