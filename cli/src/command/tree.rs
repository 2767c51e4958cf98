//! `threadlog tree`: which threads came from which.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;
use threadlog::ThreadId;
use threadlog::list::{ArchiveFilter, Edge, Family};
use threadlog::metadata::ThreadMetadata;

use crate::command::{Context, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, STRONG, paint};
use crate::threads;

/// Most characters of a title that are shown.
const TITLE_CHARS_MAX: usize = 80;

/// Arguments of `tree`.
#[derive(Args, Debug)]
pub struct Tree {
    /// Only the tree with this thread: its id or the beginning of one
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// Runs `tree`. The store is only read.
pub fn run(arguments: &Tree, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let wanted = arguments.id.as_deref().map(|id| store.resolve(id)).transpose()?.map(|key| key.thread);
    // One in the trash is not gone: what came from it would seem to have come from nowhere.
    let threads = threads::within(&store, &[ArchiveFilter::Active, ArchiveFilter::Archived, ArchiveFilter::Trashed])?;
    let family = Family::of(threads.values());
    let mut printing = Printing { threads: &threads, family: &family, met: BTreeSet::new(), wanted, out };
    match wanted {
        Some(thread) => printing.tree(root(&family, thread))?,
        None => {
            let first = |thread: &ThreadId| placed_under(&family, *thread).is_none();
            family.related_threads().filter(first).try_for_each(|root| printing.tree(root))?;
            // Threads that say they came from each other have no root.
            family.related_threads().try_for_each(|thread| printing.tree(thread))?;
        }
    }
    let shown = wide(printing.met.len());
    let other = |(id, metadata): &(&ThreadId, &ThreadMetadata)| !printing.met.contains(id) && !metadata.trashed();
    let others = wide(threads.iter().filter(other).count());
    out.record("summary", &Summary { threads: shown, others })?;
    let what = if wanted.is_some() { "of other trees, or of none" } else { "that came from no other" };
    let others = human::counted(others, "thread", "threads");
    out.line(paint(FAINT, format_args!("{} shown, {others} {what}", human::counted(shown, "thread", "threads"))))?;
    soundness(&store.log().damage(), 0, out)
}

/// The thread that it stands below: a thread can have two parents, and stands below the one whose agent started it.
fn placed_under(family: &Family, thread: ThreadId) -> Option<(Edge, ThreadId)> {
    family.parents(thread).first().copied()
}

/// The first of the threads that it came from.
fn root(family: &Family, thread: ThreadId) -> ThreadId {
    let (mut root, mut met) = (thread, BTreeSet::from([thread]));
    while let Some((_, parent)) = placed_under(family, root).filter(|(_, parent)| met.insert(*parent)) {
        root = parent;
    }
    root
}

struct Printing<'a> {
    threads: &'a BTreeMap<ThreadId, ThreadMetadata>,
    family: &'a Family,
    met: BTreeSet<ThreadId>,
    wanted: Option<ThreadId>,
    out: &'a mut Output,
}

/// A thread to be shown, and what stands before it on its line.
struct Waiting {
    thread: ThreadId,
    from: Option<(Edge, ThreadId)>,
    before: String,
    last: bool,
    depth: u64,
}

impl Printing<'_> {
    /// Shows a thread and all below it, unless it was shown before. Chains may be long: no recursion.
    fn tree(&mut self, root: ThreadId) -> Result<(), Failure> {
        let mut waiting = vec![Waiting { thread: root, from: None, before: String::new(), last: true, depth: 0 }];
        while let Some(next) = waiting.pop() {
            if self.met.insert(next.thread) {
                self.thread(&next)?;
                waiting.extend(self.below(&next));
            }
        }
        Ok(())
    }

    /// What stands below a thread, the last first.
    fn below(&self, above: &Waiting) -> Vec<Waiting> {
        let family = self.family;
        let here = |(edge, child): &&(Edge, ThreadId)| {
            placed_under(family, *child) == Some((*edge, above.thread)) && !self.met.contains(child)
        };
        let indent = match (above.depth, above.last) {
            (0, _) => String::new(),
            (_, true) => format!("{}   ", above.before),
            (_, false) => format!("{}│  ", above.before),
        };
        let children = family.children(above.thread).iter().filter(here).rev();
        let waiting = |(place, (edge, child)): (usize, &(Edge, ThreadId))| Waiting {
            thread: *child,
            from: Some((*edge, above.thread)),
            before: indent.clone(),
            last: place == 0,
            depth: above.depth.saturating_add(1),
        };
        children.enumerate().map(waiting).collect()
    }

    fn thread(&mut self, waiting: &Waiting) -> Result<(), Failure> {
        let metadata = self.threads.get(&waiting.thread);
        let title = metadata.and_then(|metadata| metadata.title().or_else(|| metadata.preview()));
        let record = Thread {
            id: waiting.thread.to_string(),
            depth: waiting.depth,
            relation: waiting.from.map(|(edge, _)| edge),
            parent: waiting.from.map(|(_, parent)| parent.to_string()),
            inherited: metadata.and_then(ThreadMetadata::inherited).map(|inherited| inherited.items),
            title,
            archived: metadata.is_some_and(ThreadMetadata::archived),
            trashed: metadata.is_some_and(ThreadMetadata::trashed),
            missing: metadata.is_none(),
        };
        self.out.record("thread", &record)?;
        let branch = match (waiting.depth, waiting.last) {
            (0, _) => "",
            (_, true) => "└─ ",
            (_, false) => "├─ ",
        };
        let what = match (record.relation, record.missing) {
            (_, true) => "not in this store",
            (Some(Edge::Agent), _) => "agent  ",
            (Some(Edge::Fork), _) => "fork  ",
            (None, _) => "",
        };
        let wanted = if self.wanted == Some(waiting.thread) { " ←" } else { "" };
        let place = match (record.trashed, record.archived) {
            (true, _) => " (in the trash)",
            (false, true) => " (archived)",
            (false, false) => "",
        };
        let title = human::one_line(title.unwrap_or(""), TITLE_CHARS_MAX);
        let id = paint(STRONG, waiting.thread);
        let words = paint(FAINT, format_args!("{what}{title}{place}{wanted}"));
        self.out.line(format_args!("{}{branch}{id}  {words}", waiting.before))
    }
}

#[derive(Serialize)]
struct Thread<'a> {
    id: String,
    depth: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<Edge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inherited: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    archived: bool,
    trashed: bool,
    missing: bool,
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    others: u64,
}
