//! Who waits for the durable mark: threads and tasks, alike as wakers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::id::Sequence;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Thread, current, park};

/// Names one waiter: what it waits for, and a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WaiterId {
    pub sequence: Sequence,
    pub number: u64,
}

struct Waiter {
    waker: Waker,
    /// A thread that can lead the next group itself (a task cannot: it must not block).
    can_lead: bool,
}

/// The waiters of a journal, in the order of what they wait for.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: BTreeMap<WaiterId, Waiter>,
    /// Those that can lead.
    leaders: BTreeSet<WaiterId>,
    next_number: u64,
}

impl Waiters {
    /// Adds a waiter for `sequence`.
    pub fn add(&mut self, sequence: Sequence, waker: Waker, can_lead: bool) -> WaiterId {
        self.next_number = self.next_number.wrapping_add(1);
        let id = WaiterId { sequence, number: self.next_number };
        self.waiting.insert(id, Waiter { waker, can_lead });
        if can_lead {
            self.leaders.insert(id);
        }
        id
    }

    /// Replaces a task's waker and gives the old one; the new one back, if it waits no more.
    pub fn renew(&mut self, id: WaiterId, waker: Waker) -> Result<Waker, Waker> {
        match self.waiting.get_mut(&id) {
            Some(waiter) => Ok(std::mem::replace(&mut waiter.waker, waker)),
            None => Err(waker),
        }
    }

    /// Takes a waiter out.
    pub fn remove(&mut self, id: WaiterId) -> Option<Waker> {
        self.leaders.remove(&id);
        self.waiting.remove(&id).map(|waiter| waiter.waker)
    }

    /// Takes out all that wait for `durable` or less.
    pub fn take_upto(&mut self, durable: Sequence, woken: &mut Vec<Waker>) {
        while let Some(entry) = self.waiting.first_entry() {
            let id = *entry.key();
            if id.sequence > durable {
                break;
            }
            let waiter = entry.remove();
            if waiter.can_lead {
                self.leaders.remove(&id);
            }
            woken.push(waiter.waker);
        }
    }

    /// Takes out everybody.
    pub fn take_all(&mut self, woken: &mut Vec<Waker>) {
        self.leaders.clear();
        woken.extend(std::mem::take(&mut self.waiting).into_values().map(|waiter| waiter.waker));
    }

    /// A waiting thread that can lead the next group; it stays registered.
    pub fn leader(&self) -> Option<Waker> {
        self.waiting.get(self.leaders.first()?).map(|waiter| waiter.waker.clone())
    }

    /// Whether anybody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Lets a blocked thread be woken like a task.
pub(crate) struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    /// The calling thread's parker.
    pub fn current() -> Arc<Parker> {
        let make = || Arc::new(Parker { thread: current(), woken: AtomicBool::new(false) });
        #[cfg(feature = "model")]
        return make();
        #[cfg(not(feature = "model"))]
        {
            thread_local! {
                static PARKER: std::cell::OnceCell<Arc<Parker>> = const { std::cell::OnceCell::new() };
            }
            PARKER.with(|parker| Arc::clone(parker.get_or_init(make)))
        }
    }

    /// Forgets earlier wake-ups. Call before registering.
    pub fn reset(&self) {
        self.woken.store(false, Ordering::Release);
    }

    /// Blocks the calling thread until woken.
    pub fn park(&self) {
        while !self.woken.swap(false, Ordering::AcqRel) {
            park();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}

#[cfg(test)]
#[path = "waiters_tests.rs"]
mod tests;
