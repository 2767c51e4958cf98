//! `threadlog relink`: threads whose project moved.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::{MetadataPatch, ThreadMetadata};
use threadlog::thread_store::{ThreadStore, ThreadStoreError, UpdateThreadMetadataParams};

use crate::command::change::{self, called};
use crate::command::{Context, interrupted, list, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, paint};
use crate::threads::{self, wait};

/// How many threads are changed at a time: they share syncs.
const AT_ONCE: usize = 64;

/// Arguments of `relink`.
#[derive(Args, Debug)]
pub struct Relink {
    /// The folder that moved, as the threads know it
    #[arg(long, value_name = "OLD")]
    pub from: String,
    /// Where it is now
    #[arg(long, value_name = "NEW")]
    pub to: String,
    /// Only say what would be changed
    #[arg(long)]
    pub dry_run: bool,
    /// Only these threads: their ids or the beginnings of them [default: all, archived or not]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// A thread, the folder it has, and the one it is to have.
struct Move<'a> {
    thread: &'a ThreadMetadata,
    before: &'a str,
    after: String,
}

/// Runs `relink`. What it says is durable, unless it is a preview.
pub fn run(arguments: &Relink, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let (from, to) = (folder("--from", &arguments.from)?, folder("--to", &arguments.to)?);
    if from == to {
        return Err(Failure::usage(format!(
            "--from and --to are both {from}: say where the folder was, and where it is"
        )));
    }
    let found = context.open()?;
    let mut threads = threads::all(&found)?;
    if !arguments.ids.is_empty() {
        let named = change::find(&found, &arguments.ids)?;
        threads.retain(|thread, _| named.contains(thread));
    }
    let moves: Vec<Move<'_>> = threads.values().filter_map(|thread| moved(thread, &from, &to)).collect();
    let others = wide(threads.len().saturating_sub(moves.len()));
    let mut done = 0;
    if arguments.dry_run || moves.is_empty() {
        moves.iter().try_for_each(|moved| say(moved, false, out))?;
    } else {
        interrupt::listen();
        let store = context.open_threads()?;
        for some in moves.chunks(AT_ONCE).take_while(|_| !interrupt::asked()) {
            change(&store, some)?;
            some.iter().try_for_each(|moved| say(moved, true, out))?;
            done += wide(some.len());
        }
        wait(store.close())?;
    }
    let stopped = interrupt::asked();
    let dry_run = arguments.dry_run;
    out.record("summary", &Summary { threads: wide(moves.len()), changed: done, others, dry_run, stopped })?;
    let what = if dry_run { "would be relinked" } else { "relinked" };
    let count = human::counted(if dry_run { wide(moves.len()) } else { done }, "thread", "threads");
    let others = human::counted(others, "thread", "threads");
    out.line(paint(FAINT, format_args!("{count} {what}; {others} not below {}", human::one_line(&from, 200))))?;
    interrupted(stopped, Exit::Done, out)
}

/// A folder as threads know it: a whole path, perhaps of another machine, without a separator at its end.
fn folder(option: &str, text: &str) -> Result<String, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{option} is blank: name a folder")));
    }
    let foreign = text.starts_with("\\\\") || text.get(1..).is_some_and(|rest| rest.starts_with(":\\"));
    let whole = if foreign { text.to_owned() } else { list::absolute(Path::new(text))? };
    let plain = whole.trim_end_matches(['/', '\\']);
    // The root of everything is a folder too.
    Ok(if plain.is_empty() { whole } else { plain.to_owned() })
}

/// What becomes of a thread in that folder or below it.
fn moved<'a>(thread: &'a ThreadMetadata, from: &str, to: &str) -> Option<Move<'a>> {
    let before = thread.cwd()?;
    let rest = before.strip_prefix(from.trim_end_matches('/'))?;
    let below = rest.is_empty() || rest.starts_with(['/', '\\']);
    let rest = rest.trim_end_matches(['/', '\\']);
    below.then(|| Move {
        thread,
        before,
        after: format!("{}{rest}", if rest.is_empty() { to } else { to.trim_end_matches('/') }),
    })
}

/// All of them at the same time, each durable when this returns.
fn change(store: &LocalThreadStore, moves: &[Move<'_>]) -> Result<(), Failure> {
    let patches = moves.iter().map(|moved| {
        let mut patch = MetadataPatch::default();
        patch.cwd = Some(Some(moved.after.clone()));
        UpdateThreadMetadataParams::new(moved.thread.thread(), patch).with_archived()
    });
    let patches: Vec<UpdateThreadMetadataParams> = patches.collect();
    wait(async {
        let update = |params| {
            let store = store.clone();
            tokio::spawn(async move { store.update_thread_metadata(params).await.map(drop) })
        };
        let updates: Vec<_> = patches.into_iter().map(update).collect();
        let mut result: Result<(), Failure> = Ok(());
        for update in updates {
            let outcome: Result<Result<(), ThreadStoreError>, _> = update.await;
            let outcome = outcome.map_err(|error| Failure::new(Exit::Failed, error.to_string()));
            result = result.and(outcome.and_then(|outcome| outcome.map_err(Failure::from)));
        }
        result
    })
}

fn say(moved: &Move<'_>, changed: bool, out: &mut Output) -> Result<(), Failure> {
    let Move { thread, before, after } = moved;
    out.record("thread", &Thread { id: thread.thread().to_string(), cwd: after, cwd_before: before, changed })?;
    let (before, after) = (human::one_line(before, 200), human::one_line(after, 200));
    out.line(format_args!("{}\n  {before} {} {after}", called(thread), paint(FAINT, "→")))
}

#[derive(Serialize)]
struct Thread<'a> {
    id: String,
    cwd: &'a str,
    cwd_before: &'a str,
    changed: bool,
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    changed: u64,
    others: u64,
    dry_run: bool,
    stopped: bool,
}
