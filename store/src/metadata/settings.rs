//! What turns run with: from `turn_context`, and from settings changed between turns.

use serde::{Deserialize, Serialize};

use super::place::At;
use super::register::{First, Latest};
use crate::item::json::Object;

/// The latest settings, and the first turn's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    /// Of a changed setting. Overrides the session's; a turn's does not.
    pub(super) cwd: Latest<String>,
    /// The first turn's, for sessions that state none.
    pub(super) turn_cwd: First<String>,
    pub(super) model: Latest<String>,
    pub(super) model_provider: Latest<String>,
    /// `None` where a model was chosen without saying how hard it is to think.
    pub(super) reasoning_effort: Latest<Option<String>>,
    pub(super) approval_policy: Latest<String>,
    pub(super) sandbox: Latest<String>,
}

impl Settings {
    /// Whether a turn of this ordinal could change anything.
    pub(super) fn wants_turn(&self, ordinal: u64) -> bool {
        self.turn_cwd.is_open(ordinal)
            || self.model.is_open(ordinal)
            || self.reasoning_effort.is_open(ordinal)
            || self.approval_policy.is_open(ordinal)
            || self.sandbox.is_open(ordinal)
    }

    /// Takes the payload of a `turn_context` in.
    pub(super) fn turn(&mut self, at: At, turn: &Object<'_>) {
        if let Some(cwd) = turn.full_text("cwd") {
            self.turn_cwd.state(at.ordinal, cwd);
        }
        self.both(at, turn, "effort");
    }

    /// Takes the `thread_settings` of a `thread_settings_applied` event in.
    pub(super) fn applied(&mut self, at: At, settings: &Object<'_>) {
        at.state(&mut self.cwd, settings.full_text("cwd"));
        at.state(&mut self.model_provider, settings.full_text("model_provider_id"));
        self.both(at, settings, "reasoning_effort");
    }

    fn both(&mut self, at: At, stated: &Object<'_>, effort_key: &str) {
        let model = stated.full_text("model");
        let effort = stated.full_text(effort_key);
        if model.is_some() || effort.is_some() {
            // An effort belongs to the model it was chosen with: it does not outlive it.
            self.reasoning_effort.state(at.ordinal, at.clock, effort);
        }
        at.state(&mut self.model, model);
        at.state(&mut self.approval_policy, policy(stated, "approval_policy"));
        at.state(&mut self.sandbox, policy(stated, "sandbox_policy"));
    }

    pub(super) fn join(&mut self, other: Settings) {
        self.cwd.join(other.cwd);
        self.turn_cwd.join(other.turn_cwd);
        self.model.join(other.model);
        self.model_provider.join(other.model_provider);
        self.reasoning_effort.join(other.reasoning_effort);
        self.approval_policy.join(other.approval_policy);
        self.sandbox.join(other.sandbox);
    }
}

/// A policy's name: the value itself if it is a string; an object's `type` or `mode`, else its only key.
fn policy(stated: &Object<'_>, key: &str) -> Option<String> {
    let Some(policy) = stated.object(key) else { return stated.full_text(key) };
    let only_key = || {
        let mut keys = policy.keys();
        keys.next().filter(|_| keys.next().is_none()).map(str::to_owned)
    };
    policy.full_text("type").or_else(|| policy.full_text("mode")).or_else(only_key)
}
