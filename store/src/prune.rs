//! Choosing threads that nobody needs any more: a pure function over rows. It removes nothing.
//!
//! Nothing is ever chosen by default: without a criterion no thread is. Criteria narrow each other, so that one more
//! never chooses more.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::list::{ThreadRow, plain_cwd};
use crate::metadata::ThreadMetadata;
use crate::thread::ThreadId;

/// A thread, as far as choosing looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneRow {
    /// The thread.
    pub thread: ThreadId,
    /// When something was last added, in milliseconds since 1970 (UTC).
    pub active_ms: u64,
    /// Bytes of its own lines, in all its revisions.
    pub bytes: u64,
    /// Its working directory.
    pub cwd: Option<String>,
    /// Whether an agent started it.
    pub sub_agent: bool,
    /// Whether somebody gave it a name.
    pub named: bool,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether somebody may be writing it.
    pub live: bool,
}

impl PruneRow {
    /// The row of a thread that nobody writes.
    #[must_use]
    pub fn new(metadata: &ThreadMetadata, bytes: u64) -> PruneRow {
        let source = metadata.source();
        let by_agent = |source: &str| source == "subagent" || source.starts_with("subagent:");
        PruneRow {
            thread: metadata.thread(),
            active_ms: metadata.updated_ms(),
            bytes,
            cwd: metadata.cwd().map(str::to_owned),
            sub_agent: ThreadRow::parent(metadata).is_some() || source.is_some_and(by_agent),
            named: metadata.name().is_some(),
            pinned: metadata.pinned(),
            archived: metadata.archived(),
            live: false,
        }
    }

    /// The same, with whether somebody may be writing it.
    #[must_use]
    pub fn live(mut self, live: bool) -> PruneRow {
        self.live = live;
        self
    }
}

/// Which threads to choose: those that meet all criteria that are set. Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneRules {
    /// Only threads to which nothing was added since then, in milliseconds since 1970 (UTC).
    pub inactive_since_ms: Option<u64>,
    /// The so many threads that were active last stay, protected ones counted; of `cwd` and `sub_agents`, if these are set.
    pub keep: Option<usize>,
    /// Only threads with more bytes than this.
    pub larger_than: Option<u64>,
    /// Only as many as it takes until the rest has no more bytes than this, those first that were active the longest time
    /// ago. What stays counts with protected threads; of `cwd` and `sub_agents`, if these are set.
    pub max_total: Option<u64>,
    /// Only threads of this working directory, not of those below it.
    pub cwd: Option<String>,
    /// Only threads that agents started.
    pub sub_agents: bool,
    /// Whether threads with names may go.
    pub include_named: bool,
    /// Whether archived threads may go.
    pub include_archived: bool,
}

impl PruneRules {
    /// Whether any criterion is set: without one nothing is chosen.
    #[must_use]
    pub fn has_criterion(&self) -> bool {
        self.inactive_since_ms.is_some()
            || self.keep.is_some()
            || self.larger_than.is_some()
            || self.max_total.is_some()
            || self.cwd.is_some()
            || self.sub_agents
    }
}

/// A criterion that a chosen thread meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PruneReason {
    /// Nothing was added for so long.
    Old,
    /// Enough others were active later.
    NotRecent,
    /// It is larger than the limit.
    Large,
    /// All together are larger than the limit, and it is among those that were active the longest time ago.
    OverTotal,
    /// It is of the working directory asked for.
    Cwd,
    /// An agent started it.
    SubAgent,
}

/// Why a thread stays that meets all criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Protection {
    /// Somebody may be writing it.
    Live,
    /// It is pinned.
    Pinned,
    /// It has a name.
    Named,
    /// It is archived.
    Archived,
}

/// What was chosen, and what was not though it meets all criteria. Both begin with the thread that was active the longest
/// time ago.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrunePlan {
    /// Threads that can go, with all reasons.
    pub chosen: Vec<(PruneRow, Vec<PruneReason>)>,
    /// Threads that are protected, with all reasons.
    pub protected: Vec<(PruneRow, Vec<Protection>)>,
    /// Bytes of what was chosen.
    pub bytes: u64,
    /// Bytes by which the rest is larger than [`PruneRules::max_total`] all the same; 0 without that.
    pub over_bytes: u64,
}

/// Chooses threads.
///
/// ```
/// use threadlog::metadata::ThreadMetadata;
/// use threadlog::prune::{PruneReason, PruneRow, PruneRules, plan};
/// use threadlog::thread::ThreadId;
///
/// let rows = [1_000, 10].map(|bytes| PruneRow::new(&ThreadMetadata::new(ThreadId::generate()), bytes));
/// let mut rules = PruneRules::default();
/// assert!(plan(&rows, &rules).chosen.is_empty(), "nothing goes unless somebody says what");
///
/// rules.larger_than = Some(100);
/// let plan = plan(&rows, &rules);
/// assert_eq!(plan.chosen, [(rows[0].clone(), vec![PruneReason::Large])]);
/// assert_eq!(plan.bytes, 1_000);
/// ```
#[must_use]
pub fn plan(rows: &[PruneRow], rules: &PruneRules) -> PrunePlan {
    let mut plan = PrunePlan::default();
    if !rules.has_criterion() {
        return plan;
    }
    let cwd = rules.cwd.as_deref().map(plain_cwd);
    let of_cwd = |row: &&PruneRow| cwd.is_none() || row.cwd.as_deref().map(plain_cwd) == cwd;
    let mut scope: Vec<&PruneRow> =
        rows.iter().filter(of_cwd).filter(|row| row.sub_agent || !rules.sub_agents).collect();
    // The last active first; of equal ones the later id, so that the same rows give the same plan in any order.
    scope.sort_by_key(|row| Reverse((row.active_ms, row.thread)));
    let total = scope.iter().fold(0, |sum: u64, row| sum.saturating_add(row.bytes));
    let mut rest = total;
    for row in scope.iter().skip(rules.keep.unwrap_or(0)).rev() {
        if rules.max_total.is_some_and(|most| rest <= most) {
            break;
        }
        if !rules.meets(row) {
            continue;
        }
        let protections = rules.protections(row);
        if protections.is_empty() {
            rest = rest.saturating_sub(row.bytes);
            plan.bytes = plan.bytes.saturating_add(row.bytes);
            plan.chosen.push(((*row).clone(), rules.reasons()));
        } else {
            plan.protected.push(((*row).clone(), protections));
        }
    }
    plan.over_bytes = rules.max_total.map_or(0, |most| rest.saturating_sub(most));
    plan
}

impl PruneRules {
    fn meets(&self, row: &PruneRow) -> bool {
        self.inactive_since_ms.is_none_or(|since| row.active_ms < since)
            && self.larger_than.is_none_or(|most| row.bytes > most)
    }

    /// The criteria that are set: a thread is chosen if it meets them all.
    fn reasons(&self) -> Vec<PruneReason> {
        let all = [
            (self.inactive_since_ms.is_some(), PruneReason::Old),
            (self.keep.is_some(), PruneReason::NotRecent),
            (self.larger_than.is_some(), PruneReason::Large),
            (self.max_total.is_some(), PruneReason::OverTotal),
            (self.cwd.is_some(), PruneReason::Cwd),
            (self.sub_agents, PruneReason::SubAgent),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, reason)| reason).collect()
    }

    fn protections(&self, row: &PruneRow) -> Vec<Protection> {
        let all = [
            (row.live, Protection::Live),
            (row.pinned, Protection::Pinned),
            (row.named && !self.include_named, Protection::Named),
            (row.archived && !self.include_archived, Protection::Archived),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, protection)| protection).collect()
    }
}

#[cfg(test)]
#[path = "tests/prune.rs"]
mod tests;
