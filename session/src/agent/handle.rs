//! What an agent holds during a turn: the way to record, to show, and to be sure.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use threadlog::ThreadId;
use threadlog::item::typed::TokenCount;
use threadlog::live::NewItem;
use threadlog::thread_store::{Report, ThreadStoreError};
use tokio::runtime::Handle;

use crate::error;
use crate::event::{Event, EventMsg};
use crate::items;
use crate::op::SubmissionId;
use crate::thread::outbox::Outbox;
use crate::thread::recorder::{Recorder, Refusal, Writer};

/// The way from an agent into its thread, for one turn. Cheap to clone; clones are one handle. When the turn is over
/// it refuses everything: nothing comes behind a turn's end.
#[derive(Clone)]
pub struct TurnHandle {
    shared: Arc<Shared>,
}

struct Shared {
    thread_id: ThreadId,
    turn_id: String,
    number: u64,
    submission: SubmissionId,
    ephemeral: bool,
    recorder: Arc<Recorder>,
    outbox: Arc<Outbox>,
    runtime: Handle,
}

/// Why a thread did not take what its agent gave it. Nothing of it was taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnRefusal {
    /// The turn is over: it was interrupted, or it has ended.
    #[error("the turn is over; return")]
    TurnOver,
    /// The items cannot be, or storing has failed for so long that no more is kept.
    #[error(transparent)]
    Store(#[from] ThreadStoreError),
}

impl From<Refusal> for TurnRefusal {
    fn from(refusal: Refusal) -> TurnRefusal {
        match refusal {
            Refusal::TurnOver => TurnRefusal::TurnOver,
            Refusal::Store(error) => TurnRefusal::Store(error),
        }
    }
}

impl TurnHandle {
    pub(crate) fn new(
        (thread_id, ephemeral): (ThreadId, bool),
        turn_id: &str,
        (number, submission): (u64, SubmissionId),
        recorder: Arc<Recorder>,
        outbox: Arc<Outbox>,
        runtime: Handle,
    ) -> TurnHandle {
        let turn_id = turn_id.to_owned();
        let shared = Shared { thread_id, turn_id, number, submission, ephemeral, recorder, outbox, runtime };
        TurnHandle { shared: Arc::new(shared) }
    }

    /// The thread.
    #[must_use]
    pub fn thread_id(&self) -> ThreadId {
        self.shared.thread_id
    }

    /// The turn's id.
    #[must_use]
    pub fn turn_id(&self) -> &str {
        &self.shared.turn_id
    }

    /// Records items, all or none, in order. They are told as events and will be stored once; they need not be durable
    /// yet. While storing fails they are kept, up to 16 MiB.
    ///
    /// Waits while the listener has too many events to read. Dropped meanwhile, all of them are recorded and told, or
    /// none is.
    ///
    /// # Errors
    /// `TurnOver`; `Store` for items that cannot be or are not the agent's to write (`session_meta`, turns' starts and
    /// ends, the user's messages), and if more than is kept cannot be stored.
    pub async fn record(&self, items: Vec<NewItem>) -> Result<(), TurnRefusal> {
        self.shared.outbox.room().await;
        let (number, submission) = (self.shared.number, self.shared.submission);
        let recorder = Arc::clone(&self.shared.recorder);
        let record = async move { recorder.record(Writer::Turn(number), items, Some(submission)).await };
        self.apart("record", record).await
    }

    /// Records what the agent says: for the model, and for people.
    ///
    /// # Errors
    /// As [`TurnHandle::record`].
    pub async fn message(&self, text: &str) -> Result<(), TurnRefusal> {
        self.record(items::agent_message(text)?).await
    }

    /// Records how many tokens the thread used so far, all turns together.
    ///
    /// # Errors
    /// As [`TurnHandle::record`].
    pub async fn token_count(&self, total: TokenCount) -> Result<(), TurnRefusal> {
        self.record(items::token_count(total)?).await
    }

    /// Records a compaction: from now on the model sees `replacement`, or without it the users' messages and the
    /// summary. Items of the model's API, as JSON.
    ///
    /// # Errors
    /// As [`TurnHandle::record`].
    pub async fn compacted(&self, summary: &str, replacement: Option<&[Value]>) -> Result<(), TurnRefusal> {
        self.record(items::compacted(summary, replacement)?).await
    }

    /// Shows something that is not stored: a part of a text, progress. Waits like [`TurnHandle::record`].
    ///
    /// # Errors
    /// `TurnOver`; `Store` if it cannot be written as JSON.
    pub async fn show<T: Serialize + ?Sized>(&self, payload: &T) -> Result<(), TurnRefusal> {
        let json = serde_json::to_vec(payload);
        let json = json.map_err(|error| Report::new("show", "the payload is no JSON").because(error).invalid())?;
        self.show_json(Bytes::from(json)).await
    }

    /// As [`TurnHandle::show`], of what is JSON already.
    pub(crate) async fn show_json(&self, json: Bytes) -> Result<(), TurnRefusal> {
        let Shared { number, submission, recorder, outbox, .. } = &*self.shared;
        outbox.room().await;
        Ok(recorder.show(*number, Event::new(Some(*submission), EventMsg::Shown(json))).await?)
    }

    /// Makes everything that the thread accepted so far durable, for an agent that wants to be sure before it acts.
    ///
    /// # Errors
    /// Why it is not; it is kept, and tried again.
    pub async fn flush(&self) -> Result<(), TurnRefusal> {
        self.store("flush", false).await
    }

    /// The thread's own file, for tools that read it; `operation` names them in the error. Stores the thread first.
    ///
    /// # Errors
    /// `Unsupported` if the store has no file for the thread; as [`TurnHandle::flush`].
    pub async fn transcript_path(&self, operation: &'static str) -> Result<std::path::PathBuf, TurnRefusal> {
        if self.shared.ephemeral {
            return Err(error::pathless(operation, self.thread_id()).into());
        }
        let path = self.shared.recorder.live().require_local_path(operation)?;
        self.store(operation, true).await?;
        Ok(path)
    }

    async fn store(&self, operation: &'static str, wanted: bool) -> Result<(), TurnRefusal> {
        let recorder = Arc::clone(&self.shared.recorder);
        self.apart(operation, async move { recorder.store(wanted).await.map_err(Refusal::Store) }).await
    }

    /// Does something with the recorder in a task of its own: an agent that is dropped in the middle must not leave items
    /// that are stored and not told, or that were kept, are stored now, and are offered again.
    async fn apart(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<(), Refusal>> + Send + 'static,
    ) -> Result<(), TurnRefusal> {
        match self.shared.runtime.spawn(work).await {
            Ok(done) => Ok(done?),
            Err(error) => {
                let report = Report::new(operation, "it was cut off by the end of the runtime, or by a fault below");
                Err(report.of(self.thread_id()).because(error).internal().into())
            }
        }
    }
}

impl fmt::Debug for TurnHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { thread_id, turn_id, .. } = &*self.shared;
        f.debug_struct("TurnHandle").field("thread", thread_id).field("turn", turn_id).finish_non_exhaustive()
    }
}
