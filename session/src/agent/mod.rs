//! What happens in a turn: the embedder's part.

mod handle;
mod script;

use std::error::Error;

use async_trait::async_trait;
use threadlog::ThreadId;
use threadlog::context::ModelContext;

pub use handle::{TurnHandle, TurnRefusal};
pub use script::{Script, ScriptedAgent};

use crate::config::{ThreadConfig, TurnSettings};
use crate::op::UserInput;

/// Why an agent could not do a turn.
pub type AgentFailure = Box<dyn Error + Send + Sync>;

/// Runs turns. One agent may serve many threads at once; a thread runs one turn at a time.
///
/// ```
/// use async_trait::async_trait;
/// use threadlog_session::{Agent, AgentFailure, Turn, TurnHandle};
///
/// struct Echo;
///
/// #[async_trait]
/// impl Agent for Echo {
///     async fn run_turn(&self, turn: Turn, handle: TurnHandle) -> Result<(), AgentFailure> {
///         let seen = turn.history.items.len();
///         handle.message(&format!("You said {:?}; before that I saw {seen} items.", turn.input)).await?;
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Agent: Send + Sync + 'static {
    /// Called before a thread is announced: started, resumed or forked.
    ///
    /// # Errors
    /// The thread is then let go of, and whoever wanted it is told why. Of a new one nothing is stored; a fork is
    /// stored by then and stays.
    async fn prepare(&self, config: &ThreadConfig) -> Result<(), AgentFailure> {
        let _ = config;
        Ok(())
    }

    /// Does one turn. Items that it records through `handle` are the thread's, in that order; the session writes what
    /// marks the turn's start and end, and what the user said.
    ///
    /// It runs as a task of its own and is cancelled by dropping it, at any await: what it recorded stays. It must not
    /// block the runtime's threads. A panic ends the turn and not the thread.
    ///
    /// # Errors
    /// The turn is then aborted with the error's text.
    async fn run_turn(&self, turn: Turn, handle: TurnHandle) -> Result<(), AgentFailure>;
}

/// A turn to be done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Turn {
    /// The thread.
    pub thread_id: ThreadId,
    /// The turn's id, which its records state.
    pub turn_id: String,
    /// What it is for.
    pub kind: TurnKind,
    /// What the model sees of the thread before this turn, rebuilt from what is stored.
    pub history: ModelContext,
    /// What the user says; empty if no user began it.
    pub input: Vec<UserInput>,
    /// The settings of this turn.
    pub settings: TurnSettings,
    /// Instructions that come before all others.
    pub base_instructions: Option<String>,
}

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnKind {
    /// To answer the user.
    User,
    /// To replace the history by a shorter one ([`TurnHandle::compacted`]); a turn that does not is aborted.
    Compact,
}

impl TurnKind {
    /// As protocols write it: "user", "compact".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TurnKind::User => "user",
            TurnKind::Compact => "compact",
        }
    }
}
