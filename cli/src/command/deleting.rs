//! Deleting several threads, one after the other: what `rm` and `trash empty` share.

use std::collections::BTreeSet;

use serde::Serialize;
use threadlog::ThreadId;
use threadlog::list::Relation;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{DeleteThreadParams, ThreadStore};

use crate::command::gathered::{Gathered, Named};
use crate::command::wide;
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::style::{FAINT, paint};
use crate::threads::wait;

/// What is to be deleted.
pub struct Deleting<'a> {
    all: &'a Gathered,
    /// What was asked for.
    asked: &'a [ThreadId],
    with_descendants: bool,
    /// Everything that goes, in order, each thread once: with the thread that it goes for, if that is another.
    goes: Vec<(ThreadId, Option<ThreadId>)>,
    /// What came from it and stays, with the thread it came from.
    stays: Vec<(ThreadId, ThreadId)>,
}

/// What became of it.
#[derive(Default)]
pub struct Outcome {
    deleted: BTreeSet<ThreadId>,
    failures: Vec<Failure>,
}

impl<'a> Deleting<'a> {
    /// Finds out what goes, and what came from that and stays.
    pub fn new(all: &'a Gathered, asked: &'a [ThreadId], with_descendants: bool) -> Deleting<'a> {
        let mut goes: Vec<(ThreadId, Option<ThreadId>)> = asked.iter().map(|thread| (*thread, None)).collect();
        let mut met: BTreeSet<ThreadId> = asked.iter().copied().collect();
        if with_descendants {
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
        Deleting { all, asked, with_descendants, goes, stays }
    }

    /// How many threads go.
    pub fn count(&self) -> u64 {
        wide(self.goes.len())
    }

    /// Says what would go and what stays, before anything is done.
    pub fn preview(&self, dry_run: bool, out: &mut Output) -> Result<(), Failure> {
        let verb = if dry_run { "would delete" } else { "deleting" };
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

    /// Deletes it. What cannot be deleted now is told of and left, and the rest goes on.
    pub fn run(&self, store: &LocalThreadStore, out: &mut Output) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        for thread in self.asked {
            // It came from another one that was asked for.
            if outcome.deleted.contains(thread) {
                continue;
            }
            let params = DeleteThreadParams::new(*thread);
            let params = if self.with_descendants { params.with_descendants() } else { params };
            match wait(store.delete_thread(params)) {
                Ok(result) => outcome.deleted.extend(result.deleted),
                Err(failure) => {
                    let message = failure.message();
                    out.record("failed", &Failed { id: thread.to_string(), kind: failure.exit().word(), message })?;
                    out.flush()?;
                    failure::warn(&format!("{thread} stays: {message}"));
                    outcome.failures.push(failure);
                }
            }
        }
        Ok(outcome)
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
    pub fn failed(&self) -> usize {
        self.failures.len()
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
