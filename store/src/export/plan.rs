//! Which files an export writes, and what each of them is made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Origin, Place, Source};
use crate::export::{ExportOptions, Selected};
use crate::item::Timestamp;
use crate::owners::Owners;
use crate::path::PathBytes;
use crate::table::{Entry, Table};
use crate::thread::{ThreadId, ThreadKey};

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Whose items.
    pub(crate) key: ThreadKey,
    /// Its path below the target folder. Untrusted.
    pub(crate) path: PathBytes,
    /// What it has to be; without it all items are written.
    pub(crate) source: Option<Source>,
    /// Whether that is all there ever was: not, if its import was never completed.
    pub(crate) complete: bool,
    /// The path it would have, if another current file did not have it already.
    pub(crate) instead_of: Option<PathBytes>,
}

/// A life's claim to a path.
#[derive(Clone, Debug)]
struct Claim {
    job: Job,
    /// Which of its thread's lives this is, from 1.
    number: u64,
    clock: u64,
    /// Whether the path belongs to another life of the thread by now.
    superseded: bool,
}

/// The files of the selected threads and lives; all, if nothing is selected. Sorted by path.
pub(crate) fn plan(table: &Table, selected: Option<&[Selected]>, options: &ExportOptions) -> Vec<Job> {
    let owners = table.owners();
    let mut by_path: BTreeMap<PathBytes, Vec<Claim>> = BTreeMap::new();
    let threads: BTreeSet<ThreadId> = table.iter().map(|(key, _)| key.thread).collect();
    for thread in threads {
        let mut lives: Vec<_> = table.of_thread(thread).collect();
        lives.sort_by_key(|(key, entry)| (entry.life.created_clock(), *key));
        let alone = lives.len() == 1;
        for (number, (key, entry)) in (1..).zip(lives) {
            let Some(named) = wanted(selected, key) else { continue };
            for mut claim in claims(key, number, entry, &owners, alone) {
                claim.superseded &= !named;
                if !claim.superseded || options.older_revisions {
                    by_path.entry(claim.job.path.clone()).or_default().push(claim);
                }
            }
        }
    }
    let mut jobs = BTreeMap::new();
    for (path, claims) in by_path {
        settle(&path, claims, &mut jobs);
    }
    jobs.into_values().collect()
}

/// Whether a life is selected, and if so whether by itself: then it counts as current.
fn wanted(selected: Option<&[Selected]>, key: ThreadKey) -> Option<bool> {
    let Some(selected) = selected else { return Some(false) };
    if selected.contains(&Selected::Life(key)) {
        return Some(true);
    }
    selected.contains(&Selected::Thread(key.thread)).then_some(false)
}

/// What a life is to be written as; `alone` says that its thread has no other.
fn claims(key: ThreadKey, number: u64, entry: &Entry, owners: &Owners, alone: bool) -> Vec<Claim> {
    let life = &entry.life;
    let claim = |path: PathBytes, source: Option<&Source>, clock, superseded| Claim {
        job: Job { key, path, source: source.cloned(), complete: source.is_some() || entry.live, instead_of: None },
        number,
        clock,
        superseded,
    };
    let superseded = |place: &Place| owners.of(place).is_some_and(|owner| owner != key && owner.thread == key.thread);
    let mut sources: Vec<Claim> = life
        .sources()
        .map(|(clock, source)| claim(owners.path(&source.place), Some(source), clock, superseded(&source.place)))
        .collect();
    let covered = life.sources().any(|(_, source)| source.records == entry.items);
    if let Some(latest) = sources.iter_mut().max_by_key(|claim| claim.clock) {
        if entry.live && !covered {
            // The thread went on here: the file that it was imported from last is written as it would be now.
            latest.job.source = None;
        }
        return sources;
    }
    let clock = life.clock();
    vec![match life.created().map(|created| (&created.origin, created.at_ms)) {
        // Its import was never completed.
        Some((Origin::Imported(place) | Origin::ImportedFork(place, _), _)) => {
            claim(owners.path(place), None, clock, superseded(place))
        }
        Some((Origin::Native | Origin::Forked(_), at_ms)) => {
            let mut native = claim(native_path(key.thread, at_ms), None, clock, false);
            native.job.complete = true;
            native
        }
        // Its control records are lost. With another life of the thread there, that one is the current one.
        None => claim(PathBytes::new(format!("rollout-unknown-{}.jsonl", key.thread)), None, clock, !alone),
    }]
}

/// Where Codex keeps a thread created then: `sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`, the time in UTC.
fn native_path(thread: ThreadId, created_ms: u64) -> PathBytes {
    let created = Timestamp::from_ms(created_ms).unwrap_or(Timestamp::MAX).to_string();
    let (day, time) = created.split_at_checked("YYYY-MM-DD".len()).unwrap_or_default();
    let time: String = time.chars().skip(1).take("hh:mm:ss".len()).collect();
    PathBytes::new(format!(
        "sessions/{}/rollout-{day}T{}-{thread}.jsonl",
        day.replace('-', "/"),
        time.replace(':', "-")
    ))
}

/// Gives a path to one of the lives that claim it, and others to the rest.
fn settle(path: &PathBytes, claims: Vec<Claim>, jobs: &mut BTreeMap<PathBytes, Job>) {
    let bytes = |claim: &Claim| claim.job.source.as_ref().map_or(u64::MAX, |source| source.bytes);
    let mut lives: Vec<Claim> = Vec::new();
    for claim in claims {
        // The same path below several imported folders: of one life, the longest file holds the others.
        match lives.iter_mut().find(|life| life.job.key == claim.job.key) {
            None => lives.push(claim),
            Some(best) if (claim.superseded, bytes(best)) < (best.superseded, bytes(&claim)) => *best = claim,
            Some(_) => {}
        }
    }
    lives.sort_by_key(|claim| (claim.superseded, std::cmp::Reverse((claim.clock, claim.number))));
    let mut winner = None;
    for Claim { mut job, number, superseded, .. } in lives {
        let thread = job.key.thread;
        match winner {
            None if !superseded => {}
            Some(other) if other != thread => job.path = marked(path, &thread.to_string()),
            _ => job.path = marked(path, &format!("r{number}")),
        }
        winner = winner.or(Some(thread));
        if jobs.contains_key(&job.path) {
            job.path = marked(&job.path, &format!("{:016x}", job.key.incarnation));
        }
        // A superseded revision was asked for under another name; anything else deserves a word.
        job.instead_of = (!superseded && job.path != *path).then(|| path.clone());
        jobs.insert(job.path.clone(), job);
    }
}

/// `a/b.jsonl` marked `r2` is `a/b.r2.jsonl`.
pub(crate) fn marked(path: &PathBytes, mark: &str) -> PathBytes {
    const END: &[u8] = b".jsonl";
    let bytes = path.as_bytes();
    let stem = bytes.strip_suffix(END).unwrap_or(bytes);
    PathBytes::new([stem, b".", mark.as_bytes(), END].concat())
}
