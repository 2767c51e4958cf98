//! `threadlog changes`: which threads changed since an earlier look.

use clap::Args;
use serde::Serialize;
use threadlog::changes::ChangeCursor;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{ReadThreadParams, ThreadStore};

use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::style::{FAINT, paint};
use crate::threads::wait;

/// Most characters of a title that are shown.
const TITLE_CHARS_MAX: usize = 100;

/// Arguments of `changes`.
#[derive(Args, Debug)]
pub struct Changes {
    /// What an earlier `changes` gave; without it all threads are listed
    #[arg(long, value_name = "CURSOR")]
    pub since: Option<ChangeCursor>,
}

/// Runs `changes`. The store is only read.
pub fn run(arguments: &Changes, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let changed = store.changes(arguments.since.as_ref())?;
    let reading = LocalThreadStore::reading(&store)?;
    let mut exit = Exit::Done;
    for thread in &changed.threads {
        let id = thread.to_string();
        match reading_of(&reading, *thread) {
            // It is named all the same: the cursor must get past it.
            Err(failure) => {
                exit = failure.exit();
                out.record("thread", &Changed { id: &id, deleted: false, title: None })?;
                out.line(&id)?;
                out.flush()?;
                failure::warn(&format!("{id}: {}", human::plain(failure.message())));
            }
            Ok(Some(title)) => {
                out.record("thread", &Changed { id: &id, deleted: false, title: title.as_deref() })?;
                let title = human::one_line(title.as_deref().unwrap_or(""), TITLE_CHARS_MAX);
                out.line(format_args!("{id}  {title}"))?;
            }
            Ok(None) => {
                out.record("thread", &Changed { id: &id, deleted: true, title: None })?;
                out.line(format_args!("{id}  {}", paint(FAINT, "deleted")))?;
            }
        }
    }
    let (threads, cursor) = (wide(changed.threads.len()), changed.cursor.to_string());
    out.record("summary", &Summary { threads, cursor: &cursor })?;
    out.line(paint(FAINT, format_args!("{}; next time: --since {cursor}", counted(threads, "thread", "threads"))))?;
    Ok(exit)
}

/// A thread's title, if it has one; `None` if it was deleted.
fn reading_of(store: &LocalThreadStore, thread: threadlog::ThreadId) -> Result<Option<Option<String>>, Failure> {
    match wait(store.read_thread(ReadThreadParams::new(thread).with_archived())) {
        Ok(stored) => Ok(Some(stored.metadata.title().map(str::to_owned))),
        Err(error) if error.exit() == Exit::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    id: &'a str,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary<'a> {
    threads: u64,
    cursor: &'a str,
}
