//! Waiting for whatever becomes durable next, without asking anybody to write.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::id::Sequence;
use crate::journal::core::Core;
use crate::journal::waiters::WaiterId;

/// Becomes ready when something behind a sequence is durable in the engine's own journal, or the engine is closed.
///
/// Unlike [`Durable`](crate::Durable) it makes nobody write or sync: it is for those who look on. Dropping it leaves
/// nothing behind.
pub struct DurablePast {
    core: Arc<Core>,
    past: Sequence,
    watcher: Option<WaiterId>,
}

impl DurablePast {
    pub(crate) fn new(core: Arc<Core>, past: Sequence) -> DurablePast {
        DurablePast { core, past, watcher: None }
    }
}

impl Future for DurablePast {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match this.core.is_past(this.past, &mut this.watcher, context.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for DurablePast {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            let removed = self.core.state.lock().watchers.remove(watcher);
            drop(removed);
        }
    }
}

impl Core {
    /// Whether something behind `past` is durable, or nothing will be any more; if not, the waker is told when it is.
    fn is_past(&self, past: Sequence, watcher: &mut Option<WaiterId>, waker: &Waker) -> bool {
        // Wakers are cloned and dropped without the lock: they can be anything.
        let fresh = waker.clone();
        let mut state = self.state.lock();
        // The mark moves under this lock: what is not seen here finds the watcher.
        let (ready, replaced) = if self.durable() > past || state.closed {
            (true, watcher.take().and_then(|id| state.watchers.remove(id)))
        } else {
            let renewed = match *watcher {
                Some(id) => state.watchers.renew(id, fresh),
                None => Err(fresh),
            };
            let replaced = renewed.map_or_else(
                |fresh| {
                    *watcher = Some(state.watchers.add(past.plus(1), fresh, false));
                    None
                },
                Some,
            );
            (false, replaced)
        };
        drop(state);
        drop(replaced);
        ready
    }
}
