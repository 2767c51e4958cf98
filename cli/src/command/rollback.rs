//! `threadlog rollback`: the last turns of a thread, taken back.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use threadlog::live::LiveThread;
use threadlog::thread_store::{ReadThreadParams, ResumeThreadParams, ThreadStore};

use crate::command::change::{Change, called};
use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::counted;
use crate::threads::wait;

/// Arguments of `rollback`.
#[derive(Args, Debug)]
pub struct Rollback {
    /// The thread: its id or the beginning of one
    #[arg(value_name = "ID")]
    pub id: String,
    /// How many of its last turns, from 1: each with its user's messages and all that followed
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub turns: u32,
}

/// Runs `rollback`. The marker is durable when it says so.
pub fn run(arguments: &Rollback, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let change = Change::of(std::slice::from_ref(&arguments.id), context)?;
    for id in &change.threads {
        let before = wait(change.store.read_thread(ReadThreadParams::new(*id).with_archived()))?;
        let seen = wait(async {
            let params = ResumeThreadParams::new(*id).with_archived();
            let live = LiveThread::resume(Arc::new(change.store.clone()), params).await?;
            let seen = live.rollback(arguments.turns).await;
            live.shutdown().await?;
            seen
        })?;
        let context_items = wide(seen.items.len());
        let thread = Thread { id: id.to_string(), rolled_back: arguments.turns, context_items };
        out.record("thread", &thread)?;
        let turns = counted(arguments.turns.into(), "turn", "turns");
        let items = counted(context_items, "item", "items");
        out.line(format_args!("took back {turns} of {}; the model sees {items} now", called(&before.metadata)))?;
    }
    change.close()?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Thread {
    id: String,
    rolled_back: u32,
    context_items: u64,
}
