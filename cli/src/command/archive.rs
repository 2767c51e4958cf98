//! `threadlog archive` and `threadlog unarchive`: out of the lists, and back.

use clap::Args;
use serde::Serialize;
use threadlog::thread_store::{ReadThreadParams, ThreadStore};

use crate::command::change::{Change, called};
use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::style::{FAINT, paint};
use crate::threads::wait;

/// Arguments of both.
#[derive(Args, Debug)]
pub struct Archive {
    /// The threads: their ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
}

/// Runs `archive` (`archived`) or `unarchive`. What it says is durable.
pub fn run(arguments: &Archive, archived: bool, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let change = Change::of(&arguments.ids, context)?;
    let mut changed: u64 = 0;
    for id in &change.threads {
        let before = wait(change.store.read_thread(ReadThreadParams::new(*id).with_archived()))?;
        let differs = before.metadata.archived() != archived;
        if archived {
            wait(change.store.archive_thread((*id).into()))?;
        } else {
            wait(change.store.unarchive_thread((*id).into()))?;
        }
        changed = changed.saturating_add(u64::from(differs));
        out.record("thread", &Thread { id: id.to_string(), archived, changed: differs })?;
        let what = match (archived, differs) {
            (true, true) => "archived".to_owned(),
            (false, true) => "unarchived".to_owned(),
            (true, false) => paint(FAINT, "was archived already:"),
            (false, false) => paint(FAINT, "was not archived:"),
        };
        out.line(format_args!("{what} {}", called(&before.metadata)))?;
    }
    out.record("summary", &Summary { threads: wide(change.threads.len()), changed })?;
    change.close()?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Thread {
    id: String,
    archived: bool,
    changed: bool,
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    changed: u64,
}
