//! `threadlog context`: the items around a position.

use clap::Args;
use threadlog::list::Direction;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{ListItemsParams, ThreadStore, ThreadStoreError};

use crate::command::Context as Common;
use crate::command::items::Telling;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::style::{FAINT, paint};
use crate::threads::wait;
use crate::transcript::Shortening;

/// Most items on either side.
const MOST: u64 = 10_000;

/// Arguments of `context`.
#[derive(Args, Debug)]
pub struct Context {
    /// A position, as `search` tells it: a thread, and the number of an item
    #[arg(value_name = "ID@POS")]
    pub position: String,
    /// How many items before it
    #[arg(short = 'B', long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub before: u64,
    /// How many items behind it
    #[arg(short = 'A', long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=MOST))]
    pub after: u64,
    /// Do not shorten what tools were told and what they said
    #[arg(long)]
    pub full: bool,
}

/// Runs `context`. The store is only read.
pub fn run(arguments: &Context, common: &Common, out: &mut Output) -> Result<Exit, Failure> {
    let wrong = || Failure::usage(format!("{}: give a position as ID@POS, POS a number", arguments.position));
    let (id, ordinal) = arguments.position.split_once('@').ok_or_else(wrong)?;
    let ordinal: u64 = ordinal.parse().map_err(|_| wrong())?;
    if id.contains('~') {
        return Err(Failure::usage(format!("{id} is one revision: `show {id}` reads it")));
    }
    let store = common.open()?;
    let thread = store.resolve(id)?.thread;
    let threads = LocalThreadStore::reading(&store)?;
    let page = |at: u64, count: u64, direction: Direction| -> Result<_, Failure> {
        let mut params = ListItemsParams::new(thread).with_archived();
        (params.at, params.direction) = (Some(at), direction);
        params.page_size = usize::try_from(count).unwrap_or(usize::MAX);
        wait(threads.list_items(params))
    };
    let behind = page(ordinal, arguments.after.saturating_add(1).min(MOST), Direction::Ascending)?;
    if behind.items.is_empty() {
        let end = behind.end_ordinal;
        let what = format!("{}: the thread's items have the numbers below {end}", arguments.position);
        return Err(Failure::new(Exit::NotFound, what));
    }
    let mut items = if arguments.before > 0 && ordinal > 0 {
        page(ordinal, arguments.before, Direction::Descending)?.items
    } else {
        Vec::new()
    };
    items.reverse();
    let mut telling = Telling::new(if arguments.full { Shortening::Nothing } else { Shortening::Tools });
    for item in items.into_iter().chain(behind.items) {
        if item.ordinal == ordinal {
            out.line(paint(FAINT, format_args!("\n→ {}", arguments.position)))?;
        }
        telling.tell(Ok::<_, ThreadStoreError>(item), out)?;
    }
    telling.end(out)
}
