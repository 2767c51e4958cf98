//! The story of one thread, told line by line.

mod bare;
mod calls;
mod opening;
mod request;
mod side;
mod turn;

pub(crate) use opening::message;

use std::io;

use crate::cast::{Cast, Origin, Setting};
use crate::clock::{Clock, Gap};
use crate::desk::Desk;
use crate::era::Era;
use crate::instructions::{self, Sort};
use crate::project::Project;
use crate::random::Random;
use crate::sink::{Sink, Stop};
use crate::text::Writer;
use crate::usage::Usage;

/// How a thread's tools are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shell {
    /// `shell_command` with a command line.
    #[default]
    Command,
    /// `exec_command`, with `write_stdin` into it.
    Exec,
    /// `exec`: a script that calls tools.
    Script,
}

/// How many paths the snapshots of a thread's working tree list; 0: it takes none.
type SnapshotPaths = u32;

/// What a thread does all along.
#[derive(Debug)]
struct Habits {
    shell: Shell,
    snapshot_paths: SnapshotPaths,
    /// Its session line is written again at most turns.
    announces: bool,
    /// Tool runs are reported as events too.
    reports: bool,
    /// Its reasoning is shown in summaries.
    summaries: bool,
    /// It searches the web.
    searches: bool,
    /// It is shown images.
    images: bool,
}

/// A thread being written.
struct Thread<'s, 'o> {
    setting: &'s Setting,
    cast: Cast,
    sink: &'s mut Sink<'o>,
    random: Random,
    clock: Clock,
    project: Project,
    desk: Desk,
    usage: Usage,
    habits: Habits,
    version: &'static str,
    model: &'static str,
    effort: &'static str,
    originator: (&'static str, &'static str),
    /// Number of its base instructions.
    base: u32,
    /// The oldest versions do not write theirs.
    base_text: Option<String>,
    mode_text: Option<String>,
    commit: String,
    /// The id of the turn under way.
    turn: String,
    turns: u32,
    /// Lines since the last compaction.
    since_compaction: u64,
    /// Payloads of the newest user messages: what a compaction keeps.
    kept: Vec<String>,
    children: Vec<u32>,
}

/// Writes the thread of `cast`; returns lines, bytes and the time of the newest line.
pub(crate) fn write(setting: &Setting, cast: &Cast, mut sink: Sink<'_>) -> io::Result<(u64, u64, u64)> {
    let result = Thread::new(setting, cast.clone(), &mut sink).tell();
    match result {
        Ok(()) | Err(Stop::Full) => Ok(sink.written()),
        Err(Stop::Io(error)) => Err(error),
    }
}

impl<'s, 'o> Thread<'s, 'o> {
    fn new(setting: &'s Setting, cast: Cast, sink: &'s mut Sink<'o>) -> Thread<'s, 'o> {
        let mut random = Random::new(setting.plan.seed, &[7, u64::from(cast.index)]);
        let era = cast.era;
        let (first, last) = instructions::base_numbers(era);
        let base = random.between(first, last);
        let seed = setting.plan.seed;
        let commit = format!("{:016x}{:016x}{:08x}", random.bits(), random.bits(), random.bits() >> 32);
        Thread {
            habits: habits(era, cast.rank, &mut random),
            version: era.version(&mut random),
            model: era.model(&mut random),
            effort: random.pick(&["medium", "medium", "high", "xhigh", "low"]),
            originator: era.originator(&mut random),
            base,
            base_text: (base > 0).then(|| instructions::base(seed, base)),
            mode_text: (era == Era::Late).then(|| instructions::text(seed, Sort::Mode, base % 2, 800)),
            usage: Usage::new(&mut random),
            clock: Clock::at(cast.start_ms),
            project: setting.open_project(cast.project),
            desk: Desk::new(cast.edition, &mut random),
            children: setting.children(cast.index),
            commit,
            random,
            setting,
            cast,
            sink,
            turn: String::new(),
            turns: 0,
            since_compaction: 0,
            kept: Vec::new(),
        }
    }

    fn tell(&mut self) -> Result<(), Stop> {
        if self.cast.era == Era::Bare {
            return self.tell_bare();
        }
        self.session_meta(true)?;
        match self.cast.origin {
            Origin::Fork(source) => self.copy(source)?,
            Origin::Root | Origin::Child(_) => self.opening()?,
        }
        while self.sink.left() > 0 {
            self.turn()?;
        }
        Ok(())
    }

    /// Copies the beginning of another thread, its own session line first, as forking does: same payloads, new times.
    fn copy(&mut self, source: u32) -> Result<(), Stop> {
        let source = self.setting.cast(source);
        let lines = (source.lines * 3 / 5).min(self.sink.left() / 2).max(1);
        self.clock.advance(3);
        let after = self.sink.begin_copy(lines, self.clock.ms());
        let result = Thread::new(self.setting, source, &mut *self.sink).tell();
        self.sink.end_copy(after);
        match result {
            Err(Stop::Io(error)) => Err(Stop::Io(error)),
            Ok(()) | Err(Stop::Full) => Ok(()),
        }
    }

    /// A text of this thread's language and project.
    fn compose(&mut self, write: impl FnOnce(Writer<'_>, &mut String, &mut Random)) -> String {
        let mut text = String::new();
        let writer = Writer { voice: self.cast.voice, names: &self.project.names };
        write(writer, &mut text, &mut self.random);
        text
    }

    fn pass(&mut self, gap: Gap) {
        self.clock.pass(gap, &mut self.random);
    }

    fn new_id(&mut self) -> String {
        let mut bytes = [0_u8; 10];
        self.random.fill(&mut bytes);
        uuid::Builder::from_unix_timestamp_millis(self.clock.ms(), &bytes).into_uuid().to_string()
    }

    fn call_id(&mut self) -> String {
        let mut id = "call_".to_owned();
        crate::base64::letters(&mut id, &mut self.random, 24);
        id
    }
}

fn habits(era: Era, rank: u64, random: &mut Random) -> Habits {
    let late = era == Era::Late;
    // By length, not by chance: so each shell gets its share of lines too.
    let shell = match (era, rank % 15) {
        (Era::Middle, 0..9) => Shell::Exec,
        (Era::Late, 3 | 10) => Shell::Script,
        (Era::Late, 6) => Shell::Exec,
        _ => Shell::Command,
    };
    let snapshot_paths = match (era, random.below(1000)) {
        (Era::Early, 0..14) => 8_500,
        (Era::Early, 14..115) => 190,
        _ => 0,
    };
    Habits {
        shell,
        snapshot_paths,
        announces: late && random.chance(840),
        reports: era == Era::Middle && random.chance(90),
        summaries: random.chance(if era == Era::Early { 860 } else { 220 }),
        searches: random.chance(70),
        images: random.chance(35),
    }
}
