//! Submissions on their way to the task that drives a thread; it runs only while there is something to do.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use threadlog::live::NewItem;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::Result;
use crate::op::{Op, SubmissionId};
use crate::thread::turn::is_turn;

/// Submissions that may wait, waiting turns included, before the next submitter waits.
pub(crate) const SUBMISSIONS_MAX: usize = 256;

/// Something to do.
pub(crate) struct Submission {
    pub(crate) id: SubmissionId,
    pub(crate) work: Work,
    /// Its place among those that may wait, until it is done. Urgent ones have none.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

/// What there is to do.
pub(crate) enum Work {
    /// An operation of the user's.
    Op(Op),
    /// Items that come from outside any turn, and whoever waits for them to be durable.
    Inject(Vec<NewItem>, oneshot::Sender<Result<bool>>),
    /// Makes everything durable, and whoever waits for that.
    Flush(oneshot::Sender<Result<()>>),
    /// Lets go of the thread without storing what waits, and says so.
    Discard(oneshot::Sender<()>),
}

impl Work {
    fn is_urgent(&self) -> bool {
        match self {
            Work::Op(op) => op.is_urgent(),
            Work::Inject(..) => false,
            Work::Flush(_) | Work::Discard(_) => true,
        }
    }
}

/// The submissions of one thread.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    arrived: Notify,
    places: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Submission>,
    last: u64,
    /// Whether a task drives the thread.
    driven: bool,
    closing: Option<Closing>,
}

/// Why nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It was told to end.
    Ended,
    /// Its driver is gone.
    Failed,
}

/// What became of a submission.
pub(crate) struct Accepted {
    pub(crate) id: SubmissionId,
    /// Whether a task must be started that drives the thread.
    pub(crate) start: bool,
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        Mailbox {
            state: Mutex::default(),
            arrived: Notify::default(),
            places: Arc::new(Semaphore::new(SUBMISSIONS_MAX)),
        }
    }
}

impl Mailbox {
    /// Adds something to do, waiting for a place if too much waits.
    pub(crate) async fn submit(&self, work: Work) -> Result<Accepted, Closing> {
        if work.is_urgent() {
            return self.submit_now(work, None);
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        match place {
            Ok(place) => self.submit_now(work, Some(place)),
            Err(_) => Err(self.closing()),
        }
    }

    /// As [`Mailbox::submit`], from where nothing can be awaited: for urgent work.
    pub(crate) fn submit_now(&self, work: Work, place: Option<OwnedSemaphorePermit>) -> Result<Accepted, Closing> {
        let mut state = self.state.lock();
        // A thread that has not ended yet can be let go of, and be asked for what it has.
        let helps = matches!(work, Work::Discard(_) | Work::Flush(_)) && state.driven;
        if let Some(closing) = state.closing.filter(|_| !helps) {
            return Err(closing);
        }
        if matches!(work, Work::Op(Op::Shutdown)) {
            state.closing = Some(Closing::Ended);
            self.places.close();
        }
        state.last += 1;
        let id = SubmissionId(state.last);
        state.queue.push_back(Submission { id, work, place });
        let start = !std::mem::replace(&mut state.driven, true);
        drop(state);
        self.arrived.notify_one();
        Ok(Accepted { id, start })
    }

    /// Whether nothing more is taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closing.is_some()
    }

    fn closing(&self) -> Closing {
        self.state.lock().closing.unwrap_or(Closing::Ended)
    }

    /// What to do next; only what is urgent, if nothing else can be done now. Waits until there is something.
    pub(crate) async fn next(&self, only_urgent: bool) -> Submission {
        loop {
            let arrived = self.arrived.notified();
            if let Some(next) = self.try_next(only_urgent) {
                return next;
            }
            arrived.await;
        }
    }

    fn try_next(&self, only_urgent: bool) -> Option<Submission> {
        let mut state = self.state.lock();
        let place = if only_urgent { state.queue.iter().position(|it| it.work.is_urgent())? } else { 0 };
        let next = state.queue.remove(place);
        if state.queue.is_empty() {
            state.queue = VecDeque::new();
        }
        next
    }

    /// Takes out the turns that were submitted before `id`.
    pub(crate) fn take_turns_before(&self, id: SubmissionId) -> Vec<SubmissionId> {
        let mut taken = Vec::new();
        self.state.lock().queue.retain(|submission| {
            let goes = submission.id < id && is_turn(submission);
            if goes {
                taken.push(submission.id);
            }
            !goes
        });
        taken
    }

    /// The driver wants to end: it may if nothing came meanwhile.
    pub(crate) fn park(&self) -> bool {
        let mut state = self.state.lock();
        let idle = state.queue.is_empty();
        state.driven = !idle;
        idle
    }

    /// Nothing more is taken; gives what waited.
    pub(crate) fn close(&self, why: Closing) -> VecDeque<Submission> {
        self.places.close();
        let mut state = self.state.lock();
        state.closing = Some(why);
        state.driven = false;
        std::mem::take(&mut state.queue)
    }
}
