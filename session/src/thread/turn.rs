//! The turns of a thread: how they begin, run and end.

use std::sync::Arc;
use std::time::Duration;

use threadlog::context::ModelContext;
use threadlog::live::NewItem;
use threadlog::thread_store::{Report, Result, ThreadStoreError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use uuid::Uuid;

use crate::agent::{AgentFailure, Turn, TurnHandle, TurnKind};
use crate::config::TurnSettings;
use crate::event::{AbortReason, EventMsg};
use crate::items;
use crate::op::{Op, SubmissionId, UserInput};
use crate::thread::ThreadStatus;
use crate::thread::drive::Driver;
use crate::thread::mailbox::{Submission, Work};
use crate::thread::recorder::{Refusal, TurnFacts, Writer};

/// How long an agent that blocks its executor thread is waited for when its turn is interrupted. It can record nothing more
/// in any case.
const DROP_GRACE: Duration = Duration::from_secs(1);

/// A turn that was submitted and not begun.
pub(super) struct Waiting {
    pub(super) submission: SubmissionId,
    pub(super) wanted: Wanted,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// What a turn is to do.
pub(super) enum Wanted {
    /// Answer the user.
    User { input: Vec<UserInput>, settings: TurnSettings },
    /// Replace the history by a shorter one.
    Compaction,
}

/// The turn that runs.
pub(super) struct Running {
    submission: SubmissionId,
    turn_id: String,
    kind: TurnKind,
    task: JoinHandle<Result<(), AgentFailure>>,
    /// Freed for another submission when the turn has ended.
    _place: Option<OwnedSemaphorePermit>,
}

/// How a turn's agent came to its end.
pub(super) enum End {
    Returned(Result<(), AgentFailure>),
    Unwound(JoinError),
    Interrupted,
}

impl Running {
    /// Waits until the agent is done.
    pub(super) async fn over(&mut self) -> End {
        match (&mut self.task).await {
            Ok(returned) => End::Returned(returned),
            Err(error) => End::Unwound(error),
        }
    }

    pub(super) fn abort(&self) {
        self.task.abort();
    }
}

impl Driver {
    /// Begins a turn, on history that is stored.
    pub(super) async fn begin(&mut self, waiting: Waiting) {
        let Waiting { submission, wanted, place } = waiting;
        let history = match self.history().await {
            Ok(history) => history,
            Err(error) => return self.never_begun(submission, AbortReason::Storage(error.to_string())),
        };
        if let Some(why) = refusal(&wanted, &history) {
            return self.never_begun(submission, AbortReason::Failed(why.to_owned()));
        }
        let turn_id = Uuid::now_v7().to_string();
        self.between = Some((submission, Some(turn_id.clone())));
        self.inner.tell(Some(submission), EventMsg::TurnStarted { turn_id: turn_id.clone() });
        self.inner.set_status(ThreadStatus::Running { turn_id: turn_id.clone() });
        let turn = self.turn(turn_id, wanted, history);
        if let Err(error) = self.record_start(submission, &turn).await {
            let reason = AbortReason::Failed(error.to_string());
            let end = EventMsg::TurnAborted { turn_id: Some(turn.turn_id), reason, stored: true };
            self.inner.tell(Some(submission), end);
            return self.inner.set_status(ThreadStatus::Idle);
        }
        // From here on the thread is stored. If that fails it is told, and tried again at the turn's end.
        let _ = self.inner.recorder.store(true).await;
        let number = self.inner.next_turn();
        self.inner.recorder.open_turn(number).await;
        let (turn_id, kind) = (turn.turn_id.clone(), turn.kind);
        let handle = TurnHandle::new(
            (turn.thread_id, self.inner.configured.config.ephemeral),
            &turn_id,
            (number, submission),
            Arc::clone(&self.inner.recorder),
            Arc::clone(&self.inner.outbox),
            self.inner.runtime.clone(),
        );
        let agent = Arc::clone(&self.inner.agent);
        let task = self.inner.runtime.spawn(async move { agent.run_turn(turn, handle).await });
        self.running = Some(Running { submission, turn_id, kind, task, _place: place });
    }

    /// What the model sees, once everything that was said before is stored.
    async fn history(&self) -> Result<ModelContext> {
        self.inner.recorder.store(false).await?;
        self.inner.recorder.context().await
    }

    fn turn(&self, turn_id: String, wanted: Wanted, history: ModelContext) -> Turn {
        let config = &self.inner.configured.config;
        let mut settings = self.inner.settings.lock();
        let (kind, input) = match wanted {
            Wanted::Compaction => (TurnKind::Compact, Vec::new()),
            Wanted::User { input, settings: new } => {
                *settings = new.over(&settings);
                (TurnKind::User, input)
            }
        };
        Turn {
            thread_id: config.thread_id,
            turn_id,
            kind,
            history,
            input,
            settings: settings.clone(),
            base_instructions: config.base_instructions.clone(),
        }
    }

    async fn record_start(&self, submission: SubmissionId, turn: &Turn) -> Result<()> {
        let start = match turn.kind {
            TurnKind::User => items::user_turn(&turn.turn_id, &turn.settings, &turn.input)?,
            TurnKind::Compact => items::turn_started(&turn.turn_id)?,
        };
        self.record(submission, start).await
    }

    async fn record(&self, submission: SubmissionId, items: Vec<NewItem>) -> Result<()> {
        match self.inner.recorder.record(Writer::Session, items, Some(submission)).await {
            Ok(()) => Ok(()),
            Err(Refusal::Store(error)) => Err(error),
            Err(Refusal::TurnOver) => Err(over(self)),
        }
    }

    /// Ends the turn that runs: nothing comes behind its end, and its items are stored before that is told.
    pub(super) async fn finish(&mut self, end: End) {
        let Some(Running { submission, turn_id, kind, .. }) = self.running.take() else { return };
        self.between = Some((submission, Some(turn_id.clone())));
        let facts = self.inner.recorder.close_turn().await;
        let (items, reason) = match failure(end, kind, &facts) {
            None => (items::turn_complete(&turn_id, facts.last_agent_message.as_deref()), None),
            Some(AbortReason::Failed(error)) => {
                (items::turn_failed(&turn_id, &error), Some(AbortReason::Failed(error)))
            }
            Some(reason) => (items::turn_interrupted(&turn_id), Some(reason)),
        };
        let recorded = match items {
            Ok(items) => self.record(submission, items).await,
            Err(error) => Err(error),
        };
        let stored = self.inner.recorder.store(false).await.is_ok() && recorded.is_ok();
        let last_agent_message = facts.last_agent_message;
        let told = match reason {
            None => EventMsg::TurnComplete { turn_id, last_agent_message, stored },
            Some(reason) => EventMsg::TurnAborted { turn_id: Some(turn_id), reason, stored },
        };
        self.inner.tell(Some(submission), told);
        self.between = None;
        if self.is_taking() {
            self.inner.set_status(ThreadStatus::Idle);
        }
    }

    /// Ends the turns that were submitted before `id`, and says how many.
    pub(super) async fn interrupt(&mut self, id: SubmissionId) -> u64 {
        let mut turns = 0;
        if let Some(running) = &mut self.running {
            if running.task.is_finished() {
                let end = running.over().await;
                self.finish(end).await;
            } else {
                running.abort();
                // Dropped at its next await; what blocks is left behind.
                let _ = timeout(DROP_GRACE, running.over()).await;
                self.finish(End::Interrupted).await;
                turns += 1;
            }
        }
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.submission);
        for submission in waiting.chain(self.inner.mailbox.take_turns_before(id)) {
            self.never_begun(submission, AbortReason::Interrupted);
            turns += 1;
        }
        turns
    }

    /// Ends all turns without a trace of the end in the thread.
    pub(super) fn drop_turns(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            self.between = Some((running.submission, Some(running.turn_id)));
        }
        if let Some((submission, turn_id)) = self.between.take() {
            let (stored, reason) = (turn_id.is_none(), AbortReason::Interrupted);
            self.inner.tell(Some(submission), EventMsg::TurnAborted { turn_id, reason, stored });
        }
        for waiting in std::mem::take(&mut self.waiting) {
            self.never_begun(waiting.submission, AbortReason::Interrupted);
        }
    }
}

/// Whether a submission asks for a turn.
pub(super) fn is_turn(submission: &Submission) -> bool {
    matches!(submission.work, Work::Op(Op::UserTurn { .. } | Op::Compact))
}

/// Why a turn makes no sense.
fn refusal(wanted: &Wanted, history: &ModelContext) -> Option<&'static str> {
    match wanted {
        Wanted::User { input, .. } if input.is_empty() => Some("a turn without input; say something"),
        Wanted::Compaction if history.items.is_empty() => Some("there is nothing to compact"),
        _ => None,
    }
}

/// Why a turn did not end as it should; `None` if it did.
fn failure(end: End, kind: TurnKind, facts: &TurnFacts) -> Option<AbortReason> {
    match end {
        End::Interrupted => Some(AbortReason::Interrupted),
        End::Returned(Ok(())) if kind == TurnKind::Compact && !facts.compacted => {
            Some(AbortReason::Failed("the agent returned without compacting".to_owned()))
        }
        End::Returned(Ok(())) => None,
        End::Returned(Err(error)) => Some(AbortReason::Failed(error.to_string())),
        End::Unwound(error) => Some(AbortReason::Failed(panicked(error))),
    }
}

fn panicked(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else { return "the agent's runtime was shut down".to_owned() };
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("the agent panicked: {}", text.unwrap_or("without a message"))
}

fn over(driver: &Driver) -> ThreadStoreError {
    Report::new("record", "the turn is over").of(driver.inner.id()).internal()
}
