//! How a session started, and the settings of its turns.

use serde::{Deserialize, Serialize};

use crate::item::Timestamp;
use crate::item::json::{self, Object};

/// `session_meta`, or the first line of the format without envelopes. Empty strings count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionMeta {
    /// The thread's id.
    pub id: Option<String>,
    /// When the session started.
    pub timestamp: Option<Timestamp>,
    /// The thread this one was forked from.
    pub forked_from: Option<String>,
    /// The thread that started this one as a sub-agent.
    pub parent_thread: Option<String>,
    /// Working directory.
    pub cwd: Option<String>,
    /// The program that ran the agent: "codex_cli_rs", "codex_vscode".
    pub originator: Option<String>,
    /// Its version.
    pub cli_version: Option<String>,
    /// Where the session came from: "cli", "vscode", "exec", "subagent:thread_spawn", "custom:name".
    pub source: Option<String>,
    /// The provider of the model.
    pub model_provider: Option<String>,
    /// The repository the agent worked in.
    pub git: Option<Git>,
    /// Instructions given to the model: `base_instructions`, or the old format's `instructions`.
    pub instructions: Option<String>,
    /// "legacy" or "paginated".
    pub history_mode: Option<String>,
    /// "enabled", "disabled", "polluted".
    pub memory_mode: Option<String>,
    /// A sub-agent's name.
    pub agent_nickname: Option<String>,
    /// A sub-agent's role.
    pub agent_role: Option<String>,
}

/// State of a git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Git {
    /// The commit checked out.
    pub commit_hash: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// Where the repository was cloned from.
    pub repository_url: Option<String>,
}

impl SessionMeta {
    pub(super) fn read(object: &Object<'_>) -> SessionMeta {
        let instructions = match object.object("base_instructions") {
            Some(base) => base.full_text("text"),
            None => object.full_text("instructions"),
        };
        SessionMeta { instructions, ..SessionMeta::without_instructions(object) }
    }

    /// As [`SessionMeta::read`], but for the instructions, which are most of it.
    pub(crate) fn without_instructions(object: &Object<'_>) -> SessionMeta {
        let source = object.raw("source").and_then(source_name);
        let spawn = object
            .object("source")
            .and_then(|source| source.object("subagent"))
            .and_then(|subagent| subagent.object("thread_spawn"));
        let spawned = |key| spawn.as_ref().and_then(|spawn| spawn.full_text(key));
        SessionMeta {
            id: object.full_text("id"),
            timestamp: object.text("timestamp").and_then(|text| Timestamp::parse_any(&text)),
            forked_from: object.full_text("forked_from_id"),
            parent_thread: object.full_text("parent_thread_id").or_else(|| spawned("parent_thread_id")),
            cwd: object.full_text("cwd"),
            originator: object.full_text("originator"),
            cli_version: object.full_text("cli_version"),
            source,
            model_provider: object.full_text("model_provider"),
            git: object.object("git").map(|git| Git::read(&git)),
            instructions: None,
            history_mode: object.full_text("history_mode"),
            memory_mode: object.full_text("memory_mode"),
            agent_nickname: object.full_text("agent_nickname").or_else(|| spawned("agent_nickname")),
            agent_role: object
                .full_text("agent_role")
                .or_else(|| object.full_text("agent_type"))
                .or_else(|| spawned("agent_role")),
        }
    }
}

impl Git {
    fn read(object: &Object<'_>) -> Git {
        Git {
            commit_hash: object.full_text("commit_hash"),
            branch: object.full_text("branch"),
            repository_url: object.full_text("repository_url"),
        }
    }
}

/// `"cli"` is "cli", `{"subagent":{"thread_spawn":{…}}}` is "subagent:thread_spawn", `{"custom":"x"}` is "custom:x".
fn source_name(raw: &str) -> Option<String> {
    if let Some(text) = json::text(raw) {
        return Some(text.into_owned()).filter(|text| !text.is_empty());
    }
    let object = Object::parse(raw.as_bytes())?;
    let key = object.keys().next()?.to_owned();
    let inner = object.raw(&key)?;
    let detail = match json::text(inner) {
        Some(text) => Some(text.into_owned()),
        None => Object::parse(inner.as_bytes()).and_then(|inner| inner.keys().next().map(str::to_owned)),
    };
    Some(detail.map_or_else(|| key.clone(), |detail| format!("{key}:{detail}")))
}

/// `turn_context`. Empty strings count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnContext {
    /// The turn.
    pub turn_id: Option<String>,
    /// Working directory.
    pub cwd: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// How hard it is to think: "low", "high".
    pub effort: Option<String>,
    /// When to ask: "on-request", "never".
    pub approval_policy: Option<String>,
    /// The sandbox's `type`, or the whole value if it is a string.
    pub sandbox: Option<String>,
}

impl TurnContext {
    pub(super) fn read(object: &Object<'_>) -> TurnContext {
        let sandbox = object.object("sandbox_policy");
        TurnContext {
            turn_id: object.full_text("turn_id"),
            cwd: object.full_text("cwd"),
            model: object.full_text("model"),
            effort: object.full_text("effort"),
            approval_policy: object.full_text("approval_policy"),
            sandbox: match sandbox {
                Some(policy) => policy.full_text("type").or_else(|| policy.full_text("mode")),
                None => object.full_text("sandbox_policy"),
            },
        }
    }
}
