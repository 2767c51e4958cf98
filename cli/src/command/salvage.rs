//! `threadlog salvage`: whatever can still be read, as files.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use threadlog::Store;
use threadlog::salvage::{SalvageReport, SalvagedFile};

use crate::command::{Context, export, folder, interrupted, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human;
use crate::output::progress::Progress;
use crate::output::style::{STRONG, WARNING, paint};

/// Arguments of `salvage`.
#[derive(Args, Debug)]
pub struct Salvage {
    /// The folder to write below; made if missing. Nothing in it is overwritten
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Runs `salvage`. The store is only read.
pub fn run(arguments: &Salvage, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    folder(&arguments.to)?;
    let root = context.root()?;
    let report = {
        let progress = Progress::new("salvaging", out.is_json());
        Store::salvage(&root, &arguments.to, &progress)?
    };
    export::files(&report.intact, out)?;
    for file in &report.damaged {
        out.record("salvaged", &File::new(file))?;
        let (path, lines) = (human::plain(&file.path.to_string()), human::counted(file.lines, "line", "lines"));
        let lost = human::counted(file.lost_records, "record", "records");
        out.line(format_args!("{} {path}: {lines} saved, {lost} lost", paint(WARNING, "salvaged")))?;
    }
    let summary = Summary::new(&report);
    out.record("summary", &summary)?;
    let intact = paint(STRONG, human::counted(summary.intact, "file", "files"));
    let to = arguments.to.display();
    out.line(format_args!("{intact} intact, {} with gaps, in {to}", human::count(summary.salvaged)))?;
    let exit = match (report.damaged.is_empty(), report.intact.failed.is_empty()) {
        (false, _) => Exit::Damaged,
        (true, false) => Exit::Partial,
        (true, true) => Exit::Done,
    };
    interrupted(report.intact.stopped, exit, out)
}

#[derive(Serialize)]
struct File {
    path: String,
    thread_id: String,
    lines: u64,
    lost_records: u64,
}

impl File {
    fn new(file: &SalvagedFile) -> File {
        let (path, thread_id) = (file.path.to_string(), file.key.thread.to_string());
        File { path, thread_id, lines: file.lines, lost_records: file.lost_records }
    }
}

#[derive(Serialize)]
struct Summary {
    intact: u64,
    salvaged: u64,
    failed: u64,
    lost_records: u64,
    stopped: bool,
}

impl Summary {
    fn new(report: &SalvageReport) -> Summary {
        Summary {
            intact: wide(report.intact.files.len()),
            salvaged: wide(report.damaged.len()),
            failed: wide(report.intact.failed.len()),
            lost_records: report.damaged.iter().map(|file| file.lost_records).sum(),
            stopped: report.intact.stopped,
        }
    }
}
