//! What started a session.

use std::fmt;

use serde::Serialize;

use crate::thread::ThreadId;

/// What started a session: a front end, a program, or another thread.
///
/// ```
/// use threadlog::thread_store::{SessionSource, SubAgentSource};
///
/// let source = SessionSource::SubAgent(SubAgentSource::Review);
/// assert_eq!(serde_json::to_string(&source)?, r#"{"subagent":"review"}"#);
/// assert_eq!(source.to_string(), "subagent:review");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SessionSource {
    /// A terminal.
    Cli,
    /// An editor. What a session that states nothing counts as.
    #[default]
    VsCode,
    /// A single command, without a person watching.
    Exec,
    /// A client of the model context protocol.
    Mcp,
    /// Another program, by its own name.
    Custom(String),
    /// Another thread.
    SubAgent(SubAgentSource),
    /// Nobody knows.
    Unknown,
}

/// Why a thread started another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubAgentSource {
    /// To review its work.
    Review,
    /// To compact its history.
    Compact,
    /// To do a part of its work.
    ThreadSpawn {
        /// The thread that started this one.
        parent_thread_id: ThreadId,
        /// How many threads above this one: 1 for a child of a thread that a user started.
        depth: u32,
        /// The agent's place among agents: "/main/fix".
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_path: Option<String>,
        /// The agent's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_nickname: Option<String>,
        /// The agent's role.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_role: Option<String>,
    },
    /// To distil memories.
    MemoryConsolidation,
    /// For another reason.
    Other(String),
}

impl SessionSource {
    /// The thread that started this one.
    #[must_use]
    pub fn parent(&self) -> Option<ThreadId> {
        match self {
            SessionSource::SubAgent(SubAgentSource::ThreadSpawn { parent_thread_id, .. }) => Some(*parent_thread_id),
            _ => None,
        }
    }
}

/// As metadata and list filters name it: `cli`, `custom:name`, `subagent:thread_spawn`.
impl fmt::Display for SessionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionSource::Cli => f.write_str("cli"),
            SessionSource::VsCode => f.write_str("vscode"),
            SessionSource::Exec => f.write_str("exec"),
            SessionSource::Mcp => f.write_str("mcp"),
            SessionSource::Custom(name) => write!(f, "custom:{name}"),
            SessionSource::SubAgent(why) => write!(f, "subagent:{}", why.name()),
            SessionSource::Unknown => f.write_str("unknown"),
        }
    }
}

impl SubAgentSource {
    /// As [`SessionSource`] prints it, after the colon: of [`SubAgentSource::Other`] only that it is another.
    fn name(&self) -> &'static str {
        match self {
            SubAgentSource::Review => "review",
            SubAgentSource::Compact => "compact",
            SubAgentSource::ThreadSpawn { .. } => "thread_spawn",
            SubAgentSource::MemoryConsolidation => "memory_consolidation",
            SubAgentSource::Other(_) => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{RolloutItem, typed::Typed};

    /// The name printed here is the one that the metadata of a stored thread shows.
    #[test]
    fn sources_print_as_metadata_reads_them_back() {
        let parent: ThreadId = "019c2a58-c0cc-7860-b9ca-7e2dcda03ddb".parse().unwrap();
        let spawn = SubAgentSource::ThreadSpawn {
            parent_thread_id: parent,
            depth: 1,
            agent_path: None,
            agent_nickname: Some("Ada".to_owned()),
            agent_role: None,
        };
        let sources = [
            SessionSource::Cli,
            SessionSource::VsCode,
            SessionSource::Exec,
            SessionSource::Mcp,
            SessionSource::Custom("atlas".to_owned()),
            SessionSource::SubAgent(SubAgentSource::Review),
            SessionSource::SubAgent(SubAgentSource::Compact),
            SessionSource::SubAgent(spawn),
            SessionSource::SubAgent(SubAgentSource::MemoryConsolidation),
            SessionSource::SubAgent(SubAgentSource::Other("x".to_owned())),
            SessionSource::Unknown,
        ];
        for source in sources {
            let json = serde_json::to_string(&source).unwrap();
            let line = format!(
                "{{\"timestamp\":\"2026-02-04T20:29:45.576Z\",\"type\":\"session_meta\",\"payload\":{{\"source\":{json}}}}}\n"
            );
            let Typed::SessionMeta(meta) = RolloutItem::from_line(line.into()).typed() else { panic!("{json}") };
            assert_eq!(meta.source, Some(source.to_string()), "{json}");
            assert_eq!(meta.parent_thread, source.parent().map(|id| id.to_string()));
        }
    }
}
