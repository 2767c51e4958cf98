//! `threadlog compact`: few sealed segments, nothing in them that nobody needs.

use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::maintain::CompactionConfig;

use crate::command::work::{Work, stopped};
use crate::command::{Context, interrupted};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Progress;

/// Arguments of `compact`.
#[derive(Args, Debug)]
pub struct Compact {
    /// Write everything again, into one segment of threads in use and one of archived threads
    #[arg(long)]
    pub full: bool,
}

/// Runs `compact`.
pub fn run(arguments: &Compact, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open_existing()?;
    let started = Instant::now();
    let progress = Progress::new("compacting", out.is_json());
    let compacted = stopped(store.compact(arguments.full, &CompactionConfig::default(), &progress))?;
    drop(progress);
    store.close()?;
    let mut exit = Exit::Done;
    for (segment, error) in compacted.iter().flat_map(|compacted| &compacted.damaged) {
        let message = error.to_string();
        out.record("damaged", &Damaged { segment: segment.to_string(), message: &message })?;
        failure::warn(&format!("left as it is, being damaged: {}", human::plain(&message)));
        exit = Exit::Damaged;
    }
    let work = Work::new(compacted.as_ref().map(|compacted| &compacted.written), started);
    out.record("summary", &work)?;
    work.say("written", "nothing to compact", out)?;
    interrupted(compacted.is_none(), exit, out)
}

#[derive(Serialize)]
struct Damaged<'a> {
    segment: String,
    message: &'a str,
}
