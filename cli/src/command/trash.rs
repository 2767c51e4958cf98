//! `threadlog trash`: threads out of sight, until somebody wants them back or empties it.

use clap::{Args, Subcommand};
use serde::Serialize;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{ThreadStore, UpdateThreadMetadataParams};
use threadlog::{Store, ThreadId};

use crate::command::deleting::{Deleting, Outcome, What};
use crate::command::gathered::{Gathered, bytes};
use crate::command::summary::{self, revisions};
use crate::command::{Context, change, wide};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::style::{FAINT, STRONG, WARNING, paint};
use crate::threads::wait;

/// Arguments of `trash`.
#[derive(Args, Debug)]
pub struct Trash {
    #[command(subcommand)]
    action: Action,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
enum Action {
    /// Put threads into the trash: out of all lists, nothing is deleted
    Put(Ids),
    /// List what is in the trash
    List,
    /// Take threads out of the trash: they are where they were before
    Restore(Restore),
    /// Delete for good what is in the trash
    Empty(Empty),
}

#[derive(Args, Debug)]
struct Ids {
    /// The threads: their ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

#[derive(Args, Debug)]
struct Restore {
    /// The threads: their ids or the beginnings of them
    #[arg(required_unless_present = "all", value_name = "ID")]
    ids: Vec<String>,
    /// Everything that is in the trash
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

#[derive(Args, Debug)]
struct Empty {
    /// Only show what would go
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Delete without asking; needed where nobody can be asked: with --json, or without a terminal
    #[arg(short, long)]
    yes: bool,
}

/// Runs `trash`. What it says is durable.
pub fn run(arguments: &Trash, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    match &arguments.action {
        Action::Put(Ids { ids }) => {
            let found = context.open()?;
            let threads = change::find(&found, ids)?;
            put_or_restore(&found, &threads, true, context, out)
        }
        Action::Restore(Restore { ids, all }) => {
            let found = context.open()?;
            let threads = if *all { Gathered::of(&found)?.trashed() } else { change::find(&found, ids)? };
            put_or_restore(&found, &threads, false, context, out)
        }
        Action::List => list(context, out),
        Action::Empty(arguments) => empty(arguments, context, out),
    }
}

/// Puts a thread into the trash, or takes it out of it.
pub fn set(store: &LocalThreadStore, thread: ThreadId, trashed: bool) -> Result<(), Failure> {
    let params = UpdateThreadMetadataParams::new(thread, MetadataPatch::trash(trashed)).with_archived();
    wait(store.update_thread_metadata(params)).map(drop)
}

fn put_or_restore(
    found: &Store,
    threads: &[ThreadId],
    trashed: bool,
    context: &Context,
    out: &mut Output,
) -> Result<Exit, Failure> {
    let all = Gathered::of(found)?;
    let (mut changed, mut failures): (u64, Vec<Failure>) = (0, Vec::new());
    if !threads.is_empty() {
        let store = context.open_threads()?;
        for thread in threads {
            let differs = all.get(*thread).is_none_or(|metadata| metadata.trashed() != trashed);
            if differs && let Err(failure) = set(&store, *thread, trashed) {
                let (kind, message) = (failure.exit().word(), failure.message());
                out.record("failed", &Failed { id: thread.to_string(), kind, message })?;
                out.flush()?;
                failure::warn(&format!("{thread} is where it was: {message}"));
                failures.push(failure);
                continue;
            }
            changed = changed.saturating_add(u64::from(differs));
            // Who writes it does not see that it is gone, and what they add shows that it is not done with.
            let live = trashed && store.holder(*thread)?.is_some();
            out.record("moved", &Moved { id: thread.to_string(), trashed, changed: differs, live })?;
            let what = match (trashed, differs) {
                (true, true) => "put into the trash".to_owned(),
                (false, true) => "restored".to_owned(),
                (true, false) => paint(FAINT, "was in the trash already:"),
                (false, false) => paint(FAINT, "was not in the trash:"),
            };
            let back = if live {
                paint(WARNING, "\n  somebody writes it: it comes back with what they add")
            } else {
                String::new()
            };
            out.line(format_args!("{what} {}{back}", all.called(*thread)))?;
        }
        wait(store.close())?;
    }
    let failed = wide(failures.len());
    let summary =
        Summary { threads: wide(threads.len()), changed: Some(changed), failed: Some(failed), ..Summary::default() };
    out.record("summary", &summary)?;
    if threads.is_empty() {
        out.line(paint(FAINT, "the trash is empty"))?;
    } else if trashed && changed > 0 {
        out.line(paint(FAINT, "`threadlog trash restore` brings them back, until `threadlog trash empty`"))?;
    }
    Ok(match (&failures[..], threads.len()) {
        ([], _) => Exit::Done,
        ([failure], 1) => failure.exit(),
        _ => Exit::Partial,
    })
}

fn list(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let found = context.open()?;
    let all = Gathered::of(&found)?;
    let mut total: u64 = 0;
    let threads = found.threads_of(&all.trashed());
    for thread in &threads {
        let Some(metadata) = all.get(thread.thread) else { continue };
        let own = bytes(thread);
        total = total.saturating_add(own);
        out.record("thread", &summary::Thread::new(metadata, &thread.current, revisions(thread)))?;
        let when = summary::time(metadata.updated_ms()).map_or_else(String::new, human::minute);
        out.line(format_args!("{when:16}  {:>8}  {}", human::size(own), all.called(thread.thread)))?;
    }
    out.record("summary", &Summary { threads: wide(threads.len()), bytes: Some(total), ..Summary::default() })?;
    let count = counted(wide(threads.len()), "thread", "threads");
    out.line(paint(FAINT, format_args!("{count} in the trash, {}", human::size(total))))?;
    Ok(Exit::Done)
}

fn empty(arguments: &Empty, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let found = context.open()?;
    let all = Gathered::of(&found)?;
    let trashed = all.trashed();
    drop(found);
    let deleting = Deleting::new(&all, &trashed, What::Trashed);
    deleting.preview(arguments.dry_run, out)?;
    let outcome = if arguments.dry_run || trashed.is_empty() {
        None
    } else {
        deleting.confirm("to_delete", arguments.yes, out)?;
        let store = context.open_threads()?;
        let outcome = deleting.run(&store, out)?;
        wait(store.close())?;
        Some(outcome)
    };
    deleting.records("to_delete", outcome.as_ref(), out)?;
    let deleted = outcome.as_ref().map(|outcome| wide(outcome.deleted()));
    let failed = outcome.as_ref().map(|outcome| wide(outcome.failures()));
    let spared = outcome.as_ref().map(Outcome::spared);
    out.record("summary", &Summary { threads: deleting.count(), deleted, failed, spared, ..Summary::default() })?;
    let count = |number, one, many| paint(STRONG, counted(number, one, many));
    match (deleted, failed) {
        _ if trashed.is_empty() => out.line(paint(FAINT, "the trash is empty"))?,
        (None, _) => {
            let threads = count(deleting.count(), "thread", "threads");
            out.line(format_args!("{threads} would be deleted for good; nothing was done"))?;
        }
        (Some(deleted), failed) => {
            let threads = count(deleted, "thread", "threads");
            let stay = match failed {
                None | Some(0) => String::new(),
                Some(failed) => format!("; {} in the trash", counted(failed, "stays", "stay")),
            };
            out.line(format_args!("{threads} deleted for good{stay}"))?;
        }
    }
    Ok(if failed.is_some_and(|failed| failed > 0) { Exit::Partial } else { Exit::Done })
}

#[derive(Serialize)]
struct Moved {
    id: String,
    trashed: bool,
    changed: bool,
    live: bool,
}

#[derive(Serialize)]
struct Failed<'a> {
    id: String,
    kind: &'static str,
    message: &'a str,
}

#[derive(Default, Serialize)]
struct Summary {
    threads: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spared: Option<u64>,
}
