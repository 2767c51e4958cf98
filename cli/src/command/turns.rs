//! `threadlog turns`: the turns of a thread, page by page.

use clap::Args;
use serde::Serialize;
use threadlog::context::TurnEnd;
use threadlog::item::Timestamp;
use threadlog::list::Direction;
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::{ListTurnsParams, StoredTurn, ThreadStore, TurnCursor};

use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, PERSON, paint};
use crate::threads::wait;

/// Most characters of a message that are shown.
const WORDS_CHARS_MAX: usize = 160;

/// Arguments of `turns`.
#[derive(Args, Debug)]
pub struct Turns {
    /// The thread: its id or the beginning of one
    #[arg(value_name = "ID")]
    pub id: String,
    /// At most N of them
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub limit: u64,
    /// Go on where an earlier list of the same order stopped
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<TurnCursor>,
    /// The first one first
    #[arg(long)]
    pub ascending: bool,
}

/// Runs `turns`. The store is only read.
pub fn run(arguments: &Turns, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    if arguments.id.contains('~') {
        return Err(Failure::usage(format!("{}: turns are the latest revision's: leave ~N out", arguments.id)));
    }
    let store = context.open()?;
    let thread = store.resolve(&arguments.id)?.thread;
    let mut params = ListTurnsParams::new(thread).with_archived();
    params.page_size = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    params.cursor = arguments.cursor;
    params.direction = if arguments.ascending { Direction::Ascending } else { Direction::Descending };
    let page = wait(LocalThreadStore::reading(&store)?.list_turns(params))?;
    for turn in &page.turns {
        say(turn, out)?;
    }
    let text = |cursor: Option<TurnCursor>| cursor.map(|cursor| cursor.to_string());
    let summary = Summary {
        turns: wide(page.turns.len()),
        next_cursor: text(page.next_cursor),
        backwards_cursor: text(page.backwards_cursor),
    };
    out.record("summary", &summary)?;
    out.line(paint(FAINT, human::counted(summary.turns, "turn", "turns")))?;
    if let Some(next) = &summary.next_cursor {
        let order = if arguments.ascending { " --ascending" } else { "" };
        out.line(paint(FAINT, format_args!("go on with:{order} --cursor {next}")))?;
    }
    Ok(Exit::Done)
}

fn say(stored: &StoredTurn, out: &mut Output) -> Result<(), Failure> {
    let turn = &stored.turn;
    let end = match turn.end {
        TurnEnd::Open => "open",
        TurnEnd::Completed => "completed",
        TurnEnd::Aborted => "aborted",
    };
    let own = turn.own_ordinals();
    let record = Turn {
        turn: turn.id.as_deref(),
        first: own.start,
        end_ordinal: own.end,
        user: turn.user,
        end,
        started: stored.started.as_ref().map(Timestamp::to_string),
        last: stored.last.as_ref().map(Timestamp::to_string),
        user_messages: &turn.user_messages,
        words: stored.words.as_deref(),
        answer: stored.answer.as_deref(),
    };
    out.record("turn", &record)?;
    let time = stored.started.map_or_else(String::new, human::minute);
    let items = human::counted(own.end.saturating_sub(own.start), "item", "items");
    out.line(paint(FAINT, format_args!("@{}  {time}  {items}, {end}", own.start)))?;
    let words = stored.words.as_deref().unwrap_or("(begun by the program)");
    out.line(format_args!("  {}", paint(PERSON, human::one_line(words, WORDS_CHARS_MAX))))?;
    if let Some(answer) = &stored.answer {
        out.line(format_args!("  {}", human::one_line(answer, WORDS_CHARS_MAX)))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Turn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<&'a str>,
    first: u64,
    end_ordinal: u64,
    user: bool,
    end: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    user_messages: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    turns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backwards_cursor: Option<String>,
}
