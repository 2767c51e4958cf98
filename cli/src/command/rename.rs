//! `threadlog rename`: a thread's name.

use clap::Args;
use serde::Serialize;
use threadlog::metadata::MetadataPatch;
use threadlog::thread_store::{ReadThreadParams, ThreadStore, UpdateThreadMetadataParams};

use crate::command::Context;
use crate::command::change::{Change, called};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::threads::wait;

/// Arguments of `rename`.
#[derive(Args, Debug)]
pub struct Rename {
    /// The thread: its id or the beginning of one
    #[arg(value_name = "ID")]
    pub id: String,
    /// The name: at most 4096 bytes, without the white space around it
    #[arg(value_name = "NAME", required_unless_present = "clear")]
    pub name: Option<String>,
    /// Take the name away
    #[arg(long, conflicts_with = "name")]
    pub clear: bool,
}

/// Runs `rename`. The name is durable when it says so.
pub fn run(arguments: &Rename, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let mut patch = MetadataPatch::default();
    patch.name = Some(arguments.name.clone());
    // Before the store is touched.
    let patch = patch.checked().map_err(|error| Failure::usage(error.to_string()))?;
    let change = Change::of(std::slice::from_ref(&arguments.id), context)?;
    for id in &change.threads {
        let before = wait(change.store.read_thread(ReadThreadParams::new(*id).with_archived()))?;
        let params = UpdateThreadMetadataParams::new(*id, patch.clone()).with_archived();
        let after = wait(change.store.update_thread_metadata(params))?;
        let (before, after) = (&before.metadata, &after.metadata);
        let renamed = Thread { id: id.to_string(), name: after.name(), name_before: before.name() };
        out.record("thread", &renamed)?;
        let what = if renamed.name.is_some() { "renamed" } else { "has no name now:" };
        out.line(format_args!("{what} {}", called(after)))?;
    }
    change.close()?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Thread<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_before: Option<&'a str>,
}
