//! `threadlog fork`: a thread that begins with another's items and goes on by itself.

use clap::Args;
use serde::Serialize;
use threadlog::ThreadId;
use threadlog::thread_store::{ForkPosition, ForkThreadParams, ThreadStore, ThreadStoreError};

use crate::command::Context;
use crate::command::change::{Change, called};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::counted;
use crate::threads::wait;

/// Arguments of `fork`.
#[derive(Args, Debug)]
pub struct Fork {
    /// The thread: its id or the beginning of one. Behind an @ perhaps where to cut it: a number is an item's (`show --json`
    /// tells them), user:N the user's N-th message from 0 (beyond the last one: all but a turn that did not end), before:TURN and after:TURN a turn's id, whole all as it is.
    /// Without: all, and a turn that did not end is marked as interrupted
    #[arg(value_name = "ID[@POS]")]
    pub id: String,
    /// The fork's id [default: a new one]
    #[arg(long, value_name = "ID")]
    pub new: Option<ThreadId>,
    /// Give the fork the thread's name
    #[arg(long)]
    pub keep_name: bool,
}

/// Runs `fork`. The fork is durable when it says so.
pub fn run(arguments: &Fork, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let (id, position) = place(&arguments.id)?;
    let change = Change::of(&[id], context)?;
    for source in &change.threads {
        let new = arguments.new.unwrap_or_else(ThreadId::generate);
        let mut params = ForkThreadParams::new(*source, new).at(position.clone());
        params.inherit_name = arguments.keep_name;
        // Nothing becomes of the source, wherever it is.
        params.include_archived = true;
        let forked = match wait(async { Ok::<_, Failure>(change.store.fork_thread(params).await) })? {
            // The id was said, or it was drawn, and then that is as good as impossible.
            Err(ThreadStoreError::Conflict(_, None)) => {
                let what = format!("--new {new}: a thread of this id is in the store already; say another, or none");
                return Err(Failure::usage(what));
            }
            forked => forked?,
        };
        let metadata = &forked.thread.metadata;
        let thread = Thread {
            id: new.to_string(),
            forked_from: source.to_string(),
            inherited: forked.inherited,
            name: metadata.name(),
            title: metadata.title(),
        };
        out.record("thread", &thread)?;
        let records = counted(forked.inherited, "record", "records");
        out.line(format_args!("forked {}, with {records} of {source}", called(metadata)))?;
    }
    change.close()?;
    Ok(Exit::Done)
}

/// A thread and where to cut it: `ID[@POS]`.
pub fn place(text: &str) -> Result<(String, ForkPosition), Failure> {
    match text.split_once('@') {
        None => Ok((text.to_owned(), ForkPosition::default())),
        Some((id, position)) => Ok((id.to_owned(), parse(position)?)),
    }
}

fn parse(text: &str) -> Result<ForkPosition, Failure> {
    let number = |text: &str| text.parse::<u64>().ok();
    let found = match text.split_once(':') {
        None if text == "whole" => Some(ForkPosition::Whole),
        None => number(text).map(ForkPosition::AtOrdinal),
        Some(("user", count)) => number(count).map(ForkPosition::BeforeUserMessage),
        Some(("before", turn)) if !turn.is_empty() => Some(ForkPosition::BeforeTurn(turn.to_owned())),
        Some(("after", turn)) if !turn.is_empty() => Some(ForkPosition::AfterTurn(turn.to_owned())),
        Some(_) => None,
    };
    found.ok_or_else(|| {
        Failure::usage(format!(
            "@{text} is no place in a thread: give a number, whole, user:N, before:TURN or after:TURN"
        ))
    })
}

#[derive(Serialize)]
struct Thread<'a> {
    id: String,
    forked_from: String,
    inherited: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}
