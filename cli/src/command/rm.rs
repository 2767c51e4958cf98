//! `threadlog rm`: threads for good.

use clap::Args;
use serde::Serialize;

use crate::command::deleting::{Deleting, What};
use crate::command::gathered::Gathered;
use crate::command::{Context, change, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::counted;
use crate::output::style::{FAINT, STRONG, paint};
use crate::threads::wait;

/// Arguments of `rm`.
#[derive(Args, Debug)]
pub struct Rm {
    /// The threads: their ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Delete the threads that came from them too: forks, and threads that their agents started, and theirs
    #[arg(long)]
    pub with_descendants: bool,
    /// Only show what would go, and what came from it and stays
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Delete without asking; needed where nobody can be asked: with --json, or without a terminal
    #[arg(short, long)]
    pub yes: bool,
}

/// Runs `rm`. What it says is gone is gone for good, also after a power cut; with `--dry-run` the store is only read, and
/// so it is until somebody has confirmed.
pub fn run(arguments: &Rm, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let found = context.open()?;
    let asked = change::find(&found, &arguments.ids)?;
    let all = Gathered::of(&found)?;
    drop(found);
    let what = if arguments.with_descendants { What::WithDescendants } else { What::Alone };
    let deleting = Deleting::new(&all, &asked, what);
    deleting.preview(arguments.dry_run, out)?;
    let outcome = if arguments.dry_run {
        None
    } else {
        deleting.confirm("thread", arguments.yes, out)?;
        let store = context.open_threads()?;
        let outcome = deleting.run(&store, out)?;
        wait(store.close())?;
        Some(outcome)
    };
    deleting.records("thread", outcome.as_ref(), out)?;
    let summary = Summary {
        threads: deleting.count(),
        deleted: outcome.as_ref().map_or(0, |outcome| wide(outcome.deleted())),
        kept: deleting.kept(),
        failed: outcome.as_ref().map_or(0, |outcome| wide(outcome.failures())),
        dry_run: arguments.dry_run,
    };
    out.record("summary", &summary)?;
    say(&summary, out)?;
    Ok(outcome.map_or(Exit::Done, |outcome| outcome.exit()))
}

fn say(summary: &Summary, out: &mut Output) -> Result<(), Failure> {
    let threads = |count| paint(STRONG, counted(count, "thread", "threads"));
    if summary.dry_run {
        return out.line(format_args!("{} would be deleted for good; nothing was done", threads(summary.threads)));
    }
    out.line(format_args!("{} deleted for good", threads(summary.deleted)))?;
    if summary.deleted > 0 {
        out.line(paint(FAINT, "`threadlog trash put` takes threads away with an undo, until the trash is emptied"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    deleted: u64,
    kept: u64,
    failed: u64,
    dry_run: bool,
}
