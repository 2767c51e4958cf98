//! `threadlog rebuild`: the catalog made anew from the log.

use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::catalog::CatalogState;

use crate::command::{Context, interrupted};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{GOOD, paint};

/// Arguments of `rebuild`: none of its own.
#[derive(Args, Debug)]
pub struct Rebuild {}

/// Runs `rebuild`. Others read and write meanwhile.
pub fn run(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open_existing()?;
    let started = Instant::now();
    let threads = {
        let progress = Progress::new("folding", out.is_json());
        store.rebuild(&progress)?
    };
    let files = store.catalog_files()?;
    let damaged = !store.log().damage().is_empty();
    store.close()?;
    let file = files.iter().find(|file| matches!(file.state, CatalogState::Usable { .. }));
    let bytes = file.filter(|_| threads.is_some()).map_or(0, |file| file.bytes);
    let seconds = started.elapsed().as_secs_f64();
    let stopped = threads.is_none() && !damaged;
    out.record("summary", &Summary { threads: threads.unwrap_or(0), bytes, seconds, stopped })?;
    match threads {
        Some(threads) => out.line(format_args!(
            "{} {}, {} in {seconds:.1} s",
            paint(GOOD, "rebuilt:"),
            counted(threads, "thread", "threads"),
            human::size(bytes),
        ))?,
        None if damaged => {
            out.line("the log is damaged, so no checkpoint is written: lists are made from what can be read")?;
        }
        None => {}
    }
    interrupted(stopped, if damaged { Exit::Damaged } else { Exit::Done }, out)
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    bytes: u64,
    seconds: f64,
    stopped: bool,
}
