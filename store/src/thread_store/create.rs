//! What creation of a thread fixes, and its first item.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::item::typed::Git;
use crate::item::{Kind, RolloutItem, Timestamp};
use crate::metadata::MemoryMode;
use crate::policy::{HistoryMode, PersistencePolicy};
use crate::thread::ThreadId;
use crate::thread_store::SessionSource;

/// What [`ThreadStore::create_thread`](crate::thread_store::ThreadStore::create_thread) is told.
///
/// All but the id and the policy becomes the thread's first item, a `session_meta`. Empty and absent texts
/// are the same.
///
/// ```
/// use threadlog::thread::ThreadId;
/// use threadlog::thread_store::{CreateThreadParams, SessionSource};
///
/// let mut params = CreateThreadParams::new(ThreadId::generate());
/// params.source = SessionSource::Exec;
/// params.cwd = Some("/home/me/project".to_owned());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreateThreadParams {
    /// The new thread.
    pub thread_id: ThreadId,
    /// When the session started. Default: the store's clock at the call.
    pub created_at: Option<Timestamp>,
    /// Shared by a root thread and its sub-agents. Default: none, which readers take for the thread's own id.
    pub session_id: Option<String>,
    /// The thread that this one continues under a new id.
    pub forked_from: Option<ThreadId>,
    /// The thread that started this one. Default: the one that [`CreateThreadParams::source`] names, if any.
    pub parent_thread: Option<ThreadId>,
    /// What started the session. Default: an editor, as in files that state nothing.
    pub source: SessionSource,
    /// Who asked for it: "user", "subagent", the name of a feature.
    pub thread_source: Option<String>,
    /// The program that runs the agent.
    pub originator: Option<String>,
    /// Its version.
    pub cli_version: Option<String>,
    /// Working directory, as the caller normalised it.
    pub cwd: Option<String>,
    /// State of the repository in `cwd`. The store runs no commands: collect it before.
    pub git: Option<Git>,
    /// The provider of the model.
    pub model_provider: Option<String>,
    /// Instructions that come before all others.
    pub base_instructions: Option<String>,
    /// Tools offered to the model beyond the built-in ones: a JSON array.
    pub dynamic_tools: Option<Box<RawValue>>,
    /// Where the thread may find capabilities: a JSON value of the embedder's.
    pub selected_capability_roots: Option<Box<RawValue>>,
    /// Which protocol between agents is in use.
    pub multi_agent_version: Option<String>,
    /// A sub-agent's own history starts at this ordinal; what is before was inherited.
    pub subagent_history_start_ordinal: Option<u64>,
    /// The first context window: a JSON value of the embedder's.
    pub context_window: Option<Box<RawValue>>,
    /// A sub-agent's name.
    pub agent_nickname: Option<String>,
    /// A sub-agent's role.
    pub agent_role: Option<String>,
    /// A sub-agent's place among agents.
    pub agent_path: Option<String>,
    /// Whether memories may be made from the thread. Default: none, which means they may.
    pub memory_mode: Option<MemoryMode>,
    /// Which events tell the history. Default: legacy. Fixed for the thread's life.
    pub history_mode: HistoryMode,
    /// Which items this live thread keeps. Default: as the history mode says.
    pub policy: PersistencePolicy,
}

impl CreateThreadParams {
    /// A thread with this id, everything else at its default.
    #[must_use]
    pub fn new(thread_id: ThreadId) -> CreateThreadParams {
        CreateThreadParams {
            thread_id,
            created_at: None,
            session_id: None,
            forked_from: None,
            parent_thread: None,
            source: SessionSource::default(),
            thread_source: None,
            originator: None,
            cli_version: None,
            cwd: None,
            git: None,
            model_provider: None,
            base_instructions: None,
            dynamic_tools: None,
            selected_capability_roots: None,
            multi_agent_version: None,
            subagent_history_start_ordinal: None,
            context_window: None,
            agent_nickname: None,
            agent_role: None,
            agent_path: None,
            memory_mode: None,
            history_mode: HistoryMode::default(),
            policy: PersistencePolicy::default(),
        }
    }

    /// The thread's first item. For implementers of stores: it comes before everything appended, and goes
    /// into the log together with it, or alone when the thread is persisted without items.
    ///
    /// `now` stands in for a missing [`CreateThreadParams::created_at`].
    ///
    /// # Errors
    /// None with the values that the types allow; serde's, should it fail all the same.
    pub fn session_meta(&self, now: Timestamp) -> serde_json::Result<RolloutItem> {
        let timestamp = self.created_at.unwrap_or(now);
        let payload = serde_json::to_vec(&Payload::of(self, timestamp))?;
        Ok(RolloutItem::Enveloped {
            timestamp,
            ordinal: None,
            kind: Kind::SessionMeta,
            payload: Bytes::from(payload),
            metadata: None,
        })
    }
}

/// The payload of a `session_meta`, in the order in which Codex writes it. Codex refuses a file without the
/// first six, so they are there even when empty.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    id: ThreadId,
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from_id: Option<ThreadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_thread_id: Option<ThreadId>,
    timestamp: String,
    cwd: &'a str,
    originator: &'a str,
    cli_version: &'a str,
    source: &'a SessionSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_instructions: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dynamic_tools: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selected_capability_roots: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mode: Option<MemoryMode>,
    #[serde(skip_serializing_if = "HistoryMode::is_legacy")]
    history_mode: HistoryMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_agent_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subagent_history_start_ordinal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git: Option<GitPayload<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct GitPayload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository_url: Option<&'a str>,
}

impl<'a> Payload<'a> {
    fn of(params: &'a CreateThreadParams, timestamp: Timestamp) -> Payload<'a> {
        Payload {
            session_id: params.session_id.as_deref(),
            id: params.thread_id,
            forked_from_id: params.forked_from,
            parent_thread_id: params.parent_thread.or_else(|| params.source.parent()),
            timestamp: timestamp.to_string(),
            cwd: params.cwd.as_deref().unwrap_or_default(),
            originator: params.originator.as_deref().unwrap_or_default(),
            cli_version: params.cli_version.as_deref().unwrap_or_default(),
            source: &params.source,
            thread_source: params.thread_source.as_deref(),
            agent_nickname: params.agent_nickname.as_deref(),
            agent_role: params.agent_role.as_deref(),
            agent_path: params.agent_path.as_deref(),
            model_provider: params.model_provider.as_deref(),
            base_instructions: params.base_instructions.as_deref().map(|text| Text { text }),
            dynamic_tools: params.dynamic_tools.as_deref(),
            selected_capability_roots: params.selected_capability_roots.as_deref(),
            memory_mode: params.memory_mode,
            history_mode: params.history_mode,
            multi_agent_version: params.multi_agent_version.as_deref(),
            subagent_history_start_ordinal: params.subagent_history_start_ordinal,
            context_window: params.context_window.as_deref(),
            git: params.git.as_ref().map(|git| GitPayload {
                commit_hash: git.commit_hash.as_deref(),
                branch: git.branch.as_deref(),
                repository_url: git.repository_url.as_deref(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::typed::Typed;

    fn id() -> ThreadId {
        "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb".parse().unwrap()
    }

    #[test]
    fn the_first_item_is_a_canonical_line_that_reads_back() {
        let mut params = CreateThreadParams::new(id());
        params.created_at = Timestamp::from_ms(1_770_237_000_123);
        params.cwd = Some("/w\n\"x\"".to_owned());
        params.originator = Some("agent".to_owned());
        params.cli_version = Some("1.2".to_owned());
        params.source = SessionSource::Exec;
        params.forked_from = Some(ThreadId::from_path(b"a"));
        params.model_provider = Some("openai".to_owned());
        params.base_instructions = Some("Be brief.".to_owned());
        params.memory_mode = Some(MemoryMode::Disabled);
        params.history_mode = HistoryMode::Paginated;
        params.agent_nickname = Some("Ada".to_owned());
        params.git = Some(Git { branch: Some("main".to_owned()), ..Git::default() });
        params.dynamic_tools = Some(serde_json::value::to_raw_value(&["t"]).unwrap());
        let item = params.session_meta(Timestamp::default()).unwrap();

        let mut line = Vec::new();
        item.render(&mut line);
        assert_eq!(RolloutItem::from_line(line.into()), item, "not canonical");
        let Typed::SessionMeta(meta) = item.typed() else { panic!("{item:?}") };
        assert_eq!(meta.id, Some(id().to_string()));
        assert_eq!(meta.timestamp, params.created_at);
        assert_eq!(meta.cwd, params.cwd);
        assert_eq!(meta.originator, params.originator);
        assert_eq!(meta.cli_version, params.cli_version);
        assert_eq!(meta.source.as_deref(), Some("exec"));
        assert_eq!(meta.forked_from, params.forked_from.map(|id| id.to_string()));
        assert_eq!(meta.model_provider, params.model_provider);
        assert_eq!(meta.instructions, params.base_instructions);
        assert_eq!(meta.memory_mode.as_deref(), Some("disabled"));
        assert_eq!(meta.history_mode.as_deref(), Some("paginated"));
        assert_eq!(meta.agent_nickname, params.agent_nickname);
        assert_eq!(meta.git, params.git);
    }

    #[test]
    fn a_session_that_states_nothing_is_short_and_still_readable_by_codex() {
        let item = CreateThreadParams::new(id()).session_meta(Timestamp::default()).unwrap();
        let RolloutItem::Enveloped { payload, .. } = item else { panic!() };
        let expected = format!(
            "{{\"id\":\"{}\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"cwd\":\"\",\"originator\":\"\",\
             \"cli_version\":\"\",\"source\":\"vscode\"}}",
            id()
        );
        assert_eq!(payload, expected.as_bytes());
    }
}
