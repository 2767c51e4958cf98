//! `threadlog usage`: tokens used, by day, model, project or thread.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde::Serialize;
use threadlog::tokens::LifeTokens;
use threadlog::view::{TokenKey, TokenSums};
use threadlog::{ThreadId, ThreadKey};

use crate::command::change::called;
use crate::command::{Context, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt;
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Progress;
use crate::output::style::{FAINT, paint};
use crate::output::table::{Lean, Table};
use crate::threads;

/// Most characters of a thread's name or of a folder that are shown.
const CHARS_MAX: usize = 60;

/// Arguments of `usage`.
#[derive(Args, Debug)]
pub struct Usage {
    /// What to sum by: one or several, as `day,model`
    #[arg(long, value_enum, value_delimiter = ',', default_value = "day", value_name = "WHAT")]
    pub by: Vec<By>,
    /// Only from this day on (UTC), as 2026-01-31
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub since: Option<String>,
    /// Only before this day
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: Option<String>,
}

/// What sums are by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The day, in UTC
    Day,
    /// The model
    Model,
    /// The folder that the thread works in
    Project,
    /// The thread
    Thread,
}

impl By {
    fn heading(self) -> &'static str {
        match self {
            By::Day => "DAY (UTC)",
            By::Model => "MODEL",
            By::Project => "PROJECT",
            By::Thread => "THREAD",
        }
    }
}

/// A row's name; parts that are not asked for are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    day: Option<String>,
    model: Option<String>,
    project: Option<String>,
    thread: Option<ThreadId>,
}

/// Runs `usage`. The store is only read.
pub fn run(arguments: &Usage, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let known = threads::all_keys(&store)?;
    let keys: Vec<ThreadKey> = known.values().map(|(key, _)| *key).collect();
    let lives = store.tokens(&keys, &Progress::new("counting", out.is_json()));
    if interrupt::asked() {
        return Err(Failure::new(Exit::Stopped, "stopped: nothing was counted to the end"));
    }
    let mut sums: BTreeMap<Name, TokenSums> = BTreeMap::new();
    let (mut all, mut used, mut lost) = (TokenSums::default(), 0_u64, 0_u64);
    for LifeTokens { key, tokens, lost_records, .. } in &lives {
        lost = lost.saturating_add(*lost_records);
        let project = known.get(&key.thread).and_then(|(_, metadata)| metadata.cwd().map(str::to_owned));
        let mut any = false;
        for (part, more) in tokens.sums().filter(|(part, _)| arguments.covers(part)) {
            let has = |by: By| arguments.by.contains(&by);
            let name = Name {
                day: part.day.clone().filter(|_| has(By::Day)),
                model: part.model.clone().filter(|_| has(By::Model)),
                project: project.clone().filter(|_| has(By::Project)),
                thread: Some(key.thread).filter(|_| has(By::Thread)),
            };
            *sums.entry(name).or_default() += *more;
            all += *more;
            any = true;
        }
        used = used.saturating_add(u64::from(any));
    }
    let mut columns: Vec<(&str, Lean)> = arguments.by.iter().map(|by| (by.heading(), Lean::Left)).collect();
    columns.extend(["TOTAL", "INPUT", "CACHED", "OUTPUT", "REASONING"].map(|name| (name, Lean::Right)));
    let mut table = Table::new(&columns);
    for (name, sums) in &sums {
        let title = name.thread.and_then(|thread| known.get(&thread)).map(|(_, metadata)| called(metadata));
        out.record("usage", &Row::new(name, sums))?;
        let cell = |by: &By| {
            let text = match by {
                By::Day => name.day.clone(),
                By::Model => name.model.clone(),
                By::Project => name.project.clone(),
                By::Thread => title.clone(),
            };
            human::one_line(text.as_deref().unwrap_or("(not known)"), CHARS_MAX)
        };
        let numbers = [sums.total, sums.input, sums.cached_input, sums.output, sums.reasoning_output];
        table.row(arguments.by.iter().map(cell).chain(numbers.map(human::count)));
    }
    out.table(&table)?;
    out.record("summary", &Summary { threads: wide(lives.len()), used, tokens: Tokens::of(&all), lost })?;
    let threads = human::counted(used, "thread", "threads");
    out.line(paint(FAINT, format_args!("{} tokens in {threads}", human::count(all.total))))?;
    soundness(&store.log().damage(), lost, out)
}

impl Usage {
    fn covers(&self, part: &TokenKey) -> bool {
        let Some(day) = &part.day else { return self.since.is_none() && self.until.is_none() };
        self.since.as_ref().is_none_or(|since| day >= since) && self.until.as_ref().is_none_or(|until| day < until)
    }
}

fn day(text: &str) -> Result<String, String> {
    use threadlog::item::Timestamp;
    let is_day = text.len() == 10 && Timestamp::parse_any(&format!("{text}T00:00:00.000Z")).is_some();
    if is_day { Ok(text.to_owned()) } else { Err("give a day as 2026-01-31".to_owned()) }
}

#[derive(Serialize)]
struct Tokens {
    total: u64,
    input: u64,
    cached_input: u64,
    output: u64,
    reasoning_output: u64,
}

impl Tokens {
    fn of(sums: &TokenSums) -> Tokens {
        let TokenSums { total, input, cached_input, output, reasoning_output, .. } = *sums;
        Tokens { total, input, cached_input, output, reasoning_output }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(flatten)]
    tokens: Tokens,
}

impl<'a> Row<'a> {
    fn new(name: &'a Name, sums: &TokenSums) -> Row<'a> {
        Row {
            day: name.day.as_deref(),
            model: name.model.as_deref(),
            project: name.project.as_deref(),
            id: name.thread.map(|thread| thread.to_string()),
            tokens: Tokens::of(sums),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    used: u64,
    #[serde(flatten)]
    tokens: Tokens,
    lost: u64,
}
