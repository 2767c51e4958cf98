//! `threadlog gen`: realistic rollout files from a seed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use threadlog_sample::{History, Images, Plan};

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
    /// Also a thread that repeats so many images in each of its compactions, and forks of it (57 with the numbers below:
    /// the worst case that users of such files reported, some 4.5 GB)
    #[arg(long, value_name = "N")]
    pub images: Option<u32>,
    /// Bytes of each image, as a data URL
    #[arg(long, value_name = "BYTES", default_value_t = Images::default().image_bytes, requires = "images")]
    pub image_bytes: u32,
    /// How many compactions that thread has, each with all images
    #[arg(long, value_name = "N", default_value_t = Images::default().compactions, requires = "images")]
    pub compactions: u32,
    /// How many forks of it, each with a copy of the last compaction
    #[arg(long, value_name = "N", default_value_t = Images::default().forks, requires = "images")]
    pub forks: u32,
    /// Also a thread of exactly so many lines
    #[arg(long, value_name = "LINES")]
    pub history: Option<u32>,
    /// Bytes of each of its lines, at least 400
    #[arg(long, value_name = "BYTES", default_value_t = 1024, requires = "history")]
    pub history_bytes: u32,
    /// The folder to write to, made if missing; nothing in it is overwritten
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Runs `gen`.
pub fn run(arguments: &Gen, out: &mut Output) -> Result<Exit, Failure> {
    let Gen { threads, items, seed, image_bytes, compactions, forks, .. } = *arguments;
    let images = arguments.images.map(|images| Images { images, image_bytes, compactions, forks });
    let history = arguments.history.map(|items| History { items, bytes: arguments.history_bytes });
    let plan = Plan { threads, items, seed, images, history, ..Plan::default() };
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
