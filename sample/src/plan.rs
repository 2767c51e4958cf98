//! What to generate, and the files of it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::cast::{Cast, Setting};
use crate::clock;
use crate::era::Era;
use crate::fixture;
use crate::project::clock_zone;
use crate::sink::Sink;
use crate::thread;

/// A sample: the same plan gives the same bytes on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Threads, each a file. Default 100.
    pub threads: u32,
    /// Mean lines per thread; their lengths spread as those of real threads do, the median at half the mean. The lines
    /// of all threads add up to `threads * items`, give or take one per thread. Default 188.
    pub items: u32,
    /// Where all chance comes from. Default 1.
    pub seed: u64,
    /// Of 100 threads, how many are in the format of before October 2025, whose lines have no envelope; they are the
    /// oldest ones. Above 100 counts as 100. Default 0; 17 in the measured corpus.
    pub legacy_percent: u32,
    /// Adds a thread that repeats its images, and forks of it. Default none.
    pub images: Option<Images>,
    /// Adds a thread of an exact size. Default none.
    pub history: Option<History>,
}

/// A thread whose images are copied by every compaction and every fork: [`Images::default`] is the worst case reported
/// by users of such stores, some 4.5 GB that hold 3.5 MB of distinct images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Images {
    /// Distinct images. Default 57.
    pub images: u32,
    /// Bytes of each, as a data URL. Default 64,000.
    pub image_bytes: u32,
    /// Compactions, each with all images in its replacement history. Default 1,052.
    pub compactions: u32,
    /// Forks, each a file of its own that begins with a copy of the last compaction. Default 169.
    pub forks: u32,
}

impl Default for Images {
    fn default() -> Images {
        Images { images: 57, image_bytes: 64_000, compactions: 1_052, forks: 169 }
    }
}

/// A thread of exactly `items` lines of exactly `bytes` bytes each, line ends included; zstd makes it 3.5 to 5 times
/// smaller in blocks of 64 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Lines, the session's first one included.
    pub items: u32,
    /// Bytes per line. At least 400; less counts as 400.
    pub bytes: u32,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { threads: 100, items: 188, seed: 1, legacy_percent: 0, images: None, history: None }
    }
}

impl Plan {
    /// The files, in order of time; those of `images` and `history` last. Costs a few nanoseconds per thread before the
    /// first one.
    pub fn files(&self) -> Files {
        let fixtures = self
            .images
            .map_or(0, |images| images.forks.saturating_add(1))
            .saturating_add(u32::from(self.history.is_some()));
        Files { setting: Arc::new(Setting::new(self.clone())), next: 0, end: self.threads.saturating_add(fixtures) }
    }
}

/// The files of a plan.
#[derive(Debug, Clone)]
pub struct Files {
    setting: Arc<Setting>,
    next: u32,
    end: u32,
}

impl Iterator for Files {
    type Item = SampleFile;

    fn next(&mut self) -> Option<SampleFile> {
        if self.next >= self.end {
            return None;
        }
        let number = self.next;
        self.next += 1;
        Some(SampleFile::new(Arc::clone(&self.setting), number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = crate::random::size(self.end - self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Files {}

/// What fills a file.
#[derive(Debug, Clone)]
enum Content {
    Thread(Cast),
    Images(fixture::Branch),
    History(History),
}

/// A file of a sample, not yet generated.
#[derive(Debug, Clone)]
pub struct SampleFile {
    /// Where it belongs below the sample's root, with `/`: `sessions/2026/01/30/rollout-….jsonl` or
    /// `archived_sessions/rollout-….jsonl`.
    pub relative_path: String,
    /// The thread's id, as in the name.
    pub thread: uuid::Uuid,
    /// When the thread was started.
    pub created: SystemTime,
    setting: Arc<Setting>,
    content: Content,
}

/// What was written of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleTotals {
    /// Lines.
    pub lines: u64,
    /// Bytes, line ends included.
    pub bytes: u64,
    /// The time of the newest line: what the file's modification time would be.
    pub modified: SystemTime,
}

impl SampleFile {
    fn new(setting: Arc<Setting>, number: u32) -> SampleFile {
        let plan = &setting.plan;
        let threads = plan.threads;
        let image_files = plan.images.map_or(0, |images| images.forks.saturating_add(1));
        if let Some(images) = plan.images
            && number >= threads
            && number - threads < image_files
        {
            let branch = fixture::Branch::new(plan.seed, images, number - threads);
            return SampleFile::fixture(setting, branch.id, branch.start_ms, Content::Images(branch));
        }
        if let Some(history) = plan.history
            && number >= threads
        {
            let (id, start_ms) = fixture::history_identity(plan.seed);
            return SampleFile::fixture(setting, id, start_ms, Content::History(history));
        }
        let cast = setting.cast(number);
        let (offset, _) = clock_zone(plan.seed, cast.project, cast.voice);
        let (folder, time) = clock::file_time(cast.start_ms, offset);
        let relative_path = match cast.archived {
            true => format!("archived_sessions/rollout-{time}-{}.jsonl", cast.id),
            false => format!("sessions/{folder}/rollout-{time}-{}.jsonl", cast.id),
        };
        SampleFile {
            relative_path,
            thread: cast.id,
            created: system_time(cast.start_ms),
            setting,
            content: Content::Thread(cast),
        }
    }

    fn fixture(setting: Arc<Setting>, thread: uuid::Uuid, start_ms: u64, content: Content) -> SampleFile {
        let (folder, time) = clock::file_time(start_ms, 0);
        let relative_path = format!("sessions/{folder}/rollout-{time}-{thread}.jsonl");
        SampleFile { relative_path, thread, created: system_time(start_ms), setting, content }
    }

    /// True when the file's lines have no envelope.
    pub fn is_legacy(&self) -> bool {
        matches!(&self.content, Content::Thread(cast) if cast.era == Era::Bare)
    }

    /// Generates the file, line by line, in a few megabytes of memory whatever its size. `out` is written to once per
    /// line: give it a buffer.
    ///
    /// # Errors
    /// Those of `out`; what was written by then stays.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<SampleTotals> {
        let (lines, bytes, newest_ms) = match &self.content {
            Content::Thread(cast) => thread::write(&self.setting, cast, Sink::new(out, cast.lines))?,
            Content::Images(branch) => fixture::write_images(branch, Sink::new(out, u64::MAX))?,
            Content::History(history) => {
                fixture::write_history(self.setting.plan.seed, *history, Sink::new(out, u64::MAX))?
            }
        };
        Ok(SampleTotals { lines, bytes, modified: system_time(newest_ms) })
    }
}

fn system_time(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}
