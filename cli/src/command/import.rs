//! `threadlog import`: rollout files into the store.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use threadlog::import::{FileReport, Outcome};
use threadlog::progress::Refusal;
use threadlog::{ImportOptions, ImportReport};

use crate::command::{Context, interrupted, odd, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Progress;
use crate::output::style::{BAD, FAINT, GOOD, STRONG, WARNING, paint};

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct Import {
    /// Rollout files, or folders to search for them (a `sessions` or `archived_sessions` tree)
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Runs `import`. Everything it reports is durable.
pub fn run(arguments: &Import, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open_or_create()?;
    let started = Instant::now();
    let report = {
        let progress = Progress::new("importing", out.is_json());
        store.import(&arguments.paths, &ImportOptions::default(), &progress)?
    };
    store.close()?;
    say(&report, started, out)?;
    interrupted(report.stopped, if report.refused.is_empty() { Exit::Done } else { Exit::Partial }, out)
}

/// Lines for people: what needs a look, then the totals. Records for programs: every file, then the totals.
fn say(report: &ImportReport, started: Instant, out: &mut Output) -> Result<(), Failure> {
    for file in &report.files {
        out.record("file", &File::new(file))?;
        if file.outcome.is_revision() {
            let mark = paint(WARNING, "revision");
            let name = file.outcome.name();
            out.line(format_args!("{mark} {}: {name}; both are kept, as {}", safe(&file.path), file.thread))?;
        }
        if let Some(before) = &file.moved_from {
            let mark = paint(FAINT, "moved");
            out.line(format_args!("{mark} {}: it was {} before", safe(&file.path), safe(before)))?;
        }
        if file.time_cut {
            let note = "its modification time is too far off to be kept (before 1677 or after 2262)";
            out.line(format_args!("{} {}: {note}", paint(WARNING, "time"), safe(&file.path)))?;
        }
    }
    for (kind, style, list) in [("skipped", WARNING, &report.skipped), ("refused", BAD, &report.refused)] {
        for Refusal { path, reason } in list {
            out.record(kind, &Refused { path: path.to_string(), reason })?;
            out.line(format_args!("{} {}: {}", paint(style, kind), safe(path), human::plain(reason)))?;
        }
    }
    let summary = Summary::new(report, started);
    out.record("summary", &summary)?;
    totals(report, &summary, out)
}

fn totals(report: &ImportReport, summary: &Summary, out: &mut Output) -> Result<(), Failure> {
    let files = human::counted(summary.files, "file", "files");
    let threads = human::counted(wide(report.threads()), "thread", "threads");
    let size = human::size(summary.bytes);
    out.line(format_args!("{} of {threads}, {size}", paint(STRONG, &files)))?;
    let moved = (report.moved(), "moved");
    let outcomes: Vec<String> = OUTCOMES
        .iter()
        .map(|(outcome, _)| (report.count(*outcome), outcome.name()))
        .chain([moved])
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{} {name}", human::count(wide(count))))
        .collect();
    if !outcomes.is_empty() {
        out.line(format_args!("  {}", outcomes.join(", ")))?;
    }
    let lines = human::counted(summary.lines_added, "line", "lines");
    let added = human::size(summary.bytes_added);
    let seconds = paint(FAINT, format_args!("in {:.1} s", summary.seconds));
    out.line(format_args!("  {} {lines}, {added} {seconds}", paint(GOOD, "added")))?;
    if let Some(odd) = odd::sentence(&report.odd()) {
        out.line(format_args!("  odd lines, kept as they are: {odd}"))?;
    }
    Ok(())
}

/// A path of somebody's, safe for a terminal.
fn safe(path: &threadlog::path::PathBytes) -> String {
    human::plain(&path.to_string())
}

/// The outcomes, with their words in JSON.
const OUTCOMES: [(Outcome, &str); 8] = [
    (Outcome::New, "new"),
    (Outcome::Grown, "grown"),
    (Outcome::Unchanged, "unchanged"),
    (Outcome::Rewritten, "rewritten"),
    (Outcome::Shortened, "shortened"),
    (Outcome::Diverged, "diverged"),
    (Outcome::Another, "another"),
    (Outcome::Repaired, "repaired"),
];

#[derive(Serialize)]
struct File {
    path: String,
    thread_id: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<String>,
    bytes: u64,
    lines_added: u64,
    bytes_added: u64,
    odd_lines: odd::Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_cut: Option<bool>,
}

impl File {
    fn new(file: &FileReport) -> File {
        let word = OUTCOMES.iter().find(|(outcome, _)| *outcome == file.outcome).map_or("other", |(_, word)| *word);
        File {
            path: file.path.to_string(),
            thread_id: file.thread.to_string(),
            outcome: word,
            moved_from: file.moved_from.as_ref().map(ToString::to_string),
            bytes: file.bytes,
            lines_added: file.lines_added,
            bytes_added: file.bytes_added,
            odd_lines: odd::Counts::new(&file.odd),
            time_cut: file.time_cut.then_some(true),
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    path: String,
    reason: &'a str,
}

#[derive(Serialize)]
struct Summary {
    files: u64,
    threads: u64,
    bytes: u64,
    new: u64,
    grown: u64,
    unchanged: u64,
    rewritten: u64,
    shortened: u64,
    diverged: u64,
    another: u64,
    repaired: u64,
    moved: u64,
    skipped: u64,
    refused: u64,
    lines_added: u64,
    bytes_added: u64,
    odd_lines: odd::Counts,
    stopped: bool,
    seconds: f64,
}

impl Summary {
    fn new(report: &ImportReport, started: Instant) -> Summary {
        let count = |outcome| wide(report.count(outcome));
        Summary {
            files: wide(report.files.len()),
            threads: wide(report.threads()),
            bytes: report.bytes(),
            new: count(Outcome::New),
            grown: count(Outcome::Grown),
            unchanged: count(Outcome::Unchanged),
            rewritten: count(Outcome::Rewritten),
            shortened: count(Outcome::Shortened),
            diverged: count(Outcome::Diverged),
            another: count(Outcome::Another),
            repaired: count(Outcome::Repaired),
            moved: wide(report.moved()),
            skipped: wide(report.skipped.len()),
            refused: wide(report.refused.len()),
            lines_added: report.lines_added(),
            bytes_added: report.bytes_added(),
            odd_lines: odd::Counts::new(&report.odd()),
            stopped: report.stopped,
            seconds: started.elapsed().as_secs_f64(),
        }
    }
}
