//! `threadlog unpack`: a bundle's threads, taken into the store or only checked.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::bundle::{self, Outcome, UnpackedLife};

use crate::command::pack::Thread;
use crate::command::work::stopped;
use crate::command::{Context, interrupted, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{FAINT, GOOD, WARNING, paint};

/// Arguments of `unpack`.
#[derive(Args, Debug)]
pub struct Unpack {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only check the bundle, and list what is in it
    #[arg(long)]
    pub verify: bool,
}

/// Runs `unpack`.
pub fn run(arguments: &Unpack, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    // Before a store is made for it.
    arguments.file.metadata().map_err(|error| missing(arguments, &error))?;
    if arguments.verify { verify(arguments, out) } else { unpack(arguments, context, out) }
}

/// Needs no store.
fn verify(arguments: &Unpack, out: &mut Output) -> Result<Exit, Failure> {
    let started = Instant::now();
    let progress = Progress::new("checking", out.is_json());
    let contents = stopped(bundle::verify(&arguments.file, &progress))?;
    drop(progress);
    let lives = contents.as_ref().map(|contents| contents.lives.as_slice()).unwrap_or_default();
    for row in lives {
        out.record("thread", &Thread::new(row))?;
        let base = if row.is_base { paint(FAINT, " (its beginning, for forks)").to_string() } else { String::new() };
        let (records, size) = (counted(row.records, "record", "records"), human::size(row.payload_bytes));
        out.line(format_args!("{}  {records}, {size}{base}", row.key.thread))?;
    }
    let summary = Checked {
        threads: wide(lives.len()),
        records: lives.iter().map(|row| row.records).sum(),
        bytes: contents.as_ref().map_or(0, |contents| contents.bytes),
        seconds: started.elapsed().as_secs_f64(),
        stopped: contents.is_none(),
    };
    out.record("summary", &summary)?;
    if contents.is_some() {
        out.line(format_args!("{} {}", paint(GOOD, "sound:"), counted(summary.threads, "thread", "threads")))?;
    }
    interrupted(contents.is_none(), Exit::Done, out)
}

fn unpack(arguments: &Unpack, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let started = Instant::now();
    let store = context.open_or_create()?;
    let progress = Progress::new("unpacking", out.is_json());
    let unpacked = stopped(store.unpack(&arguments.file, &progress))?;
    drop(progress);
    store.close()?;
    let lives = unpacked.as_ref().map(|unpacked| unpacked.lives.as_slice()).unwrap_or_default();
    let mut summary = Summary { stopped: unpacked.is_none(), ..Summary::default() };
    for life in lives {
        summary.add(life);
        let taken = Taken::new(life);
        out.record("thread", &taken)?;
        if let Some(why) = &taken.why {
            out.line(format_args!("{} {}: {}", paint(WARNING, taken.outcome), life.key.thread, human::plain(why)))?;
        }
    }
    summary.seconds = started.elapsed().as_secs_f64();
    out.record("summary", &summary)?;
    if unpacked.is_some() {
        let Summary { added, extended, unchanged, items, .. } = summary;
        let (threads, items) = (counted(added, "thread", "threads"), counted(items, "item", "items"));
        out.line(format_args!(
            "{} {threads}, {extended} completed, {unchanged} unchanged: {items}",
            paint(GOOD, "added")
        ))?;
    }
    let exit = if summary.refused > 0 { Exit::Partial } else { Exit::Done };
    interrupted(unpacked.is_none(), exit, out)
}

fn missing(arguments: &Unpack, error: &std::io::Error) -> Failure {
    let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
    Failure::new(exit, format!("cannot open {}: {error}", human::plain(&arguments.file.display().to_string())))
}

#[derive(Serialize)]
struct Checked {
    threads: u64,
    records: u64,
    bytes: u64,
    seconds: f64,
    stopped: bool,
}

#[derive(Serialize)]
struct Taken {
    thread_id: String,
    life: String,
    base: bool,
    outcome: &'static str,
    items: u64,
    facts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Taken {
    fn new(life: &UnpackedLife) -> Taken {
        let (outcome, why) = match &life.outcome {
            Outcome::Added => ("added", None),
            Outcome::Extended => ("extended", None),
            Outcome::Unchanged => ("unchanged", None),
            Outcome::Differs { ordinal } => (
                "differs",
                Some(format!("it is here with other items from number {ordinal} of its own on; left as it is")),
            ),
            Outcome::Deleted => ("deleted", Some("it was deleted here, and stays so".to_owned())),
            Outcome::Refused { why } => ("refused", Some(why.clone())),
            _ => ("refused", Some("it was not taken in".to_owned())),
        };
        Taken {
            thread_id: life.key.thread.to_string(),
            life: format!("{:016x}", life.key.incarnation),
            base: life.is_base,
            outcome,
            items: life.items_added,
            facts: life.controls_added,
            why,
        }
    }
}

#[derive(Default, Serialize)]
struct Summary {
    added: u64,
    extended: u64,
    unchanged: u64,
    refused: u64,
    items: u64,
    seconds: f64,
    stopped: bool,
}

impl Summary {
    fn add(&mut self, life: &UnpackedLife) {
        let count = match &life.outcome {
            Outcome::Added => &mut self.added,
            Outcome::Extended => &mut self.extended,
            Outcome::Unchanged => &mut self.unchanged,
            _ => &mut self.refused,
        };
        *count = count.saturating_add(1);
        self.items = self.items.saturating_add(life.items_added);
    }
}
