//! `threadlog ps`: who writes to the store now, and which threads they hold.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use threadlog::local::LocalThreadStore;
use threadlog::metadata::ThreadMetadata;
use threadlog::thread_store::{ReadThreadParams, ThreadStore};
use threadlog::{StoreWriter, ThreadId};

use crate::command::change::called;
use crate::command::summary::time;
use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, STRONG, paint};
use crate::threads::wait;

/// Most characters of a program's name that are shown.
const CLIENT_CHARS_MAX: usize = 80;

/// Arguments of `ps`.
#[derive(Args, Debug)]
pub struct Ps {}

/// Runs `ps`. The store is only read: no lock is taken, and nobody is held up.
pub fn run(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let writers = store.writers()?;
    let reading = LocalThreadStore::reading(&store)?;
    let mut held: BTreeMap<ThreadId, ThreadMetadata> = BTreeMap::new();
    for thread in writers.iter().flat_map(|writer| &writer.threads) {
        // One that cannot be read is held all the same.
        if let Ok(read) = wait(reading.read_thread(ReadThreadParams::new(*thread).with_archived())) {
            held.insert(*thread, read.metadata);
        }
    }
    for writer in &writers {
        say(writer, &held, out)?;
    }
    let threads = writers.iter().map(|writer| wide(writer.threads.len())).sum();
    out.record("summary", &Summary { writers: wide(writers.len()), threads })?;
    let (processes, threads) =
        (human::counted(wide(writers.len()), "process", "processes"), human::counted(threads, "thread", "threads"));
    let none = "nobody writes to this store".to_owned();
    out.line(paint(FAINT, if writers.is_empty() { none } else { format!("{processes} with {threads}") }))?;
    Ok(Exit::Done)
}

fn say(writer: &StoreWriter, held: &BTreeMap<ThreadId, ThreadMetadata>, out: &mut Output) -> Result<(), Failure> {
    let StoreWriter { journal, holder, threads, .. } = writer;
    let known = holder.process > 0;
    let record = Writer {
        journal: *journal,
        pid: known.then_some(holder.process),
        host: known.then_some(&holder.host),
        client: known.then_some(&holder.client),
        since: time(holder.since_ms).map(|since| since.to_string()).filter(|_| known),
        threads: wide(threads.len()),
    };
    out.record("writer", &record)?;
    let who = if known { format!("process {}", holder.process) } else { "a process that left no name".to_owned() };
    let client = human::one_line(&holder.client, CLIENT_CHARS_MAX);
    let since = time(holder.since_ms).map(|since| format!(", since {} UTC", human::minute(since)));
    let rest = if known {
        format!("{client} on {}{}", human::one_line(&holder.host, 80), since.unwrap_or_default())
    } else {
        String::new()
    };
    out.line(format_args!("{}  {}", paint(STRONG, who), paint(FAINT, rest)))?;
    for thread in threads {
        let metadata = held.get(thread);
        let record = Thread {
            id: thread.to_string(),
            journal: *journal,
            name: metadata.and_then(ThreadMetadata::name),
            title: metadata.and_then(|metadata| metadata.title().or_else(|| metadata.preview())),
        };
        out.record("thread", &record)?;
        out.line(format_args!("  {}", metadata.map_or_else(|| thread.to_string(), called)))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Writer<'a> {
    journal: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    threads: u64,
}

#[derive(Serialize)]
struct Thread<'a> {
    id: String,
    journal: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    writers: u64,
    threads: u64,
}
