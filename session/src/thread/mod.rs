//! One running thread, seen from outside.

mod drive;
mod mailbox;
pub(crate) mod outbox;
pub(crate) mod recorder;
mod status;
mod turn;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
pub use status::ThreadStatus;
use threadlog::ThreadId;
use threadlog::item::typed::TokenCount;
use threadlog::live::{LiveThread, NewItem};
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{Absence, StoredThread, ThreadStoreError};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::agent::Agent;
use crate::config::{ThreadConfig, TurnSettings};
use crate::error::{self, Result, SessionError};
use crate::event::{Event, EventMsg, SessionConfigured};
use crate::op::{Op, SubmissionId};
use crate::thread::drive::Driver;
use crate::thread::mailbox::{Accepted, Closing, Mailbox, Work};
use crate::thread::outbox::Outbox;
use crate::thread::recorder::Recorder;

/// One running thread: operations go in, events come out.
///
/// A [`ThreadManager`](crate::ThreadManager) makes it and keeps it until it ends. When the manager has forgotten it and
/// its last handle is dropped it is shut down in the background, as by [`Op::Shutdown`].
///
/// Events have to be read: while 1024 of them wait, or 64 MiB in them, the agent waits, and so do operations.
pub struct CodexThread {
    inner: Arc<Inner>,
}

/// What the handle and the task that drives the thread share.
pub(crate) struct Inner {
    configured: Arc<SessionConfigured>,
    settings: Mutex<TurnSettings>,
    mailbox: Mailbox,
    outbox: Arc<Outbox>,
    recorder: Arc<Recorder>,
    status: watch::Sender<ThreadStatus>,
    agent: Arc<dyn Agent>,
    runtime: Handle,
    /// How many turns were begun: numbers their agents.
    turns: AtomicU64,
    /// Told once, when the thread has ended.
    ended: Mutex<Option<Ended>>,
}

/// Called with the thread's inner part when it has ended.
pub(crate) type Ended = Box<dyn FnOnce(&Arc<Inner>) + Send>;

/// What a thread is made of.
pub(crate) struct Parts {
    pub(crate) live: LiveThread,
    pub(crate) configured: SessionConfigured,
    pub(crate) agent: Arc<dyn Agent>,
    pub(crate) clock: Arc<dyn threadlog_engine::Clock>,
    pub(crate) runtime: Handle,
    pub(crate) ended: Ended,
}

impl CodexThread {
    /// Begins to run; the first event waits to be read.
    pub(crate) fn run(parts: Parts) -> CodexThread {
        let Parts { live, configured, agent, clock, runtime, ended } = parts;
        let outbox = Arc::new(Outbox::default());
        let recorder = Recorder::new(live, clock, Arc::clone(&outbox), configured.tokens);
        let configured = Arc::new(configured);
        outbox.push(Event::new(None, EventMsg::SessionConfigured(Arc::clone(&configured))));
        let inner = Inner {
            settings: Mutex::new(configured.config.settings.clone()),
            configured,
            mailbox: Mailbox::default(),
            outbox,
            recorder: Arc::new(recorder),
            status: watch::Sender::new(ThreadStatus::Idle),
            agent,
            runtime,
            turns: AtomicU64::new(0),
            ended: Mutex::new(Some(ended)),
        };
        CodexThread { inner: Arc::new(inner) }
    }

    /// The thread.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.inner.id()
    }

    /// Submits an operation; what comes of it is told by events that name the submission. Waits for a place while 256
    /// submissions wait to be done, except to end things. If it is dropped meanwhile nothing was submitted.
    ///
    /// # Errors
    /// `Ended` once the thread was told to shut down; `Failed` if nothing drives it any more.
    pub async fn submit(&self, op: Op) -> Result<SubmissionId> {
        let accepted = self.inner.mailbox.submit(Work::Op(op)).await;
        self.inner.accepted("submit", accepted)
    }

    /// The next event, in order; each goes to one caller. Waits until there is one; `None` once the thread has ended
    /// and all were read. If it is dropped meanwhile no event is lost.
    pub async fn next_event(&self) -> Option<Event> {
        self.inner.outbox.next().await
    }

    /// The next event, if one waits.
    #[must_use]
    pub fn try_next_event(&self) -> Option<Event> {
        self.inner.outbox.try_next()
    }

    /// How the thread is set up now.
    #[must_use]
    pub fn config(&self) -> ThreadConfig {
        ThreadConfig { settings: self.inner.settings.lock().clone(), ..self.inner.configured.config.clone() }
    }

    /// What the thread was when it came to run: its first event.
    #[must_use]
    pub fn session_configured(&self) -> &Arc<SessionConfigured> {
        &self.inner.configured
    }

    /// The last count of tokens: of this run, or of what was stored before.
    #[must_use]
    pub fn token_usage(&self) -> Option<TokenCount> {
        self.inner.recorder.tokens()
    }

    /// What the thread does, and a way to wait for it to do something else.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<ThreadStatus> {
        self.inner.status.subscribe()
    }

    /// Whether nothing of the thread is ever stored.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        self.inner.configured.config.ephemeral
    }

    /// Its persistence; `None` for an ephemeral thread. To read with: what is appended beside the thread is not told to
    /// it.
    #[must_use]
    pub fn live(&self) -> Option<&LiveThread> {
        (!self.is_ephemeral()).then(|| self.inner.recorder.live())
    }

    /// What is known of the thread by what is stored.
    ///
    /// # Errors
    /// `InvalidRequest` for an ephemeral thread; as [`LiveThread::read`]: `ThreadNotFound` if nothing is stored yet.
    pub async fn metadata(&self) -> Result<StoredThread> {
        Ok(self.stored("metadata")?.read().await?)
    }

    /// Changes what the user set of the thread. Stores it first, if nothing of it is stored.
    ///
    /// # Errors
    /// `InvalidRequest` for an ephemeral thread; as [`LiveThread::update_metadata`].
    pub async fn update_metadata(&self, patch: MetadataPatch) -> Result<StoredThread> {
        Ok(self.stored("update_metadata")?.update_metadata(patch).await?)
    }

    /// The thread's own file, where the store has one for each thread. Known from the start, also while the thread is not
    /// stored yet.
    #[must_use]
    pub fn rollout_path(&self) -> Option<PathBuf> {
        self.inner.configured.config.rollout_path.clone()
    }

    /// As [`CodexThread::rollout_path`], for code that cannot do without; `operation` names it in the error.
    ///
    /// # Errors
    /// `Unsupported` if there is no such file.
    pub fn require_rollout_path(&self, operation: &'static str) -> Result<PathBuf> {
        if self.is_ephemeral() {
            return Err(error::pathless(operation, self.id()).into());
        }
        Ok(self.inner.recorder.live().require_local_path(operation)?)
    }

    /// Adds items from outside any turn, between two of the agent's if one runs, and makes them durable. Says whether they
    /// are: if not, they are kept and storing is tried again.
    ///
    /// # Errors
    /// None of the items was accepted. As [`TurnHandle::record`](crate::TurnHandle::record), and as
    /// [`CodexThread::submit`].
    pub async fn inject_items(&self, items: Vec<NewItem>) -> Result<bool> {
        self.ask("inject_items", |reply| Work::Inject(items, reply)).await
    }

    /// Makes everything durable that the thread accepted. Also while it is ending.
    ///
    /// # Errors
    /// Why it is not; it is kept and storing is tried again.
    pub async fn flush(&self) -> Result<()> {
        self.ask("flush", Work::Flush).await
    }

    /// Submits [`Op::Shutdown`] and waits until the thread has ended. If it is dropped meanwhile the thread ends all the
    /// same. While storing fails this waits: [`CodexThread::discard`] is the other way out.
    ///
    /// # Errors
    /// `Failed` if nothing drives the thread any more.
    pub async fn shutdown(&self) -> Result<()> {
        match self.submit(Op::Shutdown).await {
            Ok(_) | Err(SessionError::Ended { .. }) => self.wait_until_ended("shutdown").await,
            Err(error) => Err(error),
        }
    }

    /// Ends the thread at once: the turn that runs is dropped, and what is not stored yet is gone. For when storing
    /// fails and nobody can wait for it any more.
    ///
    /// # Errors
    /// None that a caller could do something about: a thread that has ended is no error.
    pub async fn discard(&self) -> Result<()> {
        let (reply, replied) = oneshot::channel();
        let accepted = self.inner.mailbox.submit(Work::Discard(reply)).await;
        match self.inner.accepted("discard", accepted) {
            // An answer that never comes is an end, too.
            Ok(_) => drop(replied.await),
            Err(SessionError::Failed { .. }) => drop(self.inner.recorder.live().discard_now()),
            Err(_) => {}
        }
        Ok(())
    }

    /// Submits work that is answered, and waits for the answer.
    async fn ask<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(oneshot::Sender<Result<T>>) -> Work,
    ) -> Result<T> {
        let (reply, replied) = oneshot::channel();
        let accepted = self.inner.mailbox.submit(work(reply)).await;
        self.inner.accepted(operation, accepted)?;
        // The driver answers everything that it takes, unless it is gone.
        replied.await.unwrap_or_else(|_| Err(self.inner.closed(operation, Closing::Failed)))
    }

    async fn wait_until_ended(&self, operation: &'static str) -> Result<()> {
        let mut status = self.status();
        // The sender is ours: it is there as long as we are.
        let ended = status.wait_for(|status| status.is_over()).await.map(|status| status.clone());
        match ended {
            Ok(ThreadStatus::Failed) => Err(self.inner.closed(operation, Closing::Failed)),
            _ => Ok(()),
        }
    }

    fn stored(&self, operation: &'static str) -> Result<&LiveThread> {
        self.live().ok_or_else(|| error::ephemeral(operation, self.id()).into())
    }

    /// The history of an ephemeral thread, which nobody else has.
    pub(crate) fn private(&self) -> Option<&LiveThread> {
        self.is_ephemeral().then(|| self.inner.recorder.live())
    }

    /// Whether it was told to end, also while it has not heard of that yet.
    pub(crate) fn is_ending(&self) -> bool {
        self.inner.mailbox.is_closed()
    }

    pub(crate) fn is(&self, inner: &Arc<Inner>) -> bool {
        Arc::ptr_eq(&self.inner, inner)
    }

    /// Of a thread whose driver is gone: stores what it accepted and lets go of it.
    pub(crate) async fn recover(&self, operation: &'static str) -> Result<()> {
        let runtime = Handle::try_current().map_err(|_| SessionError::NoRuntime { operation })?;
        let recorder = Arc::clone(&self.inner.recorder);
        // A task of its own: whoever resumes may be dropped, and what is kept must not be offered twice.
        match runtime.spawn(async move { recorder.shutdown().await }).await {
            // Somebody has let go of it already.
            Ok(Err(ThreadStoreError::ThreadNotFound { absence: Absence::NotLive, .. })) => Ok(()),
            Ok(stored) => Ok(stored?),
            Err(_) => Err(self.inner.closed(operation, Closing::Failed)),
        }
    }
}

impl Inner {
    fn id(&self) -> ThreadId {
        self.configured.config.thread_id
    }

    fn accepted(
        self: &Arc<Self>,
        operation: &'static str,
        accepted: Result<Accepted, Closing>,
    ) -> Result<SubmissionId> {
        let Accepted { id, start } = accepted.map_err(|closing| self.closed(operation, closing))?;
        if start {
            let driver = Driver::new(Arc::clone(self));
            drop(self.runtime.spawn(driver.run()));
        }
        Ok(id)
    }

    fn closed(&self, operation: &'static str, closing: Closing) -> SessionError {
        let thread_id = self.id();
        match closing {
            Closing::Ended => SessionError::Ended { operation, thread_id },
            Closing::Failed => SessionError::Failed { operation, thread_id },
        }
    }

    fn tell(&self, submission: Option<SubmissionId>, msg: EventMsg) {
        self.outbox.push(Event::new(submission, msg));
    }

    fn set_status(&self, status: ThreadStatus) {
        self.status.send_if_modified(|now| std::mem::replace(now, status.clone()) != status);
    }

    fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells whoever keeps the thread that it has ended.
    fn leave(self: &Arc<Self>) {
        let ended = self.ended.lock().take();
        if let Some(ended) = ended {
            ended(self);
        }
    }
}

impl Drop for CodexThread {
    fn drop(&mut self) {
        let accepted = self.inner.mailbox.submit_now(Work::Op(Op::Shutdown), None);
        // One that has ended has nothing more to do.
        let _ = self.inner.accepted("drop", accepted);
    }
}

impl fmt::Debug for CodexThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodexThread")
            .field("id", &self.id())
            .field("status", &*self.inner.status.borrow())
            .finish_non_exhaustive()
    }
}
