//! The processes that write on one disk, and what they do.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use threadlog_engine::fs::sim::{Choice, Fault, SimFs};
use threadlog_engine::{Batch, Config, Engine, Error, ReadLog};

use super::deed::{Deed, STREAMS};
use crate::proof::content::{Line, stream};
use crate::proof::invariants::{Checked, I5, I9, I10, Violation};
use crate::proof::pieces::Pieces;
use crate::proof::probe::{Probe, Recorder};
use crate::proof::world::{HandClock, ROOT, config};

/// Journals are told apart by the last digit of a life in this base.
const JOURNALS: u64 = 16;

/// A process that writes, or could.
pub struct Writer {
    pub(super) probe: Probe,
    pub(super) engine: Option<Engine>,
    /// Its life now: another after each failed write, and in each journal.
    pub(super) life: u64,
    /// All lives of its engine.
    pub(super) lives: Vec<u64>,
    /// What it must show of each stream: what was sure when it looked at the others last.
    pub(super) known: Vec<Vec<u64>>,
    failed_writes: u64,
    /// What a failed sync is answered with, and deeds since.
    poisoned: Option<(String, u8)>,
}

/// A stream, and who writes it.
#[derive(Default)]
pub struct Stream {
    pub(super) pieces: Pieces<Line>,
    holder: Option<usize>,
}

/// A disk and its writers.
pub struct Yard {
    pub(super) disk: SimFs,
    recorder: Recorder,
    clock: Arc<HandClock>,
    segment_bytes: u64,
    pub(super) writers: Vec<Writer>,
    pub(super) streams: Vec<Stream>,
    /// Every line that was ever appended, by its print.
    pub(super) lines: HashMap<u64, Line>,
    /// Batches over two streams.
    pub(super) pairs: Vec<(u64, [usize; 2])>,
    numbers: u64,
    faults_before: u64,
    bounded: bool,
    planned: Option<(u64, Fault)>,
}

impl Yard {
    /// A machine with a disk of this seed and so many processes, nothing opened.
    pub fn new(seed: u64, segment_bytes: u64, writers: usize, recorder: Recorder) -> Yard {
        let disk = SimFs::new(seed);
        let writer = |_| Writer {
            probe: Probe::new(disk.clone(), recorder.clone()),
            engine: None,
            life: 0,
            lives: Vec::new(),
            known: vec![Vec::new(); STREAMS as usize],
            failed_writes: 0,
            poisoned: None,
        };
        Yard {
            writers: (0..writers).map(writer).collect(),
            disk,
            recorder,
            clock: Arc::default(),
            segment_bytes,
            streams: (0..STREAMS).map(|_| Stream::default()).collect(),
            lines: HashMap::new(),
            pairs: Vec::new(),
            numbers: 0,
            faults_before: 0,
            bounded: false,
            planned: None,
        }
    }

    /// Does a deed, and checks what it shows.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn apply(&mut self, who: usize, deed: Deed) -> Checked {
        let who = who % self.writers.len();
        self.faults_before = self.disk.faults_fired();
        self.mend(who)?;
        match deed {
            Deed::Append(at, bytes) => {
                self.take(who, at.into())?;
                self.append(who, &[at.into()], bytes.into())
            }
            Deed::Both(one, other) if one != other => self.append(who, &[one.into(), other.into()], 300),
            Deed::Both(..) => Ok(()),
            Deed::Take(at) => self.take(who, at.into()),
            Deed::Sync => self.sync(who),
            Deed::Tick(ms) => self.tick(who, ms.into()),
            Deed::Spare => self.spare(who),
            Deed::Refresh => self.refresh(who).map(drop),
            Deed::Read => self.read(who),
            Deed::Look => self.look(),
            Deed::Close => self.close(who).and_then(|()| self.open(who)),
            Deed::Die => self.die(who).and_then(|()| self.open(who)),
            Deed::Kill => self.machine(who, self.disk.kill()),
            Deed::PowerCut => self.machine(who, self.disk.crash(&Choice::LoseAll)),
            Deed::Crash(seed) => self.machine(who, self.disk.crash(&Choice::Sample(seed))),
            Deed::Fault(calls, fault) => {
                self.planned = Some((self.disk.calls() + 1 + u64::from(calls), fault));
                self.disk.fail_call(self.disk.calls() + 1 + u64::from(calls), fault);
                Ok(())
            }
            Deed::Full(room) => {
                self.disk.set_capacity(Some(self.disk.used_blocks() + u64::from(room)));
                self.bounded = true;
                Ok(())
            }
            Deed::Room => {
                self.disk.set_capacity(None);
                self.bounded = false;
                Ok(())
            }
        }
        .map_err(|broken| broken.after(format!("{deed:?} of process {who}")))
    }

    /// The disk is well again.
    pub fn heal(&mut self) {
        self.planned = None;
        self.disk.clear_faults();
        self.disk.set_capacity(None);
        self.bounded = false;
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn met_fault(&self) -> bool {
        self.disk.faults_fired() > self.faults_before || self.bounded
    }

    fn had_faults(&self) -> bool {
        self.disk.faults_fired() > 0 || self.bounded
    }

    // --- opening and ending ----------------------------------------------

    /// The engine of a process, opened if it is not; `None` if a fault keeps it from opening.
    pub(super) fn engine(&mut self, who: usize) -> Checked<Option<Engine>> {
        if self.writers[who].engine.is_none() {
            self.open(who)?;
        }
        Ok(self.writers[who].engine.clone())
    }

    /// Opens a process's engine: it claims a free journal, whoever had it before.
    pub fn open(&mut self, who: usize) -> Checked {
        let journals_max = self.writers.len() as u32;
        let config = Config { journals_max, ..config(self.segment_bytes, &self.clock) };
        match Engine::open(Arc::new(self.writers[who].probe.clone()), Path::new(ROOT), config) {
            Ok(engine) => {
                let journal = u64::from(engine.journal());
                if self
                    .writers
                    .iter()
                    .flat_map(|other| &other.engine)
                    .any(|other| u64::from(other.journal()) == journal)
                {
                    return Err(Violation::new(I9, format!("two processes write journal {journal}")));
                }
                let writer = &mut self.writers[who];
                (writer.engine, writer.poisoned, writer.failed_writes) = (Some(engine), None, 0);
                writer.lives.clear();
                self.live_on(who, journal);
                self.know(who);
                self.read(who).map_err(|broken| broken.after("opening"))?;
                self.settle();
                Ok(())
            }
            Err(error) => self.refused(who, &error),
        }
    }

    fn live_on(&mut self, who: usize, journal: u64) {
        let life = self.number() * JOURNALS + journal;
        self.writers[who].life = life;
        self.writers[who].lives.push(life);
    }

    /// Once every journal has been claimed, all that dead writers left is decided.
    fn settle(&mut self) {
        if self.met_fault() || self.writers.iter().any(|writer| writer.engine.is_none()) {
            return;
        }
        let may_return = self.had_faults();
        let lives: Vec<u64> = self.writers.iter().flat_map(|writer| writer.lives.iter().copied()).collect();
        for stream in &mut self.streams {
            stream.pieces.settle(may_return, |life| !lives.contains(&life));
        }
    }

    /// After a failed sync a program opens anew, not at once.
    fn mend(&mut self, who: usize) -> Checked {
        let waited = self.writers[who].poisoned.as_mut().map(|(_, deeds)| {
            *deeds += 1;
            *deeds
        });
        if waited > Some(3) { self.close(who).and_then(|()| self.open(who)) } else { Ok(()) }
    }

    fn close(&mut self, who: usize) -> Checked {
        let Some(engine) = self.writers[who].engine.clone() else { return Ok(()) };
        let target = self.target(who);
        let closed = engine.close();
        self.observe(who)?;
        match closed {
            Ok(()) => self.hold(&target),
            Err(error) => self.refused(who, &error)?,
        }
        self.left(who);
        Ok(())
    }

    /// A process dies alone: its locks are free, what it wrote is in the page cache.
    fn die(&mut self, who: usize) -> Checked {
        self.writers[who].probe.kill();
        self.left(who);
        self.writers[who].probe = Probe::new(self.disk.clone(), self.recorder.clone());
        Ok(())
    }

    fn left(&mut self, who: usize) {
        let writer = &mut self.writers[who];
        (writer.engine, writer.poisoned) = (None, None);
        for stream in self.streams.iter_mut().filter(|stream| stream.holder == Some(who)) {
            stream.holder = None;
        }
    }

    fn machine(&mut self, who: usize, next: SimFs) -> Checked {
        let calls = self.disk.calls();
        self.disk = next;
        for process in 0..self.writers.len() {
            self.die(process)?;
        }
        self.faults_before = 0;
        self.planned = self.planned.and_then(|(number, fault)| Some((number.checked_sub(calls)?, fault)));
        if let Some((number, fault)) = self.planned.filter(|(number, _)| *number > 0) {
            self.disk.fail_call(number, fault);
        }
        self.open(who)
    }

    // --- writing ---------------------------------------------------------

    /// Takes a stream over if all of it is settled and this writer sees it.
    fn take(&mut self, who: usize, at: usize) -> Checked {
        let settled = self.streams[at].pieces.0.iter().all(|piece| piece.sure);
        if self.streams[at].holder == Some(who) || !settled || !self.refresh(who)? {
            return Ok(());
        }
        let Some(engine) = self.engine(who)? else { return Ok(()) };
        let lines: u64 = self.streams[at].pieces.0.iter().map(|piece| piece.lines.len() as u64).sum();
        let head = engine.head(&stream(at as u8)).map_or((0, 0), |head| (head.durable_ordinal, head.next_ordinal));
        if head != (lines, lines) {
            return Err(Violation::new(
                I5,
                format!("stream {at} has {lines} records, its next writer's head says {head:?}"),
            ));
        }
        self.streams[at].holder = Some(who);
        Ok(())
    }

    fn append(&mut self, who: usize, streams: &[usize], bytes: usize) -> Checked {
        let Some(engine) = self.engine(who)? else { return Ok(()) };
        let mine: Vec<usize> = streams.iter().copied().filter(|at| self.streams[*at].holder == Some(who)).collect();
        let mut batch = Batch::new();
        let mut sent = Vec::new();
        for at in &mine {
            let next = engine.head(&stream(*at as u8)).map_or(0, |head| head.next_ordinal);
            let line = Line::new(*at as u8, next, self.number(), bytes);
            let payload = line.payload();
            batch.push(line.new_record(&payload)).map_err(|error| Violation::new(I9, format!("batch: {error}")))?;
            self.lines.insert(line.print, line);
            sent.push((*at, line));
        }
        if mine.is_empty() {
            return Ok(());
        }
        let appended = engine.append(batch);
        let failed = self.observe(who)?;
        match appended {
            Ok(_) if self.writers[who].poisoned.is_some() => {
                Err(Violation::new(I9, "an append was taken after a failed sync"))
            }
            Ok(_) => {
                let (id, life) = (self.number(), self.writers[who].life);
                for (at, line) in sent {
                    self.streams[at].pieces.give(id, life, vec![line]);
                }
                if let [one, other] = mine[..] {
                    self.pairs.push((id, [one, other]));
                }
                Ok(())
            }
            Err(Error::WrongOrdinal { .. }) if failed => Ok(()),
            Err(error) => self.refused(who, &error),
        }
    }

    /// What a sync of this writer makes durable.
    fn target(&self, who: usize) -> Vec<u64> {
        let life = self.writers[who].life;
        let pieces = self.streams.iter().flat_map(|stream| &stream.pieces.0);
        pieces.filter(|piece| piece.life == life && !piece.sure).map(|piece| piece.id).collect()
    }

    /// The writer was told that these are durable; nothing that it gave up before can return.
    fn hold(&mut self, target: &[u64]) {
        let lives: Vec<u64> = self
            .streams
            .iter()
            .flat_map(|stream| &stream.pieces.0)
            .filter(|piece| target.contains(&piece.id))
            .map(|piece| piece.life)
            .collect();
        for stream in &mut self.streams {
            stream.pieces.hold(target);
            stream.pieces.lay_ghosts(|life| lives.iter().any(|held| held % JOURNALS == life % JOURNALS));
        }
    }

    fn sync(&mut self, who: usize) -> Checked {
        let Some(engine) = self.engine(who)? else { return Ok(()) };
        let target = self.target(who);
        let (poisoned, mark) = (self.writers[who].poisoned.is_some(), engine.durable_mark());
        let synced = engine.sync(engine.barrier());
        self.observe(who)?;
        match synced {
            // What was durable before that is, and nobody had asked.
            Ok(()) if poisoned && engine.durable_mark() > mark => {
                Err(Violation::new(I10, "after a failed sync records are said to be durable"))
            }
            Ok(()) => {
                self.hold(&target);
                Ok(())
            }
            Err(error) => self.refused(who, &error),
        }
    }

    fn tick(&mut self, who: usize, ms: u64) -> Checked {
        let Some(engine) = self.engine(who)? else { return Ok(()) };
        self.clock.advance(ms);
        engine.tick();
        self.observe(who).map(drop)
    }

    fn spare(&mut self, who: usize) -> Checked {
        let Some(engine) = self.engine(who)? else { return Ok(()) };
        match engine.prepare_spare() {
            Ok(_) => Ok(()),
            Err(error) => self.refused(who, &error),
        }
    }

    /// Notes a write that failed: the writer gave up all that was not durable. Until something is acknowledged after it,
    /// a power cut may bring that back.
    fn observe(&mut self, who: usize) -> Checked<bool> {
        let Some(engine) = self.writers[who].engine.clone() else { return Ok(false) };
        let failed = engine.stats().failed_writes;
        if failed == self.writers[who].failed_writes {
            return Ok(false);
        }
        self.writers[who].failed_writes = failed;
        if !self.met_fault() {
            return Err(Violation::new(I9, "a write failed that was not told to"));
        }
        // What became durable before it did is read first.
        self.read(who)?;
        let life = self.writers[who].life;
        for stream in &mut self.streams {
            stream.pieces.settle(true, |ended| ended == life);
        }
        self.live_on(who, u64::from(engine.journal()));
        Ok(true)
    }

    /// An operation said no. It must have a reason, and say the same for ever after a failed sync.
    pub(super) fn refused(&mut self, who: usize, error: &Error) -> Checked {
        let said = error.to_string();
        let wrong = |what: String| Err(Violation::new(I9, what));
        match (error, &self.writers[who].poisoned) {
            (Error::Poisoned { .. }, None) if self.had_faults() => {
                self.writers[who].poisoned = Some((said, 0));
                Ok(())
            }
            (Error::Poisoned { .. }, Some((first, _))) if *first == said => Ok(()),
            (_, Some((first, _))) if !self.met_fault() => wrong(format!("first \"{first}\", then \"{said}\"")),
            (Error::WriteFailed { .. } | Error::Io { .. }, _) if self.met_fault() => Ok(()),
            (Error::WriteFailed { .. }, _) if self.had_faults() => Ok(()),
            _ => wrong(format!("refused without a cause: {said}")),
        }
    }
}
