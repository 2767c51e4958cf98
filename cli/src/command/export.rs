//! `threadlog export`: the files back.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use threadlog::export::{Exported, ExportedFile};
use threadlog::{ExportOptions, ExportReport};

use crate::command::{Context, folder, interrupted, soundness, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Progress;
use crate::output::style::{BAD, FAINT, STRONG, WARNING, paint};

/// Arguments of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// The folder to write below; made if missing
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Replace files that exist and differ; without it they are left alone and reported
    #[arg(long)]
    pub overwrite: bool,
    /// Write superseded revisions too, as `NAME.rNUMBER.jsonl`
    #[arg(long)]
    pub revisions: bool,
    /// The threads: ids or beginnings of them, ID~N for one revision. Without any, all
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// Runs `export`.
pub fn run(arguments: &Export, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    folder(&arguments.to)?;
    let store = context.open()?;
    // Every id is looked up before anything is written.
    let selected = arguments.ids.iter().map(|id| store.select(id)).collect::<Result<Vec<_>, _>>()?;
    let selected = if arguments.ids.is_empty() { None } else { Some(selected.as_slice()) };
    let options = ExportOptions { overwrite: arguments.overwrite, older_revisions: arguments.revisions };
    let report = {
        let progress = Progress::new("exporting", out.is_json());
        store.export(selected, &arguments.to, &options, &progress)
    };
    files(&report, out)?;
    totals(&report, &arguments.to, out)?;
    let sound = soundness(&store.log().damage(), report.damaged, out)?;
    let exit = if sound == Exit::Done && !report.failed.is_empty() { Exit::Partial } else { sound };
    interrupted(report.stopped, exit, out)
}

/// A record for each file; a line for those that need a look.
pub fn files(report: &ExportReport, out: &mut Output) -> Result<(), Failure> {
    for file in &report.files {
        out.record("file", &File::new(file))?;
        if !file.complete {
            let note = "its import was never finished: it has the lines that arrived";
            out.line(format_args!("{} {}: {note}", paint(WARNING, "partial"), human::plain(&file.path.to_string())))?;
        }
    }
    for file in &report.files {
        if let Some(wanted) = &file.instead_of {
            let (path, wanted) = (human::plain(&file.path.to_string()), human::plain(&wanted.to_string()));
            let mark = paint(WARNING, "renamed");
            out.line(format_args!("{mark} {path}: another file, from another folder, is exported as {wanted}"))?;
        }
    }
    for failed in &report.failed {
        out.record("failed", &Failed { path: failed.path.to_string(), reason: &failed.reason })?;
        let (path, reason) = (human::plain(&failed.path.to_string()), human::plain(&failed.reason));
        out.line(format_args!("{} {path}: {reason}", paint(BAD, "not written")))?;
    }
    Ok(())
}

fn totals(report: &ExportReport, to: &std::path::Path, out: &mut Output) -> Result<(), Failure> {
    let summary = Summary::new(report);
    out.record("summary", &summary)?;
    let files = paint(STRONG, human::counted(summary.files, "file", "files"));
    out.line(format_args!("{files}, {}, in {}", human::size(summary.bytes), to.display()))?;
    let counts = [(summary.identical, "were there already"), (summary.replaced, "replaced")];
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        out.line(paint(FAINT, format_args!("  {} {what}", human::count(*count))))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct File {
    path: String,
    thread_id: String,
    outcome: &'static str,
    bytes: u64,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<String>,
}

impl File {
    fn new(file: &ExportedFile) -> File {
        let outcome = match file.outcome {
            Exported::Written => "written",
            Exported::Identical => "identical",
            Exported::Replaced => "replaced",
        };
        let (thread_id, path) = (file.key.thread.to_string(), file.path.to_string());
        let instead_of = file.instead_of.as_ref().map(ToString::to_string);
        File { path, thread_id, outcome, bytes: file.bytes, complete: file.complete, instead_of }
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    path: String,
    reason: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: u64,
    bytes: u64,
    written: u64,
    identical: u64,
    replaced: u64,
    failed: u64,
    stopped: bool,
}

impl Summary {
    fn new(report: &ExportReport) -> Summary {
        let count = |outcome| wide(report.count(outcome));
        Summary {
            files: wide(report.files.len()),
            bytes: report.bytes(),
            written: count(Exported::Written),
            identical: count(Exported::Identical),
            replaced: count(Exported::Replaced),
            failed: wide(report.failed.len()),
            stopped: report.stopped,
        }
    }
}
