//! `threadlog backup`, `threadlog restore`: a copy of the store that is a store, and a store of such a copy.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::Store;
use threadlog::backup::Copied;

use crate::command::work::stopped;
use crate::command::{Context, folder, interrupted};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::progress::Progress;
use crate::output::style::{FAINT, GOOD, paint};

/// Arguments of `backup`.
#[derive(Args, Debug)]
pub struct Backup {
    /// The backup's folder: new, empty, or an older backup of this store, which is brought up to date
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Arguments of `restore`.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup's folder. It is only read
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The new store's folder: new or empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Do not check the bytes of what was copied
    #[arg(long)]
    pub no_verify: bool,
}

/// Runs `backup`. Others read and write the store meanwhile.
pub fn backup(arguments: &Backup, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    folder(&arguments.to)?;
    let root = context.root()?;
    let started = Instant::now();
    let progress = Progress::new("backing up", out.is_json());
    let copied = stopped(Store::backup(&root, &arguments.to, &context.config(), &progress))?;
    drop(progress);
    say(copied.as_ref(), "backed up", &arguments.to, started, out)
}

/// Runs `restore`.
pub fn restore(arguments: &Restore, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    folder(&arguments.to)?;
    let started = Instant::now();
    let progress = Progress::new("restoring", out.is_json());
    let (from, check) = (&arguments.from, !arguments.no_verify);
    let copied = stopped(Store::restore(from, &arguments.to, check, &context.config(), &progress))?;
    drop(progress);
    say(copied.as_ref(), "restored", &arguments.to, started, out)
}

fn say(
    copied: Option<&Copied>,
    verb: &str,
    to: &std::path::Path,
    started: Instant,
    out: &mut Output,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for error in copied.iter().flat_map(|copied| &copied.damaged) {
        let message = error.to_string();
        out.record("damaged", &Damaged { message: &message })?;
        out.flush()?;
        failure::warn(&human::plain(&message));
        exit = Exit::Damaged;
    }
    let summary = Summary::new(copied, started);
    out.record("summary", &summary)?;
    if !summary.stopped {
        let to = human::plain(&to.display().to_string());
        let seconds = paint(FAINT, format_args!("in {:.1} s", summary.seconds));
        if summary.unchanged {
            out.line(format_args!("{} {to} is up to date {seconds}", paint(GOOD, "nothing to do:")))?;
        } else {
            out.line(format_args!("{} {to} {seconds}", paint(GOOD, verb)))?;
        }
        let files = counted(summary.copied_files, "sealed file", "sealed files");
        let reused = counted(summary.reused_files, "file", "files");
        out.line(format_args!(
            "  {files} copied, {}; {reused} of {} there already",
            human::size(summary.copied_bytes),
            human::size(summary.reused_bytes)
        ))?;
        let records = counted(summary.journal_records, "record", "records");
        out.line(format_args!("  {records} from journals, {} written", human::size(summary.journal_bytes)))?;
        if summary.lost_records > 0 {
            let lost = counted(summary.lost_records, "record is", "records are");
            out.line(format_args!("  {lost} damaged in the journals, and missing there"))?;
        }
    }
    interrupted(summary.stopped, exit, out)
}

#[derive(Serialize)]
struct Damaged<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct Summary {
    copied_files: u64,
    copied_bytes: u64,
    reused_files: u64,
    reused_bytes: u64,
    journal_records: u64,
    journal_bytes: u64,
    removed_files: u64,
    lost_records: u64,
    unchanged: bool,
    seconds: f64,
    stopped: bool,
}

impl Summary {
    /// `None` of work that was stopped.
    fn new(copied: Option<&Copied>, started: Instant) -> Summary {
        let done = copied.cloned().unwrap_or_default();
        Summary {
            copied_files: done.copied_files,
            copied_bytes: done.copied_bytes,
            reused_files: done.reused_files,
            reused_bytes: done.reused_bytes,
            journal_records: done.hot_records,
            journal_bytes: done.hot_bytes,
            removed_files: done.removed_files,
            lost_records: done.lost_records,
            unchanged: done.unchanged,
            seconds: started.elapsed().as_secs_f64(),
            stopped: copied.is_none(),
        }
    }
}
