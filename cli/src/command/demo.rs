//! `threadlog demo`: something real to look at, with one command.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use threadlog_sample::Plan;

use crate::command::import::{self, Import};
use crate::command::list::{self, List};
use crate::command::{Context, r#gen};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::location;
use crate::output::Output;
use crate::output::human;
use crate::output::style::{FAINT, STRONG, paint};

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Rollout files, or folders of them [default: those of Codex on this machine, else a generated sample]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// The sample: a morning's work of a busy person.
const SAMPLE: Plan = Plan { threads: 40, items: 188, seed: 1, legacy_percent: 10, images: None, history: None };

/// Rows of the list that are shown.
const ROWS: u64 = 15;

/// Runs `demo`. Reads rollout files, and writes nothing but a new folder (or the store that `--store` names; the
/// variable does not count here, so that nobody's own store is filled by a demonstration).
pub fn run(arguments: &Demo, context: &Context, out: &mut Output) -> Result<Exit, Failure> {
    let folder = Folder::default();
    let paths = sources(arguments, &folder, out)?;
    let store = match &context.store {
        Some(store) => store.clone(),
        None => folder.make()?.join("store"),
    };
    let context = Context { store: Some(store.clone()) };
    step("Importing them into a new store", out)?;
    let imported = import::run(&Import { paths }, &context, out)?;
    step("The threads, the newest first", out)?;
    let opened = context.open()?;
    list::say(&opened, &List { limit: Some(ROWS), ..List::default() }, out)?;
    step("Sizes", out)?;
    let stats = opened.stats()?;
    let (lines, disk) = (human::size(stats.line_bytes), human::size(stats.disk_bytes));
    out.line(format_args!("{lines} of lines take {disk} on disk, checksums and room to grow included"))?;
    next(&store, &opened, out)?;
    let place =
        Place { store: store.display().to_string(), line_bytes: stats.line_bytes, disk_bytes: stats.disk_bytes };
    out.record("demo", &place)?;
    Ok(imported)
}

/// What to import: what was named, else Codex's files, else a sample.
fn sources(arguments: &Demo, folder: &Folder, out: &mut Output) -> Result<Vec<PathBuf>, Failure> {
    if !arguments.paths.is_empty() {
        return Ok(arguments.paths.clone());
    }
    let found = location::codex();
    if !found.is_empty() {
        let names: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        step(&format!("Found rollout files in {}", names.join(" and ")), out)?;
        return Ok(found);
    }
    let files = folder.make()?.join("rollouts");
    step(&format!("No rollout files of Codex on this machine: generating some in {}", files.display()), out)?;
    let written = r#gen::write(&SAMPLE, &files)?;
    out.line(format_args!("{}, {}", human::counted(written.files, "file", "files"), human::size(written.bytes)))?;
    Ok(vec![files])
}

/// What to try now.
fn next(store: &Path, opened: &threadlog::Store, out: &mut Output) -> Result<(), Failure> {
    step("Next", out)?;
    // As this program was called, so that the line works when it is copied.
    let program = std::env::args().next().unwrap_or_else(|| "threadlog".to_owned());
    let store = store.display();
    let id = opened.threads().first().map_or_else(|| "ID".to_owned(), |thread| thread.thread.to_string());
    for command in [format!("show {id}"), "verify".to_owned(), "export --to DIR".to_owned()] {
        out.line(format_args!("  {program} --store {store} {command}"))?;
    }
    out.line(paint(FAINT, "Your files were only read. Delete the folder when you have seen enough."))
}

fn step(text: &str, out: &mut Output) -> Result<(), Failure> {
    out.line(format_args!("\n{}", paint(STRONG, text)))
}

/// A new folder for this demonstration, made when the first thing needs it, private as rollouts are, and kept.
#[derive(Default)]
struct Folder {
    made: std::cell::OnceCell<PathBuf>,
}

impl Folder {
    fn make(&self) -> Result<&Path, Failure> {
        if let Some(path) = self.made.get() {
            return Ok(path);
        }
        let parent = std::env::temp_dir();
        let new = tempfile::Builder::new().prefix("threadlog-demo-").tempdir_in(&parent);
        let new =
            new.map_err(|error| Failure::io(format_args!("cannot make a folder in {}", parent.display()), &error))?;
        Ok(self.made.get_or_init(|| new.keep()))
    }
}

#[derive(Serialize)]
struct Place {
    store: String,
    line_bytes: u64,
    disk_bytes: u64,
}
