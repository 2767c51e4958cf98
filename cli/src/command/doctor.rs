//! `threadlog doctor`: what state a store is in, who uses it, and what to do about it.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use threadlog::Store;
use threadlog::catalog::{CatalogFile, CatalogState};
use threadlog::local::LocalThreadStore;
use threadlog::thread_store::ThreadStore;
use walkdir::WalkDir;

use crate::command::{Context, wide};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::human::{self, counted};
use crate::output::style::{BAD, FAINT, GOOD, WARNING, paint};
use crate::threads::wait;

/// The parts of a store's folder that take room.
const PARTS: [(&str, &str); 5] = [
    ("journals", "not sealed yet"),
    ("sealed", "sealed"),
    ("large", "records above 1 MiB"),
    ("dictionaries", "dictionaries"),
    ("catalog", "catalog, can be made anew"),
];
/// So much that is not sealed is worth a word: a worker seals earlier, where one runs.
const UNSEALED_BYTES: u64 = 256 << 20;
/// So many threads behind the checkpoint make the first list of a process slow.
const BEHIND_MAX: u64 = 2000;

/// Arguments of `doctor`: none of its own.
#[derive(Args, Debug)]
pub struct Doctor {}

/// How bad a finding is.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Note,
    Warning,
    Damage,
}

/// Something that was found, and what to do about it.
#[derive(Serialize)]
struct Finding {
    level: Level,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// Runs `doctor`. The store is only read; records are not, `verify` does that.
pub fn run(context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let store = context.open()?;
    let unsealed = sizes(store.root(), out)?;
    let mut findings = Vec::new();
    damage(&store, &mut findings);
    catalog(&store.catalog_files()?, &mut findings);
    if unsealed > UNSEALED_BYTES {
        let what = format!("{} are not sealed", human::size(unsealed));
        findings.push(Finding { level: Level::Note, what, advice: Some("threadlog seal") });
    }
    let trashed = trashed(&store)?;
    if trashed > 0 {
        let what = format!("{} in the trash", counted(trashed, "thread is", "threads are"));
        findings.push(Finding {
            level: Level::Note,
            what,
            advice: Some("threadlog trash list, threadlog trash empty"),
        });
    }
    let writers = writers(&store, out)?;
    for finding in &findings {
        out.record("finding", finding)?;
        let sign = match finding.level {
            Level::Note => paint(FAINT, "note"),
            Level::Warning => paint(WARNING, "warning"),
            Level::Damage => paint(BAD, "damage"),
        };
        let advice = finding.advice.map(|advice| format!(" (do: {advice})")).unwrap_or_default();
        out.line(format_args!("{sign} {}{advice}", human::plain(&finding.what)))?;
    }
    let damaged = wide(findings.iter().filter(|finding| matches!(finding.level, Level::Damage)).count());
    out.record("summary", &Summary { findings: wide(findings.len()), damaged, writers })?;
    if findings.is_empty() {
        out.line(paint(GOOD, "nothing to do; `threadlog verify` reads every byte"))?;
    }
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}

/// Shows what takes the room, and returns the bytes that are not sealed.
fn sizes(root: &Path, out: &mut Output) -> Result<u64, Failure> {
    let mut unsealed = 0;
    for (folder, what) in PARTS {
        let (files, bytes) = measure(&root.join(folder));
        if folder == "journals" {
            unsealed = bytes;
        }
        out.record("part", &Part { folder, files, bytes })?;
        let files = counted(files, "file", "files");
        out.line(format_args!("{} {:>9} in {files}", paint(FAINT, format_args!("{what:<26}")), human::size(bytes)))?;
    }
    Ok(unsealed)
}

/// Files and bytes below a folder. What goes away meanwhile, or may not be read, does not count.
fn measure(folder: &Path) -> (u64, u64) {
    let files = WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let lengths = files.filter_map(|entry| entry.metadata().ok()).map(|about| about.len());
    lengths.fold((0, 0), |(files, sum), bytes| (files + 1, sum + bytes))
}

fn damage(store: &Store, findings: &mut Vec<Finding>) {
    let log = store.log();
    let places = wide(log.damage().len());
    if places > 0 {
        let what = format!("{} of the journals damaged", counted(places, "place is", "places are"));
        findings.push(Finding {
            level: Level::Damage,
            what,
            advice: Some("threadlog verify names it; threadlog salvage saves the rest"),
        });
    }
    for error in store.sealed_damage() {
        findings.push(Finding {
            level: Level::Damage,
            what: error,
            advice: Some("threadlog verify; threadlog repair"),
        });
    }
    let conflicts = wide(log.conflicts().len());
    if conflicts > 0 {
        let what = format!("{} of two records, of which one counts", counted(conflicts, "place", "places"));
        findings.push(Finding { level: Level::Note, what, advice: Some("threadlog verify names them") });
    }
}

fn catalog(files: &[CatalogFile], findings: &mut Vec<Finding>) {
    const REBUILD: Option<&str> = Some("threadlog rebuild");
    let mut usable = None;
    for CatalogFile { path, state, .. } in files {
        match state {
            CatalogState::Usable { behind, .. } => usable = usable.or(Some(*behind)),
            CatalogState::Unused(why) => {
                let what = format!("{} is not used: {why}", path.display());
                findings.push(Finding { level: Level::Warning, what, advice: REBUILD });
            }
            _ => {}
        }
    }
    match usable {
        None => findings.push(Finding {
            level: Level::Note,
            what: "there is no checkpoint of the catalog: the first list of each process reads all threads".to_owned(),
            advice: REBUILD,
        }),
        Some(behind) if behind > BEHIND_MAX => {
            let what = format!("{} changed since the catalog's checkpoint", counted(behind, "thread", "threads"));
            findings.push(Finding { level: Level::Note, what, advice: Some("threadlog seal") });
        }
        Some(_) => {}
    }
}

fn trashed(store: &Store) -> Result<u64, Failure> {
    let mut params = threadlog::list::ListParams::default();
    params.archived = threadlog::list::ArchiveFilter::Trashed;
    params.include_without_preview = true;
    params.page_size = 1;
    Ok(wait(LocalThreadStore::reading(store)?.list_threads(params))?.total)
}

/// Shows who writes, and returns how many.
fn writers(store: &Store, out: &mut Output) -> Result<u64, Failure> {
    let writers = store.writers()?;
    for writer in &writers {
        let (pid, threads) = (writer.holder.process, wide(writer.threads.len()));
        let client = human::one_line(&writer.holder.client, 80);
        out.record("writer", &Writer { journal: writer.journal, pid, client: &writer.holder.client, threads })?;
        let threads = counted(threads, "thread", "threads");
        out.line(format_args!("process {pid} ({client}) writes {threads}; `threadlog ps` says which"))?;
    }
    Ok(wide(writers.len()))
}

#[derive(Serialize)]
struct Part {
    folder: &'static str,
    files: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Writer<'a> {
    journal: u32,
    pid: u32,
    client: &'a str,
    threads: u64,
}

#[derive(Serialize)]
struct Summary {
    findings: u64,
    damaged: u64,
    writers: u64,
}
