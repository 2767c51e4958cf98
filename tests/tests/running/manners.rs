//! What the events of one life of a thread must be, in which order.

use std::collections::{BTreeMap, BTreeSet};

use threadlog_session::{AbortReason, Event, EventMsg, SubmissionId};

/// What was told so far. Whatever is told out of order panics.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    begun: bool,
    ended: bool,
    /// Turns that were submitted and have not ended; with their ids once they have begun.
    open: BTreeMap<SubmissionId, Option<String>>,
    closed: BTreeSet<SubmissionId>,
    /// Whether storing fails, by what was told.
    failing: bool,
    /// Turns that an interrupt ended which was not told yet.
    interrupted: u64,
    /// Whether a fault below is to come: then turns end that nothing was stored of.
    pub doomed: bool,
}

impl Manners {
    /// A turn was submitted.
    pub fn submitted(&mut self, turn: SubmissionId) {
        if !self.closed.contains(&turn) {
            self.open.entry(turn).or_default();
        }
    }

    pub fn is_failing(&self) -> bool {
        self.failing
    }

    /// The id of the turn that runs.
    fn running(&self) -> Option<&String> {
        self.open.values().flatten().next()
    }

    pub fn take(&mut self, event: &Event) {
        assert!(!self.ended, "behind the end: {event:?}");
        let configured = matches!(event.msg, EventMsg::SessionConfigured(_));
        assert_eq!(configured, !self.begun, "the first event, and only that: {event:?}");
        self.begun = true;
        if let Some(id) = &event.submission {
            assert!(!self.closed.contains(id), "behind its turn's end: {event:?}");
        }
        match &event.msg {
            EventMsg::TurnStarted { turn_id } => {
                assert_eq!(self.running(), None, "two turns at once: {event:?}");
                let before = self.open.insert(event.submission.unwrap(), Some(turn_id.clone()));
                assert_eq!(before.flatten(), None, "begun twice: {event:?}");
            }
            EventMsg::TurnComplete { turn_id, stored, .. } => self.end(event, Some(turn_id), *stored),
            EventMsg::TurnAborted { turn_id, reason, stored } => {
                self.interrupted += u64::from(*reason == AbortReason::Interrupted);
                self.end(event, turn_id.as_ref(), *stored);
            }
            EventMsg::Interrupted { turns } => {
                assert_eq!(*turns, self.interrupted, "{event:?}");
                self.interrupted = 0;
            }
            EventMsg::ThreadRolledBack { stored, context_items, .. } => {
                assert_eq!(self.running(), None, "taken back while a turn runs: {event:?}");
                assert_eq!(*stored, !self.failing, "{event:?}");
                assert!(*stored || context_items.is_none());
            }
            EventMsg::PersistenceFailed { .. } => self.failing = true,
            EventMsg::PersistenceRestored => {
                assert!(self.failing, "nothing had failed");
                self.failing = false;
            }
            EventMsg::ShutdownComplete => {
                assert!(self.open.is_empty(), "turns without an end: {:?}", self.open);
                assert!(!self.failing, "it ended, and something is not stored");
                self.ended = true;
            }
            _ => {}
        }
    }

    fn end(&mut self, event: &Event, turn_id: Option<&String>, stored: bool) {
        let id = event.submission.unwrap();
        let begun = self.open.remove(&id).flatten();
        assert_eq!(begun.as_ref(), turn_id, "another turn's end: {event:?}");
        self.closed.insert(id);
        // Of a turn that never began there is nothing to store.
        if turn_id.is_some() && !self.doomed {
            assert_eq!(stored, !self.failing, "an error that nobody was told, or one that is over: {event:?}");
        }
    }

    /// No event will come: each turn has its end.
    pub fn over(&self) {
        assert!(self.begun && self.open.is_empty(), "turns without an end: {:?}", self.open);
    }
}
