//! Deleting several threads, one after the other: what `rm` and `trash empty` share.

use std::collections::BTreeSet;

use serde::Serialize;
use threadlog::ThreadId;
use threadlog::list::Relation;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{DeleteThreadParams, ThreadStore, ThreadStoreError};

use crate::command::gathered::{Gathered, Named};
use crate::command::wide;
use crate::confirm;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::counted;
use crate::output::style::{FAINT, paint};
use crate::threads::wait;

/// What is to be deleted.
pub struct Deleting<'a> {
    all: &'a Gathered,
    /// What was asked for.
    asked: &'a [ThreadId],
    what: What,
    /// Everything that goes, in order, each thread once: with the thread that it goes for, if that is another.
    goes: Vec<(ThreadId, Option<ThreadId>)>,
    /// What came from it and stays, with the thread it came from.
    stays: Vec<(ThreadId, ThreadId)>,
}

/// What of the threads that were asked for is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// They.
    Alone,
    /// They, and what came from them.
    WithDescendants,
    /// They, as far as they are in the trash when their turn comes.
    Trashed,
}

/// What became of it.
#[derive(Default)]
pub struct Outcome {
    deleted: BTreeSet<ThreadId>,
    failures: Vec<Failure>,
    spared: u64,
}

impl<'a> Deleting<'a> {
    /// Finds out what goes, and what came from that and stays.
    pub fn new(all: &'a Gathered, asked: &'a [ThreadId], what: What) -> Deleting<'a> {
        let mut goes: Vec<(ThreadId, Option<ThreadId>)> = asked.iter().map(|thread| (*thread, None)).collect();
        let mut met: BTreeSet<ThreadId> = asked.iter().copied().collect();
        if what == What::WithDescendants {
            for thread in asked {
                let related = all.related(&Relation::descendants(*thread)).into_iter();
                goes.extend(related.filter(|found| met.insert(*found)).map(|found| (found, Some(*thread))));
            }
        }
        let mut stays = Vec::new();
        for (thread, _) in goes.clone() {
            let children = all.related(&Relation::children(thread)).into_iter();
            stays.extend(children.filter(|child| met.insert(*child)).map(|child| (child, thread)));
        }
        Deleting { all, asked, what, goes, stays }
    }

    /// How many threads go.
    pub fn count(&self) -> u64 {
        wide(self.goes.len())
    }

    /// Says what would go and what stays, before anything is done.
    pub fn preview(&self, dry_run: bool, out: &mut Output) -> Result<(), Failure> {
        let verb = if dry_run { "would delete" } else { "to delete" };
        for (thread, because_of) in &self.goes {
            let why = because_of.map_or_else(String::new, |root| paint(FAINT, format_args!(", came from {root}")));
            out.line(format_args!("{verb} {}{why}", self.all.called(*thread)))?;
        }
        for (thread, from) in &self.stays {
            let why = paint(FAINT, format_args!(", came from {from}"));
            out.line(format_args!("stays {}{why}", self.all.called(*thread)))?;
        }
        out.flush()
    }

    /// Asks whether to go on, unless that was said already. If not, programs are told what would have gone.
    pub fn confirm(&self, kind: &'static str, yes: bool, out: &mut Output) -> Result<(), Failure> {
        let what = format!("delete {} for good", counted(self.count(), "thread", "threads"));
        let answer = confirm::go_on(yes, &what, out);
        if answer.is_err() {
            self.records(kind, None, out)?;
            out.flush()?;
        }
        answer
    }

    /// Deletes it. What cannot be deleted now is told of and left, and the rest goes on.
    pub fn run(&self, store: &LocalThreadStore, out: &mut Output) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        for thread in self.asked {
            // It came from another one that was asked for.
            if outcome.deleted.contains(thread) {
                continue;
            }
            match wait(async { Ok::<_, Failure>(store.delete_thread(self.params(*thread)).await) })? {
                Ok(result) => outcome.deleted.extend(result.deleted),
                Err(error) if self.is_spared(&error) => {
                    outcome.spared = outcome.spared.saturating_add(1);
                    out.line(format_args!(
                        "stays {}{}",
                        self.all.called(*thread),
                        paint(FAINT, ", no longer in the trash")
                    ))?;
                }
                Err(error) => outcome.failed(*thread, error.into(), out)?,
            }
        }
        Ok(outcome)
    }

    fn params(&self, thread: ThreadId) -> DeleteThreadParams {
        let params = DeleteThreadParams::new(thread);
        match self.what {
            What::Alone => params,
            What::Trashed => params.if_trashed(),
            // What nobody was shown does not go.
            What::WithDescendants => params.with_descendants_among(self.goes.iter().map(|(thread, _)| *thread)),
        }
    }

    /// Whether somebody took the thread out of the trash meanwhile, or emptied that.
    fn is_spared(&self, error: &ThreadStoreError) -> bool {
        let gone = matches!(error, ThreadStoreError::Conflict(_, None) | ThreadStoreError::ThreadNotFound { .. });
        self.what == What::Trashed && gone
    }

    /// The records of what went, of this type, and of what stayed.
    pub fn records(&self, kind: &'static str, outcome: Option<&Outcome>, out: &mut Output) -> Result<(), Failure> {
        let is_deleted = |thread| outcome.is_some_and(|outcome| outcome.deleted.contains(&thread));
        for (thread, because_of) in &self.goes {
            let named = self.all.named(*thread);
            let because_of = because_of.map(|root| root.to_string());
            out.record(kind, &Thread { named, because_of, deleted: is_deleted(*thread) })?;
        }
        for (thread, from) in &self.stays {
            out.record("kept", &Kept { named: self.all.named(*thread), from: from.to_string() })?;
        }
        Ok(())
    }

    /// How many came from what goes and stay.
    pub fn kept(&self) -> u64 {
        wide(self.stays.len())
    }
}

impl Outcome {
    /// Tells that a thread could not be deleted, and why.
    fn failed(&mut self, thread: ThreadId, failure: Failure, out: &mut Output) -> Result<(), Failure> {
        let message = failure.message();
        out.record("failed", &Failed { id: thread.to_string(), kind: failure.exit().word(), message })?;
        out.flush()?;
        failure::warn(&format!("{thread} stays: {message}"));
        self.failures.push(failure);
        Ok(())
    }

    /// If one thread was asked for, why it was not deleted; of several, that some were not.
    pub fn exit(&self) -> Exit {
        match (self.deleted.is_empty(), self.failures.as_slice()) {
            (_, []) => Exit::Done,
            (true, [failure]) => failure.exit(),
            _ => Exit::Partial,
        }
    }

    /// How many threads are gone.
    pub fn deleted(&self) -> usize {
        self.deleted.len()
    }

    /// How many threads could not be deleted.
    pub fn failures(&self) -> usize {
        self.failures.len()
    }

    /// How many threads were no longer in the trash.
    pub fn spared(&self) -> u64 {
        self.spared
    }
}

#[derive(Serialize)]
struct Thread<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because_of: Option<String>,
    deleted: bool,
}

#[derive(Serialize)]
struct Kept<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    from: String,
}

#[derive(Serialize)]
struct Failed<'a> {
    id: String,
    kind: &'static str,
    message: &'a str,
}
