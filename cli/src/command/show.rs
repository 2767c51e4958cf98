//! `threadlog show`: one thread, as a conversation, as its lines, or as records.

use clap::Args;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::ThreadMetadata;
use threadlog::thread_store::{ReadThreadParams, ThreadStore};
use threadlog::{Revision, Store, ThreadKey};

use crate::command::items::Telling;
use crate::command::summary::{Thread, revisions, time};
use crate::command::{Context, odd};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, STRONG, paint};
use crate::threads::wait;
use crate::transcript::Shortening;

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
    let mut telling = Telling::new(shortening);
    items.into_iter().try_for_each(|item| telling.tell(item, &mut out))?;
    telling.end(&mut out)
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
    let revisions = revisions(&thread);
    let all = thread.others.iter().chain([&thread.current]);
    let Some(revision) = all.into_iter().find(|revision| revision.key == key) else { return Ok(()) };
    let metadata = metadata(store, key)?;
    out.record("thread", &Thread::new(&metadata, revision, revisions))?;
    let of = if revisions > 1 { format!("  revision {} of {revisions}", revision.number) } else { String::new() };
    out.line(format_args!("{}{of}", paint(STRONG, key.thread)))?;
    for (name, value) in facts(&metadata, revision) {
        out.line(format_args!("{} {}", paint(FAINT, format_args!("{name:<8}")), human::one_line(&value, 200)))?;
    }
    Ok(())
}

/// The metadata of the current revision, as every store gives them; those of another, from its own records.
fn metadata(store: &Store, key: ThreadKey) -> Result<ThreadMetadata, Failure> {
    let params = ReadThreadParams::new(key.thread).with_archived();
    let thread = wait(LocalThreadStore::reading(store)?.read_thread(params))?;
    Ok(if thread.key == key { thread.metadata } else { store.metadata(key) })
}

fn facts(metadata: &ThreadMetadata, revision: &Revision) -> Vec<(&'static str, String)> {
    let totals = revision.facts.totals();
    let minute = |ms| time(ms).map(human::minute);
    let times = match (minute(metadata.created_ms()), minute(metadata.updated_ms())) {
        (Some(created), Some(updated)) => Some(format!("{created} to {updated} UTC")),
        _ => None,
    };
    let joined = |parts: [Option<&str>; 3]| {
        let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    let git = metadata
        .git()
        .and_then(|git| joined([git.branch.as_deref(), git.commit_hash.as_deref(), git.repository_url.as_deref()]));
    let program = metadata.originator().map(|name| format!("{name} {}", metadata.cli_version().unwrap_or("")));
    let tags = metadata.tags().collect::<Vec<_>>().join(", ");
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let all = [
        ("name", owned(metadata.name())),
        // Without a name the conversation below begins with the title.
        ("preview", owned(metadata.preview().filter(|_| metadata.name().is_some()))),
        ("time", times),
        ("archived", metadata.archived_ms().and_then(minute).map(|at| format!("{at} UTC"))),
        ("pinned", metadata.pinned().then(|| "yes".to_owned())),
        ("tags", Some(tags).filter(|tags| !tags.is_empty())),
        ("folder", owned(metadata.cwd())),
        ("git", git),
        ("program", program),
        ("source", joined([metadata.source(), metadata.agent_nickname(), metadata.agent_role()])),
        ("model", joined([metadata.model(), metadata.model_provider(), metadata.reasoning_effort()])),
        ("policy", joined([metadata.approval_policy(), metadata.sandbox(), None])),
        ("tokens", metadata.tokens_used().map(human::count)),
        ("parent", owned(metadata.parent_thread())),
        ("fork of", owned(metadata.forked_from())),
        ("file", revision.facts.life.latest_source().map(|source| source.place.path.to_string())),
        ("size", Some(format!("{}, {}", human::counted(totals.lines, "line", "lines"), human::size(totals.bytes)))),
        ("odd", odd::sentence(&totals.odd)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
