//! A thread in one record and in one row.

use serde::Serialize;
use threadlog::item::Timestamp;
use threadlog::item::typed::Git;
use threadlog::{Revision, ThreadSummary};

use crate::command::{odd, wide};

/// A revision of a thread for programs. Facts that the thread does not state are absent.
#[derive(Debug, Serialize)]
pub struct Thread {
    id: String,
    revision: u64,
    revisions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_active: Option<String>,
    lines: u64,
    bytes: u64,
    odd_lines: odd::Counts,
    lost_records: u64,
    archived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cli_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    git: Option<GitState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_thread: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<String>,
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

impl Thread {
    /// One revision, among so many.
    pub fn new(revision: &Revision, revisions: u64) -> Thread {
        let (facts, first, totals) = (&revision.facts, &revision.facts.first, revision.facts.totals());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Thread {
            id: revision.key.thread.to_string(),
            revision: revision.number,
            revisions,
            began: facts.began().as_ref().map(Timestamp::to_string),
            last_active: facts.last_active().as_ref().map(Timestamp::to_string),
            lines: totals.lines,
            bytes: totals.bytes,
            odd_lines: odd::Counts::new(&totals.odd),
            lost_records: revision.lost_records,
            archived: facts.life.archived(),
            path: facts.life.latest_source().map(|source| source.place.path.to_string()),
            cwd: owned(first.cwd()),
            originator: owned(first.originator()),
            cli_version: owned(first.cli_version()),
            source: owned(first.source()),
            model_provider: owned(first.model_provider()),
            model: owned(first.model()),
            git: first.git().map(GitState::new),
            forked_from: owned(first.forked_from()),
            parent_thread: owned(first.parent_thread()),
            preview: owned(first.preview()),
        }
    }
}

impl GitState {
    fn new(git: &Git) -> GitState {
        let Git { commit_hash, branch, repository_url } = git.clone();
        GitState { commit: commit_hash, branch, url: repository_url }
    }
}

/// How many revisions a thread has.
pub fn revisions(thread: &ThreadSummary) -> u64 {
    wide(thread.others.len()).saturating_add(1)
}
