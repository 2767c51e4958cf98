//! `threadlog rollback`: the last turns of a thread, taken back.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use threadlog::context::{self, ModelContext};
use threadlog::live::LiveThread;
use threadlog::thread_store::{ReadThreadParams, ResumeThreadParams, ThreadStore, ThreadStoreError};

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
        let done = wait(async {
            let params = ResumeThreadParams::new(*id).with_archived();
            let live = LiveThread::resume(Arc::new(change.store.clone()), params).await?;
            let done = take_back(&live, arguments.turns).await;
            live.shutdown().await?;
            done
        })?;
        let Some((rolled_back, seen)) = done else {
            return Err(Failure::usage(format!("thread {id} has no turn that could be taken back; nothing was done")));
        };
        let context_items = wide(seen.items.len());
        let thread = Thread { id: id.to_string(), rolled_back, context_items };
        out.record("thread", &thread)?;
        let turns = counted(rolled_back.into(), "turn", "turns");
        let turns = if rolled_back < arguments.turns { format!("{turns}, all there were,") } else { turns };
        let items = counted(context_items, "item", "items");
        out.line(format_args!("took back {turns} of {}; the model sees {items} now", called(&before.metadata)))?;
    }
    change.close()?;
    Ok(Exit::Done)
}

/// Takes back the last turns, as many of them as there are; nothing if there are none.
async fn take_back(live: &LiveThread, turns: u32) -> Result<Option<(u32, ModelContext)>, ThreadStoreError> {
    let history = live.load_history().await?;
    let ordinals = history.first_ordinal..;
    let there = context::turns(ordinals.zip(&history.items)).iter().filter(|turn| turn.user).count();
    let turns = turns.min(u32::try_from(there).unwrap_or(u32::MAX));
    if turns == 0 { Ok(None) } else { live.rollback(turns).await.map(|seen| Some((turns, seen))) }
}

#[derive(Serialize)]
struct Thread {
    id: String,
    rolled_back: u32,
    context_items: u64,
}
