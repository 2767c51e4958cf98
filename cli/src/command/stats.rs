//! `threadlog stats`: how much there is, and what it takes.

use clap::Args;
use serde::Serialize;
use threadlog::StoreStats;

use crate::command::{Context, odd, soundness};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, paint};

/// Arguments of `stats`: none of its own.
#[derive(Args, Debug)]
pub struct Stats {}

/// Runs `stats`. The store is only read.
pub fn run(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let stats = store.stats()?;
    out.record("summary", &Summary::new(&stats))?;
    for (name, value) in rows(&stats) {
        out.line(format_args!("{} {value}", paint(FAINT, format_args!("{name:<9}"))))?;
    }
    soundness(&store.log().damage(), stats.lost_records, out)
}

fn rows(stats: &StoreStats) -> Vec<(&'static str, String)> {
    let counted = human::counted;
    let mut threads = counted(stats.threads, "thread", "threads");
    if stats.revisions > stats.threads {
        threads = format!("{threads} in {} revisions", human::count(stats.revisions));
    }
    let share = human::percent(stats.disk_bytes, stats.line_bytes)
        .map_or(String::new(), |part| format!(", {part} of the lines"));
    let mut rows = vec![
        ("threads", threads),
        ("lines", format!("{}, {}", counted(stats.lines, "line", "lines"), human::size(stats.line_bytes))),
        (
            "on disk",
            format!("{} in {}{share}", human::size(stats.disk_bytes), counted(stats.disk_files, "file", "files")),
        ),
    ];
    if stats.large_bytes > 0 {
        rows.push(("large", format!("{} of that in records above 1 MiB", human::size(stats.large_bytes))));
    }
    if let Some(log) = &stats.log {
        let (segments, groups) = (counted(log.segments, "segment", "segments"), counted(log.groups, "group", "groups"));
        let mean = stats.records.checked_div(log.groups).unwrap_or(0);
        rows.push(("log", format!("{segments}, {groups}, {} a group", counted(mean, "record", "records"))));
    }
    rows.extend(odd::sentence(&stats.odd).map(|odd| ("odd lines", odd)));
    if stats.lost_records > 0 {
        rows.push(("lost", counted(stats.lost_records, "record", "records")));
    }
    rows
}

#[derive(Serialize)]
struct Summary {
    threads: u64,
    revisions: u64,
    lines: u64,
    line_bytes: u64,
    records: u64,
    lost_records: u64,
    odd_lines: odd::Counts,
    disk_bytes: u64,
    disk_files: u64,
    large_bytes: u64,
    segments: u64,
    segment_bytes: u64,
    groups: u64,
    last_sequence: u64,
}

impl Summary {
    fn new(stats: &StoreStats) -> Summary {
        let log = stats.log.clone().unwrap_or_default();
        Summary {
            threads: stats.threads,
            revisions: stats.revisions,
            lines: stats.lines,
            line_bytes: stats.line_bytes,
            records: stats.records,
            lost_records: stats.lost_records,
            odd_lines: odd::Counts::new(&stats.odd),
            disk_bytes: stats.disk_bytes,
            disk_files: stats.disk_files,
            large_bytes: stats.large_bytes,
            segments: log.segments,
            segment_bytes: log.segment_bytes,
            groups: log.groups,
            last_sequence: log.last.0,
        }
    }
}
