//! `threadlog pack`: threads in one file.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::bundle::Row;
use threadlog::list::{Family, Relation};
use threadlog::{Store, ThreadKey};

use crate::command::work::stopped;
use crate::command::{Context, interrupted, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{FAINT, GOOD, paint};
use crate::threads;

/// Arguments of `pack`.
#[derive(Args, Debug)]
pub struct Pack {
    /// The threads: ids or beginnings of ids
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Also all threads that came from these: forks, and threads that agents started
    #[arg(long)]
    pub tree: bool,
    /// The file to write; never overwritten
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

/// Runs `pack`. The store is only read.
pub fn run(arguments: &Pack, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let lives = lives(arguments, &store)?;
    let started = Instant::now();
    let progress = Progress::new("packing", out.is_json());
    progress.total(wide(lives.len()), 0);
    let packed = stopped(store.pack(&lives, &arguments.to, &progress))?;
    drop(progress);
    let bundle = packed.as_ref().map(|packed| packed.lives.as_slice()).unwrap_or_default();
    for row in bundle {
        out.record("thread", &Thread::new(row))?;
    }
    let summary = Summary {
        threads: wide(bundle.iter().filter(|row| !row.is_base).count()),
        bases: wide(bundle.iter().filter(|row| row.is_base).count()),
        records: bundle.iter().map(|row| row.records).sum(),
        payload_bytes: bundle.iter().map(|row| row.payload_bytes).sum(),
        bytes: packed.as_ref().map_or(0, |packed| packed.bytes),
        seconds: started.elapsed().as_secs_f64(),
        stopped: packed.is_none(),
    };
    out.record("summary", &summary)?;
    if packed.is_some() {
        let threads = counted(summary.threads, "thread", "threads");
        let seconds = paint(FAINT, format_args!("in {:.1} s", summary.seconds));
        out.line(format_args!(
            "{} {threads}, {}: {} in {} {seconds}",
            paint(GOOD, "packed"),
            human::size(summary.payload_bytes),
            human::size(summary.bytes),
            human::plain(&arguments.to.display().to_string())
        ))?;
        if summary.bases > 0 {
            let bases = counted(summary.bases, "other thread", "other threads");
            out.line(format_args!("  with the beginnings of {bases} that they were forked from"))?;
        }
    }
    interrupted(packed.is_none(), Exit::Done, out)
}

fn lives(arguments: &Pack, store: &Store) -> Result<Vec<ThreadKey>, Failure> {
    let mut lives = Vec::new();
    for id in &arguments.ids {
        lives.push(store.resolve(id)?);
    }
    if arguments.tree {
        let all = threads::all(store)?;
        let family = Family::of(all.values());
        for key in lives.clone() {
            let below = family.related(&Relation::descendants(key.thread));
            for thread in below.into_iter().filter(|thread| all.contains_key(thread)) {
                lives.push(store.resolve(&thread.to_string())?);
            }
        }
    }
    Ok(lives)
}

/// A life in a bundle.
#[derive(Serialize)]
pub(super) struct Thread {
    thread_id: String,
    life: String,
    base: bool,
    records: u64,
    payload_bytes: u64,
    blake3: String,
}

impl Thread {
    pub(super) fn new(row: &Row) -> Thread {
        Thread {
            thread_id: row.key.thread.to_string(),
            life: format!("{:016x}", row.key.incarnation),
            base: row.is_base,
            records: row.records,
            payload_bytes: row.payload_bytes,
            blake3: row.blake3.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    bases: u64,
    records: u64,
    payload_bytes: u64,
    bytes: u64,
    seconds: f64,
    stopped: bool,
}
