//! A thread in one record.

use serde::Serialize;
use threadlog::item::Timestamp;
use threadlog::item::typed::Git;
use threadlog::metadata::{MemoryMode, ThreadMetadata};
use threadlog::{Revision, ThreadSummary};

use crate::command::{odd, wide};

/// A revision of a thread for programs. What is not known of the thread is absent.
#[derive(Debug, Serialize)]
pub struct Thread<'a> {
    id: String,
    revision: u64,
    revisions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_user_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recency: Option<String>,
    archived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_at: Option<String>,
    pinned: bool,
    tags: Vec<&'a str>,
    turns: u64,
    user_messages: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inherited: Option<u64>,
    lines: u64,
    bytes: u64,
    odd_lines: odd::Counts,
    lost_records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git: Option<GitState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<&'a str>,
    memory_mode: MemoryMode,
    history_mode: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cli_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_thread: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_path: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct GitState {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl<'a> Thread<'a> {
    /// One revision, among so many, with its metadata.
    pub fn new(metadata: &'a ThreadMetadata, revision: &Revision, revisions: u64) -> Thread<'a> {
        let totals = revision.facts.totals();
        let text = |ms| time(ms).as_ref().map(Timestamp::to_string);
        Thread {
            id: revision.key.thread.to_string(),
            revision: revision.number,
            revisions,
            name: metadata.name(),
            title: metadata.title(),
            preview: metadata.preview(),
            first_user_message: metadata.first_user_message(),
            created: text(metadata.created_ms()),
            updated: text(metadata.updated_ms()),
            recency: text(metadata.recency_ms()),
            archived: metadata.archived(),
            archived_at: metadata.archived_ms().and_then(text),
            pinned: metadata.pinned(),
            tags: metadata.tags().collect(),
            turns: metadata.turns(),
            user_messages: metadata.user_messages(),
            tokens_used: metadata.tokens_used(),
            own_tokens: metadata.own_tokens(),
            inherited: metadata.inherited().map(|inherited| inherited.items),
            lines: totals.lines,
            bytes: totals.bytes,
            odd_lines: odd::Counts::new(&totals.odd),
            lost_records: revision.lost_records,
            path: revision.facts.life.latest_source().map(|source| source.place.path.to_string()),
            git: metadata.git().map(GitState::new),
            memory_mode: metadata.memory_mode(),
            cwd: metadata.cwd(),
            model: metadata.model(),
            model_provider: metadata.model_provider(),
            reasoning_effort: metadata.reasoning_effort(),
            approval_policy: metadata.approval_policy(),
            sandbox: metadata.sandbox(),
            history_mode: metadata.history_mode(),
            source: metadata.source(),
            thread_source: metadata.thread_source(),
            originator: metadata.originator(),
            cli_version: metadata.cli_version(),
            session: metadata.session(),
            forked_from: metadata.forked_from(),
            parent_thread: metadata.parent_thread(),
            agent_nickname: metadata.agent_nickname(),
            agent_role: metadata.agent_role(),
            agent_path: metadata.agent_path(),
        }
    }
}

impl GitState {
    fn new(git: Git) -> GitState {
        let Git { commit_hash, branch, repository_url } = git;
        GitState { commit: commit_hash, branch, url: repository_url }
    }
}

/// How many revisions a thread has.
pub fn revisions(thread: &ThreadSummary) -> u64 {
    wide(thread.others.len()).saturating_add(1)
}

/// A time of the metadata; nothing if it is not known.
pub fn time(ms: u64) -> Option<Timestamp> {
    Timestamp::from_ms(ms).filter(|_| ms > 0)
}
