//! A sample as a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::plan::{Files, Plan, SampleFile, SampleTotals};
use crate::random::wide;

/// Buffer between lines and the file.
const BUFFER_BYTES: usize = 1 << 20;

/// Files written at a time, at most.
const WORKERS_MAX: usize = 4;

/// What [`write_tree`] has written so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files complete.
    pub files: u64,
    /// Files there will be.
    pub files_total: u64,
    /// Lines in them.
    pub lines: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// A file or folder that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}; files already written stay", path.display())]
pub struct TreeError {
    /// What was tried: "create", "write" and so on.
    pub operation: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Writes the plan's files below `root`, which is created if missing, and calls `progress` after each, in no fixed
/// order. Files get the mode 0600 and folders 0700 where there are modes, and each file the time of its newest line as
/// modification time. Nothing is synced. Takes a thread per core, up to four, of some 200 MB/s each and a few
/// megabytes of memory.
///
/// # Errors
/// [`TreeError`] at the first failure. A file that exists already is one: nothing is ever overwritten.
pub fn write_tree(plan: &Plan, root: &Path, mut progress: impl FnMut(&Progress)) -> Result<Progress, TreeError> {
    let files = plan.files();
    let mut so_far = Progress { files_total: wide(files.len()), ..Progress::default() };
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX);
    let files = Mutex::new(files);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let sender = sender.clone();
            scope.spawn(|| write_files(&files, root, sender));
        }
        drop(sender);
        // Leaving early drops the receiver, which stops the workers at their next file.
        for result in results {
            so_far.add(&result?);
            progress(&so_far);
        }
        Ok(so_far)
    })
}

/// Writes one file after another until there is none or nobody listens.
fn write_files(files: &Mutex<Files>, root: &Path, results: Sender<Result<SampleTotals, TreeError>>) {
    loop {
        // A poisoned lock means that another worker panicked: the scope passes that on.
        let Some(sample) = files.lock().ok().and_then(|mut files| files.next()) else { return };
        if results.send(write_file(&sample, root)).is_err() {
            return;
        }
    }
}

fn write_file(sample: &SampleFile, root: &Path) -> Result<SampleTotals, TreeError> {
    let path = root.join(&sample.relative_path);
    let parent = path.parent().unwrap_or(root);
    create_folders(parent).map_err(failed("create folder", parent))?;
    let file = create_file(&path).map_err(failed("create", &path))?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    let totals = sample.write_to(&mut out).map_err(failed("write", &path))?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error).map_err(failed("write", &path))?;
    file.set_modified(totals.modified).map_err(failed("set the time of", &path))?;
    Ok(totals)
}

impl Progress {
    fn add(&mut self, totals: &SampleTotals) {
        self.files += 1;
        self.lines += totals.lines;
        self.bytes += totals.bytes;
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TreeError {
    let path = path.to_owned();
    move |source| TreeError { operation, path, source }
}

fn create_folders(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
