//! How the session started: `session_meta`, of which a forked or resumed file has several.

use serde::{Deserialize, Serialize};

use super::patch::MemoryMode;
use super::place::At;
use super::register::{First, Latest};
use crate::item::Timestamp;
use crate::item::json::Object;
use crate::item::typed::{Git, SessionMeta};
use crate::thread::ThreadId;

/// What the thread's `session_meta` items say.
///
/// The first that names this thread is canonical; later ones that name it change memory mode and git.
/// Those of other threads came with copied history and say nothing, unless none names this thread:
/// then the first of all is canonical.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sessions {
    start: First<Box<Start>>,
    memory_mode: Latest<MemoryMode>,
    git: Latest<Git>,
    /// Empty once there is an own one, so that no order of items leaves another state.
    stranger: First<Box<Stranger>>,
}

/// What is kept of a canonical `session_meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) session: Option<String>,
    pub(super) forked_from: Option<String>,
    pub(super) parent_thread: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) originator: Option<String>,
    pub(super) cli_version: Option<String>,
    pub(super) source: Option<String>,
    pub(super) thread_source: Option<String>,
    pub(super) model_provider: Option<String>,
    pub(super) history_mode: Option<String>,
    pub(super) agent_nickname: Option<String>,
    pub(super) agent_role: Option<String>,
    pub(super) agent_path: Option<String>,
}

/// The first `session_meta` of a thread that has none of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stranger {
    start: Start,
    memory_mode: Latest<MemoryMode>,
    git: Latest<Git>,
}

impl Sessions {
    /// Takes a `session_meta` in; `object` is its payload.
    pub(super) fn meta(&mut self, thread: ThreadId, at: At, meta: SessionMeta, object: &Object<'_>) {
        let memory_mode = meta.memory_mode.as_deref().and_then(|mode| mode.parse().ok());
        if meta.id.as_deref().and_then(|id| id.parse().ok()) != Some(thread) {
            if self.start.get().is_none() && self.stranger.is_open(at.ordinal) {
                let mut stranger = Stranger::default();
                at.state(&mut stranger.memory_mode, memory_mode);
                at.state(&mut stranger.git, meta.git.clone());
                stranger.start = Start::of(meta, object);
                self.stranger.state(at.ordinal, Box::new(stranger));
            }
            return;
        }
        self.stranger = First::default();
        at.state(&mut self.memory_mode, memory_mode);
        at.state(&mut self.git, meta.git.clone());
        if self.start.is_open(at.ordinal) {
            self.start.state(at.ordinal, Box::new(Start::of(meta, object)));
        }
    }

    pub(super) fn join(&mut self, other: Sessions) {
        self.start.join(other.start);
        self.memory_mode.join(other.memory_mode);
        self.git.join(other.git);
        self.stranger.join(other.stranger);
        if self.start.get().is_some() {
            self.stranger = First::default();
        }
    }

    pub(super) fn start(&self) -> Option<&Start> {
        let stranger = || self.stranger.get().map(|stranger| &stranger.start);
        self.start.get().map(Box::as_ref).or_else(stranger)
    }

    pub(super) fn memory_mode(&self) -> Option<MemoryMode> {
        self.stranger.get().map_or(&self.memory_mode, |stranger| &stranger.memory_mode).get().copied()
    }

    pub(super) fn git(&self) -> &Latest<Git> {
        self.stranger.get().map_or(&self.git, |stranger| &stranger.git)
    }
}

impl Start {
    fn of(meta: SessionMeta, object: &Object<'_>) -> Start {
        let spawned_path = || {
            let spawn = object.object("source")?.object("subagent")?.object("thread_spawn")?;
            spawn.full_text("agent_path")
        };
        Start {
            timestamp: meta.timestamp,
            session: object.full_text("session_id"),
            forked_from: meta.forked_from,
            parent_thread: meta.parent_thread,
            cwd: meta.cwd,
            originator: meta.originator,
            cli_version: meta.cli_version,
            source: meta.source,
            thread_source: object.full_text("thread_source"),
            model_provider: meta.model_provider,
            history_mode: meta.history_mode,
            agent_nickname: meta.agent_nickname,
            agent_role: meta.agent_role,
            agent_path: object.full_text("agent_path").or_else(spawned_path),
        }
    }
}
