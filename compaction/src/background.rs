//! The background worker: one thread at the lowest priority that seals what has become much and merges what has become
//! many, in bounded steps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use threadlog_engine::fs::Fs;
use threadlog_engine::{Clock, Engine, Error as EngineError, Owner, SegmentId, Sequence};

use crate::compact::{Avoid, Extent, compact};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::maintenance::Maintenance;
use crate::report::Written;
use crate::rules::{Rules, Watch};
use crate::seal::seal_journal;

/// Gives the rules of the moment; asked before each piece of work.
pub type RulesOfNow = Box<dyn Fn() -> Arc<dyn Rules> + Send>;

/// What the worker has done and met since it began.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Done {
    /// What was written and given back.
    pub written: Written,
    /// Pieces of work that were finished.
    pub steps: u64,
    /// How often somebody else was at work.
    pub busy: u64,
    /// Who that was, the last time.
    pub busy_with: Option<Owner>,
    /// What went wrong last, and was let go: it is tried again after a pause that grows.
    pub error: Option<Error>,
    /// Segments that are left alone because they are damaged.
    pub damaged: Avoid,
}

/// The worker. Dropped, it stops; whoever closes the engine stops it before.
pub struct Background {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    nudged: bool,
    done: Done,
}

impl Watch for Shared {
    fn stop(&self) -> bool {
        self.state.lock().stopped
    }
}

/// Longest pause after failures, in pauses.
const PAUSES_MAX: u32 = 256;

impl Background {
    /// Starts it. It looks at the hot segments of all journals every [`Config::pause_ms`] and seals those of one that has
    /// left [`Config::hot_bytes`] or more behind, or that nobody added to for [`Config::idle_ms`]; after that it merges what is due.
    ///
    /// The path of an append never waits for it, but both use the disk.
    ///
    /// # Errors
    /// [`Error::Config`]; [`Error::Engine`] if there can be no further thread.
    pub fn start(
        engine: Engine,
        fs: Arc<dyn Fs>,
        root: &Path,
        client: &str,
        clock: Arc<dyn Clock>,
        config: Config,
        rules: RulesOfNow,
    ) -> Result<Background> {
        config.validate()?;
        let shared = Arc::new(Shared { state: Mutex::default(), wake: Condvar::new() });
        let worker = Worker {
            shared: Arc::clone(&shared),
            engine,
            fs,
            root: root.to_owned(),
            client: client.to_owned(),
            clock,
            config,
            rules,
            seen: BTreeMap::new(),
            fruitless: BTreeMap::new(),
            avoid: Avoid::new(),
        };
        let thread = std::thread::Builder::new().name("threadlog-seal".to_owned());
        let thread = thread.spawn(move || worker.run());
        let thread = thread.map_err(|error| EngineError::io("start a thread for", root, error))?;
        Ok(Background { shared, thread: Some(thread) })
    }

    /// Lets it look now.
    pub fn nudge(&self) {
        self.shared.state.lock().nudged = true;
        self.shared.wake.notify_all();
    }

    /// What it has done so far.
    #[must_use]
    pub fn done(&self) -> Done {
        self.shared.state.lock().done.clone()
    }

    /// Stops it, and waits until it has: a piece of work that was begun is given up, and nothing of it is left.
    pub fn stop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread of ours does not panic; if it did, it did not finish its work, and that is all.
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a look at a journal's hot segments found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hot {
    /// Of segments that are written no more.
    left_bytes: u64,
    /// Of all.
    bytes: u64,
    last: Option<SegmentId>,
    /// Of the own journal: how far it is durable, and whether some of that is not sealed.
    mark: Sequence,
    unsealed: bool,
}

struct Worker {
    shared: Arc<Shared>,
    engine: Engine,
    fs: Arc<dyn Fs>,
    root: std::path::PathBuf,
    client: String,
    clock: Arc<dyn Clock>,
    config: Config,
    rules: RulesOfNow,
    /// By journal: what was found, and since when it is so.
    seen: BTreeMap<u32, (Hot, u64)>,
    /// By journal: how much had been left when nothing of it could be sealed, and when that was tried.
    fruitless: BTreeMap<u32, (u64, u64)>,
    avoid: Avoid,
}

impl Worker {
    fn run(mut self) {
        lower_priority();
        let mut pauses = 1;
        while self.wait(pauses) {
            pauses = match self.look() {
                Ok(()) | Err(Error::Stopped) => 1,
                Err(error) => {
                    self.shared.state.lock().done.error = Some(error);
                    pauses.saturating_mul(2).min(PAUSES_MAX)
                }
            };
        }
    }

    /// Waits; `false` when it is to stop.
    fn wait(&self, pauses: u32) -> bool {
        let mut state = self.shared.state.lock();
        if !state.stopped && !state.nudged {
            let pause = Duration::from_millis(self.config.pause_ms).saturating_mul(pauses);
            self.shared.wake.wait_for(&mut state, pause);
        }
        state.nudged = false;
        !state.stopped
    }

    /// One look, and the work that is due.
    fn look(&mut self) -> Result<()> {
        let due = self.due()?;
        if due.is_empty() {
            return Ok(());
        }
        let taken = Maintenance::take(&self.fs, &self.root, self.engine.store_id(), &self.client, &self.clock);
        let mut maintenance = match taken {
            Err(Error::Busy { owner }) => {
                let mut state = self.shared.state.lock();
                state.done.busy = state.done.busy.saturating_add(1);
                state.done.busy_with = Some(*owner);
                return Ok(());
            }
            taken => taken?,
        };
        let rules = (self.rules)();
        let config = Config { jobs: 1, ..self.config.clone() };
        for (journal, idle) in due {
            if idle && journal == self.engine.journal() {
                self.engine.end_segment()?;
            }
            let mut fruitless = true;
            while let Some(written) =
                seal_journal(&mut maintenance, &self.engine, journal, &*rules, &config, &*self.shared)?
            {
                fruitless = false;
                self.note(&written);
            }
            if !fruitless {
                self.fruitless.remove(&journal);
            } else if let Some((hot, _)) = self.seen.get(&journal) {
                self.fruitless.insert(journal, (hot.left_bytes, self.clock.ticks_ms()));
            }
        }
        loop {
            let engine = &self.engine;
            let renew = &mut || {
                engine.renew_sealed()?;
                Ok(())
            };
            let avoid = &mut self.avoid;
            let written = compact(&mut maintenance, Extent::Due, &*rules, &config, &*self.shared, avoid, renew)?;
            if written.files_replaced == 0 {
                rules.finished(&maintenance, &*self.shared);
                return Ok(());
            }
            self.note(&written);
        }
    }

    fn note(&self, written: &Written) {
        let mut state = self.shared.state.lock();
        state.done.written.add(written);
        state.done.steps = state.done.steps.saturating_add(1);
        state.done.error = None;
        state.done.damaged.clone_from(&self.avoid);
    }

    /// The journals that are to be sealed, and whether for their idleness.
    fn due(&mut self) -> Result<Vec<(u32, bool)>> {
        let now = self.clock.ticks_ms();
        let own = self.engine.journal();
        let mut due = Vec::new();
        for journal in self.journals()? {
            let hot = self.hot(journal)?;
            let (before, since) = self.seen.get(&journal).copied().unwrap_or((hot, now));
            let since = if before == hot { since } else { now };
            let has_records = if journal == own { hot.unsealed } else { hot.bytes > 0 };
            let idle = has_records && now.saturating_sub(since) >= self.config.idle_ms;
            // What cannot be sealed now (others write it) is not tried again at each look.
            self.seen.insert(journal, (hot, if idle { now } else { since }));
            // Nor what is damaged, before more has come or a good while has passed.
            let (config, tried) = (&self.config, self.fruitless.get(&journal));
            let worth_it = tried.is_none_or(|(bytes, at)| {
                hot.left_bytes >= bytes.saturating_add(config.hot_bytes) || now.saturating_sub(*at) >= config.idle_ms
            });
            if (hot.left_bytes >= self.config.hot_bytes && worth_it) || idle {
                due.push((journal, idle));
            }
        }
        Ok(due)
    }

    fn journals(&self) -> Result<Vec<u32>> {
        let directory = self.root.join("journals");
        let entries = self.fs.read_dir(&directory).map_err(|error| EngineError::io("list", &directory, error))?;
        let mut journals: Vec<u32> = entries.iter().filter_map(|entry| entry.name.parse().ok()).collect();
        journals.sort_unstable();
        Ok(journals)
    }

    fn hot(&self, journal: u32) -> Result<Hot> {
        let directory = self.root.join("journals").join(format!("{journal:03}"));
        let entries = match self.fs.read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Hot::default()),
            entries => entries.map_err(|error| EngineError::io("list", &directory, error))?,
        };
        let mut segments: Vec<(SegmentId, u64)> =
            entries.iter().filter_map(|entry| Some((SegmentId::parse(&entry.name)?, entry.bytes))).collect();
        segments.sort_unstable();
        let sum = |segments: &[(SegmentId, u64)]| segments.iter().map(|(_, bytes)| *bytes).sum();
        let left = segments.get(..segments.len().saturating_sub(WRITTEN_SEGMENTS)).unwrap_or_default();
        let mut hot = Hot {
            left_bytes: sum(left),
            bytes: sum(&segments),
            last: segments.last().map(|last| last.0),
            ..Hot::default()
        };
        if journal == self.engine.journal() {
            hot.mark = self.engine.durable_mark();
            hot.unsealed = self.engine.sealed().base(journal).is_none_or(|base| base.upto < hot.mark) && hot.mark.0 > 0;
        }
        Ok(hot)
    }
}

/// The last segments of a journal: the one that is written, and the one that is prepared, both longer than what is in them.
const WRITTEN_SEGMENTS: usize = 2;

/// Everybody else first, where the system lets a thread say so.
fn lower_priority() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // There a thread has a priority of its own. That it cannot be lowered costs others a little time.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
    }
}

#[cfg(test)]
#[path = "background_tests.rs"]
mod tests;
