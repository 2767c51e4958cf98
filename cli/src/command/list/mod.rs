//! `threadlog list`: threads, through the filters and orders of the store.

use std::collections::HashMap;

use clap::ValueEnum;
use serde::Serialize;
use threadlog::list::{Cursor, Hidden, ListPage, ListParams, PAGE_SIZE_MAX};
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{StoredThread, ThreadStore};
use threadlog::{Store, ThreadId, ThreadSummary};

use crate::command::summary::{Thread, revisions, time};
use crate::command::{Context, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, paint};
use crate::output::table::{Lean, Table};
use crate::threads::wait;

mod filters;
mod hidden;
mod params;

pub use filters::Filters;
pub use params::{List, Sort, absolute};

/// Least number of characters of an id that are shown.
const ID_CHARS_MIN: usize = 8;
/// Most characters of a title that are shown, where no terminal cuts it.
const TITLE_CHARS_MAX: usize = 200;

/// Runs `list`. The store is only read.
pub fn run(arguments: &List, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let listed = say(&store, arguments, out)?;
    soundness(&store.log().damage(), listed.lost_records, out)
}

/// What was listed.
pub struct Listed {
    /// The first thread.
    pub first: Option<ThreadId>,
    /// Records of the listed threads that cannot be read.
    pub lost_records: u64,
}

/// The threads of an open store: a row for people, a record for programs.
pub fn say(store: &Store, arguments: &List, out: &mut Output) -> Result<Listed, Failure> {
    let params = arguments.params(store)?;
    let threads = LocalThreadStore::reading(store)?;
    let page = page(&threads, arguments, params.clone())?;
    let ids: Vec<ThreadId> = page.threads.iter().map(StoredThread::id).collect();
    let mut sizes: HashMap<ThreadId, ThreadSummary> =
        wait(threads.summaries(&ids))?.into_iter().map(|summary| (summary.thread, summary)).collect();
    let sort = arguments.sort;
    let columns = [
        ("ID", Lean::Left),
        (sort.heading(), Lean::Left),
        ("LINES", Lean::Right),
        ("SIZE", Lean::Right),
        ("FOLDER", Lean::Left),
        ("TITLE", Lean::Left),
    ];
    let mut table = Table::new(&columns);
    let id_chars = id_chars(&ids);
    let (mut bytes, mut lost_records): (u64, u64) = (0, 0);
    for thread in &page.threads {
        let Some(summary) = sizes.remove(&thread.id()) else { continue };
        let lives = summary.others.iter().chain([&summary.current]);
        lost_records = lives.fold(lost_records, |sum, life| sum.saturating_add(life.lost_records));
        out.record("thread", &Thread::new(&thread.metadata, &summary.current, revisions(&summary)))?;
        table.row(row(thread, &summary, sort, id_chars));
        bytes = bytes.saturating_add(summary.current.facts.totals().bytes);
    }
    out.table(&table)?;
    end(&page, arguments, &params, bytes, out)?;
    Ok(Listed { first: ids.first().copied(), lost_records })
}

/// The threads asked for, as one page: what a page of the store can hold is no limit of the list.
fn page(store: &LocalThreadStore, arguments: &List, mut params: ListParams) -> Result<ListPage<StoredThread>, Failure> {
    let wanted = arguments.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    params.page_size = wanted.min(PAGE_SIZE_MAX);
    let mut page = wait(store.list_threads(params.clone()))?;
    while page.threads.len() < wanted && page.next_cursor.is_some() {
        params.cursor = page.next_cursor;
        params.page_size = wanted.saturating_sub(page.threads.len()).min(PAGE_SIZE_MAX);
        let more = wait(store.list_threads(params.clone()))?;
        page.threads.extend(more.threads);
        page.next_cursor = more.next_cursor;
    }
    Ok(page)
}

/// How many there are, how many are not listed and why, and how to go on.
fn end(
    page: &ListPage<StoredThread>,
    arguments: &List,
    params: &ListParams,
    bytes: u64,
    out: &mut Output,
) -> Result<(), Failure> {
    let shown = wide(page.threads.len());
    let ListPage { total, hidden, next_cursor, backwards_cursor, .. } = page;
    let cursor = |cursor: &Option<Cursor>| cursor.as_ref().map(Cursor::to_string);
    let summary = Summary {
        threads: *total,
        shown,
        bytes,
        hidden: *hidden,
        next_cursor: cursor(next_cursor),
        backwards_cursor: cursor(backwards_cursor),
    };
    out.record("summary", &summary)?;
    let threads = human::counted(*total, "thread", "threads");
    let of = if shown < *total { format!("{} of ", human::count(shown)) } else { String::new() };
    out.line(paint(FAINT, format_args!("{of}{threads}, {}", human::size(bytes))))?;
    if let Some(hidden) = hidden::sentence(hidden, params) {
        out.line(paint(FAINT, hidden))?;
    }
    if let Some(next) = &summary.next_cursor {
        let sort = arguments.sort.to_possible_value();
        let sort = sort.as_ref().map_or("", |sort| sort.get_name());
        let order = if arguments.ascending { " --ascending" } else { "" };
        out.line(paint(FAINT, format_args!("go on with: --sort {sort}{order} --cursor {next}")))?;
    }
    Ok(())
}

fn row(thread: &StoredThread, summary: &ThreadSummary, sort: Sort, id_chars: usize) -> [String; 6] {
    use threadlog::list::ThreadRow;
    let (metadata, totals) = (&thread.metadata, summary.current.facts.totals());
    let id = thread.id().to_string();
    let mut id = id.get(..id_chars).unwrap_or(&id).to_owned();
    // A thread with revisions names the one that is shown: the others have other numbers.
    if !summary.others.is_empty() {
        id = format!("{id}~{}", summary.current.number);
    }
    let folder = metadata.cwd().unwrap_or("");
    let folder = folder.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(folder);
    let title = metadata.title().or_else(|| metadata.preview());
    [
        id,
        time(metadata.time_ms(sort.key())).map_or_else(String::new, human::minute),
        human::count(totals.lines),
        human::size(totals.bytes),
        human::one_line(folder, 24),
        human::one_line(title.unwrap_or(""), TITLE_CHARS_MAX),
    ]
}

/// How many characters of an id tell all listed threads apart.
fn id_chars(threads: &[ThreadId]) -> usize {
    let mut ids: Vec<String> = threads.iter().map(ThreadId::to_string).collect();
    ids.sort_unstable();
    let shared = |pair: &[String]| match pair {
        [a, b] => a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    ids.windows(2).map(shared).max().map_or(ID_CHARS_MIN, |shared| shared.saturating_add(1).max(ID_CHARS_MIN))
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    shown: u64,
    bytes: u64,
    hidden: Hidden,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backwards_cursor: Option<String>,
}
