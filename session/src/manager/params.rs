//! What the manager is told when a thread is to run, and what it answers.

use std::path::PathBuf;
use std::sync::Arc;

use threadlog::ThreadId;
use threadlog::policy::PersistencePolicy;
use threadlog::thread_store::{CreateThreadParams, ForkPosition, InterruptMarker};

use crate::agent::Agent;
use crate::config::TurnSettings;
use crate::event::SessionConfigured;
use crate::thread::CodexThread;

/// How to start a thread.
///
/// ```
/// use threadlog::thread_store::SessionSource;
/// use threadlog_session::StartParams;
///
/// let mut params = StartParams::default();
/// params.create.source = SessionSource::Cli;
/// params.settings.cwd = Some("/projects/mine".to_owned());
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct StartParams {
    /// Its id, reserved by the caller. Default: `None`: the manager's generator gives one.
    pub thread_id: Option<ThreadId>,
    /// What its creation fixes. The id in it counts for nothing; its directory is that of the settings, unless it is
    /// given.
    pub create: CreateThreadParams,
    /// Settings of its first turn.
    pub settings: TurnSettings,
    /// Whether nothing of it is ever stored. Default: no.
    pub ephemeral: bool,
    /// What runs its turns. Default: the manager's agent.
    pub agent: Option<Arc<dyn Agent>>,
}

impl Default for StartParams {
    fn default() -> StartParams {
        StartParams {
            thread_id: None,
            create: CreateThreadParams::new(nobody()),
            settings: TurnSettings::default(),
            ephemeral: false,
            agent: None,
        }
    }
}

/// How to go on with a stored thread.
#[derive(Clone)]
#[non_exhaustive]
pub struct ResumeParams {
    /// The thread.
    pub thread_id: ThreadId,
    /// Whether it may be archived. Default: no.
    pub include_archived: bool,
    /// The file that the caller takes for the thread's: another one is refused. Default: `None`.
    pub rollout_path: Option<PathBuf>,
    /// Settings of its next turn, over those of its last. Of a thread that runs already they count for nothing.
    pub settings: TurnSettings,
    /// Which items are kept. Default: as its history mode says.
    pub policy: PersistencePolicy,
    /// What runs its turns. Default: the manager's agent.
    pub agent: Option<Arc<dyn Agent>>,
}

impl ResumeParams {
    /// This thread, unless it is archived.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> ResumeParams {
        ResumeParams {
            thread_id,
            include_archived: false,
            rollout_path: None,
            settings: TurnSettings::default(),
            policy: PersistencePolicy::default(),
            agent: None,
        }
    }

    /// The same, archived or not.
    #[must_use]
    pub fn with_archived(mut self) -> ResumeParams {
        self.include_archived = true;
        self
    }
}

/// How to fork a thread.
#[derive(Clone)]
#[non_exhaustive]
pub struct ForkParams {
    /// The thread to fork: stored, or running.
    pub source: ThreadId,
    /// Whether it may be archived. Default: yes.
    pub include_archived: bool,
    /// How much of it the fork has. Default: all, and a turn in the middle of which it ends is shown as interrupted.
    pub position: ForkPosition,
    /// What tells the model that a turn was interrupted. Default: a user's message.
    pub interrupt_marker: InterruptMarker,
    /// Whether the source's name becomes the fork's. Default: no.
    pub inherit_name: bool,
    /// The fork: its settings are over those of the source's last turn.
    pub new: StartParams,
}

impl ForkParams {
    /// All of this thread, under a new id.
    #[must_use]
    pub fn new(source: ThreadId) -> ForkParams {
        ForkParams {
            source,
            include_archived: true,
            position: ForkPosition::default(),
            interrupt_marker: InterruptMarker::default(),
            inherit_name: false,
            new: StartParams::default(),
        }
    }

    /// The same, with this much of it.
    #[must_use]
    pub fn at(mut self, position: ForkPosition) -> ForkParams {
        self.position = position;
        self
    }

    /// The same, as a thread of which nothing is stored.
    #[must_use]
    pub fn ephemeral(mut self) -> ForkParams {
        self.new.ephemeral = true;
        self
    }
}

/// A thread that runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewThread {
    /// Its id.
    pub thread_id: ThreadId,
    /// The thread.
    pub thread: Arc<CodexThread>,
    /// Its first event, which waits to be read too.
    pub session_configured: Arc<SessionConfigured>,
}

/// What became of the threads at [`ThreadManager::shutdown_all`](crate::ThreadManager::shutdown_all), each list sorted by
/// the text of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// They have ended, and are forgotten.
    pub completed: Vec<ThreadId>,
    /// Nothing drives them any more, so they could not be told to end. What they accepted is the store's to keep; resume
    /// them to be sure.
    pub submit_failed: Vec<ThreadId>,
    /// They did not end in time; they go on ending.
    pub timed_out: Vec<ThreadId>,
}

/// The id in creation parameters that the manager replaces.
fn nobody() -> ThreadId {
    ThreadId::from_uuid(uuid::Uuid::nil())
}
