//! Events on their way to whoever listens.
//!
//! Bounded: what an agent emits waits while [`EVENTS_MAX`] events, or [`EVENT_BYTES_MAX`] in events, wait to be read. What
//! the thread itself has to say never waits; it is a few events for each operation, and operations are bounded too.

use std::collections::VecDeque;
use std::pin::pin;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::event::{Event, EventMsg};

/// Events that may wait before an agent waits for the listener.
pub(crate) const EVENTS_MAX: usize = 1024;
/// Bytes of events that may wait before an agent waits for the listener.
pub(crate) const EVENT_BYTES_MAX: usize = 64 << 20;
/// An emptied queue keeps no more room than this: most threads are idle.
const KEPT_CAPACITY: usize = 16;

/// The queue of one thread.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    arrived: Notify,
    room: Notify,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    /// Of what the agent had to say in them.
    bytes: usize,
    closed: bool,
}

impl Outbox {
    /// Adds an event, however many wait. After the end nothing is added.
    pub(crate) fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if !state.closed {
            state.bytes = state.bytes.saturating_add(bytes(&event));
            state.events.push_back(event);
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Waits until the listener has caught up.
    pub(crate) async fn room(&self) {
        loop {
            let mut freed = pin!(self.room.notified());
            freed.as_mut().enable();
            if !self.is_full() {
                return;
            }
            freed.await;
        }
    }

    /// Whether the listener has to catch up first.
    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().is_full()
    }

    /// The next event; `None` when no more will come.
    pub(crate) async fn next(&self) -> Option<Event> {
        loop {
            let arrived = self.arrived.notified();
            if let Some(next) = self.take() {
                return next;
            }
            arrived.await;
        }
    }

    /// The next event if there is one; `Some(None)` when no more will come.
    fn take(&self) -> Option<Option<Event>> {
        let mut state = self.state.lock();
        let event = state.events.pop_front();
        state.bytes = state.bytes.saturating_sub(event.as_ref().map_or(0, bytes));
        let (left, full) = (state.events.len(), state.is_full());
        if left == 0 && state.events.capacity() > KEPT_CAPACITY {
            state.events = VecDeque::new();
        }
        let closed = state.closed;
        drop(state);
        if event.is_some() && !full {
            self.room.notify_waiters();
        }
        if left > 0 || closed {
            // Somebody else may wait: one permit stands for many events.
            self.arrived.notify_one();
        }
        match event {
            Some(event) => Some(Some(event)),
            None => closed.then_some(None),
        }
    }

    /// The next event, if one waits.
    pub(crate) fn try_next(&self) -> Option<Event> {
        self.take().flatten()
    }

    /// No event comes after those that wait.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
        self.room.notify_waiters();
    }
}

impl State {
    fn is_full(&self) -> bool {
        (self.events.len() >= EVENTS_MAX || self.bytes >= EVENT_BYTES_MAX) && !self.closed
    }
}

/// What an event weighs beside its own few fields.
fn bytes(event: &Event) -> usize {
    match &event.msg {
        EventMsg::Item(item) => item.bytes(),
        EventMsg::Shown(json) => json.len(),
        _ => 0,
    }
}
