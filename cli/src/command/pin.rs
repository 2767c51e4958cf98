//! `threadlog pin` and `threadlog unpin`: threads to keep in sight.

use clap::Args;
use serde::Serialize;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{ReadThreadParams, ThreadStore, UpdateThreadMetadataParams};

use crate::command::change::{Change, called};
use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::style::{FAINT, paint};
use crate::threads::wait;

/// Arguments of both.
#[derive(Args, Debug)]
pub struct Pin {
    /// The threads: their ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
}

/// Runs `pin` (`pinned`) or `unpin`. What it says is durable.
pub fn run(arguments: &Pin, pinned: bool, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let change = Change::of(&arguments.ids, context)?;
    let mut patch = MetadataPatch::default();
    patch.pinned = Some(pinned);
    let mut changed: u64 = 0;
    for id in &change.threads {
        let before = wait(change.store.read_thread(ReadThreadParams::new(*id).with_archived()))?;
        let differs = before.metadata.pinned() != pinned;
        if differs {
            let params = UpdateThreadMetadataParams::new(*id, patch.clone()).with_archived();
            wait(change.store.update_thread_metadata(params))?;
        }
        changed = changed.saturating_add(u64::from(differs));
        out.record("thread", &Thread { id: id.to_string(), pinned, changed: differs })?;
        let what = match (pinned, differs) {
            (true, true) => "pinned".to_owned(),
            (false, true) => "unpinned".to_owned(),
            (true, false) => paint(FAINT, "was pinned already:"),
            (false, false) => paint(FAINT, "was not pinned:"),
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
    pinned: bool,
    changed: bool,
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    changed: u64,
}
