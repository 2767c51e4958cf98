//! `threadlog tail`: the end of a thread, and what comes behind it.

use clap::Args;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{FollowFrom, FollowParams, ThreadStoreError};
use threadlog::{Store, ThreadKey};

use crate::command::Context;
use crate::command::items::Telling;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Output;
use crate::threads::{wait, wait_unless_asked};
use crate::transcript::Shortening;

/// Arguments of `tail`.
#[derive(Args, Debug)]
pub struct Tail {
    /// The thread: its id or the beginning of one; ID~N for its N-th revision, which cannot be followed
    #[arg(value_name = "ID")]
    pub id: String,
    /// How many of the last items to begin with
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub lines: u64,
    /// Go on with what is added, by any process, until interrupted
    #[arg(short, long)]
    pub follow: bool,
    /// Do not shorten what tools were told and what they said
    #[arg(long)]
    pub full: bool,
}

/// Runs `tail`. The store is only read.
pub fn run(arguments: &Tail, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let key = store.resolve(&arguments.id)?;
    let mut telling = Telling::new(if arguments.full { Shortening::Nothing } else { Shortening::Tools });
    if arguments.follow {
        return follow(&store, key, arguments, telling, out);
    }
    store.tail(key, arguments.lines).try_for_each(|item| telling.tell(item, out))?;
    telling.end(out)
}

/// Each item is shown at once.
fn follow(
    store: &Store,
    key: ThreadKey,
    arguments: &Tail,
    mut telling: Telling,
    out: &mut Output,
) -> Result<Exit, Failure> {
    if arguments.id.contains('~') {
        let id = &arguments.id;
        return Err(Failure::usage(format!(
            "{id} is one revision, to which nothing is added: leave ~N or --follow out"
        )));
    }
    interrupt::listen();
    let params = FollowParams::new(key.thread).with_archived().from(FollowFrom::Last(arguments.lines));
    let mut follow = wait(LocalThreadStore::reading(store)?.follow(params))?;
    out.flush()?;
    while let Some(item) = wait_unless_asked(follow.next()) {
        match item {
            // What is lost is one item; anything else would be so for the next one too.
            Ok(_) | Err(ThreadStoreError::Corrupt(_)) => telling.tell(item, out)?,
            Err(error) => return Err(error.into()),
        }
        out.flush()?;
    }
    telling.stopped(out)
}
