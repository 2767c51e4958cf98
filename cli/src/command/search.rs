//! `threadlog search`: what was said and done, in all threads.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Range;

use clap::{Args, ValueEnum};
use serde::Serialize;
use threadlog::item::Timestamp;
use threadlog::list::ListParams;
use threadlog::local::LocalThreadStore;
use threadlog::search::{Found, Match, Query, Search as Searching, SearchParams, Snippet, Speaker, TextKind, Unread};
use threadlog::thread_store::{ThreadStore, ThreadStoreError};
use threadlog::{Store, ThreadId};

use crate::command::change::called;
use crate::command::list::{Filters, Sort};
use crate::command::{Context, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Steps;
use crate::output::style::{BAD, FAINT, STRONG, WARNING, paint};
use crate::threads::{wait, wait_unless_asked};

/// Finds that are shown, unless told otherwise.
const LIMIT: u64 = 50;

/// Arguments of `search`.
#[derive(Args, Debug)]
pub struct Search {
    /// What to look for. Several texts must all stand in one message or call
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
    /// Only whole words
    #[arg(short, long, conflicts_with = "regex")]
    pub word: bool,
    /// TEXT is a regular expression
    #[arg(short = 'e', long)]
    pub regex: bool,
    /// Case makes a difference
    #[arg(short = 's', long)]
    pub case_sensitive: bool,
    /// Where to look; may be repeated [default: message and call]
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Vec<Kind>,
    /// Of the messages, only those of this speaker; may be repeated
    #[arg(long, value_enum, value_name = "WHO")]
    pub role: Vec<Role>,
    /// Only what was said at this time or later: 2026-01-31, or with a time as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Only what was said before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// Only in this thread, archived or not, with what it inherited
    #[arg(long, value_name = "ID")]
    pub thread: Option<String>,
    /// At most N finds; 0 for all
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    pub limit: u64,
    /// The threads' order
    #[arg(long, value_enum, default_value_t = Sort::Created, value_name = "TIME")]
    pub sort: Sort,
    /// Which threads
    #[command(flatten)]
    pub filters: Filters,
}

/// A sort of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// What was said
    Message,
    /// What tools were asked: names, commands, arguments
    Call,
    /// What tools answered
    Output,
    /// What the model thought
    Reasoning,
    /// What compactions say of the history before them
    Summary,
    /// All of these
    All,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// A user
    User,
    /// The model
    Assistant,
    /// Another agent
    Agent,
    /// The program: instructions, settings
    Program,
}

/// Runs `search`. The store is only read.
pub fn run(arguments: &Search, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let params = params(arguments, &store)?;
    interrupt::listen();
    let mut searching = wait(LocalThreadStore::reading(&store)?.search(params))?;
    let told = tell(&mut searching, arguments, out)?;
    let progress = searching.progress();
    say_unread(&searching.unread(), progress.lost_records, out)?;
    let summary = Summary {
        found: told.found,
        threads: told.threads,
        searched: progress.threads_done,
        of: progress.threads,
        more: told.more,
        lost: progress.lost_records,
        stopped: told.stopped,
    };
    out.record("summary", &summary)?;
    let (found, threads) =
        (human::counted(told.found, "find", "finds"), human::counted(told.threads, "thread", "threads"));
    let all = human::counted(progress.threads, "thread was", "threads were");
    let rest = match (told.more, told.stopped) {
        (true, _) => "; there are more: --limit 0 shows all".to_owned(),
        (_, true) => format!("; stopped: {} of {} were searched", progress.threads_done, progress.threads),
        _ => format!("; {all} searched"),
    };
    out.line(paint(FAINT, format_args!("{found} in {threads}{rest}")))?;
    out.flush()?;
    if told.stopped {
        return Ok(Exit::Stopped);
    }
    soundness(&store.log().damage(), progress.lost_records, out)
}

fn params(arguments: &Search, store: &Store) -> Result<SearchParams, Failure> {
    let how = match (arguments.word, arguments.regex) {
        (true, _) => Match::Words,
        (_, true) => Match::Regex,
        _ => Match::Phrase,
    };
    let query = Query::new(&arguments.text, how, arguments.case_sensitive);
    let query = query.map_err(|error| Failure::usage(crate::failure::sentence(&error)))?;
    let mut params = SearchParams::new(query);
    let mut threads = ListParams::default();
    threads.include_without_preview = true;
    threads.sort_key = arguments.sort.key();
    arguments.filters.add_to(&mut threads, store)?;
    params.threads = threads;
    params.thread = arguments.thread.as_deref().map(|id| store.resolve(id)).transpose()?.map(|key| key.thread);
    if !arguments.kind.is_empty() {
        params.kinds = arguments.kind.iter().flat_map(|kind| kind.kinds()).collect();
    }
    params.speakers = arguments.role.iter().map(|role| role.speaker()).collect();
    (params.since, params.until) = (arguments.since, arguments.until);
    Ok(params)
}

/// What was told.
#[derive(Default)]
struct Told {
    found: u64,
    threads: u64,
    more: bool,
    stopped: bool,
}

fn tell(searching: &mut Searching, arguments: &Search, out: &mut Output) -> Result<Told, Failure> {
    let steps = Steps::new("searching", "threads", out.is_json());
    let mut told = Told::default();
    let mut before: Option<ThreadId> = None;
    loop {
        let next = wait_unless_asked(poll_fn(|context| {
            let progress = searching.progress();
            steps.at(progress.threads_done, progress.threads);
            searching.poll_next(context)
        }));
        let Some(next) = next else {
            told.stopped = true;
            return Ok(told);
        };
        let Some(found) = next.transpose().map_err(|error: ThreadStoreError| Failure::from(error))? else {
            return Ok(told);
        };
        if arguments.limit > 0 && told.found == arguments.limit {
            told.more = true;
            return Ok(told);
        }
        let id = found.thread.id();
        told.found = told.found.saturating_add(1);
        if before.replace(id) != Some(id) {
            told.threads = told.threads.saturating_add(1);
            let gap = if told.threads > 1 { "\n" } else { "" };
            out.line(format_args!("{gap}{}", paint(STRONG, called(&found.thread.metadata))))?;
        }
        steps.aside(|| say(&found, out))?;
    }
}

fn say(found: &Found, out: &mut Output) -> Result<(), Failure> {
    let metadata = &found.thread.metadata;
    let record = Find {
        id: found.thread.id().to_string(),
        ordinal: found.ordinal,
        position: format!("{}@{}", found.thread.id(), found.ordinal),
        time: found.time.as_ref().map(Timestamp::to_string),
        kind: found.kind.name(),
        role: found.speaker.map(Speaker::name),
        tool: found.tool.as_deref(),
        snippet: &found.snippet.text,
        matches: found.snippet.found.iter().map(|range| [wide(range.start), wide(range.end)]).collect(),
        cut_before: found.snippet.cut_before,
        cut_after: found.snippet.cut_after,
        title: metadata.title().or_else(|| metadata.preview()),
    };
    out.record("found", &record)?;
    let who = found.speaker.map_or(found.kind.name(), Speaker::name);
    let time = found.time.map_or_else(String::new, human::minute);
    let position = format!("{}@{}", found.thread.id(), found.ordinal);
    out.line(paint(FAINT, format_args!("  {position}  {time}  {who}")))?;
    out.line(format_args!("    {}", marked(&found.snippet)))?;
    // Finds may be far apart.
    if out.is_json() { Ok(()) } else { out.flush() }
}

/// What could not be searched: each record for programs, each thread for people.
fn say_unread(unread: &[Unread], lost: u64, out: &mut Output) -> Result<(), Failure> {
    for Unread { thread, why, .. } in unread {
        out.record("lost", &Lost { id: thread.to_string(), message: why })?;
    }
    let mut threads: BTreeMap<ThreadId, (u64, &str)> = BTreeMap::new();
    for Unread { thread, why, .. } in unread {
        let (records, _) = threads.entry(*thread).or_insert((0, why));
        *records = records.saturating_add(1);
    }
    for (thread, (records, why)) in threads {
        let records = human::counted(records, "record", "records");
        out.line(format_args!("\n{} {records} of {thread}, the first: {why}", paint(BAD, "not searched:")))?;
    }
    match lost.saturating_sub(wide(unread.len())) {
        0 => Ok(()),
        more => out.line(format_args!("{} {} more", paint(BAD, "not searched:"), human::count(more))),
    }
}

/// The snippet with what was found in it in a colour.
fn marked(snippet: &Snippet) -> String {
    let plain = |range: Range<usize>| human::plain(snippet.text.get(range).unwrap_or_default());
    let mut line = String::from(if snippet.cut_before { "…" } else { "" });
    let mut done = 0;
    for range in &snippet.found {
        line.push_str(&plain(done..range.start));
        line.push_str(&paint(WARNING, plain(range.clone())));
        done = range.end;
    }
    line.push_str(&plain(done..snippet.text.len()));
    line.push_str(if snippet.cut_after { "…" } else { "" });
    line
}

/// A time, or the beginning of a day.
fn moment(text: &str) -> Result<Timestamp, String> {
    let day = || Timestamp::parse_any(&format!("{text}T00:00:00.000Z"));
    Timestamp::parse_any(text)
        .or_else(day)
        .ok_or_else(|| "give a day as 2026-01-31, or a time as 2026-01-31T12:00:00Z".to_owned())
}

impl Kind {
    fn kinds(self) -> Vec<TextKind> {
        vec![match self {
            Kind::Message => TextKind::Message,
            Kind::Call => TextKind::Call,
            Kind::Output => TextKind::Output,
            Kind::Reasoning => TextKind::Reasoning,
            Kind::Summary => TextKind::Summary,
            Kind::All => return TextKind::ALL.to_vec(),
        }]
    }
}

impl Role {
    fn speaker(self) -> Speaker {
        match self {
            Role::User => Speaker::User,
            Role::Assistant => Speaker::Assistant,
            Role::Agent => Speaker::Agent,
            Role::Program => Speaker::Program,
        }
    }
}

#[derive(Serialize)]
struct Find<'a> {
    id: String,
    ordinal: u64,
    position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    snippet: &'a str,
    matches: Vec<[u64; 2]>,
    cut_before: bool,
    cut_after: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

#[derive(Serialize)]
struct Lost<'a> {
    id: String,
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    found: u64,
    threads: u64,
    searched: u64,
    of: u64,
    more: bool,
    lost: u64,
    stopped: bool,
}
