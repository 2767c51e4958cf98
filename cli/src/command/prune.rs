//! `threadlog prune`: threads that nobody needs any more, into the trash.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use serde::Serialize;
use threadlog::ThreadId;
use threadlog::local::LocalThreadStore;
use threadlog::prune::{Protection, PrunePlan, PruneReason, PruneRow, PruneRules, plan};
use threadlog::thread_store::{ReadThreadParams, ThreadStore};

use crate::command::gathered::{Gathered, Named, bytes};
use crate::command::list::absolute;
use crate::command::summary::time;
use crate::command::{Context, measure, trash, wide};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::style::{FAINT, STRONG, WARNING, paint};
use crate::threads::wait;

/// Arguments of `prune`.
#[derive(Args, Debug)]
pub struct Prune {
    /// Threads to which nothing was added for so long: 12h, 30d, 6w, 1y
    #[arg(long, value_name = "TIME", value_parser = measure::duration_ms)]
    older_than: Option<u64>,
    /// All but the N threads that were active last
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Threads with more bytes than this: 500kB, 100MB
    #[arg(long, value_name = "SIZE", value_parser = measure::bytes)]
    larger_than: Option<u64>,
    /// As many as it takes until the others together have at most so many bytes; those first that were active the longest
    /// time ago
    #[arg(long, value_name = "SIZE", value_parser = measure::bytes)]
    max_total: Option<u64>,
    /// Threads of this working directory, not of those below it
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Threads that agents started
    #[arg(long)]
    sub_agents: bool,
    /// Threads with names may go too
    #[arg(long)]
    include_named: bool,
    /// Archived threads may go too
    #[arg(long)]
    include_archived: bool,
    /// Put them into the trash; without it, they are only shown
    #[arg(short, long)]
    yes: bool,
}

/// Runs `prune`. Without `--yes` it changes nothing; with it, what it says is durable.
pub fn run(arguments: &Prune, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let rules = arguments.rules()?;
    let found = context.open()?;
    let all = Gathered::of(&found)?;
    let candidates: Vec<ThreadId> =
        all.iter().filter(|metadata| !metadata.trashed()).map(|metadata| metadata.thread()).collect();
    let sizes: HashMap<ThreadId, u64> =
        found.threads_of(&candidates).iter().map(|summary| (summary.thread, bytes(summary))).collect();
    // A preview claims nothing.
    let store = if arguments.yes { context.open_threads()? } else { LocalThreadStore::reading(&found)? };
    drop(found);
    let mut rows = Vec::new();
    for metadata in candidates.iter().filter_map(|thread| all.get(*thread)) {
        let thread = metadata.thread();
        let row = PruneRow::new(metadata, sizes.get(&thread).copied().unwrap_or(0));
        rows.push(row.live(store.holder(thread)?.is_some()));
    }
    let plan = plan(&rows, &rules);
    let exit = Showing { all: &all, plan: &plan, out }.carry_out(arguments.yes.then_some(&store))?;
    wait(store.close())?;
    Ok(exit)
}

impl Prune {
    fn rules(&self) -> Result<PruneRules, Failure> {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_ms = since_1970.ok().and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0);
        let mut rules = PruneRules::default();
        rules.inactive_since_ms = self.older_than.map(|age_ms| now_ms.saturating_sub(age_ms));
        rules.keep = self.keep;
        rules.larger_than = self.larger_than;
        rules.max_total = self.max_total;
        rules.cwd = self.cwd.as_deref().map(absolute).transpose()?;
        rules.sub_agents = self.sub_agents;
        rules.include_named = self.include_named;
        rules.include_archived = self.include_archived;
        if rules.has_criterion() {
            return Ok(rules);
        }
        let criteria = "--older-than, --keep, --larger-than, --max-total, --cwd or --sub-agents";
        Err(Failure::usage(format!("nothing goes by itself: say which threads, by {criteria}")))
    }
}

struct Showing<'a> {
    all: &'a Gathered,
    plan: &'a PrunePlan,
    out: &'a mut Output,
}

impl Showing<'_> {
    /// Shows the plan, and carries it out if there is a store to do it in.
    fn carry_out(mut self, store: Option<&LocalThreadStore>) -> Result<Exit, Failure> {
        self.protected()?;
        let (mut trashed, mut failed): (u64, u64) = (0, 0);
        for (row, reasons) in &self.plan.chosen {
            self.chosen(row, reasons, store.is_none())?;
        }
        self.out.flush()?;
        for (row, reasons) in &self.plan.chosen {
            let done = match store.map(|store| put(store, row)) {
                None => false,
                Some(Ok(())) => true,
                Some(Err(failure)) => {
                    failure::warn(&format!("{} stays: {}", row.thread, failure.message()));
                    failed = failed.saturating_add(1);
                    false
                }
            };
            trashed = trashed.saturating_add(u64::from(done));
            self.out.record("thread", &Thread { about: About::new(self.all, row), reasons, trashed: done })?;
        }
        let summary = Summary {
            threads: wide(self.plan.chosen.len()),
            bytes: self.plan.bytes,
            protected: wide(self.plan.protected.len()),
            over_bytes: self.plan.over_bytes,
            trashed,
            failed,
            preview: store.is_none(),
        };
        self.out.record("summary", &summary)?;
        self.verdict(&summary)?;
        Ok(if failed > 0 { Exit::Partial } else { Exit::Done })
    }

    fn protected(&mut self) -> Result<(), Failure> {
        for (row, protections) in &self.plan.protected {
            self.out.record("protected", &Protected { about: About::new(self.all, row), protections })?;
            let why: Vec<&str> = protections.iter().map(protection).collect();
            let why = paint(FAINT, format_args!("({})", why.join(", ")));
            self.out.line(format_args!("protected {} {why}", self.all.called(row.thread)))?;
        }
        Ok(())
    }

    fn chosen(&mut self, row: &PruneRow, reasons: &[PruneReason], preview: bool) -> Result<(), Failure> {
        let verb = if preview { "would go" } else { "goes" };
        let why: Vec<String> = reasons.iter().map(|reason| because(*reason, row)).collect();
        let why = paint(FAINT, format_args!("({})", why.join(", ")));
        self.out.line(format_args!("{verb} {} {why}", self.all.called(row.thread)))
    }

    fn verdict(&mut self, summary: &Summary) -> Result<(), Failure> {
        let threads = paint(STRONG, counted(summary.threads, "thread", "threads"));
        let size = human::size(summary.bytes);
        let protected = match summary.protected {
            0 => String::new(),
            count => format!("; {} as said above", counted(count, "is protected", "are protected")),
        };
        if summary.over_bytes > 0 {
            let over = human::size(summary.over_bytes);
            let text = format_args!("the rest is {over} larger than it should be: nothing else that may go fits");
            self.out.line(paint(WARNING, text))?;
        }
        if !summary.preview {
            let trashed = paint(STRONG, counted(summary.trashed, "thread", "threads"));
            let undo = if summary.trashed == 0 { "" } else { "; `threadlog trash restore` brings them back" };
            return self.out.line(format_args!("{trashed} put into the trash{protected}{undo}"));
        }
        self.out.line(format_args!("{threads} with {size} would go{protected}"))?;
        if summary.threads > 0 {
            let next =
                "nothing was done: the same with --yes puts them into the trash, from where they can be restored";
            self.out.line(paint(FAINT, next))?;
        }
        Ok(())
    }
}

/// Puts a thread into the trash that is still as it was when it was chosen.
fn put(store: &LocalThreadStore, row: &PruneRow) -> Result<(), Failure> {
    let now = wait(store.read_thread(ReadThreadParams::new(row.thread).with_archived()))?.metadata;
    let live = store.holder(row.thread)?.is_some();
    if now.trashed() || PruneRow::new(&now, row.bytes).live(live) != *row {
        return Err(Failure::new(Exit::Partial, "it changed since it was chosen; look again"));
    }
    trash::set(store, row.thread, true)
}

fn because(reason: PruneReason, row: &PruneRow) -> String {
    match reason {
        PruneReason::Old => {
            let when = time(row.active_ms).map_or_else(|| "long ago".to_owned(), human::minute);
            format!("last active {when}")
        }
        PruneReason::NotRecent => "not one of the latest".to_owned(),
        PruneReason::Large => human::size(row.bytes),
        PruneReason::OverTotal => format!("{} too many in all", human::size(row.bytes)),
        PruneReason::Cwd => "of this folder".to_owned(),
        PruneReason::SubAgent => "an agent started it".to_owned(),
        _ => "meets the criteria".to_owned(),
    }
}

fn protection(protection: &Protection) -> &'static str {
    match protection {
        Protection::Live => "somebody writes it",
        Protection::Pinned => "pinned",
        Protection::Named => "has a name: --include-named",
        Protection::Archived => "archived: --include-archived",
        _ => "protected",
    }
}

#[derive(Serialize)]
struct About<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    bytes: u64,
}

impl<'a> About<'a> {
    fn new(all: &'a Gathered, row: &PruneRow) -> About<'a> {
        let updated = time(row.active_ms).map(|time| time.to_string());
        About { named: all.named(row.thread), updated, bytes: row.bytes }
    }
}

#[derive(Serialize)]
struct Thread<'a> {
    #[serde(flatten)]
    about: About<'a>,
    reasons: &'a [PruneReason],
    trashed: bool,
}

#[derive(Serialize)]
struct Protected<'a> {
    #[serde(flatten)]
    about: About<'a>,
    protections: &'a [Protection],
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    bytes: u64,
    protected: u64,
    over_bytes: u64,
    trashed: u64,
    failed: u64,
    preview: bool,
}
