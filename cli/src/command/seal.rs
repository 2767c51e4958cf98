//! `threadlog seal`: what is in the journals becomes compressed segments.

use std::time::Instant;

use clap::Args;
use threadlog::maintain::CompactionConfig;

use crate::command::work::{Work, stopped};
use crate::command::{Context, interrupted};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::progress::Progress;

/// Arguments of `seal`: none of its own.
#[derive(Args, Debug)]
pub struct Seal {}

/// Runs `seal`.
pub fn run(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open_existing()?;
    let started = Instant::now();
    let progress = Progress::new("sealing", out.is_json());
    let sealed = stopped(store.seal(&CompactionConfig::default(), &progress))?;
    drop(progress);
    store.close()?;
    let work = Work::new(sealed.as_ref(), started);
    out.record("summary", &work)?;
    work.say("sealed", "nothing to seal", out)?;
    interrupted(sealed.is_none(), Exit::Done, out)
}
