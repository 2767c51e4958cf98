//! How a running thread is set up.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use threadlog::ThreadId;
use threadlog::item::typed::TurnContext;

/// Settings of turns. `None` stands for "as before" in an operation, and for "not stated" in a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TurnSettings {
    /// Working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How hard it is to think: "low", "high".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// When to ask: "on-request", "never".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<String>,
    /// What tools may touch: "read-only", "workspace-write", "danger-full-access".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

impl TurnSettings {
    /// What a stored turn was run with.
    #[must_use]
    pub fn of(turn: &TurnContext) -> TurnSettings {
        TurnSettings {
            cwd: turn.cwd.clone(),
            model: turn.model.clone(),
            effort: turn.effort.clone(),
            approval_policy: turn.approval_policy.clone(),
            sandbox: turn.sandbox.clone(),
        }
    }

    /// These, where they state something, else `before`.
    #[must_use]
    pub fn over(self, before: &TurnSettings) -> TurnSettings {
        let or = |new: Option<String>, old: &Option<String>| new.or_else(|| old.clone());
        TurnSettings {
            cwd: or(self.cwd, &before.cwd),
            model: or(self.model, &before.model),
            effort: or(self.effort, &before.effort),
            approval_policy: or(self.approval_policy, &before.approval_policy),
            sandbox: or(self.sandbox, &before.sandbox),
        }
    }
}

/// How a thread came to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It is new.
    Started,
    /// It is a stored thread that goes on.
    Resumed,
    /// It began as a fork of this thread.
    Forked(ThreadId),
    /// It began with items that the caller supplied.
    Supplied,
}

/// How a running thread is set up: what does not change while it runs, and the settings of its next turn.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadConfig {
    /// The thread.
    pub thread_id: ThreadId,
    /// How it came to run.
    pub origin: Origin,
    /// Whether nothing of it is ever stored.
    pub ephemeral: bool,
    /// The thread whose agent started this one.
    pub parent_thread: Option<ThreadId>,
    /// What started it, as metadata names it: "cli", "subagent:thread_spawn".
    pub source: String,
    /// The program that runs the agent.
    pub originator: Option<String>,
    /// The provider of the model.
    pub model_provider: Option<String>,
    /// Instructions that come before all others.
    pub base_instructions: Option<String>,
    /// The thread's own file, where the store has one for each thread; read once, when the thread came to run.
    pub rollout_path: Option<PathBuf>,
    /// Settings of the next turn.
    pub settings: TurnSettings,
}
