//! `threadlog gen`: realistic rollout files from a seed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use threadlog_sample::Plan;

use crate::exit::Exit;
use crate::failure::{Failure, sentence};
use crate::output::Output;
use crate::output::human;

/// Arguments of `gen`.
#[derive(Args, Debug)]
pub struct Gen {
    /// How many threads, each a file
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub threads: u32,
    /// How many lines a thread has on average; lengths spread as those of real threads do
    #[arg(long, value_name = "M", default_value_t = 188)]
    pub items: u32,
    /// Where all chance comes from: the same seed gives the same bytes on every machine
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The folder to write to, made if missing; nothing in it is overwritten
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Runs `gen`.
pub fn run(arguments: &Gen, out: &mut Output) -> Result<Exit, Failure> {
    let plan = Plan { threads: arguments.threads, items: arguments.items, seed: arguments.seed, ..Plan::default() };
    let written = write(&plan, &arguments.to)?;
    out.record("summary", &written)?;
    let (files, lines) =
        (human::counted(written.files, "file", "files"), human::counted(written.lines, "line", "lines"));
    out.line(format_args!("{files}, {lines}, {} in {}", human::size(written.bytes), arguments.to.display()))?;
    Ok(Exit::Done)
}

/// What was generated.
#[derive(Debug, Serialize)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Lines in them.
    pub lines: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Writes a sample below `to`.
pub fn write(plan: &Plan, to: &Path) -> Result<Written, Failure> {
    let written =
        threadlog_sample::write_tree(plan, to, |_| ()).map_err(|error| Failure::new(Exit::Failed, sentence(&error)))?;
    Ok(Written { files: written.files, lines: written.lines, bytes: written.bytes })
}
