//! `threadlog show`: one thread, as a conversation, as its lines, or as records.

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use threadlog::item::{Oddity, RolloutItem, Timestamp};
use threadlog::{Items, Revision, Store, StoredItem, ThreadKey};

use crate::command::summary::Thread;
use crate::command::{Context, odd, wide};
use crate::exit::Exit;
use crate::failure::{Failure, sentence};
use crate::output::Output;
use crate::output::human;
use crate::output::style::{BAD, FAINT, STRONG, paint};
use crate::transcript::{self, Shortening, Transcript};

/// Arguments of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The thread: its id or the beginning of one; ID~N for its N-th revision
    #[arg(value_name = "ID")]
    pub id: String,
    /// Print the lines as they are, byte for byte
    #[arg(long, conflicts_with_all = ["full", "json"])]
    pub raw: bool,
    /// Do not shorten what tools were told and what they said
    #[arg(long)]
    pub full: bool,
    /// Only the last N lines
    #[arg(long, value_name = "N")]
    pub last: Option<u64>,
}

/// Runs `show`.
pub fn run(arguments: &Show, context: &Context, mut out: Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let key = store.resolve(&arguments.id)?;
    if arguments.raw {
        return raw(&store, key, arguments.last, out);
    }
    heading(&store, key, &mut out)?;
    let items = match arguments.last {
        Some(count) => store.tail(key, count),
        None => store.items(key),
    };
    let shortening = if arguments.full { Shortening::Nothing } else { Shortening::Tools };
    let lost = if out.is_json() { records(items, &mut out)? } else { conversation(items, shortening, &mut out)? };
    out.flush()?;
    Ok(if lost == 0 { Exit::Done } else { Exit::Damaged })
}

/// The lines, byte for byte, up to the first that is lost.
fn raw(store: &Store, key: ThreadKey, last: Option<u64>, out: Output) -> Result<Exit, Failure> {
    let mut out = out.raw()?;
    match last {
        None => store.render(key).try_for_each(|chunk| out.write(&chunk?))?,
        Some(count) => {
            let mut line = Vec::new();
            for item in store.tail(key, count) {
                line.clear();
                item?.item.render(&mut line);
                out.write(&line)?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// What is known of the thread.
fn heading(store: &Store, key: ThreadKey, out: &mut Output) -> Result<(), Failure> {
    let Some(thread) = store.thread(key.thread) else { return Ok(()) };
    let revisions = crate::command::summary::revisions(&thread);
    let all = thread.others.iter().chain([&thread.current]);
    let Some(revision) = all.into_iter().find(|revision| revision.key == key) else { return Ok(()) };
    out.record("thread", &Thread::new(revision, revisions))?;
    let of = if revisions > 1 { format!("  revision {} of {revisions}", revision.number) } else { String::new() };
    out.line(format_args!("{}{of}", paint(STRONG, key.thread)))?;
    for (name, value) in facts(revision) {
        out.line(format_args!("{} {}", paint(FAINT, format_args!("{name:<8}")), human::one_line(&value, 200)))?;
    }
    Ok(())
}

fn facts(revision: &Revision) -> Vec<(&'static str, String)> {
    let (facts, first, totals) = (&revision.facts, &revision.facts.first, revision.facts.totals());
    let times = match (facts.began(), facts.last_active()) {
        (Some(began), Some(last)) => Some(format!("{} to {} UTC", human::minute(began), human::minute(last))),
        _ => None,
    };
    let program = first.originator().map(|name| format!("{name} {}", first.cli_version().unwrap_or("")));
    let git = first.git().and_then(|git| git.branch.clone().or_else(|| git.commit_hash.clone()));
    let odd = odd::sentence(&totals.odd);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let all = [
        ("time", times),
        ("folder", owned(first.cwd())),
        ("git", git),
        ("program", program),
        ("model", owned(first.model())),
        ("parent", owned(first.parent_thread())),
        ("fork of", owned(first.forked_from())),
        ("file", facts.life.latest_source().map(|source| source.place.path.to_string())),
        ("size", Some(format!("{}, {}", human::counted(totals.lines, "line", "lines"), human::size(totals.bytes)))),
        ("odd", odd),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The thread for people; returns how many records are lost.
fn conversation(items: Items, shortening: Shortening, out: &mut Output) -> Result<u64, Failure> {
    let mut transcript = Transcript::default();
    let (mut lost, mut before): (u64, _) = (0, None);
    for item in items {
        match item {
            Ok(item) => {
                if let Some(entry) = transcript.tell(&item.item) {
                    out.text(&transcript::print(&entry, before, shortening))?;
                    before = Some(entry.speaker);
                }
            }
            Err(error) => {
                lost = lost.saturating_add(1);
                out.line(format_args!("\n{} {}", paint(BAD, "lost"), sentence(&error)))?;
            }
        }
    }
    let rest = transcript.passed_over();
    if rest > 0 {
        let lines = human::counted(rest, "line", "lines");
        let note = format_args!("\n{lines} beside the conversation (counters, settings, repetitions): --raw shows all");
        out.line(paint(FAINT, note))?;
    }
    Ok(lost)
}

/// The thread for programs; returns how many records are lost.
fn records(items: Items, out: &mut Output) -> Result<u64, Failure> {
    let (mut shown, mut lost): (u64, u64) = (0, 0);
    let mut bytes = Vec::new();
    for item in items {
        match item {
            Ok(StoredItem { ordinal, item, .. }) => {
                shown = shown.saturating_add(1);
                bytes.clear();
                item.render(&mut bytes);
                out.record("item", &Item::new(ordinal, &item, &bytes))?;
            }
            Err(error) => {
                lost = lost.saturating_add(1);
                out.record("lost", &Lost { message: sentence(&error) })?;
            }
        }
    }
    out.record("summary", &Summary { items: shown, lost })?;
    Ok(lost)
}

/// A line: what it is, and the line itself; as JSON in `line` if it is JSON, else as text in `text`, bytes that are not
/// UTF-8 replaced.
#[derive(Serialize)]
struct Item<'a> {
    ordinal: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    bytes: u64,
    odd: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<std::borrow::Cow<'a, str>>,
}

impl<'a> Item<'a> {
    fn new(ordinal: u64, item: &RolloutItem, bytes: &'a [u8]) -> Item<'a> {
        let oddities = item.oddities();
        let line = serde_json::from_slice::<&RawValue>(bytes.trim_ascii()).ok();
        // A line break inside would end the record: glued lines are text.
        let line = line.filter(|_| !oddities.contains(Oddity::Glued) && !bytes.trim_ascii().contains(&b'\n'));
        let text = if line.is_none() { Some(String::from_utf8_lossy(bytes)) } else { None };
        Item {
            ordinal,
            time: item.timestamp().as_ref().map(Timestamp::to_string),
            kind: item.kind().map(|kind| kind.text().to_owned()),
            bytes: wide(bytes.len()),
            odd: oddities.iter().map(odd::word).collect(),
            line,
            text,
        }
    }
}

#[derive(Serialize)]
struct Lost {
    message: String,
}

#[derive(Serialize)]
struct Summary {
    items: u64,
    lost: u64,
}
