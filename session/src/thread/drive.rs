//! The task that drives a thread while there is something to do.
//!
//! It takes submissions in order. Turns run one at a time, as tasks of their own, so that what needs no turn is done
//! while one runs. When there is nothing left to do the task ends; the next submission starts another.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use threadlog::live::NewItem;
use threadlog::metadata::{MemoryMode, MetadataPatch};
use threadlog::thread_store::{Absence, Report, StoredThread, ThreadStoreError};
use tokio::time::{Instant, sleep_until};

use crate::error::{self, Result, SessionError};
use crate::event::{AbortReason, EventMsg};
use crate::op::{Op, SubmissionId};
use crate::thread::mailbox::{Closing, Submission, Work};
use crate::thread::recorder::{Refusal, Writer};
use crate::thread::turn::{Running, Waiting, Wanted, is_turn};
use crate::thread::{Inner, ThreadStatus};

/// How long after a failure storing is first tried again.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// The longest between two attempts.
const RETRY_LONGEST: Duration = Duration::from_secs(10);

/// Drives one thread. Dropped before it is done, the thread has failed: nobody else would do what waits.
pub(super) struct Driver {
    pub(super) inner: Arc<Inner>,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) running: Option<Running>,
    /// The turn that is being begun or ended, and its id once that was told: it waits and runs no more or not yet.
    pub(super) between: Option<(SubmissionId, Option<String>)>,
    retry: Option<Retry>,
    /// The shutdown that was asked for and is not done.
    ending: Option<SubmissionId>,
    done: bool,
}

/// When storing is tried again.
#[derive(Clone, Copy)]
struct Retry {
    at: Instant,
    after: Duration,
}

impl Driver {
    pub(super) fn new(inner: Arc<Inner>) -> Driver {
        let (waiting, running, between, retry, ending) = (VecDeque::new(), None, None, None, None);
        Driver { inner, waiting, running, between, retry, ending, done: false }
    }

    pub(super) async fn run(mut self) {
        while !self.done {
            self.step().await;
        }
    }

    async fn step(&mut self) {
        let inner = Arc::clone(&self.inner);
        let full = inner.outbox.is_full();
        if self.running.is_none()
            && self.ending.is_none()
            && !full
            && let Some(next) = self.waiting.pop_front()
        {
            self.between = Some((next.submission, None));
            self.begin(next).await;
            self.between = None;
            return;
        }
        self.plan_retry();
        let idle = self.waiting.is_empty() && self.running.is_none() && self.retry.is_none();
        if idle && inner.mailbox.park() {
            self.done = true;
            return;
        }
        let retry = self.retry;
        let again = async {
            match retry {
                Some(retry) => sleep_until(retry.at).await,
                None => pending().await,
            }
        };
        let over = async {
            match &mut self.running {
                Some(running) => running.over().await,
                None => pending().await,
            }
        };
        // What goes first is not left to chance, so that a run can be had again: a turn that has ended is not interrupted.
        tokio::select! {
            biased;
            end = over => self.finish(end).await,
            () = again => self.retry().await,
            submission = inner.mailbox.next(full) => self.take(submission).await,
            () = inner.outbox.room(), if full => {}
            // The agent met it: from now on it is tried again.
            () = inner.recorder.trouble(), if retry.is_none() => {}
        }
    }

    async fn take(&mut self, submission: Submission) {
        let Submission { id, work, place } = submission;
        match work {
            Work::Discard(reply) => {
                self.drop_turns();
                self.inner.recorder.live().discard_now();
                self.end();
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
            Work::Flush(reply) => {
                let _ = reply.send(self.inner.recorder.store(false).await.map_err(SessionError::from));
            }
            Work::Inject(items, reply) => {
                let injected = if self.ending.is_some() { Err(self.ended()) } else { self.inject(items, id).await };
                let _ = reply.send(injected);
            }
            Work::Op(op) if self.ending.is_some() => self.refuse_at_end(id, &op),
            Work::Op(Op::UserTurn { input, settings }) => {
                let wanted = Wanted::User { input, settings };
                self.waiting.push_back(Waiting { submission: id, wanted, place });
            }
            Work::Op(Op::Compact) => {
                self.waiting.push_back(Waiting { submission: id, wanted: Wanted::Compaction, place });
            }
            Work::Op(Op::Interrupt) => {
                let turns = self.interrupt(id).await;
                self.inner.tell(Some(id), EventMsg::Interrupted { turns });
            }
            Work::Op(Op::Rollback { num_turns }) => self.rollback(id, num_turns).await,
            Work::Op(Op::SetName { name }) => self.set_name(id, name).await,
            Work::Op(Op::SetMemoryMode { mode }) => self.set_memory_mode(id, mode).await,
            Work::Op(Op::Shutdown) => {
                self.inner.set_status(ThreadStatus::Ending);
                self.ending = Some(id);
                self.interrupt(id).await;
                self.try_to_end().await;
            }
        }
    }

    async fn inject(&mut self, items: Vec<NewItem>, id: SubmissionId) -> Result<bool> {
        let recorded = self.inner.recorder.record(Writer::Guest, items, Some(id)).await;
        match recorded {
            Ok(()) => Ok(self.inner.recorder.store(false).await.is_ok()),
            Err(Refusal::Store(error)) => Err(error.into()),
            Err(Refusal::TurnOver) => Err(self.ended()),
        }
    }

    async fn rollback(&mut self, id: SubmissionId, num_turns: u32) {
        const OPERATION: &str = "rollback";
        let report = |what: &str| Report::new(OPERATION, what).of(self.inner.id());
        if num_turns == 0 {
            let error = report("there are no turns to take back").advise("give the number of turns, from 1").invalid();
            return self.refuse(id, &error);
        }
        if self.inner.configured.config.ephemeral {
            return self.refuse(id, &error::ephemeral(OPERATION, self.inner.id()));
        }
        if self.running.is_some() || !self.waiting.is_empty() {
            let error = report("a turn runs or waits").advise("interrupt it, or wait for its end").invalid();
            return self.refuse(id, &error);
        }
        let recorder = &self.inner.recorder;
        let marker = json!({"type": "thread_rolled_back", "num_turns": num_turns});
        let rolled_back = async {
            // Only what is stored can be taken back.
            recorder.store(false).await?;
            recorder.live().load_model_context().await?;
            match recorder.record(Writer::Session, vec![NewItem::event(&marker)?], Some(id)).await {
                Err(Refusal::Store(error)) => Err(error),
                _ => Ok(recorder.store(false).await.is_ok()),
            }
        };
        match rolled_back.await {
            Ok(stored) => {
                let context = recorder.live().load_model_context().await;
                let context_items = context.ok().filter(|_| stored).map(|context| context.items.len());
                self.inner.tell(Some(id), EventMsg::ThreadRolledBack { num_turns, context_items, stored });
            }
            Err(error) => self.refuse(id, &error),
        }
    }

    async fn set_name(&mut self, id: SubmissionId, name: Option<String>) {
        let mut patch = MetadataPatch::default();
        patch.name = Some(name);
        if let Some(stored) = self.change(id, "set_name", patch).await {
            let name = stored.metadata.name().map(str::to_owned);
            self.inner.tell(Some(id), EventMsg::ThreadNameUpdated { name });
        }
    }

    async fn set_memory_mode(&mut self, id: SubmissionId, mode: MemoryMode) {
        let mut patch = MetadataPatch::default();
        patch.memory_mode = Some(Some(mode));
        if let Some(stored) = self.change(id, "set_memory_mode", patch).await {
            let mode = stored.metadata.memory_mode();
            self.inner.tell(Some(id), EventMsg::MemoryModeUpdated { mode });
        }
    }

    async fn change(
        &mut self,
        id: SubmissionId,
        operation: &'static str,
        patch: MetadataPatch,
    ) -> Option<StoredThread> {
        if self.inner.configured.config.ephemeral {
            self.refuse(id, &error::ephemeral(operation, self.inner.id()));
            return None;
        }
        match self.inner.recorder.live().update_metadata(patch).await {
            Ok(stored) => Some(stored),
            Err(error) => {
                self.refuse(id, &error);
                None
            }
        }
    }

    fn refuse(&self, id: SubmissionId, error: &ThreadStoreError) {
        self.inner.tell(Some(id), EventMsg::Error { message: error.to_string() });
    }

    /// What was submitted before the shutdown and not done: the end went first.
    fn refuse_at_end(&self, id: SubmissionId, op: &Op) {
        if matches!(op, Op::UserTurn { .. } | Op::Compact) {
            return self.never_begun(id, AbortReason::Interrupted);
        }
        self.inner.tell(Some(id), EventMsg::Error { message: self.ended().to_string() });
    }

    /// Whether it was not told to end.
    pub(super) fn is_taking(&self) -> bool {
        self.ending.is_none()
    }

    fn ended(&self) -> SessionError {
        self.inner.closed("submit", Closing::Ended)
    }

    /// A turn ends that was not begun.
    pub(super) fn never_begun(&self, id: SubmissionId, reason: AbortReason) {
        self.inner.tell(Some(id), EventMsg::TurnAborted { turn_id: None, reason, stored: true });
    }

    fn plan_retry(&mut self) {
        let needed = self.inner.recorder.is_failing() || self.ending.is_some();
        match (needed, self.retry) {
            (true, None) => self.retry = Some(Retry { at: Instant::now() + RETRY_FIRST, after: RETRY_FIRST }),
            (false, Some(_)) => self.retry = None,
            _ => {}
        }
    }

    async fn retry(&mut self) {
        if self.ending.is_some() {
            self.try_to_end().await;
        } else {
            // What comes of it is told by the recorder, and kept there.
            let _ = self.inner.recorder.store(false).await;
        }
        let after = self.retry.map_or(RETRY_FIRST, |retry| retry.after * 2).min(RETRY_LONGEST);
        self.retry = Some(Retry { at: Instant::now() + after, after });
    }

    async fn try_to_end(&mut self) {
        match self.inner.recorder.shutdown().await {
            // Somebody ended it in the store: there is nothing left that could be stored.
            Ok(()) | Err(ThreadStoreError::ThreadNotFound { absence: Absence::NotLive, .. }) => self.end(),
            Err(_) => {}
        }
    }

    fn end(&mut self) {
        for Submission { id, work, .. } in self.inner.mailbox.close(Closing::Ended) {
            match work {
                Work::Op(op) => self.refuse_at_end(id, &op),
                Work::Inject(_, reply) => drop(reply.send(Err(self.ended()))),
                Work::Flush(reply) => drop(reply.send(Err(self.ended()))),
                Work::Discard(reply) => drop(reply.send(())),
            }
        }
        self.done = true;
        // Forgotten before anybody hears of the end: whoever waits for it finds its place free.
        self.inner.leave();
        self.inner.tell(self.ending, EventMsg::ShutdownComplete);
        self.inner.outbox.close();
        self.inner.set_status(ThreadStatus::Stopped);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let waiting = self.inner.mailbox.close(Closing::Failed);
        self.drop_turns();
        for Submission { id, .. } in waiting.iter().filter(|submission| is_turn(submission)) {
            self.never_begun(*id, AbortReason::Interrupted);
        }
        let message = "the thread is not driven any more; resume it to go on".to_owned();
        self.inner.tell(None, EventMsg::Error { message });
        self.inner.outbox.close();
        self.inner.set_status(ThreadStatus::Failed);
    }
}
