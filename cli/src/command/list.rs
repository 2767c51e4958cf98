//! `threadlog list`: every thread, newest first.

use clap::Args;
use serde::Serialize;
use threadlog::{Store, ThreadSummary};

use crate::command::summary::{Thread, revisions};
use crate::command::{Context, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, paint};
use crate::output::table::{Lean, Table};

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// Only the first N; says how many there are
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// Least number of characters of an id that are shown.
const ID_CHARS_MIN: usize = 8;
/// Most characters of a preview that are shown, where no terminal cuts it.
const PREVIEW_CHARS_MAX: usize = 200;

/// Runs `list`.
pub fn run(arguments: &List, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let lost = say(&store, arguments.limit, out)?;
    soundness(&store.log().damage(), lost, out)
}

/// The threads of an open store: a row for people, a record for programs. Returns how many records are lost.
pub fn say(store: &Store, limit: Option<u64>, out: &mut Output) -> Result<u64, Failure> {
    let threads = store.threads();
    let total = wide(threads.len());
    let shown =
        limit.and_then(|limit| usize::try_from(limit).ok()).map_or(threads.len(), |limit| limit.min(threads.len()));
    let columns = [
        ("ID", Lean::Left),
        ("LAST ACTIVE (UTC)", Lean::Left),
        ("LINES", Lean::Right),
        ("SIZE", Lean::Right),
        ("FOLDER", Lean::Left),
        ("BEGINS WITH", Lean::Left),
    ];
    let mut table = Table::new(&columns);
    let id_chars = id_chars(&threads);
    for thread in threads.iter().take(shown) {
        out.record("thread", &Thread::new(&thread.current, revisions(thread)))?;
        table.row(row(thread, id_chars));
    }
    out.table(&table)?;
    let lives = threads.iter().flat_map(|thread| thread.others.iter().chain([&thread.current]));
    let lost = lives.map(|life| life.lost_records).sum();
    let bytes = threads.iter().map(|thread| thread.current.facts.totals().bytes).sum();
    out.record("summary", &Summary { threads: total, shown: wide(shown), bytes })?;
    let threads = human::counted(total, "thread", "threads");
    let of = if wide(shown) < total { format!("{} of ", human::count(wide(shown))) } else { String::new() };
    out.line(paint(FAINT, format_args!("{of}{threads}, {}", human::size(bytes))))?;
    Ok(lost)
}

fn row(thread: &ThreadSummary, id_chars: usize) -> [String; 6] {
    let (facts, totals) = (&thread.current.facts, thread.current.facts.totals());
    let id = thread.thread.to_string();
    let mut id = id.get(..id_chars).unwrap_or(&id).to_owned();
    // A thread with revisions names the one that is shown: the others have other numbers.
    if !thread.others.is_empty() {
        id = format!("{id}~{}", thread.current.number);
    }
    let folder = facts.first.cwd().unwrap_or("");
    let folder = folder.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(folder);
    [
        id,
        facts.last_active().map_or_else(String::new, human::minute),
        human::count(totals.lines),
        human::size(totals.bytes),
        human::one_line(folder, 24),
        human::one_line(facts.first.preview().unwrap_or(""), PREVIEW_CHARS_MAX),
    ]
}

/// How many characters of an id tell all threads apart.
fn id_chars(threads: &[ThreadSummary]) -> usize {
    let mut ids: Vec<String> = threads.iter().map(|thread| thread.thread.to_string()).collect();
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
}
